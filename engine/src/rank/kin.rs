//! Variants of one product, as a shop groups them and as titles tell.

use serendib_shop::ProductIx;

use super::Live;
use crate::model::Model;

/// A number that the variants of one product share: those of one parent, and those that titles tell.
pub fn kin(model: &Model, live: &Live, product: ProductIx) -> ProductIx {
    let family = live.catalogue.family(product);
    match &model.complements {
        Some(complements) => complements.variants().of(family),
        None => family,
    }
}
