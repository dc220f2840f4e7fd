//! Calibrated probability that a customer buys a candidate within the horizon, over all sources.
//!
//! Scores of different sources do not compare; this model makes one number of them. Its features are computed by
//! [`features`] in training and serving alike. Fitted on a window later than the data behind the scores it reads, by
//! logistic regression, then made honest by isotonic regression on customers that the logistic did not see.

use linfa::prelude::Fit;
use linfa::Dataset;
use linfa_logistic::LogisticRegression;
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

use crate::shop::DAY_MS;

/// How many numbers describe a candidate.
pub const PURCHASE_FEATURES: usize = 10;

/// What is known of one candidate and its customer.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Signals {
    /// Score of the representation as a share of the customer's best, 0…1.
    pub score: f32,
    /// Rank by the representation's score, from 1.
    pub rank: u32,
    /// Buyers as a share of the most popular product's, 0…1.
    pub popularity: f32,
    /// Baskets or ratings in which the customer acquired it.
    pub times: u32,
    /// When they last did, ms; read only where `times` > 0.
    pub last_at: i64,
    /// Strength as a complement of recent purchases, as a share of the best, 0…1.
    pub complement: f32,
    /// How needed now by life or supply, 0…1.
    pub need: f32,
    /// Season and momentum, 0…1.
    pub moment: f32,
    /// Baskets of the customer so far.
    pub baskets: u32,
    /// When the last one was, ms; read only where `baskets` > 0.
    pub last_basket: i64,
}

/// The features of `signals` at `now` (`i64::MAX` = no times: ages count as 0).
pub fn features(signals: &Signals, now: i64) -> [f32; PURCHASE_FEATURES] {
    let days = |at: i64| {
        if now == i64::MAX {
            0.0
        } else {
            ((now.saturating_sub(at)).max(0) as f64 / DAY_MS as f64) as f32
        }
    };
    let own_age = if signals.times > 0 {
        (-days(signals.last_at) / 30.0).exp()
    } else {
        0.0
    };
    let quiet = if signals.baskets > 0 {
        days(signals.last_basket).ln_1p()
    } else {
        6.0
    };
    [
        signals.score,
        (1.0 / signals.rank.max(1) as f32).sqrt(),
        (signals.popularity.max(0.0) * 1000.0).ln_1p() / 7.0,
        (signals.times as f32).ln_1p(),
        own_age,
        signals.complement,
        signals.need,
        signals.moment,
        (signals.baskets as f32).ln_1p(),
        quiet,
    ]
}

/// One training row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PurchaseRow {
    /// Number of the customer; rows of one customer stay on one side of the calibration split.
    pub customer: u32,
    /// See [`features`].
    pub features: [f32; PURCHASE_FEATURES],
    /// Whether it was bought within the horizon.
    pub bought: bool,
}

/// Why no purchase model was fitted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PurchaseError {
    /// Too few rows of one kind.
    #[error("fit the purchase model: {bought} of {rows} rows were bought, expected at least 30 of each kind")]
    TooFew {
        /// All rows.
        rows: usize,
        /// Rows with a purchase.
        bought: usize,
    },
    /// The optimiser gave up.
    #[error("fit the purchase model: {0}")]
    Optimiser(String),
}

/// The calibrated model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PurchaseModel {
    /// Days in which the purchase is to come.
    pub horizon_days: u32,
    intercept: f64,
    weights: [f64; PURCHASE_FEATURES],
    mean: [f64; PURCHASE_FEATURES],
    spread: [f64; PURCHASE_FEATURES],
    /// Log-odds and probability, both ascending: the isotonic map.
    knots: Vec<(f64, f64)>,
}

const KNOTS: usize = 64;

