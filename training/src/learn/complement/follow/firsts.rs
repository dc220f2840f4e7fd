//! First purchases in order, and what each customer bought around one of them.

use std::ops::Range;

use serendib_engine::complement::{BasketLog, NOBODY};
use serendib_shop::{CustomerIx, ProductIx};

/// Whoever first bought more products than this within one window buys for a shop, and tells of no two of them.
const CROWD: usize = 300;

/// The first purchase of every product by every known customer, in rows by customer, in order of time.
pub(super) struct Firsts {
    products: Vec<ProductIx>,
    at: Vec<i64>,
    basket: Vec<u32>,
    /// Row of each place.
    row: Vec<u32>,
    rows: Vec<usize>,
    /// Places of each product: offsets and places.
    offsets: Vec<usize>,
    places: Vec<u32>,
}

/// What a customer first bought around one first purchase; all are places.
pub(super) struct Around {
    /// Within the window before, in other baskets.
    pub before: Range<usize>,
    /// In the same basket, the purchase itself included.
    pub together: Range<usize>,
    /// Within the window after, in other baskets.
    pub after: Range<usize>,
}

/// A product beside another: in how many customers' windows, and in how many of those in the same basket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Beside {
    pub product: ProductIx,
    /// Customers who first bought it in the same basket or within the window after.
    pub after: f32,
    /// Those of them who bought it in the same basket.
    pub together: f32,
}

impl Firsts {
    /// Reads the known customers of `log`.
    pub fn new(log: &BasketLog) -> Firsts {
        let mut all: Vec<(CustomerIx, i64, u32, ProductIx)> = Vec::new();
        for ix in (0..log.len()).filter(|ix| log.customer(*ix) != NOBODY) {
            let line = |p: &ProductIx| (log.customer(ix), log.at(ix), ix as u32, *p);
            all.extend(log.items(ix).iter().map(line));
        }
        all.sort_unstable_by_key(|(customer, at, basket, product)| {
            (*customer, *product, *at, *basket)
        });
        all.dedup_by_key(|(customer, _, _, product)| (*customer, *product));
        all.sort_unstable();
        let mut out = Firsts {
            products: Vec::with_capacity(all.len()),
            at: Vec::with_capacity(all.len()),
            basket: Vec::with_capacity(all.len()),
            row: Vec::with_capacity(all.len()),
            rows: vec![0],
            offsets: vec![0; log.products() + 1],
            places: vec![0; all.len()],
        };
        let mut last = None;
        for (customer, at, basket, product) in all {
            if last.is_some_and(|last| last != customer) {
                out.rows.push(out.products.len());
            }
            last = Some(customer);
            out.row.push(out.rows.len() as u32 - 1);
            out.products.push(product);
            out.at.push(at);
            out.basket.push(basket);
            out.offsets[product.index() + 1] += 1;
        }
        out.rows.push(out.products.len());
        for ix in 0..log.products() {
            out.offsets[ix + 1] += out.offsets[ix];
        }
        let mut next = out.offsets.clone();
        for (place, product) in out.products.iter().enumerate() {
            let slot = &mut next[product.index()];
            out.places[*slot] = place as u32;
            *slot += 1;
        }
        out
    }

    /// Where `product` was first bought, one place a customer.
    pub fn of(&self, product: ProductIx) -> &[u32] {
        let ix = product.index();
        &self.places[self.offsets[ix]..self.offsets[ix + 1]]
    }

    /// The time of `place`, ms.
    pub fn at(&self, place: u32) -> i64 {
        self.at[place as usize]
    }

    /// The product of each place.
    pub fn products(&self) -> &[ProductIx] {
        &self.products
    }

