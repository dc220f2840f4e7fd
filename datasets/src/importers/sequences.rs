//! Sequences in order of time, one customer per line (`user item item …`), as S3-Rec and its followers publish them,
//! with an optional JSON object of item → list of attribute numbers.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;
use serendib_shop::{table::Table, DataError, Product, Touchpoint};

use super::input::{find, find_optional, open, Lines};
use super::Job;

const COLUMNS: [&str; 3] = ["customer_id", "kind", "product_id"];

/// Product attribute that holds the list of an item's attribute numbers, as texts.
const ATTRIBUTE: &str = "attribute";

pub(super) fn import(job: &mut Job<'_>) -> Result<(), DataError> {
    let path = find(job.from, "file of sequences (.txt)", |name| {
        !job.from.is_dir() || name.ends_with(".txt")
    })?;
    job.progress.stage("importing sequences");
    let mut touchpoints = job.shop.table_with(Table::Touchpoints, &COLUMNS)?;
    let mut held_out = job.shop.table_with(Table::HeldOut, &COLUMNS)?;
    let mut users: HashSet<String> = HashSet::new();
    let mut items: HashSet<String> = HashSet::new();
    let mut order: Vec<String> = Vec::new();
    let mut lines = Lines::open(&path)?;
    while let Some((user, sequence)) = lines.next_sequence()? {
        if sequence.is_empty() {
            return Err(lines.wrong(format!("user {user} has no items")));
        }
        if !users.insert(user.clone()) {
            return Err(lines.wrong(format!("user {user} has a line already")));
        }
        let last = sequence.len() - 1;
        for (position, item) in sequence.into_iter().enumerate() {
            if items.insert(item.clone()) {
                order.push(item.clone());
            }
            let row = Touchpoint {
                product_id: Some(item),
                ..Touchpoint::new(user.as_str(), "purchase")
            };
            // a customer with a single item has nothing to predict from
            let table = if position == last && last > 0 {
                &mut held_out
            } else {
                &mut touchpoints
            };
            table
                .touchpoint(&row)
                .map_err(|error| error.blame(&lines.place()))?;
            job.progress.row();
        }
    }
    if users.is_empty() {
        return Err(DataError::file(&path, "holds no sequences"));
    }
    job.report.count("users", users.len());
    job.report.count("items", items.len());
    job.report.count("interactions", touchpoints.finish()?);
    job.report
        .count("interactions held out", held_out.finish()?);

    let attributes = find_optional(job.from, "item attributes (.json)", |name| {
        job.from.is_dir() && name.ends_with(".json")
    })?;
    if let Some(path) = attributes {
        let attributes: BTreeMap<String, Vec<Value>> = serde_json::from_reader(open(&path)?)
            .map_err(|error| {
                DataError::file(&path, format!("is no object of item → list: {error}"))
            })?;
        job.report.count("items with attributes", attributes.len());
        order.extend(
            attributes
                .keys()
                .filter(|item| !items.contains(*item))
                .cloned(),
        );
        let mut products = job
            .shop
            .table_with(Table::Products, &["product_id", "attributes"])?;
        for item in order {
            let mut product = Product::bare(item);
            if let Some(list) = attributes.get(&product.product_id) {
                let list: Vec<String> = list
                    .iter()
                    .map(|value| match value {
                        Value::String(text) => text.clone(),
                        other => other.to_string(),
                    })
                    .collect();
                product.attributes.insert(ATTRIBUTE.into(), list.into());
            }
            products
                .product(&product)
                .map_err(|error| DataError::file(&path, error.to_string()))?;
        }
        products.finish()?;
    }
    Ok(())
}
