//! 84.51° Complete Journey: a grocer's transactions with campaigns, coupons and households.
//!
//! - A transaction line is a `purchase` in channel `store`; `value` is what the shop was paid.
//! - A household in a campaign got a `mailer` on the campaign's first day; a redemption is a `coupon_redeemed`.
//! - Demographics become free facts of the household.
//! - Promotions are about products and stores, not about households: they are left out.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;
use serendib_shop::{
    directory::ShopInfo, table::write::TableWriter, table::Table, time::Zone, Customer, DataError,
    Fact, Product, Touchpoint,
};

use super::input::{find, find_optional, may, must, Delimited};
use super::Job;

const TIME_ZONE: &str = "America/New_York";

fn is_csv<'a>(prefix: &'a str) -> impl Fn(&str) -> bool + 'a {
    move |name| name.starts_with(prefix) && name.ends_with(".csv")
}

pub(super) fn import(job: &mut Job<'_>) -> Result<(), DataError> {
    let zone = Zone::named(TIME_ZONE).unwrap_or_default();
    let columns = [
        "customer_id",
        "kind",
        "product_id",
        "channel",
        "at",
        "quantity",
        "value",
        "basket_id",
        "campaign_id",
        "attributes",
    ];
    let mut table = job.shop.table_with(Table::Touchpoints, &columns)?;
    let mut seen = transactions(job, zone, &mut table)?;
    seen.extend(campaigns(job, zone, &mut table)?);
    job.report.count("touchpoints", table.finish()?);
    products(job, seen)?;
    demographics(job)?;
    job.shop.shop(&ShopInfo {
        currency: Some("USD".into()),
        time_zone: Some(TIME_ZONE.into()),
        locale: Some("en-US".into()),
        ..ShopInfo::default()
    })
}

/// Writes the purchases; returns the products bought.
fn transactions(
    job: &mut Job<'_>,
    zone: Zone,
    table: &mut TableWriter,
) -> Result<Vec<String>, DataError> {
    let path = find(
        job.from,
        "transactions (transactions….csv)",
        is_csv("transactions"),
    )?;
    job.progress.stage("importing transactions");
    let mut rows = Delimited::open(
        &path,
        b',',
        &[
            must(&["household_id"]),
            must(&["basket_id"]),
            must(&["product_id"]),
            must(&["quantity"]),
            must(&["sales_value"]),
            must(&["transaction_timestamp"]),
            may(&["store_id"]),
        ],
    )?;
    let (mut seen, mut order) = (HashSet::new(), Vec::new());
    let (mut households, mut baskets) = (HashSet::new(), HashSet::new());
    let mut lines = 0u64;
    while rows.advance()? {
        job.progress.row();
        lines += 1;
        let product = rows.required(2)?;
        if seen.insert(product.to_owned()) {
            order.push(product.to_owned());
        }
        households.insert(rows.required(0)?.to_owned());
        baskets.insert(rows.required(1)?.to_owned());
        let mut row = Touchpoint {
            product_id: Some(product.to_owned()),
            channel: Some("store".into()),
            at: Some(rows.time(5, zone)?),
            quantity: rows.number(3)?,
            value: Some(rows.number(4)?),
            basket_id: Some(rows.required(1)?.to_owned()),
            ..Touchpoint::new(rows.required(0)?, "purchase")
        };
        if let Some(store) = rows.text(6)? {
            row.attributes.insert("store_id".into(), store.into());
        }
        table
            .touchpoint(&row)
            .map_err(|error| error.blame(&rows.place()))?;
    }
    job.report.count("transaction lines", lines);
    job.report
        .count("households with transactions", households.len());
    job.report.count("baskets", baskets.len());
    Ok(order)
}

/// Writes mailers and redeemed coupons; returns the products that coupons name.
fn campaigns(
    job: &mut Job<'_>,
    zone: Zone,
    table: &mut TableWriter,
) -> Result<Vec<String>, DataError> {
    let mut named = Vec::new();
    job.progress.stage("importing campaigns");
    let mut starts: HashMap<String, (i64, Option<String>)> = HashMap::new();
    if let Some(path) = find_optional(
        job.from,
        "campaign descriptions",
        is_csv("campaign_descriptions"),
    )? {
        let mut rows = Delimited::open(
            &path,
            b',',
            &[
                must(&["campaign_id"]),
                must(&["start_date"]),
                may(&["campaign_type"]),
            ],
        )?;
        while rows.advance()? {
            let about = (rows.time(1, zone)?, rows.text(2)?.map(str::to_owned));
            starts.insert(rows.required(0)?.to_owned(), about);
        }
    }
    if let Some(path) = find_optional(job.from, "campaigns", is_csv("campaigns"))? {
        let mut rows = Delimited::open(
            &path,
            b',',
            &[must(&["campaign_id"]), must(&["household_id"])],
        )?;
        let mut mailers = 0u64;
        while rows.advance()? {
            job.progress.row();
            let campaign = rows.required(0)?;
            let Some((start, kind)) = starts.get(campaign) else {
                return Err(rows.wrong(0, format!("campaign {campaign} has no description")));
            };
            let mut row = Touchpoint {
                at: Some(*start),
                campaign_id: Some(campaign.to_owned()),
                ..Touchpoint::new(rows.required(1)?, "mailer")
            };
            if let Some(kind) = kind {
                row.attributes
                    .insert("campaign_type".into(), kind.as_str().into());
            }
            mailers += 1;
            table
                .touchpoint(&row)
                .map_err(|error| error.blame(&rows.place()))?;
        }
        job.report.count("mailers", mailers);
    }
    let only_product = coupons(job)?;
    if let Some(path) = find_optional(job.from, "redemptions", is_csv("coupon_redemptions"))? {
        let mut rows = Delimited::open(
            &path,
            b',',
            &[
                must(&["household_id"]),
                must(&["coupon_upc"]),
                must(&["campaign_id"]),
                must(&["redemption_date"]),
            ],
        )?;
        let mut redeemed = 0u64;
        while rows.advance()? {
            job.progress.row();
            let coupon = rows.required(1)?;
            let mut row = Touchpoint {
                at: Some(rows.time(3, zone)?),
                product_id: only_product.get(coupon).cloned().flatten(),
                campaign_id: Some(rows.required(2)?.to_owned()),
                ..Touchpoint::new(rows.required(0)?, "coupon_redeemed")
            };
            row.attributes.insert("coupon_upc".into(), coupon.into());
            redeemed += 1;
            named.extend(row.product_id.clone());
            table
                .touchpoint(&row)
                .map_err(|error| error.blame(&rows.place()))?;
        }
        job.report.count("coupons redeemed", redeemed);
    }
    Ok(named)
}

