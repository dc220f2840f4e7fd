//! What a shop is made of: ids, products, customers and touchpoints.
//!
//! Each thing has two forms. The *row* form ([`Touchpoint`], [`Product`], [`Customer`]) holds strings exactly as
//! they were recorded and is what tables, the store and the API carry. The *compact* form ([`Touch`]) holds numbers
//! that refer to a [`Catalogue`] and is what every computation reads, in training and in serving alike.

mod catalogue;
#[cfg(feature = "tables")]
pub mod check;
#[cfg(feature = "tables")]
pub mod describe;
#[cfg(feature = "tables")]
pub mod directory;
#[cfg(feature = "tables")]
mod error;
mod history;
mod holdout;
mod ids;
pub mod keyed;
mod kind;
pub mod ledger;
#[cfg(feature = "tables")]
mod log;
pub mod money;
mod names;
mod nearest;
pub mod noise;
mod persons;
pub mod print;
#[cfg(feature = "progress")]
pub mod progress;
pub mod publish;
mod row;
mod shelves;
mod size;
#[cfg(feature = "tables")]
pub mod table;
pub mod time;

pub use catalogue::{BrandId, Catalogue, CatalogueError, Category, CategoryId};
#[cfg(feature = "tables")]
pub use directory::{ReadOptions, Rows, ShopData, ShopInfo};
#[cfg(feature = "tables")]
pub use error::{DataError, Place};
pub use history::{
    acquisitions, basket_hash, baskets, had, in_order, kept, kept_despite, kept_orders, let_downs,
    likings, net_acquisitions, order_key, regretted, sort_history, Basket, Budget, Cause, Channels,
    Encoder, Histories, Kept, KeptOrder, LetDown, OrderKey, Owned, Standing, Touch, TouchClass,
    Vocabulary,
};
pub use holdout::{in_holdout, Arm};
pub use ids::{
    check_id, is_placeholder, stable_hash, CustomerIx, IdError, Interner, ProductIx, MAX_ID_BYTES,
    NO_PRODUCT,
};
pub use kind::{Kind, KindClass, Kinds};
#[cfg(feature = "tables")]
pub use log::Log;
pub use names::{name_key, path_ends};
pub use nearest::nearest;
pub use persons::{judge_link, Link, Persons};
#[cfg(feature = "progress")]
pub use progress::Progress;
pub use row::{
    check_amount, check_identities, check_identity, check_scale, check_text, check_time,
    check_units, BoxOrder, Check, Consents, Customer, Delight, Fact, FieldError, ItemType, Product,
    Purpose, Served, StockLot, Touchpoint, MAX_SLOTS, MAX_UNITS, PLAUSIBLE_MS,
};
pub use shelves::{ShelfChange, Shelves};
pub use size::size_of;
#[cfg(feature = "tables")]
pub use table::{
    Cell, ColumnType, Format, InputTable, OutputTable, ShopWriter, Table, TableWriter,
};

/// Milliseconds in one day.
pub const DAY_MS: i64 = 86_400_000;
