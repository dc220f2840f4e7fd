//! What goes with what: complements, substitutes and variants kept apart, and the completion of baskets.
//!
//! [`Complements`] is the part of a model that holds them. A *complement* is attracted to a product beyond what basket
//! sizes explain ([`significance`]), is no variant of it ([`variants`]) and does not replace it ([`substitutes`]); it has a
//! [`direction`] where the order of purchases shows one and a [`lag`]. Completing a basket is another task, with a scorer of
//! its own ([`completion`]). Complements are ordered by what is bought beside a product ([`companions`]).

pub mod baskets;
mod completion;
mod graph;
mod lag;
mod sparse;
mod store;
pub mod variants;

pub use baskets::{BasketLog, NOBODY};
pub use completion::Completion;
pub use graph::{Complements, Edge, Parts};
pub use lag::Lag;
pub use sparse::{keep_largest, SparseRows};
pub use variants::Variants;
