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
    /// `31/12/98`: day first, years of two digits from 1969 to 2068, as POSIX reads them.
    ShortDayFirst,
    /// `12/31/98`: month first, years of two digits likewise.
    ShortMonthFirst,
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
            TimeForm::ShortDayFirst => {
                "dates, day first, years of two digits from 1969 to 2068 (31/12/98 is 1998-12-31)"
            }
            TimeForm::ShortMonthFirst => {
                "dates, month first, years of two digits from 1969 to 2068 (12/31/98 is 1998-12-31)"
            }
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
            TimeForm::Written
            | TimeForm::DayFirst
            | TimeForm::MonthFirst
            | TimeForm::ShortDayFirst
            | TimeForm::ShortMonthFirst => None,
        }
    }

    /// Reads a text in this form: milliseconds since 1970-01-01 UTC; `None` for one of another form.
    pub fn read_text(self, text: &str, zone: Zone) -> Option<i64> {
        let text = text.trim();
        match self {
            TimeForm::Written => is_written(text).then(|| parse_time(text, zone)).flatten(),
            TimeForm::DayFirst | TimeForm::ShortDayFirst => {
                let date = self.numeric(text)?;
                let [day, month, year] = date.parts;
                date.clock.at(date_ms(year as i32, month, day)?, zone)
            }
            TimeForm::MonthFirst | TimeForm::ShortMonthFirst => {
                let date = self.numeric(text)?;
                let [month, day, year] = date.parts;
                date.clock.at(date_ms(year as i32, month, day)?, zone)
            }
            _ => self.read_number(number_of(text)?, zone),
        }
    }

    /// The numbers of a date whose year is last and written with as many digits as this form has, the year in full.
    fn numeric(self, text: &str) -> Option<NumericDate> {
        let is_short = matches!(self, TimeForm::ShortDayFirst | TimeForm::ShortMonthFirst);
        let mut date = parse_numeric_date(text).filter(|date| date.is_short == is_short)?;
        if is_short {
            date.parts[2] += if date.parts[2] < 69 { 2_000 } else { 1_900 };
        }
        Some(date)
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

/// The forms whose year is last, with the day and with the month first: with years in full, of two digits.
const LAST_YEAR: [[TimeForm; 2]; 2] = [
    [TimeForm::DayFirst, TimeForm::MonthFirst],
    [TimeForm::ShortDayFirst, TimeForm::ShortMonthFirst],
];

/// What the values of a column say of its form.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    counts: std::collections::BTreeMap<TimeForm, u64>,
    /// Dates that are good with the day first and with the month first, with years in full and of two digits.
    either: [u64; 2],
    /// Whether some year of two digits can be no day, so that the year is last.
    has_late_year: bool,
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
        } else if let Some(date) = parse_numeric_date(text) {
            let [day, month] = LAST_YEAR[usize::from(date.is_short)];
            self.has_late_year |= date.is_short && date.parts[2] > 31 && fits(day);
            match (fits(day), fits(month)) {
                (true, true) => self.either[usize::from(date.is_short)] += 1,
                (true, false) => *self.counts.entry(day).or_default() += 1,
                (false, true) => *self.counts.entry(month).or_default() += 1,
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
        let slashed = |is_short: bool| {
            let [day, month] = LAST_YEAR[usize::from(is_short)].map(of);
            self.either[usize::from(is_short)] + day + month
        };
        let is_short = slashed(true) > slashed(false);
        let [day_first, month_first] = LAST_YEAR[usize::from(is_short)];
        let (day, month) = (of(day_first), of(month_first));
        let slashed = slashed(is_short);
        let (form, count) = self
            .counts
            .iter()
            .filter(|(form, _)| !LAST_YEAR.as_flattened().contains(form))
            .fold((TimeForm::Written, 0), |best, (form, count)| {
                if *count > best.1 {
                    (*form, *count)
                } else {
                    best
                }
            });
        if slashed <= count {
            return if count > 0 {
                Ok(form)
            } else {
                Err(format!("{first} is not a time ({EXPECTED})"))
            };
        }
        match (day > 0, month > 0) {
            (true, false) if is_short && !self.has_late_year => Err(format!(
                "{first} may have the day or the year first, and no row of the column tells which: write 2023-12-31"
            )),
            (true, false) => Ok(day_first),
            (false, true) => Ok(month_first),
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
        all(
            &["3/4/22", "12/31/68", "1/1/69 12:00 PM"],
            &[
                "2022-03-04T00:00:00Z",
                "2068-12-31T00:00:00Z",
                "1969-01-01T12:00:00Z",
            ],
        );
        all(
            &["04.03.22 12:00", "24.12.98 10:00"],
            &["2022-03-04T12:00:00Z", "1998-12-24T10:00:00Z"],
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
            (&["24/12/03", "25/12/03"][..], "day or the year"),
            (&["24/12/03", "99/99/99"][..], "day or the year"),
            (&["2/4/03", "3/4/03"][..], "day or the month"),
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
