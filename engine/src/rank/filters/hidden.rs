//! Filter "hidden": what the customer asked never to see again.

use crate::rank::{Filter, Query};
use serendib_shop::ProductIx;

/// Products that the customer hid, disliked or is not interested in, until they say otherwise.
pub struct Hidden;

impl Filter for Hidden {
    fn name(&self) -> &'static str {
        "hidden"
    }

    fn enabled(&self, query: &Query) -> bool {
        !query.standing.hidden.is_empty()
    }

    fn keeps(&self, query: &Query, product: ProductIx) -> bool {
        !query.standing.hidden.contains(&product)
    }
}
