//! What replaces a product that is not available.

use crate::model::Model;
use crate::rank::{Live, Query, Source};
use serendib_shop::ProductIx;

/// Nearest products among which replacements are sought.
const NEAR: usize = 50;
/// What is sought for one of several that are gone.
const FEW: usize = 5;

/// What takes the place of those anchors that cannot be sold now: their variants, their substitutes, then others of their leaf
/// category; above anything that is merely similar.
pub struct Instead;

impl Source for Instead {
    fn name(&self) -> &'static str {
        "instead"
    }

    fn propose(&self, query: &Query) -> Result<Vec<(ProductIx, f32)>, &'static str> {
        let now = query.request.now;
        let mut out: Vec<(ProductIx, f32)> = Vec::new();
        let anchors = query.anchors();
        for &anchor in &anchors {
            if query.live.sells(anchor, now) {
                continue;
            }
            let (model, live) = (query.model, query.live);
            let mut found = replacements(model, live, anchor, now);
            // Beside other anchors one that is gone must not fill the list with its kind.
            let wanted = match (live.catalogue.leaf(anchor), anchors.len()) {
                (None, _) => 0,
                (Some(_), 1) => NEAR,
                (Some(_), _) => FEW.saturating_sub(found.len()),
            };
            if wanted > 0 {
                // between the weakest replacement and the most similar
                let alike = alike(model, live, anchor, now).into_iter().take(wanted);
                let score = |ix: usize| 2.0 - ix as f32 / NEAR as f32;
                found.extend(alike.enumerate().map(|(ix, p)| (p, score(ix))));
            }
            for (product, score) in found {
                if out.iter().all(|(p, _)| *p != product) {
                    out.push((product, score));
                }
            }
        }
        Ok(out)
    }
}

/// What is sold at `now` in the place of `product`, each once: its variants, then its substitutes by how far they replace it.
pub(crate) fn replacements(
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

/// Products on sale of the same leaf category, most alike first; for one that the model has no vector of, or a shop
/// without categories, as far as is known.
pub(crate) fn alike(model: &Model, live: &Live, about: ProductIx, now: i64) -> Vec<ProductIx> {
    let catalogue = &live.catalogue;
    let leaf = catalogue.leaf(about);
    let same = |product: ProductIx| leaf.is_none() || catalogue.leaf(product) == leaf;
    let fine = |product: ProductIx| product != about && same(product) && live.sells(product, now);
    let mut near: Vec<ProductIx> = Vec::new();
    if (about as usize) < live.known {
        let found = model.representation.similar(about, NEAR, &fine);
        near.extend(found.into_iter().map(|(product, _)| product));
    }
    if near.is_empty() && leaf.is_some() {
        near.extend(model.by_popularity().iter().copied().filter(|p| fine(*p)));
        near.truncate(NEAR);
    }
    near
}
