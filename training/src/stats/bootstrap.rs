//! Percentile bootstrap over customers.

use rand::Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;

/// An estimate with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Point estimate on all customers.
    pub value: f64,
    /// 2.5 % quantile of the resamples.
    pub low: f64,
    /// 97.5 % quantile of the resamples.
    pub high: f64,
}

/// The statistic of `columns`-wise sums with its 95 % interval.
///
/// `rows` holds one row of `N` sums per customer; `statistic` maps the sums over all customers to the figure. Each of
/// `resamples` draws as many customers with replacement. Same seed, same interval. With no rows everything is 0.
pub fn interval<const N: usize>(
    rows: &[[f64; N]],
    statistic: impl Fn(&[f64; N]) -> f64,
    resamples: usize,
    seed: u64,
) -> Interval {
    if rows.is_empty() {
        return Interval {
            value: 0.0,
            low: 0.0,
            high: 0.0,
        };
    }
    let add = |sums: &mut [f64; N], row: &[f64; N]| {
        for (sum, x) in sums.iter_mut().zip(row) {
            *sum += x;
        }
    };
    let mut all = [0.0; N];
    for row in rows {
        add(&mut all, row);
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut figures: Vec<f64> = (0..resamples.max(1))
        .map(|_| {
            let mut sums = [0.0; N];
            for _ in 0..rows.len() {
                add(&mut sums, &rows[rng.gen_range(0..rows.len())]);
            }
            statistic(&sums)
        })
        .collect();
    figures.sort_by(f64::total_cmp);
    let quantile = |p: f64| figures[((figures.len() - 1) as f64 * p).round() as usize];
    Interval {
        value: statistic(&all),
        low: quantile(0.025),
        high: quantile(0.975),
    }
}

/// 95 % interval of the mean of `values` by resampling customers 1,000 times; 0 for nothing.
pub fn mean_interval(values: &[f64], seed: u64) -> (f64, f64) {
    if values.is_empty() {
        return (0.0, 0.0);
    }
    const ROUNDS: u64 = 1000;
    let mut means: Vec<f64> = (0..ROUNDS)
        .into_par_iter()
        .map(|round| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(round + 1);
            let sum: f64 = (0..values.len())
                .map(|_| values[rng.gen_range(0..values.len())])
                .sum();
            sum / values.len() as f64
        })
        .collect();
    means.sort_by(f64::total_cmp);
    (
        means[(0.025 * ROUNDS as f64) as usize],
        means[(0.975 * ROUNDS as f64) as usize],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_mean_has_the_width_theory_says() {
        let rows: Vec<[f64; 2]> = (0..1_000).map(|i| [f64::from(i % 10), 1.0]).collect();
        let mean = interval(&rows, |[sum, n]| sum / n, 2_000, 1);
        let half = 1.96 * 8.25_f64.sqrt() / 1_000_f64.sqrt();
        assert!((mean.value - 4.5).abs() < 1e-9);
        assert!(((mean.high - mean.low) / 2.0 - half).abs() < 0.1 * half);
        assert_eq!(mean, interval(&rows, |[sum, n]| sum / n, 2_000, 1));
    }
}
