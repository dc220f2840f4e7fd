//! Surprise lines drawn at random among near-equal ones, so that what boxes teach is not only what was expected.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::packing::Draw;
use super::state::{Pick, State};
use serendib_shop::stable_hash;

/// Most items in one draw.
const WIDEST: usize = 10;

/// Redraws one surprise line in `one_in` uniformly among itself and items that are left, obey all constraints and are
/// worth at most the share `tolerance` of the line's value less. Answers the draw of each pick, in order of boxes.
pub(crate) fn explore(
    state: &mut State,
    one_in: u32,
    tolerance: f64,
    seed: u64,
) -> Vec<Vec<Option<Draw>>> {
    let problem = state.problem;
    let chance = 1.0 / f64::from(one_in.max(1));
    let mut out: Vec<Vec<Option<Draw>>> = Vec::with_capacity(state.picks.len());
    for b in 0..state.picks.len() {
        let slots = &problem.boxes[b];
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ stable_hash(slots.id.as_bytes()));
        let mut draws = vec![None; state.picks[b].len()];
        for (at, draw) in draws.iter_mut().enumerate() {
            let pick = state.picks[b][at];
            if !pick.surprise {
                continue;
            }
            let value = problem.value(pick);
            let least = value - tolerance * value.abs();
            let mut near: Vec<(f64, u32)> = (slots.start as u32..slots.end as u32)
                .filter_map(|candidate| {
                    let other = problem.value(Pick {
                        candidate,
                        surprise: true,
                    });
                    let item = problem.item_of[candidate as usize];
                    let own = problem.item_of[pick.candidate as usize];
                    let allowed = !problem.same_product(item, own)
                        && other >= least
                        && state.left[item as usize] > 0
                        && state.swap_fits(b, at, candidate);
                    allowed.then_some((other, candidate))
                })
                .collect();
            near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            // lots of one product are one choice
            near.dedup_by(|b, a| {
                let item = |n: &(f64, u32)| problem.item_of[n.1 as usize];
                problem.same_product(item(a), item(b))
            });
            near.truncate(WIDEST - 1);
            let choices: Vec<u32> = std::iter::once(pick.candidate)
                .chain(near.into_iter().map(|(_, candidate)| candidate))
                .collect();
            let share = chance / choices.len() as f64;
            let propensity = |n: usize| share + if n == 0 { 1.0 - chance } else { 0.0 };
            let drawn = if rng.gen::<f64>() < chance {
                rng.gen_range(0..choices.len())
            } else {
                0
            };
            let item = |n: usize| problem.item_of[choices[n] as usize];
            if drawn > 0 {
                state.left[item(0) as usize] += 1;
                state.left[item(drawn) as usize] -= 1;
                state.picks[b][at].candidate = choices[drawn];
            }
            *draw = Some(Draw {
                propensity: propensity(drawn),
                candidates: (0..choices.len())
                    .map(|n| (item(n), propensity(n)))
                    .collect(),
            });
        }
        out.push(draws);
    }
    out
}
