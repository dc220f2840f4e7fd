//! What replaces a product, and what is merely alike.

use serendib_shop::ProductIx;

use super::Live;
use crate::model::Model;

/// Nearest products among which replacements are sought.
pub(crate) const NEAR: usize = 50;

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
    let variants = ProductIx::all(groups.len())
        .zip(groups)
        .filter(|(ix, g)| **g == group && *ix != product)
        .map(|(ix, _)| (ix, 3.0));
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

/// Products that `admits` lets in of the same leaf category, most alike first; for one that the model has no vector of, or a shop
/// without categories, as far as is known.
pub(crate) fn alike(
    model: &Model,
    live: &Live,
    about: ProductIx,
    admits: &(dyn Fn(ProductIx) -> bool + Sync),
) -> Vec<ProductIx> {
    let catalogue = &live.catalogue;
    let leaf = catalogue.leaf(about);
    let same = |product: ProductIx| leaf.is_none() || catalogue.leaf(product) == leaf;
    let fine = |product: ProductIx| product != about && same(product) && admits(product);
    let mut near: Vec<ProductIx> = Vec::new();
    if about.index() < live.known {
        let found = model.representation.similar(about, NEAR, &fine);
        near.extend(found.into_iter().map(|(product, _)| product));
    }
    if near.is_empty() && leaf.is_some() {
        near.extend(model.by_popularity().iter().copied().filter(|p| fine(*p)));
        near.truncate(NEAR);
    }
    near
}