impl PurchaseModel {
    /// Fits the logistic on customers with an even number and the isotonic map on the others.
    ///
    /// # Errors
    /// Fewer than 30 rows bought or not bought on either side.
    pub fn fit(rows: &[PurchaseRow], horizon_days: u32) -> Result<PurchaseModel, PurchaseError> {
        let (fit, calibrate): (Vec<_>, Vec<_>) =
            rows.iter().copied().partition(|r| r.customer % 2 == 0);
        for side in [&fit, &calibrate] {
            let bought = side.iter().filter(|r| r.bought).count();
            if bought < 30 || side.len() - bought < 30 {
                return Err(PurchaseError::TooFew {
                    rows: side.len(),
                    bought,
                });
            }
        }
        let n = fit.len() as f64;
        let mut mean = [0.0f64; PURCHASE_FEATURES];
        let mut spread = [0.0f64; PURCHASE_FEATURES];
        for row in &fit {
            for (m, x) in mean.iter_mut().zip(row.features) {
                *m += f64::from(x) / n;
            }
        }
        for row in &fit {
            for ((s, x), m) in spread.iter_mut().zip(row.features).zip(mean) {
                *s += (f64::from(x) - m).powi(2) / n;
            }
        }
        // A feature that does not vary is switched off rather than blown up.
        for s in &mut spread {
            *s = if *s > 1e-8 { s.sqrt() } else { f64::INFINITY };
        }
        let standard = |row: &PurchaseRow| -> Vec<f64> {
            (0..PURCHASE_FEATURES)
                .map(|ix| (f64::from(row.features[ix]) - mean[ix]) / spread[ix])
                .collect()
        };
        let flat: Vec<f64> = fit.iter().flat_map(standard).collect();
        let x = Array2::from_shape_vec((fit.len(), PURCHASE_FEATURES), flat)
            .map_err(|e| PurchaseError::Optimiser(e.to_string()))?;
        let y: Array1<bool> = fit.iter().map(|r| r.bought).collect();
        let model = LogisticRegression::default()
            .alpha(1.0)
            .max_iterations(200)
            .fit(&Dataset::new(x, y))
            .map_err(|e| PurchaseError::Optimiser(e.to_string()))?;
        // linfa may call either class the positive one.
        let sign = if model.labels().pos.class { 1.0 } else { -1.0 };
        let mut weights = [0.0; PURCHASE_FEATURES];
        for (slot, w) in weights.iter_mut().zip(model.params()) {
            *slot = sign * w;
        }
        // An infinite spread means a weight of nothing; keep the numbers finite for the bundle.
        for (w, s) in weights.iter_mut().zip(&mut spread) {
            if !s.is_finite() {
                (*w, *s) = (0.0, 1.0);
            }
        }
        let mut fitted = PurchaseModel {
            horizon_days,
            intercept: sign * model.intercept(),
            weights,
            mean,
            spread,
            knots: Vec::new(),
        };
        fitted.knots = fitted.isotonic(&calibrate);
        Ok(fitted)
    }

    /// The isotonic map over bins of equal count, each at its mean log-odds.
    fn isotonic(&self, rows: &[PurchaseRow]) -> Vec<(f64, f64)> {
        let mut pairs: Vec<(f64, f64)> = rows
            .iter()
            .map(|r| (self.log_odds(&r.features), f64::from(u8::from(r.bought))))
            .collect();
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        let bins = KNOTS.min(pairs.len());
        let points: Vec<(f64, f64)> = (0..bins)
            .map(|b| {
                let bin = &pairs[b * pairs.len() / bins..(b + 1) * pairs.len() / bins];
                let n = bin.len().max(1) as f64;
                let (x, y) = bin.iter().fold((0.0, 0.0), |s, p| (s.0 + p.0, s.1 + p.1));
                (x / n, y / n)
            })
            .collect();
        let values = pool_adjacent_violators(&points.iter().map(|p| p.1).collect::<Vec<_>>());
        let mut knots: Vec<(f64, f64)> = points.iter().map(|p| p.0).zip(values).collect();
        knots.dedup_by(|next, kept| next.0 <= kept.0);
        knots
    }

    /// Log-odds before calibration: strictly ordered where the isotonic map has steps.
    pub fn log_odds(&self, features: &[f32; PURCHASE_FEATURES]) -> f64 {
        let terms = features
            .iter()
            .zip(&self.weights)
            .zip(&self.mean)
            .zip(&self.spread);
        terms.fold(self.intercept, |sum, (((x, weight), mean), spread)| {
            sum + weight * (f64::from(*x) - mean) / spread
        })
    }

    /// Calibrated probability of a purchase within the horizon, 0…1.
    ///
    /// The isotonic map joined by straight lines, and one thousandth of the logistic so that no two log-odds tie.
    pub fn probability(&self, features: &[f32; PURCHASE_FEATURES]) -> f32 {
        let z = self.log_odds(features);
        let smooth = 1.0 / (1.0 + (-z).exp());
        let mapped = match self.knots.partition_point(|(x, _)| *x <= z) {
            0 => self.knots.first().map_or(smooth, |(_, y)| *y),
            at if at == self.knots.len() => self.knots[at - 1].1,
            at => {
                let ((x0, y0), (x1, y1)) = (self.knots[at - 1], self.knots[at]);
                y0 + (y1 - y0) * (z - x0) / (x1 - x0)
            }
        };
        (0.999 * mapped + 0.001 * smooth).clamp(0.0, 1.0) as f32
    }

