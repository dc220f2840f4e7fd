//! What most customers bought: the answer for somebody of whom nothing is known. What came after the model was fitted, of
//! which nobody knows how often it is bought, follows behind.

use crate::rank::{Query, Source};
use serendib_shop::ProductIx;

/// Most popular products that may be shown.
pub struct Popular;

impl Source for Popular {
    fn name(&self) -> &'static str {
        "popular"
    }

    fn propose(&self, query: &Query) -> Result<Vec<(ProductIx, f32)>, &'static str> {
        let allowed = query.admits();
        let later = ProductIx::all(query.live.catalogue.len()).skip(query.live.known);
        Ok(query
            .model
            .by_popularity()
            .iter()
            .copied()
            .chain(later)
            .filter(|&product| allowed(product))
            .take(query.scope.breadth)
            .map(|product| (product, query.model.lately_share(product)))
            .collect())
    }
}
