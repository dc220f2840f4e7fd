//! What goes with what: what is bought beside a product more often than baskets of those sizes explain, is no variant of it
//! ([`variants`]) and does not replace it; an edge has a direction where the order of purchases shows one, and a [`Lag`].
//! Where a shop's own later
//! purchases say so, a product's page shows what is bought after it instead. Completing a basket of several products is another
//! task, with a scorer of its own ([`Completion`]). Fitting is in training.

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
