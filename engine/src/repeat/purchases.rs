//! Purchases of one product by one customer, and the gaps between them.

use std::collections::BTreeMap;

use serendib_shop::{Kind, ProductIx, Touch, DAY_MS, NO_PRODUCT};

/// Purchases of one product by one customer, one per day.
#[derive(Debug, Clone, Default)]
pub struct Purchases {
    /// Day and packs, oldest first.
    pub days: Vec<(i64, f32)>,
}

impl Purchases {
    /// ln of the gaps in days per median packs.
    pub fn log_gaps(&self, packs: f32) -> impl Iterator<Item = f32> + '_ {
        self.days.windows(2).map(move |pair| {
            let gap = (pair[1].0 - pair[0].0).max(1) as f32;
            (gap / pack_scale(pair[0].1, packs)).ln()
        })
    }
}

/// How much longer `packs` last than the usual number; tempered, and at most fourfold either way.
pub fn pack_scale(packs: f32, usual: f32) -> f32 {
    (packs / usual.max(1e-3)).clamp(0.25, 4.0)
}

/// Purchases that were kept, by product, of the touches before `now`.
pub fn purchases(history: &[Touch], now: i64) -> BTreeMap<ProductIx, Purchases> {
    let mut out: BTreeMap<ProductIx, Purchases> = BTreeMap::new();
    for touch in history.iter().filter(|t| t.at < now && t.at != 0) {
        if touch.product == NO_PRODUCT || touch.gift {
            continue;
        }
        let day = touch.at.div_euclid(DAY_MS);
        if touch.kind.takes_back() {
            if let Some(list) = out.get_mut(&touch.product) {
                let mut left = touch.packs();
                while left > 0.0 {
                    let Some(last) = list.days.last_mut() else {
                        break;
                    };
                    let taken = left.min(last.1);
                    last.1 -= taken;
                    left -= taken;
                    if last.1 <= 0.0 {
                        list.days.pop();
                    }
                }
            }
        } else if touch.kind.acquires() && touch.kind != Kind::RATING {
            let quantity = touch.packs();
            let list = out.entry(touch.product).or_default();
            match list.days.last_mut().filter(|last| last.0 == day) {
                Some(last) => last.1 += quantity,
                None => list.days.push((day, quantity)),
            }
        }
    }
    out.retain(|_, list| !list.days.is_empty());
    out
}
