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

use super::isotonic::{calibration_error, pool_adjacent_violators};
use crate::bundle::{read_json, write_json, Bundle, BundleError, BundleWriter};
use serendib_shop::DAY_MS;

const FILE: &str = "purchase.json";

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
    /// How much likelier life makes it now, as a power of fifty: −1 to 1.5, 0 = no difference.
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

/// How the model did on the customers that its logistic did not see.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct PurchaseReport {
    /// Rows of the fitting half, and of the other.
    pub rows: (usize, usize),
    /// Customers of the other half that bought something new.
    pub buyers: usize,
    /// Their mean NDCG@20 of new products in the order of the representation.
    pub ndcg_plain: f64,
    /// The same in the order of the model with all features.
    pub ndcg_ordered: f64,
    /// Standard error of the difference.
    pub ndcg_error: f64,
    /// Expected calibration error there, before the isotonic map was fitted on it.
    pub calibration_error: f64,
}

/// The calibrated model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PurchaseModel {
    /// Days in which the purchase is to come.
    pub horizon_days: u32,
    /// Whether it orders new products better than the representation does, so that lists are ordered by it. If not, it
    /// looks at nothing by which two new products of one customer could change places.
    pub orders: bool,
    /// Probability that an average customer newly buys the most popular product within the horizon, 0…1.
    pub nobody: f32,
    /// Whether it was fitted on how much likelier life makes a product; bundles from before were fitted on how surely life
    /// needs it, 0…1.
    #[serde(default)]
    pub reads_fit: bool,
    intercept: f64,
    weights: [f64; PURCHASE_FEATURES],
    mean: [f64; PURCHASE_FEATURES],
    spread: [f64; PURCHASE_FEATURES],
    /// Log-odds and probability, both ascending: the isotonic map.
    knots: Vec<(f64, f64)>,
}

const KNOTS: usize = 64;
const SCORE: usize = 0;
const RANK: usize = 1;
const TIMES: usize = 3;
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
/// Fewer buyers decide nothing about the order.
const FEWEST_BUYERS: usize = 50;

