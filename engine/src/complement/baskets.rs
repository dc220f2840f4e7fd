//! Baskets as rows of product numbers, and the same baskets seen from the side of a product.

use serendib_shop::{CustomerIx, ProductIx, DAY_MS};

/// Stands for a basket whose buyer nobody knows.
pub const NOBODY: CustomerIx = CustomerIx(u32::MAX);

/// Baskets in compressed rows: distinct products in ascending order, the buyer and the time of each.
#[derive(Debug, Clone, Default)]
pub struct BasketLog {
    offsets: Vec<usize>,
    items: Vec<ProductIx>,
    customers: Vec<CustomerIx>,
    times: Vec<i64>,
    products: usize,
}

impl BasketLog {
    /// No baskets yet, over a catalogue of `products` products.
    pub fn new(products: usize) -> BasketLog {
        BasketLog {
            offsets: vec![0],
            products,
            ..BasketLog::default()
        }
    }

    /// Adds one basket of `customer` ([`NOBODY`] = anonymous) at time `at` in ms.
    ///
    /// Products are sorted and repeated ones counted once; numbers outside the catalogue are left out. A basket without
    /// products is not kept.
    pub fn push(
        &mut self,
        customer: CustomerIx,
        at: i64,
        products: impl IntoIterator<Item = ProductIx>,
    ) {
        let mut row: Vec<ProductIx> = products
            .into_iter()
            .filter(|p| p.index() < self.products)
            .collect();
        row.sort_unstable();
        row.dedup();
        if row.is_empty() {
            return;
        }
        self.items.extend_from_slice(&row);
        self.offsets.push(self.items.len());
        self.customers.push(customer);
        self.times.push(at);
    }

    /// How many baskets there are.
    pub fn len(&self) -> usize {
        self.customers.len()
    }

    /// Whether there are no baskets.
    pub fn is_empty(&self) -> bool {
        self.customers.is_empty()
    }

    /// How many products the catalogue has.
    pub fn products(&self) -> usize {
        self.products
    }

    /// The products of basket `ix`, ascending.
    pub fn items(&self, ix: usize) -> &[ProductIx] {
        &self.items[self.offsets[ix]..self.offsets[ix + 1]]
    }

    /// The buyer of basket `ix`; [`NOBODY`] for an anonymous one.
    pub fn customer(&self, ix: usize) -> CustomerIx {
        self.customers[ix]
    }

    /// The time of basket `ix`, ms.
    pub fn at(&self, ix: usize) -> i64 {
        self.times[ix]
    }

    /// In how many baskets each product lies.
    pub fn frequencies(&self) -> Vec<u32> {
        let mut counts = vec![0u32; self.products];
        for product in &self.items {
            counts[product.index()] += 1;
        }
        counts
    }

    /// The baskets of each product.
    pub fn inverted(&self) -> Inverted {
        let counts = self.frequencies();
        let mut offsets = Vec::with_capacity(self.products + 1);
        let mut total = 0usize;
        offsets.push(0);
        for count in &counts {
            total += *count as usize;
            offsets.push(total);
        }
        let mut next = offsets.clone();
        let mut baskets = vec![0u32; total];
        for ix in 0..self.len() {
            for product in self.items(ix) {
                let slot = &mut next[product.index()];
                baskets[*slot] = ix as u32;
                *slot += 1;
            }
        }
        Inverted { offsets, baskets }
    }

    /// Only the baskets for which `keep` holds.
    pub fn filtered(&self, mut keep: impl FnMut(usize) -> bool) -> BasketLog {
        let mut out = BasketLog::new(self.products);
        for ix in 0..self.len() {
            if keep(ix) {
                out.push(
                    self.customer(ix),
                    self.at(ix),
                    self.items(ix).iter().copied(),
                );
            }
        }
        out
    }

    /// What each known customer bought within consecutive windows of `days` days, the first starting at their basket number
    /// `from` (from 0) and each other at the first basket after the window before; anonymous baskets are left out.
    ///
    /// Things that go together but are not bought together (a printer, its ink a month later) meet in these. A pair that is
    /// split between two windows with `from` = 0 may meet with `from` = 1.
    pub fn windows(&self, days: i64, from: usize) -> BasketLog {
        let mut order: Vec<usize> = (0..self.len())
            .filter(|ix| self.customers[*ix] != NOBODY)
            .collect();
        order.sort_by_key(|ix| (self.customers[*ix], self.times[*ix], *ix));
        let mut out = BasketLog::new(self.products);
        let mut pending: Option<(CustomerIx, i64, Vec<ProductIx>)> = None;
        let (mut buyer, mut visit) = (NOBODY, 0usize);
        for ix in order {
            let (customer, at) = (self.customers[ix], self.times[ix]);
            visit = if customer == buyer { visit + 1 } else { 0 };
            buyer = customer;
            if visit < from {
                continue;
            }
            match &mut pending {
                Some((who, start, items)) if *who == customer && at - *start < days * DAY_MS => {
                    items.extend_from_slice(self.items(ix));
                }
                _ => {
                    if let Some((who, start, items)) = pending.take() {
                        out.push(who, start, items);
                    }
                    pending = Some((customer, at, self.items(ix).to_vec()));
                }
            }
        }
        if let Some((who, start, items)) = pending {
            out.push(who, start, items);
        }
        out
    }
}

