//! One day of a household: whether it comes by, what it looks at, and what it takes to the till.

use super::calendar;
use super::household::{liking, Life, Need, Shelf, NOTHING};
use super::number::Rng;

/// How a day is lived.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// As it comes.
    Free,
    /// Without any order, as if none were possible: for the probability that none happens.
    NoOrder,
}

const WEEKDAY: [f64; 7] = [0.95, 0.9, 0.9, 1.0, 1.1, 1.25, 0.9];

/// A visit while it lasts.
pub(super) struct Visit {
    pub channel: &'static str,
    pub second: i32,
}

impl Visit {
    pub(super) fn pass(&mut self, dice: &mut Rng, from: i64, to: i64) -> i32 {
        self.second = (self.second + dice.int(from, to) as i32).min(86_300);
        self.second
    }
}

impl Life<'_> {
    /// The chance of a visit today: steps for what is wanted, less and less for merely roaming about.
    pub fn visit_chance(&self) -> f64 {
        let s = &self.state;
        let mut chance = self.person.roam * WEEKDAY[calendar::weekday(s.day)];
        if s.visits > 2.0 {
            chance *= 0.4;
        }
        chance += match s.needs.len() {
            0 => 0.0,
            1 => 0.035,
            2 => 0.07,
            _ => 0.11,
        };
        let empty = |n: &Need| {
            let spec = &self.world.room.specs[usize::from(n.category)];
            spec.supply > 0.0 && s.day - n.since >= 4
        };
        if s.needs.iter().any(empty) {
            chance += 0.06;
        }
        if s.needs.iter().any(|n| n.gift && s.day - n.since >= 7) {
            chance += 0.08;
        }
        if s.day - s.cart < 4 {
            chance += 0.07;
        }
        if s.nudged {
            chance += 0.55;
        }
        if s.complaint.is_some() {
            chance *= 0.5;
        }
        if s.away {
            chance *= 0.03;
        }
        chance.min(0.9)
    }

    /// The chance that `need` is bought on a visit.
    pub fn need_chance(&self, need: &Need) -> f64 {
        let s = &self.state;
        let spec = &self.world.room.specs[usize::from(need.category)];
        let mut chance: f64 = 0.55;
        let dear = spec.price.0 >= 45.0;
        if dear && need.looked == 0 {
            chance = 0.1;
        }
        if spec.supply > 0.0 && s.day - need.since >= 4 {
            chance = 0.8;
        }
        if self.person.caution > 0.5 && spec.supply == 0.0 {
            chance *= 0.65;
        }
        if need.looked >= 3 {
            chance *= 0.6;
        }
        if dear && self.person.purse < 0.3 {
            chance *= 0.6;
        }
        if s.day - s.cart < 4 {
            chance *= 1.3;
        }
        if s.complaint.is_some() {
            chance *= 0.4;
        }
        chance.min(0.92)
    }

    fn whim_chance(&self) -> f64 {
        let lively = if self.state.visits > 2.0 { 0.3 } else { 1.0 };
        let calm = if self.state.complaint.is_some() {
            0.2
        } else {
            1.0
        };
        (0.03 + 0.13 * self.person.curiosity) * lively * calm
    }

    /// The chance that a visit today ends at the till.
    pub fn order_chance(&self) -> f64 {
        let no_need: f64 = self
            .state
            .needs
            .iter()
            .map(|n| 1.0 - self.need_chance(n))
            .product();
        1.0 - no_need * (1.0 - self.whim_chance())
    }

    /// Lives one day and returns the chance that the day brings an order, given how it began.
    pub fn day(&mut self, pace: Pace) -> f64 {
        self.state.nudged = false;
        self.state.visits *= 6.0 / 7.0;
        self.due();
        if (i64::from(self.state.day) + self.person.index as i64) % 7 == 0 {
            self.weekly();
            self.drift();
        }
        self.letters();
        let visit = self.visit_chance();
        let order = self.order_chance();
        match pace {
            Pace::Free => {
                if self.state.rng.chance(visit) {
                    self.visit(pace);
                }
            }
            Pace::NoOrder => {
                let quiet = visit * (1.0 - order) / (1.0 - visit * order);
                if self.state.rng.chance(quiet) {
                    self.visit(pace);
                }
            }
        }
        self.state.day += 1;
        visit * order
    }

    /// Now and then people drift away for no reason, or come back.
    fn drift(&mut self) {
        self.state.hits *= 0.975;
        if self.state.away {
            if self.state.rng.chance(0.012) {
                self.state.away = false;
                self.state.hits = 0.0;
            }
        } else if self.state.hits >= f64::from(self.person.patience)
            || self.state.rng.chance(0.007 * (1.1 - self.person.loyalty))
        {
            self.state.away = true;
        }
        if self
            .state
            .complaint
            .is_some_and(|since| self.state.day - since > 45)
        {
            self.state.complaint = None;
        }
    }

    fn visit(&mut self, pace: Pace) {
        let channel = ["web", "app", "store"][self.state.rng.pick(&self.person.channels)];
        let evening = self.state.rng.chance(0.45);
        let hours = match (channel, evening) {
            ("store", _) => (9.5, 18.5),
            (_, true) => (18.5, 22.5),
            (_, false) => (7.5, 18.5),
        };
        let hour = self.state.rng.between(hours.0, hours.1);
        let mut visit = Visit {
            channel,
            second: (hour * 3600.0) as i32,
        };
        let whim_chance = self.whim_chance();
        self.state.visits += 1.0;
        let wanted = self.state.needs.len();
        let kind = match channel {
            "web" => "site_visit",
            "app" => "app_open",
            _ => "store_visit",
        };
        let pages = 1 + self.state.rng.count(2.0 + 2.5 * wanted.min(3) as f64);
        let mut arrival = self.note(kind, channel, visit.second);
        arrival.seconds = f64::from(pages) * self.state.rng.int(12, 70) as f64;
        if channel != "store" {
            arrival.pages = pages as u16;
        }
        self.mark(arrival);
        if self.ledger.live {
            self.dawdle(&mut visit);
        }
        // everything wanted is looked for, and perhaps taken
        let chances: Vec<f64> = self
            .state
            .needs
            .iter()
            .map(|n| self.need_chance(n))
            .collect();
        let mut taken: Vec<(Need, u32)> = Vec::new();
        let mut left = Vec::new();
        for (need, chance) in std::mem::take(&mut self.state.needs)
            .into_iter()
            .zip(chances)
        {
            let buys = pace == Pace::Free && self.state.rng.chance(chance);
            let found = self.choose(need);
            self.browse(need, found, buys, &mut visit);
            match found {
                Some(product) if buys => taken.push((need, product)),
                _ => {
                    if self.state.rng.chance(0.2) {
                        self.state.cart = self.state.day;
                        if let Some(product) = found {
                            if visit.channel != "store" {
                                let second = visit.pass(&mut self.state.rng, 10, 90);
                                let mut cart = self.note("add_to_cart", channel, second);
                                cart.product = product;
                                self.mark(cart);
                            }
                        }
                    }
                    left.push(Need {
                        looked: need.looked.saturating_add(1),
                        ..need
                    });
                }
            }
        }
        self.state.needs = left;
        if pace == Pace::Free && self.state.rng.chance(whim_chance) {
            if let Some(whim) = self.whim() {
                if let Some(product) = self.choose(whim) {
                    self.browse(whim, Some(product), true, &mut visit);
                    taken.push((whim, product));
                }
            }
        }
        if !taken.is_empty() {
            self.while_there(&mut taken, &mut visit);
            self.top_up(&mut taken);
            self.order(taken, &mut visit);
        }
        self.tip(&mut visit);
    }

    /// What the season and one's likings put into the basket unasked.
    fn whim(&mut self) -> Option<Need> {
        let mut best: Option<(f64, u16)> = None;
        for _ in 0..5 {
            let &category = self.state.rng.among(self.circle)?;
            let world = self.world;
            let spec = &world.room.specs[usize::from(category)];
            let shelf: Shelf = self.state.shelves[usize::from(category)];
            let (count, _) = self.exposure(category);
            if spec.accessory || count == 0 || (spec.durable && shelf.owned) || spec.price.0 > 60.0
            {
                continue;
            }
            let appeal = liking(self.person, spec.interest)
                * (0.4
                    + spec
                        .season
                        .factor_on(world.month_day(self.state.day))
                        .min(3.0))
                + self.state.rng.unit();
            if best.is_none_or(|(most, _)| appeal > most) {
                best = Some((appeal, category));
            }
        }
        let (_, category) = best?;
        let (_, run) = self.exposure(category);
        Some(Need {
            category,
            since: self.state.day,
            run,
            gift: false,
            looked: 0,
            request: 0,
            product: NOTHING,
        })
    }

    /// Whoever buys something, buys a little more: small things that fit the season, one's life and one's likings.
    fn while_there(&mut self, taken: &mut Vec<(Need, u32)>, visit: &mut Visit) {
        let more = self.state.rng.count(0.3 + 0.5 * self.person.curiosity);
        for _ in 0..more.min(4) {
            let Some(whim) = self.whim() else { continue };
            let known = taken.iter().any(|(n, _)| n.category == whim.category)
                || self.state.needs.iter().any(|n| n.category == whim.category);
            if known {
                continue;
            }
            if let Some(product) = self.choose(whim) {
                self.browse(whim, Some(product), true, visit);
                taken.push((whim, product));
            }
        }
    }

    /// Supplies that are half empty are often taken along.
    fn top_up(&mut self, taken: &mut Vec<(Need, u32)>) {
        for i in 0..self.circle.len() {
            let category = self.circle[i];
            let world = self.world;
            let spec = &world.room.specs[usize::from(category)];
            let shelf = self.state.shelves[usize::from(category)];
            let low = spec.supply > 0.0
                && shelf.last != NOTHING
                && f64::from(shelf.stock) < 0.45 * spec.supply
                && (!spec.accessory || shelf.unlocked > 0)
                && !taken.iter().any(|(n, _)| n.category == category)
                && !self.state.needs.iter().any(|n| n.category == category);
            if low && self.state.rng.chance(0.45) {
                let (count, run) = if spec.accessory {
                    (1, 255)
                } else {
                    self.exposure(category)
                };
                if count == 0 {
                    continue;
                }
                let need = Need {
                    category,
                    since: self.state.day,
                    run,
                    gift: false,
                    looked: 0,
                    request: 0,
                    product: NOTHING,
                };
                if let Some(product) = self.choose(need) {
                    taken.push((need, product));
                }
            }
        }
    }
}
