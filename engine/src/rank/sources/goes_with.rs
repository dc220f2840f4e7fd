//! What goes with the basket, the product on the page, or recent purchases after the right lag.

use crate::rank::recent_purchases::recent_purchases;
use crate::rank::{Query, Source};
use serendib_shop::ProductIx;

/// Completes the basket where there is one; otherwise complements of the viewed product or of recent purchases.
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
        if completes_basket(query) {
            let basket = unit_basket(query);
            return Ok(complements
                .completion()
                .complete(&basket, query.scope.breadth, &allowed));
        }
        let bought = recent(query);
        if bought.is_empty() {
            // Nothing that anything could go with: what most baskets hold.
            return Ok(complements
                .completion()
                .complete(&[], query.scope.breadth, &allowed));
        }
        Ok(complements
            .goes_with(&bought, query.scope.breadth, &allowed)
            .into_iter()
            .map(|(product, score, _)| (product, score))
            .collect())
    }
}

/// Whether the list completes a basket rather than following the viewed product or purchases.
pub(crate) fn completes_basket(query: &Query) -> bool {
    query.request.context.viewed.is_none() && !query.request.context.basket.is_empty()
}

/// The basket's distinct known products, each once: packs do not matter.
pub(crate) fn unit_basket(query: &Query) -> Vec<(ProductIx, f32)> {
    let mut basket: Vec<(ProductIx, f32)> = query
        .request
        .context
        .basket
        .iter()
        .filter(|(product, _)| (*product as usize) < query.live.known)
        .map(|(product, _)| (*product, 1.0))
        .collect();
    basket.sort_by_key(|(product, _)| *product);
    basket.dedup_by_key(|(product, _)| *product);
    basket
}

/// What complements are sought for, with days since: the viewed product, else the last distinct purchases.
pub(crate) fn recent(query: &Query) -> Vec<(ProductIx, f64)> {
    if let Some(viewed) = query.request.context.viewed {
        return vec![(viewed, 0.0)];
    }
    recent_purchases(query.customer.history, query.owned, query.request.now)
}
