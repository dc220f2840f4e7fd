//! Arranger "dial": the surprise list, chosen by the dial above the floor, with its drawn slot.

use super::surprise_floor::floor_of;
use crate::explain::surprises::Explained;
use crate::rank::arrangers::by_score::sort;
use crate::rank::arrangers::list_quality::{Composed, Composer};
use crate::rank::{Arranged, Arranger, Item, Note, Query, Removed};
use crate::surprise::dial::{choose, Dial};
use crate::surprise::{explore, quantise, Dialled, Draw, ExploreOptions, Price, Surprises};
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
        let ranking = Ranking::new(query, surprises, &candidates);
        let mut composed = Composer::new(query, pins, true, ranking.asked).compose(
            &ranking.ranked,
            ranking.ranked.len(),
            slots,
        );
        let draw = draw_last(query, pins, slots, &ranking, &mut composed);
        arranged.notes = shortages(&ranking, &composed, slots);
        arranged.removed = removals(query, &ranking, &composed, &candidates, pins);
        arranged.chosen = chosen(query, surprises, &ranking, &composed, candidates);
        if let (Some(draw), Some(last)) = (draw, arranged.chosen.last_mut()) {
            last.propensity = Some(draw.propensity());
            arranged.draw = draw.candidates;
        }
        arranged
    }
}

/// Brings relevance onto fixed steps in the order of the plain ranking, which it follows but for rounding.
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
    /// How surely each must be wanted, at dial 0 how relevant it must be, 0…1.
    floor: f32,
    /// What the dial sees of each candidate, by position.
    rows: Vec<Dialled>,
    /// Whether each candidate is below the floor or not relevant enough.
    refused: Vec<bool>,
    /// Positions of what may come in, best first; all of it is above the floor.
    order: Vec<usize>,
    /// Product and worth of each of `order`.
    ranked: Vec<(ProductIx, f32)>,
}

impl Ranking {
    /// The order of `candidates`, which are sorted by the plain ranking. At dial 0 it is the plain ranking.
    fn new(query: &Query, surprises: &Surprises, candidates: &[Item]) -> Ranking {
        let asked = query.dial();
        let floor = floor_of(query, surprises);
        let rows: Vec<Dialled> = candidates
            .iter()
            .map(|c| Dialled {
                wanted: if asked > 0.0 {
                    c.wanted.unwrap_or(c.relevance)
                } else {
                    c.relevance
                },
                delight: c.delight.unwrap_or(0.0),
                price: if asked > 0.0 {
                    surprises.prices.of(c.product)
                } else {
                    Price::default()
                },
                family: query.family(c.product),
            })
            .collect();
        let dial = Dial::new(asked, &rows, floor);
        let least = query
            .request
            .surprise_floor
            .max(surprises.settings.floor_absolute);
        let refused: Vec<bool> = rows
            .iter()
            .zip(candidates)
            .map(|(row, c)| !dial.lets_in(row) || c.relevance < quantise(least))
            .collect();
        let order: Vec<usize> = choose(&rows, &dial, candidates.len())
            .into_iter()
            .filter(|ix| !refused[*ix])
            .collect();
        Ranking {
            asked,
            floor,
            ranked: order
                .iter()
                .map(|ix| (candidates[*ix].product, dial.worth(&rows[*ix])))
                .collect(),
            dial,
            rows,
            refused,
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
    let mut left: Vec<usize> = (0..ranked.len())
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
fn shortages(ranking: &Ranking, composed: &Composed, slots: usize) -> Vec<Note> {
    let mut notes = Vec::new();
    if composed.chosen.len() < slots {
        if composed.capped() {
            notes.push(Note::Capped);
        }
        if ranking.refused.contains(&true) {
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
            by: if ranking.refused[ix] {
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
            item.score = ranking.dial.worth(&ranking.rows[ix]);
            if ranking.asked > 0.0 {
                let part = ranking.dial.delight_part(&ranking.rows[ix]);
                let drivers = item.drivers.unwrap_or_default();
                let reasons = explained.reasons(item.product, drivers, part);
                item.reasons.extend(reasons);
            }
            Some(item)
        })
        .collect()
}
