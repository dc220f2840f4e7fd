//! Numbers for candidates.

use super::pipeline::relevance;
use super::{Candidate, Query, Scorer};

/// Orders by the representation for a known customer or session, by popularity for anybody else.
///
/// `relevance` is the score as a share of the best candidate's, 0 to 1.
pub struct Relevance;

impl Scorer for Relevance {
    fn name(&self) -> &'static str {
        "relevance"
    }

    fn score(&self, query: &Query, candidates: &mut [Candidate]) {
        let products: Vec<_> = candidates.iter().map(|c| c.product).collect();
        let scores = relevance(query.model, query.live, query.folded, &products);
        for (candidate, score) in candidates.iter_mut().zip(scores) {
            candidate.score = score;
        }
        relative(candidates);
    }
}

/// Orders by the score of the only source.
pub struct BySource;

impl Scorer for BySource {
    fn name(&self) -> &'static str {
        "by_source"
    }

    fn score(&self, _query: &Query, candidates: &mut [Candidate]) {
        for candidate in candidates.iter_mut() {
            candidate.score = candidate.sources.first().map_or(0.0, |(_, score)| *score);
        }
        relative(candidates);
    }
}

/// Sets `relevance` to the score as a share of the best one, and lets nothing through that is not finite.
pub(super) fn relative(candidates: &mut [Candidate]) {
    let mut best = 0.0_f32;
    for candidate in candidates.iter_mut() {
        if !candidate.score.is_finite() {
            candidate.score = 0.0;
        }
        best = best.max(candidate.score);
    }
    for candidate in candidates.iter_mut() {
        candidate.relevance = if best > 0.0 {
            (candidate.score / best).clamp(0.0, 1.0)
        } else {
            0.0
        };
    }
}
