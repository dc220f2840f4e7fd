//! How many orders a customer will place, and whether they still order at all: MBG/NBD.
//!
//! E. Batislam, M. Denizel & A. Filiztekin, "Empirical validation and comparison of models for customer base analysis",
//! International Journal of Research in Marketing 24(3), 2007: orders are Poisson with a gamma(r, α) rate; after each, the
//! first one included, the customer leaves with a beta(a, b) probability. So silence says something of who ordered once,
//! too, unlike in the BG/NBD of Fader, Hardie & Lee (2005). Time is in weeks.

use serde::{Deserialize, Serialize};

use super::numeric::hyp2f1;
use serendib_shop::{kept_orders, Touch, DAY_MS};

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
    /// From a time-ordered history, up to `now`: the orders that were kept by then. `None` without any.
    pub fn of(history: &[Touch], now: i64) -> Option<Orders> {
        let orders = kept_orders(history, now);
        let mut days = orders.iter().map(|order| order.at.div_euclid(DAY_MS));
        let first = days.next()?;
        let last = days.next_back().unwrap_or(first);
        let last_week = (last - first) as f64 / 7.0;
        let age = now.saturating_sub(first * DAY_MS) as f64 / WEEK_MS;
        Some(Orders {
            repeats: (orders.len() - 1) as f64,
            last: last_week,
            age: age.max(last_week),
        })
    }
}

/// The four parameters, all > 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MbgNbd {
    /// Shape of the rate.
    pub r: f64,
    /// Weeks: inverse scale of the rate.
    pub alpha: f64,
    /// Shape of leaving.
    pub a: f64,
    /// Shape of staying.
    pub b: f64,
}

impl MbgNbd {
    /// log of the odds of having left: a/(b+x) ((α+T)/(α+t))^(r+x).
    fn log_odds_left(&self, c: &Orders) -> f64 {
        self.a.ln() - (self.b + c.repeats).max(1e-12).ln()
            + (self.r + c.repeats) * ((self.alpha + c.age).ln() - (self.alpha + c.last).ln())
    }

    /// Probability that the customer still orders, 0…1; it falls with silence, also after a single order.
    pub fn alive(&self, c: &Orders) -> f64 {
        1.0 / (1.0 + self.log_odds_left(c).exp())
    }

    /// Expected orders in the next `weeks`, ≥ 0.
    pub fn expected(&self, c: &Orders, weeks: f64) -> f64 {
        if weeks <= 0.0 || weeks.is_nan() {
            return 0.0;
        }
        let MbgNbd { r, alpha, b, .. } = *self;
        // the formula has a removable pole at a = 1
        let a = if (self.a - 1.0).abs() < 1e-6 {
            1.0 + 1e-6
        } else {
            self.a
        };
        let x = c.repeats;
        let z = weeks / (alpha + c.age + weeks);
        let shrink = ((r + x) * ((alpha + c.age).ln() - (alpha + c.age + weeks).ln())).exp();
        let gone = shrink * hyp2f1(r + x, b + x + 1.0, a + b + x, z);
        let orders = (a + b + x) / (a - 1.0) * (1.0 - gone) * self.alive(c);
        // rounding, and never more than the posterior rate allows
        let most = (r + x) / (alpha + c.age) * weeks;
        if orders.is_finite() {
            orders.clamp(0.0, most)
        } else {
            most * self.alive(c)
        }
    }
}
