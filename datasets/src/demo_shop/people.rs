//! The households that shop: who they are, what runs in their lives, what they like, and how they shop.

use serde_json::json;
use serendib_shop::{Consents, Customer, Fact};

use super::calendar;
use super::catalogue::STYLES;
use super::naming::NAMES;
use super::number::{exp, Rng};
use super::taxonomy::{Clock, INTERESTS};

/// One running life situation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Run {
    pub clock: Clock,
    /// Day of the anchor.
    pub anchor: i32,
    /// Whether the shop was told.
    pub declared: bool,
    /// How much bigger (sizes) or faster than usual a child grows, −1 to 1.
    pub growth: f64,
}

/// One household with everything the shop does not see.
#[derive(Debug, Clone)]
pub struct Person {
    /// Position, from 0.
    pub index: u64,
    /// Customer id; empty for a shopper without a card.
    pub id: String,
    /// First day as a customer.
    pub registered: i32,
    pub runs: Vec<Run>,
    /// Liking of each interest, 0 to 1.
    pub likes: [f64; INTERESTS],
    /// Two hidden styles that please this household.
    pub styles: [u8; 2],
    /// 0 to 1: how gladly new things are tried.
    pub curiosity: f64,
    /// 0 to 1: how long a purchase is thought over.
    pub caution: f64,
    /// Disappointments that are forgiven before the household stays away.
    pub patience: u8,
    /// Share of needs for which this shop is thought of.
    pub loyalty: f64,
    /// Visits a day without any need.
    pub roam: f64,
    /// Speed of using things up.
    pub pace: f64,
    /// Price level that is comfortable, 0 to 1.
    pub purse: f64,
    /// Presents a year.
    pub presents: f64,
    /// Running sums over web, app, store.
    pub channels: [f64; 3],
    /// How gladly e-mails are opened, 0 to 1.
    pub opens: f64,
    /// Whether the shop may write.
    pub contact: bool,
    /// Day of the month on which the subscription box ships; 0 = no subscriber.
    pub box_day: u8,
    /// Declared free facts that matter: allergens to leave out.
    pub avoids: Vec<&'static str>,
}

/// The id of customer `index`.
pub fn customer_id(index: u64) -> String {
    format!("c{:06}", index + 1)
}

fn born_between(rng: &mut Rng, from: i32, to: i32) -> i32 {
    rng.int(i64::from(from), i64::from(to)) as i32
}

impl Person {
    /// Draws household `index` for a story from `start` to [`calendar::END`].
    pub fn new(seed: u64, index: u64, anonymous: bool, start: i32) -> Person {
        let rng = &mut Rng::new(&[seed, 2, index, u64::from(anonymous)]);
        let end = calendar::END;
        let mut runs = Vec::new();
        let run = |rng: &mut Rng, clock, anchor, told: f64| Run {
            clock,
            anchor,
            declared: rng.chance(told),
            growth: (rng.bell() * 0.45).clamp(-1.0, 1.0),
        };
        if rng.chance(0.6) {
            // families who expect or have a small child look for a family shop more than others
            let first = match rng.unit() {
                u if u < 0.45 => born_between(rng, start - 200, end + 60),
                u if u < 0.75 => born_between(rng, start - 4 * 365, start - 200),
                _ => born_between(rng, start - 11 * 365, start - 4 * 365),
            };
            runs.push(run(rng, Clock::Child, first, 0.3));
            if rng.chance(0.42) {
                let gap = rng.int(480, 1_700) as i32;
                let second = if rng.chance(0.5) {
                    first - gap
                } else {
                    first + gap
                };
                if second < end + 120 {
                    runs.push(run(rng, Clock::Child, second, 0.3));
                    if rng.chance(0.16) {
                        let third = runs[0].anchor.min(second) - rng.int(500, 1_500) as i32;
                        runs.push(run(rng, Clock::Child, third, 0.3));
                    }
                }
            }
        }
        for (clock, share) in [(Clock::Dog, 0.15), (Clock::Cat, 0.14)] {
            if rng.chance(share) {
                let young = rng.chance(0.6);
                let from = if young { start - 120 } else { start - 11 * 365 };
                let to = if young { end - 60 } else { start - 120 };
                let born = born_between(rng, from, to);
                runs.push(run(rng, clock, born, 0.2));
            }
        }
        let mut trip = start - rng.int(0, 200) as i32;
        let travels = rng.chance(0.6);
        while travels && trip < end + 60 {
            trip += rng.int(110, 420) as i32;
            // most people leave in summer or at Easter
            let (month, _) = calendar::month_day(trip);
            if !matches!(month, 4 | 6..=9) && rng.chance(0.6) {
                trip += rng.int(40, 90) as i32;
            }
            runs.push(run(rng, Clock::Trip, trip, 0.12));
        }
        if rng.chance(0.2) {
            let day = born_between(rng, start - 120, end + 30);
            runs.push(run(rng, Clock::Move, day, 0.2));
        }
        if rng.chance(0.35) {
            let mut ends = born_between(rng, start - 300, start + 430);
            while ends < end + 60 {
                runs.push(run(rng, Clock::Contract, ends, 0.35));
                ends += 730;
            }
        }
        let mut likes = [0.0; INTERESTS];
        for like in &mut likes {
            *like = if rng.chance(0.22) {
                rng.between(0.6, 1.0)
            } else {
                rng.between(0.0, 0.35)
            };
        }
        let styles = [
            rng.int(0, STYLES as i64 - 1) as u8,
            rng.int(0, STYLES as i64 - 1) as u8,
        ];
        let curious = rng.chance(0.3);
        let cautious = rng.chance(0.3);
        let registered = match rng.unit() {
            u if u < 0.58 => start - rng.int(10, 1_500) as i32,
            _ => start + (rng.unit() * f64::from(end - start - 20)) as i32,
        };
        let (web, app, store) = (
            rng.between(0.2, 1.0),
            rng.unit() * rng.unit(),
            rng.unit() * 0.7,
        );
        let allergic = rng.chance(0.08);
        Person {
            index,
            id: if anonymous {
                String::new()
            } else {
                customer_id(index)
            },
            registered: if anonymous { start - 1 } else { registered },
            runs,
            likes,
            styles,
            curiosity: if curious {
                rng.between(0.6, 1.0)
            } else {
                rng.between(0.0, 0.4)
            },
            caution: if cautious {
                rng.between(0.6, 1.0)
            } else {
                rng.between(0.0, 0.4)
            },
            patience: rng.int(2, 5) as u8,
            loyalty: (0.1 + 0.75 * rng.unit() * rng.unit()).min(0.95),
            roam: (0.0066 * exp(rng.bell() * 0.95)).min(0.35),
            pace: exp(rng.bell() * 0.28),
            purse: rng.unit(),
            presents: rng.between(0.0, 4.5) * rng.unit(),
            channels: if anonymous {
                [0.0, 0.0, 1.0]
            } else {
                [web, web + app, web + app + store]
            },
            opens: rng.unit() * rng.between(0.2, 1.0),
            contact: rng.chance(0.82),
            box_day: if !anonymous && rng.chance(0.06) {
                rng.int(1, 26) as u8
            } else {
                0
            },
            avoids: if allergic {
                vec![["milk", "nuts", "gluten"][rng.index(3)]]
            } else {
                vec![]
            },
        }
    }

