//! Why a use case gave no answer.

use serendib_engine::rank::RequestError;

use crate::store::StoreError;
use crate::workers::blocking::Broken;
use crate::workers::pool::PoolError;

/// A field of a request is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {what}")]
pub struct Invalid {
    /// Path of the field (`lists[2].count`).
    pub field: String,
    /// What is wrong.
    pub what: String,
}

impl Invalid {
    /// `field` is wrong because of `what`.
    pub fn new(field: impl Into<String>, what: impl ToString) -> Invalid {
        Invalid {
            field: field.into(),
            what: what.to_string(),
        }
    }

    /// The same below `path`.
    pub fn under(self, path: impl std::fmt::Display) -> Invalid {
        Invalid {
            field: format!("{path}.{}", self.field),
            what: self.what,
        }
    }
}

/// Why there is no answer, in the words of whoever asked.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// A field of the request is wrong.
    #[error(transparent)]
    Field(#[from] Invalid),
    /// The store refused, or could not.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The pool of threads did not compute it.
    #[error(transparent)]
    NotComputed(#[from] PoolError),
    /// The engine cannot answer such a request.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// What is asked for contradicts itself or the shop.
    #[error("{0}")]
    Argument(String),
    /// The state of the shop does not allow it now.
    #[error("{0}")]
    Precondition(String),
    /// Its name is that of something else.
    #[error("{0}")]
    Taken(String),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// Nobody waits for it any more.
    #[error("{0}")]
    Cancelled(&'static str),
    /// It took longer than whoever asked waits.
    #[error("{0}")]
    Late(&'static str),
    /// What was kept cannot be read.
    #[error("{0}")]
    Damaged(&'static str),
    /// It broke down.
    #[error("{0}")]
    Failed(String),
}

impl From<Broken> for Refusal {
    fn from(broken: Broken) -> Refusal {
        Refusal::Failed(broken.to_string())
    }
}

impl Refusal {
    /// Whether it was done before.
    pub fn already_exists(&self) -> bool {
        matches!(self, Refusal::Store(error) if error.code() == crate::store::ErrorCode::AlreadyExists)
    }

    /// Whether it is the state of the shop that does not allow it.
    pub fn is_precondition(&self) -> bool {
        match self {
            Refusal::Precondition(_) => true,
            Refusal::Store(error) => error.code() == crate::store::ErrorCode::FailedPrecondition,
            _ => false,
        }
    }
}
