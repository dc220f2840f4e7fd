//! Filter "let_down": what once let the customer down is no surprise.

use crate::rank::{Filter, Query};
use serendib_shop::ProductIx;

/// Products that the customer gave back, complained about, rated low or took out of the cart.
pub struct LetDownBefore;

impl Filter for LetDownBefore {
    fn name(&self) -> &'static str {
        "let_down"
    }

    fn enabled(&self, query: &Query) -> bool {
        !query.standing.let_down.is_empty()
    }

    fn keeps(&self, query: &Query, product: ProductIx) -> bool {
        !query.standing.let_down.contains_key(&product)
    }
}
