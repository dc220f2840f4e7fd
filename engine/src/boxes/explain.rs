//! Why a packing is as it is: shadow prices, the constraint at fault in a short box, stand-ins.

use rayon::prelude::*;

use super::bound::piece;
use super::packing::{Fault, ShadowPrice, Shortfall, StandIn};
use super::problem::{is_laminar, Problem, Removal, Slots};
use super::solve_box::BoxSolver;
use super::state::{Pick, State};

/// Items of which nothing is left and more would help: those that fill slots first, then the dearest.
///
/// Prices hold the worth of a filled slot, which is no value: a unit is told to be worth no more than the box that values it
/// most.
pub(crate) fn shadow_prices(
    problem: &Problem,
    left: &[u32],
    prices: &[f64],
    fill: f64,
) -> Vec<ShadowPrice> {
    let mut most = vec![0.0f64; prices.len()];
    let values = problem.regular_value.iter().zip(&problem.surprise_value);
    for (item, (regular, surprise)) in problem.item_of.iter().zip(values) {
        let values = [regular, surprise].into_iter().filter(|v| v.is_finite());
        let best = values.fold(0.0, |a: f64, v| a.max(f64::from(*v)));
        let slot = &mut most[*item as usize];
        *slot = slot.max(best);
    }
    let mut out: Vec<ShadowPrice> = prices
        .iter()
        .zip(left)
        .zip(most)
        .enumerate()
        .filter(|(_, ((price, left), _))| **left == 0 && **price > 1e-6 * fill)
        .map(|(item, ((price, _), most))| ShadowPrice {
            item: item as u32,
            price: price.min(most),
            ten_more: 10.0 * price.min(most),
            fills: *price > 0.5 * fill,
        })
        .collect();
    out.sort_by(dearest);
    out
}

/// Order of shadow prices.
pub(crate) fn dearest(a: &ShadowPrice, b: &ShadowPrice) -> std::cmp::Ordering {
    let by_price = b.price.total_cmp(&a.price).then(a.item.cmp(&b.item));
    b.fills.cmp(&a.fills).then(by_price)
}

/// What a stand-in of the line's own leaf category counts more.
const ALIKE: f32 = 1.5;

/// What a stand-in counts that stands in for another line of the box already: two lines may be missing at once.
const TAKEN: f32 = 0.25;

/// The up to `count` best stand-ins of every open line, in order of boxes and their picks.
pub(crate) fn stand_ins(state: &State, count: usize) -> Vec<Vec<Vec<StandIn>>> {
    let problem = state.problem;
    let size = piece(state.picks.len());
    let boxes: Vec<usize> = (0..state.picks.len()).collect();
    let pieces: Vec<Vec<Vec<Vec<StandIn>>>> = boxes
        .par_chunks(size)
        .map(|boxes| {
            boxes
                .iter()
                .map(|b| {
                    let mut taken: Vec<u32> = Vec::new();
                    (0..state.picks[*b].len())
                        .map(|at| {
                            let found = line_stand_ins(problem, state, *b, at, count, &taken);
                            taken.extend(found.iter().map(|stand_in| stand_in.item));
                            found
                        })
                        .collect()
                })
                .collect()
        })
        .collect();
    pieces.into_iter().flatten().collect()
}

fn line_stand_ins(
    problem: &Problem,
    state: &State,
    b: usize,
    at: usize,
    count: usize,
    taken: &[u32],
) -> Vec<StandIn> {
    let pick = state.picks[b][at];
    let surprise = pick.surprise;
    let own = problem.item_of[pick.candidate as usize];
    let leaf = |item: u32| problem.items[item as usize].categories.first();
    let slots = &problem.boxes[b];
    // with the number that orders them
    let mut best: Vec<(f32, StandIn)> = Vec::with_capacity(count + 1);
    for candidate in slots.start as u32..slots.end as u32 {
        let item = problem.item_of[candidate as usize];
        let value = problem.value(Pick {
            candidate,
            surprise,
        }) as f32;
        let alike = leaf(own).is_some() && leaf(own) == leaf(item);
        let mut order = if alike { value * ALIKE } else { value };
        if taken.iter().any(|other| problem.same_product(*other, item)) {
            order *= TAKEN;
        }
        let enough = best.len() == count && best.last().is_none_or(|last| order <= last.0);
        if enough
            || problem.same_product(item, own)
            || best
                .iter()
                .any(|(_, other)| problem.same_product(other.item, item))
            || !value.is_finite()
            || state.left[item as usize] == 0
            || !state.swap_fits(b, at, candidate)
        {
            continue;
        }
        let place = best.partition_point(|(other, _)| *other >= order);
        best.insert(place, (order, StandIn { item, value }));
        best.truncate(count);
    }
    best.into_iter().map(|(_, stand_in)| stand_in).collect()
}

