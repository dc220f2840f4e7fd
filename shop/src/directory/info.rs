//! The `shop` document: what holds for the whole shop.

use crate::Consents;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What `shop.json` says; every key is optional.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ShopInfo {
    /// Name of the shop, by which a store recognises its own data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shop_id: Option<String>,
    /// The time that the data speak for: a date or a time, read as in tables. What was said later over the API stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
    /// ISO 4217 code of prices and values without one of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// IANA name of the zone in which times without an offset are read; UTC when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// BCP 47 tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// The shop's own touchpoint kinds in which the customer was merely shown something.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub passive_kinds: Vec<String>,
    /// Clock types, as the engine's `life` reads them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_types: Option<Value>,
    /// What holds for customers who said nothing; absent = allowed.
    #[serde(skip_serializing_if = "Consents::is_silent")]
    pub consents: Consents,
    /// The ledger of erasures, a path from the directory of the data: rows of customers who were erased after them are left
    /// out. That of the store which belongs to the data when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erasures: Option<String>,
    /// Who was erased up to then, ms, is in the data no more: as an export has it, which tells the rows of linked ids under one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erased_until: Option<i64>,
    /// Every other key.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}
