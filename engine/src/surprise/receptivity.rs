//! The customer's side of a surprise: curiosity, price comfort, fatigue, and whether they were just disappointed.

use std::collections::HashSet;

use super::Topics;
use serendib_shop::{acquisitions, Kind, ProductIx, Touch, DAY_MS, NO_PRODUCT};

/// Share of purchases that opened a topic new to the customer, shrunk to `usual` by four purchases; 0…1.
///
/// A first purchase says nothing: everything is new then.
pub fn curiosity(history: &[Touch], topics: &Topics, usual: f32) -> f32 {
    let mut seen: HashSet<u32> = HashSet::new();
    let (mut opened, mut all) = (0.0f32, 0.0f32);
    for topic in acquisitions(history).filter_map(|t| topics.of(t.product)) {
        let new = seen.insert(topic);
        if seen.len() > 1 || !new {
            all += 1.0;
            opened += f32::from(u8::from(new));
        }
    }
    ((opened + 4.0 * usual) / (all + 4.0)).clamp(0.0, 1.0)
}

/// The prices a customer is used to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PriceRange {
    mean: f32,
    deviation: f32,
}

impl PriceRange {
    /// From the prices of what was bought; `None` without any price above 0.
    pub fn of(prices: impl IntoIterator<Item = f64>) -> Option<PriceRange> {
        let logs: Vec<f32> = prices
            .into_iter()
            .filter(|p| p.is_finite() && *p > 0.0)
            .map(|p| p.ln() as f32)
            .collect();
        if logs.is_empty() {
            return None;
        }
        let n = logs.len() as f32;
        let mean = logs.iter().sum::<f32>() / n;
        let squares: f32 = logs.iter().map(|x| (x - mean) * (x - mean)).sum();
        // Shrunk to a factor of two by three purchases.
        let deviation = ((squares + 3.0 * 0.48) / (n + 3.0)).sqrt();
        Some(PriceRange { mean, deviation })
    }

    /// How comfortable `price` is, 0…1: 1 up to what is usual, falling above it, a little below half of it.
    pub fn comfort(&self, price: f64) -> f32 {
        if !price.is_finite() || price <= 0.0 {
            return 1.0;
        }
        let z = (price.ln() as f32 - self.mean) / self.deviation;
        let over = (z - 0.5).max(0.0);
        let under = (-z - 1.5).max(0.0);
        (-0.5 * (over * over + 0.25 * under * under)).exp()
    }
}

/// Latest impressions that are looked at: each costs one comparison per candidate.
const SHOWN: usize = 20;
/// Half-life of having been shown something, days.
const SHOWN_HALF_LIFE_DAYS: f64 = 7.0;

/// What was shown lately and how much of it is still in mind: (product, 0…1), from impressions before `now`.
pub fn shown(history: &[Touch], now: i64) -> Vec<(ProductIx, f32)> {
    history
        .iter()
        .rev()
        .filter(|t| t.kind == Kind::IMPRESSION && t.product != NO_PRODUCT && t.at < now)
        .take(SHOWN)
        .map(|t| {
            let days = (now - t.at) as f64 / DAY_MS as f64;
            (t.product, 0.5f64.powf(days / SHOWN_HALF_LIFE_DAYS) as f32)
        })
        .collect()
}

/// How tired the customer is of things like `product`, 0…1: the largest likeness to something shown, times how fresh that is.
pub fn fatigue<'v>(
    product: ProductIx,
    shown: &[(ProductIx, f32)],
    vector: &dyn Fn(ProductIx) -> Option<&'v [f32]>,
) -> f32 {
    let own = vector(product);
    shown
        .iter()
        .map(|(other, fresh)| {
            let alike = if *other == product {
                1.0
            } else {
                match (own, vector(*other)) {
                    (Some(a), Some(b)) => a
                        .iter()
                        .zip(b)
                        .map(|(x, y)| x * y)
                        .sum::<f32>()
                        .clamp(0.0, 1.0),
                    _ => 0.0,
                }
            };
            alike * fresh
        })
        .fold(0.0, f32::max)
}

