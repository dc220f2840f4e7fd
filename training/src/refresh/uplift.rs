//! What personal answers are worth: orders of customers with and without them.

use serde::Serialize;
use serendib_shop::{kept_orders, Arm, CustomerIx, Log, DAY_MS};

use crate::judge::policy::{interval, Interval};

use super::policy::ServeLog;

const RESAMPLES: usize = 1_000;
/// Customers on either side below which nothing is said.
const LEAST: usize = 30;
/// Orders on either side below which nothing is said.
const LEAST_ORDERS: f64 = 20.0;
/// Days below which nothing is said: a rate a year from some hours is no rate.
const LEAST_DAYS: i64 = 28;

/// Orders per customer and year, with and without.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Uplift {
    /// Percent of customers in the holdout, for those of whom no decision is logged.
    pub percent: f64,
    /// Customers whose arm the serve log tells.
    pub decided: usize,
    /// From when on orders count, ms: the first answer of a model.
    pub since: i64,
    /// Customers who get personal answers.
    pub with_customers: usize,
    /// Customers who do not.
    pub without_customers: usize,
    /// Orders per customer and year of those who do.
    pub with: Interval,
    /// Of those who do not.
    pub without: Interval,
    /// With minus without.
    pub difference: Interval,
}

/// Compares the orders since `since` (the first answer of a model). `None` without times, without answers, within 28 days
/// of the first one, or with fewer than 30 customers or 20 orders on either side. An order is a basket
/// that was bought, for oneself or as a present, and of which something was kept by the end of the log: ratings are none, nor is
/// what was kept from a box. A customer counts in the arm of their first decision in the serve log; one of whom none is logged,
/// by the hash that the server goes by.
pub fn uplift(log: &Log, percent: f64, served: &ServeLog, seed: u64) -> Option<Uplift> {
    let since = served.since?;
    let (_, end) = log.span.filter(|_| log.timed)?;
    if end - since < LEAST_DAYS * DAY_MS {
        return None;
    }
    const YEAR_MS: f64 = 365.25 * DAY_MS as f64;
    // orders with, years with, orders without, years without: one row per customer
    let mut rows: Vec<[f64; 4]> = Vec::new();
    let mut counts = [0usize; 2];
    let mut decided = 0;
    for customer in CustomerIx::all(log.len()) {
        let history = log.histories.of(customer);
        let Some(first) = history.first() else {
            continue;
        };
        let years = (end - first.at.max(since)) as f64 / YEAR_MS;
        if years <= 0.0 {
            continue;
        }
        let orders = kept_orders(history, end);
        let orders = orders.iter().filter(|order| order.at >= since).count() as f64;
        let arm = served.arms.get(&customer).map(|(_, arm)| *arm);
        decided += usize::from(arm.is_some());
        let arm = arm.unwrap_or_else(|| Arm::of(log.customer_id(customer), percent));
        let held = arm == Arm::Holdout;
        counts[usize::from(held)] += 1;
        rows.push(if held {
            [0.0, 0.0, orders, years]
        } else {
            [orders, years, 0.0, 0.0]
        });
    }
    let ordered = |side: usize| rows.iter().map(|row| row[2 * side]).sum::<f64>();
    let few = |side: usize| counts[side] < LEAST || ordered(side) < LEAST_ORDERS;
    if few(0) || few(1) {
        return None;
    }
    let rate = |orders: f64, years: f64| if years > 0.0 { orders / years } else { 0.0 };
    let figure = |of: &dyn Fn(&[f64; 4]) -> f64| interval(&rows, of, RESAMPLES, seed);
    Some(Uplift {
        percent,
        decided,
        since,
        with_customers: counts[0],
        without_customers: counts[1],
        with: figure(&|[o, y, _, _]| rate(*o, *y)),
        without: figure(&|[_, _, o, y]| rate(*o, *y)),
        difference: figure(&|[a, b, c, d]| rate(*a, *b) - rate(*c, *d)),
    })
}
