//! One customer's contact, decayed, kept up to date touch by touch.
//!
//! Touches are added up by day (UTC), kind, channel and product line. A day counts at most a cap per kind and in all;
//! when the next day begins it is folded into sums that halve every half-life. So a touch costs the number of distinct
//! (kind, channel, line) the customer uses, whatever the length of the history, and the result is that of adding up the
//! whole history.

use serendib_shop::Kind;

/// Days over which the trend is taken.
pub const TREND_DAYS: i64 = 28;

/// What contributions are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Source {
    /// Kind of touch.
    pub kind: Kind,
    /// Channel number; 0 = none.
    pub channel: u16,
    /// Product line number; 0 = none.
    pub line: u16,
}

/// What became of a touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// It is counted.
    Counted,
    /// It is passive or the shop's doing: it earns nothing.
    Passive,
    /// It is older than the last day counted: fold the history again.
    Late,
    /// It is after `now`: push it again when its time has come.
    Future,
}

/// Sums of one customer. 120 bytes and 16 per source used, in either list, and 16 per active day of the last four weeks.
#[derive(Debug, Clone, PartialEq)]
pub struct EngagementState {
    /// The day that is still open, days since 1970-01-01.
    pub(super) day: i64,
    /// Uncapped sums of the open day.
    pub(super) open: Vec<(Source, f64)>,
    /// Capped sums of earlier days, as of the beginning of `day`.
    pub(super) closed: Vec<(Source, f64)>,
    /// Capped totals of closed days of the last four weeks.
    pub(super) recent: Vec<(i64, f64)>,
    pub(super) last_active: Option<i64>,
    pub(super) last_purchase: Option<i64>,
    pub(super) since_purchase: u32,
    pub(super) active_days: u32,
}

impl Default for EngagementState {
    fn default() -> Self {
        EngagementState {
            day: i64::MIN,
            open: Vec::new(),
            closed: Vec::new(),
            recent: Vec::new(),
            last_active: None,
            last_purchase: None,
            since_purchase: 0,
            active_days: 0,
        }
    }
}

/// What the state says at one time.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Reading {
    /// Points by source, all ≥ 0.
    pub points: Vec<(Source, f64)>,
    /// Points that the touches of up to four weeks ago had four weeks ago.
    pub points_before: f64,
    pub last_active: Option<i64>,
    pub last_purchase: Option<i64>,
    pub since_purchase: u32,
    pub active_days: u32,
}

pub(super) fn add(list: &mut Vec<(Source, f64)>, source: Source, points: f64) {
    match list.iter_mut().find(|(known, _)| *known == source) {
        Some((_, sum)) => *sum += points,
        None => list.push((source, points)),
    }
}

impl EngagementState {
    /// Bytes this state takes.
    pub fn bytes(&self) -> usize {
        std::mem::size_of::<Self>()
            + std::mem::size_of::<(Source, f64)>() * (self.open.capacity() + self.closed.capacity())
            + std::mem::size_of::<(i64, f64)>() * self.recent.capacity()
    }
}
