//! What one request sees from start to end: a model generation, the shelves, and the caches over customers.

pub mod baskets;
pub mod customers;
pub mod customers_like_you;
pub mod generation;
pub mod model_swap;
pub mod views;
