//! Histories: touchpoints as numbers, grouped by customer, and how much of a long one is read.

mod budget;
mod histories;
mod touch;

pub use budget::{Budget, TouchClass};
pub use histories::Histories;
pub use touch::{
    acquisitions, basket_hash, baskets, net_acquisitions, sort_history, Basket, Channels, Encoder,
    Owned, ProductIx, Touch, Vocabulary, NO_PRODUCT,
};
