//! Filter "on sale": what the shop does not sell at this moment is not shown.

use crate::rank::{Filter, Query};
use serendib_shop::ProductIx;

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
