//! Times on the command line.

use serendib_shop::time::{parse_time, Zone};

/// Reads a time as the tables do, in UTC where it has no offset.
pub fn parse_at(text: &str) -> Result<i64, String> {
    parse_time(text, Zone::default()).ok_or_else(|| {
        "expected RFC 3339, a date (2026-01-31) or epoch milliseconds of 1980 to 2099".into()
    })
}
