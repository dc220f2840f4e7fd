//! How well a birth date can be told from purchases at best: the posterior under the shop's own emission rates.
//!
//! Rates of (category, size) by the age of the only child are counted over all households with exactly one child, smoothed
//! over neighbouring months, without the household's own purchases (leave one out). Given the times of n purchases, the
//! posterior over the anchor on a grid of months is the Bayes-optimal one up to the error of the counted rates; how much
//! a household buys at all is a gamma-distributed factor that is integrated out.

use std::collections::BTreeMap;

use super::household::{Life, World};
use super::taxonomy::Clock;

/// Days of one step of age and of the grid of anchors.
pub const STEP: i32 = 30;
/// Youngest and oldest age of the tables, in steps.
const YOUNGEST: i32 = -8;
const OLDEST: i32 = 158;
/// Purchases and days added to every age, spread over symbols by their share.
const PRIOR: f64 = 1.0;
const PRIOR_DAYS: f64 = 1_000.0;
const BINS: usize = (OLDEST - YOUNGEST) as usize;

/// Numbers of purchases after which the posterior is told.
pub const PURCHASES: [usize; 5] = [1, 3, 5, 10, 20];
/// Households for which it is told, at most: memory stays bounded at any scale.
pub const MOST: usize = 20_000;

/// The children's purchases of one household with one child.
#[derive(Debug, Clone)]
pub struct OneChild {
    pub index: u64,
    /// True birth day.
    pub anchor: i32,
    /// First day as a customer.
    pub from: i32,
    /// Declared to the shop.
    pub declared: bool,
    /// Day and symbol.
    pub purchases: Vec<(i32, u32)>,
}

/// What is counted over households with one child.
#[derive(Debug, Clone)]
pub struct Emissions {
    symbols: usize,
    counts: Vec<u32>,
    days: Vec<u64>,
    /// Purchases of each symbol at any age, and of all.
    shares: Vec<u32>,
    all: u32,
    anchors: BTreeMap<i32, u32>,
}

/// A posterior over the birth day.
#[derive(Debug, Clone, Copy)]
pub struct Posterior {
    pub n: usize,
    /// Quantiles .05 .1 .5 .9 .95, days.
    pub quantiles: [i32; 5],
    /// ln of the probability of the true step.
    pub log_true: f64,
}

/// Running sums of expected purchases by age step.
fn running(totals: &[f64]) -> Vec<f64> {
    let mut running = vec![0.0];
    for total in totals {
        running.push(running[running.len() - 1] + total * f64::from(STEP));
    }
    running
}

/// Purchases expected from day `from` to day `to` if the child was born on `anchor`.
fn expected(running: &[f64], anchor: i32, from: i32, to: i32) -> f64 {
    let at = |day: i32| {
        let x = (f64::from(day - anchor) / f64::from(STEP) - f64::from(YOUNGEST))
            .clamp(0.0, BINS as f64);
        let b = (x as usize).min(BINS - 1);
        running[b] + (running[b + 1] - running[b]) * (x - b as f64)
    };
    at(to) - at(from)
}

fn bin(age: i32) -> Option<usize> {
    let step = age.div_euclid(STEP);
    (YOUNGEST..OLDEST)
        .contains(&step)
        .then(|| (step - YOUNGEST) as usize)
}

/// The symbol of a product: its category and size.
pub fn symbol(world: &World, product: u32) -> u32 {
    let family = world.room.family(product);
    u32::from(family.category) * 16 + (product - family.first).min(15)
}

/// The children's purchases of `life`, if it has exactly one child.
pub fn one_child(life: &Life<'_>) -> Option<OneChild> {
    let mut runs = life.person.runs.iter().filter(|r| r.clock == Clock::Child);
    let (run, None) = (runs.next()?, runs.next()) else {
        return None;
    };
    let world = life.world;
    let purchases = life
        .ledger
        .bought
        .iter()
        .filter(|b| {
            let category = world.room.category_of(b.line.product);
            world.room.specs[usize::from(category)].clock == Some(Clock::Child)
        })
        .map(|b| (b.day, symbol(world, b.line.product)))
        .collect();
    Some(OneChild {
        index: life.person.index,
        anchor: run.anchor,
        from: world.start.max(life.person.registered),
        declared: run.declared,
        purchases,
    })
}

impl Emissions {
    pub fn new(world: &World) -> Emissions {
        let symbols = world.room.specs.len() * 16;
        Emissions {
            symbols,
            counts: vec![0; symbols * BINS],
            days: vec![0; BINS],
            shares: vec![0; symbols],
            all: 0,
            anchors: BTreeMap::new(),
        }
    }

    /// Counts one household that was observed until `end`.
    pub fn add(&mut self, child: &OneChild, end: i32) {
        for (day, symbol) in &child.purchases {
            self.shares[*symbol as usize] += 1;
            self.all += 1;
            if let Some(bin) = bin(day - child.anchor) {
                self.counts[*symbol as usize * BINS + bin] += 1;
            }
        }
        for day in child.from..end {
            if let Some(bin) = bin(day - child.anchor) {
                self.days[bin] += 1;
            }
        }
        *self
            .anchors
            .entry(child.anchor.div_euclid(STEP))
            .or_default() += 1;
    }

