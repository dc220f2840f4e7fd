//! Declared facts as dates.

use chrono::NaiveDate;
use serendib_shop::{time::parse_date, Fact, DAY_MS};

use super::clock::ClockType;
use super::model::LifeModel;
use super::posterior::Declared;

/// Most clocks of one type that a customer is taken to have declared: a list of thousands is a mistake.
const MOST: usize = 20;

/// Days since 1970-01-01 UTC of a declared date; `None` if it is none or before 1800 or after 2300.
pub fn parse_day(text: &str) -> Option<f64> {
    let day = parse_date(text)? as f64 / DAY_MS as f64;
    (-62_000.0..121_000.0).contains(&day).then_some(day)
}

/// The date of a day since 1970-01-01 UTC.
pub(super) fn date_of(day: f64) -> Option<NaiveDate> {
    let days = chrono::Duration::days(day.floor().clamp(-62_000.0, 121_000.0) as i64);
    NaiveDate::default().checked_add_signed(days)
}

/// `YYYY-MM-DD` of a day since 1970-01-01 UTC.
pub fn format_day(day: f64) -> String {
    date_of(day).map_or_else(String::new, |date| date.format("%Y-%m-%d").to_string())
}

/// The declared clocks of `facts`, per clock type of `model`, and a message for each fact that could not be used as it
/// is.
///
/// Facts of one clock type are one clock where they tell one thing twice, and each of their dates is held possible: with
/// one name, where the clock is for life; with one name or both without, where their dates are nearer to each other than
/// the clock's `slip_days`. Without names, different kinds are different clocks.
pub fn declared(model: &LifeModel, facts: &[Fact]) -> (Vec<Vec<Declared>>, Vec<String>) {
    let mut told = vec![Vec::<Declared>::new(); model.clocks.len()];
    let mut unusable = Vec::new();
    for fact in facts {
        let Fact::Clock {
            clock,
            anchor,
            name,
            kind,
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
        let kinds = &model.clocks[number].kind;
        let kind = kind.as_deref().map(|kind| {
            kinds.kind_called(kind).unwrap_or_else(|| {
                unusable.push(format!("clock type {clock:?} has no kind {kind:?}"));
                kinds.kinds.len()
            })
        });
        told[number].push(Declared {
            name: name.clone(),
            kind,
            days: vec![day],
        });
    }
    let clocks = model.clocks.iter().map(|clock| &clock.kind);
    let declared = clocks.zip(told).map(|(kind, told)| joined(kind, told));
    (declared.collect(), unusable)
}

/// One clock for what was `told` twice, in order of names and dates.
fn joined(clock: &ClockType, mut told: Vec<Declared>) -> Vec<Declared> {
    let order = |a: &Declared, b: &Declared| {
        let days = a.days[0].total_cmp(&b.days[0]);
        a.name.cmp(&b.name).then(days).then(a.kind.cmp(&b.kind))
    };
    told.sort_by(order);
    let mut out: Vec<Declared> = Vec::new();
    for fact in told {
        let day = fact.days[0];
        let same = |known: &&mut Declared| {
            let named = fact.name.is_some();
            let kinds = named || known.kind.is_none() || fact.kind.is_none();
            known.name == fact.name
                && (kinds || known.kind == fact.kind)
                && ((named && clock.lifelong) || day - known.days[0] < clock.slip_days)
        };
        match out.iter_mut().rev().find(same) {
            Some(known) => {
                if !known.days.contains(&day) {
                    known.days.push(day);
                }
                known.kind = known.kind.or(fact.kind);
            }
            None => out.push(fact),
        }
    }
    if out.len() > MOST {
        out.sort_by(|a, b| latest(b).total_cmp(&latest(a)));
        out.truncate(MOST);
        out.sort_by(order);
    }
    out
}

fn latest(declared: &Declared) -> f64 {
    declared.days.last().copied().unwrap_or(f64::NEG_INFINITY)
}

/// What of `declared` matters at `now_day`: of clocks that are forgotten once they are over, those that are to come, the
/// latest of those that run, as many as may at once, and the last one that is over where there is nothing else.
pub(super) fn running<'a>(
    clock: &ClockType,
    declared: &'a mut Vec<Declared>,
    now_day: f64,
) -> &'a [Declared] {
    if clock.lifelong || declared.len() < 2 {
        return declared;
    }
    let age = |of: &Declared| now_day - latest(of);
    let mut ages: Vec<f64> = declared.iter().map(age).collect();
    ages.sort_by(f64::total_cmp);
    let begun = ages.partition_point(|age| *age < clock.min_age_days);
    let most = ages
        .get(begun..)
        .unwrap_or_default()
        .iter()
        .take(clock.max_running)
        .take_while(|age| **age <= clock.max_age_days)
        .last()
        .copied();
    // Where none runs, what is to come, else the last one that is over.
    let oldest = most.unwrap_or_else(|| ages[begun.saturating_sub(1)]);
    declared.retain(|of| age(of) <= oldest);
    declared
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(days: &[f64]) -> Vec<Declared> {
        let one = |day: &f64| Declared {
            name: None,
            kind: None,
            days: vec![*day],
        };
        days.iter().map(one).collect()
    }

    fn days(declared: &[Declared]) -> Vec<&[f64]> {
        declared.iter().map(|d| d.days.as_slice()).collect()
    }

    fn supplied(name: &str) -> ClockType {
        let mut types = ClockType::supplied().into_iter();
        types.find(|clock| clock.name == name).unwrap()
    }

    #[test]
    fn dates_far_apart_are_clocks_of_their_own_and_near_ones_contradict_each_other() {
        let child = supplied("child");
        let found = joined(&child, told(&[2_500.0, 0.0, 12.0, 2_512.0, 271.0]));
        assert_eq!(
            days(&found),
            [&[0.0, 12.0][..], &[271.0][..], &[2_500.0, 2_512.0][..]]
        );
        let name = |mut list: Vec<Declared>| {
            list.iter_mut().for_each(|d| d.name = Some("Noa".into()));
            list
        };
        let noa = joined(&child, name(told(&[0.0, 900.0])));
        assert_eq!(days(&noa), [&[0.0, 900.0][..]]);
        let trips = joined(&supplied("trip"), name(told(&[0.0, 900.0])));
        assert_eq!(trips.len(), 2);
    }

    #[test]
    fn different_kinds_are_different_clocks() {
        let pet = supplied("pet");
        let mut list = told(&[0.0, 1.0, 2.0]);
        list[0].kind = Some(0);
        list[2].kind = Some(1);
        let found = joined(&pet, list);
        let kinds: Vec<_> = found.iter().map(|d| (d.kind, d.days.len())).collect();
        assert_eq!(kinds, [(Some(0), 2), (Some(1), 1)]);
    }

    #[test]
    fn what_is_over_gives_way_to_what_runs_and_what_is_to_come() {
        let contract = supplied("contract");
        let left = |at: f64| {
            let mut list = told(&[0.0, 730.0]);
            days(running(&contract, &mut list, at)).concat()
        };
        assert_eq!(left(-20.0), [0.0, 730.0]);
        assert_eq!(left(20.0), [730.0]);
        assert_eq!(left(700.0), [730.0]);
        assert_eq!(left(2_000.0), [730.0]);
        let mut trips = told(&[0.0, 400.0, 430.0, 800.0]);
        let left = running(&supplied("trip"), &mut trips, 390.0);
        assert_eq!(days(left).concat(), [400.0, 430.0, 800.0]);
        let mut children = told(&[0.0, 9_000.0]);
        assert_eq!(running(&supplied("child"), &mut children, 9_100.0).len(), 2);
    }
}
