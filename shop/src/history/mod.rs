//! Histories: touchpoints as numbers, grouped by customer, and how much of a long one is read.

mod acquired;
mod budget;
mod cause;
mod encoder;
mod histories;
mod kept;
mod standing;
mod touch;

pub use acquired::{acquisitions, baskets, had, likings, net_acquisitions, Basket, Owned};
pub use budget::{Budget, TouchClass};
pub use cause::Cause;
pub use encoder::{Encoder, Vocabulary};
pub use histories::Histories;
pub use kept::{in_order, kept, kept_despite, kept_orders, order_key, Kept, KeptOrder, OrderKey};
pub use standing::{let_downs, regretted, LetDown, Standing};
pub use touch::{basket_hash, sort_history, Channels, Touch};
