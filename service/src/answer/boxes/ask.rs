//! What is asked for, checked.

use serde::{Deserialize, Serialize};
use serendib_engine::boxes::{BoxRequest, ShopRules};
use serendib_shop::BoxOrder;

/// One box to pack, as it is kept with the box.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BoxAsk {
    #[serde(skip)]
    pub box_id: String,
    #[serde(skip)]
    pub customer_id: String,
    /// When it leaves, ms.
    #[serde(skip)]
    pub ship_at: Option<i64>,
    /// Lines in all; `None` = as the rules say.
    pub slots: Option<usize>,
    /// Surprises among them.
    pub surprise_slots: Option<usize>,
    pub budget: Option<f64>,
    /// Weight at most, grams.
    pub max_weight_g: Option<f64>,
    pub max_volume_ml: Option<f64>,
    /// Products, categories or allergens.
    pub exclusions: Vec<String>,
    /// Products that go into it.
    pub pinned: Vec<String>,
    /// Settled contents: product and whether it is a surprise.
    pub locked: Vec<(String, bool)>,
    /// Whether exclusions that mean nothing are passed over, those that are like allergens excepted.
    pub lenient_exclusions: bool,
    /// Whether nothing was known of the customer when the box was packed.
    pub unknown_customer: bool,
}

impl From<BoxOrder> for BoxAsk {
    fn from(row: BoxOrder) -> BoxAsk {
        BoxAsk {
            box_id: row.box_id,
            customer_id: row.customer_id,
            ship_at: row.ship_at,
            slots: row.slots.map(|n| n as usize),
            surprise_slots: row.surprise_slots.map(|n| n as usize),
            budget: row.budget,
            max_weight_g: row.max_weight_g,
            max_volume_ml: row.max_volume_ml,
            exclusions: row.exclusions,
            ..BoxAsk::default()
        }
    }
}

impl BoxAsk {
    /// The box as the packer wants it, without what protects the customer and without products.
    pub(super) fn request(&self, rules: &ShopRules) -> BoxRequest {
        let slots = self.slots.unwrap_or(rules.slots);
        let surprise = self
            .surprise_slots
            .unwrap_or(rules.surprise_slots)
            .min(slots);
        BoxRequest {
            id: self.box_id.clone(),
            regular: slots - surprise,
            surprise,
            budget: self.budget,
            max_weight_g: self.max_weight_g,
            max_volume_ml: self.max_volume_ml,
            ..BoxRequest::default()
        }
    }
}

/// Units of a product that perish together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LotAsk {
    pub product_id: String,
    pub quantity: i64,
    /// What the packers call it.
    pub lot: String,
    /// When it perishes, ms; `None` = never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
}

/// A whole pack.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PackAsk {
    /// Its id; `None` = given by the server.
    pub pack_id: Option<String>,
    pub boxes: Vec<BoxAsk>,
    pub rules: ShopRules,
    /// Products to pack from; none = every product whose stock is tracked.
    pub products: Vec<String>,
    /// Lots of products; a product without is one lot.
    pub lots: Vec<LotAsk>,
    /// Most seconds for the search.
    pub time_limit_s: Option<f64>,
    /// How long units are set aside after the last ship date, ms.
    pub hold_ms: i64,
    /// Pack boxes anew that are packed and have not left.
    pub replace: bool,
    /// Seed; `None` = drawn.
    pub seed: Option<u64>,
    pub dry_run: bool,
    /// Language of the sentences.
    pub locale: Option<String>,
}
