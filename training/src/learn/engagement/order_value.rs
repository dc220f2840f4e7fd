//! Fits what an order of a customer is worth: Gamma–Gamma.

use serendib_engine::engagement::GammaGamma;
use statrs::function::gamma::ln_gamma;

use super::search::nelder_mead;

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
