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
        let filters = &query.list.filters;
        !filters.categories.is_empty()
            || !filters.brands.is_empty()
            || filters.min_price.is_some()
            || filters.max_price.is_some()
    }

    fn keeps(&self, query: &Query, product: ProductIx) -> bool {
        let filters = &query.list.filters;
        let catalogue = &query.live.catalogue;
        let row = catalogue.product(product);
        if !filters.brands.is_empty()
            && !row
                .brand
                .as_ref()
                .is_some_and(|b| filters.brands.contains(b))
        {
            return false;
        }
        if !filters.categories.is_empty() {
            let inside = catalogue.leaf(product).is_some_and(|leaf| {
                catalogue
                    .ancestry(leaf)
                    .any(|id| filters.categories.contains(&catalogue.category(id).path))
            });
            if !inside {
                return false;
            }
        }
        match (filters.min_price, filters.max_price) {
            (None, None) => true,
            (min, max) => row.price.is_some_and(|price| {
                min.is_none_or(|min| price >= min) && max.is_none_or(|max| price <= max)
            }),
        }
    }
}
