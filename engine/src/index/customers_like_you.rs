//! Customers like a customer, and what they bought: a cache that the caller keeps, never part of a model.

use std::collections::{HashMap, HashSet};

use crate::index::{CustomerIndex, IndexError, Neighbour};
use serendib_shop::{acquisitions, ProductIx, Touch};

/// Products kept for each customer, the latest.
const KEPT: usize = 48;
/// Customers whose purchases are proposed.
const NEIGHBOURS: usize = 50;

/// Customers as unit vectors in the space of one model, with their latest purchases in its numbers.
#[derive(Debug)]
pub struct Neighbourhood {
    index: CustomerIndex,
    bought: HashMap<u64, Box<[ProductIx]>>,
    /// Bytes of the lists in `bought`.
    listed: usize,
    products: usize,
}

/// Bytes that one customer's list takes, with its place in the table.
fn list_bytes(list: &[ProductIx]) -> usize {
    size_of_val(list) + 48
}

impl Neighbourhood {
    /// Nobody yet, for a model of `products` products in `dim` dimensions.
    pub fn new(dim: usize, products: usize) -> Neighbourhood {
        Neighbourhood {
            index: CustomerIndex::new(dim),
            bought: HashMap::new(),
            listed: 0,
            products,
        }
    }

    /// Puts customer `key` in, or moves them; `history` in order of time.
    ///
    /// # Errors
    /// A vector that has no place in the index, see [`CustomerIndex::add`].
    pub fn put(&mut self, key: u64, vector: &[f32], history: &[Touch]) -> Result<(), IndexError> {
        self.index.add(key, vector)?;
        let mut seen = HashSet::new();
        let bought: Box<[ProductIx]> = acquisitions(history)
            .rev()
            .map(|touch| touch.product)
            .filter(|product| product.index() < self.products && seen.insert(*product))
            .take(KEPT)
            .collect();
        self.listed += list_bytes(&bought);
        if let Some(old) = self.bought.insert(key, bought) {
            self.listed -= list_bytes(&old);
        }
        Ok(())
    }

    /// Takes customer `key` out; whether they were in it.
    pub fn remove(&mut self, key: u64) -> bool {
        if let Some(old) = self.bought.remove(&key) {
            self.listed -= list_bytes(&old);
        }
        self.index.remove(key)
    }

    /// How many customers are in it.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether nobody is in it.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Dimension of the vectors.
    pub fn dim(&self) -> usize {
        self.index.dim()
    }

    /// Bytes held, about.
    pub fn bytes(&self) -> usize {
        self.index.bytes() + self.listed
    }

    /// Whether [`Neighbourhood::rebuilt`] would pay.
    pub fn wants_rebuild(&self) -> bool {
        self.index.wants_rebuild()
    }

    /// A compact index of the same customers, to be put in with [`Neighbourhood::replace_index`].
    pub fn rebuilt(&self) -> CustomerIndex {
        self.index.rebuilt()
    }

    /// Searches `index` from now on; it must be the rebuilt one of this very state.
    pub fn replace_index(&mut self, index: CustomerIndex) {
        self.index = index;
    }

    /// The `k` customers that `allowed` lets through most like `vector`, best first.
    ///
    /// # Errors
    /// A vector of another dimension or with a number that is not finite.
    pub fn nearest(
        &self,
        vector: &[f32],
        k: usize,
        allowed: &(dyn Fn(u64) -> bool + Sync),
    ) -> Result<Vec<Neighbour>, IndexError> {
        self.index.search(vector, k, allowed)
    }

    /// What the customers most like `vector` bought lately: the sum of their cosines for each product, largest first, at most
    /// `k` products that `sold` lets through.
    ///
    /// # Errors
    /// As [`Neighbourhood::nearest`].
    pub fn proposals(
        &self,
        vector: &[f32],
        k: usize,
        allowed: &(dyn Fn(u64) -> bool + Sync),
        sold: &(dyn Fn(ProductIx) -> bool + Sync),
    ) -> Result<Vec<(ProductIx, f32)>, IndexError> {
        let mut sums: HashMap<ProductIx, f32> = HashMap::new();
        for neighbour in self.nearest(vector, NEIGHBOURS, allowed)? {
            if neighbour.cosine <= 0.0 {
                break;
            }
            for product in self.bought.get(&neighbour.key).into_iter().flatten() {
                *sums.entry(*product).or_default() += neighbour.cosine;
            }
        }
        let mut found: Vec<(ProductIx, f32)> = sums.into_iter().filter(|(p, _)| sold(*p)).collect();
        found.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        found.truncate(k);
        Ok(found)
    }
}

/// What a request may know of customers like its own.
#[derive(Debug, Clone, Copy, Default)]
pub enum LikeYou<'a> {
    /// The caller keeps no such index: there is nothing to be marked.
    #[default]
    Absent,
    /// The index is being made: the source is skipped and marked.
    NotReady,
    /// Everybody is in it.
    Ready {
        people: &'a Neighbourhood,
        /// The customer's own key, if they are in it.
        own: Option<u64>,
        /// Who has gone since and must not count.
        gone: &'a HashSet<u64>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use serendib_shop::Kind;

    fn bought(products: &[ProductIx]) -> Vec<Touch> {
        products
            .iter()
            .map(|product| Touch::new(Kind::PURCHASE, *product, 0))
            .collect()
    }

    #[test]
    fn what_the_nearest_bought_comes_first_and_whoever_is_gone_counts_no_more() {
        let mut people = Neighbourhood::new(2, 10);
        people
            .put(1, &[1.0, 0.0], &bought(&[3, 4, 99].map(ProductIx)))
            .unwrap();
        people
            .put(2, &[0.8, 0.6], &bought(&[4, 5].map(ProductIx)))
            .unwrap();
        people
            .put(3, &[-1.0, 0.0], &bought(&[ProductIx(6)]))
            .unwrap();
        let ask = |people: &Neighbourhood, gone: u64| {
            people
                .proposals(&[1.0, 0.0], 9, &|key| key != gone, &|p| p != ProductIx(5))
                .unwrap()
        };
        let products = |found: Vec<(ProductIx, f32)>| -> Vec<ProductIx> {
            found.into_iter().map(|f| f.0).collect()
        };
        assert_eq!(products(ask(&people, 0)), [4, 3].map(ProductIx));
        assert_eq!(products(ask(&people, 1)), [ProductIx(4)]);
        let index = people.rebuilt();
        people.replace_index(index);
        assert_eq!(products(ask(&people, 0)), [4, 3].map(ProductIx));
        assert!(people.remove(1) && !people.remove(1));
        assert_eq!(products(ask(&people, 0)), [ProductIx(4)]);
        assert!(people.put(4, &[0.0, 0.0], &[]).is_err());
        assert_eq!(people.len(), 2);
    }
}
