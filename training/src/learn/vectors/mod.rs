//! Customers and products as vectors: families of models, how they are tuned, blended and chosen.

pub mod blend;
pub mod build;
pub mod choose;
pub mod content_map;
pub mod cooccurrence;
pub mod ease;
pub mod families;
pub mod ials;
pub mod lately;
pub mod scorers;
pub mod settings;
pub mod split;
pub mod svd;
pub mod tune;