    /// Smoothed rate a day of `symbol` at age step `at`, the purchases of `own` left out.
    fn rate(&self, symbol: u32, at: usize, own: &[(usize, u32)]) -> f64 {
        let months = (at as i32 + YOUNGEST).max(0);
        let width = 1 + months / 14;
        let mut sum = 0.0;
        let mut days = 0.0;
        for offset in -width..=width {
            let b = at as i32 + offset;
            if !(0..BINS as i32).contains(&b) {
                continue;
            }
            let b = b as usize;
            let weight = f64::from(width + 1 - offset.abs());
            let mine = own
                .iter()
                .filter(|(bin, s)| *bin == b && *s == symbol)
                .count() as f64;
            let count = f64::from(self.counts[symbol as usize * BINS + b]) - mine;
            sum += weight * count.max(0.0);
            days += weight * self.days[b] as f64;
        }
        let share = f64::from(self.shares[symbol as usize] + 1) / f64::from(self.all + 200);
        (sum + PRIOR * share) / (days + PRIOR_DAYS)
    }

    /// Rate a day of all children's purchases by age step.
    pub fn totals(&self) -> Vec<f64> {
        (0..BINS)
            .map(|b| {
                let sum: u64 = (0..self.symbols)
                    .map(|s| u64::from(self.counts[s * BINS + b]))
                    .sum();
                (sum as f64 + PRIOR) / (self.days[b] as f64 + PRIOR_DAYS)
            })
            .collect()
    }

    /// How much households differ in how much they buy: the shape of a gamma distribution with mean 1, by moments.
    pub fn spread(&self, children: &[OneChild], totals: &[f64], end: i32) -> f64 {
        let running = running(totals);
        let (mut squares, mut excess) = (0.0, 0.0);
        for child in children {
            let mean = expected(&running, child.anchor, child.from, end);
            let n = child.purchases.len() as f64;
            squares += mean * mean;
            excess += (n - mean) * (n - mean) - n;
        }
        (squares / excess.max(1e-9)).clamp(0.1, 50.0)
    }

    /// The posteriors of one household after its first 1, 3, 5, 10 and 20 purchases for children, with the rates of
    /// [`Emissions::totals`] and the spread of [`Emissions::spread`].
    pub fn posteriors(&self, child: &OneChild, totals: &[f64], spread: f64) -> Vec<Posterior> {
        let own: Vec<(usize, u32)> = child
            .purchases
            .iter()
            .filter_map(|(day, s)| bin(day - child.anchor).map(|b| (b, *s)))
            .collect();
        let grid: Vec<(i32, f64)> = {
            let (Some((first, _)), Some((last, _))) = (
                self.anchors.first_key_value(),
                self.anchors.last_key_value(),
            ) else {
                return Vec::new();
            };
            (*first..=*last)
                .map(|step| {
                    let near: f64 = (-3..=3)
                        .map(|o| {
                            f64::from(self.anchors.get(&(step + o)).copied().unwrap_or(0))
                                * f64::from(4 - i32::abs(o))
                        })
                        .sum();
                    (step * STEP + STEP / 2, near / 16.0 + 0.01)
                })
                .collect()
        };
        let running = running(totals);
        let mut log: Vec<f64> = grid
            .iter()
            .map(|(_, prior)| super::number::ln(*prior))
            .collect();
        let mut out = Vec::new();
        for (j, (day, symbol)) in child.purchases.iter().take(20).enumerate() {
            for (value, (anchor, _)) in log.iter_mut().zip(&grid) {
                let rate = bin(day - anchor).map_or(1e-9, |b| self.rate(*symbol, b, &own));
                *value += super::number::ln(rate);
            }
            let n = j + 1;
            if !PURCHASES.contains(&n) {
                continue;
            }
            let scored: Vec<f64> = log
                .iter()
                .zip(&grid)
                .map(|(value, (anchor, _))| {
                    let expected = expected(&running, *anchor, child.from, day + 1);
                    value - (n as f64 + spread) * super::number::ln(spread + expected)
                })
                .collect();
            let most = scored.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let weights: Vec<f64> = scored
                .iter()
                .map(|v| super::number::exp(v - most))
                .collect();
            let total: f64 = weights.iter().sum();
            let quantiles = [0.05, 0.1, 0.5, 0.9, 0.95].map(|q| {
                let mut sum = 0.0;
                grid.iter()
                    .zip(&weights)
                    .find_map(|((anchor, _), w)| {
                        let before = sum;
                        sum += w / total;
                        (sum >= q).then(|| {
                            let inside = if sum > before {
                                (q - before) / (sum - before)
                            } else {
                                0.5
                            };
                            anchor + ((inside - 0.5) * f64::from(STEP)) as i32
                        })
                    })
                    .unwrap_or(0)
            });
            let here = grid
                .iter()
                .position(|(a, _)| a.div_euclid(STEP) == child.anchor.div_euclid(STEP));
            let p_true = here.map_or(0.0, |i| weights[i] / total);
            out.push(Posterior {
                n,
                quantiles,
                log_true: super::number::ln(p_true.max(1e-12)),
            });
        }
        out
    }
}
