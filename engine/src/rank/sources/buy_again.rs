//! Source "buy again": what the customer is about to run out of.

use crate::rank::{Query, Source};
use crate::repeat::odds::{HORIZON_DAYS, LEAST_BY_RHYTHM};
use serendib_shop::ProductIx;

/// What the customer is about to run out of.
pub struct BuyAgain;

impl Source for BuyAgain {
    fn name(&self) -> &'static str {
        "buy_again"
    }

    fn propose(&self, query: &Query) -> Result<Vec<(ProductIx, f32)>, &'static str> {
        let Some(model) = &query.model.buy_again else {
            return Err("no rhythms");
        };
        let due = model.due(
            query.customer.history,
            query.request.now,
            f32::from(HORIZON_DAYS),
            query.life,
            &|a, b| query.model.replaces(a, b),
        );
        Ok(due
            .into_iter()
            .filter(|due| due.by_rhythm >= LEAST_BY_RHYTHM)
            .map(|due| (due.product, due.probability))
            .collect())
    }
}
