//! Where candidates come from.

mod goes_with;
mod instead;
mod like_you;
mod new_products;
mod popular;
mod similar;
mod vectors;

pub use goes_with::GoesWith;
pub use instead::Instead;
pub use like_you::CustomersLikeYou;
pub use new_products::NewProducts;
pub use popular::Popular;
pub use similar::Similar;
pub use vectors::Vectors;

pub(crate) use goes_with::{completes_basket, recent, recent_purchases, unit_basket};
pub(crate) use instead::{alike, replacements};

use super::Query;

/// Candidates that one source proposes for a list of `count`: enough that filters leave a full list, and more where caps
/// pass many over.
pub(crate) fn breadth(query: &Query) -> usize {
    let enough = (query.list.count * 3).max(300);
    if query.list.together.caps.are_none() {
        enough
    } else {
        enough * 3
    }
}
