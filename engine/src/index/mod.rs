//! Finding the vectors with the largest inner product, or the nearest ones.

mod codes;
mod customers;
mod customers_like_you;
mod graph;
mod kernel;
mod top;

pub use codes::{rescored, Codes};
pub use customers::{CustomerIndex, Neighbour};
pub use customers_like_you::{LikeYou, Neighbourhood};
pub use graph::{Graph, GraphOptions, Layer};
pub use kernel::{dot, dot_rows};
pub use top::{top_of, Top};

/// Why vectors or a query are refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum IndexError {
    /// A vector has no direction.
    #[error("the vector is zero")]
    Zero,
    /// A query does not fit the index.
    #[error("query has {found} dimensions, the index {expected}")]
    QueryShape {
        /// Dimensions of the query.
        found: usize,
        /// Dimensions of the index.
        expected: usize,
    },
    /// A query holds NaN or infinity.
    #[error("query holds a number that is not finite")]
    QueryNotFinite,
    /// A vector is not of unit length.
    #[error("the vector has length {length}, expected 1")]
    NotUnit { length: f32 },
}

pub(crate) fn check_query(dim: usize, query: &[f32]) -> Result<(), IndexError> {
    if query.len() != dim {
        return Err(IndexError::QueryShape {
            found: query.len(),
            expected: dim,
        });
    }
    if query.iter().any(|x| !x.is_finite()) {
        return Err(IndexError::QueryNotFinite);
    }
    Ok(())
}
