//! Describing shop data: what a person wants to know first.

mod description;
mod show;
mod tally;

use std::collections::BTreeMap;

use crate::Fact;

use crate::directory::ShopData;
use crate::error::DataError;
use crate::progress::Progress;
use crate::table::format::Table;
use description::ranked;
pub use description::{Acquisitions, Customers, Description, Named, Products, Spread, TopProduct};
use tally::Tally;

/// Describes `data`, with the `top` products that most customers acquired.
///
/// Memory grows with customers, products and different acquisitions (some 60 bytes each), not with other rows.
///
/// # Errors
/// The first wrong row, unless the data were opened leniently.
pub fn describe(
    data: &ShopData,
    top: usize,
    progress: &mut Progress,
) -> Result<Description, DataError> {
    let mut description = Description {
        shop: data.shop().clone(),
        ..Description::default()
    };
    progress.stage("reading touchpoints");
    let mut tally = Tally::default();
    for row in data.touchpoints()? {
        tally.add(&row?);
        progress.row();
    }
    tally.finish(&mut description, top);
    products(data, &mut description, progress)?;
    customers(data, &mut description, progress)?;
    delights(data, &mut description)?;
    held_out(data, &mut description, progress)?;
    let counts = [
        (Table::Touchpoints, tally.rows()),
        (Table::Products, description.products.listed),
        (Table::Customers, description.customers.listed),
    ];
    for (table, rows) in counts {
        if data.has_table(table) {
            description.rows.insert(table.name(), rows);
        }
    }
    count(data, Table::Served, &mut description, |data| {
        data.served().map(|rows| rows.map(|row| row.map(drop)))
    })?;
    count(data, Table::Boxes, &mut description, |data| {
        data.boxes().map(|rows| rows.map(|row| row.map(drop)))
    })?;
    count(data, Table::Stock, &mut description, |data| {
        data.stock().map(|rows| rows.map(|row| row.map(drop)))
    })?;
    for table in Table::ALL {
        let skipped = data.skipped(table);
        if skipped > 0 {
            description.skipped.insert(table.name(), skipped);
        }
    }
    description.notes = data.notes();
    Ok(description)
}

/// Counts the rows of a table about which nothing else is told.
fn count<I: Iterator<Item = Result<(), DataError>>>(
    data: &ShopData,
    table: Table,
    description: &mut Description,
    rows: impl FnOnce(&ShopData) -> Result<I, DataError>,
) -> Result<(), DataError> {
    if data.has_table(table) {
        let mut count = 0;
        for row in rows(data)? {
            row?;
            count += 1;
        }
        description.rows.insert(table.name(), count);
    }
    Ok(())
}

fn products(
    data: &ShopData,
    description: &mut Description,
    progress: &mut Progress,
) -> Result<(), DataError> {
    progress.stage("reading products");
    let mut titles: BTreeMap<&str, Option<String>> = description
        .top
        .iter()
        .map(|product| (product.product_id.as_str(), None))
        .collect();
    let mut categories = std::collections::HashSet::new();
    let about = &mut description.products;
    for product in data
        .product_rows()?
        .distinct("product_id", |p| &p.product_id)
    {
        let product = product?;
        progress.row();
        about.listed += 1;
        about.titled += u64::from(product.title.is_some());
        about.categorised += u64::from(product.category.is_some());
        about.priced += u64::from(product.price.is_some());
        about.variants += u64::from(product.parent_id.is_some());
        about.non_products += u64::from(product.is_non_product());
        categories.extend(product.category);
        if let Some(title) = titles.get_mut(product.product_id.as_str()) {
            *title = product.title;
        }
    }
    about.categories = categories.len() as u64;
    let mut titles: Vec<Option<String>> = description
        .top
        .iter()
        .map(|product| titles.get(product.product_id.as_str()).cloned().flatten())
        .collect();
    for (product, title) in description.top.iter_mut().zip(titles.drain(..)) {
        product.title = title;
    }
    Ok(())
}

fn customers(
    data: &ShopData,
    description: &mut Description,
    progress: &mut Progress,
) -> Result<(), DataError> {
    use crate::Purpose;
    progress.stage("reading customers");
    let mut facts: BTreeMap<String, u64> = BTreeMap::new();
    let mut refusals: BTreeMap<String, u64> = BTreeMap::new();
    for customer in data.customers()? {
        let customer = customer?;
        progress.row();
        description.customers.listed += 1;
        for fact in customer.facts {
            let name = match fact {
                Fact::Clock { clock, .. } => format!("clock {clock}"),
                Fact::Free { key, .. } => key,
            };
            *facts.entry(name).or_default() += 1;
        }
        for purpose in Purpose::ALL {
            if customer.consents.said(purpose) == Some(false) {
                *refusals.entry(purpose.as_str().to_owned()).or_default() += 1;
            }
        }
    }
    description.customers.facts = ranked(facts);
    description.customers.refusals = ranked(refusals);
    Ok(())
}

fn delights(data: &ShopData, description: &mut Description) -> Result<(), DataError> {
    if !data.has_table(Table::Delights) {
        return Ok(());
    }
    let names = ["surprised", "inspired", "again", "expected", "actual"];
    let mut sums = [(0.0, 0u64); 5];
    let mut rows = 0;
    for row in data.delights()? {
        let row = row?;
        rows += 1;
        let answers = [
            row.surprised,
            row.inspired,
            row.again,
            row.expected,
            row.actual,
        ];
        for (sum, answer) in sums.iter_mut().zip(answers) {
            if let Some(answer) = answer {
                sum.0 += answer;
                sum.1 += 1;
            }
        }
    }
    description.rows.insert(Table::Delights.name(), rows);
    description.delights = names
        .iter()
        .zip(sums)
        .filter(|(_, (_, count))| *count > 0)
        .map(|(name, (sum, count))| ((*name).to_owned(), sum / count as f64))
        .collect();
    Ok(())
}

fn held_out(
    data: &ShopData,
    description: &mut Description,
    progress: &mut Progress,
) -> Result<(), DataError> {
    if !data.has_table(Table::HeldOut) {
        return Ok(());
    }
    progress.stage("reading held_out");
    let mut rows = 0;
    let mut customers = std::collections::HashSet::new();
    for row in data.held_out()? {
        let row = row?;
        progress.row();
        rows += 1;
        if !customers.contains(&row.customer_id) {
            customers.insert(row.customer_id);
        }
    }
    description.rows.insert(Table::HeldOut.name(), rows);
    description.held_out_customers = customers.len() as u64;
    Ok(())
}
