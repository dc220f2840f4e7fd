//! UCI Online Retail (both editions): one row per invoice line of a British gift shop.
//!
//! - An invoice that begins with C is a cancellation: kind `cancel`, its quantity made positive.
//! - Rows without a customer are anonymous baskets.
//! - An invoice that holds the code DOT pools the orders of many web customers: `pooled` on each of its rows.
//! - Codes of postage, fees and corrections are products marked `non_product`.
//! - Stock corrections (no customer, nothing paid or a negative quantity) and bad debts are no contacts with a customer:
//!   left out and counted, and so are codes that stand on nothing else.
//! - Codes are upper-cased, as clerks typed both; five digits with different letters are variants of one parent.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

use serde_json::Value;
use serendib_shop::{
    directory::ShopInfo,
    noise::{NON_PRODUCT, POOLED},
    table::Table,
    time::Zone,
    Customer, DataError, Product, Touchpoint,
};

use super::input::{find, may, must, Delimited, Wanted};
use super::Job;

const WANTED: [Wanted; 8] = [
    must(&["InvoiceNo", "Invoice"]),
    must(&["StockCode"]),
    may(&["Description"]),
    must(&["Quantity"]),
    must(&["InvoiceDate"]),
    must(&["UnitPrice", "Price"]),
    must(&["CustomerID", "Customer ID"]),
    may(&["Country"]),
];
const INVOICE: usize = 0;
const CODE: usize = 1;
const DESCRIPTION: usize = 2;
const QUANTITY: usize = 3;
const DATE: usize = 4;
const PRICE: usize = 5;
const CUSTOMER: usize = 6;
const COUNTRY: usize = 7;

/// Codes that are no things: postage, carriage, manual entries, samples, discounts, fees, bad debts, tests.
const NON_PRODUCTS: [&str; 15] = [
    "POST",
    "DOT",
    "M",
    "C2",
    "C3",
    "D",
    "S",
    "B",
    "BANK CHARGES",
    "AMAZONFEE",
    "CRUK",
    "ADJUST",
    "ADJUST2",
    "TEST001",
    "TEST002",
];

const TIME_ZONE: &str = "Europe/London";

/// The code of pooled web orders' postage.
const POOLED_CODE: &str = "DOT";

/// One invoice line.
struct Line {
    invoice: String,
    code: String,
    description: Option<String>,
    quantity: f64,
    price: f64,
    customer: Option<String>,
}

impl Line {
    fn read(rows: &Delimited) -> Result<Line, DataError> {
        // spreadsheets turn the customer's number into a decimal
        let customer = rows.text(CUSTOMER)?;
        let customer = customer.map(|id| id.strip_suffix(".0").unwrap_or(id).to_owned());
        Ok(Line {
            invoice: rows.required(INVOICE)?.to_owned(),
            code: rows.required(CODE)?.to_uppercase(),
            description: rows
                .text(DESCRIPTION)?
                .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" ")),
            quantity: rows.number(QUANTITY)?,
            price: rows.number(PRICE)?,
            customer,
        })
    }

    fn is_cancel(&self) -> bool {
        self.invoice.starts_with(['C', 'c'])
    }

    fn is_sale(&self) -> bool {
        !self.is_cancel() && self.quantity > 0.0 && self.price > 0.0
    }

    /// Whether the line books the shop's own affairs, with no customer behind it.
    fn is_correction(&self, is_pooled: bool) -> bool {
        let bad_debt = self.invoice.starts_with(['A', 'a']);
        let stock = self.customer.is_none()
            && !self.is_cancel()
            && (self.quantity < 0.0 || (self.price <= 0.0 && !is_pooled));
        bad_debt || stock
    }
}

/// What the lines say about one code.
#[derive(Default)]
struct Code {
    /// Titles on lines that were sold, and on others that look like titles.
    sold: BTreeMap<String, u64>,
    other: BTreeMap<String, u64>,
    /// Prices in tenths of a penny, outside pooled orders and inside.
    prices: BTreeMap<u64, u64>,
    pooled_prices: BTreeMap<u64, u64>,
    spellings: BTreeSet<String>,
    /// Whether it stands on anything but corrections.
    touched: bool,
}

/// The key with the highest count; the first of equals.
fn most_frequent<K: Clone + Ord>(counts: &BTreeMap<K, u64>) -> Option<K> {
    let best = counts.values().max()?;
    counts
        .iter()
        .find(|(_, count)| *count == best)
        .map(|(key, _)| key.clone())
}

