//! What an order of a customer is worth: Gamma–Gamma.
//!
//! P. Fader & B. Hardie, "The Gamma-Gamma Model of Monetary Value", 2013: order values are gamma(p, ν) with a
//! gamma(q, γ) ν.

use serde::{Deserialize, Serialize};
use statrs::function::gamma::ln_gamma;

use super::numeric::nelder_mead;

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
    /// Maximum likelihood from (orders, mean value) per customer, both > 0; others are left out.
    ///
    /// `None` with fewer than 20 customers.
    pub fn fit(customers: &[(f64, f64)]) -> Option<GammaGamma> {
        let usable: Vec<(f64, f64)> = customers
            .iter()
            .filter(|(x, m)| x.is_finite() && m.is_finite() && *x > 0.0 && *m > 0.0)
            .copied()
            .collect();
        if usable.len() < 20 {
            return None;
        }
        let mean = usable.iter().map(|(_, m)| m).sum::<f64>() / usable.len() as f64;
        let cost = |l: &[f64]| {
            if l.iter().any(|v| !v.is_finite() || v.abs() > 25.0) {
                return f64::INFINITY;
            }
            let (p, q, g) = (l[0].exp(), l[1].exp(), l[2].exp());
            let sum: f64 = usable
                .iter()
                .map(|(x, m)| {
                    ln_gamma(p * x + q) - ln_gamma(p * x) - ln_gamma(q)
                        + q * g.ln()
                        + (p * x - 1.0) * m.ln()
                        + p * x * x.ln()
                        - (p * x + q) * (g + x * m).ln()
                })
                .sum();
            -sum / usable.len() as f64
        };
        let starts = [[1.0, 1.0, mean.ln()], [0.0, 1.5, mean.ln() + 1.0]];
        let (best, at) = starts
            .iter()
            .map(|start| nelder_mead(&cost, start, 0.5, 800))
            .min_by(|a, b| a.0.total_cmp(&b.0))?;
        best.is_finite().then(|| GammaGamma {
            p: at[0].exp(),
            q: at[1].exp(),
            gamma: at[2].exp(),
        })
    }

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
