//! Times in tables: RFC 3339, plain dates and epoch milliseconds; naive ones are local to the shop.

use chrono::{DateTime, LocalResult, NaiveDate, NaiveDateTime, TimeDelta, TimeZone};
use chrono_tz::Tz;

use crate::DAY_MS;

/// The time zone in which times without an offset are read; UTC by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone(Tz);

impl Default for Zone {
    fn default() -> Self {
        Zone(Tz::UTC)
    }
}

impl Zone {
    /// The zone with an IANA name such as `Europe/London`.
    pub fn named(name: &str) -> Option<Zone> {
        name.parse().ok().map(Zone)
    }

    /// The UTC instant of local wall-clock milliseconds.
    ///
    /// A time that occurs twice is the first of the two; one that is skipped in spring moves on by an hour.
    pub fn to_utc(self, local_ms: i64) -> Option<i64> {
        if self.0 == Tz::UTC {
            return Some(local_ms);
        }
        let naive = DateTime::from_timestamp_millis(local_ms)?.naive_utc();
        let resolve = |naive: NaiveDateTime| match self.0.from_local_datetime(&naive) {
            LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Some(at.timestamp_millis()),
            LocalResult::None => None,
        };
        resolve(naive).or_else(|| resolve(naive.checked_add_signed(TimeDelta::hours(1))?))
    }
}

/// The latest time at which something can have happened: now and a day more, for clocks and zones that differ.
pub fn latest() -> i64 {
    chrono::Utc::now().timestamp_millis().saturating_add(DAY_MS)
}

/// Milliseconds since 1970-01-01 of a civil date, as if in UTC; `None` when there is no such date.
pub fn date_ms(year: i32, month: u32, day: u32) -> Option<i64> {
    let date = NaiveDate::from_ymd_opt(year, month, day)?;
    Some(i64::from(date.to_epoch_days()) * DAY_MS)
}

/// Reads a declared date, as of a birth or a move: `YYYY-MM-DD`, or a time in any form of [`parse_time`] but a bare number.
///
/// Returns milliseconds since 1970-01-01 UTC, of midnight where there is no time of day.
pub fn parse_date(text: &str) -> Option<i64> {
    let text = text.trim();
    let dated = text.len() >= 10 && text.as_bytes()[4] == b'-';
    dated.then(|| parse_time(text, Zone::default())).flatten()
}

/// Reads a time: RFC 3339, `YYYY-MM-DD`, `YYYY-MM-DD HH:MM[:SS[.fff]]`, or epoch milliseconds.
///
/// Times without an offset are local to `zone`. Returns milliseconds since 1970-01-01 UTC; `None` when the text is no
/// time.
pub fn parse_time(text: &str, zone: Zone) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() < 10 || bytes[4] != b'-' {
        return text.parse().ok();
    }
    let number = |from: usize, to: usize| -> Option<u32> {
        let digits = bytes.get(from..to)?;
        digits.iter().try_fold(0, |sum, digit| {
            digit
                .is_ascii_digit()
                .then(|| sum * 10 + u32::from(digit - b'0'))
        })
    };
    if bytes[7] != b'-' {
        return None;
    }
    let day = date_ms(number(0, 4)? as i32, number(5, 7)?, number(8, 10)?)?;
    if bytes.len() == 10 {
        return zone.to_utc(day);
    }
    if !matches!(bytes[10], b'T' | b't' | b' ') || bytes.get(13) != Some(&b':') {
        return None;
    }
    let (hour, minute) = (number(11, 13)?, number(14, 16)?);
    let mut at = 16;
    let mut second = 0;
    let mut millis = 0;
    if bytes.get(at) == Some(&b':') {
        second = number(17, 19)?;
        at = 19;
        if bytes.get(at) == Some(&b'.') {
            let digits = bytes[20..]
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            if digits == 0 {
                return None;
            }
            millis = (0..3).fold(0, |sum, ix| {
                let digit = if ix < digits {
                    bytes[20 + ix] - b'0'
                } else {
                    0
                };
                sum * 10 + i64::from(digit)
            });
            at = 20 + digits;
        }
    }
    // second 60 is a leap second and counts as the next minute's first
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let local =
        day + (i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second)) * 1000 + millis;
    match bytes.get(at) {
        None => zone.to_utc(local),
        Some(b'Z' | b'z') if bytes.len() == at + 1 => Some(local),
        Some(sign @ (b'+' | b'-')) => {
            let rest = &bytes[at + 1..];
            let (hours, minutes) = match rest.len() {
                5 if rest[2] == b':' => (number(at + 1, at + 3)?, number(at + 4, at + 6)?),
                4 => (number(at + 1, at + 3)?, number(at + 3, at + 5)?),
                2 => (number(at + 1, at + 3)?, 0),
                _ => return None,
            };
            if hours > 23 || minutes > 59 {
                return None;
            }
            let offset = (i64::from(hours) * 60 + i64::from(minutes)) * 60_000;
            Some(if *sign == b'+' {
                local - offset
            } else {
                local + offset
            })
        }
        Some(_) => None,
    }
}

