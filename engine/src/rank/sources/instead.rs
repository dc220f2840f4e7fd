//! What replaces a product that is not available.

use crate::rank::{Query, Source};
use crate::shop::ProductIx;

/// Substitutes and variants of those anchors that cannot be sold now; above anything that is merely similar.
pub struct Instead;

impl Source for Instead {
    fn name(&self) -> &'static str {
        "instead"
    }

    fn enabled(&self, query: &Query) -> bool {
        query.model.complements.is_some()
    }

    fn propose(&self, query: &Query) -> Result<Vec<(ProductIx, f32)>, &'static str> {
        let Some(complements) = &query.model.complements else {
            return Err("no complements");
        };
        let now = query.request.now;
        let mut out: Vec<(ProductIx, f32)> = Vec::new();
        for anchor in query.anchors() {
            if query.live.sells(anchor, now) {
                continue;
            }
            let groups = complements.variants().groups();
            let group = complements.variants().of(anchor);
            let variants = groups
                .iter()
                .enumerate()
                .filter(|(ix, g)| **g == group && *ix as ProductIx != anchor)
                .map(|(ix, _)| (ix as ProductIx, 3.0));
            let substitutes = complements
                .substitutes(anchor)
                .into_iter()
                .map(|(product, value)| (product, 2.0 + value));
            for (product, score) in variants.chain(substitutes) {
                if query.live.sells(product, now) && out.iter().all(|(p, _)| *p != product) {
                    out.push((product, score));
                }
            }
        }
        Ok(out)
    }
}
