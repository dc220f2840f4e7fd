//! Describing shop data: what a person wants to know first.

mod show;
mod tally;

use std::collections::BTreeMap;

use crate::Fact;
use serde::Serialize;

use crate::directory::{ShopData, ShopInfo};
use crate::error::DataError;
use crate::progress::Progress;
use crate::table::format::Table;
use tally::Tally;

/// A name with a count.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Named {
    pub name: String,
    pub count: u64,
}

/// Least, quartiles, 90th, 99th percentile and most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Spread {
    pub min: u64,
    pub p25: u64,
    pub median: u64,
    pub p75: u64,
    pub p90: u64,
    pub p99: u64,
    pub max: u64,
}

impl Spread {
    fn of(mut counts: Vec<u64>) -> Spread {
        counts.sort_unstable();
        let at = |share: f64| {
            let last = counts.len().saturating_sub(1);
            counts
                .get((share * last as f64).round() as usize)
                .copied()
                .unwrap_or(0)
        };
        Spread {
            min: at(0.0),
            p25: at(0.25),
            median: at(0.5),
            p75: at(0.75),
            p90: at(0.9),
            p99: at(0.99),
            max: at(1.0),
        }
    }
}

/// One of the products that most customers acquired.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TopProduct {
    pub product_id: String,
    /// Title, where there is one.
    pub title: Option<String>,
    /// Customers who bought, rated or kept it.
    pub customers: u64,
    /// Rows on it, of any kind.
    pub rows: u64,
}

/// The `products` table, or the products seen where there is none.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Products {
    /// Rows of the table; 0 without one.
    pub listed: u64,
    /// Products that touchpoints are about.
    pub touched: u64,
    /// With a title.
    pub titled: u64,
    /// With a category.
    pub categorised: u64,
    /// Different category paths.
    pub categories: u64,
    /// With a price.
    pub priced: u64,
    /// With a parent.
    pub variants: u64,
    /// Marked as postage, fees and the like.
    pub non_products: u64,
}

/// The `customers` table and the customers seen.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Customers {
    pub touched: u64,
    /// Rows of the table.
    pub listed: u64,
    /// Declared facts by clock type, or by key.
    pub facts: Vec<Named>,
    /// Customers who refused a purpose, by purpose.
    pub refusals: Vec<Named>,
    /// Touchpoints per customer.
    pub touchpoints: Spread,
    /// Orders per customer who ordered.
    pub orders: Spread,
}

/// What the acquisitions (purchases, ratings, kept boxes) look like.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Acquisitions {
    pub rows: u64,
    /// Different pairs of customer and product.
    pub pairs: u64,
    /// Share of pairs that are not there: 1 − pairs / (customers × products).
    pub sparsity: f64,
    /// Share of acquisitions (customer, product, order) of a product that the customer acquired in another order too,
    /// the first time not counted.
    pub repeat_share: f64,
    /// Orders: baskets, or days without basket ids, or rows without times.
    pub orders: u64,
    /// Different products per order, on average.
    pub order_size: f64,
    /// Money, where rows have a value.
    pub value: Option<f64>,
}

/// What [`describe`] found.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Description {
    pub shop: ShopInfo,
    /// Rows of each table that is there.
    pub rows: BTreeMap<&'static str, u64>,
    /// Wrong rows that were skipped, by table.
    pub skipped: BTreeMap<&'static str, u64>,
    /// First and last touchpoint, RFC 3339.
    pub span: Option<(String, String)>,
    pub customers: Customers,
    pub products: Products,
    /// Touchpoints by kind, most frequent first.
    pub kinds: Vec<Named>,
    /// Touchpoints by channel, most frequent first; `""` = none given.
    pub channels: Vec<Named>,
    /// Acquisitions by known customers.
    pub acquisitions: Acquisitions,
    /// Baskets without a customer.
    pub anonymous_baskets: u64,
    /// Rows of them.
    pub anonymous_rows: u64,
    /// Baskets that pool the orders of many people.
    pub pooled_baskets: u64,
    /// Rows of them.
    pub pooled_rows: u64,
    /// Customers with rows in `held_out`.
    pub held_out_customers: u64,
    /// Products with the most customers.
    pub top: Vec<TopProduct>,
    /// Mean of what customers said of surprises, 1 to 5.
    pub delights: Vec<(String, f64)>,
}

/// Counts a list of names, most frequent first and then by name.
fn ranked(counts: impl IntoIterator<Item = (String, u64)>) -> Vec<Named> {
    let mut named: Vec<Named> = counts
        .into_iter()
        .map(|(name, count)| Named { name, count })
        .collect();
    named.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
    named
}

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
    for customer in data
        .customers()?
        .distinct("customer_id", |c| &c.customer_id)
    {
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
