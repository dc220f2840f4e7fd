//! Filter "already owned": what the customer has and does not need twice.

use crate::rank::kin::kin;
use crate::rank::{Filter, ListKind, Query};
use serendib_shop::ProductIx;

/// What the customer owns and does not need twice.
///
/// With `exclude_owned` everything owned goes. Otherwise durables go, with their other sizes and colours except where the list
/// is of what is like a product, and from lists of new things (for-you,
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
            return query.owned_kin.is_empty()
                || query.list.kind == ListKind::Similar
                || !query
                    .owned_kin
                    .contains(&kin(query.model, query.live, product));
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
