//! Batch answers: a model, a shop's data and a time in; rows out, equal to what the service would answer.

mod customers;
mod shop;

pub use customers::{read_column, read_pairs, select, Selected, Selection};
pub use shop::{Batch, BatchError};
