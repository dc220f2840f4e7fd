//! Whose word holds: one rule for everything that a person, a call or a file states.
//!
//! The latest statement holds. A call is made at its time; a file speaks for its `as_of` (a row for its `said_at`), and one
//! that says neither overrides what earlier files said, never what a call said. A refusal is stronger than a permission
//! where times do not decide.

use serde::{Deserialize, Serialize};

/// Where a statement comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A call of the API.
    Call,
    /// Shop data that hold as of a time, ms; `None` where they do not say.
    File { as_of: Option<i64> },
}

/// Something stated at `now` by the server's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// The server's time, ms.
    pub now: i64,
    pub source: Source,
}

impl From<i64> for Said {
    /// A call at `now`, ms.
    fn from(now: i64) -> Said {
        Said {
            now,
            source: Source::Call,
        }
    }
}

impl Said {
    /// Shop data loaded at `now` that hold as of `as_of`, ms.
    pub fn file(now: i64, as_of: Option<i64>) -> Said {
        Said {
            now,
            source: Source::File { as_of },
        }
    }

    /// The same, of a row with a time of its own: a file speaks for that time, a call can say when it was heard.
    pub(crate) fn stamp(&self, said_at: Option<i64>) -> Stamp {
        match self.source {
            Source::Call => Stamp {
                at: Some(said_at.map_or(self.now, |at| at.min(self.now))),
                call: true,
            },
            Source::File { as_of } => Stamp {
                at: said_at.or(as_of),
                call: false,
            },
        }
    }

    /// Whether a file says it.
    pub(crate) fn is_file(&self) -> bool {
        matches!(self.source, Source::File { .. })
    }
}

/// When a value was last stated, and whether by a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    /// Milliseconds since 1970-01-01 UTC; `None` = a file that does not say.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub at: Option<i64>,
    #[serde(rename = "c", default, skip_serializing_if = "std::ops::Not::not")]
    pub call: bool,
}

impl Stamp {
    /// Whether a statement of this stamp takes the place of one of stamp `old`.
    pub(crate) fn outranks(self, old: Option<Stamp>) -> bool {
        let Some(old) = old else {
            return true;
        };
        match (old.at, self.at) {
            (Some(old), Some(new)) => new >= old,
            (_, None) => !old.call,
            (None, Some(_)) => true,
        }
    }

    /// As [`Stamp::outranks`], for a permission: `said` after `old` was said. Where times do not decide, a refusal stands.
    pub(crate) fn permits(
        self,
        said: Option<bool>,
        old: Option<Stamp>,
        old_said: Option<bool>,
    ) -> bool {
        let undecided = match (old.and_then(|old| old.at), self.at) {
            (Some(old), Some(new)) => old == new && !self.call,
            (None, Some(_)) => !self.call,
            (_, None) => true,
        };
        let weaker = said != Some(false) && old_said == Some(false);
        self.outranks(old) && !(undecided && weaker)
    }

    /// The later of two stamps, either of which may be missing.
    pub(crate) fn later(a: Option<Stamp>, b: Option<Stamp>) -> Option<Stamp> {
        match (a, b) {
            (Some(a), Some(b)) => Some(if b.outranks(Some(a)) { b } else { a }),
            (a, b) => a.or(b),
        }
    }
}

/// What became of statements: rows, or fields where one row says several things.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Heard {
    /// Rows that changed something.
    pub changed: u64,
    /// Rows of which something was left out because what was said later, or by a call, stands.
    pub kept: u64,
    /// Rows that filled in what nobody had said although other things of theirs were left out.
    pub filled: u64,
    /// Rows of customers who were erased after them.
    pub erased: u64,
    /// Rows of which something was left out because what stands has no room for it.
    pub left_out: u64,
}

impl Heard {
    /// Adds what became of other statements.
    pub fn add(&mut self, other: Heard) {
        self.changed += other.changed;
        self.kept += other.kept;
        self.filled += other.filled;
        self.erased += other.erased;
        self.left_out += other.left_out;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(at: i64) -> Stamp {
        Said::from(at).stamp(None)
    }

    fn file(as_of: Option<i64>) -> Stamp {
        Said::file(9_999, as_of).stamp(None)
    }

    #[test]
    fn the_latest_statement_holds_and_an_undated_file_never_overrides_a_call() {
        assert!(call(5).outranks(None));
        assert!(call(5).outranks(Some(call(4))));
        assert!(!call(3).outranks(Some(call(4))));
        assert!(file(Some(7)).outranks(Some(call(5))));
        assert!(!file(Some(4)).outranks(Some(call(5))));
        assert!(!file(None).outranks(Some(call(5))));
        assert!(file(None).outranks(Some(file(Some(8)))));
        assert!(file(None).outranks(Some(file(None))));
        assert!(call(1).outranks(Some(file(None))));
    }

    #[test]
    fn a_refusal_stands_where_times_do_not_decide() {
        let (yes, no) = (Some(true), Some(false));
        assert!(!file(None).permits(yes, Some(file(None)), no));
        assert!(file(None).permits(no, Some(file(None)), yes));
        assert!(!file(Some(5)).permits(yes, Some(call(5)), no));
        assert!(file(Some(6)).permits(yes, Some(call(5)), no));
        assert!(call(6).permits(yes, Some(file(None)), no));
        // two calls in one millisecond: the second was made after the first
        assert!(call(5).permits(yes, Some(call(5)), no));
    }

    #[test]
    fn a_call_is_never_heard_from_the_future() {
        assert_eq!(Said::from(5).stamp(Some(9)), call(5));
        assert_eq!(Said::from(5).stamp(Some(2)), call(2));
    }
}
