//! Arranger "dial": the surprise list, chosen by the dial above the floor, with its drawn slot.

use super::surprise_floor::floor_of;
use crate::explain::surprises::Explained;
use crate::rank::arrangers::by_score::sort;
use crate::rank::arrangers::list_quality::{Composed, Composer};
use crate::rank::{Arranged, Arranger, Item, Note, Query, Removed};
use crate::surprise::dial::{choose, spreads, Dial};
use crate::surprise::{explore, quantise, Dialled, Draw, ExploreOptions, Surprises};
use serendib_shop::ProductIx;
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
        quantise_in_order(&mut candidates);
        let ranking = Ranking::new(query, surprises, &candidates, slots);
        let mut composed = Composer::new(query, pins, true, ranking.asked).compose(
            &ranking.ranked,
            ranking.movable,
            slots,
        );
        let draw = draw_last(query, pins, slots, &ranking, &mut composed);
        arranged.notes = shortages(&ranking, &composed, &candidates, slots);
        arranged.removed = removals(query, &ranking, &composed, &candidates, pins);
        arranged.chosen = chosen(query, surprises, &ranking, &composed, candidates);
        if let (Some(draw), Some(last)) = (draw, arranged.chosen.last_mut()) {
            last.propensity = Some(draw.propensity());
            arranged.draw = draw.candidates;
        }
        arranged
    }
}

/// Brings relevance onto the steps of the dial. It follows the plain ranking but for rounding; from here on it does so
/// exactly.
fn quantise_in_order(candidates: &mut [Item]) {
    let mut above = 1.0f32;
    for candidate in candidates {
        above = above.min(quantise(candidate.relevance));
        candidate.relevance = above;
    }
}

/// Candidates in the order in which the dial lets them in.
struct Ranking {
    /// The dial of the request, or the customer's own, 0…1.
    asked: f32,
    /// The dial as it suits these candidates.
    dial: Dial,
    /// Least relevance of a surprise, 0…1.
    floor: f32,
    /// What the dial sees of each candidate, by position.
    rows: Vec<Dialled>,
    /// Positions of what may come in, best first; all of it is above the floor.
    order: Vec<usize>,
    /// Product and value of each of `order`.
    ranked: Vec<(ProductIx, f32)>,
    /// How many of `order` come before those that are let in only where the list would be short.
    movable: usize,
}

impl Ranking {
    /// The order of `candidates`, which are sorted by the plain ranking, for a list of `slots`.
    fn new(query: &Query, surprises: &Surprises, candidates: &[Item], slots: usize) -> Ranking {
        let own = || query.appraiser.map_or(0.0, |a| a.appraisal().dial());
        let asked = query.request.dial.unwrap_or_else(own);
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
        let (relevance_spread, delight_spread) = spreads(&rows, floor);
        let dial = Dial {
            dial: asked,
            scale: candidates.first().map_or(1.0, |c| c.relevance).max(1e-4),
            relevance_spread,
            delight_spread,
            floor,
            least_delight: surprises.least_delight(),
            least_unexpectedness: surprises.settings.least_unexpectedness,
        }
        .settled(&rows, slots);
        let order = choose(&rows, &dial, candidates.len());
        Ranking {
            asked,
            floor,
            ranked: order
                .iter()
                .map(|ix| (candidates[*ix].product, dial.value(&rows[*ix])))
                .collect(),
            movable: order
                .iter()
                .take_while(|ix| !dial.comes_last(&rows[**ix]))
                .count(),
            dial,
            rows,
            order,
        }
    }
}

/// Draws the last place among what is left, where the request explores; its best candidate keeps the largest chance. At
/// dial 0 the list is the plain ranking: nothing is drawn then.
fn draw_last(
    query: &Query,
    pins: &[ProductIx],
    slots: usize,
    ranking: &Ranking,
    composed: &mut Composed,
) -> Option<Draw> {
    let draws = if slots == 1 {
        query.request.draw_lone
    } else {
        ranking.asked > 0.0 && composed.chosen.len() >= 2
    };
    if !query.request.explore || !draws || composed.chosen.is_empty() {
        return None;
    }
    let ranked = &ranking.ranked;
    let mut before = Composer::new(query, pins, true, ranking.asked);
    let mut open = vec![true; ranked.len()];
    for at in &composed.chosen[..composed.chosen.len() - 1] {
        before.take(ranked[*at].0);
        open[*at] = false;
    }
    let fits = |at: &usize| open[*at] && before.refuses(ranked[*at].0).is_none();
    let mut left: Vec<usize> = (0..ranking.movable)
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
    let draw = explore::draw(&pool, query.request.seed, slot, &options)?;
    composed.chosen.pop();
    composed.chosen.push(left[draw.chosen]);
    Some(draw)
}

/// Why the list is short, where it is.
fn shortages(
    ranking: &Ranking,
    composed: &Composed,
    candidates: &[Item],
    slots: usize,
) -> Vec<Note> {
    let mut notes = Vec::new();
    if composed.chosen.len() < slots {
        if composed.capped() {
            notes.push(Note::Capped);
        }
        if candidates.iter().any(|c| c.relevance < ranking.floor) {
            notes.push(Note::Floor);
        }
    }
    notes
}

/// Every candidate that is not in the list, with the rule that left it out.
fn removals(
    query: &Query,
    ranking: &Ranking,
    composed: &Composed,
    candidates: &[Item],
    pins: &[ProductIx],
) -> Vec<Removed> {
    let chosen: HashSet<usize> = composed
        .chosen
        .iter()
        .map(|at| ranking.order[*at])
        .collect();
    let taken: HashSet<ProductIx> = chosen
        .iter()
        .map(|ix| ranking.rows[*ix].family)
        .chain(pins.iter().map(|pin| query.family(*pin)))
        .collect();
    let refused: HashMap<usize, &'static str> = composed
        .refused
        .iter()
        .map(|(at, by)| (ranking.order[*at], *by))
        .collect();
    let left_out = candidates.iter().enumerate();
    left_out
        .filter(|(ix, _)| !chosen.contains(ix))
        .map(|(ix, candidate)| Removed {
            product: candidate.product,
            by: if candidate.relevance < ranking.floor {
                "floor"
            } else if taken.contains(&ranking.rows[ix].family) {
                "variant"
            } else {
                refused.get(&ix).copied().unwrap_or("count")
            },
        })
        .collect()
}

/// The items of the list in order, with their values and, at a dial above 0, what they are a surprise for.
fn chosen(
    query: &Query,
    surprises: &Surprises,
    ranking: &Ranking,
    composed: &Composed,
    candidates: Vec<Item>,
) -> Vec<Item> {
    let explained = Explained::new(query, surprises);
    let mut candidates: Vec<Option<Item>> = candidates.into_iter().map(Some).collect();
    let order = composed.chosen.iter().map(|at| ranking.order[*at]);
    order
        .filter_map(|ix| {
            let mut item = candidates[ix].take()?;
            item.floor = Some(ranking.floor);
            item.score = ranking.dial.value(&ranking.rows[ix]);
            if ranking.asked > 0.0 {
                let part = ranking.dial.delight_part(item.delight.unwrap_or(0.0));
                let drivers = item.drivers.unwrap_or_default();
                let reasons = explained.reasons(item.product, drivers, part);
                item.reasons.extend(reasons);
            }
            Some(item)
        })
        .collect()
}
