//! The settings of a representation: which families it blends, how strongly, and how far its content is trusted.

use serde::{Deserialize, Serialize};

use crate::learn::vectors::families::Family;

/// One family of the blend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// The family and its settings.
    #[serde(flatten)]
    pub family: Family,
    /// What its scores are multiplied by.
    pub weight: f32,
}

/// Everything that was chosen, enough to fit again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Seed of everything random.
    pub seed: u64,
    pub blend: Vec<Member>,
    /// Dimensions of the product vectors, which exist whether or not the blend uses them.
    pub vector_dim: usize,
    /// Singular values go into the vectors with this power.
    pub vector_power: f32,
    /// What the fitted gain of products placed by content is multiplied by, above 0 to 1.
    #[serde(default = "in_full")]
    pub content_gain: f32,
    /// What the score that content predicts with customers at large is multiplied by for products with few buyers, 0 to 1.
    #[serde(default)]
    pub content_level: f32,
}

impl Settings {
    pub(super) fn trust(&self) -> Trust {
        Trust {
            level: self.content_level,
            gain: self.content_gain,
        }
    }
}

pub(super) fn in_full() -> f32 {
    1.0
}

/// How far what content says of products with few buyers is trusted: shares of what was fitted, each 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Trust {
    /// Of the score that content predicts with customers at large.
    pub(super) level: f32,
    /// Of how well content suits one customer.
    pub(super) gain: f32,
}
