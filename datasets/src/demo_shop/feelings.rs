//! Tips and how they are felt: the logging policy of the tip slot, clicks, and what delights.
//!
//! The truth is made of steps and of hidden tastes. Whether something delights depends on whether the household has a use
//! for it (four levels), whether it is due now, whether the category is new to it, on a hidden style, on the purse, on
//! what was expected and got, on recent disappointments, on habituation to tips, and for twelve percent on nothing at all.

use super::household::{liking, Life, Tip};
use super::visit::Visit;

/// How many tips the logging policy draws from.
pub const CANDIDATES: usize = 8;

/// Share of uniform draws in the logging policy; with 8 candidates no propensity is below 0.0375.
const EXPLORE: f64 = 0.3;

/// P(delight) by relevance and newness, before everything else.
const DELIGHT: [[f64; 3]; 4] = [
    [0.03, 0.04, 0.07],
    [0.12, 0.20, 0.30],
    [0.20, 0.36, 0.52],
    [0.22, 0.42, 0.58],
];

/// P(click) by relevance.
const CLICK: [f64; 4] = [0.02, 0.05, 0.11, 0.24];

/// How a household stands to a product today.
#[derive(Debug, Clone, Copy)]
pub struct Feeling {
    /// 0 = no use for it, 1 = could use it, 2 = fits its life or liking, 3 = wanted now.
    pub relevance: u8,
    pub timely: bool,
    /// 0 = an old hat, 1 = bought once or twice, 2 = a new category.
    pub newness: u8,
    /// Hidden style pleases.
    pub pleases: bool,
    /// More than the purse likes.
    pub too_dear: bool,
    /// Everybody has seen it.
    pub famous: bool,
}

