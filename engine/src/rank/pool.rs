//! The pool that the sources of one list fill.

use std::collections::HashMap;

use super::Item;
use serendib_shop::ProductIx;

/// Candidates from several sources, each product once, in order of first proposal.
#[derive(Debug, Default)]
pub struct Pool {
    candidates: Vec<Item>,
    index: HashMap<ProductIx, usize>,
}

impl Pool {
    /// Adds the proposals of source number `source`; scores that are not finite are dropped.
    pub fn add(&mut self, source: usize, proposals: &[(ProductIx, f32)]) {
        for &(product, score) in proposals.iter().filter(|(_, score)| score.is_finite()) {
            let slot = *self.index.entry(product).or_insert_with(|| {
                self.candidates.push(Item::new(product));
                self.candidates.len() - 1
            });
            let sources = &mut self.candidates[slot].sources;
            if sources.iter().all(|(ix, _)| *ix != source) {
                sources.push((source, score));
            }
        }
    }

    /// Returns the candidates in order of first proposal.
    pub fn into_candidates(self) -> Vec<Item> {
        self.candidates
    }
}