/// Whether a description outside sales is a title and no clerk's note: titles of this shop are upper case.
fn looks_like_title(text: &str) -> bool {
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let upper = text.chars().filter(|c| c.is_uppercase()).count();
    letters >= 4 && upper * 10 >= letters * 8
}

/// `85123A` → `85123`: the number that the variants of one thing share.
fn parent_of(code: &str) -> Option<&str> {
    let digits = code.bytes().take_while(u8::is_ascii_digit).count();
    let suffix = &code[digits..];
    let is_variant = digits == 5
        && (1..=2).contains(&suffix.len())
        && suffix.bytes().all(|b| b.is_ascii_alphabetic());
    is_variant.then(|| &code[..digits])
}

pub(super) fn import(job: &mut Job<'_>) -> Result<(), DataError> {
    let path = find(job.from, "invoice file (.csv)", |name| {
        !job.from.is_dir() || name.to_ascii_lowercase().ends_with(".csv")
    })?;
    let zone = Zone::named(TIME_ZONE).unwrap_or_default();

    job.progress.stage("looking for pooled invoices");
    let pooled = pooled_invoices(job, &path)?;
    let mut codes: BTreeMap<String, Code> = BTreeMap::new();
    let mut order: Vec<String> = Vec::new();
    let mut customers: HashMap<String, Country> = HashMap::new();
    let mut customer_order: Vec<String> = Vec::new();
    let (mut rows_read, mut cancellations, mut pooled_rows, mut corrections) =
        (0u64, 0u64, 0u64, 0u64);
    let (mut anonymous_rows, mut non_product_rows) = (0u64, 0u64);
    let mut anonymous: HashSet<String> = HashSet::new();

    job.progress.stage("importing invoices");
    let mut touchpoints = job.shop.table_with(
        Table::Touchpoints,
        &[
            "customer_id",
            "kind",
            "product_id",
            "at",
            "quantity",
            "value",
            "basket_id",
            "attributes",
        ],
    )?;
    let mut rows = Delimited::open(&path, b',', &WANTED)?;
    while rows.advance()? {
        job.progress.row();
        rows_read += 1;
        let line = Line::read(&rows)?;
        let is_pooled = pooled.contains(&line.invoice);
        let code = codes.entry(line.code.clone()).or_default();
        code.spellings.insert(rows.required(CODE)?.to_owned());
        code.learn(&line, is_pooled);
        if line.is_correction(is_pooled) {
            corrections += 1;
            continue;
        }
        if !std::mem::replace(&mut code.touched, true) {
            order.push(line.code.clone());
        }
        let mut row = Touchpoint {
            product_id: Some(line.code.clone()),
            at: Some(rows.time(DATE, zone)?),
            quantity: line.quantity.abs(),
            value: Some((line.quantity * line.price).abs()),
            basket_id: Some(line.invoice.clone()),
            ..Touchpoint::new(
                line.customer.clone().unwrap_or_default(),
                if line.is_cancel() {
                    "cancel"
                } else {
                    "purchase"
                },
            )
        };
        cancellations += u64::from(line.is_cancel());
        non_product_rows += u64::from(NON_PRODUCTS.contains(&line.code.as_str()));
        if is_pooled {
            pooled_rows += 1;
            row.attributes.insert(POOLED.into(), Value::Bool(true));
        }
        match &line.customer {
            None => {
                anonymous_rows += 1;
                anonymous.insert(line.invoice.clone());
            }
            Some(id) => {
                let country = customers.entry(id.clone()).or_insert_with(|| {
                    customer_order.push(id.clone());
                    Country::default()
                });
                if let Some(name) = rows.text(COUNTRY)? {
                    *country.0.entry(name.to_owned()).or_default() += 1;
                }
            }
        }
        touchpoints
            .touchpoint(&row)
            .map_err(|error| error.blame(&rows.place()))?;
    }
    let written = touchpoints.finish()?;

    write_products(job, &order, &codes)?;
    let mut table = job
        .shop
        .table_with(Table::Customers, &["customer_id", "attributes"])?;
    for id in &customer_order {
        let mut customer = Customer {
            customer_id: id.clone(),
            ..Customer::default()
        };
        if let Some(country) = most_frequent(&customers[id].0) {
            customer.attributes.insert("country".into(), country.into());
        }
        table.customer(&customer)?;
    }
    table.finish()?;
    job.shop.shop(&ShopInfo {
        currency: Some("GBP".into()),
        time_zone: Some(TIME_ZONE.into()),
        locale: Some("en-GB".into()),
        ..ShopInfo::default()
    })?;

    let merged: usize = codes.values().map(|code| code.spellings.len() - 1).sum();
    let non_products = order
        .iter()
        .filter(|code| NON_PRODUCTS.contains(&code.as_str()))
        .count();
    let report = &mut job.report;
    report.count("rows read", rows_read);
    report.count("touchpoints", written);
    report.count("customers", customer_order.len());
    report.count("products", order.len());
    report.count(
        "codes that only stand on stock corrections, left out",
        codes.len() - order.len(),
    );
    report.count("rows of cancellations", cancellations);
    report.count("anonymous baskets", anonymous.len());
    report.count("rows of anonymous baskets", anonymous_rows);
    report.count("pooled invoices", pooled.len());
    report.count("rows of pooled invoices", pooled_rows);
    report.count("codes that are no products", non_products);
    report.count("rows on them", non_product_rows);
    report.count("codes merged that differ in case only", merged);
    report.count("stock corrections and bad debts left out", corrections);
    Ok(())
}