    /// What was first bought around `place` within `ms`; `None` for whoever buys for a shop.
    pub fn around(&self, place: u32, ms: i64) -> Option<Around> {
        let place = place as usize;
        let row = self.row[place] as usize;
        let (start, end) = (self.rows[row], self.rows[row + 1]);
        let (now, basket) = (self.at[place], self.basket[place]);
        let other = |at: &usize| self.basket[*at] != basket;
        let from = (start..place).rev().find(other).map_or(start, |at| at + 1);
        let to = (place..end).find(other).unwrap_or(end);
        let last = to + self.at[to..end].partition_point(|at| *at < now.saturating_add(ms));
        let first =
            start + self.at[start..from].partition_point(|at| *at <= now.saturating_sub(ms));
        (last - from <= CROWD).then_some(Around {
            before: first..from,
            together: from..to,
            after: to..last,
        })
    }
}

/// Counts what follows one product, reusing its memory from row to row.
pub(super) struct Counter {
    after: Vec<f32>,
    together: Vec<f32>,
    touched: Vec<ProductIx>,
}

impl Counter {
    /// For a catalogue of `products` products.
    pub fn new(products: usize) -> Counter {
        Counter {
            after: vec![0.0; products],
            together: vec![0.0; products],
            touched: Vec::new(),
        }
    }

    /// What was first bought with `product` or within `ms` after it, ascending, and by how many customers the row was counted.
    pub fn row(&mut self, firsts: &Firsts, product: ProductIx, ms: i64) -> (Vec<Beside>, f32) {
        let mut cases = 0.0;
        for place in firsts.of(product) {
            let Some(around) = firsts.around(*place, ms) else {
                continue;
            };
            cases += 1.0;
            let together = around.together.clone();
            for at in around.together.start..around.after.end {
                let other = firsts.products[at];
                if other == product {
                    continue;
                }
                if self.after[other.index()] == 0.0 {
                    self.touched.push(other);
                }
                self.after[other.index()] += 1.0;
                if together.contains(&at) {
                    self.together[other.index()] += 1.0;
                }
            }
        }
        self.touched.sort_unstable();
        let (after, together) = (&mut self.after, &mut self.together);
        let row = self
            .touched
            .drain(..)
            .map(|product| Beside {
                product,
                after: std::mem::take(&mut after[product.index()]),
                together: std::mem::take(&mut together[product.index()]),
            })
            .collect();
        (row, cases)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serendib_shop::DAY_MS;

    #[test]
    fn first_purchases_within_the_window_are_counted_in_their_direction() {
        let mut log = BasketLog::new(5);
        log.push(CustomerIx(0), 0, [0, 1].map(ProductIx));
        log.push(CustomerIx(0), 10 * DAY_MS, [2, 0].map(ProductIx));
        log.push(CustomerIx(0), 90 * DAY_MS, [ProductIx(3)]);
        log.push(CustomerIx(1), 0, [ProductIx(2)]);
        log.push(CustomerIx(1), 5 * DAY_MS, [ProductIx(0)]);
        log.push(NOBODY, 0, [0, 4].map(ProductIx));
        let firsts = Firsts::new(&log);
        let mut counter = Counter::new(5);
        let beside = |product, after, together| Beside {
            product,
            after,
            together,
        };
        let (row, cases) = counter.row(&firsts, ProductIx(0), 60 * DAY_MS);
        assert_eq!((firsts.of(ProductIx(0)).len(), cases), (2, 2.0));
        assert_eq!(
            row,
            [
                beside(ProductIx(1), 1.0, 1.0),
                beside(ProductIx(2), 1.0, 0.0)
            ]
        );
        let (row, _) = counter.row(&firsts, ProductIx(2), 60 * DAY_MS);
        assert_eq!(row, [beside(ProductIx(0), 1.0, 0.0)]);
        let around = firsts
            .around(firsts.of(ProductIx(0))[1], 60 * DAY_MS)
            .unwrap();
        assert_eq!(around.before.len(), 1);
        assert!(counter.row(&firsts, ProductIx(4), DAY_MS).0.is_empty());
    }
}
