//! How far a clock's evidence is believed, so that intervals hold what they promise.
//!
//! The likelihood of a history is not the product of its purchases: they depend on each other, some are for others' children,
//! and tables are smoother or coarser than the truth. What `fit` measures on customers whose anchor is known, this says.

use serde::{Deserialize, Serialize};

/// How far the evidence for one clock is believed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Trust {
    /// Whether a piece speaks for an anchor by the ages at which holders buy such things; without, by how much more they buy
    /// of them at an age than others do.
    pub by_shape: bool,
    /// Power to which the likelihood of a single piece of evidence is raised, 0 to 4; 1 = as it is.
    pub power: f32,
    /// Total weight of evidence at which each piece counts half as much as one alone, > 0; absent = it never tires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tires: Option<f32>,
    /// Share of the posterior that stays as it was before any evidence, 0 to below 1.
    #[serde(default)]
    pub reserve: f32,
}

impl Default for Trust {
    /// Evidence as it is: what holds until anchors are known.
    fn default() -> Trust {
        Trust {
            by_shape: false,
            power: 1.0,
            tires: None,
            reserve: 0.0,
        }
    }
}

impl Trust {
    /// Whether every number is within its range.
    pub fn is_sane(&self) -> bool {
        (0.0..=4.0).contains(&self.power)
            && self.tires.is_none_or(|w| w > 0.0)
            && (0.0..1.0).contains(&self.reserve)
    }

    /// The power of each piece in a history whose pieces weigh `total` together.
    pub fn power_at(&self, total: f64) -> f64 {
        f64::from(self.power) / (1.0 + self.tires.map_or(0.0, |w| total / f64::from(w)))
    }

    /// Mixes what was believed `before` (as logarithms, of any sum) into `weights`.
    pub(super) fn hold_back(&self, before: &[f64], weights: &mut [f32]) {
        if self.reserve <= 0.0 {
            return;
        }
        let top = before.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = before.iter().map(|l| (l - top).exp()).sum();
        for (weight, log) in weights.iter_mut().zip(before) {
            let prior = ((log - top).exp() / sum) as f32;
            *weight += self.reserve * (prior - *weight);
        }
    }
}
