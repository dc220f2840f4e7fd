//! Declared facts as dates.

use chrono::{DateTime, NaiveDate};

use super::model::LifeModel;
use super::posterior::Declared;
use crate::shop::Fact;

/// Days since 1970-01-01 UTC of `YYYY-MM-DD` or an RFC 3339 time; `None` if it is neither or before 1800 or after 2300.
pub fn parse_day(text: &str) -> Option<f64> {
    let epoch = NaiveDate::default();
    let day = match NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d") {
        Ok(date) => (date - epoch).num_days() as f64,
        Err(_) => DateTime::parse_from_rfc3339(text.trim()).ok()?.timestamp() as f64 / 86_400.0,
    };
    (-62_000.0..121_000.0).contains(&day).then_some(day)
}

/// `YYYY-MM-DD` of a day since 1970-01-01 UTC.
pub fn format_day(day: f64) -> String {
    let days = chrono::Duration::days(day.floor().clamp(-62_000.0, 121_000.0) as i64);
    NaiveDate::default()
        .checked_add_signed(days)
        .map_or_else(String::new, |date| date.format("%Y-%m-%d").to_string())
}

/// The declared clocks of `facts`, per clock type of `model`, and a message for each fact that could not be used.
///
/// Facts of one clock type with one name (or both without a name) are one clock; if their dates differ, each is held
/// possible.
pub fn declared(model: &LifeModel, facts: &[Fact]) -> (Vec<Vec<Declared>>, Vec<String>) {
    let mut out = vec![Vec::<Declared>::new(); model.clocks.len()];
    let mut unusable = Vec::new();
    for fact in facts {
        let Fact::Clock {
            clock,
            anchor,
            name,
        } = fact
        else {
            continue;
        };
        let Some(number) = model.clock(clock) else {
            unusable.push(format!("clock type {clock:?} is not configured"));
            continue;
        };
        let Some(day) = parse_day(anchor) else {
            unusable.push(format!(
                "anchor {anchor:?} of clock {clock:?} is not a date"
            ));
            continue;
        };
        match out[number].iter_mut().find(|d| d.name == *name) {
            Some(known) => {
                if !known.days.contains(&day) {
                    known.days.push(day);
                    known.days.sort_by(f64::total_cmp);
                }
            }
            None => out[number].push(Declared {
                name: name.clone(),
                days: vec![day],
            }),
        }
    }
    for list in &mut out {
        list.sort_by(|a, b| a.name.cmp(&b.name));
        // Nobody has more; a list of thousands is a mistake.
        list.truncate(20);
    }
    (out, unusable)
}
