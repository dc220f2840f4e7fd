//! Fits the calibrated probability of a purchase on rows of candidates: a logistic, then an isotonic map on customers that
//! the logistic did not see.

use linfa::prelude::Fit;
use linfa::Dataset;
use linfa_logistic::LogisticRegression;
use ndarray::{Array1, Array2};
use serendib_engine::rank::purchase::{PurchaseModel, PurchaseReport, PURCHASE_FEATURES};
use serendib_shop::CustomerIx;

use crate::learn::strength::{confirm, Candidate, Verdict};
use crate::stats;
use crate::stats::calibration::{calibration_error, pool_adjacent_violators};

/// One training row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PurchaseRow {
    /// Number of the customer; rows of one customer stay on one side of the calibration split.
    pub customer: CustomerIx,
    /// What the model sees of the product, by [`features`].
    pub features: [f32; PURCHASE_FEATURES],
    /// Whether it was bought within the horizon.
    pub bought: bool,
}

impl PurchaseRow {
    /// Whether the product is new to the customer.
    fn is_new(&self) -> bool {
        self.features[TIMES] == 0.0
    }
}

/// Why no purchase model was fitted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PurchaseError {
    /// Too few rows of one kind.
    #[error("fit the purchase model: {bought} of {rows} rows were bought, expected at least 30 of each kind")]
    TooFew {
        /// Number of rows, of every customer.
        rows: usize,
        /// Rows with a purchase.
        bought: usize,
    },
    /// The optimiser gave up.
    #[error("fit the purchase model: {0}")]
    Optimiser(String),
    /// A better score does not make a purchase likelier: the slice tells nothing.
    #[error("fit the purchase model: the representation's score does not predict purchases")]
    Unrelated,
}

const KNOTS: usize = 64;
const SCORE: usize = 0;
const RANK: usize = 1;
const TIMES: usize = 3;
const NEED: usize = 6;
/// Features by which two new products of one customer keep the order of their scores.
const KEEPS_ORDER: [bool; PURCHASE_FEATURES] = [
    true, true, false, true, true, false, false, false, true, true,
];
const ALL: [bool; PURCHASE_FEATURES] = [true; PURCHASE_FEATURES];
/// Rows that were not bought are thinned to so many per bought one: they say little each.
const UNBOUGHT_PER_BOUGHT: usize = 20;
/// And at least so many in all.
const LEAST_UNBOUGHT: usize = 20_000;
/// Place down to which the order of new products is judged.
const JUDGED: usize = 20;
const ORDER_NAME: &str = "order of new products";
/// Fewer buyers decide nothing about the order.
const FEWEST_BUYERS: usize = 50;

/// Fits the logistic on customers with an even number and the isotonic map on the others, who also decide whether
/// lists are ordered by it: only where it finds new products better beyond chance.
///
/// # Errors
/// Fewer than 30 rows bought or not bought on either side; a score that does not predict purchases.
pub fn fit(
    rows: &[PurchaseRow],
    horizon_days: u32,
    nobody: f32,
    seed: u64,
) -> Result<(PurchaseModel, PurchaseReport, Verdict), PurchaseError> {
    let (fit, other): (Vec<_>, Vec<_>) = rows.iter().copied().partition(|r| r.customer.0 % 2 == 0);
    for side in [&fit, &other] {
        let bought = side.iter().filter(|r| r.bought).count();
        if bought < 30 || side.len() - bought < 30 {
            return Err(PurchaseError::TooFew {
                rows: side.len(),
                bought,
            });
        }
    }
    let mut plain = logistic(&fit, &KEEPS_ORDER)?;
    // Score and rank say the same twice: where one of them is left with a negative weight, the other is enough.
    for (feature, partner) in [(SCORE, RANK), (RANK, SCORE)] {
        if plain.weights[feature] < 0.0 {
            let mut kept = KEEPS_ORDER;
            kept[feature] = false;
            plain = logistic(&fit, &kept)?;
            if plain.weights[partner] <= 0.0 {
                return Err(PurchaseError::Unrelated);
            }
            break;
        }
    }
    let mut full = logistic(&fit, &ALL)?;
    // What a life needs is never bought the less for it: where that seems so, nothing was to be learned of it.
    if full.weights[NEED] < 0.0 {
        let mut but_need = ALL;
        but_need[NEED] = false;
        full = logistic(&fit, &but_need)?;
    }
    let gains = order_gains(&other, &full);
    let n = gains.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| gains.iter().map(of).sum::<f64>() / n.max(1.0);
    let (ndcg_plain, ndcg_ordered) = (mean(|g| g.0), mean(|g| g.1));
    let gain = ndcg_ordered - ndcg_plain;
    let squares: f64 = gains.iter().map(|g| (g.1 - g.0 - gain).powi(2)).sum();
    let ndcg_error = (squares / n.max(1.0) / (n - 1.0).max(1.0)).sqrt();
    let by_customer: Vec<f64> = gains.iter().map(|g| g.1 - g.0).collect();
    let forms = [
        Candidate::new("by the representation", 0.0),
        Candidate::new("by all that is known", 1.0),
    ];
    let verdict = confirm(ORDER_NAME, &forms, &by_customer, FEWEST_BUYERS, seed);
    let orders = verdict.chosen == 1;
    let mut model = if orders { full } else { plain };
    model.horizon_days = horizon_days;
    model.orders = orders;
    model.nobody = nobody.clamp(0.0, 1.0);
    let pairs: Vec<(f64, f64)> = other
        .iter()
        .map(|r| {
            let p = 1.0 / (1.0 + (-model.log_odds(&r.features)).exp());
            (p, f64::from(u8::from(r.bought)))
        })
        .collect();
    let report = PurchaseReport {
        rows: (fit.len(), other.len()),
        buyers: gains.len(),
        ndcg_plain,
        ndcg_ordered,
        ndcg_error,
        calibration_error: calibration_error(&pairs),
    };
    model.knots = isotonic(&model, &other);
    Ok((model, report, verdict))
}

