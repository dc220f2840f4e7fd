//! How many orders a customer will place, and whether they still order at all: BG/NBD.
//!
//! P. Fader, B. Hardie & K. Lee, "“Counting Your Customers” the Easy Way: An Alternative to the Pareto/NBD Model",
//! Marketing Science 24(2), 2005: orders are Poisson with a gamma(r, α) rate; after each the customer leaves with a
//! beta(a, b) probability. Time is in weeks, as in the paper's example.

use serde::{Deserialize, Serialize};
use statrs::function::gamma::ln_gamma;

use super::numeric::{hyp2f1, log_sum_exp, nelder_mead};
use serendib_shop::{Kind, Touch, DAY_MS};

/// A customer's orders in short: repeat orders, when the last was, and for how long they are known.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Orders {
    /// Orders after the first, ≥ 0.
    pub repeats: f64,
    /// Weeks from the first to the last order, ≥ 0; 0 without repeats.
    pub last: f64,
    /// Weeks from the first order to now, ≥ last.
    pub age: f64,
}

/// Most distinct customers that are fitted on; of more, every n-th in order of orders and ages.
const MOST_CUSTOMERS: usize = 10_000;

const WEEK_MS: f64 = 7.0 * DAY_MS as f64;

impl Orders {
    /// From a time-ordered history, up to `now`: days with a purchase are orders. `None` without any.
    pub fn of(history: &[Touch], now: i64) -> Option<Orders> {
        let mut days = history
            .iter()
            .filter(|t| t.kind == Kind::PURCHASE && t.at <= now)
            .map(|t| t.at.div_euclid(DAY_MS));
        let first = days.next()?;
        let (mut last, mut repeats) = (first, 0.0);
        for day in days {
            if day > last {
                repeats += 1.0;
                last = day;
            }
        }
        let start = first * DAY_MS;
        Some(Orders {
            repeats,
            last: (last - first) as f64 / 7.0,
            age: (now.saturating_sub(start) as f64 / WEEK_MS).max((last - first) as f64 / 7.0),
        })
    }
}

/// The four parameters, all > 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BgNbd {
    /// Shape of the rate.
    pub r: f64,
    /// Weeks: inverse scale of the rate.
    pub alpha: f64,
    /// Shape of leaving.
    pub a: f64,
    /// Shape of staying.
    pub b: f64,
}

impl BgNbd {
    /// Log-likelihood of one customer, in the form that does not overflow.
    pub fn log_likelihood(&self, c: &Orders) -> f64 {
        let BgNbd { r, alpha, a, b } = *self;
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
            let model = BgNbd::of_logs(p);
            -counted
                .iter()
                .map(|(c, n)| n * model.log_likelihood(c))
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
        best.is_finite().then(|| BgNbd::of_logs(&at))
    }

    fn of_logs(p: &[f64]) -> BgNbd {
        BgNbd {
            r: p[0].exp(),
            alpha: p[1].exp(),
            a: p[2].exp(),
            b: p[3].exp(),
        }
    }

    /// log of the odds of having left: δ (a/(b+x−1)) ((α+T)/(α+t))^(r+x).
    fn log_odds_left(&self, c: &Orders) -> f64 {
        if c.repeats <= 0.0 {
            return f64::NEG_INFINITY;
        }
        self.a.ln() - (self.b + c.repeats - 1.0).max(1e-12).ln()
            + (self.r + c.repeats) * ((self.alpha + c.age).ln() - (self.alpha + c.last).ln())
    }

    /// Probability that the customer still orders, 0…1. 1 without repeats: the model cannot tell yet.
    pub fn alive(&self, c: &Orders) -> f64 {
        1.0 / (1.0 + self.log_odds_left(c).exp())
    }

    /// Expected orders in the next `weeks` (equation 10), ≥ 0.
    pub fn expected(&self, c: &Orders, weeks: f64) -> f64 {
        if weeks <= 0.0 || weeks.is_nan() {
            return 0.0;
        }
        let BgNbd { r, alpha, b, .. } = *self;
        // the formula has a removable pole at a = 1
        let a = if (self.a - 1.0).abs() < 1e-6 {
            1.0 + 1e-6
        } else {
            self.a
        };
        let x = c.repeats;
        let z = weeks / (alpha + c.age + weeks);
        let shrink = ((r + x) * ((alpha + c.age).ln() - (alpha + c.age + weeks).ln())).exp();
        let gone = shrink * hyp2f1(r + x, b + x, a + b + x - 1.0, z);
        let orders = (a + b + x - 1.0) / (a - 1.0) * (1.0 - gone) * self.alive(c);
        // rounding, and never more than the posterior rate allows
        let most = (r + x) / (alpha + c.age) * weeks;
        if orders.is_finite() {
            orders.clamp(0.0, most)
        } else {
            most * self.alive(c)
        }
    }
}
