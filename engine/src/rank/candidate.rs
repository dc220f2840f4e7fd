//! Candidates of one list.

use std::collections::HashMap;

use super::Reason;
use crate::shop::ProductIx;
use crate::surprise::Drivers;

/// One product on its way into a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// What.
    pub product: ProductIx,
    /// Which sources proposed it, by position in the plan, with the score each gave.
    pub sources: Vec<(usize, f32)>,
    /// What the list is ordered by.
    pub score: f32,
    /// How well it suits, 0 to 1.
    pub relevance: f32,
    /// See [`Item`](super::Item).
    pub unexpectedness: Option<f32>,
    /// See [`Item`](super::Item).
    pub novelty: Option<f32>,
    /// See [`Item`](super::Item).
    pub timeliness: Option<f32>,
    /// See [`Item`](super::Item).
    pub delight: Option<f32>,
    /// What its delight rests on.
    pub drivers: Option<Drivers>,
    /// See [`Item`](super::Item).
    pub floor: Option<f32>,
    /// See [`Item`](super::Item).
    pub propensity: Option<f64>,
    /// Reasons found so far.
    pub reasons: Vec<Reason>,
}

impl Candidate {
    /// A candidate without scores.
    pub fn new(product: ProductIx) -> Candidate {
        Candidate {
            product,
            sources: Vec::new(),
            score: 0.0,
            relevance: 0.0,
            unexpectedness: None,
            novelty: None,
            timeliness: None,
            delight: None,
            drivers: None,
            floor: None,
            propensity: None,
            reasons: Vec::new(),
        }
    }

    /// The score that source number `source` gave, if it proposed this product.
    pub fn from_source(&self, source: usize) -> Option<f32> {
        self.sources
            .iter()
            .find(|(ix, _)| *ix == source)
            .map(|(_, score)| *score)
    }
}

/// Candidates from several sources, each product once, in order of first proposal.
#[derive(Debug, Default)]
pub struct Pool {
    candidates: Vec<Candidate>,
    index: HashMap<ProductIx, usize>,
}

impl Pool {
    /// Adds the proposals of source number `source`; scores that are not finite are dropped.
    pub fn add(&mut self, source: usize, proposals: &[(ProductIx, f32)]) {
        for &(product, score) in proposals.iter().filter(|(_, score)| score.is_finite()) {
            let slot = *self.index.entry(product).or_insert_with(|| {
                self.candidates.push(Candidate::new(product));
                self.candidates.len() - 1
            });
            let sources = &mut self.candidates[slot].sources;
            if sources.iter().all(|(ix, _)| *ix != source) {
                sources.push((source, score));
            }
        }
    }

    /// The candidates.
    pub fn into_candidates(self) -> Vec<Candidate> {
        self.candidates
    }
}
