//! What an order of a customer is worth: Gamma–Gamma.
//!
//! P. Fader & B. Hardie, "The Gamma-Gamma Model of Monetary Value", 2013: order values are gamma(p, ν) with a
//! gamma(q, γ) ν.

use serde::{Deserialize, Serialize};

/// The three parameters, all > 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GammaGamma {
    /// Shape of order values.
    pub p: f64,
    /// Shape of the customers' inverse scales.
    pub q: f64,
    /// Money: inverse scale of those.
    pub gamma: f64,
}

impl GammaGamma {
    /// Expected value of an order after `orders` worth `mean` each (equation 5), > 0.
    pub fn expected(&self, orders: f64, mean: f64) -> f64 {
        let (orders, mean) = if orders > 0.0 && mean > 0.0 && mean.is_finite() {
            (orders, mean)
        } else {
            (0.0, 0.0)
        };
        let below = self.p * orders + self.q - 1.0;
        if below <= 1e-3 {
            // the population has no mean then
            return if orders > 0.0 {
                mean
            } else {
                self.p * self.gamma / self.q
            };
        }
        self.p * (self.gamma + orders * mean) / below
    }
}
