//! Tianchi Mum&Baby: orders of baby products, and the birth dates of some children.
//!
//! A birth becomes the fact `{"clock": "child", "anchor": "2013-02-11"}`, as declared: births long before or after the
//! purchases are counted and kept, since a shop's own customers would declare such dates as well. Several births of one
//! customer are several facts.

use std::collections::{HashMap, HashSet};

use serendib_shop::{
    directory::ShopInfo,
    table::Table,
    time::{parse_time, Zone},
    Customer, DataError, Fact, Product, Touchpoint, DAY_MS,
};

use super::input::{find, find_optional, may, must, Delimited};
use super::Job;

const TIME_ZONE: &str = "Asia/Shanghai";

/// `20140919` → `2014-09-19`.
fn iso_day(digits: &str) -> Option<String> {
    let is_day = digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let day = is_day.then(|| format!("{}-{}-{}", &digits[..4], &digits[4..6], &digits[6..]))?;
    parse_time(&day, Zone::default()).map(|_| day)
}

fn day(rows: &Delimited, column: usize) -> Result<String, DataError> {
    let text = rows.required(column)?;
    iso_day(text).ok_or_else(|| rows.wrong(column, format!("{text:?} is not a day YYYYMMDD")))
}

pub(super) fn import(job: &mut Job<'_>) -> Result<(), DataError> {
    let is_dir = job.from.is_dir();
    let path = find(job.from, "trade history (.csv)", |name| {
        !is_dir || (name.contains("trade_history") && name.ends_with(".csv"))
    })?;
    let zone = Zone::named(TIME_ZONE).unwrap_or_default();
    let columns = ["customer_id", "kind", "product_id", "at", "quantity"];
    job.progress.stage("importing trades");
    let mut table = job.shop.table_with(Table::Touchpoints, &columns)?;
    let mut products: Vec<Product> = Vec::new();
    let mut seen: HashSet<String> = HashSet::new();
    let mut span: HashMap<String, (i64, i64)> = HashMap::new();
    let mut rows = Delimited::open(
        &path,
        b',',
        &[
            must(&["user_id"]),
            must(&["auction_id"]),
            must(&["category_2", "cat_id"]),
            must(&["category_1", "cat1"]),
            must(&["buy_mount"]),
            must(&["day"]),
        ],
    )?;
    while rows.advance()? {
        job.progress.row();
        let product = rows.required(1)?;
        let midnight = parse_time(&day(&rows, 5)?, zone);
        let row = Touchpoint {
            product_id: Some(product.to_owned()),
            at: midnight,
            quantity: rows.number(4)?,
            ..Touchpoint::new(rows.required(0)?, "purchase")
        };
        if seen.insert(product.to_owned()) {
            // an auction listed in several categories keeps its first
            products.push(Product {
                category: Some(format!("{}/{}", rows.required(3)?, rows.required(2)?)),
                ..Product::bare(product)
            });
        }
        if let Some(at) = midnight {
            let (first, last) = span.entry(row.customer_id.clone()).or_insert((at, at));
            *first = at.min(*first);
            *last = at.max(*last);
        }
        table
            .touchpoint(&row)
            .map_err(|error| error.blame(&rows.place()))?;
    }
    job.report.count("trades", table.finish()?);
    job.report.count("customers", span.len());
    job.report.count("products", products.len());
    let mut table = job
        .shop
        .table_with(Table::Products, &["product_id", "category"])?;
    for product in &products {
        table.product(product)?;
    }
    table.finish()?;

    let births = find_optional(job.from, "births", |name| {
        is_dir
            && name.ends_with(".csv")
            && (name.contains("birth")
                || name.contains("(sample)baby")
                || name.contains("mum_baby.csv"))
    })?;
    if let Some(path) = births {
        let mut rows = Delimited::open(
            &path,
            b',',
            &[must(&["user_id"]), must(&["birthday"]), may(&["gender"])],
        )?;
        let mut parents = Parents::default();
        let (mut strange, mut strangers) = (0u64, 0u64);
        while rows.advance()? {
            let anchor = day(&rows, 1)?;
            let id = rows.required(0)?;
            let birth = parse_time(&anchor, zone).unwrap_or_default();
            match span.get(id) {
                None => strangers += u64::from(!parents.knows(id)),
                Some((first, last)) => {
                    let (youngest, oldest) = (first - birth, last - birth);
                    strange += u64::from(youngest < -280 * DAY_MS || oldest > 12 * 365 * DAY_MS);
                }
            }
            // 0 = girl, 1 = boy, 2 = not said
            let gender = match rows.text(2)? {
                Some("0") => Some("female"),
                Some("1") => Some("male"),
                _ => None,
            };
            parents.add(id, anchor, gender);
        }
        let mut table = job
            .shop
            .table_with(Table::Customers, &["customer_id", "facts", "attributes"])?;
        for parent in &parents.list {
            table.customer(parent)?;
        }
        job.report
            .count("customers with a birth date", table.finish()?);
        job.report.count("of them without a trade", strangers);
        job.report.count(
            "births more than 280 days after or 12 years before a trade, kept",
            strange,
        );
    }
    job.shop.shop(&ShopInfo {
        currency: Some("CNY".into()),
        time_zone: Some(TIME_ZONE.into()),
        ..ShopInfo::default()
    })
}

/// One row for each customer, however many births they have, in order of their first.
#[derive(Default)]
struct Parents {
    list: Vec<Customer>,
    of: HashMap<String, usize>,
}

impl Parents {
    fn knows(&self, id: &str) -> bool {
        self.of.contains_key(id)
    }

    fn add(&mut self, id: &str, anchor: String, gender: Option<&str>) {
        let at = *self.of.entry(id.to_owned()).or_insert_with(|| {
            self.list.push(Customer {
                customer_id: id.to_owned(),
                ..Customer::default()
            });
            self.list.len() - 1
        });
        let customer = &mut self.list[at];
        let fact = Fact::Clock {
            clock: "child".into(),
            anchor,
            name: None,
            kind: None,
        };
        if customer.facts.contains(&fact) {
            return;
        }
        // The attribute is of the customer's children together: of a girl and a boy it would be wrong for one of them.
        let attributes = &mut customer.attributes;
        let alike = attributes.get("child_gender").and_then(|g| g.as_str()) == gender;
        match gender {
            Some(gender) if customer.facts.is_empty() => {
                attributes.insert("child_gender".into(), gender.into());
            }
            _ if !alike => {
                attributes.remove("child_gender");
            }
            _ => {}
        }
        customer.facts.push(fact);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_checked() {
        assert_eq!(iso_day("20140919").as_deref(), Some("2014-09-19"));
        for wrong in ["20140231", "2014091", "2014-9-1", "２０１４０９１９"] {
            assert_eq!(iso_day(wrong), None, "{wrong}");
        }
    }
}