    /// Ages in days on `day` of the runs of `clock`, with the number of each run.
    pub fn ages(&self, clock: Clock, day: i32) -> impl Iterator<Item = (usize, i32)> + '_ {
        self.runs
            .iter()
            .enumerate()
            .filter(move |(_, run)| run.clock == clock)
            .map(move |(i, run)| (i, day - run.anchor))
    }

    /// The row of the customers table: what was declared by the end of the story, slips of the pen included.
    pub fn row(&self, seed: u64) -> Customer {
        let rng = &mut Rng::new(&[seed, 3, self.index]);
        let mut facts = Vec::new();
        let children = self.runs.iter().filter(|r| r.clock == Clock::Child).count();
        for run in &self.runs {
            // one declares what has begun or is near
            if !run.declared || run.anchor > calendar::END + 90 {
                continue;
            }
            let slip = if rng.chance(0.12) {
                rng.int(-12, 12) as i32
            } else {
                0
            };
            let named = run.clock == Clock::Child && children > 1
                || matches!(run.clock, Clock::Dog | Clock::Cat);
            facts.push(Fact::Clock {
                clock: run.clock.word().to_string(),
                anchor: calendar::text(run.anchor + slip),
                name: named.then(|| NAMES[rng.index(NAMES.len())].to_string()),
                kind: None,
            });
        }
        for allergen in &self.avoids {
            facts.push(Fact::Free {
                key: "avoid_allergen".into(),
                value: json!(allergen),
            });
        }
        if rng.chance(0.05) {
            facts.push(Fact::Free {
                key: "newsletter_topic".into(),
                value: json!(["garden", "recipes", "baby", "travel"][rng.index(4)]),
            });
        }
        let mut consents = Consents::default();
        if !self.contact {
            consents.contact = Some(false);
        } else if rng.chance(0.3) {
            consents.contact = Some(true);
        }
        if rng.chance(0.06) {
            consents.infer_life_stage = Some(false);
        }
        if rng.chance(0.03) {
            consents.personalise = Some(false);
        }
        if rng.chance(0.03) {
            consents.train = Some(false);
        }
        let mut identities = Vec::new();
        if rng.chance(0.35) {
            identities.push(format!(
                "card-{:08}",
                20_000_000 + self.index * 37 % 70_000_000
            ));
        }
        for _ in 0..rng.count(0.5) {
            identities.push(format!("visitor-{:012x}", rng.int(0, 1 << 46)));
        }
        let locale = match rng.unit() {
            u if u < 0.80 => "en-GB",
            u if u < 0.90 => "he-IL",
            u if u < 0.96 => "de-DE",
            _ => "fr-FR",
        };
        Customer {
            customer_id: self.id.clone(),
            registered_at: Some(calendar::at(
                self.registered,
                36_000 + (self.index % 30_000) as i32,
            )),
            facts,
            locale: Some(locale.into()),
            consents,
            identities,
            ..Customer::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_the_same_every_time_and_differ_from_each_other() {
        let start = calendar::start(18);
        let a = Person::new(1, 5, false, start);
        assert_eq!(a.row(1), Person::new(1, 5, false, start).row(1));
        assert_ne!(a.likes, Person::new(1, 6, false, start).likes);
        assert_ne!(a.likes, Person::new(2, 5, false, start).likes);
    }

    #[test]
    fn a_crowd_has_families_animals_and_journeys() {
        let start = calendar::start(18);
        let crowd: Vec<_> = (0..2_000)
            .map(|i| Person::new(3, i, false, start))
            .collect();
        let share = |clock| {
            crowd
                .iter()
                .filter(|p| p.runs.iter().any(|r| r.clock == clock))
                .count() as f64
                / 2_000.0
        };
        assert!((0.55..0.65).contains(&share(Clock::Child)));
        assert!((0.11..0.19).contains(&share(Clock::Dog)));
        assert!((0.5..0.7).contains(&share(Clock::Trip)));
        assert!((0.14..0.26).contains(&share(Clock::Move)));
        let declared = crowd.iter().filter(|p| !p.row(3).facts.is_empty()).count();
        assert!((400..1_400).contains(&declared), "{declared}");
    }
}