/// The logistic over the features that `used` names, on `rows` with those that were not bought thinned out; the
/// intercept makes up for the thinning.
fn logistic(
    rows: &[PurchaseRow],
    used: &[bool; PURCHASE_FEATURES],
) -> Result<PurchaseModel, PurchaseError> {
    let bought = rows.iter().filter(|r| r.bought).count();
    let wanted = (UNBOUGHT_PER_BOUGHT * bought).max(LEAST_UNBOUGHT);
    let stride = ((rows.len() - bought) / wanted).max(1);
    let mut unbought = 0usize;
    let fit: Vec<&PurchaseRow> = rows
        .iter()
        .filter(|r| {
            unbought += usize::from(!r.bought);
            r.bought || unbought.is_multiple_of(stride)
        })
        .collect();
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
    // A feature that does not vary, or is not used, is switched off rather than blown up.
    for (s, used) in spread.iter_mut().zip(used) {
        *s = if *used && *s > 1e-8 {
            s.sqrt()
        } else {
            f64::INFINITY
        };
    }
    let standard = |row: &&PurchaseRow| -> Vec<f64> {
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
    Ok(PurchaseModel {
        horizon_days: 0,
        orders: false,
        nobody: 0.0,
        intercept: sign * model.intercept() - (stride as f64).ln(),
        weights,
        mean,
        spread,
        knots: Vec::new(),
    })
}

/// The isotonic map over bins of equal count, each at its mean log-odds.
fn isotonic(model: &PurchaseModel, rows: &[PurchaseRow]) -> Vec<(f64, f64)> {
    let mut pairs: Vec<(f64, f64)> = rows
        .iter()
        .map(|r| (model.log_odds(&r.features), f64::from(u8::from(r.bought))))
        .collect();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let bins = bins(&pairs);
    let points: Vec<(f64, f64)> = bins
        .windows(2)
        .map(|edge| {
            let bin = &pairs[edge[0]..edge[1]];
            let n = bin.len().max(1) as f64;
            let (x, y) = bin.iter().fold((0.0, 0.0), |s, p| (s.0 + p.0, s.1 + p.1));
            (x / n, y / n)
        })
        .collect();
    let weights: Vec<usize> = bins.windows(2).map(|edge| edge[1] - edge[0]).collect();
    let rates: Vec<f64> = points.iter().map(|p| p.1).collect();
    let values = pool_adjacent_violators(&rates, &weights);
    let mut knots: Vec<(f64, f64)> = points.iter().map(|p| p.0).zip(values).collect();
    knots.dedup_by(|next, kept| next.0 <= kept.0);
    knots
}

/// Edges of at most [`KNOTS`] bins of `pairs` (ascending): half of them hold equal counts, half equal numbers of purchases,
/// for purchases are rare and lie at the top.
fn bins(pairs: &[(f64, f64)]) -> Vec<usize> {
    let half = (KNOTS / 2).min(pairs.len());
    let mut edges: Vec<usize> = (0..=half).map(|b| b * pairs.len() / half.max(1)).collect();
    let bought: Vec<usize> = (0..pairs.len()).filter(|ix| pairs[*ix].1 > 0.5).collect();
    let each = (bought.len() / half.max(1)).max(8);
    edges.extend(bought.iter().skip(each).step_by(each));
    edges.sort_unstable();
    edges.dedup();
    edges
}

/// For each customer of `rows` who bought something new: NDCG of their new products in the order of the representation, and
/// in that of `model`.
fn order_gains(rows: &[PurchaseRow], model: &PurchaseModel) -> Vec<(f64, f64)> {
    let mut new: Vec<&PurchaseRow> = rows.iter().filter(|r| r.is_new()).collect();
    new.sort_by_key(|r| r.customer);
    new.chunk_by(|a, b| a.customer == b.customer)
        .filter(|own| own.iter().any(|r| r.bought))
        .map(|own| {
            let by_score = |r: &PurchaseRow| f64::from(r.features[SCORE] + r.features[RANK]);
            let by_model = |r: &PurchaseRow| model.log_odds(&r.features);
            (ndcg(own, &by_score), ndcg(own, &by_model))
        })
        .collect()
}

fn ndcg(rows: &[&PurchaseRow], by: &dyn Fn(&PurchaseRow) -> f64) -> f64 {
    let mut order: Vec<(f64, bool)> = rows.iter().map(|r| (by(r), r.bought)).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0));
    let hits: Vec<usize> = (0..order.len()).filter(|ix| order[*ix].1).collect();
    let wanted = hits.len();
    stats::ndcg::ndcg(hits, wanted, JUDGED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::prelude::*;
    use rand_chacha::ChaCha8Rng;
    use serendib_engine::rank::purchase::{features, Signals};

    fn rows(seed: u64, n: usize) -> Vec<PurchaseRow> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        CustomerIx::all(n)
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
        let model = fit(&rows(1, 20_000), 30, 0.1, 1).unwrap().0;
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
        let model = fit(&rows(1, 4_000), 30, 0.1, 1).unwrap().0;
        let text = serde_json::to_string(&model).unwrap();
        let back: PurchaseModel = serde_json::from_str(&text).unwrap();
        let row = rows(5, 1)[0].features;
        assert!((back.probability(&row) - model.probability(&row)).abs() < 1e-6);
    }

    #[test]
    fn too_few_purchases_make_no_model() {
        assert!(matches!(
            fit(&rows(1, 40), 30, 0.1, 1),
            Err(PurchaseError::TooFew { .. })
        ));
        assert!(fit(&[], 30, 0.1, 1).is_err());
    }

    /// Customers with thirty candidates each; what is bought follows `truth` of score and popularity.
    fn lists(seed: u64, truth: fn(f32, f32) -> f32) -> Vec<PurchaseRow> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut out = Vec::new();
        for customer in CustomerIx::all(600) {
            let mut scores: Vec<f32> = (0..30).map(|_| rng.gen()).collect();
            scores.sort_by(|a, b| b.total_cmp(a));
            for (ix, score) in scores.into_iter().enumerate() {
                let signals = Signals {
                    score,
                    rank: ix as u32 + 1,
                    popularity: rng.gen::<f32>().powi(3),
                    ..Signals::default()
                };
                out.push(PurchaseRow {
                    customer,
                    features: features(&signals, 0),
                    bought: rng.gen_bool(f64::from(truth(score, signals.popularity))),
                });
            }
        }
        out
    }

    #[test]
    fn it_orders_lists_only_where_it_proves_better_and_keeps_the_order_otherwise() {
        let (helps, report, _) = fit(&lists(1, |s, p| 0.1 * s + 0.6 * p), 30, 0.1, 1).unwrap();
        assert!(helps.orders && report.ndcg_ordered > report.ndcg_plain);
        let (keeps, _, verdict) = fit(&lists(2, |s, _| 0.3 * s), 30, 0.1, 1).unwrap();
        assert_eq!(verdict.chosen, 0);
        assert!(!keeps.orders);
        let mut last = f32::INFINITY;
        for rank in 1..60u32 {
            let signals = Signals {
                score: 1.0 / rank as f32,
                rank,
                popularity: (rank % 7) as f32 / 7.0,
                need: (rank % 3) as f32 / 3.0,
                ..Signals::default()
            };
            let p = keeps.probability(&features(&signals, 0));
            assert!(p <= last, "rank {rank}: {p} above {last}");
            last = p;
        }
    }
}
