//! What a shop knows of kinds of things, and of products among those of their kind.
//!
//! Who has a use for a kind of thing is told by the other kinds they buy; how dear a product is, by the prices of its own
//! kind (a dear toothbrush is cheaper than a cheap pram); what it is worth, by those who have it.

use crate::complement::SparseRows;
use serendib_shop::ProductIx;

/// Kinds of things, and products among them; a part of [`Surprises`](super::Surprises).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Kinds {
    /// Kind to kind: what buying the one adds to the chance of buying the other.
    pub kinship: SparseRows<u32>,
    /// How dear each product is among its kind: standard scores of log prices, −3…3.
    pub dearness: Vec<f32>,
    /// Mean stars of each product above the shop's mean, −4…4.
    pub stars: Vec<f32>,
    /// How much more often than usual each product is given back, −1…1.
    pub returned: Vec<f32>,
    /// How much more than usual things of each kind delight those who rated them, log-odds, −3…3.
    pub delights: Vec<f32>,
    /// How much more often than usual things of each kind are kept from boxes, log-odds, −3…3.
    pub kept: Vec<f32>,
    /// How much more often than usual customers come back to things of each kind that they were shown, log-odds, −3…3.
    pub sought: Vec<f32>,
    /// How dear each product is among all, standard scores of log prices, −3…3.
    pub price_level: Vec<f32>,
}

impl Kinds {
    /// How surely a customer has a use for `topic` by the other kinds in `mix`, 0…1.
    pub fn kinship(&self, mix: impl Iterator<Item = u32>, topic: u32) -> f32 {
        mix.filter(|kind| *kind != topic)
            .map(|kind| self.kinship.get(kind, topic))
            .sum::<f32>()
            .clamp(0.0, 1.0)
    }

    /// How dear `product` is among its kind, −3…3; 0 where nobody knows.
    pub fn dearness(&self, product: ProductIx) -> f32 {
        value(&self.dearness, product)
    }

    /// Stars of `product` above the shop's mean, −4…4; 0 where nobody gave any.
    pub fn stars(&self, product: ProductIx) -> f32 {
        value(&self.stars, product)
    }

    /// How much more than usual things of `topic` delight, log-odds, −3…3; 0 where nobody rated any.
    pub fn delights(&self, topic: u32) -> f32 {
        value(&self.delights, topic)
    }

    /// How much more often than usual things of `topic` are kept from boxes, log-odds, −3…3; 0 where none were in any.
    pub fn kept(&self, topic: u32) -> f32 {
        value(&self.kept, topic)
    }

    /// How much more often than usual customers come back to things of `topic` that they were shown, log-odds, −3…3; 0 where
    /// none were shown.
    pub fn sought(&self, topic: u32) -> f32 {
        value(&self.sought, topic)
    }

    /// How dear `product` is among all products, −3…3; 0 where nobody knows.
    pub fn price_level(&self, product: ProductIx) -> f32 {
        value(&self.price_level, product)
    }

    /// How much more often than usual `product` is given back, −1…1.
    pub fn returned(&self, product: ProductIx) -> f32 {
        value(&self.returned, product)
    }
}

fn value(of: &[f32], number: impl Into<u32>) -> f32 {
    of.get(number.into() as usize).copied().unwrap_or(0.0)
}
