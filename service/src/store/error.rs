//! What can go wrong in a store, and what follows from it.

use std::path::PathBuf;

/// What the caller should make of an error; each value has one gRPC status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The request is wrong and stays wrong: `INVALID_ARGUMENT`.
    InvalidArgument,
    /// The id was used before for something else: `ALREADY_EXISTS`.
    AlreadyExists,
    /// There is no such thing: `NOT_FOUND`.
    NotFound,
    /// Right in itself, not in this state: `FAILED_PRECONDITION`.
    FailedPrecondition,
    /// Someone else changed it meanwhile; read again and retry: `ABORTED`.
    Aborted,
    /// More is waiting than may wait; retry later: `RESOURCE_EXHAUSTED`.
    ResourceExhausted,
    /// Nothing can be written now; retry later: `UNAVAILABLE`.
    Unavailable,
    /// What is stored cannot be read: `DATA_LOSS`.
    DataLoss,
}

/// Why the store refused or failed; nothing of the request was stored, in whole or in part.
///
/// One exception lies in the nature of disks: after [`StoreError::Stopped`] it is not known whether the request that met
/// the failure reached the disk. Repeat it with the same ids: it will be stored once.
///
/// The texts name fields and positions but never ids of customers or touchpoints, so that they may be logged. Ids that
/// the client needs are in the variants' fields.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StoreError {
    /// A field is wrong.
    #[error("{what} {index}: {field}: {reason}")]
    Invalid {
        /// `touchpoint`, `customer`, `product` …
        what: &'static str,
        /// Position in the request, from 0.
        index: usize,
        /// Name of the field.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A touchpoint id was recorded before with other fields.
    #[error("touchpoint {index}: touchpoint_id was recorded before with other fields")]
    AlreadyExists {
        /// Position in the batch, from 0.
        index: usize,
        id: String,
    },
    /// The configuration refuses unknown customers or products, and this is one.
    #[error("{what} {index}: {field} is not known, and this server refuses unknown ones")]
    Unknown {
        /// `touchpoint` or `delight`.
        what: &'static str,
        /// Position in the batch, from 0.
        index: usize,
        /// `customer_id` or `product_id`.
        field: &'static str,
        id: String,
    },
    /// More than the configured limit.
    #[error("{field} has {found}, at most {limit} are allowed")]
    TooMany {
        /// What was counted.
        field: &'static str,
        found: usize,
        limit: usize,
    },
    /// There is no such thing.
    #[error("there is no such {what}")]
    NotFound {
        /// `customer`, `product`, `reservation`, `erasure receipt` …
        what: &'static str,
    },
    /// Linking would make the customer an identity of itself.
    #[error("identity: linking it would make a circle of identities")]
    Circle,
    /// The identity belongs to someone else.
    #[error("identity: already linked to another customer; unlink it there first")]
    LinkedElsewhere,
    /// The identity is not linked to this customer.
    #[error("identity: not linked to this customer")]
    NotLinked,
    /// Less is available than was asked for; nothing was reserved.
    #[error("product {product_id:?}: {wanted} units wanted, {available} available")]
    OutOfStock {
        product_id: String,
        /// Units asked for.
        wanted: i64,
        /// Units free now.
        available: i64,
    },
    /// The reservation is not held any more.
    #[error("the reservation is {state} already")]
    ReservationClosed {
        /// `released`, `taken` or `expired`.
        state: &'static str,
    },
    /// A pack with this id was kept before.
    #[error("pack_id: was used before")]
    PackExists,
    /// A box with this id is packed or has left already.
    #[error("box {index}: box_id is {state} already")]
    BoxExists {
        /// Position in the request, from 0.
        index: usize,
        /// How far it is.
        state: &'static str,
    },
    /// The box is too far for this.
    #[error("the box is {state} already")]
    BoxClosed {
        /// How far it is.
        state: &'static str,
    },
    /// The document was changed by someone else.
    #[error("the document has version {found}, expected {expected}")]
    VersionMismatch {
        /// The caller's version; 0 = should not exist.
        expected: u64,
        /// The stored version; 0 = does not exist.
        found: u64,
    },
    /// The write queue is full.
    #[error("{waiting} rows are waiting to be written, at most {limit} may; retry later")]
    Busy { waiting: usize, limit: usize },
    /// Whoever reads a stream was so slow that it held an old state of the store for too long.
    #[error("the rows were not taken in time; ask again and read faster")]
    Late,
    /// The disk or the configured size is full.
    #[error("the store is full: {detail}; free space, then retry")]
    Full {
        /// What the storage said.
        detail: String,
    },
    /// A write or sync failed: nothing is written until the store has been reopened and checked.
    #[error(
        "writing is stopped after a failure ({detail}) until the store is reopened and checked"
    )]
    Stopped {
        /// What failed first.
        detail: String,
    },
    /// The store is closed.
    #[error("the store is closed")]
    Closed,
    /// The files cannot be written.
    #[error("{path:?} is read-only: {detail}")]
    ReadOnly {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        detail: String,
    },
    /// The file is not a sound store.
    #[error("{path:?} is damaged: {detail}; restore it from a backup with `serendib restore`")]
    Damaged {
        path: PathBuf,
        /// First thing found.
        detail: String,
    },
    /// The file was written by a newer program.
    #[error("{path:?} has schema version {found}, this program knows up to {known}; use the newer program")]
    Newer {
        path: PathBuf,
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// Another process has it open.
    #[error("{path:?} is in use by another process")]
    InUse { path: PathBuf },
    /// The key of the erase ledger is missing or not the one the store was written with.
    #[error("{path:?}: {detail}")]
    Key {
        /// The key file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// Reading or writing failed.
    #[error("{attempt} failed: {detail}")]
    Io {
        /// What was attempted.
        attempt: String,
        /// What the system said.
        detail: String,
    },
}

impl From<crate::workers::blocking::Broken> for StoreError {
    fn from(broken: crate::workers::blocking::Broken) -> StoreError {
        StoreError::Io {
            attempt: broken.attempt.into(),
            detail: broken.detail,
        }
    }
}

impl StoreError {
    /// What the caller should make of it.
    pub fn code(&self) -> ErrorCode {
        match self {
            StoreError::Invalid { .. } | StoreError::TooMany { .. } => ErrorCode::InvalidArgument,
            StoreError::AlreadyExists { .. }
            | StoreError::PackExists
            | StoreError::BoxExists { .. } => ErrorCode::AlreadyExists,
            StoreError::NotFound { .. } => ErrorCode::NotFound,
            StoreError::Unknown { .. }
            | StoreError::Circle
            | StoreError::LinkedElsewhere
            | StoreError::NotLinked
            | StoreError::OutOfStock { .. }
            | StoreError::BoxClosed { .. }
            | StoreError::ReservationClosed { .. } => ErrorCode::FailedPrecondition,
            StoreError::VersionMismatch { .. } => ErrorCode::Aborted,
            StoreError::Busy { .. } => ErrorCode::ResourceExhausted,
            StoreError::Late
            | StoreError::Full { .. }
            | StoreError::Stopped { .. }
            | StoreError::Closed
            | StoreError::ReadOnly { .. }
            | StoreError::InUse { .. }
            | StoreError::Io { .. } => ErrorCode::Unavailable,
            StoreError::Damaged { .. } | StoreError::Newer { .. } | StoreError::Key { .. } => {
                ErrorCode::DataLoss
            }
        }
    }
}
