//! Filter "excluded": what the request, the basket or the page rule out.

use crate::rank::{Filter, Query};
use serendib_shop::ProductIx;

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
