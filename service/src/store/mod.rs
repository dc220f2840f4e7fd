//! The durable store: the place where a shop's touchpoints, customers and catalogue live.
//!
//! [`Store`] is the contract; it speaks in owned values of the shop and knows no database.

mod api;
mod authority;
mod cache;
pub(crate) mod canonical;
mod check;
#[cfg(test)]
mod contract;
mod error;
mod keyed;
mod profile;
pub mod sqlite;
mod types;

pub use api::{Position, RowStream, Store};
#[cfg(feature = "shop-data")]
pub(crate) use authority::Stamp;
pub use authority::{Heard, Said, Source};
pub use canonical::derived_touchpoint_id;
pub use error::{ErrorCode, StoreError};
pub use sqlite::{SqliteConfig, SqliteStore};
pub use types::*;
