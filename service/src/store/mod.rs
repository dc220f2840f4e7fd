//! The durable store: the place where a shop's touchpoints, customers and catalogue live.
//!
//! [`Store`] is the contract; it speaks in owned values of the shop and knows no database.

mod api;
mod error;
mod types;

pub use api::{Position, RowStream, Store};
pub use error::{ErrorCode, StoreError};
pub use types::*;
