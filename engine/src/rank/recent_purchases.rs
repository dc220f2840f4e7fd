//! What a customer bought lately.

use std::collections::HashMap;

use serendib_shop::{acquisitions, Owned, ProductIx, Touch, DAY_MS};

/// Recent purchases that complements are sought for.
const RECENT: usize = 10;

/// The last distinct purchases that were kept and liked, with days since.
pub(crate) fn recent_purchases(
    history: &[Touch],
    owned: &HashMap<ProductIx, Owned>,
    now: i64,
) -> Vec<(ProductIx, f64)> {
    let mut out: Vec<(ProductIx, f64)> = Vec::new();
    for touch in acquisitions(history).rev() {
        let kept = owned.get(&touch.product).is_some_and(|own| own.liked);
        if kept && out.iter().all(|(product, _)| *product != touch.product) {
            let days = if now == i64::MAX {
                0.0
            } else {
                (now - touch.at) as f64 / DAY_MS as f64
            };
            out.push((touch.product, days));
            if out.len() == RECENT {
                break;
            }
        }
    }
    out
}