/// Whether the customer was disappointed: [`hurt`], or voiced a complaint that is not resolved.
pub fn disappointed(history: &[Touch], now: i64, days: i64) -> bool {
    let contacts = history.iter().rev().filter(|t| t.at < now);
    let last = contacts
        .map(|touch| touch.kind)
        .find(|kind| matches!(*kind, Kind::COMPLAINT | Kind::COMPLAINT_RESOLVED));
    last == Some(Kind::COMPLAINT) || hurt(history, now, days, None)
}

/// Whether something went wrong within `days` before `now`: the customer gave something back, gave two stars or fewer, waited
/// for a late delivery or a call that never came, or said of a surprise, last at `let_down_at`, that it let them down.
pub fn hurt(history: &[Touch], now: i64, days: i64, let_down_at: Option<i64>) -> bool {
    let since = now.saturating_sub(days * DAY_MS);
    let lately = |at: i64| at >= since && at < now;
    let bad = |touch: &Touch| match touch.kind {
        Kind::RETURN | Kind::BOX_RETURNED | Kind::DELIVERY_LATE | Kind::CALLBACK_MISSED => true,
        _ => touch.is_low(),
    };
    let_down_at.is_some_and(lately) || history.iter().any(|t| lately(t.at) && bad(t))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(kind: Kind, product: u32, at: i64) -> Touch {
        Touch::new(kind, ProductIx(product), at)
    }

    #[test]
    fn who_opens_new_topics_is_curious() {
        let topics = Topics::from_numbers(vec![0, 1, 2, 3]);
        let buy = |products: &[u32]| -> Vec<Touch> {
            products
                .iter()
                .map(|p| touch(Kind::PURCHASE, *p, 1))
                .collect()
        };
        let curious = curiosity(&buy(&[0, 1, 2, 3]), &topics, 0.3);
        let steady = curiosity(&buy(&[0, 0, 0, 0]), &topics, 0.3);
        assert!(curious > 0.5 && steady < 0.2);
        assert!((curiosity(&[], &topics, 0.3) - 0.3).abs() < 1e-6);
    }

    #[test]
    fn far_above_the_usual_price_is_uncomfortable() {
        let range = PriceRange::of([10.0, 12.0, 9.0, 11.0]).unwrap();
        assert!(range.comfort(10.0) > 0.99);
        assert!(range.comfort(80.0) < 0.2);
        assert!(range.comfort(2.0) > range.comfort(80.0));
        assert!(PriceRange::of([f64::NAN, 0.0]).is_none());
    }

    #[test]
    fn fatigue_is_for_what_was_shown_lately() {
        let history = [touch(Kind::IMPRESSION, 3, 0)];
        let soon = fatigue(ProductIx(3), &shown(&history, DAY_MS), &|_| None);
        let late = fatigue(ProductIx(3), &shown(&history, 60 * DAY_MS), &|_| None);
        assert!(soon > 0.8 && late < 0.01);
        assert_eq!(
            fatigue(ProductIx(4), &shown(&history, DAY_MS), &|_| None),
            0.0
        );
    }

    #[test]
    fn a_return_or_an_open_complaint_is_a_disappointment() {
        let day = |d: i64| d * DAY_MS;
        let returned = [touch(Kind::RETURN, 1, day(10))];
        assert!(disappointed(&returned, day(12), 7));
        assert!(!disappointed(&returned, day(30), 7));
        assert!(!disappointed(&returned, day(10), 7), "not yet");
        let mut complaint = vec![touch(Kind::COMPLAINT, NO_PRODUCT.0, day(1))];
        assert!(disappointed(&complaint, day(90), 7));
        assert!(!hurt(&complaint, day(90), 7, None), "care has its own time");
        complaint.push(touch(Kind::COMPLAINT_RESOLVED, NO_PRODUCT.0, day(2)));
        assert!(!disappointed(&complaint, day(90), 7));
        assert!(hurt(&[], day(3), 7, Some(day(2))));
        assert!(!hurt(&[], day(30), 7, Some(day(2))));
        assert!(!hurt(&[], day(2), 7, Some(day(2))), "not yet");
    }
}
