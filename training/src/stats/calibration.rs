//! Honest probabilities: isotonic regression, lines through log-odds, and how far predictions are from what happens.

use super::logistic::{self, Observations, Prior};

/// The non-decreasing sequence nearest to `values` in squares weighted by `weights` (Ayer et al., 1955).
///
/// linfa's isotonic regression joins the *ends* of its blocks by lines, which lowers every wide block by half a step; the
/// probabilities of rare purchases are made of wide blocks.
pub fn pool_adjacent_violators(values: &[f64], weights: &[usize]) -> Vec<f64> {
    // Mean, weight and number of values of each block.
    let mut blocks: Vec<(f64, usize, usize)> = Vec::new();
    for (value, weight) in values.iter().zip(weights) {
        let mut block = (*value, (*weight).max(1), 1usize);
        while let Some((before, n, count)) = blocks.last().copied().filter(|b| b.0 > block.0) {
            blocks.pop();
            let total = n + block.1;
            let mean = (before * n as f64 + block.0 * block.1 as f64) / total as f64;
            block = (mean, total, count + block.2);
        }
        blocks.push(block);
    }
    blocks
        .into_iter()
        .flat_map(|(value, _, count)| std::iter::repeat_n(value, count))
        .collect()
}

/// Log-odds beyond which one row says no more: two in a million.
const MOST_LOG_ODDS: f64 = 13.0;

/// Scale and shift of the log-odds `said` with the highest likelihood of what came true (share and weight of each), drawn
/// towards (1, 0) with the weight of `prior` rows; (1, 0) where the order would turn round.
pub fn line(said: &[f64], came: &[(f64, f64)], prior: f64) -> (f64, f64) {
    let mut rows = Observations::default();
    for (said, (label, weight)) in said.iter().zip(came) {
        let raw = said.clamp(-MOST_LOG_ODDS, MOST_LOG_ODDS);
        rows.push([(0, raw), (1, 1.0)], *label, *weight);
    }
    let priors = [Prior::normal(1.0, prior), Prior::normal(0.0, prior)];
    match logistic::fit(&rows, &priors).as_deref() {
        Ok([scale, shift]) if *scale > 0.05 => (*scale, *shift),
        _ => (1.0, 0.0),
    }
}

/// Probabilities `said` beside what `happened`, for [`calibration_error`].
pub fn paired(said: &[f64], happened: &[bool]) -> Vec<(f64, f64)> {
    let happened = happened.iter().map(|yes| f64::from(u8::from(*yes)));
    said.iter().copied().zip(happened).collect()
}

/// Expected calibration error of `predicted` against outcomes in ten bins of equal count.
pub fn calibration_error(predicted: &[(f64, f64)]) -> f64 {
    let mut sorted = predicted.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let n = sorted.len();
    if n == 0 {
        return 0.0;
    }
    let bins = n.min(10);
    (0..bins)
        .map(|b| {
            let bin = &sorted[b * n / bins..(b + 1) * n / bins];
            let gap: f64 = bin.iter().map(|(p, y)| p - y).sum();
            gap.abs() / n as f64
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violators_are_pooled() {
        let got = pool_adjacent_violators(&[1.0, 3.0, 2.0, 2.0, 5.0, 4.0], &[1; 6]);
        let third = 7.0 / 3.0;
        assert_eq!(got, [1.0, third, third, third, 4.5, 4.5]);
        let heavy = pool_adjacent_violators(&[5.0, 4.0], &[1, 3]);
        assert_eq!(heavy, [4.25, 4.25]);
        assert!(pool_adjacent_violators(&[], &[]).is_empty());
    }

    #[test]
    fn calibration_error_is_the_mean_gap() {
        assert_eq!(calibration_error(&[]), 0.0);
        assert!((calibration_error(&[(0.5, 1.0), (0.5, 0.0)]) - 0.5).abs() < 1e-9);
        let fair: Vec<(f64, f64)> = (0..1000).map(|i| (0.5, f64::from(i % 2))).collect();
        assert!(calibration_error(&fair) < 1e-9);
    }
}
