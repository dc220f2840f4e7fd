//! How many orders a customer will place, and whether they still order at all: BG/NBD.
//!
//! P. Fader, B. Hardie & K. Lee, "“Counting Your Customers” the Easy Way: An Alternative to the Pareto/NBD Model",
//! Marketing Science 24(2), 2005: orders are Poisson with a gamma(r, α) rate; after each the customer leaves with a
//! beta(a, b) probability. Time is in weeks, as in the paper's example.

use serde::{Deserialize, Serialize};

use super::numeric::hyp2f1;
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
