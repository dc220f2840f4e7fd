//! How needs arise: supplies run out, children outgrow things, seasons and journeys come near, birthdays are remembered.

use super::calendar::christmas_rush;
use super::calendar::Season;
use super::household::{liking, Life, Need, NOTHING};
use super::taxonomy::Clock;

/// Most things wanted at once.
const MOST: usize = 10;

/// Scales all needs, so that the default shop has the promised number of touchpoints.
const APPETITE: f64 = 0.42;

impl Life<'_> {
    /// Adds a need unless the category is wanted already.
    pub fn want(&mut self, category: u16, run: u8, gift: bool, product: u32, request: u32) {
        let known = self
            .state
            .needs
            .iter()
            .any(|n| n.category == category && n.gift == gift);
        if !known && self.state.needs.len() < MOST {
            self.state.needs.push(Need {
                category,
                since: self.state.day,
                run,
                gift,
                looked: 0,
                request,
                product,
            });
        }
    }

    /// Once a week: what has run out or become due, and what was bought elsewhere meanwhile.
    pub fn weekly(&mut self) {
        self.forget();
        for i in 0..self.circle.len() {
            let category = self.circle[i];
            self.look_at(category);
        }
        self.presents();
    }

    fn look_at(&mut self, category: u16) {
        let c = usize::from(category);
        let world = self.world;
        let spec = &world.room.specs[c];
        self.state.shelves[c].tips = self.state.shelves[c].tips.saturating_sub(1);
        let shelf = self.state.shelves[c];
        if spec.accessory && shelf.unlocked == 0 {
            return;
        }
        let (count, run) = if spec.accessory {
            (1, 255)
        } else {
            self.exposure(category)
        };
        if count == 0 {
            return;
        }
        let taste = liking(self.person, spec.interest);
        let thought_of = (self.person.loyalty * 1.15 * APPETITE).min(0.97);
        if spec.supply > 0.0 {
            let warm = if spec.season == Season::Always {
                1.0
            } else {
                spec.season
                    .factor_on(world.month_day(self.state.day))
                    .min(1.5)
            };
            let speed = self.person.pace
                * self.state.rng.between(0.55, 1.45)
                * warm
                * f64::from(count.min(2));
            let shelf = &mut self.state.shelves[c];
            shelf.stock -= (7.0 * speed * taste.min(1.3)) as f32;
            if shelf.stock < 4.0 {
                if self.state.rng.chance(thought_of) {
                    self.want(category, run, false, NOTHING, 0);
                } else {
                    self.elsewhere(category);
                }
            }
            return;
        }
        if spec.durable && shelf.owned {
            return;
        }
        let season = spec.season.factor_on(world.month_day(self.state.day));
        let weekly = spec.rate * 7.0 / 365.0 * f64::from(count) * season * taste;
        if self.state.rng.chance(weekly) {
            if self.state.rng.chance(thought_of) {
                self.want(category, run, false, NOTHING, 0);
            } else {
                self.elsewhere(category);
            }
        }
    }

    /// Another shop got it.
    fn elsewhere(&mut self, category: u16) {
        let world = self.world;
        let spec = &world.room.specs[usize::from(category)];
        let amount = spec.supply * self.state.rng.between(0.8, 1.6);
        let shelf = &mut self.state.shelves[usize::from(category)];
        if spec.supply > 0.0 {
            shelf.stock = amount as f32;
        }
        if spec.durable {
            shelf.owned = true;
        }
    }

    fn forget(&mut self) {
        let day = self.state.day;
        let mut i = 0;
        while i < self.state.needs.len() {
            let need = self.state.needs[i];
            let spec = &self.world.room.specs[usize::from(need.category)];
            let limit = if spec.supply > 0.0 {
                14
            } else if need.gift {
                24
            } else {
                40
            };
            let date = self.world.month_day(day);
            // Christmas presents are of no use after Christmas
            let too_late = need.gift && (1224..=1231).contains(&date) && day - need.since > 7;
            if day - need.since > limit || too_late {
                self.state.needs.remove(i);
                if !need.gift && (spec.supply > 0.0 || self.state.rng.chance(0.6)) {
                    self.elsewhere(need.category);
                }
            } else {
                i += 1;
            }
        }
    }

    /// Presents for others, and for one's own children at birthdays.
    fn presents(&mut self) {
        let day = self.state.day;
        let rush = christmas_rush(self.world.month_day(day));
        let weekly = self.person.presents * (1.0 / 52.0 + 0.35 * rush / 4.0);
        if self.state.rng.chance(weekly * self.person.loyalty * 1.5) {
            let category = self.state.rng.pick(&self.world.gifts) as u16;
            self.want(category, 255, true, NOTHING, 0);
        }
        for run in 0..self.person.runs.len() {
            if self.person.runs[run].clock != Clock::Child {
                continue;
            }
            let age = day - self.person.runs[run].anchor;
            let to_birthday = 365 - age.rem_euclid(365);
            let coming = age > 200 && (8..15).contains(&to_birthday);
            if (coming && self.state.rng.chance(0.7 * self.person.loyalty + 0.1))
                || (age > 60 && self.state.rng.chance(0.12 * rush * self.person.loyalty))
            {
                if let Some(category) = self.toy_for(age) {
                    self.want(category, run as u8, false, NOTHING, 0);
                }
            }
        }
    }

    /// A category that children of `age` days get as presents.
    fn toy_for(&mut self, age: i32) -> Option<u16> {
        let fitting: Vec<u16> = self
            .world
            .room
            .specs
            .iter()
            .enumerate()
            .filter(|(_, s)| {
                s.clock == Some(Clock::Child)
                    && s.gift >= 0.7
                    && (s.window.0..s.window.1).contains(&age)
            })
            .map(|(c, _)| c as u16)
            .collect();
        self.state.rng.among(&fitting).copied()
    }
}
