//! The one text form of a row, by which two rows are the same or not, and ids that follow from it.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use serendib_shop::{Customer, Delight, Product, Touchpoint};

/// Sorts the keys of every object inside `value`, so that equal values have equal texts.
fn sort_keys(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.sort_keys();
            map.values_mut().for_each(sort_keys);
        }
        Value::Array(items) => items.iter_mut().for_each(sort_keys),
        _ => {}
    }
}

/// Sorts the keys inside all attributes.
pub(crate) fn sort_attributes(attributes: &mut std::collections::BTreeMap<String, Value>) {
    attributes.values_mut().for_each(sort_keys);
}

#[derive(Serialize)]
struct TouchpointText<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_id: Option<&'a str>,
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_id: &'a Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: &'a Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<i64>,
    quantity: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    basket_id: &'a Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pages: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    campaign_id: &'a Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rating: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_line: &'a Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: &'a Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    placement: &'a Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    touchpoint_id: Option<&'a str>,
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    attributes: &'a std::collections::BTreeMap<String, Value>,
}

fn touchpoint_text(row: &Touchpoint, customer: bool, id: Option<&str>) -> String {
    let text = TouchpointText {
        customer_id: customer.then_some(&row.customer_id),
        kind: &row.kind,
        product_id: &row.product_id,
        channel: &row.channel,
        at: row.at,
        quantity: row.quantity,
        value: row.value,
        basket_id: &row.basket_id,
        duration_s: row.duration_s,
        pages: row.pages,
        campaign_id: &row.campaign_id,
        rating: row.rating,
        product_line: &row.product_line,
        request_id: &row.request_id,
        placement: &row.placement,
        touchpoint_id: id,
        attributes: &row.attributes,
    };
    // Only strings, finite numbers and string-keyed maps: cannot fail.
    serde_json::to_string(&text).unwrap_or_default()
}

/// The text under which the store keeps a touchpoint: fields in a fixed order, absent ones left out, the time as sent,
/// without the customer. Call after [`sort_attributes`].
pub(crate) fn touchpoint_body(row: &Touchpoint, touchpoint_id: &str) -> String {
    touchpoint_text(row, false, Some(touchpoint_id))
}

/// Reads [`touchpoint_body`] back.
pub(crate) fn parse_touchpoint(body: &str) -> Result<Touchpoint, serde_json::Error> {
    serde_json::from_str(body)
}

/// The id of a row that has none: a hash of its canonical text and of how many equal rows came before it.
///
/// The same table loaded again gives the same ids, in whatever pieces it is loaded.
pub fn derived_touchpoint_id(row: &Touchpoint, occurrence: u64) -> String {
    id_of_hash(row_hash(row), occurrence)
}

/// The hash of a row without an id, for counting equal rows.
pub(crate) fn row_hash(row: &Touchpoint) -> [u8; 16] {
    let mut sorted;
    let row = if row
        .attributes
        .values()
        .any(|v| v.is_object() || v.is_array())
    {
        sorted = row.clone();
        sort_attributes(&mut sorted.attributes);
        &sorted
    } else {
        row
    };
    let digest = Sha256::digest(touchpoint_text(row, true, None).as_bytes());
    let mut hash = [0; 16];
    hash.copy_from_slice(&digest[..16]);
    hash
}

/// The id that follows from [`row_hash`] and the number of equal rows before.
pub(crate) fn id_of_hash(hash: [u8; 16], occurrence: u64) -> String {
    if occurrence == 0 {
        format!("row-{}", hex::encode(hash))
    } else {
        format!("row-{}-{occurrence}", hex::encode(hash))
    }
}

/// The text of a delight.
pub(crate) fn delight_body(row: &Delight) -> String {
    serde_json::to_string(row).unwrap_or_default()
}

/// The text of a profile as kept per identity: without the id and the linked identities, which have rows of their own.
pub(crate) fn profile_body(customer: &Customer) -> String {
    let mut kept = customer.clone();
    kept.customer_id = String::new();
    kept.identities = Vec::new();
    sort_attributes(&mut kept.attributes);
    serde_json::to_string(&kept).unwrap_or_default()
}

/// The text of a product; its stock has a column of its own.
pub(crate) fn product_body(product: &Product) -> String {
    let mut kept = product.clone();
    kept.stock = None;
    sort_attributes(&mut kept.attributes);
    serde_json::to_string(&kept).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_reads_back_as_the_row() {
        let mut row = Touchpoint::new("ada", "purchase");
        row.value = Some(0.1 + 0.2);
        row.at = Some(-5);
        row.pages = Some(3);
        row.attributes.insert(
            "note".into(),
            serde_json::json!({"b": 1.5e300, "a": [{"y": 1, "x": null}]}),
        );
        let mut sent = row.clone();
        sort_attributes(&mut sent.attributes);
        let back = parse_touchpoint(&touchpoint_body(&sent, "t-1")).unwrap();
        row.customer_id.clear();
        row.touchpoint_id = Some("t-1".into());
        assert_eq!(back, row);
    }

    #[test]
    fn the_order_of_keys_makes_no_other_row() {
        let mut one = Touchpoint::new("ada", "view");
        let mut two = one.clone();
        one.attributes.insert(
            "a".into(),
            serde_json::from_str(r#"{"x":1,"y":2}"#).unwrap(),
        );
        two.attributes.insert(
            "a".into(),
            serde_json::from_str(r#"{"y":2,"x":1}"#).unwrap(),
        );
        assert_eq!(
            derived_touchpoint_id(&one, 0),
            derived_touchpoint_id(&two, 0)
        );
        assert_eq!(row_hash(&one), row_hash(&two));
        assert_ne!(
            derived_touchpoint_id(&one, 0),
            derived_touchpoint_id(&one, 1)
        );
    }
}
