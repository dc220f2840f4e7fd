//! What kind of thing a product is: its category, or in a shop without categories a cluster of title words.

use serendib_shop::ProductIx;

/// A number for each product's kind of thing, from 0.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Topics {
    of: Vec<u32>,
    count: usize,
}

impl Topics {
    /// Topics already known; numbers need not be dense.
    pub fn from_numbers(of: Vec<u32>) -> Topics {
        let count = of.iter().max().map_or(0, |top| *top as usize + 1);
        Topics { of, count }
    }

    /// The topic of `product`; `None` for a product the model does not know.
    pub fn of(&self, product: ProductIx) -> Option<u32> {
        self.of.get(product.index()).copied()
    }

    /// The topic of every product.
    pub fn numbers(&self) -> &[u32] {
        &self.of
    }

    /// How many topics there are.
    pub fn count(&self) -> usize {
        self.count
    }
}
