//! Subscription boxes: packed together from the stock that the storefront sells from, kept in the store, and their
//! surprises kept secret until they are opened.
//!
//! A pack is computed on a copy of the stock and kept in one commit, which takes all its units or none: a pack that is
//! cancelled or killed before has set nothing aside. When units were sold meanwhile it is packed again from what is there.

mod after;
mod ask;
mod compute;
mod kept;
mod order;
mod pack;
mod pack_once;
mod repack;
mod spoilers;
mod subscriber;
mod subscribers;
mod touches;

use std::sync::Arc;

use super::keeping::Keeping;

pub use after::{end, lock};
pub use ask::{BoxAsk, LotAsk, PackAsk};
#[cfg(feature = "demo")]
pub use compute::{filled, score, search, Scored, Search};
pub use kept::Whole;
#[cfg(feature = "demo")]
pub use order::Bench;
pub use pack::{Event, Packed};
pub use pack_once::pack_once;
pub use repack::{repack, Keep};
pub use spoilers::Spoilers;
#[cfg(feature = "demo")]
pub use subscriber::{Subscriber, Subscribers};
pub use touches::{catch_up, follow};

/// What failed where packing broke down.
const PACKING: &str = "packing";

/// What boxes are packed with.
#[derive(Debug)]
pub struct Packer {
    pub keeping: Keeping,
    /// Surprises on their way.
    pub spoilers: Arc<Spoilers>,
    /// Threads that pack, apart from those that answer.
    pub threads: rayon::ThreadPool,
}
