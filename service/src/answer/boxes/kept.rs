//! What is kept of a pack beside its boxes.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serendib_engine::boxes::ShopRules;
use serendib_shop::stable_hash;

use crate::answer::boxes::{BoxAsk, LotAsk};
use crate::store::StoredPack;

/// What of a pack is needed to pack one of its boxes again.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Kept {
    pub rules: ShopRules,
    /// Products packed from; none = every product whose stock is tracked.
    pub products: Vec<String>,
    /// What the pack left of the lots that it was told of.
    pub lots: Vec<LotAsk>,
    /// Which boxes were asked for, see [`asked_for`]; 0 = not known.
    pub asked: u64,
    /// Price by product, where it is above 0.
    pub prices: HashMap<String, f64>,
    pub whole: Whole,
}

/// The numbers of a pack, as kept with it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Whole {
    /// Sum of all lines' values.
    pub value: f64,
    pub bound: f64,
    /// Gap between them.
    pub gap: f64,
    pub empty_slots: u64,
    /// Products of which nothing is left and more would help: id, one more, ten more.
    pub shadow_prices: Vec<(String, f64, f64)>,
    /// Whether one more of each of these would fill a slot that stays empty.
    pub filling: Vec<bool>,
    /// Boxes without a required category.
    pub missing_categories: Vec<(String, u64)>,
    /// Product, units wanted, units used.
    pub minimum_use: Vec<(String, u32, u32)>,
    pub margin: Option<f64>,
    /// Value of the median box.
    pub median_value: f64,
    /// Value of the box at the 5th percentile.
    pub p5_value: f64,
    /// Boxes below the fair share.
    pub below_fair: u64,
    /// Value given up for goals.
    pub given_up: f64,
    /// Whether the search was ended early.
    pub partial: bool,
    /// Seconds for values.
    pub scoring_s: f64,
    /// Seconds for the search.
    pub packing_s: f64,
    pub seed: u64,
    /// Exclusions that mean nothing.
    pub unknown_exclusions: Vec<String>,
}

/// Tells lists of boxes apart: a hash of their ids and customers, in order.
pub fn asked_for(boxes: &[BoxAsk]) -> u64 {
    let mut text = Vec::new();
    for ask in boxes {
        text.extend_from_slice(ask.box_id.as_bytes());
        text.push(0);
        text.extend_from_slice(ask.customer_id.as_bytes());
        text.push(0);
    }
    stable_hash(&text)
}

/// Whether `pack` was asked for with other boxes than those of `asked`.
pub fn is_another(pack: &StoredPack, asked: u64) -> bool {
    let kept: Kept = serde_json::from_value(pack.body.clone()).unwrap_or_default();
    kept.asked != 0 && kept.asked != asked
}

/// The numbers that were kept with a pack.
pub fn whole_of(pack: &StoredPack) -> Whole {
    let kept: Kept = serde_json::from_value(pack.body.clone()).unwrap_or_default();
    kept.whole
}
