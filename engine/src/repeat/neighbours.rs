//! Customers with like baskets, for the next basket. In memory only: rows of customers never go into a bundle.

use crate::repeat::next_basket::{NextBasket, SparseVector};
use serendib_shop::{baskets, ProductIx, Touch};

/// Squared distance, as a share of the squared length, below which two customers are taken for the same one.
const SAME: f32 = 1e-6;

/// An index of customers' rates ([`NextBasket::rates_of`](crate::repeat::NextBasket::rates_of)), by product.
///
/// Near is small Euclidean distance, found exactly: customers who share a product are met through its posting, the
/// others stand in order of their length, which is all that their distance depends on.
#[derive(Debug, Clone)]
pub struct NeighbourIndex {
    vectors: Vec<SparseVector>,
    /// Squared length of each vector.
    lengths: Vec<f32>,
    /// Customers by squared length, then number.
    shortest: Vec<u32>,
    postings: Vec<Vec<(u32, f32)>>,
    count: usize,
}

impl NeighbourIndex {
    /// Returns one customer's row for the index of `model`: their rates of the products that it knows. `timed` = the shop has
    /// times.
    ///
    /// Products that came after the model have no habits and no neighbours in it; what is bought of them is in the customer's
    /// own profile alone.
    pub fn row(model: &NextBasket, history: &[Touch], timed: bool) -> SparseVector {
        let mut row = model.rates_of(&baskets(history, timed));
        row.retain(|(product, _)| product.index() < model.popularity.len());
        row
    }

    /// Returns the index of `rows` for `model`; `None` where nobody has a basket.
    pub fn of_rows(model: &NextBasket, rows: Vec<SparseVector>) -> Option<NeighbourIndex> {
        let count = model.settings.neighbour_count as usize;
        let index = NeighbourIndex::new(rows, model.popularity.len(), count);
        (!index.is_empty()).then_some(index)
    }

    /// An index of `vectors` (one per customer, products ascending) over `products` products that answers with `count`
    /// neighbours. Customers without a product are left out.
    pub fn new(vectors: Vec<SparseVector>, products: usize, count: usize) -> NeighbourIndex {
        let vectors: Vec<SparseVector> = vectors.into_iter().filter(|v| !v.is_empty()).collect();
        let mut postings = vec![Vec::new(); products];
        let mut lengths = Vec::with_capacity(vectors.len());
        for (customer, vector) in vectors.iter().enumerate() {
            let mut length = 0.0;
            for &(product, rate) in vector {
                length += rate * rate;
                if let Some(posting) = postings.get_mut(product.index()) {
                    posting.push((customer as u32, rate));
                }
            }
            lengths.push(length);
        }
        let mut shortest: Vec<u32> = (0..lengths.len() as u32).collect();
        shortest.sort_by(|a, b| {
            lengths[*a as usize]
                .total_cmp(&lengths[*b as usize])
                .then(a.cmp(b))
        });
        NeighbourIndex {
            vectors,
            lengths,
            shortest,
            postings,
            count,
        }
    }

    /// How many customers are in it.
    pub fn len(&self) -> usize {
        self.vectors.len()
    }

    /// Whether nobody is in it.
    pub fn is_empty(&self) -> bool {
        self.vectors.is_empty()
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        let entries: usize = self.vectors.iter().map(Vec::len).sum();
        16 * entries + 32 * self.vectors.len() + 24 * self.postings.len()
    }

    /// The nearest customers with their squared distances, best first, ties by number.
    ///
    /// Whoever has exactly the same rates is left out: it is the customer, or somebody who brings nothing new.
    pub fn nearest(&self, rates: &[(ProductIx, f32)]) -> Vec<(u32, f32)> {
        let mut dots = vec![0.0f32; self.vectors.len()];
        let mut own = 0.0;
        for &(product, rate) in rates {
            own += rate * rate;
            let posting = self.postings.get(product.index());
            for &(customer, other) in posting.into_iter().flatten() {
                dots[customer as usize] += rate * other;
            }
        }
        let distance = |customer: u32| {
            let ix = customer as usize;
            (own + self.lengths[ix] - 2.0 * dots[ix]).max(0.0)
        };
        let mut found: Vec<(u32, f32)> = (0..self.vectors.len() as u32)
            .filter(|&customer| dots[customer as usize] > 0.0)
            .map(|customer| (customer, distance(customer)))
            .filter(|(_, far)| *far > SAME * own)
            .collect();
        let strangers = self.shortest.iter().copied();
        found.extend(
            strangers
                .filter(|&customer| dots[customer as usize] == 0.0)
                .take(self.count)
                .map(|customer| (customer, distance(customer))),
        );
        let by = |a: &(u32, f32), b: &(u32, f32)| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0));
        if found.len() > self.count && self.count > 0 {
            found.select_nth_unstable_by(self.count - 1, by);
        }
        found.truncate(self.count);
        found.sort_by(by);
        found
    }

    /// The mean of the nearest customers' rates, products ascending.
    pub fn mean(&self, rates: &[(ProductIx, f32)]) -> SparseVector {
        let nearest = self.nearest(rates);
        let share = 1.0 / nearest.len().max(1) as f32;
        let mut sums = vec![0.0f32; self.postings.len()];
        for (customer, _) in nearest {
            for &(product, rate) in &self.vectors[customer as usize] {
                if let Some(sum) = sums.get_mut(product.index()) {
                    *sum += rate * share;
                }
            }
        }
        let some = sums.into_iter().enumerate().filter(|(_, sum)| *sum > 0.0);
        some.map(|(product, sum)| (ProductIx::of_index(product), sum))
            .collect()
    }
}
