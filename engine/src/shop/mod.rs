//! What a shop is made of: ids, products, customers and touchpoints.
//!
//! Each thing has two forms. The *row* form ([`Touchpoint`], [`Product`], [`Customer`]) holds strings exactly as
//! they were recorded and is what tables, the store and the API carry. The *compact* form ([`Touch`]) holds numbers
//! that refer to a [`Catalogue`] and is what every computation reads, in training and in serving alike.

mod budget;
mod catalogue;
mod customer;
mod holdout;
mod ids;
mod kind;
mod product;
mod touch;
mod touchpoint;

pub use budget::{Budget, TouchClass};
pub use catalogue::{Catalogue, CatalogueError, Category, CategoryId};
pub use customer::{Consents, Customer, Fact, Purpose};
pub use holdout::in_holdout;
pub use ids::{check_id, stable_hash, IdError, Interner, MAX_ID_BYTES};
pub use kind::{Kind, KindClass, Kinds};
pub use product::{ItemType, Product};
pub use touch::{
    acquisitions, baskets, net_acquisitions, sort_history, Basket, Channels, Encoder, Owned,
    ProductIx, Touch, Vocabulary, NO_PRODUCT,
};
pub use touchpoint::{Delight, Served, Touchpoint, TouchpointError, PLAUSIBLE_MS};

/// Milliseconds in one day.
pub const DAY_MS: i64 = 86_400_000;
