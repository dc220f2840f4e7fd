//! What goes with the basket, the product on the page, or recent purchases after the right lag.

use crate::rank::recent_purchases::recent_purchases;
use crate::rank::{Query, Source};
use serendib_shop::ProductIx;

/// Completes a basket of several products; otherwise complements of the product on the page or alone in the basket, or of
/// recent purchases.
pub struct GoesWith;

impl Source for GoesWith {
    fn name(&self) -> &'static str {
        "goes_with"
    }

    fn enabled(&self, query: &Query) -> bool {
        query.model.complements.is_some()
    }

    fn propose(&self, query: &Query) -> Result<Vec<(ProductIx, f32)>, &'static str> {
        let Some(complements) = &query.model.complements else {
            return Err("no complements");
        };
        let allowed = query.admits();
        let breadth = query.scope.breadth;
        if completes_basket(query) {
            return Ok(complements.complete(&unit_basket(query), breadth, &allowed));
        }
        if let Some(anchor) = anchor(query) {
            return Ok(complements.complete(&[(anchor, 1.0)], breadth, &allowed));
        }
        let bought = recent(query);
        if bought.is_empty() {
            // Nothing that anything could go with: what most baskets hold.
            return Ok(complements.complete(&[], breadth, &allowed));
        }
        Ok(complements
            .goes_with(&bought, breadth, &allowed)
            .into_iter()
            .map(|(product, score, _)| (product, score))
            .collect())
    }
}

/// The one product that the list is about: the viewed one, or the only one in the basket.
pub(crate) fn about(query: &Query) -> Option<ProductIx> {
    let context = &query.request.context;
    let basket = context.basket.first().map(|(product, _)| *product);
    let only = basket.filter(|_| !completes_basket(query));
    context.viewed.or(only)
}

/// What is known to go with the product that the list is [`about`]: one that came after the model is stood for by the best
/// seller of its category.
fn anchor(query: &Query) -> Option<ProductIx> {
    let about = about(query)?;
    if about.index() < query.live.known {
        return Some(about);
    }
    let catalogue = &query.live.catalogue;
    let leaf = catalogue.leaf(about);
    let stands = |p: &&ProductIx| leaf.is_some() && catalogue.leaf(**p) == leaf;
    let stand_in = query.model.by_popularity().iter().find(stands);
    Some(stand_in.copied().unwrap_or(about))
}

/// Whether the list completes a basket of several products, rather than following the one on the page, the only one in the
/// basket, or purchases.
pub(crate) fn completes_basket(query: &Query) -> bool {
    let context = &query.request.context;
    let first = context.basket.first().map(|(product, _)| *product);
    context.viewed.is_none() && context.basket.iter().any(|(p, _)| Some(*p) != first)
}

/// The basket's distinct known products, each once: packs do not matter.
pub(crate) fn unit_basket(query: &Query) -> Vec<(ProductIx, f32)> {
    let mut basket: Vec<(ProductIx, f32)> = query
        .request
        .context
        .basket
        .iter()
        .filter(|(product, _)| product.index() < query.live.known)
        .map(|(product, _)| (*product, 1.0))
        .collect();
    basket.sort_by_key(|(product, _)| *product);
    basket.dedup_by_key(|(product, _)| *product);
    basket
}

/// What complements are sought for, with days since: the product on the page or alone in the basket, else the last distinct
/// purchases.
pub(crate) fn recent(query: &Query) -> Vec<(ProductIx, f64)> {
    if let Some(anchor) = anchor(query) {
        return vec![(anchor, 0.0)];
    }
    recent_purchases(query.customer.history, query.owned, query.request.now)
}
