//! The `shop` document: what holds for the whole shop.

use crate::time::{parse_time, Zone};
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

impl ShopInfo {
    /// The time that the data speak for, ms; `None` where none is stated, or none that can be read.
    pub fn spoken_at(&self) -> Option<i64> {
        let zone = match self.time_zone.as_deref() {
            None => Zone::default(),
            Some(name) => Zone::named(name)?,
        };
        parse_time(self.as_of.as_deref()?, zone)
    }

    /// What the shop says after `given` was read: key by key what `given` says, but for keys that are stated here already only where
    /// it does not speak for an earlier time. What `given` is silent about stands.
    pub fn heard(self, given: &ShopInfo) -> serde_json::Result<ShopInfo> {
        let earlier = match (self.spoken_at(), given.spoken_at()) {
            (Some(ours), Some(theirs)) => theirs < ours,
            _ => false,
        };
        let mut standing = serde_json::to_value(self)?;
        take_over(&mut standing, serde_json::to_value(given)?, earlier);
        serde_json::from_value(standing)
    }
}

/// Takes `given` into `standing`, objects key by key; `blanks`: only what is not there.
fn take_over(standing: &mut Value, given: Value, blanks: bool) {
    match (standing, given) {
        (Value::Object(standing), Value::Object(given)) => {
            for (key, value) in given {
                match standing.get_mut(&key) {
                    Some(known) => take_over(known, value, blanks),
                    None => {
                        standing.insert(key, value);
                    }
                }
            }
        }
        (standing, given) if !blanks => *standing = given,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(json: &str) -> ShopInfo {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn what_is_not_said_again_stands_and_an_older_word_fills_blanks_only() {
        let first =
            info(r#"{"shop_id": "a", "as_of": "2026-03-01", "consents": {"train": false}}"#);
        let silent = first
            .clone()
            .heard(&info(r#"{"as_of": "2026-04-01"}"#))
            .unwrap();
        assert_eq!(silent.shop_id.as_deref(), Some("a"));
        assert_eq!(silent.as_of.as_deref(), Some("2026-04-01"));
        assert_eq!(silent.consents.train, Some(false));
        let older = r#"{"as_of": "2026-01-01", "currency": "EUR", "consents": {"train": true, "contact": true}}"#;
        let older = silent.clone().heard(&info(older)).unwrap();
        assert_eq!(
            (older.consents.train, older.consents.contact),
            (Some(false), Some(true))
        );
        assert_eq!(
            (older.currency.as_deref(), &older.as_of),
            (Some("EUR"), &silent.as_of)
        );
        // undated, it speaks after earlier files
        let undated = older
            .heard(&info(r#"{"consents": {"train": true}}"#))
            .unwrap();
        assert_eq!(undated.consents.train, Some(true));
    }
}