/// Writes milliseconds since 1970-01-01 UTC as RFC 3339 in UTC, with milliseconds only where there are any.
///
/// Times beyond chrono's years (±262,000) are written as the number, which [`parse_time`] reads back.
pub fn format_time(ms: i64) -> String {
    use std::fmt::Write;
    let Some(at) = DateTime::from_timestamp_millis(ms) else {
        return ms.to_string();
    };
    let naive = at.naive_utc();
    let mut out = String::with_capacity(24);
    let form = if ms.rem_euclid(1000) == 0 {
        "%Y-%m-%dT%H:%M:%SZ"
    } else {
        "%Y-%m-%dT%H:%M:%S%.3fZ"
    };
    match (0..=9999).contains(&chrono::Datelike::year(&naive)) {
        true => {
            let _ = write!(out, "{}", naive.format(form));
            out
        }
        false => ms.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn utc(text: &str) -> Option<i64> {
        parse_time(text, Zone::default())
    }

    #[test]
    fn every_documented_form_is_read() {
        let noon = utc("2024-05-01T12:00:00Z").unwrap();
        assert_eq!(utc("2024-05-01 12:00"), Some(noon));
        assert_eq!(utc("2024-05-01T14:00:00+02:00"), Some(noon));
        assert_eq!(utc("2024-05-01T06:30:00-0530"), Some(noon));
        assert_eq!(utc("2024-05-01T12:00:00.25Z"), Some(noon + 250));
        assert_eq!(utc("2024-05-01"), Some(noon - 12 * 3_600_000));
        assert_eq!(utc(&noon.to_string()), Some(noon));
        assert_eq!(utc("-5"), Some(-5));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "yesterday",
            "2024-02-30",
            "2024-13-01",
            "2024-05-01T25:00",
            "2024-05-01T12:00:00X",
            "2024-05-01T12:00:00.Z",
            "2024-05-01T12",
            "01/05/2024",
            "2024/05/01",
            "1e12",
            "2024-05-01T12:00:00+2",
            "२०२४-०५-०१",
        ] {
            assert_eq!(utc(text), None, "{text:?}");
        }
    }

    #[test]
    fn naive_times_are_local_to_the_shop_across_summer_time() {
        let london = Zone::named("Europe/London").unwrap();
        let read = |text| format_time(parse_time(text, london).unwrap());
        assert_eq!(read("2011-01-10 08:00:00"), "2011-01-10T08:00:00Z");
        assert_eq!(read("2011-07-10 08:00:00"), "2011-07-10T07:00:00Z");
        assert_eq!(read("2011-10-30 01:30:00"), "2011-10-30T00:30:00Z");
        assert_eq!(read("2011-03-27 01:30:00"), "2011-03-27T01:30:00Z");
        assert_eq!(read("2011-07-10T08:00:00Z"), "2011-07-10T08:00:00Z");
        assert!(Zone::named("Middle/Earth").is_none());
    }

    proptest! {
        #[test]
        fn written_times_read_back(ms in any::<i64>()) {
            prop_assert_eq!(utc(&format_time(ms)), Some(ms));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,30}") {
            utc(&text);
        }
    }
}
