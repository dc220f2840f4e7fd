//! Days of the demo shop: day 0 is 1970-01-01, the story always ends at [`END`].

use chrono::{Datelike, NaiveDate};
use serde::Deserialize;
use serendib_shop::DAY_MS;

/// The first day after the story: 2026-07-01. Time is never read from the clock.
pub const END: i32 = 20_635;

/// The first day of a story of `months` months.
pub fn start(months: u32) -> i32 {
    date(END)
        .checked_sub_months(chrono::Months::new(months))
        .map_or(END - 30 * months as i32, day_of)
}

/// The date of `day`.
pub fn date(day: i32) -> NaiveDate {
    NaiveDate::from_num_days_from_ce_opt(day + 719_163).unwrap_or_default()
}

/// The day of `date`.
pub fn day_of(date: NaiveDate) -> i32 {
    date.num_days_from_ce() - 719_163
}

pub fn text(day: i32) -> String {
    date(day).format("%Y-%m-%d").to_string()
}

/// Milliseconds of `second` on `day`, UTC.
pub fn at(day: i32, second: i32) -> i64 {
    i64::from(day) * DAY_MS + i64::from(second) * 1000
}

/// Monday = 0 … Sunday = 6.
pub fn weekday(day: i32) -> usize {
    (day + 3).rem_euclid(7) as usize
}

/// Month 1 to 12 and day of the month of `day`.
pub fn month_day(day: i32) -> (u32, u32) {
    let date = date(day);
    (date.month(), date.day())
}

/// Times of the year that move demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Season {
    Always,
    /// Mid-March to mid-June.
    Spring,
    /// Mid-May to August.
    Summer,
    /// August to mid-September.
    School,
    /// October to mid-February.
    Winter,
    /// Mid-November to 23 December.
    Christmas,
}

impl Season {
    /// How much more is needed on `day` than evenly over the year; 0 out of season, steps rather than waves.
    pub fn factor(self, day: i32) -> f64 {
        let (month, dom) = month_day(day);
        self.factor_on(month * 100 + dom)
    }

    /// The same for a day written as month · 100 + day of the month.
    pub fn factor_on(self, md: u32) -> f64 {
        match self {
            Season::Always => 1.0,
            Season::Spring => match md {
                315..=430 => 5.0,
                501..=615 => 2.5,
                _ => 0.05,
            },
            Season::Summer => match md {
                515..=614 => 3.0,
                615..=731 => 5.0,
                801..=825 => 2.0,
                _ => 0.05,
            },
            Season::School => match md {
                801..=819 => 6.0,
                820..=915 => 8.0,
                _ => 0.08,
            },
            Season::Winter => match md {
                1001..=1215 => 3.5,
                1216..=1231 | 101..=215 => 1.8,
                _ => 0.03,
            },
            Season::Christmas => match md {
                1115..=1130 => 5.0,
                1201..=1223 => 10.0,
                _ => 0.0,
            },
        }
    }
}

/// Weeks before Christmas in which presents are bought, as a factor on presents; 0 otherwise.
/// The day is month · 100 + day of the month.
pub fn christmas_rush(md: u32) -> f64 {
    match md {
        1120..=1130 => 0.6,
        1201..=1214 => 1.3,
        1215..=1222 => 1.8,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_fixed() {
        assert_eq!(text(END), "2026-07-01");
        assert_eq!(text(start(18)), "2025-01-01");
        assert_eq!(day_of(date(12_345)), 12_345);
        assert_eq!(weekday(day_of(date(END))), 2, "a Wednesday");
        assert_eq!(at(1, 1), DAY_MS + 1000);
    }

    #[test]
    fn seasons_have_a_high_and_a_low() {
        let december = day_of(NaiveDate::from_ymd_opt(2025, 12, 10).unwrap());
        assert_eq!(Season::Christmas.factor(december), 10.0);
        assert!(Season::Summer.factor(december) < 0.1);
        assert!(christmas_rush(1210) > 1.0);
    }
}
