//! Calibrated probability that a customer buys a candidate within the horizon, over all sources.
//!
//! Scores of different sources do not compare; this model makes one number of them. Its features are computed by
//! [`features`] in training and serving alike. Fitted on a window later than the data behind the scores it reads, by
//! logistic regression, then made honest by isotonic regression on customers that the logistic did not see.

use serde::{Deserialize, Serialize};

use crate::bundle::{read_json, write_json, Bundle, BundleError, BundleWriter};
use crate::stats::sigmoid;
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
    pub intercept: f64,
    /// Effect of one spread of each feature, in log-odds.
    pub weights: [f64; PURCHASE_FEATURES],
    /// Mean of each feature.
    pub mean: [f64; PURCHASE_FEATURES],
    /// Deviation of each feature, > 0.
    pub spread: [f64; PURCHASE_FEATURES],
    /// Log-odds and probability, both ascending: the isotonic map.
    pub knots: Vec<(f64, f64)>,
}

impl PurchaseModel {
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
        let smooth = sigmoid(z);
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
