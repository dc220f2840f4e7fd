//! The clock as far as it is believed.
//!
//! A clock that jumped ahead would end every reservation, give up every packed box and delete whatever has an age. So a jump is
//! doubted: until the clock is right again, or a person says that it is right, the store goes by the last time that it believed.
//! The doubt is kept in the store, since starting anew makes no clock right.

use std::sync::Mutex;
use std::time::Instant;

use rusqlite::{Connection, OptionalExtension};

use crate::workers::held::held;

/// How long a store may lie unused before a later time is doubted, ms.
const UNUSED_MS: i64 = 45 * serendib_shop::DAY_MS;

/// How far a clock may run ahead of the time that passed before it is doubted, ms.
const AHEAD_MS: i64 = serendib_shop::DAY_MS;

/// The last time that was believed, while the clock is doubted.
const DOUBTED: &str = "doubted_since";

/// How far beyond that the clock may be to be believed again, ms.
const LEAD: &str = "doubted_beyond";

/// The time that the store was last swept at.
const SEEN: &str = "seen";

/// When a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// By the server's clock, ms: what the call is booked at.
    pub now: i64,
    /// What was set aside up to then has expired, ms: `now`, or the last time that was believed.
    pub expiry: i64,
}

impl Moment {
    /// Whether the clock is doubted.
    pub(super) fn is_doubted(self) -> bool {
        self.expiry != self.now
    }
}

/// What is to be kept in the store: the last time that was believed and how far beyond it the clock may be, or no doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Doubt(Option<(i64, i64)>);

impl Doubt {
    fn read(conn: &Connection) -> rusqlite::Result<Doubt> {
        let since = number(conn, DOUBTED)?;
        Ok(Doubt(since.zip(number(conn, LEAD)?)))
    }

    /// Keeps it in the store.
    pub(super) fn keep(self, conn: &Connection) -> rusqlite::Result<()> {
        match self.0 {
            Some((since, lead)) => {
                put(conn, DOUBTED, since)?;
                put(conn, LEAD, lead)
            }
            None => conn
                .prepare_cached("DELETE FROM meta WHERE key IN (?1, ?2)")?
                .execute([DOUBTED, LEAD])
                .map(|_| ()),
        }
    }
}

fn number(conn: &Connection, key: &str) -> rusqlite::Result<Option<i64>> {
    conn.prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([key], |r| r.get(0))
        .optional()
}

fn put(conn: &Connection, key: &str, value: i64) -> rusqlite::Result<()> {
    conn.prepare_cached("INSERT OR REPLACE INTO meta(key, value) VALUES (?1, ?2)")?
        .execute((key, value))
        .map(|_| ())
}

/// Notes that the store was in use at `now`, by a clock that is believed.
pub(super) fn note_seen(conn: &Connection, now: i64) -> rusqlite::Result<()> {
    put(conn, SEEN, now)
}

/// The time by which what was set aside has expired, for who reads the store beside the process that it belongs to.
pub(super) fn expiry_in(conn: &Connection, now: i64) -> rusqlite::Result<i64> {
    let doubt = Doubt::read(conn)?.0;
    let doubt = doubt.filter(|(since, lead)| now.saturating_sub(*since) > *lead);
    Ok(doubt.map_or(now, |(since, _)| since))
}

/// Takes over from `other`, the store that `conn` is to replace, until when the clock was believed and whether it is doubted.
pub(super) fn take_over(conn: &Connection, other: &Connection) -> rusqlite::Result<()> {
    let doubt = Doubt::read(other)?;
    if doubt.0.is_some() {
        doubt.keep(conn)?;
    }
    let seen = number(other, SEEN)?.max(number(conn, SEEN)?);
    seen.map_or(Ok(()), |seen| put(conn, SEEN, seen))
}

/// The server's clock as a store sees it.
#[derive(Debug)]
pub(super) struct Clock {
    /// Whether a person says that it is right.
    trusted: bool,
    watch: Mutex<Watch>,
}

#[derive(Debug)]
struct Watch {
    /// A time that was believed, ms, and when that was by a clock that never jumps.
    line: (i64, Instant),
    /// How far beyond that line the clock may be, ms.
    lead: i64,
    /// The last time that was believed, ms.
    last: i64,
    doubted: bool,
    /// What the store keeps.
    kept: Doubt,
}

impl Watch {
    fn doubt(&self) -> Doubt {
        Doubt(self.doubted.then_some((self.last, self.lead)))
    }

    fn see(&mut self, now: i64) -> i64 {
        let passed = i64::try_from(self.line.1.elapsed().as_millis()).unwrap_or(i64::MAX);
        let ahead = now.saturating_sub(self.line.0).saturating_sub(passed);
        if ahead > self.lead {
            if !self.doubted {
                tracing::warn!(
                    hours = ahead / 3_600_000,
                    "the clock is far ahead of when this store was last in use: nothing is deleted and nothing expires until \
                     it is right again, or until the store is served once with --trust-clock"
                );
            }
            self.doubted = true;
            return self.last;
        }
        if self.doubted {
            tracing::info!(
                "the clock is right again: what is too old is deleted, and what is over expires"
            );
        }
        (self.doubted, self.lead, self.last) = (false, AHEAD_MS, now);
        // a clock that is set back and then right again is not ahead of anything
        if ahead > 0 {
            self.line = (now, Instant::now());
        }
        now
    }
}

impl Clock {
    /// The clock of the store in `conn`, which is opened at `now`; `trusted`, where a person says that it is right.
    pub(super) fn open(conn: &Connection, now: i64, trusted: bool) -> rusqlite::Result<Clock> {
        let kept = Doubt::read(conn)?;
        let seen = number(conn, SEEN)?;
        if trusted
            && (kept.0.is_some() || seen.is_some_and(|seen| now.saturating_sub(seen) > UNUSED_MS))
        {
            Doubt(None).keep(conn)?;
            note_seen(conn, now)?;
        }
        let (last, lead) = kept.0.unwrap_or((seen.unwrap_or(now), UNUSED_MS));
        let mut watch = Watch {
            line: (last, Instant::now()),
            lead,
            last,
            doubted: false,
            kept: if trusted { Doubt(None) } else { kept },
        };
        if !trusted {
            watch.see(now);
        }
        Ok(Clock {
            trusted,
            watch: Mutex::new(watch),
        })
    }

    /// The moment of a call at `now`, and what the store is to keep from now on, where that is something else than it keeps.
    pub(super) fn moment(&self, now: i64) -> (Moment, Option<Doubt>) {
        if self.trusted {
            return (Moment { now, expiry: now }, None);
        }
        let mut watch = held(self.watch.lock());
        let expiry = watch.see(now);
        let doubt = watch.doubt();
        let told = (doubt != watch.kept).then_some(doubt);
        (Moment { now, expiry }, told)
    }

    /// Notes that the store keeps `doubt`.
    pub(super) fn kept(&self, doubt: Doubt) {
        held(self.watch.lock()).kept = doubt;
    }
}
