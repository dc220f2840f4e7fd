//! What would be a pleasant surprise, however far from what the customer buys: other corners of the kinds they love, and kinds
//! they have not entered.

use crate::rank::{Query, Source};
use serendib_shop::ProductIx;

/// Products looked at for each customer: those of the shop's largest appeal, where it sells more.
const MOST_LOOKED_AT: usize = 5_000;

/// The products that promise most delight and are wanted, by what is known of them without vectors.
pub struct Promising;

impl Source for Promising {
    fn name(&self) -> &'static str {
        "promising"
    }

    fn enabled(&self, query: &Query) -> bool {
        query.appraiser.is_some()
    }

    fn propose(&self, query: &Query) -> Result<Vec<(ProductIx, f32)>, &'static str> {
        let Some(appraiser) = query.appraiser else {
            return Ok(Vec::new());
        };
        let allowed = query.admits();
        let products = appraiser.surprises().by_appeal().iter().copied();
        let fine = products.filter(|p| allowed(*p)).take(MOST_LOOKED_AT);
        Ok(appraiser.promising(fine, query.scope.breadth))
    }
}
