//! The form of a column of times: decided once from all its values, then every value is read in that form or refused.

use super::{date_ms, parse_numeric_date, parse_time, NumericDate, Zone};

/// 1980-01-01 and 2100-01-01 UTC in seconds: a bare number is read as a time only in the scale that puts it in between, so that
/// a wrong scale never makes a 1970 of it. The scales do not overlap.
const SCALED_S: std::ops::Range<f64> = 315_532_800.0..4_102_444_800.0;
/// The same span in days of a spreadsheet, which counts from 1899-12-30.
const SCALED_DAYS: std::ops::Range<f64> = 29_221.0..73_051.0;
/// 1970-01-01 in days of a spreadsheet.
const EPOCH_DAYS: f64 = 25_569.0;

/// How a column writes its times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimeForm {
    /// Year first, as in RFC 3339, or a type of the format's own for times.
    Written,
    /// `31/12/2023`, with a time of day if need be.
    DayFirst,
    /// `12/31/2023`, with a time of day if need be.
    MonthFirst,
    /// `20231231`, `202312311200` or `20231231120000`.
    Digits,
    /// Seconds since 1970-01-01 UTC.
    Seconds,
    /// Milliseconds since 1970-01-01 UTC.
    Millis,
    /// Microseconds since 1970-01-01 UTC.
    Micros,
    /// Nanoseconds since 1970-01-01 UTC.
    Nanos,
    /// Days since 1899-12-30, the fraction is the time of day.
    SheetDays,
}

impl TimeForm {
    /// The only form in which a bare number is a time from 1980 to 2099 (of eight, twelve or fourteen digits: a date from 1901
    /// to 2099); `None` where there is none.
    pub fn of_number(number: f64) -> Option<TimeForm> {
        if digits_ms(number).is_some() {
            return Some(TimeForm::Digits);
        }
        if SCALED_DAYS.contains(&number) {
            return Some(TimeForm::SheetDays);
        }
        [
            (TimeForm::Seconds, 1.0),
            (TimeForm::Millis, 1e3),
            (TimeForm::Micros, 1e6),
            (TimeForm::Nanos, 1e9),
        ]
        .into_iter()
        .find(|(_, units)| SCALED_S.contains(&(number / units)))
        .map(|(form, _)| form)
    }

    /// The form in words.
    pub fn about(self) -> &'static str {
        match self {
            TimeForm::Written => "dates and times, year first",
            TimeForm::DayFirst => "dates, day first (31/12/2023)",
            TimeForm::MonthFirst => "dates, month first (12/31/2023)",
            TimeForm::Digits => {
                "dates in digits (20231231 is 2023-12-31), not milliseconds since 1970"
            }
            TimeForm::Seconds => "epoch seconds (since 1970-01-01 UTC)",
            TimeForm::Millis => "epoch milliseconds (since 1970-01-01 UTC)",
            TimeForm::Micros => "epoch microseconds (since 1970-01-01 UTC)",
            TimeForm::Nanos => "epoch nanoseconds (since 1970-01-01 UTC)",
            TimeForm::SheetDays => {
                "days of a spreadsheet (45292 is 2024-01-01), not milliseconds since 1970"
            }
        }
    }

    /// Reads a number in this form: milliseconds since 1970-01-01 UTC; `None` for one of another form.
    pub fn read_number(self, number: f64, zone: Zone) -> Option<i64> {
        if TimeForm::of_number(number) != Some(self) {
            return None;
        }
        match self {
            TimeForm::Seconds => Some((number * 1e3).round() as i64),
            TimeForm::Millis => Some(number.round() as i64),
            TimeForm::Micros => Some((number / 1e3).floor() as i64),
            TimeForm::Nanos => Some((number / 1e6).floor() as i64),
            TimeForm::Digits => zone.to_utc(digits_ms(number)?),
            TimeForm::SheetDays => {
                let seconds = ((number - EPOCH_DAYS) * 86_400.0).round();
                zone.to_utc(seconds as i64 * 1_000)
            }
            TimeForm::Written | TimeForm::DayFirst | TimeForm::MonthFirst => None,
        }
    }

    /// Reads a text in this form: milliseconds since 1970-01-01 UTC; `None` for one of another form.
    pub fn read_text(self, text: &str, zone: Zone) -> Option<i64> {
        let text = text.trim();
        match self {
            TimeForm::Written => is_written(text).then(|| parse_time(text, zone)).flatten(),
            TimeForm::DayFirst | TimeForm::MonthFirst => match parse_numeric_date(text)? {
                NumericDate::Full { parts, clock } => {
                    let [first, second, year] = parts;
                    let day = match self {
                        TimeForm::DayFirst => date_ms(year as i32, second, first),
                        _ => date_ms(year as i32, first, second),
                    }?;
                    clock.at(day, zone)
                }
                NumericDate::ShortYear => None,
            },
            _ => self.read_number(number_of(text)?, zone),
        }
    }
}

