//! How what is known of a product that a customer bought becomes the odds that they buy it again.

use serde::{Deserialize, Serialize};

use crate::stats::sigmoid;

/// Days after which a purchase counts half, of each of the counts.
pub const HALF_LIVES: [f32; 3] = [30.0, 90.0, 250.0];
/// Terms of the odds: ln of each count, ln of how due it is by the rhythm, and the log-odds by the rhythm alone.
pub const TERMS: usize = HALF_LIVES.len() + 2;
/// Number of the term "how due".
pub const DUE: usize = HALF_LIVES.len();
/// Number of the term "by the rhythm alone".
pub const RHYTHM: usize = HALF_LIVES.len() + 1;

/// Days ahead that the odds are of: what is told as "buy again" is told of them.
pub const HORIZON_DAYS: u16 = 14;
/// Less likely than this within them by the rhythm alone is no reason to offer something again: what nobody buys twice, or a life
/// is over with.
pub const LEAST_BY_RHYTHM: f32 = 1e-5;

/// Least count, so that a logarithm has an end.
const LEAST_COUNT: f32 = 1e-3;
/// Least chance by the rhythm alone, likewise.
const LEAST_CHANCE: f32 = 1e-6;

/// What is known of one product that one customer bought.
pub type Terms = [f32; TERMS];

/// The terms of a product that was bought on `days` (day and packs), as of day `today`, of which the rhythm says that so much
/// of the usual gap has passed (`ripeness`), and how likely it is bought (`chance`).
pub fn terms(days: &[(i64, f32)], today: f64, ripeness: f32, chance: f32) -> Terms {
    let mut out = [0.0; TERMS];
    for (slot, half_life) in out.iter_mut().zip(HALF_LIVES) {
        let faded = |day: i64| {
            let age = (today - day as f64).max(0.0) as f32;
            (-age / half_life).exp2()
        };
        let count: f32 = days.iter().map(|(day, _)| faded(*day)).sum();
        *slot = count.max(LEAST_COUNT).ln();
    }
    out[DUE] = due(ripeness).ln();
    let chance = chance.clamp(LEAST_CHANCE, 1.0 - LEAST_CHANCE);
    out[RHYTHM] = (chance / (1.0 - chance)).ln();
    out
}

/// How due something is of which `ripeness` usual gaps have passed: little right after a purchase, most a fifth after the usual
/// gap, and again little after three, when the habit has likely ended.
fn due(ripeness: f32) -> f32 {
    const LITTLE: f32 = 0.3;
    match ripeness < 3.0 {
        true => LITTLE + ripeness.clamp(0.0, 1.2),
        false => LITTLE,
    }
}

/// The odds that something is bought again, as weights of what is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RepeatOdds {
    /// Log-odds where every term is 0.
    pub intercept: f32,
    /// What each term adds to the log-odds, ≥ 0.
    pub weights: Terms,
}

impl Default for RepeatOdds {
    /// By the rhythm alone.
    fn default() -> RepeatOdds {
        let mut weights = [0.0; TERMS];
        weights[RHYTHM] = 1.0;
        RepeatOdds {
            intercept: 0.0,
            weights,
        }
    }
}

impl RepeatOdds {
    /// Probability at `terms`, 0 to 1.
    pub fn probability(&self, terms: &Terms) -> f32 {
        let sum: f32 = self.weights.iter().zip(terms).map(|(w, x)| w * x).sum();
        sigmoid(f64::from(self.intercept + sum)) as f32
    }
}
