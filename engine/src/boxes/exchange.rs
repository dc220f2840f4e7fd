//! Better packings from a packing.
//!
//! Two moves. A box is solved again over its own items and what is left. And chains: box A gives item i up for j, box B
//! gives j up for k, … the last takes something that is left. The cheapest chain to release one unit of each item is a
//! shortest path in the graph of items (the residual graph of the transportation problem that packing is without
//! limits; Ahuja, Magnanti & Orlin, "Network Flows", 1993, ch. 9), found by Bellman–Ford rounds; a chain that costs less
//! than nothing is applied.

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::solve_box::BoxSolver;
use super::state::{Pick, State};

/// Most swaps in one chain.
const CHAIN: usize = 6;
/// Arcs kept per item, beside the one to what is left.
const ARCS: usize = 24;

/// One box gives an item up for another.
#[derive(Debug, Clone, Copy)]
struct Arc {
    to: u32,
    loss: f64,
    b: u32,
    at: u32,
    candidate: u32,
}

/// Solves every box again over its own items and what is left; answers the gain.
pub(crate) fn resolve_boxes(state: &mut State, fill: f64, stop: &dyn Fn() -> bool) -> f64 {
    let mut solver = BoxSolver::new(state.problem, fill);
    let mut gain = 0.0;
    for b in 0..state.picks.len() {
        if b % 1024 == 1023 && stop() {
            break;
        }
        let before = state.box_objective(&state.picks[b], fill);
        let old = state.clear(b);
        let left = &state.left;
        let solved = solver.solve(b, &|item| {
            if left[item as usize] > 0 {
                0.0
            } else {
                f64::INFINITY
            }
        });
        if solved.value > before + eps(fill) {
            gain += solved.value - before;
            state.place(b, &solver.picks);
        } else {
            state.place(b, &old);
        }
    }
    gain
}

