//! How much the lists change from one model to the next.

use std::collections::HashSet;

use rayon::prelude::*;
use serde::Serialize;
use serendib_engine::model::Model;
use serendib_engine::represent::Representation;
use serendib_shop::{CustomerIx, Log, ProductIx, Touch, NO_PRODUCT};

const CUSTOMERS: usize = 1_000;
const LENGTH: usize = 10;

/// The first ten for the same customers under two models.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Churn {
    /// Id of the model before.
    pub before: String,
    pub customers: usize,
    /// Mean share of the old first ten that is still in the new first ten, 0 to 1.
    pub kept: f64,
    /// Share of customers whose first product stays.
    pub same_first: f64,
    /// Customers by how many of their ten stay: 0, 1, … 10.
    pub histogram: Vec<usize>,
}

/// Compares the lists of up to 1,000 customers of `log`, whose numbers are those of `after`; `None` without customers.
pub fn churn(before: &Model, after: &Model, log: &Log) -> Option<Churn> {
    let now = log.span.map_or(i64::MAX, |span| span.1 + 1);
    let known: Vec<CustomerIx> = CustomerIx::all(log.len())
        .filter(|customer| !log.histories.of(*customer).is_empty())
        .collect();
    if known.is_empty() || before.catalogue.is_empty() {
        return None;
    }
    // kinds keep their numbers where both models name them alike; products are looked up by id
    let products: Vec<ProductIx> = after
        .catalogue
        .products()
        .iter()
        .map(|p| before.catalogue.find(&p.product_id).unwrap_or(NO_PRODUCT))
        .collect();
    let step = (known.len() / CUSTOMERS).max(1);
    let sample: Vec<CustomerIx> = known.into_iter().step_by(step).collect();
    let pairs: Vec<(usize, bool)> = sample
        .par_iter()
        .filter_map(|customer| {
            let history = log.histories.of(*customer);
            let translated: Vec<Touch> = history
                .iter()
                .map(|touch| Touch {
                    product: products
                        .get(touch.product.index())
                        .copied()
                        .unwrap_or(NO_PRODUCT),
                    ..*touch
                })
                .collect();
            let new = first(&after.representation, history, now);
            let old: Vec<&str> = first(&before.representation, &translated, now)
                .into_iter()
                .map(|p| before.catalogue.product(p).product_id.as_str())
                .collect();
            let new: Vec<&str> = new
                .into_iter()
                .map(|p| after.catalogue.product(p).product_id.as_str())
                .collect();
            if old.is_empty() || new.is_empty() {
                return None;
            }
            let inside: HashSet<&str> = new.iter().copied().collect();
            let kept = old.iter().filter(|p| inside.contains(*p)).count();
            Some((kept, old[0] == new[0]))
        })
        .collect();
    let n = pairs.len().max(1) as f64;
    let mut histogram = vec![0; LENGTH + 1];
    for (kept, _) in &pairs {
        histogram[*kept] += 1;
    }
    Some(Churn {
        before: before.manifest.id.clone(),
        customers: pairs.len(),
        kept: pairs.iter().map(|p| p.0).sum::<usize>() as f64 / n / LENGTH as f64,
        same_first: pairs.iter().filter(|p| p.1).count() as f64 / n,
        histogram,
    })
}

fn first(representation: &Representation, history: &[Touch], now: i64) -> Vec<ProductIx> {
    let mut owned: Vec<ProductIx> = history
        .iter()
        .filter(|t| t.kind.acquires())
        .map(|t| t.product)
        .collect();
    owned.sort_unstable();
    let folded = representation.fold_in(history, now);
    representation
        .candidates(&folded, LENGTH, &|p| owned.binary_search(&p).is_err())
        .into_iter()
        .map(|(product, _)| product)
        .collect()
}