/// The shortfall of every box, `None` for full ones.
pub(crate) fn shortfalls(state: &State) -> Vec<Option<Shortfall>> {
    let problem = state.problem;
    let mut out: Vec<Option<Shortfall>> = vec![None; problem.boxes.len()];
    let mut short: Vec<usize> = Vec::new();
    for (b, slots) in problem.boxes.iter().enumerate() {
        let surprises = state.picks[b].iter().filter(|pick| pick.surprise).count();
        let regular = slots.regular - (state.picks[b].len() - surprises);
        let surprise = slots.surprise - surprises;
        if regular + surprise > 0 {
            short.push(b);
        } else if slots.pin_faults.is_empty() {
            continue;
        }
        out[b] = Some(Shortfall {
            regular,
            surprise,
            fault: Fault::Pin,
            pins: slots.pin_faults.clone(),
            removed: REMOVALS
                .into_iter()
                .map(|reason| (reason, slots.removed[reason as usize]))
                .filter(|(_, count)| *count > 0)
                .collect(),
            below_floor: slots.below_floor,
            words: Vec::new(),
        });
    }
    let mut open = short;
    let mut settle = |fault: Fault, relaxation: Option<Relaxation>, open: &mut Vec<usize>| {
        let full = fillable(problem, relaxation, open);
        let mut at = 0;
        open.retain(|b| {
            at += 1;
            if full[at - 1] {
                if let Some(shortfall) = &mut out[*b] {
                    shortfall.fault = fault;
                }
            }
            !full[at - 1]
        });
    };
    settle(Fault::Stock, None, &mut open);
    settle(Fault::RelevanceFloor, Some(Relaxation::Floor), &mut open);
    settle(Fault::CategoryCap, Some(Relaxation::Caps), &mut open);
    settle(Fault::Budget, Some(Relaxation::Limit(0)), &mut open);
    settle(Fault::Weight, Some(Relaxation::Limit(1)), &mut open);
    settle(Fault::Volume, Some(Relaxation::Limit(2)), &mut open);
    settle(Fault::Variants, Some(Relaxation::Variants), &mut open);
    for b in open {
        let slots = &problem.boxes[b];
        let open = slots.regular + slots.surprise;
        let suits = slots.end - slots.start;
        let too_big = slots.removed[Removal::TooBig as usize] as usize;
        let sold_out = slots.removed[Removal::OutOfStock as usize] as usize;
        let nothing_there = problem.items.iter().all(|item| item.stock == 0);
        if let Some(shortfall) = &mut out[b] {
            shortfall.fault = if nothing_there || (suits < open && suits + sold_out >= open) {
                Fault::Stock
            } else if suits >= open {
                Fault::Several
            } else if suits + too_big >= open {
                // what alone exceeds a limit was taken out before: the limit is at fault
                the_limit(slots)
            } else {
                Fault::NothingSuits
            };
        }
    }
    out
}

/// The one limit of a box, or that there are several.
fn the_limit(slots: &Slots) -> Fault {
    let faults = [Fault::Budget, Fault::Weight, Fault::Volume];
    let limits = slots.left.iter().zip(faults);
    let mut limited = limits.filter(|(left, _)| left.is_finite());
    match (limited.next(), limited.next()) {
        (Some((_, fault)), None) => fault,
        _ => Fault::Several,
    }
}

const REMOVALS: [Removal; Removal::COUNT] = [
    Removal::Excluded,
    Removal::Allergen,
    Removal::Unlabelled,
    Removal::Size,
    Removal::Repeated,
    Removal::Owned,
    Removal::Unmeasured,
    Removal::TooBig,
    Removal::PinnedVariant,
    Removal::OutOfStock,
    Removal::Hidden,
];

#[derive(Clone, Copy, PartialEq)]
enum Relaxation {
    Floor,
    Caps,
    Limit(usize),
    Variants,
}

/// Which of `boxes` could be filled alone, with unlimited stock and one constraint taken away.
fn fillable(problem: &Problem, relaxation: Option<Relaxation>, boxes: &[usize]) -> Vec<bool> {
    if boxes.is_empty() {
        return Vec::new();
    }
    let mut relaxed = Problem {
        items: problem.items.clone(),
        rules: problem.rules.clone(),
        measures: problem.measures.clone(),
        groups: problem.groups.clone(),
        caps: problem.caps.clone(),
        laminar: problem.laminar,
        boxes: Vec::with_capacity(boxes.len()),
        item_of: Vec::new(),
        regular_value: Vec::new(),
        surprise_value: Vec::new(),
        stock: problem.stock.clone(),
        ids: Default::default(),
    };
    match relaxation {
        Some(Relaxation::Caps) => {
            relaxed.groups.iter_mut().for_each(Vec::clear);
            relaxed.laminar = true;
        }
        Some(Relaxation::Variants) => {
            for (number, item) in relaxed.items.iter_mut().enumerate() {
                item.family = number as u32;
            }
            relaxed.laminar = is_laminar(&relaxed.items, &relaxed.groups, relaxed.caps.len());
        }
        _ => {}
    }
    for b in boxes {
        let slots = &problem.boxes[*b];
        let mut copy = slots.clone();
        copy.start = relaxed.item_of.len();
        for at in slots.start..slots.end {
            let suits =
                problem.surprise_value[at].is_finite() || relaxation == Some(Relaxation::Floor);
            relaxed.item_of.push(problem.item_of[at]);
            // only whether a slot can be filled matters here
            relaxed.regular_value.push(0.0);
            relaxed
                .surprise_value
                .push(if suits { 0.0 } else { f32::NEG_INFINITY });
        }
        copy.end = relaxed.item_of.len();
        if let Some(Relaxation::Limit(measure)) = relaxation {
            copy.left[measure] = f64::INFINITY;
        }
        relaxed.boxes.push(copy);
    }
    (0..boxes.len())
        .into_par_iter()
        .map_init(
            || BoxSolver::new(&relaxed, 1.0),
            |solver, b| {
                solver.solve(b, &|_| 0.0);
                solver.picks.len() == relaxed.boxes[b].regular + relaxed.boxes[b].surprise
            },
        )
        .collect()
}
