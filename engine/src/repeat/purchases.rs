//! Purchases of one product by one customer, and the gaps between them.

use std::collections::BTreeMap;

use serendib_shop::{in_order, kept, Kind, ProductIx, Touch, DAY_MS, NO_PRODUCT};

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
    let history = in_order(history, now.saturating_sub(1));
    for (touch, kept) in history.iter().zip(kept(&history)) {
        let bought = touch.kind.acquires() && touch.kind != Kind::RATING && !touch.gift;
        if !bought || kept.packs <= 0.0 || touch.product == NO_PRODUCT || touch.at == 0 {
            continue;
        }
        let day = touch.at.div_euclid(DAY_MS);
        let list = out.entry(touch.product).or_default();
        match list.days.last_mut().filter(|last| last.0 == day) {
            Some(last) => last.1 += kept.packs,
            None => list.days.push((day, kept.packs)),
        }
    }
    out
}