impl Life<'_> {
    /// How the household stands to `product` today.
    pub fn feeling(&self, product: u32) -> Feeling {
        let room = &self.world.room;
        let family = room.family(product);
        let category = family.category;
        let spec = &room.specs[usize::from(category)];
        let shelf = self.state.shelves[usize::from(category)];
        let part =
            self.circle.binary_search(&category).is_ok() && (!spec.accessory || shelf.unlocked > 0);
        let wanted = self
            .state
            .needs
            .iter()
            .any(|n| n.category == category && !n.gift);
        let (mut inside, mut early) = (spec.clock.is_none(), false);
        if let Some(clock) = spec.clock {
            let (from, to) = spec.window;
            let span = i64::from(to) - i64::from(from);
            for (_, age) in self.person.ages(clock, self.state.day) {
                inside |= (from..to).contains(&age);
                let into = i64::from(age) - i64::from(from);
                early |= into >= -21 && into * 5 <= span * 2;
            }
        }
        let useless = spec.durable && shelf.owned;
        let relevance = match () {
            () if useless || !part => 0,
            () if wanted => 3,
            () if (inside
                && (spec.clock.is_some() || liking(self.person, spec.interest) > 1.5))
                || early =>
            {
                2
            }
            () if inside => 1,
            () => 0,
        };
        let running_out = spec.supply > 0.0 && shelf.stock < 10.0;
        let in_season = spec.season != super::calendar::Season::Always
            && spec.season.factor_on(self.world.month_day(self.state.day)) >= 2.5;
        let unit = &room.shelves[usize::from(category)];
        let at = unit
            .families
            .iter()
            .position(|f| *f == room.family_of[product as usize]);
        let weight = at.map_or(0.0, |i| {
            unit.running[i] - if i > 0 { unit.running[i - 1] } else { 0.0 }
        });
        Feeling {
            relevance,
            timely: wanted || (part && (running_out || early || in_season)),
            newness: match shelf.times {
                0 => 2,
                1 | 2 => 1,
                _ => 0,
            },
            pleases: self.person.styles.contains(&family.style),
            too_dear: family.level > self.person.purse + 0.35
                || (spec.price.0 > 60.0 && self.person.purse < 0.3),
            famous: weight > 0.25 * unit.running.last().copied().unwrap_or(1.0),
        }
    }

    /// The true probability that a tip about `product` delights today.
    pub fn delight(&self, product: u32) -> f64 {
        let feeling = self.feeling(product);
        let mut p = DELIGHT[usize::from(feeling.relevance)][usize::from(feeling.newness)];
        if feeling.timely {
            p += [0.0, 0.09, 0.2, 0.22][usize::from(feeling.relevance)];
        }
        if feeling.relevance > 0 {
            p += if feeling.pleases { 0.15 } else { -0.05 };
            if feeling.newness == 2 && self.person.curiosity > 0.5 {
                p += 0.1;
            }
        }
        if feeling.newness == 2 && self.person.caution > 0.5 {
            p -= 0.13;
        }
        if feeling.too_dear {
            p -= 0.12;
        }
        if feeling.famous {
            p -= 0.08;
        }
        if self.state.hits >= 1.4 || self.state.complaint.is_some() {
            p *= 0.3;
        }
        let category = self.world.room.category_of(product);
        if self.state.shelves[usize::from(category)].tips >= 3 {
            p *= 0.6;
        }
        0.88 * p.clamp(0.01, 0.97) + 0.12 * 0.3
    }

    /// The same once it was bought: what was got against what was expected counts too.
    pub fn experienced(&self, product: u32) -> f64 {
        let family = self.world.room.family(product);
        let gap = family.quality - family.level;
        let shift = match gap {
            g if g > 0.25 => 0.2,
            g if g < -0.3 => -0.22,
            _ => 0.0,
        };
        (self.delight(product) + shift).clamp(0.02, 0.95)
    }

    fn click(&self, product: u32) -> f64 {
        let feeling = self.feeling(product);
        let mut p = CLICK[usize::from(feeling.relevance)];
        if feeling.pleases {
            p += 0.03;
        }
        if feeling.newness == 2 && self.person.curiosity > 0.5 {
            p += 0.05;
        }
        let category = self.world.room.category_of(product);
        if self.state.shelves[usize::from(category)].tips >= 3 {
            p *= 0.4;
        }
        p
    }

    /// Shows one tip in a visit, drawn by a policy whose probabilities are known exactly.
    pub(super) fn tip(&mut self, visit: &mut Visit) {
        if visit.channel == "store" || !self.state.rng.chance(0.42) {
            return;
        }
        let candidates = self.tip_candidates();
        if candidates.len() < 3 {
            return;
        }
        let propensities = propensities(candidates.len());
        let mut running = 0.0;
        let sums: Vec<f64> = propensities
            .iter()
            .map(|p| {
                running += p;
                running
            })
            .collect();
        let drawn = self.state.rng.pick(&sums);
        let product = candidates[drawn];
        self.state.requests += 1;
        let request = self.state.requests;
        let clicks: Vec<f64> = if self.ledger.live {
            candidates.iter().map(|c| self.click(*c)).collect()
        } else {
            Vec::new()
        };
        let chance = self.click(product);
        let clicked = self.state.rng.chance(chance);
        let delight = self.delight(product);
        let category = self.world.room.category_of(product);
        let feeling = self.feeling(product);
        let shelf = &mut self.state.shelves[usize::from(category)];
        shelf.tips = shelf.tips.saturating_add(1);
        let second = visit.pass(&mut self.state.rng, 5, 40);
        if self.ledger.live {
            let mut shown = self.note("impression", visit.channel, second);
            shown.product = product;
            shown.request = request;
            shown.placement = "surprise";
            let at = shown.at;
            self.mark(shown);
            self.ledger.tips.push(Tip {
                request,
                at,
                drawn,
                candidates: candidates
                    .iter()
                    .zip(&propensities)
                    .zip(&clicks)
                    .map(|((c, p), q)| (*c, *p, *q))
                    .collect(),
                clicked,
            });
        }
        if clicked {
            let mut view = self.note("view", visit.channel, second + 12);
            view.product = product;
            view.request = request;
            view.placement = "surprise";
            view.seconds = self.state.rng.int(10, 120) as f64;
            self.mark(view);
            // what was met by chance may be wanted from now on
            if feeling.relevance >= 1 && self.state.rng.chance(0.2 + 0.5 * delight) {
                self.want(category, 255, false, product, request);
            }
        }
        let asked = if clicked { 0.25 } else { 0.08 };
        if self.state.rng.chance(asked) {
            self.say(product, delight, request, "tip", second + 20, false);
        }
    }

    fn tip_candidates(&mut self) -> Vec<u32> {
        let mut found: Vec<u32> = Vec::with_capacity(CANDIDATES);
        for i in 0..3 * CANDIDATES {
            if found.len() == CANDIDATES {
                break;
            }
            let category = match i % 4 {
                // beside what was bought lately
                0 => self.ledger_category(),
                1 | 2 => self.state.rng.among(self.circle).copied(),
                _ => Some(self.state.rng.index(self.world.room.specs.len()) as u16),
            };
            let Some(product) = category.and_then(|c| self.glance(c)) else {
                continue;
            };
            let stem = self.world.room.family_of[product as usize];
            if !found
                .iter()
                .any(|f| self.world.room.family_of[*f as usize] == stem)
            {
                found.push(product);
            }
        }
        found
    }

    fn ledger_category(&mut self) -> Option<u16> {
        let bought: Vec<u16> = self
            .circle
            .iter()
            .copied()
            .filter(|c| self.state.shelves[usize::from(*c)].times > 0)
            .collect();
        let anchor = self.state.rng.among(&bought).copied()?;
        let after = self.world.relations.after(anchor);
        if after.is_empty() {
            Some(anchor)
        } else {
            Some(after[self.state.rng.index(after.len())].complement)
        }
    }

    /// What is answered when the true probability of delight is `p`; `had` = the thing itself is at hand.
    pub(super) fn answers(&mut self, product: u32, p: f64, had: bool) -> [u8; 9] {
        let feeling = self.feeling(product);
        let family = self.world.room.family(product).clone();
        let rng = &mut self.state.rng;
        let delighted = rng.chance(p);
        let mut level =
            |mean: f64, spread: f64| (mean + spread * rng.bell()).round().clamp(1.0, 5.0) as u8;
        let inspired = level(if delighted { 3.9 } else { 2.4 }, 0.9);
        let again = level(
            1.6 + 0.7 * f64::from(feeling.relevance) + if delighted { 0.8 } else { 0.0 },
            0.9,
        );
        let expected = level(2.0 + 2.2 * family.level, 0.7);
        let actual = level(
            1.7 + 2.6 * family.quality + if feeling.pleases { 0.5 } else { 0.0 },
            0.7,
        );
        let relevant = level(1.7 + 0.95 * f64::from(feeling.relevance), 0.8);
        let unexpected = level(1.8 + 0.9 * f64::from(feeling.newness), 0.9);
        let novel = level(
            2.0 + 0.9 * f64::from(feeling.newness) - if feeling.famous { 0.8 } else { 0.0 },
            0.9,
        );
        let timely = level(if feeling.timely { 3.7 } else { 2.3 }, 0.8);
        let surprised = if delighted {
            if rng.chance(0.45) {
                5
            } else {
                4
            }
        } else {
            1 + rng.index(3) as u8
        };
        let had = |x: u8| if had { x } else { 0 };
        // few people fill in the whole form
        let patient = rng.chance(0.6);
        let filled = |x: u8| if patient { x } else { 0 };
        [
            surprised,
            inspired,
            again,
            had(expected),
            had(actual),
            filled(relevant),
            filled(unexpected),
            filled(novel),
            filled(timely),
        ]
    }
}

/// The logging policy: part uniform, part falling with the position.
pub fn propensities(n: usize) -> Vec<f64> {
    let total: f64 = (0..n).map(|i| 1.0 / (i as f64 + 1.5)).sum();
    (0..n)
        .map(|i| EXPLORE / n as f64 + (1.0 - EXPLORE) / (i as f64 + 1.5) / total)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logging_policy_sums_to_one_and_leaves_nothing_out() {
        for n in 3..=CANDIDATES {
            let p = propensities(n);
            assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            assert!(p.iter().all(|p| *p >= EXPLORE / n as f64));
        }
    }
}