/// The product of each coupon that is good for one product only.
fn coupons(job: &mut Job<'_>) -> Result<HashMap<String, Option<String>>, DataError> {
    let mut only: HashMap<String, Option<String>> = HashMap::new();
    let Some(path) = find_optional(job.from, "coupons", is_csv("coupons"))? else {
        return Ok(only);
    };
    let mut rows = Delimited::open(&path, b',', &[must(&["coupon_upc"]), must(&["product_id"])])?;
    while rows.advance()? {
        job.progress.row();
        let product = rows.required(1)?;
        only.entry(rows.required(0)?.to_owned())
            .and_modify(|known| {
                if known.as_deref() != Some(product) {
                    *known = None;
                }
            })
            .or_insert_with(|| Some(product.to_owned()));
    }
    Ok(only)
}

/// Writes the catalogue, with the products that only transactions know at its end.
fn products(job: &mut Job<'_>, seen: Vec<String>) -> Result<(), DataError> {
    let Some(path) = find_optional(job.from, "products", is_csv("products"))? else {
        return Ok(());
    };
    job.progress.stage("importing products");
    let columns = ["product_id", "title", "category", "brand", "attributes"];
    let mut table = job.shop.table_with(Table::Products, &columns)?;
    let mut rows = Delimited::open(
        &path,
        b',',
        &[
            must(&["product_id"]),
            may(&["department"]),
            may(&["product_category"]),
            may(&["product_type"]),
            may(&["brand"]),
            may(&["package_size"]),
            may(&["manufacturer_id"]),
        ],
    )?;
    let mut known = HashSet::new();
    while rows.advance()? {
        job.progress.row();
        let path: Vec<String> = [rows.text(1)?, rows.text(2)?, rows.text(3)?]
            .into_iter()
            .map_while(|part| part.map(|part| part.replace('/', "-")))
            .collect();
        let title = match (rows.text(3)?.or(rows.text(2)?), rows.text(5)?) {
            (Some(what), Some(size)) => Some(format!("{what}, {size}")),
            (Some(what), None) => Some(what.to_owned()),
            (None, _) => None,
        };
        let mut attributes: BTreeMap<String, Value> = BTreeMap::new();
        for (column, name) in [(5, "package_size"), (6, "manufacturer_id")] {
            if let Some(text) = rows.text(column)? {
                attributes.insert(name.into(), text.into());
            }
        }
        let product = Product {
            title,
            category: Some(path.join("/")).filter(|path| !path.is_empty()),
            brand: rows.text(4)?.map(str::to_owned),
            attributes,
            ..Product::bare(rows.required(0)?)
        };
        known.insert(product.product_id.clone());
        table
            .product(&product)
            .map_err(|error| error.blame(&rows.place()))?;
    }
    let mut bare = 0u64;
    for id in seen {
        if known.insert(id.clone()) {
            bare += 1;
            table.product(&Product::bare(id))?;
        }
    }
    job.report.count("products", table.finish()?);
    job.report
        .count("products known from transactions only", bare);
    Ok(())
}

fn demographics(job: &mut Job<'_>) -> Result<(), DataError> {
    let Some(path) = find_optional(job.from, "demographics", is_csv("demographics"))? else {
        return Ok(());
    };
    const FACTS: [&str; 7] = [
        "age",
        "income",
        "home_ownership",
        "marital_status",
        "household_size",
        "household_comp",
        "kids_count",
    ];
    let mut rows = Delimited::open(
        &path,
        b',',
        &[
            must(&["household_id"]),
            may(&["age"]),
            may(&["income"]),
            may(&["home_ownership"]),
            may(&["marital_status"]),
            may(&["household_size"]),
            may(&["household_comp"]),
            may(&["kids_count"]),
        ],
    )?;
    let mut table = job
        .shop
        .table_with(Table::Customers, &["customer_id", "facts"])?;
    while rows.advance()? {
        let mut facts = Vec::new();
        for (ix, key) in FACTS.iter().enumerate() {
            if let Some(value) = rows.text(ix + 1)? {
                facts.push(Fact::Free {
                    key: (*key).to_owned(),
                    value: value.into(),
                });
            }
        }
        let customer = Customer {
            customer_id: rows.required(0)?.to_owned(),
            facts,
            ..Customer::default()
        };
        table
            .customer(&customer)
            .map_err(|error| error.blame(&rows.place()))?;
    }
    job.report
        .count("households with demographics", table.finish()?);
    Ok(())
}