#[derive(Default)]
struct Country(BTreeMap<String, u64>);

fn pooled_invoices(job: &mut Job<'_>, path: &Path) -> Result<HashSet<String>, DataError> {
    let mut pooled = HashSet::new();
    let mut rows = Delimited::open(path, b',', &WANTED)?;
    while rows.advance()? {
        job.progress.row();
        if rows.required(CODE)?.eq_ignore_ascii_case(POOLED_CODE) {
            pooled.insert(rows.required(INVOICE)?.to_owned());
        }
    }
    Ok(pooled)
}

impl Code {
    fn learn(&mut self, line: &Line, is_pooled: bool) {
        if let Some(text) = &line.description {
            if line.is_sale() {
                *self.sold.entry(text.clone()).or_default() += 1;
            } else if looks_like_title(text) {
                *self.other.entry(text.clone()).or_default() += 1;
            }
        }
        if line.is_sale() {
            let prices = if is_pooled {
                &mut self.pooled_prices
            } else {
                &mut self.prices
            };
            *prices
                .entry((line.price * 1000.0).round() as u64)
                .or_default() += 1;
        }
    }
}

fn write_products(
    job: &mut Job<'_>,
    order: &[String],
    codes: &BTreeMap<String, Code>,
) -> Result<(), DataError> {
    let mut families: HashMap<&str, usize> = HashMap::new();
    for parent in order.iter().filter_map(|code| parent_of(code)) {
        *families.entry(parent).or_default() += 1;
    }
    let mut table = job.shop.table_with(
        Table::Products,
        &[
            "product_id",
            "title",
            "price",
            "parent_id",
            "variant",
            "attributes",
        ],
    )?;
    let (mut titled, mut priced, mut variants) = (0u64, 0u64, 0u64);
    for id in order {
        let code = &codes[id];
        let mut product = Product {
            title: most_frequent(&code.sold).or_else(|| most_frequent(&code.other)),
            price: most_frequent(&code.prices)
                .or_else(|| most_frequent(&code.pooled_prices))
                .map(|tenths| tenths as f64 / 1000.0),
            ..Product::bare(id.as_str())
        };
        if let Some(parent) = parent_of(id).filter(|parent| families[parent] > 1) {
            product.parent_id = Some(parent.to_owned());
            product.variant = Some(id[parent.len()..].to_owned());
            variants += 1;
        }
        if NON_PRODUCTS.contains(&id.as_str()) {
            product
                .attributes
                .insert(NON_PRODUCT.into(), Value::Bool(true));
        }
        titled += u64::from(product.title.is_some());
        priced += u64::from(product.price.is_some());
        table.product(&product)?;
    }
    table.finish()?;
    job.report.count("products with a title", titled);
    job.report.count("products with a price", priced);
    job.report.count("products that are variants", variants);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_are_five_digits_with_other_letters() {
        assert_eq!(parent_of("85123A"), Some("85123"));
        assert_eq!(parent_of("15056BL"), Some("15056"));
        assert_eq!(parent_of("85123"), None);
        assert_eq!(parent_of("DCGS0003"), None);
        assert_eq!(parent_of("POST"), None);
        assert_eq!(parent_of("22423é"), None);
    }

    #[test]
    fn notes_of_clerks_are_no_titles() {
        for note in [
            "?",
            "damaged",
            "Found",
            "wrongly coded 20713",
            "check",
            "???lost",
            "amazon",
        ] {
            assert!(!looks_like_title(note), "{note}");
        }
        assert!(looks_like_title("BAG 500g SWIRLY MARBLES"));
        assert!(looks_like_title("WHITE METAL LANTERN"));
    }
}
