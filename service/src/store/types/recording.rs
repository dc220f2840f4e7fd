//! Recording touchpoints.

use serendib_shop::DAY_MS;

/// How far ahead of the server's clock a touchpoint's time may be, by default: one day, for clocks in other zones.
pub const DEFAULT_FUTURE_MS: i64 = DAY_MS;

/// What to do with a touchpoint whose time is too far in the future.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Future {
    /// Refuse the batch.
    Refuse,
    /// Store it at the server's time; the time sent is kept beside it.
    Clamp,
}

/// What to do with a customer or product id that the store has never seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownId {
    /// Accept it as new.
    Accept,
    /// Refuse the batch.
    Refuse,
}

/// How a batch is recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordOptions {
    /// The server's time, ms.
    pub now: i64,
    /// Whether a touchpoint without a time gets `now`. Off only for loading shop data, where the order of rows counts.
    pub assign_time: bool,
    /// How far ahead of `now` a time may be, ms.
    pub future_ms: i64,
    /// What happens beyond that.
    pub future: Future,
    pub unknown_customers: UnknownId,
    pub unknown_products: UnknownId,
    /// Touchpoints before this time are acknowledged and not kept ([`Status::IgnoredExpired`]), those aside that hide a product or
    /// undo that; ms.
    pub keep_from: Option<i64>,
}

impl RecordOptions {
    /// The defaults of a live server at `now`: absent times assigned, more than one day ahead refused, new ids accepted.
    pub fn live(now: i64) -> RecordOptions {
        RecordOptions {
            now,
            assign_time: true,
            future_ms: DEFAULT_FUTURE_MS,
            future: Future::Refuse,
            unknown_customers: UnknownId::Accept,
            unknown_products: UnknownId::Accept,
            keep_from: None,
        }
    }

    /// For loading shop data at `now`: a row without a time keeps none.
    pub fn load(now: i64) -> RecordOptions {
        RecordOptions {
            assign_time: false,
            ..RecordOptions::live(now)
        }
    }
}

/// What became of one row of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    Stored,
    /// Stored before (or earlier in this batch) with equal fields.
    Duplicate,
    /// Its customer was erased after it had been recorded; it is not stored again.
    IgnoredErased,
    /// Older than the retention; not kept.
    IgnoredExpired,
}

/// One row's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The row's id: as sent, or given now.
    pub touchpoint_id: String,
    /// What became of it.
    pub status: Status,
}

/// The answer to a batch: every row of it is as durable as [`Durability`](super::Durability) says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recorded {
    /// One outcome per row, in the order sent.
    pub outcomes: Vec<Outcome>,
}

impl Recorded {
    /// How many rows have `status`.
    pub fn count(&self, status: Status) -> usize {
        self.outcomes.iter().filter(|o| o.status == status).count()
    }
}
