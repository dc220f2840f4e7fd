//! What was felt of products: who said or kept what, when.

use serendib_engine::surprise::label;
use serendib_shop::{Delight, Kind, Log, ProductIx};

/// Ratings and kept lines that are fitted on, each: the latest.
const MOST: usize = 6_000;

/// One thing that was felt, and how.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Felt {
    pub customer: u32,
    pub product: ProductIx,
    /// When, ms since 1970-01-01 UTC.
    pub at: i64,
    /// 1 = delighted or kept, 0 = not; anything between counts for both.
    pub label: f64,
}

/// What customers said of surprises, in order of time; of customers and products that `log` knows, answers that tell nothing
/// left out.
pub fn said(log: &Log, delights: &[Delight]) -> Vec<Felt> {
    let felt = delights.iter().filter_map(|row| {
        Some(Felt {
            customer: log.customer(&row.customer_id)?,
            product: log.catalogue.find(&row.product_id)?,
            at: row.at,
            label: label(row)?,
        })
    });
    latest(felt.collect())
}

/// Which lines of boxes were kept (1) and which given back (0), in order of time.
pub fn kept(log: &Log) -> Vec<Felt> {
    let mut out = Vec::new();
    for (customer, history) in log.histories.iter().enumerate() {
        for touch in history.iter() {
            let label = match touch.kind {
                Kind::BOX_KEPT => 1.0,
                Kind::BOX_RETURNED => 0.0,
                _ => continue,
            };
            if (touch.product as usize) < log.catalogue.len() {
                out.push(Felt {
                    customer: customer as u32,
                    product: touch.product,
                    at: touch.at,
                    label,
                });
            }
        }
    }
    latest(out)
}

fn latest(mut felt: Vec<Felt>) -> Vec<Felt> {
    felt.sort_by_key(|f| (f.at, f.customer, f.product));
    felt.drain(..felt.len().saturating_sub(MOST));
    felt
}

/// Mean label of `felt`, 0…1; ½ of nothing.
pub fn share(felt: &[Felt]) -> f64 {
    if felt.is_empty() {
        return 0.5;
    }
    felt.iter().map(|f| f.label).sum::<f64>() / felt.len() as f64
}
