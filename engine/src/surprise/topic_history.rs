//! How a customer's own history stands to a kind of thing: what they look for, were shown and have, and what went wrong.

use std::collections::{BTreeMap, BTreeSet};

use super::{Kinds, Topics};
use serendib_shop::{acquisitions, Kind, ProductIx, Touch, DAY_MS};

/// Half-life of a look, of having been shown something, and of a mishap, days.
const HALF_LIFE_DAYS: f64 = 30.0;
/// Purchases by which the usual dearness is shrunk to that of the shop.
const DEARNESS_SHRINK: f32 = 3.0;
/// More mishaps than this hurt no more.
const MOST_MISHAPS: f32 = 3.0;

/// Whether a customer who does a thing of `kind` looks for its product, short of acquiring it.
pub fn looks_for(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::VIEW
            | Kind::SEARCH
            | Kind::PRODUCT_SCAN
            | Kind::ADD_TO_CART
            | Kind::WISHLIST
            | Kind::STOCK_ENQUIRY
    )
}

/// What one customer's history says of each topic.
#[derive(Debug, Clone, Default)]
pub struct TopicHistory {
    sought: BTreeMap<u32, f32>,
    shown: BTreeMap<u32, f32>,
    owned: BTreeSet<ProductIx>,
    dearness: f32,
    mishaps: f32,
}

impl TopicHistory {
    /// From `history` (before `now`, in order of time).
    pub fn of(history: &[Touch], kinds: &Kinds, topics: &Topics, now: i64) -> TopicHistory {
        let mut out = TopicHistory::default();
        for touch in history {
            let fresh = if now == i64::MAX {
                1.0
            } else {
                let days = now.saturating_sub(touch.at) as f64 / DAY_MS as f64;
                0.5f64.powf(days / HALF_LIFE_DAYS) as f32
            };
            let slot = match touch.kind {
                kind if looks_for(kind) => Some(&mut out.sought),
                Kind::IMPRESSION => Some(&mut out.shown),
                _ => None,
            };
            if let (Some(slot), Some(topic)) = (slot, topics.of(touch.product)) {
                *slot.entry(topic).or_default() += fresh;
            }
            out.mishaps += fresh * mishap(touch);
        }
        let (mut sum, mut count) = (0.0f32, 0.0f32);
        for touch in acquisitions(history) {
            sum += kinds.dearness(touch.product);
            count += 1.0;
            out.owned.insert(touch.product);
        }
        out.dearness = sum / (count + DEARNESS_SHRINK);
        out.mishaps = out.mishaps.min(MOST_MISHAPS);
        out
    }

    /// How much the customer looked for things of `topic` lately: ln(1 + looks), each fading by half in 30 days; ≥ 0.
    pub fn sought(&self, topic: u32) -> f32 {
        self.sought.get(&topic).map_or(0.0, |looks| looks.ln_1p())
    }

    /// How often the customer was shown things of `topic` lately, likewise.
    pub fn shown(&self, topic: u32) -> f32 {
        self.shown.get(&topic).map_or(0.0, |times| times.ln_1p())
    }

    /// How much dearer among its kind than what the customer buys a product of `dearness` is, −6…6.
    pub fn dearer(&self, dearness: f32) -> f32 {
        dearness - self.dearness
    }

    /// Whether the customer ever acquired `product` itself.
    pub fn has(&self, product: ProductIx) -> bool {
        self.owned.contains(&product)
    }

    /// How much went wrong lately, 0…3: late deliveries, complaints and bad stars count 1 each, things given back ½.
    pub fn mishaps(&self) -> f32 {
        self.mishaps
    }
}

fn mishap(touch: &Touch) -> f32 {
    match touch.kind {
        Kind::DELIVERY_LATE | Kind::CALLBACK_MISSED | Kind::COMPLAINT => 1.0,
        Kind::RETURN | Kind::BOX_RETURNED => 0.5,
        _ if touch.is_low() => 1.0,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_fade_and_mishaps_are_remembered() {
        let topics = Topics::from_numbers(vec![0, 1]);
        let kinds = Kinds::default();
        let day = |d: i64| d * DAY_MS;
        let history = [
            Touch::new(Kind::VIEW, ProductIx(0), day(1)),
            Touch::new(Kind::IMPRESSION, ProductIx(1), day(1)),
            Touch::new(Kind::DELIVERY_LATE, serendib_shop::NO_PRODUCT, day(1)),
            Touch::new(Kind::PURCHASE, ProductIx(1), day(1)),
        ];
        let soon = TopicHistory::of(&history, &kinds, &topics, day(2));
        let late = TopicHistory::of(&history, &kinds, &topics, day(200));
        assert!(soon.sought(0) > 0.6 && soon.sought(1) == 0.0);
        assert!(late.sought(0) < 0.05 && late.mishaps() < 0.05);
        assert!(soon.shown(1) > 0.6 && soon.mishaps() > 0.9);
        assert!(soon.has(ProductIx(1)) && !soon.has(ProductIx(0)));
        let timeless = TopicHistory::of(&history, &kinds, &topics, i64::MAX);
        assert!(timeless.sought(0).is_finite());
    }
}
