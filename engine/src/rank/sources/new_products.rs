//! Products that came after the model was fitted, through their content.

use crate::rank::{Query, Source};
use serendib_shop::ProductIx;

/// Every new product, scored by its content vector against the customer.
pub struct NewProducts;

impl Source for NewProducts {
    fn name(&self) -> &'static str {
        "new_products"
    }

    fn enabled(&self, query: &Query) -> bool {
        !query.folded.is_empty() && !query.live.cold.is_empty()
    }

    fn propose(&self, query: &Query) -> Result<Vec<(ProductIx, f32)>, &'static str> {
        let representation = &query.model.representation;
        Ok(query
            .live
            .cold
            .iter()
            .enumerate()
            .filter_map(|(ix, cold)| {
                let score = representation.score_cold(query.folded, cold.as_ref()?);
                Some((ProductIx::of_index(query.live.known + ix), score))
            })
            .collect())
    }
}