/// The baskets of each product, in compressed rows.
#[derive(Debug, Clone)]
pub struct Inverted {
    offsets: Vec<usize>,
    baskets: Vec<u32>,
}

impl Inverted {
    /// The baskets that hold `product`, ascending.
    pub fn of(&self, product: ProductIx) -> &[u32] {
        let ix = product.index();
        &self.baskets[self.offsets[ix]..self.offsets[ix + 1]]
    }
}

/// Counts how often each product shares a basket with one other, reusing its memory from row to row.
pub struct RowCounter {
    counts: Vec<f32>,
    touched: Vec<ProductIx>,
}

impl RowCounter {
    /// For a catalogue of `products` products.
    pub fn new(products: usize) -> RowCounter {
        RowCounter {
            counts: vec![0.0; products],
            touched: Vec::new(),
        }
    }

    /// The products sharing a basket with `product`, ascending, with the sum of `weight(basket)` over those baskets;
    /// `product` itself is left out.
    pub fn row(
        &mut self,
        log: &BasketLog,
        inverted: &Inverted,
        product: ProductIx,
        weight: impl Fn(usize) -> f32,
    ) -> Vec<(ProductIx, f32)> {
        for basket in inverted.of(product) {
            let w = weight(*basket as usize);
            for other in log.items(*basket as usize) {
                let slot = &mut self.counts[other.index()];
                if *slot == 0.0 {
                    self.touched.push(*other);
                }
                *slot += w;
            }
        }
        self.touched.sort_unstable();
        self.touched.dedup();
        let row = self
            .touched
            .iter()
            .filter(|other| **other != product)
            .map(|other| (*other, self.counts[other.index()]))
            .collect();
        for other in self.touched.drain(..) {
            self.counts[other.index()] = 0.0;
        }
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn baskets_hold_each_product_once_and_only_known_ones() {
        let mut log = BasketLog::new(4);
        log.push(CustomerIx(0), 0, [3, 1, 3, 9].map(ProductIx));
        log.push(NOBODY, 0, [ProductIx(9)]);
        log.push(CustomerIx(1), 5, [ProductIx(1)]);
        assert_eq!(log.len(), 2);
        assert_eq!(log.items(0), [1, 3].map(ProductIx));
        assert_eq!(log.frequencies(), [0, 2, 0, 1]);
        assert_eq!(log.inverted().of(ProductIx(1)), [0, 1]);
    }

    #[test]
    fn windows_join_what_one_customer_bought_close_in_time() {
        let mut log = BasketLog::new(5);
        log.push(CustomerIx(0), 0, [ProductIx(0)]);
        log.push(CustomerIx(1), 0, [ProductIx(4)]);
        log.push(CustomerIx(0), 10 * DAY_MS, [ProductIx(1)]);
        log.push(CustomerIx(0), 60 * DAY_MS, [ProductIx(2)]);
        log.push(NOBODY, 0, [ProductIx(3)]);
        let windows = log.windows(45, 0);
        let rows: Vec<_> = (0..windows.len())
            .map(|ix| windows.items(ix).to_vec())
            .collect();
        assert_eq!(
            rows,
            [
                vec![ProductIx(0), ProductIx(1)],
                vec![ProductIx(2)],
                vec![ProductIx(4)]
            ]
        );
        assert_eq!(log.windows(60, 1).items(0), [1, 2].map(ProductIx));
    }

    #[test]
    fn a_row_counts_shared_baskets() {
        let mut log = BasketLog::new(4);
        log.push(CustomerIx(0), 0, [0, 1].map(ProductIx));
        log.push(CustomerIx(0), 1, [0, 1, 2].map(ProductIx));
        log.push(CustomerIx(0), 2, [2, 3].map(ProductIx));
        let inverted = log.inverted();
        let mut counter = RowCounter::new(4);
        assert_eq!(
            counter.row(&log, &inverted, ProductIx(0), |_| 1.0),
            [(ProductIx(1), 2.0), (ProductIx(2), 1.0)]
        );
        assert_eq!(
            counter.row(&log, &inverted, ProductIx(3), |_| 1.0),
            [(ProductIx(2), 1.0)],
            "the memory is clean between rows"
        );
    }
}
