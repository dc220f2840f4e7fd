//! Times in tables, in the form that each column has; naive ones are local to the shop.

mod form;

use chrono::{DateTime, LocalResult, NaiveDate, NaiveDateTime, TimeDelta, TimeZone};
use chrono_tz::Tz;

use crate::DAY_MS;
pub(crate) use form::misscaled;
pub use form::{Evidence, TimeForm, EXPECTED};

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

    /// The IANA name.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// The local day of the UTC instant `at` (ms), as days since 1970-01-01.
    pub fn day(self, at: i64) -> i64 {
        match DateTime::from_timestamp_millis(at) {
            Some(time) => i64::from(time.with_timezone(&self.0).date_naive().to_epoch_days()),
            None => at.div_euclid(DAY_MS),
        }
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

/// Reads one time by itself: RFC 3339, `YYYY-MM-DD` (also with `/`), `YYYY-MM-DD HH:MM[:SS[.fff]]` with ` UTC`, `Z` or an offset
/// behind it, or epoch milliseconds from 1980 to 2099. A column of a table is read by its [`TimeForm`].
///
/// Times without an offset are local to `zone`. Returns milliseconds since 1970-01-01 UTC; `None` when the text is no
/// time.
pub fn parse_time(text: &str, zone: Zone) -> Option<i64> {
    let bytes = text.as_bytes();
    let separator = bytes.get(4).copied().unwrap_or_default();
    if bytes.len() < 10 || !matches!(separator, b'-' | b'/') {
        let at: i64 = text.parse().ok()?;
        return (TimeForm::of_number(at as f64) == Some(TimeForm::Millis)).then_some(at);
    }
    if bytes[7] != separator {
        return None;
    }
    let digits = |from: usize, to: usize| number(bytes.get(from..to)?);
    let day = date_ms(digits(0, 4)? as i32, digits(5, 7)?, digits(8, 10)?)?;
    Clock::parse(&bytes[10..])?.at(day, zone)
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |sum, digit| {
        digit
            .is_ascii_digit()
            .then(|| sum * 10 + u32::from(digit - b'0'))
    })
}

/// A time of day with what is known of its zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Clock {
    /// Milliseconds since midnight.
    ms: i64,
    /// Offset from UTC in milliseconds; `None` = local to the shop.
    offset: Option<i64>,
}

impl Clock {
    /// What stands behind a date: nothing, or a time of day with its zone.
    fn parse(bytes: &[u8]) -> Option<Clock> {
        let Some((separator, rest)) = bytes.split_first() else {
            return Some(Clock {
                ms: 0,
                offset: None,
            });
        };
        let rest = match (separator, rest) {
            (b',', [b' ', rest @ ..]) => rest,
            (b'T' | b't' | b' ', rest) => rest,
            _ => return None,
        };
        let (hour, rest) = leading(rest, 1..3)?;
        let (minute, mut rest) = leading(rest.strip_prefix(b":")?, 2..3)?;
        let (mut second, mut millis) = (0, 0);
        if let Some(after) = rest.strip_prefix(b":") {
            (second, rest) = leading(after, 2..3)?;
            if let Some(after) = rest.strip_prefix(b".") {
                let digits = after.iter().take_while(|b| b.is_ascii_digit()).count();
                if digits == 0 {
                    return None;
                }
                let digit = |ix: usize| after.get(ix).filter(|_| ix < digits);
                millis = (0..3).fold(0, |sum, ix| {
                    sum * 10 + digit(ix).map_or(0, |digit| i64::from(digit - b'0'))
                });
                rest = &after[digits..];
            }
        }
        let (hour, rest) = half_day(hour, rest)?;
        // second 60 is a leap second and counts as the next minute's first
        if hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
        Some(Clock {
            ms: seconds * 1000 + millis,
            offset: offset(rest)?,
        })
    }

