//! Filter "outgrown": what the stages of the customer's life that have ended called for.

use crate::rank::{Filter, Query};
use serendib_shop::ProductIx;

/// Takes away what the customer's life has outgrown.
pub struct Outgrown;

impl Filter for Outgrown {
    fn name(&self) -> &'static str {
        "outgrown"
    }

    fn enabled(&self, query: &Query) -> bool {
        query.life.is_some_and(|view| !view.is_silent())
    }

    fn keeps(&self, query: &Query, product: ProductIx) -> bool {
        query
            .life
            .is_none_or(|view| !view.product(product).is_ended())
    }
}
