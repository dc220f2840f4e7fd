//! What customers with a similar taste bought.

use crate::index::LikeYou;
use crate::rank::{Query, Source};
use serendib_shop::ProductIx;

/// The latest purchases of the customers most like this one.
pub struct CustomersLikeYou;

impl Source for CustomersLikeYou {
    fn name(&self) -> &'static str {
        "customers_like_you"
    }

    fn enabled(&self, query: &Query) -> bool {
        !query.folded.is_empty() && !matches!(query.like_you, LikeYou::Absent)
    }

    fn propose(&self, query: &Query) -> Result<Vec<(ProductIx, f32)>, &'static str> {
        let LikeYou::Ready { people, own, gone } = query.like_you else {
            return Err("the customer index is not ready");
        };
        let Some(vector) = query.folded.vector() else {
            return Ok(Vec::new());
        };
        let allowed = query.admits();
        people
            .proposals(
                &vector,
                query.scope.breadth,
                &|key| Some(key) != own && !gone.contains(&key),
                &allowed,
            )
            .map_err(|_| "the customer index is of another model")
    }
}
