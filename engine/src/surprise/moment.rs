//! Whether a product fits the moment: season and momentum of its topic and of itself.

use super::Topics;
use serendib_shop::{ProductIx, DAY_MS};

/// Parts of the year.
pub const SEASONS: usize = 24;
/// Momentum is forgotten by half after so many days without new data.
const MOMENTUM_HALF_LIFE_DAYS: f32 = 21.0;

/// Season per topic and momentum per product.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Moment {
    /// Lift of each topic in each part of the year against the shop; 1 where the data does not cover it.
    pub season: Vec<f32>,
    /// Lift of each product's share of sales lately against before.
    pub momentum: Vec<f32>,
    /// Last time of the data, ms.
    pub end: i64,
}

/// The part of the year of `at`, ms: 0 to 23.
pub fn season_at(at: i64) -> usize {
    // The day of the year to within a day, leap years aside.
    let day = (at.div_euclid(DAY_MS) as f64).rem_euclid(365.2425);
    ((day / 365.2425 * SEASONS as f64) as usize).min(SEASONS - 1)
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
    /// How much `product` is in season or on the rise at `now`, 0…1; 0 = no more than usual, or nothing known.
    /// `now` = `i64::MAX` (a shop without times) knows neither.
    pub fn timeliness(&self, topics: &Topics, product: ProductIx, now: i64) -> f32 {
        if now == i64::MAX {
            return 0.0;
        }
        let season = self.season_of(topics, product, now);
        let age = ((now.saturating_sub(self.end)) / DAY_MS).max(0) as f32;
        let fresh = 0.5f32.powf(age / MOMENTUM_HALF_LIFE_DAYS);
        let rise = fresh * score(self.momentum.get(product.index()).copied().unwrap_or(1.0));
        either(season, rise)
    }

    /// How much the kind of `product` is in season at `now`, 0…1: 0 = no more than usual, ½ = twice as much.
    pub fn season_of(&self, topics: &Topics, product: ProductIx, now: i64) -> f32 {
        if now == i64::MAX {
            return 0.0;
        }
        topics.of(product).map_or(0.0, |topic| {
            let lift = self.season.get(topic as usize * SEASONS + season_at(now));
            score(lift.copied().unwrap_or(1.0))
        })
    }
}

/// The chance of one or the other: 1 − (1 − a)(1 − b), 0…1.
pub fn either(a: f32, b: f32) -> f32 {
    1.0 - (1.0 - a.clamp(0.0, 1.0)) * (1.0 - b.clamp(0.0, 1.0))
}