/// Whether a text begins as a date with the year first does.
fn is_written(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 10
        && bytes[..4].iter().all(u8::is_ascii_digit)
        && matches!(bytes[4], b'-' | b'/')
}

fn number_of(text: &str) -> Option<f64> {
    let plain = |b: u8| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E');
    let number = text.bytes().all(plain).then(|| text.parse().ok())??;
    Some(number).filter(|number: &f64| number.is_finite())
}

/// `YYYYMMDD`, `YYYYMMDDHHMM` or `YYYYMMDDHHMMSS` as wall-clock milliseconds; `None` where that is no date from 1901 to 2099.
fn digits_ms(number: f64) -> Option<i64> {
    if number.fract() != 0.0 || !(1.9e7..2.1e13).contains(&number) {
        return None;
    }
    let number = number as u64;
    let (date, clock) = match number.ilog10() + 1 {
        8 => (number, 0),
        12 => (number / 10_000, number % 10_000 * 100),
        14 => (number / 1_000_000, number % 1_000_000),
        _ => return None,
    };
    let (hour, minute, second) = (clock / 10_000, clock / 100 % 100, clock % 100);
    let year = (date / 10_000) as i32;
    if !(1901..2100).contains(&year) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let day = date_ms(year, (date / 100 % 100) as u32, (date % 100) as u32)?;
    Some(day + ((hour * 60 + minute) * 60 + second) as i64 * 1_000)
}

/// What the values of a column say of its form.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    counts: std::collections::BTreeMap<TimeForm, u64>,
    /// Dates that are good with the day first and with the month first.
    either: u64,
    short_years: u64,
    /// The first value, shortened.
    first: Option<String>,
    values: u64,
}

impl Evidence {
    /// Adds a value that the format itself marks as a time.
    pub fn add_typed(&mut self) {
        self.values += 1;
        *self.counts.entry(TimeForm::Written).or_default() += 1;
    }

    /// Adds a number.
    pub fn add_number(&mut self, number: f64) {
        self.values += 1;
        self.first.get_or_insert_with(|| number.to_string());
        if let Some(form) = TimeForm::of_number(number) {
            *self.counts.entry(form).or_default() += 1;
        }
    }

    /// Adds a text.
    pub fn add_text(&mut self, text: &str) {
        let text = text.trim();
        if let Some(number) = number_of(text) {
            return self.add_number(number);
        }
        self.values += 1;
        self.first
            .get_or_insert_with(|| format!("{:?}", text.chars().take(40).collect::<String>()));
        let utc = Zone::default();
        let fits = |form: TimeForm| form.read_text(text, utc).is_some();
        if fits(TimeForm::Written) {
            *self.counts.entry(TimeForm::Written).or_default() += 1;
        } else if matches!(parse_numeric_date(text), Some(NumericDate::ShortYear)) {
            self.short_years += 1;
        } else {
            match (fits(TimeForm::DayFirst), fits(TimeForm::MonthFirst)) {
                (true, true) => self.either += 1,
                (true, false) => *self.counts.entry(TimeForm::DayFirst).or_default() += 1,
                (false, true) => *self.counts.entry(TimeForm::MonthFirst).or_default() += 1,
                (false, false) => {}
            }
        }
    }

    /// Whether the column is plain already: its first values write the year first, so that each value says what it is.
    pub fn is_plain(&self) -> bool {
        self.values > 0 && self.counts.get(&TimeForm::Written) == Some(&self.values)
    }

    /// The form that most values have.
    ///
    /// # Errors
    /// In words, why the values do not decide it.
    pub fn decide(&self) -> Result<TimeForm, String> {
        if self.values == 0 {
            return Ok(TimeForm::Written);
        }
        let first = self.first.as_deref().unwrap_or("a value");
        let of = |form| self.counts.get(&form).copied().unwrap_or(0);
        let (day, month) = (of(TimeForm::DayFirst), of(TimeForm::MonthFirst));
        let slashed = self.either + day + month;
        let (form, count) = self
            .counts
            .iter()
            .filter(|(form, _)| !matches!(form, TimeForm::DayFirst | TimeForm::MonthFirst))
            .fold((TimeForm::Written, 0), |best, (form, count)| {
                if *count > best.1 {
                    (*form, *count)
                } else {
                    best
                }
            });
        if self.short_years > count.max(slashed) {
            return Err(format!(
                "{first} has a year of two digits, which can be of any century: write all four"
            ));
        }
        if slashed <= count {
            return if count > 0 {
                Ok(form)
            } else {
                Err(format!("{first} is not a time ({EXPECTED})"))
            };
        }
        match (day > 0, month > 0) {
            (true, false) => Ok(TimeForm::DayFirst),
            (false, true) => Ok(TimeForm::MonthFirst),
            (false, false) => Err(format!(
                "{first} may have the day or the month first, and no row of the column tells which: write 2023-12-31"
            )),
            (true, true) => Err(format!(
                "{first} and others: some rows can only have the day first ({day}) and some only the month ({month}): write \
                 2023-12-31"
            )),
        }
    }
}

