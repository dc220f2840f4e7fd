//! Boxes to pack and lots in stock.

use serde::{Deserialize, Serialize};

use super::Attributes;

/// Lines that a box has at most.
pub const MAX_SLOTS: usize = 64;
/// Exclusions that a box has at most.
pub const MAX_EXCLUSIONS: usize = 1_000;
/// Bytes of an exclusion at most.
pub const MAX_EXCLUSION_BYTES: usize = 1_024;

/// One parcel to pack, as in the `boxes` table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BoxOrder {
    pub box_id: String,
    pub customer_id: String,
    /// When it leaves, milliseconds since 1970-01-01 UTC.
    pub ship_at: Option<i64>,
    /// Lines in it.
    pub slots: Option<u32>,
    /// How many of them are surprises.
    pub surprise_slots: Option<u32>,
    /// Most that its lines may cost together.
    pub budget: Option<f64>,
    /// Weight of one pack, grams.
    pub max_weight_g: Option<f64>,
    /// Volume of one pack, millilitres.
    pub max_volume_ml: Option<f64>,
    /// Products, categories or allergens that must not be in it.
    pub exclusions: Vec<String>,
    pub attributes: Attributes,
}

/// What is in one warehouse of one product, as in the `stock` table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StockLot {
    pub product_id: String,
    /// Units, ≥ 0.
    pub quantity: i64,
    pub warehouse: Option<String>,
    pub lot: Option<String>,
    /// Perishes then, milliseconds since 1970-01-01 UTC.
    pub expires_at: Option<i64>,
    /// Arrives then; absent = is there.
    pub inbound_at: Option<i64>,
    pub attributes: Attributes,
}
