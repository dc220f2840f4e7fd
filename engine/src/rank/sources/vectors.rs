//! The blend of collaborative families, for a customer or session with a history.

use crate::rank::{Query, Source};
use serendib_shop::ProductIx;

/// Best products by the representation, among those that may be shown.
pub struct Vectors;

impl Source for Vectors {
    fn name(&self) -> &'static str {
        "vectors"
    }

    fn enabled(&self, query: &Query) -> bool {
        !query.folded.is_empty()
    }

    fn propose(&self, query: &Query) -> Result<Vec<(ProductIx, f32)>, &'static str> {
        let allowed = query.admits();
        Ok(query.relevance.candidates(query.scope.breadth, &allowed))
    }
}
