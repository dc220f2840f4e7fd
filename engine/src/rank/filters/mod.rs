//! Eligibility: what may be shown to this customer at all.

use crate::rank::{Filter, ListKind, Query};
use crate::shop::ProductIx;

/// Removed products, products not on sale, and products without stock.
pub struct OnSale;

impl Filter for OnSale {
    fn name(&self) -> &'static str {
        "not_on_sale"
    }

    fn keeps(&self, query: &Query, product: ProductIx) -> bool {
        query.live.sells(product, query.request.now)
    }
}

/// What the request excludes, the basket, and the product on the page.
pub struct Excluded;

impl Filter for Excluded {
    fn name(&self) -> &'static str {
        "excluded"
    }

    fn keeps(&self, query: &Query, product: ProductIx) -> bool {
        let context = &query.request.context;
        !query.request.exclusions.contains(&product)
            && context.viewed != Some(product)
            && context.basket.iter().all(|(inside, _)| *inside != product)
    }
}

/// What the customer owns and does not need twice.
///
/// With `exclude_owned` everything owned goes. Otherwise durables go, and from lists of new things (for-you,
/// goes-with, surprise, next-in-life) also what was bought only once: a habit shows by its second purchase.
pub struct AlreadyOwned;

impl Filter for AlreadyOwned {
    fn name(&self) -> &'static str {
        "owned"
    }

    fn enabled(&self, query: &Query) -> bool {
        !query.owned.is_empty()
    }

    fn keeps(&self, query: &Query, product: ProductIx) -> bool {
        let Some(owned) = query.owned.get(&product) else {
            return true;
        };
        if query.list.filters.exclude_owned {
            return false;
        }
        let row = query.live.catalogue.product(product);
        if row.durable == Some(true) {
            return false;
        }
        match query.list.kind {
            ListKind::BuyAgain | ListKind::NextBasket => true,
            ListKind::ForYou => row.durable == Some(false) && owned.times >= 2,
            _ => false,
        }
    }
}

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

/// Filters that every list passes, again as the very last step.
pub const ELIGIBILITY: &[&dyn Filter] = &[&OnSale, &Excluded, &AlreadyOwned, &Limits];
