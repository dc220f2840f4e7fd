//! Fits how often customers order and whether they still do: MBG/NBD, see [`MbgNbd`].

use serendib_engine::engagement::{MbgNbd, Orders};
use statrs::function::gamma::ln_gamma;

use super::search::nelder_mead;

/// Most distinct customers that are fitted on; of more, every n-th in order of orders and ages.
const MOST_CUSTOMERS: usize = 10_000;

/// Log-likelihood of one customer, in the form that does not overflow.
pub fn log_likelihood(model: &MbgNbd, c: &Orders) -> f64 {
    let MbgNbd { r, alpha, a, b } = *model;
    let x = c.repeats;
    let a1 = ln_gamma(r + x) - ln_gamma(r) + r * alpha.ln();
    let a2 = ln_gamma(a + b) + ln_gamma(b + x + 1.0) - ln_gamma(b) - ln_gamma(a + b + x + 1.0);
    let a3 = -(r + x) * (alpha + c.age).ln();
    let a4 = a.ln() - (b + x).ln() - (r + x) * (alpha + c.last).ln();
    a1 + a2 + log_sum_exp(a3, a4)
}

/// Customers who left after one of their orders that are taken to be behind the data: nobody orders for ever, also where
/// nobody has been seen to leave yet.
const LEFT: f64 = 1.0;

/// log of the mean probability of leaving after an order, [`LEFT`] times.
fn log_prior(model: &MbgNbd) -> f64 {
    LEFT * (model.a.ln() - (model.a + model.b).ln())
}

/// Highest posterior likelihood from four starts of a simplex search over the logarithms of the parameters.
///
/// `None` with fewer than 20 customers, without repeat orders, or if no start ends at a finite likelihood.
pub fn fit(customers: &[Orders]) -> Option<MbgNbd> {
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
        let likelihood: f64 = counted
            .iter()
            .map(|(c, n)| n * log_likelihood(&model, c))
            .sum();
        -(likelihood + log_prior(&model)) / total
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

fn of_logs(p: &[f64]) -> MbgNbd {
    MbgNbd {
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
