//! From contents at prices, which may ask for more than there is, to a packing that oversells nothing.

use rayon::prelude::*;

use super::bound::piece;
use super::problem::Problem;
use super::solve_box::BoxSolver;
use super::state::{Pick, State};

/// Every box in turn takes the best of what is left, at no price: what a packer without prices does.
pub(crate) fn plain_greedy(problem: &Problem, fill: f64) -> State<'_> {
    let mut state = State::empty(problem);
    let mut solver = BoxSolver::new(problem, fill);
    for b in 0..problem.boxes.len() {
        let left = &state.left;
        solver.solve(b, &|item| {
            if left[item as usize] > 0 {
                0.0
            } else {
                f64::INFINITY
            }
        });
        state.place(b, &solver.picks);
    }
    state
}

/// Contents at `prices`, cut down to the stock: an item goes to the boxes that would lose most without it, the others
/// choose again, those with most to lose first, from what is left at the same prices.
pub(crate) fn from_prices<'p>(problem: &'p Problem, fill: f64, prices: &[f64]) -> State<'p> {
    let (contents, regrets) = priced_contents(problem, fill, prices);
    let mut holders: Vec<Vec<(f32, u32)>> = vec![Vec::new(); problem.items.len()];
    for (b, (picks, regrets)) in contents.iter().zip(&regrets).enumerate() {
        for (pick, regret) in picks.iter().zip(regrets) {
            holders[problem.item_of[pick.candidate as usize] as usize].push((*regret, b as u32));
        }
    }
    let mut state = State::empty(problem);
    let mut loses: Vec<(f32, u32)> = Vec::new();
    let mut dropped: Vec<bool> = vec![false; problem.boxes.len()];
    for (item, holders) in holders.iter_mut().enumerate() {
        let stock = problem.stock[item] as usize;
        if holders.len() > stock {
            holders.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            for (regret, b) in holders.drain(stock..) {
                if !dropped[b as usize] {
                    dropped[b as usize] = true;
                    loses.push((regret, b));
                }
            }
        }
    }
    // kept lines first, also those of boxes that lose another line: they choose again one by one below
    let mut keeps: Vec<Vec<u32>> = vec![Vec::new(); problem.boxes.len()];
    for (item, holders) in holders.iter().enumerate() {
        for (_, b) in holders {
            keeps[*b as usize].push(item as u32);
        }
    }
    for (b, picks) in contents.iter().enumerate() {
        let kept: Vec<Pick> = picks
            .iter()
            .filter(|pick| keeps[b].contains(&problem.item_of[pick.candidate as usize]))
            .copied()
            .collect();
        state.place(b, &kept);
    }
    loses.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut solver = BoxSolver::new(problem, fill);
    for (_, b) in loses {
        let b = b as usize;
        state.clear(b);
        let left = &state.left;
        solver.solve(b, &|item| {
            if left[item as usize] > 0 {
                prices[item as usize]
            } else {
                f64::INFINITY
            }
        });
        state.place(b, &solver.picks);
    }
    state
}

/// The best content of every box at `prices`, and what each line is better than the best item left out.
#[allow(clippy::type_complexity)]
fn priced_contents(
    problem: &Problem,
    fill: f64,
    prices: &[f64],
) -> (Vec<Vec<Pick>>, Vec<Vec<f32>>) {
    let size = piece(problem.boxes.len());
    let count = problem.boxes.len().div_ceil(size);
    let pieces: Vec<Vec<(Vec<Pick>, Vec<f32>)>> = (0..count)
        .into_par_iter()
        .map(|piece| {
            let mut solver = BoxSolver::new(problem, fill);
            let price = |item: u32| prices[item as usize];
            let end = ((piece + 1) * size).min(problem.boxes.len());
            (piece * size..end)
                .map(|b| {
                    solver.solve(b, &price);
                    let next = |list: &[(f64, u32)]| {
                        list.iter()
                            .find(|(_, candidate)| {
                                !solver.picks.iter().any(|pick| pick.candidate == *candidate)
                            })
                            .map_or(0.0, |(value, _)| *value)
                    };
                    let (regular, surprise) = (next(&solver.regulars), next(&solver.surprises));
                    let regrets = solver
                        .picks
                        .iter()
                        .map(|pick| {
                            let item = problem.item_of[pick.candidate as usize] as usize;
                            let gain = problem.value(*pick) + fill - prices[item];
                            (gain - if pick.surprise { surprise } else { regular }) as f32
                        })
                        .collect();
                    (solver.picks.clone(), regrets)
                })
                .collect()
        })
        .collect();
    pieces.into_iter().flatten().unzip()
}
