//! What products cost in the order of surprises, so that no one product is the surprise of too many.

use serendib_shop::ProductIx;

/// Prices of products at either end of the dial, found over all customers; a vector that is empty = nothing costs anything.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Prices {
    /// What each product costs where only wanting counts, ≥ 0, in spreads of wanting.
    pub wanted: Vec<f32>,
    /// What each product costs where only value counts, ≥ 0, in spreads of value.
    pub value: Vec<f32>,
}

/// What one product costs.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Price {
    /// Where only wanting counts, ≥ 0, in spreads of wanting.
    pub wanted: f32,
    /// Where only value counts, ≥ 0, in spreads of value.
    pub value: f32,
}

impl Prices {
    /// What `product` costs.
    pub fn of(&self, product: ProductIx) -> Price {
        let of = |prices: &[f32]| prices.get(product.index()).copied().unwrap_or(0.0);
        Price {
            wanted: of(&self.wanted),
            value: of(&self.value),
        }
    }
}

impl Price {
    /// The price at `dial`, 0…1: between the two as the dial is.
    pub fn at(self, dial: f32) -> f32 {
        (1.0 - dial) * self.wanted + dial * self.value
    }
}
