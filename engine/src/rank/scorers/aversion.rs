//! Scorer "aversion": what let the customer down, or most of those who had it, comes far behind.

use crate::rank::{Item, Query, Scorer};

/// Multiplies the scores of what let the customer down, of its nearest kin, and of what let most down who had it, by the
/// model's factors, and puts each at least as many places behind as its factor goes into one.
pub struct Aversion;

/// By what part of a score one place is kept from the next.
const STEP: f32 = 1e-4;

impl Scorer for Aversion {
    fn name(&self) -> &'static str {
        "aversion"
    }

    fn enabled(&self, query: &Query) -> bool {
        !query.averse.is_empty() || !query.model.aversion.disliked.is_empty()
    }

    fn score(&self, query: &Query, candidates: &mut [Item]) {
        let factors: Vec<Option<f32>> = candidates
            .iter()
            .map(|c| query.averse.factor(query.model, query.live, c.product))
            .collect();
        let fine = candidates.iter().zip(&factors).filter(|(_, f)| f.is_none());
        let mut fine: Vec<f32> = fine.map(|(candidate, _)| candidate.score).collect();
        fine.sort_by(|a, b| b.total_cmp(a));
        for (candidate, factor) in candidates.iter_mut().zip(factors) {
            let Some(factor) = factor else { continue };
            let places = (1.0 / factor).round() as usize;
            let above = fine.partition_point(|score| *score > candidate.score);
            let behind = fine.get((above + places).min(fine.len()).saturating_sub(1));
            let lowered = if candidate.score >= 0.0 {
                candidate.score * factor
            } else {
                candidate.score / factor
            };
            candidate.score = match behind {
                Some(&score) => lowered.min(score - STEP * factor * score.abs().max(1e-3)),
                None => lowered,
            };
            candidate.relevance *= factor;
            candidate.delight = candidate.delight.map(|delight| delight * factor);
            candidate.wanted = candidate.wanted.map(|wanted| wanted * factor);
        }
    }
}
