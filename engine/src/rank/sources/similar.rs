//! Products like those the list starts from.

use crate::index::{dot, Top};
use crate::rank::arrangers::list_quality::vector;
use crate::rank::{Query, Source};
use serendib_shop::ProductIx;

/// Nearest products of the anchors, see [`Query::anchors`].
pub struct Similar;

impl Source for Similar {
    fn name(&self) -> &'static str {
        "similar"
    }

    fn propose(&self, query: &Query) -> Result<Vec<(ProductIx, f32)>, &'static str> {
        let mut best: std::collections::BTreeMap<ProductIx, f32> = Default::default();
        let anchors = query.anchors();
        let admits = query.admits();
        let allowed = |product: ProductIx| !anchors.contains(&product) && admits(product);
        for &anchor in &anchors {
            let Some(vector) = vector(query, anchor) else {
                continue;
            };
            let representation = &query.model.representation;
            let known = representation.nearest(vector, query.scope.breadth, &allowed);
            let later = nearest_later(query, vector, &allowed);
            for (product, score) in known.into_iter().chain(later) {
                let slot = best.entry(product).or_insert(score);
                *slot = slot.max(score);
            }
        }
        Ok(best.into_iter().collect())
    }
}

/// The products that came after the model and are nearest to `vector`: too few for an index.
fn nearest_later(
    query: &Query,
    vector: &[f32],
    allowed: &dyn Fn(ProductIx) -> bool,
) -> Vec<(ProductIx, f32)> {
    let mut top = Top::new(query.scope.breadth);
    for (ix, cold) in query.live.cold.iter().enumerate() {
        let product = ProductIx::of_index(query.live.known + ix);
        if let Some(cold) = cold.as_ref().filter(|_| allowed(product)) {
            top.push(product, dot(vector, cold.vector()));
        }
    }
    top.finish()
}
