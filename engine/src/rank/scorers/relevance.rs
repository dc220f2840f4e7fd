//! Scorer "relevance": how well each candidate suits the customer.

use crate::rank::{Item, Query, Scorer};

/// Orders by the representation for a known customer or session, by popularity for anybody else; by relevance where the
/// purchase model proved to order new things better.
pub struct Relevance;

impl Scorer for Relevance {
    fn name(&self) -> &'static str {
        "relevance"
    }

    fn score(&self, query: &Query, candidates: &mut [Item]) {
        let products: Vec<_> = candidates.iter().map(|c| c.product).collect();
        let scores = query.relevance.scores(&products);
        let orders = query.relevance.orders();
        for (candidate, score) in candidates.iter_mut().zip(scores) {
            candidate.relevance = query.relevance.relevance(candidate.product, score);
            candidate.score = if orders { candidate.relevance } else { score };
        }
    }
}