/// Empties two to four boxes drawn by `seed`, solves them again one after the other at prices drawn between nothing and
/// 1.5 × `prices`, and keeps what is better; `tries` times. Finds what swaps of single lines cannot: limits on money,
/// weight or volume make a box's lines depend on one another.
pub(crate) fn recreate(state: &mut State, fill: f64, prices: &[f64], seed: u64, tries: usize) {
    let open: Vec<usize> = (0..state.picks.len())
        .filter(|b| state.problem.boxes[*b].end > state.problem.boxes[*b].start)
        .collect();
    if open.is_empty() {
        return;
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut solver = BoxSolver::new(state.problem, fill);
    for _ in 0..tries {
        let count = rng.gen_range(1..=4.min(open.len()));
        let mut boxes: Vec<usize> = (0..count)
            .map(|_| open[rng.gen_range(0..open.len())])
            .collect();
        boxes.sort_unstable();
        boxes.dedup();
        boxes.shuffle(&mut rng);
        let scale = rng.gen_range(0.0..1.5);
        let taboo: u32 = rng.gen_range(0..2 * prices.len() as u32);
        let objective = |state: &State| -> f64 {
            boxes
                .iter()
                .map(|b| state.box_objective(&state.picks[*b], fill))
                .sum()
        };
        let before = objective(state);
        let old: Vec<Vec<Pick>> = boxes.iter().map(|b| state.clear(*b)).collect();
        for (at, b) in boxes.iter().enumerate() {
            let left = &state.left;
            solver.solve(*b, &|item| {
                // the first box may have to do without one item, so that others can have it
                if left[item as usize] == 0 || (at == 0 && item == taboo) {
                    f64::INFINITY
                } else {
                    scale * prices[item as usize]
                }
            });
            state.place(*b, &solver.picks);
        }
        if objective(state) <= before + eps(fill) {
            boxes.iter().for_each(|b| drop(state.clear(*b)));
            for (b, picks) in boxes.iter().zip(&old) {
                state.place(*b, picks);
            }
        }
    }
}

fn eps(fill: f64) -> f64 {
    1e-9 * fill.max(1e-300)
}

/// Applies chains that gain, one sweep; answers the gain. `prices` only decide which arcs are kept.
pub(crate) fn chains(state: &mut State, fill: f64, prices: &[f64], stop: &dyn Fn() -> bool) -> f64 {
    let mut graph = Graph::new(state, prices);
    let mut gain = fill_slots(state, fill, prices, &mut graph, stop);
    let Graph { arcs, paths, .. } = graph;
    let mut starts: Vec<(f64, u32)> = paths
        .distance
        .last()
        .into_iter()
        .flatten()
        .enumerate()
        .filter(|(_, loss)| **loss < -eps(fill))
        .map(|(item, loss)| (*loss, item as u32))
        .collect();
    starts.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    for (_, item) in starts {
        let chain = paths.trace(&arcs, item);
        gain += apply(state, item, &chain, -eps(fill)).unwrap_or(0.0);
        // a walk that passes one item twice holds a closed chain, which may gain by itself
        for from in 0..chain.len() {
            let start = if from == 0 { item } else { chain[from - 1].to };
            if let Some(end) = (from..chain.len()).find(|at| chain[*at].to == start) {
                gain += apply(state, start, &chain[from..=end], -eps(fill)).unwrap_or(0.0);
            }
        }
    }
    gain
}

/// Who holds what, what they would take for it, and the cheapest chains: kept true while slots are filled one by one.
struct Graph {
    holders: Vec<Vec<(u32, u32)>>,
    arcs: Vec<Vec<Arc>>,
    paths: Paths,
    /// An empty place per item, to find arcs in.
    row: Vec<Arc>,
    /// Items whose arc to something left was dropped, because nothing was left of it any more.
    poorer: Vec<u32>,
}

impl Graph {
    fn new(state: &State, prices: &[f64]) -> Graph {
        let holders = all_holders(state);
        let arcs = all_arcs(state, prices, &holders);
        Graph {
            paths: Paths::new(&arcs, &state.left),
            row: vec![NO_ARC; holders.len()],
            holders,
            arcs,
            poorer: Vec::new(),
        }
    }

    /// Finds the arcs of `items` again; arcs that end in `gone`, of which nothing is left any more, are dropped for now.
    fn renew(&mut self, state: &State, prices: &[f64], mut items: Vec<u32>, gone: Option<u32>) {
        if let Some(gone) = gone {
            for (item, arcs) in self.arcs.iter_mut().enumerate() {
                let before = arcs.len();
                arcs.retain(|arc| arc.to != gone);
                if arcs.len() < before {
                    self.poorer.push(item as u32);
                }
            }
        }
        items.sort_unstable();
        items.dedup();
        // few items: handing them to other threads would take longer than looking
        for item in items {
            let at = item as usize;
            let some = some_of(&self.holders[at]);
            self.arcs[at] = item_arcs(state, prices, at, &some, &mut self.row);
        }
        self.paths = Paths::new(&self.arcs, &state.left);
    }

    /// Finds again what was dropped; whether anything was.
    fn enrich(&mut self, state: &State, prices: &[f64]) -> bool {
        let poorer = std::mem::take(&mut self.poorer);
        let any = !poorer.is_empty();
        if any {
            self.renew(state, prices, poorer, None);
        }
        any
    }

    /// Notes that the lines of `chain` moved on, the first one having held `released`.
    fn moved(&mut self, released: u32, chain: &[Arc]) {
        let mut from = released;
        for arc in chain {
            let place = (arc.b, arc.at);
            self.holders[from as usize].retain(|holder| *holder != place);
            self.holders[arc.to as usize].push(place);
            from = arc.to;
        }
    }
}

/// Holders of an item that are asked when its arcs are found again: a look at all of them for every slot would cost the
/// square of the number of boxes.
const ASKED: usize = 64;

/// At most [`ASKED`] of `holders`, evenly spread.
fn some_of(holders: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let step = holders.len().div_ceil(ASKED).max(1);
    holders.iter().step_by(step).copied().collect()
}

/// Boxes in a row that find nothing before the rest is left empty.
const PATIENCE: usize = 300;
/// Times that chains are found again for one slot.
const AGAIN: usize = 4;

/// Gives empty slots an item that others release.
fn fill_slots(
    state: &mut State,
    fill: f64,
    prices: &[f64],
    graph: &mut Graph,
    stop: &dyn Fn() -> bool,
) -> f64 {
    let problem = state.problem;
    let mut gain = 0.0;
    let mut in_vain = 0;
    for (b, slots) in problem.boxes.iter().enumerate() {
        if state.picks[b].len() == slots.regular + slots.surprise {
            continue;
        }
        for surprise in [false, true] {
            let open = if surprise {
                slots.surprise
            } else {
                slots.regular
            };
            let mut filled = state.picks[b]
                .iter()
                .filter(|p| p.surprise == surprise)
                .count();
            while filled < open {
                if in_vain > PATIENCE || stop() {
                    return gain;
                }
                if !has_candidate(state, b, surprise) {
                    // nothing that others release could help: that says nothing about the next box
                    break;
                }
                match fill_slot(state, fill, prices, graph, b, surprise) {
                    Some(net) => {
                        gain += net;
                        filled += 1;
                        in_vain = 0;
                    }
                    None => {
                        in_vain += 1;
                        break;
                    }
                }
            }
        }
    }
    gain
}

/// Whether box `b` has a candidate for such a slot that fits beside what it holds.
fn has_candidate(state: &State, b: usize, surprise: bool) -> bool {
    let problem = state.problem;
    let slots = &problem.boxes[b];
    (slots.start as u32..slots.end as u32).any(|candidate| {
        let pick = Pick {
            candidate,
            surprise,
        };
        problem.value(pick).is_finite() && problem.fits_beside(b, &state.picks[b], None, candidate)
    })
}

/// Fills one slot of box `b`; answers the gain.
fn fill_slot(
    state: &mut State,
    fill: f64,
    prices: &[f64],
    graph: &mut Graph,
    b: usize,
    surprise: bool,
) -> Option<f64> {
    let problem = state.problem;
    let slots = &problem.boxes[b];
    for _ in 0..AGAIN {
        let distance = graph.paths.distance.last()?;
        let mut choices: Vec<(f64, u32)> = (slots.start..slots.end)
            .filter_map(|at| {
                let candidate = at as u32;
                let pick = Pick {
                    candidate,
                    surprise,
                };
                let loss = distance[problem.item_of[at] as usize];
                let net = problem.value(pick) + fill - loss;
                (net > eps(fill)).then_some((net, candidate))
            })
            .collect();
        choices.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        choices.retain(|(_, candidate)| problem.fits_beside(b, &state.picks[b], None, *candidate));
        let mut stale: Vec<u32> = Vec::new();
        for (net, candidate) in choices.into_iter().take(20) {
            let item = problem.item_of[candidate as usize];
            let mut chain = Vec::new();
            if state.left[item as usize] == 0 {
                chain = graph.paths.trace(&graph.arcs, item);
                let own = chain.iter().any(|arc| arc.b as usize == b);
                let closed = chain.last().is_none_or(|last| last.to == item);
                if own || closed {
                    continue;
                }
                let most = problem.value(Pick {
                    candidate,
                    surprise,
                }) + fill;
                if apply(state, item, &chain, most).is_none() {
                    stale.push(item);
                    stale.extend(chain.iter().map(|arc| arc.to));
                    continue;
                }
                graph.moved(item, &chain);
            }
            graph.holders[item as usize].push((b as u32, state.picks[b].len() as u32));
            state.place(
                b,
                &[Pick {
                    candidate,
                    surprise,
                }],
            );
            stale.push(item);
            stale.extend(chain.iter().map(|arc| arc.to));
            let last = chain.last().map_or(item, |arc| arc.to);
            let gone = (state.left[last as usize] == 0).then_some(last);
            graph.renew(state, prices, stale, gone);
            return Some(net);
        }
        if !stale.is_empty() {
            graph.renew(state, prices, stale, None);
        } else if !graph.enrich(state, prices) {
            return None;
        }
    }
    None
}

/// Applies a chain that releases one unit of `released`, if it still holds and loses at most `most`; answers what it
/// gained.
fn apply(state: &mut State, released: u32, chain: &[Arc], most: f64) -> Option<f64> {
    let problem = state.problem;
    let last = chain.last()?;
    let mut loss = 0.0;
    let mut from = released;
    for (at, arc) in chain.iter().enumerate() {
        if chain[..at].iter().any(|other| other.b == arc.b) {
            return None;
        }
        let pick = *state.picks[arc.b as usize].get(arc.at as usize)?;
        let item = state.item(pick);
        if from != item {
            return None;
        }
        if !state.swap_fits(arc.b as usize, arc.at as usize, arc.candidate) {
            return None;
        }
        let value = problem.value(Pick {
            candidate: arc.candidate,
            surprise: pick.surprise,
        });
        loss += problem.value(pick) - value;
        from = arc.to;
    }
    // a closed chain hands its own unit round
    let supplied = state.left[last.to as usize] > 0 || last.to == released;
    if !supplied || loss.is_nan() || loss > most {
        return None;
    }
    state.left[released as usize] += 1;
    for arc in chain {
        state.picks[arc.b as usize][arc.at as usize].candidate = arc.candidate;
    }
    state.left[last.to as usize] -= 1;
    Some(-loss)
}

const NO_ARC: Arc = Arc {
    to: u32::MAX,
    loss: f64::INFINITY,
    b: 0,
    at: 0,
    candidate: 0,
};

/// For every item, the lines that hold it.
fn all_holders(state: &State) -> Vec<Vec<(u32, u32)>> {
    let mut holders: Vec<Vec<(u32, u32)>> = vec![Vec::new(); state.problem.items.len()];
    for (b, picks) in state.picks.iter().enumerate() {
        for (at, pick) in picks.iter().enumerate() {
            holders[state.item(*pick) as usize].push((b as u32, at as u32));
        }
    }
    holders
}

/// For every item, the cheapest swaps of a holder to another item.
fn all_arcs(state: &State, prices: &[f64], holders: &[Vec<(u32, u32)>]) -> Vec<Vec<Arc>> {
    let items = holders.len();
    (0..items)
        .into_par_iter()
        .map_init(
            || vec![NO_ARC; items],
            |row, item| item_arcs(state, prices, item, &holders[item], row),
        )
        .collect()
}

/// The cheapest swaps of a holder of `item` to another one; `row` has an empty place per item, before and after.
fn item_arcs(
    state: &State,
    prices: &[f64],
    item: usize,
    holders: &[(u32, u32)],
    row: &mut [Arc],
) -> Vec<Arc> {
    let problem = state.problem;
    let mut free = NO_ARC;
    let mut touched: Vec<u32> = Vec::new();
    for (b, at) in holders {
        let pick = state.picks[*b as usize][*at as usize];
        let value = problem.value(pick);
        let slots = &problem.boxes[*b as usize];
        for candidate in slots.start..slots.end {
            let to = problem.item_of[candidate];
            if to as usize == item {
                continue;
            }
            let other = problem.value(Pick {
                candidate: candidate as u32,
                surprise: pick.surprise,
            });
            let loss = value - other;
            let left = state.left[to as usize] > 0;
            let known = if left {
                free.loss
            } else {
                row[to as usize].loss
            };
            if loss.is_nan()
                || loss >= known
                || !state.swap_fits(*b as usize, *at as usize, candidate as u32)
            {
                continue;
            }
            let arc = Arc {
                to,
                loss,
                b: *b,
                at: *at,
                candidate: candidate as u32,
            };
            if left {
                free = arc;
            } else {
                if row[to as usize].to == u32::MAX {
                    touched.push(to);
                }
                row[to as usize] = arc;
            }
        }
    }
    touched.sort_unstable();
    let mut arcs: Vec<Arc> = touched
        .iter()
        .map(|to| std::mem::replace(&mut row[*to as usize], NO_ARC))
        .collect();
    let reduced = |arc: &Arc| arc.loss + prices[arc.to as usize];
    arcs.sort_by(|a, b| reduced(a).total_cmp(&reduced(b)).then(a.to.cmp(&b.to)));
    arcs.truncate(ARCS);
    if free.to != u32::MAX {
        arcs.push(free);
    }
    arcs
}

/// Items whose paths one thread finds at a time.
const PATHS_AT_ONCE: usize = 4_096;

/// Least loss at which one unit of each item can be released, by chains of at most k swaps.
struct Paths {
    /// Least loss to release one unit, as `distance[swaps][item]`.
    distance: Vec<Vec<f64>>,
    /// The first arc of the best chain, where the k-th round improved it.
    next: Vec<Vec<Option<u32>>>,
}

impl Paths {
    fn new(arcs: &[Vec<Arc>], left: &[u32]) -> Paths {
        let start: Vec<f64> = left
            .iter()
            .map(|left| if *left > 0 { 0.0 } else { f64::INFINITY })
            .collect();
        let mut distance = vec![start];
        let mut next = vec![vec![None; left.len()]];
        for k in 0..CHAIN {
            let before = &distance[k];
            // found again for every slot that is filled: a piece of work should be worth a thread
            let (now, first): (Vec<f64>, Vec<Option<u32>>) = arcs
                .par_iter()
                .with_min_len(PATHS_AT_ONCE)
                .enumerate()
                .map(|(item, arcs)| {
                    let mut best = (before[item], None);
                    for (at, arc) in arcs.iter().enumerate() {
                        let loss = arc.loss + before[arc.to as usize];
                        if loss < best.0 - 1e-15 {
                            best = (loss, Some(at as u32));
                        }
                    }
                    best
                })
                .unzip();
            distance.push(now);
            next.push(first);
        }
        Paths { distance, next }
    }

    fn trace(&self, arcs: &[Vec<Arc>], item: u32) -> Vec<Arc> {
        let mut chain = Vec::new();
        let mut item = item as usize;
        for k in (1..self.distance.len()).rev() {
            if let Some(at) = self.next[k][item] {
                let arc = arcs[item][at as usize];
                chain.push(arc);
                item = arc.to as usize;
            }
        }
        chain
    }
}

/// Gives each of the `poor` boxes better items that others release by chains, as long as nobody in the chain falls below
/// `least` in `values`, until the box reaches it; answers how many lines changed.
pub(crate) fn release(
    state: &mut State,
    fill: f64,
    poor: &[usize],
    least: f64,
    mut values: Vec<f64>,
) -> usize {
    let problem = state.problem;
    let prices = vec![0.0; problem.items.len()];
    let arcs = all_arcs(state, &prices, &all_holders(state));
    let paths = Paths::new(&arcs, &state.left);
    let mut changed = 0;
    for b in poor {
        let slots = &problem.boxes[*b];
        for at in 0..state.picks[*b].len() {
            if values[*b] >= least {
                break;
            }
            let pick = state.picks[*b][at];
            let value = |candidate: u32| {
                problem.value(Pick {
                    candidate,
                    surprise: pick.surprise,
                })
            };
            let now = value(pick.candidate);
            let mut better: Vec<u32> = (slots.start as u32..slots.end as u32)
                .filter(|c| value(*c) > now + eps(fill) && state.swap_fits(*b, at, *c))
                .collect();
            better.sort_by(|a, c| value(*c).total_cmp(&value(*a)).then(a.cmp(c)));
            for candidate in better.into_iter().take(20) {
                let item = problem.item_of[candidate as usize];
                let chain = if state.left[item as usize] > 0 {
                    Vec::new()
                } else {
                    paths.trace(&arcs, item)
                };
                let closed = chain.last().is_none_or(|last| last.to == item);
                if closed && state.left[item as usize] == 0 {
                    continue;
                }
                let robs = chain
                    .iter()
                    .any(|arc| arc.b as usize == *b || values[arc.b as usize] - arc.loss < least);
                if robs
                    || (!chain.is_empty() && apply(state, item, &chain, f64::INFINITY).is_none())
                {
                    continue;
                }
                for arc in &chain {
                    values[arc.b as usize] -= arc.loss;
                }
                let old = state.item(pick) as usize;
                state.left[old] += 1;
                state.left[item as usize] -= 1;
                state.picks[*b][at].candidate = candidate;
                values[*b] += value(candidate) - now;
                changed += 1;
                break;
            }
        }
    }
    changed
}
