//! Histories: touchpoints as numbers, grouped by customer, and how much of a long one is read.

mod budget;
mod encoder;
mod histories;
mod touch;

pub use budget::{Budget, TouchClass};
pub use encoder::{Encoder, Vocabulary};
pub use histories::Histories;
pub use touch::{
    acquisitions, basket_hash, baskets, net_acquisitions, sort_history, Basket, Channels, Owned,
    Touch,
};
