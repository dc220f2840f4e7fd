//! State, sizes and limits of a store.

use serendib_shop::DAY_MS;

/// What an acknowledgement promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Synced to the disk before the answer: survives a crash of the process, of the system, and loss of power as far
    /// as the disk keeps what it was told to sync.
    Synced,
    /// Only in memory: gone when the process ends.
    Memory,
}

/// Bounds on what one call may carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Rows in one batch.
    pub batch_rows: usize,
    /// Bytes of one box as it was asked for.
    pub row_bytes: usize,
    /// Linked identities of one customer.
    pub identities: usize,
    /// Bytes of one document.
    pub document_bytes: usize,
    /// Rows that may wait for the writer before [`StoreError::Busy`](crate::store::StoreError::Busy).
    pub waiting_rows: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            batch_rows: 10_000,
            row_bytes: 64 * 1024,
            identities: 256,
            document_bytes: 1024 * 1024,
            waiting_rows: 200_000,
        }
    }
}

/// How long things are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Touchpoints and delights older than this are deleted, ms; `None` = kept. What a customer last said of hiding a product stays.
    pub touchpoints_ms: Option<i64>,
    /// Served requests older than this are deleted, ms.
    pub served_ms: Option<i64>,
    /// Served requests that nothing came back for are deleted after this time, ms.
    pub unreported_ms: Option<i64>,
    /// Audit entries older than this are deleted, ms.
    pub audit_ms: Option<i64>,
}

impl Default for Retention {
    fn default() -> Self {
        Retention {
            touchpoints_ms: None,
            served_ms: Some(400 * DAY_MS),
            unreported_ms: Some(30 * DAY_MS),
            audit_ms: None,
        }
    }
}

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Touchpoints and delights deleted.
    pub touchpoints: u64,
    /// Served requests deleted.
    pub served: u64,
    /// Reservations whose time was over.
    pub reservations: u64,
    /// Audit entries deleted.
    pub audit: u64,
}

/// Whether the store can be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreState {
    Ready,
    /// No, until reopened and checked; reading goes on.
    Stopped {
        /// What failed first.
        detail: String,
    },
    Closed,
}

/// What the store looks like from outside; cheap to ask for.
#[derive(Debug, Clone, PartialEq)]
pub struct StoreHealth {
    /// Whether it can be written.
    pub state: StoreState,
    /// What an acknowledgement promises.
    pub durability: Durability,
    /// Rows waiting for the writer.
    pub waiting_rows: usize,
    /// Commits since start.
    pub commits: u64,
    /// Rows committed since start.
    pub rows: u64,
    /// Total time spent in commits since start, microseconds.
    pub commit_micros: u64,
    /// Served requests waiting for the log.
    pub served_waiting: usize,
    /// Served requests dropped because the log was full or failed.
    pub served_dropped: u64,
    /// Customer states in the cache.
    pub cached_customers: usize,
    /// Bytes of the cache, estimated.
    pub cached_bytes: usize,
    /// Reads answered from the cache since start.
    pub cache_hits: u64,
    /// Reads that went to the files since start.
    pub cache_misses: u64,
    /// Erasures not yet scrubbed.
    pub unscrubbed: u64,
    /// Bytes of all files of the store.
    pub file_bytes: u64,
}

/// How much is stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreCounts {
    /// Identities with a profile or a touchpoint.
    pub identities: u64,
    pub touchpoints: u64,
    /// Products, removed ones left out.
    pub products: u64,
}
