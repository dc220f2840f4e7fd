//! Scorer "by source": the score of the only source.

use crate::rank::{Item, Query, Scorer};

/// Orders by the score of the only source; relevance is told of what is shown.
pub struct BySource;

impl Scorer for BySource {
    fn name(&self) -> &'static str {
        "by_source"
    }

    fn score(&self, _query: &Query, candidates: &mut [Item]) {
        for candidate in candidates.iter_mut() {
            let score = candidate.sources.first().map_or(0.0, |(_, score)| *score);
            candidate.score = if score.is_finite() { score } else { 0.0 };
        }
    }
}
