//! Filter "limits": the list's own categories, brands and prices.

use crate::rank::{Filter, Query};
use serendib_shop::ProductIx;

/// The list's own limits on category, brand and price.
pub struct Limits;

impl Filter for Limits {
    fn name(&self) -> &'static str {
        "limits"
    }

    fn enabled(&self, query: &Query) -> bool {
        query.scope.bounds.is_some_and(|bounds| !bounds.are_none())
    }

    fn keeps(&self, query: &Query, product: ProductIx) -> bool {
        let bounds = query.scope.bounds;
        bounds.is_none_or(|bounds| bounds.hold(&query.live.catalogue, product))
    }
}
