//! Products with few or no buyers, placed among the others by what they say about themselves.

use super::dense::{add_scaled, length, Dense};
use super::Vocabulary;
use serendib_shop::Product;

/// A product that came after the model was fitted, through its content.
#[derive(Debug, Clone, PartialEq)]
pub struct ColdProduct {
    pub(super) unit: Vec<f32>,
    /// Its score with customers at large.
    pub(super) appeal: f32,
}

impl ColdProduct {
    /// Its unit vector, in the space of [`super::Representation::vector`].
    pub fn vector(&self) -> &[f32] {
        &self.unit
    }
}

/// A ridge map from content features to the space of the product vectors.
#[derive(Debug, Clone, PartialEq)]
pub struct ContentPart {
    pub vocabulary: Vocabulary,
    /// Features × dimensions of the product vectors.
    pub map: Dense,
    /// What the inner product of a folded customer with a mapped unit vector is multiplied by to be a score.
    pub gain: f32,
    /// What each feature adds to the score that a product has with customers at large.
    pub appeal: Vec<f32>,
    /// Score of a product without features with customers at large.
    pub level: f32,
}

impl ContentPart {
    /// The unit vector that the product's content points to; `None` where nothing of it is known.
    pub fn place(&self, product: &Product) -> Option<Vec<f32>> {
        self.place_row(self.vocabulary.embed(product).into_iter())
    }

    /// What the content of a product that came later says of it; `None` where nothing of it is known.
    pub fn embed(&self, product: &Product) -> Option<ColdProduct> {
        let row = self.vocabulary.embed(product);
        Some(ColdProduct {
            unit: self.place_row(row.iter().copied())?,
            appeal: self.appeal_row(row.into_iter()),
        })
    }

    /// The score that a product with the features of `row` has with customers at large.
    pub fn appeal_row(&self, row: impl Iterator<Item = (u32, f32)>) -> f32 {
        self.level
            + row
                .map(|(feature, weight)| weight * self.appeal[feature as usize])
                .sum::<f32>()
    }

    /// The same from a row of [`Vocabulary::embed_all`].
    pub fn place_row(&self, row: impl Iterator<Item = (u32, f32)>) -> Option<Vec<f32>> {
        let mut vector = vec![0.0; self.map.cols];
        for (feature, weight) in row {
            add_scaled(&mut vector, self.map.row(feature as usize), weight);
        }
        let length = length(&vector);
        if !(length > 1e-9 && length.is_finite()) {
            return None;
        }
        vector.iter_mut().for_each(|x| *x /= length);
        Some(vector)
    }
}
