//! What is told of a shop.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::directory::ShopInfo;

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
    pub(super) fn of(mut counts: Vec<u64>) -> Spread {
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
    /// Money by currency, where rows have a value; `""` = no currency is given.
    pub paid: BTreeMap<String, f64>,
}

/// What [`describe`](super::describe()) found.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Description {
    pub shop: ShopInfo,
    /// Rows of each table that is there.
    pub rows: BTreeMap<&'static str, u64>,
    /// Wrong rows that were skipped, by table.
    pub skipped: BTreeMap<&'static str, u64>,
    /// What reading found: rows skipped and why, forms of times, unlisted products, repeated rows.
    pub notes: Vec<String>,
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
pub(super) fn ranked(counts: impl IntoIterator<Item = (String, u64)>) -> Vec<Named> {
    let mut named: Vec<Named> = counts
        .into_iter()
        .map(|(name, count)| Named { name, count })
        .collect();
    named.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
    named
}
