//! Whether a product fits the moment: season and momentum of its topic and of itself.

use super::Topics;
use serendib_shop::{ProductIx, DAY_MS};

/// Parts of the year.
const BINS: usize = 24;
/// Sales by which a topic's season is shrunk to the shop's.
const SEASON_SHRINK: f32 = 50.0;
/// Sales by which a product's momentum is shrunk to none.
const MOMENTUM_SHRINK: f32 = 10.0;
/// What counts as lately, days.
const LATELY_DAYS: i64 = 28;
/// Momentum is forgotten by half after so many days without new data.
const MOMENTUM_HALF_LIFE_DAYS: f32 = 21.0;

/// Season per topic and momentum per product.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Moment {
    /// Lift of each topic in each part of the year against the shop; 1 where the data does not cover it.
    pub(super) season: Vec<f32>,
    /// Lift of each product's share of sales lately against before.
    pub(super) momentum: Vec<f32>,
    /// Last time of the data, ms.
    pub(super) end: i64,
}

fn bin(at: i64) -> usize {
    // The day of the year to within a day, leap years aside.
    let day = (at.div_euclid(DAY_MS) as f64).rem_euclid(365.2425);
    ((day / 365.2425 * BINS as f64) as usize).min(BINS - 1)
}

/// A lift as a score: 0 at or below 1, ½ at 2, near 1 for much more.
fn score(lift: f32) -> f32 {
    if lift > 1.0 {
        1.0 - 1.0 / lift
    } else {
        0.0
    }
}

impl Moment {
    /// From purchases (`product`, `at`, ms). A season is only learned where the data spans at least eleven months.
    pub fn new(purchases: &[(ProductIx, i64)], topics: &Topics) -> Moment {
        let products = topics.numbers().len();
        let times = || purchases.iter().map(|(_, at)| *at);
        let (start, end) = (times().min().unwrap_or(0), times().max().unwrap_or(0));
        let mut season = vec![1.0f32; topics.count() * BINS];
        if end - start >= 330 * DAY_MS {
            let mut counts = vec![0.0f32; topics.count() * BINS];
            let mut shop = vec![0.0f32; BINS];
            for (product, at) in purchases {
                if let Some(topic) = topics.of(*product) {
                    counts[topic as usize * BINS + bin(*at)] += 1.0;
                    shop[bin(*at)] += 1.0;
                }
            }
            let smooth = |row: &[f32], b: usize| {
                0.25 * row[(b + BINS - 1) % BINS] + 0.5 * row[b] + 0.25 * row[(b + 1) % BINS]
            };
            let all: f32 = shop.iter().sum();
            for topic in 0..topics.count() {
                let row = &counts[topic * BINS..(topic + 1) * BINS];
                let own: f32 = row.iter().sum();
                for b in 0..BINS {
                    let usual = smooth(&shop, b) / all.max(1.0);
                    if usual > 0.0 {
                        let share =
                            (smooth(row, b) + SEASON_SHRINK * usual) / (own + SEASON_SHRINK);
                        season[topic * BINS + b] = (share / usual).clamp(0.05, 20.0);
                    }
                }
            }
        }
        let mut momentum = vec![1.0f32; products];
        if end - start >= 3 * LATELY_DAYS * DAY_MS {
            let cut = end - LATELY_DAYS * DAY_MS;
            let mut lately = vec![0.0f32; products];
            let mut before = vec![0.0f32; products];
            for (product, at) in purchases {
                let slot = *product as usize;
                if slot < products {
                    // Half a year back is enough to know what is usual.
                    if *at > cut {
                        lately[slot] += 1.0;
                    } else if *at > cut - 182 * DAY_MS {
                        before[slot] += 1.0;
                    }
                }
            }
            let (all_lately, all_before): (f32, f32) = (lately.iter().sum(), before.iter().sum());
            let ratio = if all_before > 0.0 {
                all_lately / all_before
            } else {
                0.0
            };
            for product in 0..products {
                let usual = before[product] * ratio;
                momentum[product] = ((lately[product] + MOMENTUM_SHRINK)
                    / (usual + MOMENTUM_SHRINK))
                    .clamp(0.05, 20.0);
            }
        }
        Moment {
            season,
            momentum,
            end,
        }
    }

    /// How much `product` is in season or on the rise at `now`, 0…1; 0 = no more than usual, or nothing known.
    /// `now` = `i64::MAX` (a shop without times) knows neither.
    pub fn timeliness(&self, topics: &Topics, product: ProductIx, now: i64) -> f32 {
        if now == i64::MAX {
            return 0.0;
        }
        let season = self.season_of(topics, product, now);
        let age = ((now.saturating_sub(self.end)) / DAY_MS).max(0) as f32;
        let fresh = 0.5f32.powf(age / MOMENTUM_HALF_LIFE_DAYS);
        let rise = fresh * score(self.momentum.get(product as usize).copied().unwrap_or(1.0));
        either(season, rise)
    }

    /// How much the kind of `product` is in season at `now`, 0…1: 0 = no more than usual, ½ = twice as much.
    pub fn season_of(&self, topics: &Topics, product: ProductIx, now: i64) -> f32 {
        if now == i64::MAX {
            return 0.0;
        }
        topics.of(product).map_or(0.0, |topic| {
            let lift = self.season.get(topic as usize * BINS + bin(now));
            score(lift.copied().unwrap_or(1.0))
        })
    }
}

/// The chance of one or the other: 1 − (1 − a)(1 − b), 0…1.
pub fn either(a: f32, b: f32) -> f32 {
    1.0 - (1.0 - a.clamp(0.0, 1.0)) * (1.0 - b.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_sold_in_one_season_is_timely_then() {
        let topics = Topics::from_numbers(vec![0, 1]);
        let mut purchases = Vec::new();
        for day in 0..730i64 {
            purchases.push((0, day * DAY_MS));
            if (330..360).contains(&(day % 365)) {
                purchases.extend([(1, day * DAY_MS); 5]);
            }
        }
        let moment = Moment::new(&purchases, &topics);
        let at = |day: i64| moment.timeliness(&topics, 1, (730 + day) * DAY_MS);
        assert!(at(345) > 0.5, "{}", at(345));
        assert!(at(150) < 0.05);
        assert_eq!(moment.timeliness(&topics, 1, i64::MAX), 0.0);
        assert_eq!(moment.timeliness(&topics, 9, 0), 0.0);
    }

    #[test]
    fn momentum_fades_without_new_data() {
        let topics = Topics::from_numbers(vec![0, 0]);
        let mut purchases: Vec<(u32, i64)> = (0..200i64).map(|day| (0, day * DAY_MS)).collect();
        purchases.extend((180..200i64).flat_map(|day| [(1, day * DAY_MS); 3]));
        let moment = Moment::new(&purchases, &topics);
        let soon = moment.timeliness(&topics, 1, 200 * DAY_MS);
        let late = moment.timeliness(&topics, 1, 300 * DAY_MS);
        assert!(soon > 0.4 && late < 0.1 * soon);
        assert_eq!(moment.timeliness(&topics, 0, 200 * DAY_MS), 0.0);
    }
}
