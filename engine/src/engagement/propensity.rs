//! The probability of a purchase within a horizon: ridge logistic regression with signed effects, calibrated.

use serde::{Deserialize, Serialize};

use crate::stats::sigmoid;

/// A fitted model of one horizon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Propensity {
    pub horizon_days: f64,
    /// Positions of the features used.
    pub used: Vec<usize>,
    /// Mean of each used feature.
    pub means: Vec<f64>,
    /// Deviation of each used feature, > 0.
    pub deviations: Vec<f64>,
    /// Effect of one deviation of each used feature, in log-odds; signed.
    pub effects: Vec<f64>,
    /// Log-odds of a customer with average features.
    pub intercept: f64,
    /// Calibration: log-odds → scale · log-odds + shift (Platt).
    pub scale: f64,
    pub shift: f64,
    /// Probability for a customer of whom nothing active is known, whom the features do not describe.
    pub stranger: f64,
    /// Days of silence that nearly all of those it was fitted on were within; absent where nobody was silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_silence_days: Option<f64>,
}

/// Probability of a purchase of whoever nothing is known of, before any data.
pub const STRANGER: f64 = 0.02;

impl Propensity {
    /// A model that knows nothing but the share of buyers.
    pub fn constant(share: f64, horizon_days: f64) -> Propensity {
        let share = if share.is_finite() {
            share.clamp(1e-4, 1.0 - 1e-4)
        } else {
            0.5
        };
        Propensity {
            horizon_days,
            used: Vec::new(),
            means: Vec::new(),
            deviations: Vec::new(),
            effects: Vec::new(),
            intercept: (share / (1.0 - share)).ln(),
            scale: 1.0,
            shift: 0.0,
            stranger: STRANGER.min(share),
            longest_silence_days: None,
        }
    }

    /// Log-odds before calibration.
    pub fn raw(&self, features: &[f64]) -> f64 {
        self.intercept + self.contributions(features).map(|(_, c)| c).sum::<f64>()
    }

    /// (feature, what it adds to the uncalibrated log-odds of an average customer); with the intercept they sum to it.
    pub fn contributions<'a>(
        &'a self,
        features: &'a [f64],
    ) -> impl Iterator<Item = (usize, f64)> + 'a {
        self.used.iter().enumerate().map(|(n, at)| {
            let value = features
                .get(*at)
                .copied()
                .filter(|x| x.is_finite())
                .unwrap_or(self.means[n]);
            // nobody is further from the customers seen than eight deviations
            let z = ((value - self.means[n]) / self.deviations[n]).clamp(-8.0, 8.0);
            (*at, self.effects[n] * z)
        })
    }

    pub fn log_odds(&self, features: &[f64]) -> f64 {
        (self.scale * self.raw(features) + self.shift).clamp(-13.0, 13.0)
    }

    /// Calibrated probability, strictly between 0 and 1.
    pub fn probability(&self, features: &[f64]) -> f64 {
        sigmoid(self.log_odds(features))
    }
}
