//! Counting touchpoints as they stream by.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use crate::{Interner, Kind, Kinds, Touchpoint, DAY_MS};

use super::description::{ranked, Acquisitions, Description, Spread, TopProduct};
use crate::basket_hash;
use crate::money::{currency_named, currency_of};
use crate::noise::is_pooled;
use crate::time::format_time;

/// Keys here are well mixed already.
#[derive(Default)]
struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = mix(self.0 ^ u64::from(*byte));
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

type Keys = HashSet<u64, BuildHasherDefault<Mixed>>;

fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[derive(Default, Clone)]
struct ProductCount {
    rows: u64,
    customers: u64,
}

#[derive(Default)]
pub(super) struct Tally {
    rows: u64,
    kinds: HashMap<String, u64>,
    channels: HashMap<String, u64>,
    span: Option<(i64, i64)>,
    customers: Interner,
    per_customer: Vec<u64>,
    orders_per_customer: HashMap<u32, u64>,
    products: Interner,
    per_product: Vec<ProductCount>,
    acquired: u64,
    /// Customer and product.
    pairs: Keys,
    /// Customer, product and order.
    lines: Keys,
    /// Customer and order.
    orders: Keys,
    /// Money by currency; `""` = the shop's.
    values: BTreeMap<String, f64>,
    /// Kinds by name, as they are read.
    names: Kinds,
    anonymous: Keys,
    anonymous_rows: u64,
    pooled: Keys,
    pooled_rows: u64,
}

/// Adds one to the count of `name` without copying a name that is there; the rest after 1,000 names is one.
fn bump(counts: &mut HashMap<String, u64>, name: &str) {
    if let Some(count) = counts.get_mut(name) {
        *count += 1;
    } else if counts.len() < 1000 {
        counts.insert(name.to_owned(), 1);
    } else {
        *counts.entry("(others)".to_owned()).or_default() += 1;
    }
}

impl Tally {
    pub(super) fn add(&mut self, row: &Touchpoint) {
        self.rows += 1;
        let kind = self.names.get(&row.kind);
        bump(
            &mut self.kinds,
            kind.map_or(&row.kind, |kind| self.names.name(kind)),
        );
        bump(&mut self.channels, row.channel.as_deref().unwrap_or(""));
        if let Some(at) = row.at {
            let (first, last) = self.span.unwrap_or((at, at));
            self.span = Some((first.min(at), last.max(at)));
        }
        let basket = row.basket_id.as_deref().map(basket_hash);
        if is_pooled(row) {
            self.pooled_rows += 1;
            self.pooled.extend(basket.map(mix));
        }
        let product = row.product_id.as_deref().map(|id| {
            let ix = self.products.intern(id);
            let slot = ix as usize;
            if slot == self.per_product.len() {
                self.per_product.push(ProductCount::default());
            }
            self.per_product[slot].rows += 1;
            ix
        });
        if row.customer_id.is_empty() {
            self.anonymous_rows += 1;
            self.anonymous.extend(basket.map(mix));
            return;
        }
        let customer = self.customers.intern(&row.customer_id);
        if customer as usize == self.per_customer.len() {
            self.per_customer.push(0);
        }
        self.per_customer[customer as usize] += 1;
        let acquires = kind.is_some_and(Kind::acquires);
        let (Some(product), true) = (product, acquires) else {
            return;
        };
        self.acquired += 1;
        if let Some(value) = row.value {
            let currency = currency_of(row).unwrap_or_default();
            match self.values.get_mut(currency.as_ref()) {
                Some(sum) => *sum += value,
                None => {
                    self.values.insert(currency.into_owned(), value);
                }
            }
        }
        let order = match (basket, row.at) {
            (Some(basket), _) => basket,
            (None, Some(at)) => mix(at.div_euclid(DAY_MS) as u64),
            (None, None) => mix(self.rows.wrapping_add(1 << 40)),
        };
        let pair = mix(u64::from(customer) << 32 | u64::from(product));
        if self.pairs.insert(pair) {
            self.per_product[product as usize].customers += 1;
        }
        self.lines.insert(mix(pair ^ order.rotate_left(17)));
        if self
            .orders
            .insert(mix(order ^ mix(u64::from(customer) + 1)))
        {
            match self.orders_per_customer.entry(customer) {
                Entry::Occupied(mut slot) => *slot.get_mut() += 1,
                Entry::Vacant(slot) => {
                    slot.insert(1);
                }
            }
        }
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn finish(&self, description: &mut Description, top: usize) {
        description.span = self
            .span
            .map(|(first, last)| (format_time(first), format_time(last)));
        description.kinds = ranked(self.kinds.clone());
        description.channels = ranked(self.channels.clone());
        description.customers.touched = self.customers.len() as u64;
        description.customers.touchpoints = Spread::of(self.per_customer.clone());
        description.customers.orders =
            Spread::of(self.orders_per_customer.values().copied().collect());
        description.products.touched = self.products.len() as u64;
        description.anonymous_baskets = self.anonymous.len() as u64;
        description.anonymous_rows = self.anonymous_rows;
        description.pooled_baskets = self.pooled.len() as u64;
        description.pooled_rows = self.pooled_rows;
        description.acquisitions = self.acquisitions();
        let own = description
            .shop
            .currency
            .as_deref()
            .and_then(currency_named);
        let own = own.map(Cow::into_owned).unwrap_or_default();
        for (currency, value) in &self.values {
            let currency = if currency.is_empty() { &own } else { currency };
            let paid = &mut description.acquisitions.paid;
            *paid.entry(currency.clone()).or_default() += value;
        }
        let mut order: Vec<u32> = (0..self.products.len() as u32).collect();
        let count = |ix: &u32| &self.per_product[*ix as usize];
        order.sort_by(|a, b| {
            let (left, right) = (count(a), count(b));
            right
                .customers
                .cmp(&left.customers)
                .then(right.rows.cmp(&left.rows))
                .then_with(|| self.products.name(*a).cmp(self.products.name(*b)))
        });
        description.top = order
            .iter()
            .take(top)
            .map(|ix| TopProduct {
                product_id: self.products.name(*ix).to_owned(),
                title: None,
                customers: count(ix).customers,
                rows: count(ix).rows,
            })
            .collect();
    }

    fn acquisitions(&self) -> Acquisitions {
        let share = |part: usize, whole: f64| {
            if whole > 0.0 {
                part as f64 / whole
            } else {
                0.0
            }
        };
        let cells = self.customers.len() as f64 * self.products.len() as f64;
        Acquisitions {
            rows: self.acquired,
            pairs: self.pairs.len() as u64,
            sparsity: if cells > 0.0 {
                1.0 - share(self.pairs.len(), cells)
            } else {
                0.0
            },
            repeat_share: share(
                self.lines.len().saturating_sub(self.pairs.len()),
                self.lines.len() as f64,
            ),
            orders: self.orders.len() as u64,
            order_size: share(self.lines.len(), self.orders.len() as f64),
            paid: BTreeMap::new(),
        }
    }
}
