//! What replaces a product that is not available.

use crate::model::Model;
use crate::rank::{Live, Query, Source};
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
        let now = query.request.now;
        let mut out: Vec<(ProductIx, f32)> = Vec::new();
        for anchor in query.anchors() {
            if query.live.sells(anchor, now) {
                continue;
            }
            for (product, score) in replacements(query.model, query.live, anchor, now) {
                if out.iter().all(|(p, _)| *p != product) {
                    out.push((product, score));
                }
            }
        }
        Ok(out)
    }
}

/// What is sold at `now` in the place of `product`, each once: its variants, then its substitutes by how far they replace it.
pub(in crate::rank) fn replacements(
    model: &Model,
    live: &Live,
    product: ProductIx,
    now: i64,
) -> Vec<(ProductIx, f32)> {
    let Some(complements) = &model.complements else {
        return Vec::new();
    };
    let groups = complements.variants().groups();
    let group = complements.variants().of(product);
    let variants = groups
        .iter()
        .enumerate()
        .filter(|(ix, g)| **g == group && *ix as ProductIx != product)
        .map(|(ix, _)| (ix as ProductIx, 3.0));
    let substitutes = complements
        .substitutes(product)
        .into_iter()
        .map(|(other, value)| (other, 2.0 + value));
    let mut out: Vec<(ProductIx, f32)> = Vec::new();
    for (other, score) in variants.chain(substitutes) {
        if live.sells(other, now) && out.iter().all(|(known, _)| *known != other) {
            out.push((other, score));
        }
    }
    out
}
