//! Scorer "favour at hand": what a contact was about comes first.

use crate::rank::{Item, Query, Reason, Scorer};

/// Puts favoured products first: as many as a third of the list, at least one.
pub struct FavourAtHand;

impl Scorer for FavourAtHand {
    fn name(&self) -> &'static str {
        "favour_at_hand"
    }

    fn enabled(&self, query: &Query) -> bool {
        query
            .contact
            .favours(&query.request.context, query.list.kind)
    }

    fn score(&self, query: &Query, candidates: &mut [Item]) {
        let contact = query.contact;
        let top = candidates.iter().map(|c| c.score).fold(0.0_f32, f32::max);
        // places, not scores, are what is favoured: just above the best, in their own order
        let step = (top.abs() * 1e-3).max(1e-6);
        let places = (query.list.count / 3).max(1);
        let mut given = 0;
        for favoured in &contact.favoured {
            if given == places {
                break;
            }
            let found = candidates
                .iter_mut()
                .find(|c| c.product == favoured.product);
            let Some(candidate) = found else { continue };
            // its place is all due to the contact, whatever it would have scored without
            let score = top + step * (places - given) as f32;
            candidate.score = score;
            let reason = Reason::about(favoured.code, favoured.about, score.max(0.0));
            candidate.reasons.push(reason);
            given += 1;
        }
    }
}
