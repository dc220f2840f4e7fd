//! What an oracle would predict: probabilities of purchases from the hidden state, by living on many times.
//!
//! At a cut-off the oracle knows the household's whole hidden state: tastes, patience, supplies at home, what is wanted,
//! open complaints, and the life plan (births, journeys and moves are planned by people, too). What the dice will bring
//! after the cut-off it does not know. Its probabilities are therefore calibrated and an upper bound for any model.

use super::household::{Ledger, Life};
use super::number::Rng;
use super::visit::Pace;

/// Lives for the probability of an order; each carries the product of its daily chances, so that few are enough.
const QUIET_LIVES: u64 = 16;
/// Lives for probabilities by category.
const FREE_LIVES: u64 = 32;

/// Probability of at least one purchase after a cut-off, and what happened.
#[derive(Debug, Clone, Copy)]
pub struct OrderTruth {
    /// First day not known.
    pub cut: i32,
    /// Within 30 and 90 days.
    pub p: [f64; 2],
    /// What happened; `None` where the story ends before.
    pub happened: [Option<bool>; 2],
}

/// Probability of a purchase in one category after a cut-off, and what happened.
#[derive(Debug, Clone, Copy)]
pub struct CategoryTruth {
    /// First day not known.
    pub cut: i32,
    pub category: u16,
    /// Within 30 and 60 days.
    pub p: [f64; 2],
    pub happened: [bool; 2],
    /// Never bought before the cut-off.
    pub new: bool,
}

/// Cut-offs at which orders are predicted; the last is the end of the story.
pub fn order_cuts(start: i32, end: i32) -> Vec<i32> {
    [360, 300, 240, 180, 120, 90, 0]
        .map(|before| end - before)
        .into_iter()
        .filter(|cut| *cut >= start + 45)
        .collect()
}

/// Cut-offs at which categories are predicted.
pub fn category_cuts(start: i32, end: i32) -> Vec<i32> {
    [180, 60]
        .map(|before| end - before)
        .into_iter()
        .filter(|cut| *cut >= start + 45)
        .collect()
}

/// The chances of an order within 30 and 90 days of `life` as it is now.
pub fn order_chances(life: &Life<'_>, seed: u64) -> [f64; 2] {
    let mut sums = [0.0; 2];
    for k in 0..QUIET_LIVES {
        let dice = Rng::new(&[seed, 21, life.person.index, life.state.day as u64, k]);
        let mut copy = life.fork(dice);
        let mut none = 1.0;
        for day in 0..90 {
            if day == 30 {
                sums[0] += 1.0 - none;
            }
            none *= 1.0 - copy.day(Pace::NoOrder);
        }
        sums[1] += 1.0 - none;
    }
    sums.map(|sum| sum / QUIET_LIVES as f64)
}

/// The chances of each category within 30 and 60 days of `life` as it is now.
pub fn category_chances(life: &Life<'_>, seed: u64) -> Vec<[f64; 2]> {
    let categories = life.world.room.specs.len();
    let mut counts = vec![[0u32; 2]; categories];
    for k in 0..FREE_LIVES {
        let dice = Rng::new(&[seed, 22, life.person.index, life.state.day as u64, k]);
        let mut copy = life.fork(dice);
        let cut = copy.state.day;
        for _ in 0..60 {
            copy.day(Pace::Free);
        }
        for (category, within) in bought_within(&copy.ledger, life, cut) {
            counts[usize::from(category)][0] += u32::from(within[0]);
            counts[usize::from(category)][1] += u32::from(within[1]);
        }
    }
    counts
        .into_iter()
        .map(|c| c.map(|n| f64::from(n) / FREE_LIVES as f64))
        .collect()
}

/// Categories bought within 30 and 60 days from `cut`, in order of categories.
fn bought_within(ledger: &Ledger, life: &Life<'_>, cut: i32) -> Vec<(u16, [bool; 2])> {
    let mut found: Vec<(u16, [bool; 2])> = Vec::new();
    for bought in &ledger.bought {
        let after = bought.day - cut;
        if !(0..60).contains(&after) {
            continue;
        }
        let category = life.world.room.category_of(bought.line.product);
        match found.iter_mut().find(|(c, _)| *c == category) {
            Some((_, within)) => within[0] |= after < 30,
            None => found.push((category, [after < 30, true])),
        }
    }
    found.sort_by_key(|(c, _)| *c);
    found
}

/// Snapshots of a household at cut-offs, taken while it lives.
#[derive(Default)]
pub struct Snapshots<'a> {
    orders: Vec<Life<'a>>,
    categories: Vec<Life<'a>>,
}

impl<'a> Snapshots<'a> {
    /// Takes a snapshot if today is a cut-off.
    pub fn take(&mut self, life: &Life<'a>, order_cuts: &[i32], category_cuts: &[i32]) {
        let day = life.state.day;
        if order_cuts.contains(&day) {
            self.orders.push(life.fork(Rng::new(&[0])));
        }
        if category_cuts.contains(&day) {
            self.categories.push(life.fork(Rng::new(&[0])));
        }
    }

    /// Predicts from every snapshot and sets beside it what `lived` then did.
    pub fn tell(
        self,
        lived: &Life<'a>,
        seed: u64,
        end: i32,
    ) -> (Vec<OrderTruth>, Vec<CategoryTruth>) {
        let days: Vec<i32> = lived.ledger.bought.iter().map(|b| b.day).collect();
        let orders = self
            .orders
            .iter()
            .map(|life| {
                let cut = life.state.day;
                let p = order_chances(life, seed);
                let happened = [30, 90].map(|horizon| {
                    (cut + horizon <= end)
                        .then(|| days.iter().any(|d| (cut..cut + horizon).contains(d)))
                });
                OrderTruth { cut, p, happened }
            })
            .collect();
        let mut categories = Vec::new();
        for life in &self.categories {
            let cut = life.state.day;
            let happened = bought_within(&lived.ledger, lived, cut);
            let chances = category_chances(life, seed);
            for (category, p) in chances.into_iter().enumerate() {
                let category = category as u16;
                let did = happened
                    .iter()
                    .find(|(c, _)| *c == category)
                    .map_or([false; 2], |(_, within)| *within);
                if p[1] > 0.0 || did[1] {
                    let new = !lived.ledger.bought.iter().any(|b| {
                        b.day < cut && lived.world.room.category_of(b.line.product) == category
                    });
                    categories.push(CategoryTruth {
                        cut,
                        category,
                        p,
                        happened: did,
                        new,
                    });
                }
            }
        }
        (orders, categories)
    }
}
