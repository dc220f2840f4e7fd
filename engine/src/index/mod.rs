//! Finding the vectors with the largest inner product, or the nearest ones.

mod codes;
mod customers;
mod customers_like_you;
mod exact;
mod graph;
mod kernel;
mod quantised;
mod top;

pub use codes::Codes;
pub use customers::{CustomerIndex, Neighbour};
pub use customers_like_you::{LikeYou, Neighbourhood};
pub use exact::ExactIndex;
pub use graph::{Graph, GraphOptions, Layer};
pub use kernel::{dot, dot_rows};
pub use quantised::{rescored, QuantisedIndex};
pub use top::{top_of, Top};

/// Why vectors or a query are refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum IndexError {
    /// The numbers do not make rows of the dimension given.
    #[error("{len} numbers do not make rows of {dim}")]
    Shape { len: usize, dim: usize },
    /// A vector has no direction.
    #[error("vector {row} is zero")]
    Zero { row: usize },
    /// A vector holds NaN or infinity.
    #[error("vector {row} holds a number that is not finite")]
    NotFinite { row: usize },
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
    #[error("vector {row} has length {length}, expected 1")]
    NotUnit { row: usize, length: f32 },
}

/// A set of vectors that answers "which have the largest inner product with this one".
pub trait VectorIndex: Send + Sync {
    /// How many vectors there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn dim(&self) -> usize;

    /// The best `k` among those that `allowed` lets through: score descending, then number ascending.
    ///
    /// # Errors
    /// A query of another dimension or with a number that is not finite.
    fn search(
        &self,
        query: &[f32],
        k: usize,
        allowed: &(dyn Fn(u32) -> bool + Sync),
    ) -> Result<Vec<(u32, f32)>, IndexError>;
}

pub(crate) fn check_vectors(dim: usize, data: &[f32]) -> Result<(), IndexError> {
    if dim == 0 || !data.len().is_multiple_of(dim) {
        return Err(IndexError::Shape {
            len: data.len(),
            dim,
        });
    }
    for (row, vector) in data.chunks_exact(dim).enumerate() {
        if vector.iter().any(|x| !x.is_finite()) {
            return Err(IndexError::NotFinite { row });
        }
        if vector.iter().all(|x| *x == 0.0) {
            return Err(IndexError::Zero { row });
        }
    }
    Ok(())
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
