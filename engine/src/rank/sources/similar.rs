//! Products like those the list starts from.

use super::breadth;
use crate::rank::{Query, Source};
use crate::shop::ProductIx;

/// Nearest products of the anchors, see [`Query::anchors`].
pub struct Similar;

impl Source for Similar {
    fn name(&self) -> &'static str {
        "similar"
    }

    fn propose(&self, query: &Query) -> Result<Vec<(ProductIx, f32)>, &'static str> {
        let mut best: std::collections::BTreeMap<ProductIx, f32> = Default::default();
        let anchors = query.anchors();
        for &anchor in &anchors {
            let allowed = |product: ProductIx| {
                !anchors.contains(&product) && query.live.sells(product, query.request.now)
            };
            for (product, score) in
                query
                    .model
                    .representation
                    .similar(anchor, breadth(query), &allowed)
            {
                let slot = best.entry(product).or_insert(score);
                *slot = slot.max(score);
            }
        }
        Ok(best.into_iter().collect())
    }
}
