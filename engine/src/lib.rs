//! The pure core of Serendib.
//!
//! Everything here can be tested without a network, a disk (bundle files aside) or a clock: time, randomness and
//! configuration are arguments. The crate knows no protobuf and no async code.

pub mod boxes;
pub mod bundle;
pub mod complement;
pub mod engagement;
pub mod explain;
pub mod index;
pub mod life;
pub mod model;
pub mod rank;
pub mod repeat;
pub mod represent;
pub mod stats;
pub mod surprise;

mod error_chain;

pub use error_chain::error_chain;
