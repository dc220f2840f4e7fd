//! Goals that are met as far as stock and hard constraints allow, by the swaps that give up least value.
//!
//! In this order: minimum use, required categories, margin, fairness; a later goal does not undo an earlier one's lines.

use std::collections::HashSet;

use super::exchange::release;
use super::packing::SoftReport;
use super::problem::Problem;
use super::state::{Pick, State};

/// A swap of one line.
#[derive(Clone, Copy)]
struct Swap {
    loss: f64,
    b: u32,
    at: u32,
    candidate: u32,
}

fn by_loss(a: &Swap, b: &Swap) -> std::cmp::Ordering {
    a.loss
        .total_cmp(&b.loss)
        .then((a.b, a.at, a.candidate).cmp(&(b.b, b.at, b.candidate)))
}

fn line_loss(state: &State, b: usize, at: usize, candidate: u32) -> f64 {
    let pick = state.picks[b][at];
    let other = Pick {
        candidate,
        surprise: pick.surprise,
    };
    state.problem.value(pick) - state.problem.value(other)
}

fn do_swap(state: &mut State, swap: Swap) -> bool {
    let (b, at) = (swap.b as usize, swap.at as usize);
    let item = state.problem.item_of[swap.candidate as usize] as usize;
    if state.left[item] == 0 || !state.swap_fits(b, at, swap.candidate) {
        return false;
    }
    let old = state.item(state.picks[b][at]) as usize;
    state.left[old] += 1;
    state.left[item] -= 1;
    state.picks[b][at].candidate = swap.candidate;
    true
}

impl Problem {
    fn in_category(&self, item: u32, category: u32) -> bool {
        self.items[item as usize].categories.contains(&category)
    }
}

/// Improves the goals; answers nothing, [`report`] does.
pub(crate) fn meet(state: &mut State, fill: f64) {
    let rules = &state.problem.rules;
    for (item, units) in &rules.minimum_use {
        minimum_use(state, *item, *units);
    }
    let kept: HashSet<u32> = rules.minimum_use.iter().map(|(item, _)| *item).collect();
    for category in &rules.required_categories {
        require(state, *category, &kept);
    }
    if let Some(target) = rules.minimum_margin {
        margin(state, target, &kept);
    }
    if let Some(share) = rules.fairness {
        fairness(state, share, fill);
    }
}

/// Units used of the product of `item`, whatever their lot.
fn used(state: &State, item: u32) -> u32 {
    let problem = state.problem;
    (0..problem.items.len() as u32)
        .filter(|other| problem.same_product(*other, item))
        .map(|other| problem.items[other as usize].stock - state.left[other as usize])
        .sum()
}

fn minimum_use(state: &mut State, item: u32, units: u32) {
    let problem = state.problem;
    let mut swaps: Vec<Swap> = Vec::new();
    if used(state, item) >= units {
        return;
    }
    for (b, slots) in problem.boxes.iter().enumerate() {
        for candidate in slots.start as u32..slots.end as u32 {
            if !problem.same_product(problem.item_of[candidate as usize], item) {
                continue;
            }
            let best = (0..state.picks[b].len())
                .filter(|at| state.swap_fits(b, *at, candidate))
                .map(|at| Swap {
                    loss: line_loss(state, b, at, candidate),
                    b: b as u32,
                    at: at as u32,
                    candidate,
                })
                .filter(|swap| swap.loss.is_finite())
                .min_by(by_loss);
            swaps.extend(best);
        }
    }
    swaps.sort_by(by_loss);
    let mut missing = units - used(state, item);
    for swap in swaps {
        if missing == 0 {
            break;
        }
        let (b, at) = (swap.b as usize, swap.at as usize);
        // another lot of the same product may stand there by now
        if problem.same_product(state.item(state.picks[b][at]), item) {
            continue;
        }
        missing -= u32::from(do_swap(state, swap));
    }
}

/// Whether the line may go without undoing an earlier goal.
fn replaceable(state: &State, b: usize, at: usize, kept: &HashSet<u32>) -> bool {
    let problem = state.problem;
    let item = state.item(state.picks[b][at]);
    if kept.iter().any(|kept| problem.same_product(*kept, item)) {
        return false;
    }
    problem.rules.required_categories.iter().all(|category| {
        !problem.in_category(item, *category)
            || state.picks[b]
                .iter()
                .enumerate()
                .any(|(n, other)| n != at && problem.in_category(state.item(*other), *category))
            || problem.boxes[b]
                .fixed
                .iter()
                .any(|(fixed, _, _)| problem.in_category(*fixed, *category))
    })
}

fn lacks(state: &State, b: usize, category: u32) -> bool {
    let problem = state.problem;
    let open = state.picks[b].iter().map(|pick| state.item(*pick));
    let fixed = problem.boxes[b].fixed.iter().map(|(item, _, _)| *item);
    !open
        .chain(fixed)
        .any(|item| problem.in_category(item, category))
}

