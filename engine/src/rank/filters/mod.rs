//! Filters: what may be shown to this customer at all.

mod already_owned;
mod excluded;
mod expected;
mod hidden;
mod let_down;
mod limits;
mod on_sale;
mod outgrown;

pub use already_owned::AlreadyOwned;
pub use excluded::Excluded;
pub use expected::Expected;
pub use hidden::Hidden;
pub use let_down::LetDownBefore;
pub use limits::Limits;
pub use on_sale::OnSale;
pub use outgrown::Outgrown;

use crate::rank::Filter;

/// Filters that every list passes, again as the very last step.
pub const ELIGIBILITY: &[&dyn Filter] = &[&OnSale, &Excluded, &Hidden, &AlreadyOwned, &Limits];
