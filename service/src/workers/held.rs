//! Locks, also after a panic of whoever held them.

use std::sync::{LockResult, PoisonError};

/// The guard of a lock that was taken. What this server locks is whole between any two steps of its holder, so that a panic
/// of one of them is no reason to stop the others.
pub fn held<G>(taken: LockResult<G>) -> G {
    taken.unwrap_or_else(PoisonError::into_inner)
}