fn require(state: &mut State, category: u32, kept: &HashSet<u32>) {
    let problem = state.problem;
    for b in 0..problem.boxes.len() {
        if problem.boxes[b].locked || !lacks(state, b, category) {
            continue;
        }
        let slots = &problem.boxes[b];
        let mut swaps: Vec<Swap> = Vec::new();
        for candidate in slots.start as u32..slots.end as u32 {
            if !problem.in_category(problem.item_of[candidate as usize], category) {
                continue;
            }
            for at in 0..state.picks[b].len() {
                if replaceable(state, b, at, kept) {
                    swaps.push(Swap {
                        loss: line_loss(state, b, at, candidate),
                        b: b as u32,
                        at: at as u32,
                        candidate,
                    });
                }
            }
        }
        swaps.retain(|swap| swap.loss.is_finite());
        swaps.sort_by(by_loss);
        for swap in swaps {
            if do_swap(state, swap) {
                break;
            }
        }
    }
}

/// (Σ(price − cost), Σ price) of one item, if both are known.
fn money(problem: &Problem, item: u32) -> Option<(f64, f64)> {
    let item = &problem.items[item as usize];
    let (price, cost) = (f64::from(item.price?), f64::from(item.cost?));
    Some((price - cost, price))
}

fn margin_sums(state: &State) -> (f64, f64) {
    let problem = state.problem;
    let open = state.picks.iter().flatten().map(|pick| state.item(*pick));
    let fixed = problem
        .boxes
        .iter()
        .flat_map(|b| b.fixed.iter().map(|(item, _, _)| *item));
    open.chain(fixed)
        .filter_map(|item| money(problem, item))
        .fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

fn margin(state: &mut State, target: f64, kept: &HashSet<u32>) {
    let problem = state.problem;
    let (mut profit, mut revenue) = margin_sums(state);
    // what a line adds beyond the margin wanted
    let beyond = |item: u32| money(problem, item).map_or(0.0, |(m, p)| m - target * p);
    let mut swaps: Vec<Swap> = Vec::new();
    if profit >= target * revenue {
        return;
    }
    for (b, slots) in problem.boxes.iter().enumerate() {
        for at in 0..state.picks[b].len() {
            if !replaceable(state, b, at, kept) {
                continue;
            }
            let now = beyond(state.item(state.picks[b][at]));
            let best = (slots.start as u32..slots.end as u32)
                .filter_map(|candidate| {
                    let item = problem.item_of[candidate as usize];
                    let gain = beyond(item) - now;
                    let loss = line_loss(state, b, at, candidate);
                    let swap = Swap {
                        loss: loss / gain,
                        b: b as u32,
                        at: at as u32,
                        candidate,
                    };
                    (gain > 1e-9 && loss.is_finite() && state.left[item as usize] > 0)
                        .then_some(swap)
                })
                .min_by(by_loss);
            swaps.extend(best);
        }
    }
    swaps.sort_by(by_loss);
    for swap in swaps {
        if profit >= target * revenue {
            break;
        }
        let (b, at) = (swap.b as usize, swap.at as usize);
        let old = state.item(state.picks[b][at]);
        if !replaceable(state, b, at, kept) || !do_swap(state, swap) {
            continue;
        }
        let new = state.item(state.picks[b][at]);
        let (gone, come) = (money(problem, old), money(problem, new));
        profit += come.map_or(0.0, |m| m.0) - gone.map_or(0.0, |m| m.0);
        revenue += come.map_or(0.0, |m| m.1) - gone.map_or(0.0, |m| m.1);
    }
}

/// Values of all boxes, fixed lines included.
pub(crate) fn box_values(state: &State) -> Vec<f64> {
    let problem = state.problem;
    problem
        .boxes
        .iter()
        .zip(&state.picks)
        .map(|(slots, picks)| {
            let fixed: f64 = slots
                .fixed
                .iter()
                .map(|(_, _, value)| f64::from(*value))
                .sum();
            fixed + state.box_objective(picks, 0.0)
        })
        .collect()
}

/// Lifts boxes below the fair share by items that richer boxes release without falling below it themselves.
fn fairness(state: &mut State, share: f64, fill: f64) {
    for _ in 0..3 {
        let values = box_values(state);
        let least = share * percentile(&values, 0.5);
        let poor: Vec<usize> = (0..values.len())
            .filter(|b| values[*b] < least && !state.problem.boxes[*b].locked)
            .collect();
        if poor.is_empty() || release(state, fill, &poor, least, values) == 0 {
            break;
        }
    }
}

/// The value at `share` of the sorted `values`, lower of two; 0 without values.
fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (share * (sorted.len().saturating_sub(1)) as f64).floor() as usize;
    sorted.get(at).copied().unwrap_or(0.0)
}

/// How the goals stand.
pub(crate) fn report(state: &State, given_up: f64) -> SoftReport {
    let rules = &state.problem.rules;
    let values = box_values(state);
    let median = percentile(&values, 0.5);
    let boxes = 0..state.problem.boxes.len();
    let (profit, revenue) = margin_sums(state);
    SoftReport {
        missing_category: rules
            .required_categories
            .iter()
            .map(|category| {
                (
                    *category,
                    boxes
                        .clone()
                        .filter(|b| lacks(state, *b, *category))
                        .count() as u64,
                )
            })
            .collect(),
        minimum_use: rules
            .minimum_use
            .iter()
            .map(|(item, units)| (*item, *units, used(state, *item)))
            .collect(),
        margin: (revenue > 0.0).then(|| profit / revenue),
        median_value: median,
        p5_value: percentile(&values, 0.05),
        below_fair: rules.fairness.map_or(0, |share| {
            values.iter().filter(|v| **v < share * median).count() as u64
        }),
        given_up,
    }
}
