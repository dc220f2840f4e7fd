//! Learns season per topic and momentum per product from sales.

use serendib_engine::surprise::{season_at, Moment, Topics, SEASONS};
use serendib_shop::{ProductIx, DAY_MS};

/// Sales by which a topic's season is shrunk to the shop's.
const SEASON_SHRINK: f32 = 50.0;
/// Sales by which a product's momentum is shrunk to none.
const MOMENTUM_SHRINK: f32 = 10.0;
/// What counts as lately, days.
const LATELY_DAYS: i64 = 28;
/// The moment of `purchases` (product, ms). A season is only learned where the data spans at least eleven months.
pub fn learn(purchases: &[(ProductIx, i64)], topics: &Topics) -> Moment {
    let products = topics.numbers().len();
    let times = || purchases.iter().map(|(_, at)| *at);
    let (start, end) = (times().min().unwrap_or(0), times().max().unwrap_or(0));
    let mut season = vec![1.0f32; topics.count() * SEASONS];
    if end - start >= 330 * DAY_MS {
        let mut counts = vec![0.0f32; topics.count() * SEASONS];
        let mut shop = vec![0.0f32; SEASONS];
        for (product, at) in purchases {
            if let Some(topic) = topics.of(*product) {
                counts[topic as usize * SEASONS + season_at(*at)] += 1.0;
                shop[season_at(*at)] += 1.0;
            }
        }
        let smooth = |row: &[f32], b: usize| {
            0.25 * row[(b + SEASONS - 1) % SEASONS] + 0.5 * row[b] + 0.25 * row[(b + 1) % SEASONS]
        };
        let all: f32 = shop.iter().sum();
        for topic in 0..topics.count() {
            let row = &counts[topic * SEASONS..(topic + 1) * SEASONS];
            let own: f32 = row.iter().sum();
            for b in 0..SEASONS {
                let usual = smooth(&shop, b) / all.max(1.0);
                if usual > 0.0 {
                    let share = (smooth(row, b) + SEASON_SHRINK * usual) / (own + SEASON_SHRINK);
                    season[topic * SEASONS + b] = (share / usual).clamp(0.05, 20.0);
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
            let slot = product.index();
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
            momentum[product] =
                ((lately[product] + MOMENTUM_SHRINK) / (usual + MOMENTUM_SHRINK)).clamp(0.05, 20.0);
        }
    }
    Moment {
        season,
        momentum,
        end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_sold_in_one_season_is_timely_then() {
        let topics = Topics::from_numbers(vec![0, 1]);
        let mut purchases = Vec::new();
        for day in 0..730i64 {
            purchases.push((ProductIx(0), day * DAY_MS));
            if (330..360).contains(&(day % 365)) {
                purchases.extend([(ProductIx(1), day * DAY_MS); 5]);
            }
        }
        let moment = learn(&purchases, &topics);
        let at = |day: i64| moment.timeliness(&topics, ProductIx(1), (730 + day) * DAY_MS);
        assert!(at(345) > 0.5, "{}", at(345));
        assert!(at(150) < 0.05);
        assert_eq!(moment.timeliness(&topics, ProductIx(1), i64::MAX), 0.0);
        assert_eq!(moment.timeliness(&topics, ProductIx(9), 0), 0.0);
    }

    #[test]
    fn momentum_fades_without_new_data() {
        let topics = Topics::from_numbers(vec![0, 0]);
        let mut purchases: Vec<(ProductIx, i64)> = (0..200i64)
            .map(|day| (ProductIx(0), day * DAY_MS))
            .collect();
        purchases.extend((180..200i64).flat_map(|day| [(ProductIx(1), day * DAY_MS); 3]));
        let moment = learn(&purchases, &topics);
        let soon = moment.timeliness(&topics, ProductIx(1), 200 * DAY_MS);
        let late = moment.timeliness(&topics, ProductIx(1), 300 * DAY_MS);
        assert!(soon > 0.4 && late < 0.1 * soon);
        assert_eq!(moment.timeliness(&topics, ProductIx(0), 200 * DAY_MS), 0.0);
    }
}
