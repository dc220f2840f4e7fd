//! Customers and products as vectors: families of models, how they are tuned, blended and chosen.

pub mod blend;
pub mod build;
pub mod choose;
pub mod families;
pub mod scorers;
pub mod split;
pub mod tune;
