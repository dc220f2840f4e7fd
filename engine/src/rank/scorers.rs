//! Numbers for candidates.

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
        if query.personal {
            let representation = &query.model.representation;
            let known: Vec<_> = candidates
                .iter()
                .map(|c| c.product)
                .filter(|&product| (product as usize) < query.live.known)
                .collect();
            let scores = representation.score(query.folded, &known);
            let mut scores = scores.into_iter();
            for candidate in candidates.iter_mut() {
                let ix = candidate.product as usize;
                candidate.score = if ix < query.live.known {
                    scores.next().unwrap_or(0.0)
                } else {
                    query.live.cold[ix - query.live.known]
                        .as_ref()
                        .map_or(0.0, |cold| representation.score_cold(query.folded, cold))
                };
            }
        } else {
            for candidate in candidates.iter_mut() {
                candidate.score = query.model.popularity_share(candidate.product);
            }
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
fn relative(candidates: &mut [Candidate]) {
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
