//! How likely a clock exists, from what a customer's voices say.
//!
//! When an anchor was and whether there is one are two questions: how far evidence is believed about the first
//! ([`Trust`](super::Trust)) says nothing of the second. What `fit` learns from who declared a clock and who did not, this
//! says.

use crate::stats::sigmoid;
use serde::{Deserialize, Serialize};

/// How the odds that a clock exists are read: P = σ(slope · ln odds + level).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Existence {
    /// Whether the odds are read from the ages at which things were bought; without, from who buys them at any age.
    pub by_age: bool,
    /// Power to which the likelihood of each voice is raised where they are read by age, above 0 to 4; 1 = as it is.
    pub power: f32,
    /// What is taken off ln odds of any age for every e-fold of a customer's voices, 0 to 1: who buys much of everything buys
    /// more presents, too.
    pub activity: f32,
    /// What the logarithm of the odds is multiplied by, above 0 to 10.
    pub slope: f32,
    /// What is added to it, −20 to 20.
    pub level: f32,
}

impl Default for Existence {
    /// The odds as they are: what holds until enough is declared.
    fn default() -> Existence {
        Existence {
            by_age: true,
            power: 1.0,
            activity: 0.0,
            slope: 1.0,
            level: 0.0,
        }
    }
}

impl Existence {
    /// Whether every number is within its range.
    pub fn is_sane(&self) -> bool {
        let positive = |x: f32, most: f32| x > 0.0 && x <= most;
        (0.0..=1.0).contains(&self.activity)
            && positive(self.power, 4.0)
            && positive(self.slope, 10.0)
            && self.level.abs() <= 20.0
    }

    /// The probability at `log_odds`, the logarithm of the odds as they are read.
    pub fn probability(&self, log_odds: f64) -> f64 {
        let logit = f64::from(self.slope) * log_odds + f64::from(self.level);
        sigmoid(logit)
    }
}