impl PurchaseModel {
    /// Fits the logistic on customers with an even number and the isotonic map on the others, who also decide whether
    /// lists are ordered by it: only where it finds new products better by more than 1.64 standard errors.
    ///
    /// # Errors
    /// Fewer than 30 rows bought or not bought on either side; a score that does not predict purchases.
    pub fn fit(
        rows: &[PurchaseRow],
        horizon_days: u32,
        nobody: f32,
    ) -> Result<(PurchaseModel, PurchaseReport), PurchaseError> {
        let (fit, other): (Vec<_>, Vec<_>) =
            rows.iter().copied().partition(|r| r.customer % 2 == 0);
        for side in [&fit, &other] {
            let bought = side.iter().filter(|r| r.bought).count();
            if bought < 30 || side.len() - bought < 30 {
                return Err(PurchaseError::TooFew {
                    rows: side.len(),
                    bought,
                });
            }
        }
        let mut plain = PurchaseModel::logistic(&fit, &KEEPS_ORDER)?;
        // Score and rank say the same twice: where one of them is left with a negative weight, the other is enough.
        for (feature, partner) in [(SCORE, RANK), (RANK, SCORE)] {
            if plain.weights[feature] < 0.0 {
                let mut kept = KEEPS_ORDER;
                kept[feature] = false;
                plain = PurchaseModel::logistic(&fit, &kept)?;
                if plain.weights[partner] <= 0.0 {
                    return Err(PurchaseError::Unrelated);
                }
                break;
            }
        }
        let full = PurchaseModel::logistic(&fit, &ALL)?;
        let gains = order_gains(&other, &full);
        let n = gains.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| gains.iter().map(of).sum::<f64>() / n.max(1.0);
        let (ndcg_plain, ndcg_ordered) = (mean(|g| g.0), mean(|g| g.1));
        let gain = ndcg_ordered - ndcg_plain;
        let squares: f64 = gains.iter().map(|g| (g.1 - g.0 - gain).powi(2)).sum();
        let ndcg_error = (squares / n.max(1.0) / (n - 1.0).max(1.0)).sqrt();
        let orders = gains.len() >= FEWEST_BUYERS && gain > 1.64 * ndcg_error;
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
        model.knots = model.isotonic(&other);
        Ok((model, report))
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
            reads_fit: true,
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
    fn isotonic(&self, rows: &[PurchaseRow]) -> Vec<(f64, f64)> {
        let mut pairs: Vec<(f64, f64)> = rows
            .iter()
            .map(|r| (self.log_odds(&r.features), f64::from(u8::from(r.bought))))
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

    /// Writes the part.
    pub fn write(&self, bundle: &mut BundleWriter) -> Result<(), BundleError> {
        write_json(bundle, FILE, self)
    }

    /// Reads the part; `None` where the bundle has none.
    ///
    /// # Errors
    /// Numbers that make no model.
    pub fn read(bundle: &Bundle) -> Result<Option<PurchaseModel>, BundleError> {
        if !bundle.has(FILE) {
            return Ok(None);
        }
        let model: PurchaseModel = read_json(bundle, FILE)?;
        if !model.is_sound() {
            return Err(BundleError::content(FILE, "the numbers make no model"));
        }
        Ok(Some(model))
    }

    /// Whether every number is finite: a model from a bundle is checked before it is used.
    pub fn is_sound(&self) -> bool {
        self.intercept.is_finite()
            && (0.0..=1.0).contains(&self.nobody)
            && self.weights.iter().chain(&self.mean).all(|x| x.is_finite())
            && self.spread.iter().all(|s| s.is_finite() && *s > 0.0)
            && self
                .knots
                .iter()
                .all(|(x, y)| x.is_finite() && (0.0..=1.0).contains(y))
            && self.knots.windows(2).all(|w| w[0].0 < w[1].0)
    }
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
    let gain = |place: usize| 1.0 / (place as f64 + 2.0).log2();
    let got: f64 = order
        .iter()
        .take(JUDGED)
        .enumerate()
        .filter(|(_, (_, bought))| *bought)
        .map(|(place, _)| gain(place))
        .sum();
    let bought = order.iter().filter(|(_, bought)| *bought).count();
    let best: f64 = (0..bought.min(JUDGED)).map(gain).sum();
    got / best.max(1e-12)
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
        let model = PurchaseModel::fit(&rows(1, 20_000), 30, 0.1).unwrap().0;
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
        let model = PurchaseModel::fit(&rows(1, 4_000), 30, 0.1).unwrap().0;
        let text = serde_json::to_string(&model).unwrap();
        let back: PurchaseModel = serde_json::from_str(&text).unwrap();
        let row = rows(5, 1)[0].features;
        assert!((back.probability(&row) - model.probability(&row)).abs() < 1e-6);
    }

    #[test]
    fn too_few_purchases_make_no_model() {
        assert!(matches!(
            PurchaseModel::fit(&rows(1, 40), 30, 0.1),
            Err(PurchaseError::TooFew { .. })
        ));
        assert!(PurchaseModel::fit(&[], 30, 0.1).is_err());
    }

    /// Customers with thirty candidates each; what is bought follows `truth` of score and popularity.
    fn lists(seed: u64, truth: fn(f32, f32) -> f32) -> Vec<PurchaseRow> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut out = Vec::new();
        for customer in 0..600 {
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
        let (helps, report) =
            PurchaseModel::fit(&lists(1, |s, p| 0.1 * s + 0.6 * p), 30, 0.1).unwrap();
        assert!(helps.orders && report.ndcg_ordered > report.ndcg_plain);
        let (keeps, _) = PurchaseModel::fit(&lists(2, |s, _| 0.3 * s), 30, 0.1).unwrap();
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