    /// Whether every number is finite: a model from a bundle is checked before it is used.
    pub fn is_sound(&self) -> bool {
        self.intercept.is_finite()
            && self.weights.iter().chain(&self.mean).all(|x| x.is_finite())
            && self.spread.iter().all(|s| s.is_finite() && *s > 0.0)
            && self
                .knots
                .iter()
                .all(|(x, y)| x.is_finite() && (0.0..=1.0).contains(y))
            && self.knots.windows(2).all(|w| w[0].0 < w[1].0)
    }
}

/// The non-decreasing sequence nearest to `values` in squares (Ayer et al., 1955).
///
/// linfa's isotonic regression joins the *ends* of its blocks by lines, which lowers every wide block by half a step; the
/// probabilities of rare purchases are made of wide blocks.
fn pool_adjacent_violators(values: &[f64]) -> Vec<f64> {
    let mut blocks: Vec<(f64, usize)> = Vec::new();
    for value in values {
        let mut block = (*value, 1usize);
        while let Some((before, n)) = blocks.last().copied().filter(|(b, _)| *b > block.0) {
            blocks.pop();
            let total = n + block.1;
            block = (
                (before * n as f64 + block.0 * block.1 as f64) / total as f64,
                total,
            );
        }
        blocks.push(block);
    }
    blocks
        .into_iter()
        .flat_map(|(value, n)| std::iter::repeat_n(value, n))
        .collect()
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
    use rand::prelude::*;
    use rand_chacha::ChaCha8Rng;

    fn rows(seed: u64, n: u32) -> Vec<PurchaseRow> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        (0..n)
            .map(|customer| {
                let signals = Signals {
                    score: rng.gen(),
                    rank: rng.gen_range(1..200),
                    popularity: rng.gen(),
                    ..Signals::default()
                };
                let p = 0.6 * signals.score * signals.score + 0.02;
                PurchaseRow {
                    customer,
                    features: features(&signals, 0),
                    bought: rng.gen_bool(f64::from(p)),
                }
            })
            .collect()
    }

    #[test]
    fn probabilities_are_honest_and_rise_with_the_score() {
        let model = PurchaseModel::fit(&rows(1, 20_000), 30).unwrap();
        assert!(model.is_sound());
        let pairs: Vec<(f64, f64)> = rows(2, 20_000)
            .iter()
            .map(|r| {
                (
                    f64::from(model.probability(&r.features)),
                    f64::from(u8::from(r.bought)),
                )
            })
            .collect();
        let error = calibration_error(&pairs);
        assert!(error < 0.02, "{error}");
        let at = |score| {
            let signals = Signals {
                score,
                rank: 50,
                popularity: 0.5,
                ..Signals::default()
            };
            model.probability(&features(&signals, 0))
        };
        assert!(at(0.9) > at(0.5) && at(0.5) > at(0.1));
        assert!(at(0.31) > at(0.3), "no ties between different scores");
    }

    #[test]
    fn it_survives_the_bundle_format() {
        let model = PurchaseModel::fit(&rows(1, 4_000), 30).unwrap();
        let text = serde_json::to_string(&model).unwrap();
        let back: PurchaseModel = serde_json::from_str(&text).unwrap();
        let row = rows(5, 1)[0].features;
        assert!((back.probability(&row) - model.probability(&row)).abs() < 1e-6);
    }

    #[test]
    fn too_few_purchases_make_no_model() {
        assert!(matches!(
            PurchaseModel::fit(&rows(1, 40), 30),
            Err(PurchaseError::TooFew { .. })
        ));
        assert!(PurchaseModel::fit(&[], 30).is_err());
    }

    #[test]
    fn violators_are_pooled() {
        let got = pool_adjacent_violators(&[1.0, 3.0, 2.0, 2.0, 5.0, 4.0]);
        let third = 7.0 / 3.0;
        assert_eq!(got, [1.0, third, third, third, 4.5, 4.5]);
        assert!(pool_adjacent_violators(&[]).is_empty());
    }

    #[test]
    fn calibration_error_is_the_mean_gap() {
        assert_eq!(calibration_error(&[]), 0.0);
        assert!((calibration_error(&[(0.5, 1.0), (0.5, 0.0)]) - 0.5).abs() < 1e-9);
        let fair: Vec<(f64, f64)> = (0..1000).map(|i| (0.5, f64::from(i % 2))).collect();
        assert!(calibration_error(&fair) < 1e-9);
    }
}
