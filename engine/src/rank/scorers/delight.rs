//! Scorer "delight": unexpectedness, novelty, timeliness, delight and wanting of candidates.

use crate::rank::{Item, Query, Scorer};
use crate::surprise::quantise;

/// Fills in unexpectedness, novelty, timeliness, delight and wanting.
pub struct Delighting;

impl Scorer for Delighting {
    fn name(&self) -> &'static str {
        "delight"
    }

    fn score(&self, query: &Query, candidates: &mut [Item]) {
        let Some(appraiser) = query.appraiser else {
            return;
        };
        let row = |c: &Item| query.relevance.prospect(c.product, c.relevance);
        let rows: Vec<_> = candidates.iter().map(row).collect();
        for (candidate, appraised) in candidates.iter_mut().zip(appraiser.appraise(&rows)) {
            candidate.relevance = quantise(candidate.relevance);
            candidate.unexpectedness = Some(appraised.terms.unexpectedness);
            candidate.novelty = Some(appraised.terms.novelty);
            candidate.timeliness = Some(appraised.terms.timeliness);
            candidate.delight = Some(appraised.delight);
            candidate.wanted = Some(appraised.wanted);
            candidate.drivers = Some(appraised.drivers);
        }
    }
}