    /// The instant on `day`, milliseconds of its midnight as if in UTC.
    fn at(self, day: i64, zone: Zone) -> Option<i64> {
        let local = day + self.ms;
        match self.offset {
            Some(offset) => Some(local - offset),
            None => zone.to_utc(local),
        }
    }
}

/// A number of as many digits as `digits` allow, and what follows it.
fn leading(bytes: &[u8], digits: std::ops::Range<usize>) -> Option<(u32, &[u8])> {
    let found = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
    if !digits.contains(&found) {
        return None;
    }
    Some((number(&bytes[..found])?, &bytes[found..]))
}

/// The hour of a clock of twelve or twenty-four hours, and what follows ` AM` or ` PM`.
fn half_day(hour: u32, rest: &[u8]) -> Option<(u32, &[u8])> {
    let word = rest.strip_prefix(b" ").unwrap_or(rest);
    let later = match word.get(..2).map(<[u8]>::to_ascii_lowercase).as_deref() {
        Some(b"am") => 0,
        Some(b"pm") => 12,
        _ => return Some((hour, rest)),
    };
    (1..=12)
        .contains(&hour)
        .then(|| (hour % 12 + later, &word[2..]))
}

/// The offset from UTC in milliseconds, inner `None` where nothing is said; outer `None` for what is no offset.
fn offset(bytes: &[u8]) -> Option<Option<i64>> {
    let bytes = bytes
        .strip_prefix(b" ")
        .filter(|rest| !rest.is_empty())
        .unwrap_or(bytes);
    let (sign, rest) = match bytes {
        [] => return Some(None),
        _ if ["Z", "UTC", "GMT"]
            .iter()
            .any(|utc| bytes.eq_ignore_ascii_case(utc.as_bytes())) =>
        {
            return Some(Some(0))
        }
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match rest {
        [a, b, b':', c, d] | [a, b, c, d] => (number(&[*a, *b])?, number(&[*c, *d])?),
        [a, b] => (number(&[*a, *b])?, 0),
        _ => return None,
    };
    if hours > 23 || minutes > 59 {
        return None;
    }
    Some(Some(
        sign * (i64::from(hours) * 60 + i64::from(minutes)) * 60_000,
    ))
}

/// A date of three numbers of which the year is the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct NumericDate {
    /// The three numbers in their order.
    parts: [u32; 3],
    /// Whether the year has two digits.
    is_short: bool,
    /// The time of day.
    clock: Clock,
}

/// Reads `31/12/2023` or `12-31-2023 10:00`: numbers separated by `/`, `.` or `-`.
fn parse_numeric_date(text: &str) -> Option<NumericDate> {
    let (first, rest) = leading(text.as_bytes(), 1..3)?;
    let (separator, rest) = rest.split_first()?;
    if !matches!(separator, b'/' | b'.' | b'-') {
        return None;
    }
    let (second, rest) = leading(rest, 1..3)?;
    let rest = rest.strip_prefix(&[*separator])?;
    let (year, after) = leading(rest, 2..5)?;
    let is_short = match rest.len() - after.len() {
        2 => true,
        4 => false,
        _ => return None,
    };
    Some(NumericDate {
        parts: [first, second, year],
        is_short,
        clock: Clock::parse(after)?,
    })
}

/// Writes milliseconds since 1970-01-01 UTC as RFC 3339 in UTC, with milliseconds only where there are any.
///
/// Times beyond the years 0 to 9999 are written as the number.
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
        assert_eq!(utc("2024-05-01 12:00:00 UTC"), Some(noon));
        assert_eq!(utc("2024-05-01 14:00:00 +0200"), Some(noon));
        assert_eq!(utc("2024/05/01 12:00"), Some(noon));
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
            "2024/05-01",
            "1e12",
            "-5",
            "1714564800",
            "20240501",
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
        fn written_times_read_back(ms in -62_167_219_200_000_i64..253_402_300_800_000) {
            prop_assert_eq!(utc(&format_time(ms)), Some(ms));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,30}") {
            utc(&text);
        }
    }
}