/// What a time may look like, for messages.
pub const EXPECTED: &str =
    "a date or time with the year first, day or month first in the whole column, YYYYMMDD, epoch seconds, milliseconds or \
     microseconds";

/// The form that a number was written in which is no time in milliseconds, if it is one in another form.
pub(crate) fn misscaled(at: i64) -> Option<TimeForm> {
    TimeForm::of_number(at as f64).filter(|form| *form != TimeForm::Millis)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::time::format_time;
    use crate::DAY_MS;

    fn form(values: &[&str]) -> Result<TimeForm, String> {
        let mut evidence = Evidence::default();
        values.iter().for_each(|value| evidence.add_text(value));
        evidence.decide()
    }

    fn read(values: &[&str]) -> Vec<Option<String>> {
        let form = form(values).unwrap();
        let utc = Zone::default();
        let each = |text: &&str| form.read_text(text, utc).map(format_time);
        values.iter().map(each).collect()
    }

    fn all(values: &[&str], expected: &[&str]) {
        let expected: Vec<_> = expected.iter().map(|t| Some((*t).to_owned())).collect();
        assert_eq!(read(values), expected, "{values:?}");
    }

    #[test]
    fn a_column_is_read_in_the_one_form_that_its_values_have() {
        let noon = ["2022-03-04T12:00:00Z"];
        all(&["1646395200"], &noon);
        all(&["1646395200.0"], &noon);
        all(&["1646395200000"], &noon);
        all(&["1646395200000.0"], &noon);
        all(&["1646395200000000"], &noon);
        all(&["1646395200000000000"], &noon);
        all(&["20220304120000"], &noon);
        all(&["202203041200"], &noon);
        all(&["44624.5"], &noon);
        all(&["20220304"], &["2022-03-04T00:00:00Z"]);
        all(&["44624"], &["2022-03-04T00:00:00Z"]);
        all(&["2022-03-04 14:00:00 +0200"], &noon);
        all(
            &["2022-03-04 12:00:00.5 UTC"],
            &["2022-03-04T12:00:00.500Z"],
        );
        all(&["2022/03/04 12:00"], &noon);
        all(
            &["04/03/2022 12:00", "13/03/2022 9:05"],
            &["2022-03-04T12:00:00Z", "2022-03-13T09:05:00Z"],
        );
        all(
            &["3/4/2022 12:00 PM", "3/14/2022 12:05:01 am"],
            &["2022-03-04T12:00:00Z", "2022-03-14T00:05:01Z"],
        );
        all(
            &["04.03.2022", "31.01.2022"],
            &["2022-03-04T00:00:00Z", "2022-01-31T00:00:00Z"],
        );
    }

    #[test]
    fn what_does_not_fit_the_column_is_no_time_of_it() {
        let read = read(&["1646395200", "1646395201", "1646395200000", "0", "soon"]);
        assert_eq!(read.iter().filter(|at| at.is_some()).count(), 2);
        assert!(read[2..].iter().all(Option::is_none));
    }

    #[test]
    fn what_the_column_does_not_decide_is_refused_in_words() {
        for (values, word) in [
            (&["03/04/2022", "05/06/2022"][..], "day or the month"),
            (&["13/04/2022", "04/13/2022"][..], "only the month"),
            (&["2/24/03"][..], "two digits"),
            (&["24.12.98 10:00"][..], "two digits"),
            (&["soon"][..], "is not a time"),
            (&["12", "13"][..], "is not a time"),
        ] {
            let why = form(values).unwrap_err();
            assert!(why.contains(word), "{values:?}: {why}");
        }
    }

    #[test]
    fn wrong_scales_are_named() {
        assert_eq!(misscaled(1_646_395_200), Some(TimeForm::Seconds));
        assert_eq!(misscaled(20_220_304), Some(TimeForm::Digits));
        assert_eq!(misscaled(44_624), Some(TimeForm::SheetDays));
        assert_eq!(misscaled(1_646_395_200_000_000), Some(TimeForm::Micros));
        for sound in [1_646_395_200_000, 5, -DAY_MS, 946_684_800_000] {
            assert_eq!(misscaled(sound), None, "{sound}");
        }
    }

    proptest! {
        #[test]
        fn no_bare_number_becomes_a_time_before_1901(number in any::<f64>(), whole in any::<i64>()) {
            for number in [number, whole as f64] {
                if let Some(form) = TimeForm::of_number(number) {
                    let at = form.read_number(number, Zone::default()).unwrap();
                    prop_assert!(crate::PLAUSIBLE_MS.contains(&at), "{number}: {at}");
                }
            }
        }

        #[test]
        fn any_text_is_read_or_refused(texts in prop::collection::vec("[0-9/.:TZ +a-zé-]{0,20}", 0..5)) {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            if let Ok(form) = form(&texts) {
                for text in &texts {
                    let _ = form.read_text(text, Zone::default());
                }
            }
        }
    }
}
