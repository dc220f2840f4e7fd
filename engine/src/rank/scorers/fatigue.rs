//! Scorer "fatigue": what was shown often and never answered sinks.

use crate::rank::{Item, Query, Scorer};

/// Lets what was seen often without an answer sink.
pub struct Fatigue;

impl Scorer for Fatigue {
    fn name(&self) -> &'static str {
        "fatigue"
    }

    fn enabled(&self, query: &Query) -> bool {
        !query.contact.state.fatigue.is_empty()
    }

    fn score(&self, query: &Query, candidates: &mut [Item]) {
        for candidate in candidates {
            // what the customer asked for is not pressed on them
            if query.contact.products.contains(&candidate.product) {
                continue;
            }
            if let Some(&factor) = query.contact.state.fatigue.get(&candidate.product) {
                candidate.score = if candidate.score >= 0.0 {
                    candidate.score * factor
                } else {
                    candidate.score / factor.max(0.01)
                };
                candidate.relevance *= factor;
                candidate.delight = candidate.delight.map(|delight| delight * factor);
                candidate.wanted = candidate.wanted.map(|wanted| wanted * factor);
            }
        }
    }
}
