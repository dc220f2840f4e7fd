//! Source "next basket": repeats and new things that the next basket is likely to hold.

use crate::rank::{Query, Source};
use serendib_shop::ProductIx;

/// Repeats and new things that the customer's next basket is likely to hold; scores are probabilities.
pub struct NextBasket;

impl Source for NextBasket {
    fn name(&self) -> &'static str {
        "next_basket"
    }

    fn propose(&self, query: &Query) -> Result<Vec<(ProductIx, f32)>, &'static str> {
        let Some(model) = &query.model.next_basket else {
            return Err("no baskets");
        };
        let timed = query.model.manifest.data.timed;
        let profile = model.profile(query.customer.history, timed);
        let index = query.live.neighbours.as_ref();
        let near = index.map(|index| index.mean(&profile.rates));
        Ok(model
            .recommend(
                &profile,
                near.as_deref(),
                query.scope.breadth,
                &query.admits(),
            )
            .into_iter()
            .map(|item| (item.product, item.score))
            .collect())
    }
}
