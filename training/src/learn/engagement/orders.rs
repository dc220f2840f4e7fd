//! Fits how often customers order and whether they still do: BG/NBD.
//!
//! P. Fader, B. Hardie & K. Lee, "Counting Your Customers the Easy Way", Marketing Science 24, 2005.

use serendib_engine::engagement::{BgNbd, Orders};
use statrs::function::gamma::ln_gamma;

use super::search::nelder_mead;

/// Most distinct customers that are fitted on; of more, every n-th in order of orders and ages.
const MOST_CUSTOMERS: usize = 10_000;

/// Log-likelihood of one customer, in the form that does not overflow.
pub fn log_likelihood(model: &BgNbd, c: &Orders) -> f64 {
    let BgNbd { r, alpha, a, b } = *model;
    let x = c.repeats;
    let a1 = ln_gamma(r + x) - ln_gamma(r) + r * alpha.ln();
    let a2 = ln_gamma(a + b) + ln_gamma(b + x) - ln_gamma(b) - ln_gamma(a + b + x);
    let a3 = -(r + x) * (alpha + c.age).ln();
    if x > 0.0 {
        let a4 = a.ln() - (b + x - 1.0).ln() - (r + x) * (alpha + c.last).ln();
        a1 + a2 + log_sum_exp(a3, a4)
    } else {
        a1 + a2 + a3
    }
}

/// Maximum likelihood from four starts of a simplex search over the logarithms of the parameters.
///
/// `None` with fewer than 20 customers, without repeat orders, or if no start ends at a finite likelihood.
pub fn fit(customers: &[Orders]) -> Option<BgNbd> {
    let usable: Vec<Orders> = customers
        .iter()
        .filter(|c| c.repeats.is_finite() && c.age.is_finite() && c.age > 0.0)
        .filter(|c| (0.0..=c.age).contains(&c.last) && c.repeats >= 0.0)
        .copied()
        .collect();
    if usable.len() < 20 || usable.iter().all(|c| c.repeats == 0.0) {
        return None;
    }
    let mean = usable.iter().map(|c| c.age).sum::<f64>() / usable.len() as f64;
    // equal customers are counted once
    let mut counted: Vec<(Orders, f64)> = Vec::new();
    let mut sorted = usable;
    let key = |c: &Orders| (c.repeats.to_bits(), c.last.to_bits(), c.age.to_bits());
    sorted.sort_by_key(key);
    for c in sorted {
        match counted.last_mut() {
            Some((last, n)) if key(last) == key(&c) => *n += 1.0,
            _ => counted.push((c, 1.0)),
        }
    }
    // four parameters need no more customers than this
    let stride = counted.len().div_ceil(MOST_CUSTOMERS);
    let counted: Vec<(Orders, f64)> = counted.into_iter().step_by(stride).collect();
    let total: f64 = counted.iter().map(|(_, n)| n).sum();
    let cost = |p: &[f64]| {
        if p.iter().any(|v| !v.is_finite() || v.abs() > 12.0) {
            return f64::INFINITY;
        }
        let model = of_logs(p);
        -counted
            .iter()
            .map(|(c, n)| n * log_likelihood(&model, c))
            .sum::<f64>()
            / total
    };
    let starts = [
        [0.3f64.ln(), (0.3 * mean).max(1e-3).ln(), 0.0, 1.0],
        [0.0, mean.max(1e-3).ln(), -1.0, 1.0],
        [1.0, (0.1 * mean).max(1e-3).ln(), 0.5, 2.0],
        [-1.5, (0.1 * mean).max(1e-3).ln(), -0.3, 0.7],
    ];
    // a short walk from each start, a long one from where the best ended
    let (_, near) = starts
        .iter()
        .map(|start| nelder_mead(&cost, start, 0.5, 60))
        .min_by(|a, b| a.0.total_cmp(&b.0))?;
    let (best, at) = nelder_mead(&cost, &near, 0.2, 500);
    best.is_finite().then(|| of_logs(&at))
}

fn of_logs(p: &[f64]) -> BgNbd {
    BgNbd {
        r: p[0].exp(),
        alpha: p[1].exp(),
        a: p[2].exp(),
        b: p[3].exp(),
    }
}

/// log(eᵃ + eᵇ) without overflow.
fn log_sum_exp(a: f64, b: f64) -> f64 {
    let most = a.max(b);
    if most == f64::NEG_INFINITY {
        return most;
    }
    most + ((a - most).exp() + (b - most).exp()).ln()
}
