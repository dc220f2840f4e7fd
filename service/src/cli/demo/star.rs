//! The customer that a demo shows.

use std::collections::HashMap;
use std::path::Path;

use serde_json::json;
use serendib_shop::{in_holdout, Fact, ReadOptions, ShopData};

use super::stamp::{fingerprint, Stamps};

/// Orders that make a good story: enough to know somebody by, few enough to read.
const GOOD_STORY: i64 = 30;

/// A customer with a story: some thirty purchases, if possible with a child that was declared. Remembered for the next
/// run; `None` in a shop without customers.
pub(super) fn choose(
    stamps: &Stamps,
    data: &Path,
    holdout_percent: f64,
) -> anyhow::Result<Option<String>> {
    let from = json!([fingerprint(data)?, holdout_percent]);
    if let Some(chosen) = stamps.read("star").filter(|star| star["data"] == from) {
        return Ok(chosen["customer"].as_str().map(str::to_owned));
    }
    let shop = ShopData::open(data, ReadOptions::default())?;
    let mut purchases: HashMap<String, i64> = HashMap::new();
    for row in shop.touchpoints()? {
        let row = row?;
        if row.kind == "purchase" && !row.customer_id.is_empty() {
            *purchases.entry(row.customer_id).or_default() += 1;
        }
    }
    let mut with_child: HashMap<String, bool> = HashMap::new();
    for customer in shop.customers()? {
        let customer = customer?;
        let child = |fact: &Fact| matches!(fact, Fact::Clock { clock, .. } if clock == "child");
        if customer.facts.iter().any(child) && customer.consents.personalise != Some(false) {
            with_child.insert(customer.customer_id, true);
        }
    }
    let chosen = purchases
        .into_iter()
        // one of the holdout would show nothing personal
        .filter(|(id, _)| !in_holdout(id, holdout_percent))
        .map(|(id, count)| {
            let plain = !with_child.contains_key(&id);
            ((count - GOOD_STORY).abs() + if plain { 10 } else { 0 }, id)
        })
        .min()
        .map(|(_, id)| id);
    stamps.write("star", &json!({"data": from, "customer": chosen}))?;
    Ok(chosen)
}
