//! Which product of a category a household takes: habit first, then the best of the few that caught the eye.

use super::household::{Life, Need, NOTHING};
use super::naming::{months_of_centimetres, shoe_size};
use super::number::trait_of;
use super::taxonomy::{Clock, Sizes};

impl Life<'_> {
    /// The product taken for `need`; `None` when nothing fitting is on sale.
    pub fn choose(&mut self, need: Need) -> Option<u32> {
        if need.product != NOTHING
            && self
                .world
                .room
                .on_sale(self.family(need.product), self.state.day)
        {
            return Some(need.product);
        }
        let c = usize::from(need.category);
        let world = self.world;
        let spec = &world.room.specs[c];
        let shelf = self.state.shelves[c];
        let wanted_noun = self.stepped_noun(need);
        // of supplies most people take what they took last time, while it suits
        if spec.supply > 0.0 && !need.gift && shelf.last != NOTHING {
            let family = self.family(shelf.last);
            let fits =
                wanted_noun.is_none_or(|n| self.world.room.families[family as usize].noun == n);
            if fits
                && self.world.room.on_sale(family, self.state.day)
                && self.state.rng.chance(0.74)
            {
                return Some(shelf.last);
            }
        }
        let brand =
            (shelf.unlocked > 0 && shelf.unlocked < 255 && !need.gift).then(|| shelf.unlocked - 1);
        let family = self
            .consider(need, wanted_noun, brand)
            .or_else(|| self.consider(need, wanted_noun, None))
            .or_else(|| self.consider(need, None, None))?;
        Some(self.variant(family, need))
    }

    fn family(&self, product: u32) -> u32 {
        self.world.room.family_of[product as usize]
    }

    /// Up to four families drawn by popularity; the one that pleases most.
    fn consider(&mut self, need: Need, noun: Option<u8>, brand: Option<u8>) -> Option<u32> {
        let world = self.world;
        let room = &world.room;
        let shelf = &room.shelves[usize::from(need.category)];
        let person = self.person;
        let avoids = &person.avoids;
        let mut best: Option<(f64, u32)> = None;
        let mut seen = 0;
        for _ in 0..24 {
            let number = shelf.families[self.state.rng.pick(&shelf.running)];
            let family = &room.families[number as usize];
            let fits = noun.is_none_or(|n| n == family.noun)
                && brand.is_none_or(|b| b == family.brand)
                && room.on_sale(number, self.state.day)
                && (avoids.is_empty()
                    || need.gift
                    || !room.products[family.first as usize]
                        .allergens
                        .iter()
                        .any(|a| avoids.contains(&a.as_str())));
            if !fits {
                continue;
            }
            seen += 1;
            let mut pleasure = 0.9 * family.quality + 0.9 * self.state.rng.bell();
            if !need.gift && self.person.styles.contains(&family.style) {
                pleasure += 1.6;
            }
            if family.level > self.person.purse + 0.3 {
                pleasure -= 1.5;
            }
            let favourite = trait_of(&[
                self.world.seed,
                12,
                self.person.index,
                u64::from(family.brand),
            ]);
            if favourite > 0.8 {
                pleasure += 0.7;
            }
            if best.is_none_or(|(most, _)| pleasure > most) {
                best = Some((pleasure, number));
            }
            if seen == 4 {
                break;
            }
        }
        best.map(|(_, number)| number)
    }

    /// Nappies and milk come in steps: the second noun is for the second half of the window.
    fn stepped_noun(&self, need: Need) -> Option<u8> {
        let spec = &self.world.room.specs[usize::from(need.category)];
        if !spec.path.starts_with("baby/nappies") && spec.path != "baby/feeding/formula" {
            return None;
        }
        let age = self.age_of(need.run, Clock::Child)?;
        let middle = (spec.window.0.max(0) + spec.window.1) / 2;
        Some(u8::from(age > middle))
    }

    fn variant(&mut self, family: u32, need: Need) -> u32 {
        let family = &self.world.room.families[family as usize];
        let count = usize::from(family.count);
        if count <= 1 {
            return family.first;
        }
        let world = self.world;
        let spec = &world.room.specs[usize::from(family.category)];
        let slip = if self.state.rng.chance(0.15) {
            1.0
        } else {
            0.0
        };
        let growth = self
            .person
            .runs
            .get(usize::from(need.run))
            .map_or(0.0, |r| r.growth);
        let months = self
            .age_of(need.run, Clock::Child)
            .map(|days| f64::from(days) / 30.0);
        let trait_ix = |n: usize, label: u64| {
            let u = trait_of(&[self.world.seed, 13, self.person.index, label]);
            ((u * n as f64) as usize).min(n - 1)
        };
        let ix = match (&spec.sizes, months) {
            (&Sizes::Centimetres(from, _), Some(months)) => {
                // clothes are bought a little ahead; tall children need the next size
                let at = months.max(0.0) * (1.0 + 0.12 * growth)
                    + self.state.rng.between(0.0, 1.6)
                    + months.max(0.0) * 0.08 * slip;
                (0..count)
                    .find(|i| f64::from(months_of_centimetres(from + 6 * *i as u8).1) > at)
                    .unwrap_or(count - 1)
            }
            (&Sizes::ChildShoes(from, to), Some(months)) => {
                let step = if to - from > 8 { 2.0 } else { 1.0 };
                let size = shoe_size(months * (1.0 + 0.08 * growth)) + 0.7 + slip;
                (((size - f64::from(from)) / step).floor().max(0.0) as usize).min(count - 1)
            }
            (Sizes::Labels(_), Some(months)) if spec.clock == Some(Clock::Child) => {
                let (from, to) = (
                    f64::from(spec.window.0) / 30.0,
                    f64::from(spec.window.1) / 30.0,
                );
                let share = (months - from) / (to - from);
                ((share * count as f64).max(0.0) as usize).min(count - 1)
            }
            (Sizes::Letters | Sizes::Shoes | Sizes::Labels(_), _) if !need.gift => {
                let own = trait_ix(count, 1);
                if slip > 0.0 && own + 1 < count {
                    own + 1
                } else {
                    own
                }
            }
            (Sizes::Colours, _) if self.state.rng.chance(0.5) => {
                trait_ix(count, 2 + u64::from(family.category))
            }
            _ => self.state.rng.index(count),
        };
        family.first + ix as u32
    }
}
