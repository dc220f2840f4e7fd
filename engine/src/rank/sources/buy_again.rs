//! Source "buy again": what the customer is about to run out of.

use crate::rank::{Query, Source};
use serendib_shop::ProductIx;

/// Days ahead that buy-again looks.
const AGAIN_DAYS: f32 = 14.0;
/// Less likely than this within those days is no reason to offer it: what nobody buys twice, or a life is over with.
const AGAIN_LEAST: f32 = 1e-5;

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
            AGAIN_DAYS,
            query.life,
            &|a, b| query.model.replaces(a, b),
        );
        Ok(due
            .into_iter()
            .filter(|due| due.by_rhythm >= AGAIN_LEAST)
            .map(|due| (due.product, due.probability))
            .collect())
    }
}
