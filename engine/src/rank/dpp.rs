//! Diverse lists: greedy maximum a posteriori of a determinantal point process.
//!
//! L = Diag(q)·S·Diag(q) with quality q and similarity S. Each step takes the candidate that raises log det L most; an
//! incremental Cholesky factor makes a step linear in the candidates (Chen, Zhang & Zhou, NeurIPS 2018, algorithm 1).

/// Added to the diagonal of S so that equal products do not make it singular.
const JITTER: f32 = 1e-3;

/// Chooses `count` candidates in order.
///
/// `log_quality` per candidate (one that is not finite is never taken); `vector` gives unit vectors whose inner product is the similarity. A candidate without a vector
/// earns no diversity bonus: it counts as redundant as the most redundant candidate that has one. Ties go to the earlier
/// candidate. O(count² · candidates) after the similarities.
pub fn greedy_map<'v>(
    log_quality: &[f32],
    vector: &dyn Fn(usize) -> Option<&'v [f32]>,
    count: usize,
) -> Vec<usize> {
    let n = log_quality.len();
    let vectors: Vec<Option<&[f32]>> = (0..n).map(vector).collect();
    let mut rows: Vec<Vec<f32>> = vec![Vec::new(); n];
    // Share of each candidate's variance that the chosen ones leave unexplained.
    let mut left: Vec<f32> = vec![1.0 + JITTER; n];
    let mut open: Vec<bool> = log_quality.iter().map(|q| q.is_finite()).collect();
    let mut chosen = Vec::with_capacity(count.min(n));
    while chosen.len() < count {
        let least = (0..n)
            .filter(|i| open[*i] && vectors[*i].is_some())
            .map(|i| left[i])
            .fold(f32::INFINITY, f32::min);
        let bonus = |i: usize| match vectors[i] {
            Some(_) => left[i].max(1e-9),
            None if least.is_finite() => least.max(1e-9),
            None => 1.0,
        };
        let best = (0..n)
            .filter(|i| open[*i])
            .map(|i| (i, 2.0 * log_quality[i] + bonus(i).ln()))
            .reduce(|a, b| if b.1 > a.1 { b } else { a });
        let Some((best, _)) = best else { break };
        open[best] = false;
        chosen.push(best);
        let Some(own) = vectors[best] else { continue };
        let pivot = left[best].max(1e-9).sqrt();
        let factor = rows[best].clone();
        for i in (0..n).filter(|i| open[*i]) {
            let Some(other) = vectors[i] else { continue };
            let similarity: f32 = own.iter().zip(other).map(|(a, b)| a * b).sum();
            let known: f32 = factor.iter().zip(&rows[i]).map(|(a, b)| a * b).sum();
            let e = (similarity - known) / pivot;
            rows[i].push(e);
            left[i] = (left[i] - e * e).max(0.0);
        }
        // Rows of chosen candidates are not read again, but all open ones must stay of one length.
        rows[best] = factor;
    }
    chosen
}

/// Log-qualities for [`greedy_map`] from scores: ω·z of the standardised scores. `diversity` in 0…1 sets ω: near 0 the order of
/// scores wins, at 1 likeness decides almost alone.
pub fn log_qualities(scores: &[f32], diversity: f32) -> Vec<f32> {
    let n = scores.len().max(1) as f32;
    let mean = scores.iter().sum::<f32>() / n;
    let squares: f32 = scores.iter().map(|s| (s - mean) * (s - mean)).sum();
    let spread = (squares / n).sqrt().max(1e-9);
    let diversity = diversity.clamp(0.01, 1.0);
    let omega = (1.0 - diversity) / diversity + 0.1;
    scores.iter().map(|s| omega * (s - mean) / spread).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unit(raw: &[f32]) -> Vec<f32> {
        let norm = raw.iter().map(|x| x * x).sum::<f32>().sqrt();
        raw.iter().map(|x| x / norm).collect()
    }

    /// log det of the chosen part of L by elimination.
    fn log_det(quality: &[f32], vectors: &[Vec<f32>], chosen: &[usize]) -> f64 {
        let n = chosen.len();
        let mut m: Vec<Vec<f64>> = chosen
            .iter()
            .map(|i| {
                chosen
                    .iter()
                    .map(|j| {
                        let dot: f32 = vectors[*i]
                            .iter()
                            .zip(&vectors[*j])
                            .map(|(a, b)| a * b)
                            .sum();
                        let s = f64::from(dot) + if i == j { f64::from(JITTER) } else { 0.0 };
                        f64::from(quality[*i]) * s * f64::from(quality[*j])
                    })
                    .collect()
            })
            .collect();
        let mut sum = 0.0;
        for k in 0..n {
            sum += m[k][k].max(1e-300).ln();
            for i in k + 1..n {
                let f = m[i][k] / m[k][k];
                for j in k..n {
                    let x = m[k][j];
                    m[i][j] -= f * x;
                }
            }
        }
        sum
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn each_step_is_the_best_one_by_brute_force(
            raw in prop::collection::vec(prop::collection::vec(-1.0f32..1.0, 6), 2..9),
            quality in prop::collection::vec(0.5f32..2.0, 9),
        ) {
            let vectors: Vec<Vec<f32>> = raw.iter().map(|r| unit(r)).collect();
            let quality = &quality[..vectors.len()];
            let count = vectors.len().min(4);
            let logs: Vec<f32> = quality.iter().map(|q| q.ln()).collect();
            let chosen = greedy_map(&logs, &|i| Some(&vectors[i][..]), count);
            prop_assert_eq!(chosen.len(), count);
            for step in 0..count {
                let mut so_far = chosen[..step].to_vec();
                so_far.push(chosen[step]);
                let got = log_det(quality, &vectors, &so_far);
                for other in (0..vectors.len()).filter(|i| !chosen[..step].contains(i)) {
                    so_far[step] = other;
                    prop_assert!(got >= log_det(quality, &vectors, &so_far) - 1e-2);
                }
            }
        }
    }

    #[test]
    fn equal_products_are_spread_and_no_vector_is_no_bonus() {
        let vectors = [
            Some(vec![1.0, 0.0]),
            Some(vec![1.0, 0.0]),
            Some(vec![0.0, 1.0]),
            None,
        ];
        let vector = |i: usize| vectors[i].as_deref();
        let chosen = greedy_map(&[0.0, -0.01, -0.7, -0.5], &vector, 4);
        assert_eq!(chosen[..2], [0, 2]);
        // Without vectors at all the list is by quality.
        assert_eq!(greedy_map(&[0.2, 0.9, 0.5], &|_| None, 3), [1, 2, 0]);
        assert!(greedy_map(&[f32::NAN, f32::NEG_INFINITY], &|_| None, 3).is_empty());
    }

    #[test]
    fn little_diversity_keeps_the_order_of_scores() {
        let vectors: Vec<Vec<f32>> = (0..8).map(|i| unit(&[1.0, 0.1 * i as f32])).collect();
        let scores: Vec<f32> = (0..8).map(|i| 8.0 - i as f32).collect();
        let chosen = greedy_map(&log_qualities(&scores, 0.01), &|i| Some(&vectors[i][..]), 8);
        assert_eq!(chosen, [0, 1, 2, 3, 4, 5, 6, 7]);
    }
}
