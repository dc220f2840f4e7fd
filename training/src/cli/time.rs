//! Times on the command line.

use chrono::{DateTime, NaiveDate};

/// Reads RFC 3339, a date (its first moment, UTC) or milliseconds since 1970-01-01 UTC.
pub fn parse_at(text: &str) -> Result<i64, String> {
    if let Ok(ms) = text.parse::<i64>() {
        return Ok(ms);
    }
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Ok(date
            .and_time(chrono::NaiveTime::MIN)
            .and_utc()
            .timestamp_millis());
    }
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.timestamp_millis())
        .map_err(|_| "expected RFC 3339, a date (2026-01-31) or epoch milliseconds".into())
}
