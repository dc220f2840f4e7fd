//! Arranger "dial": the surprise list, chosen by the dial above the floor, with its drawn slot.

use super::surprise_floor::floor_of;
use crate::explain::surprises::Explained;
use crate::rank::arrangers::by_score::sort;
use crate::rank::arrangers::list_quality::Whole;
use crate::rank::{Arranged, Arranger, Item, Note, Query, Removed};
use crate::shop::ProductIx;
use crate::surprise::dial::{choose, quantise, spreads, Dial};
use crate::surprise::{explore, Appraisal, Dialled, ExploreOptions, Surprises};
use std::collections::{HashMap, HashSet};

/// Chooses by the dial above the floor, and draws the last slot where the request explores.
pub struct ByDial;

impl Arranger for ByDial {
    fn arrange(
        &self,
        query: &Query,
        mut candidates: Vec<Item>,
        pins: &[ProductIx],
        slots: usize,
    ) -> Arranged {
        let mut arranged = Arranged::default();
        let Some(surprises) = &query.model.surprises else {
            arranged.notes.push(Note::Unsupported);
            return arranged;
        };
        sort(&mut candidates);
        // Relevance follows the plain ranking but for rounding; from here on it does so exactly.
        let mut above = 1.0f32;
        for candidate in &mut candidates {
            above = above.min(quantise(candidate.relevance));
            candidate.relevance = above;
        }
        let dial = query
            .request
            .dial
            .unwrap_or_else(|| usual_dial(query, surprises));
        let floor = floor_of(query, surprises);
        let rows: Vec<Dialled> = candidates
            .iter()
            .map(|c| Dialled {
                relevance: c.relevance,
                delight: c.delight.unwrap_or(0.0),
                unexpectedness: c.unexpectedness.unwrap_or(1.0),
                family: query.family(c.product),
            })
            .collect();
        let least = surprises.least_delight();
        let (relevance_spread, delight_spread) = spreads(&rows, floor);
        let scale = candidates.first().map_or(1.0, |c| c.relevance).max(1e-4);
        let dialled = Dial {
            dial,
            scale,
            relevance_spread,
            delight_spread,
            floor,
            least_delight: least,
            least_unexpectedness: surprises.settings.least_unexpectedness,
        }
        .settled(&rows, slots);
        // What may come in, best first; everything in it is above the floor.
        let order = choose(&rows, &dialled, candidates.len());
        let ranked: Vec<(ProductIx, f32)> = order
            .iter()
            .map(|ix| (candidates[*ix].product, dialled.value(&rows[*ix])))
            .collect();
        let movable = order
            .iter()
            .take_while(|ix| !dialled.comes_last(&rows[**ix]))
            .count();
        // At dial 0 the list is the plain ranking: nothing is moved then.
        let mut whole = Whole::new(query, pins, true, dial);
        let mut composed = whole.compose(&ranked, movable, slots);
        let mut propensity = None;
        let draws = if slots == 1 {
            query.request.draw_lone
        } else {
            dial > 0.0 && composed.chosen.len() >= 2
        };
        if query.request.explore && draws && !composed.chosen.is_empty() {
            // The last slot is drawn among what is left: its best candidate keeps the largest chance.
            let mut before = Whole::new(query, pins, true, dial);
            let mut open = vec![true; ranked.len()];
            for at in &composed.chosen[..composed.chosen.len() - 1] {
                before.take(ranked[*at].0);
                open[*at] = false;
            }
            let fits = |at: &usize| open[*at] && before.refuses(ranked[*at].0).is_none();
            let mut left: Vec<usize> = (0..movable)
                .filter(|at| fits(at) && !before.is_crowded(ranked[*at].0))
                .collect();
            if left.is_empty() {
                left = (0..ranked.len()).filter(fits).collect();
            }
            let pool: Vec<(ProductIx, f64)> = left
                .iter()
                .map(|at| (ranked[*at].0, f64::from(ranked[*at].1)))
                .collect();
            let slot = composed.chosen.len() as u32;
            let options = ExploreOptions::default();
            if let Some(draw) = explore::draw(&pool, query.request.seed, slot, &options) {
                composed.chosen.pop();
                composed.chosen.push(left[draw.chosen]);
                propensity = Some(draw.propensity());
                arranged.draw = draw.candidates;
            }
        }
        if composed.chosen.len() < slots {
            if composed.capped() {
                arranged.notes.push(Note::Capped);
            }
            if candidates.iter().any(|c| c.relevance < floor) {
                arranged.notes.push(Note::Floor);
            }
        }
        let last = composed.chosen.last().map(|at| order[*at]);
        let mut place = vec![usize::MAX; candidates.len()];
        for (rank, at) in composed.chosen.iter().enumerate() {
            place[order[*at]] = rank;
        }
        let taken: HashSet<ProductIx> = composed
            .chosen
            .iter()
            .map(|at| rows[order[*at]].family)
            .chain(pins.iter().map(|pin| query.family(*pin)))
            .collect();
        let refused: HashMap<usize, &'static str> = composed
            .refused
            .iter()
            .map(|(at, by)| (order[*at], *by))
            .collect();
        let explained = Explained::new(query, surprises);
        let mut out: Vec<(usize, Item)> = Vec::with_capacity(composed.chosen.len());
        for (ix, mut candidate) in candidates.into_iter().enumerate() {
            if place[ix] == usize::MAX {
                let by = if candidate.relevance < floor {
                    "floor"
                } else if taken.contains(&rows[ix].family) {
                    "variant"
                } else {
                    refused.get(&ix).copied().unwrap_or("count")
                };
                arranged.removed.push(Removed {
                    product: candidate.product,
                    by,
                });
                continue;
            }
            candidate.floor = Some(floor);
            let delight = candidate.delight.unwrap_or(0.0);
            candidate.score = dialled.value(&rows[ix]);
            if dial > 0.0 {
                let part = dialled.delight_part(delight);
                let drivers = candidate.drivers.unwrap_or_default();
                let reasons = explained.reasons(candidate.product, drivers, part);
                candidate.reasons.extend(reasons);
            }
            if Some(ix) == last {
                candidate.propensity = propensity;
            }
            out.push((place[ix], candidate));
        }
        out.sort_by_key(|(rank, _)| *rank);
        arranged.chosen = out.into_iter().map(|(_, candidate)| candidate).collect();
        arranged
    }
}

/// The dial that suits the customer where the request names none.
fn usual_dial(query: &Query, surprises: &Surprises) -> f32 {
    let catalogue = &query.live.catalogue;
    let (history, now) = (query.customer.history, query.request.now);
    Appraisal::new(surprises, catalogue, history, now, &|_| None).dial()
}
