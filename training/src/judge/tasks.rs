//! What is predicted for whom: the held-out part of a public split, or what came after a cut.

use serendib_shop::{had, CustomerIx, Log, ProductIx, Touch, NO_PRODUCT};

use crate::learn::vectors::split::Split;

/// One customer with what they went on to acquire.
#[derive(Debug, Clone, PartialEq)]
pub struct EvalCase {
    /// What was seen of them.
    pub history: Vec<Touch>,
    /// As of when they are scored, ms.
    pub now: i64,
    /// Distinct products already acquired, ascending.
    pub owned: Vec<ProductIx>,
    /// Distinct products held out, ascending.
    pub relevant: Vec<ProductIx>,
    /// Held-out products that the catalogue does not know: counted as missed.
    pub unknown: usize,
}

/// A set of cases.
#[derive(Debug, Clone)]
pub struct Task {
    pub protocol: String,
    /// Cases in order of customer number.
    pub cases: Vec<EvalCase>,
    /// Customers of the log without anything held out, or of the held-out part without any history.
    pub left_out: usize,
    /// Held-out rows on products that the catalogue does not know.
    pub unknown_products: usize,
    /// Whether owned products count as answers (a next basket), or are masked (a set split without repeats).
    pub repeats: bool,
    /// Share of held-out products that were owned.
    pub repeat_share: f64,
}

/// Held-out shares of owned products up to this are noise of the split, and owned products are masked.
const REPEATS_FROM: f64 = 0.02;

/// Cases from the `held_out` rows of `log`; only acquisitions count, or every row where none is one.
pub fn from_held_out(log: &Log, held_out: &[(CustomerIx, Touch)]) -> Task {
    let acquires = held_out.iter().any(|(_, t)| t.welcomes());
    let mut relevant: Vec<Vec<ProductIx>> = vec![Vec::new(); log.len()];
    let mut unknown = vec![0usize; log.len()];
    let mut unknown_products = 0;
    let now = log.span.map_or(0, |span| span.1 + 1);
    for (customer, touch) in held_out.iter().filter(|(_, t)| t.welcomes() || !acquires) {
        if touch.product == NO_PRODUCT {
            unknown_products += 1;
            unknown[customer.index()] += 1;
        } else {
            relevant[customer.index()].push(touch.product);
        }
    }
    let mut cases = Vec::new();
    let mut left_out = 0;
    for (customer, mut relevant) in CustomerIx::all(log.len()).zip(relevant) {
        if relevant.is_empty() && unknown[customer.index()] == 0 {
            left_out += 1;
            continue;
        }
        relevant.sort_unstable();
        relevant.dedup();
        let history = log.histories.of(customer).to_vec();
        cases.push(EvalCase {
            owned: owned(&history),
            history,
            now,
            relevant,
            unknown: unknown[customer.index()],
        });
    }
    task(cases, left_out, unknown_products, |masked| {
        format!("held_out rows, full catalogue ranked, owned products {masked}")
    })
}

/// Cases from a split of the log: what was new to the customers after the cut.
pub fn from_split(split: &Split, customers: usize, cut: &str) -> Task {
    let cases: Vec<EvalCase> = split
        .cases
        .iter()
        .map(|case| EvalCase {
            history: case.history.clone(),
            now: case.now,
            owned: case.owned.clone(),
            relevant: case.relevant.clone(),
            unknown: 0,
        })
        .collect();
    let left_out = customers - cases.len();
    task(cases, left_out, 0, |masked| {
        format!(
            "{cut}; what is new to the customer, full catalogue ranked, owned products {masked}"
        )
    })
}

fn task(
    cases: Vec<EvalCase>,
    left_out: usize,
    unknown_products: usize,
    protocol: impl Fn(&str) -> String,
) -> Task {
    let total: usize = cases.iter().map(|c| c.relevant.len()).sum();
    let again: usize = cases
        .iter()
        .map(|c| {
            c.relevant
                .iter()
                .filter(|p| c.owned.binary_search(p).is_ok())
                .count()
        })
        .sum();
    let repeat_share = again as f64 / total.max(1) as f64;
    let repeats = repeat_share > REPEATS_FROM;
    Task {
        protocol: protocol(if repeats { "included" } else { "masked" }),
        cases,
        left_out,
        unknown_products,
        repeats,
        repeat_share,
    }
}

fn owned(history: &[Touch]) -> Vec<ProductIx> {
    let mut owned: Vec<ProductIx> = had(history).collect();
    owned.sort_unstable();
    owned.dedup();
    owned
}
