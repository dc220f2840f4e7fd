//! What a customer expects: it is no surprise.

use crate::rank::{Filter, Query};
use serendib_shop::ProductIx;

/// Keeps out of surprises what the customer is shown anyway and what anybody would expect of them.
pub struct Expected;

impl Filter for Expected {
    fn name(&self) -> &'static str {
        "expected"
    }

    fn enabled(&self, query: &Query) -> bool {
        query.beside.is_some()
    }

    fn keeps(&self, query: &Query, product: ProductIx) -> bool {
        query
            .beside
            .is_none_or(|beside| !beside.expected.contains(&product))
    }
}
