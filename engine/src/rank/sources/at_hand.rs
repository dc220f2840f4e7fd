//! Source "at hand": what a visit, advice or an enquiry was about, and what goes before or instead of it.

use crate::rank::{Query, Source};
use serendib_shop::ProductIx;

/// What a visit, advice or an enquiry brings first.
pub struct AtHand;

impl Source for AtHand {
    fn name(&self) -> &'static str {
        "at_hand"
    }

    fn enabled(&self, query: &Query) -> bool {
        query
            .contact
            .favours(&query.request.context, query.list.kind)
    }

    fn propose(&self, query: &Query) -> Result<Vec<(ProductIx, f32)>, &'static str> {
        Ok(query
            .contact
            .favoured
            .iter()
            .map(|favoured| (favoured.product, 0.0))
            .collect())
    }
}
