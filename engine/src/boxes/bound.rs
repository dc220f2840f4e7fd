//! Prices on stock, and the dual bound that they prove.
//!
//! The dual function g(λ) = Σ_b max_x Σ (value + fill − λ) + Σ_i λ_i · stock_i is convex and piecewise linear. With many
//! boxes it is nearly smooth, so prices move by a damped diagonal Newton step: the demand that exceeds the stock, over
//! the number of boxes per unit of price that would change their mind near the present one. The step is confined to a
//! trust region that shrinks, which makes it a subgradient method where demand is too lumpy for a slope.
//!
//! Prices are those of the whole market, so a sample of many boxes finds them nearly: the first rounds ask only the
//! sample, the last ones everybody. Only what everybody was asked proves a bound.

use rayon::prelude::*;

use super::problem::{Problem, MEASURES};
use super::solve_box::BoxSolver;

/// Boxes per parallel piece of work; fixed, so that sums do not depend on the number of threads.
pub(crate) fn piece(boxes: usize) -> usize {
    boxes.div_ceil(64).max(32)
}

/// Boxes that are asked first where there are many more.
const SAMPLE: usize = 10_000;
/// Most rounds in which only the sample is asked.
const SAMPLED_ROUNDS: u32 = 75;

/// Whether box `b` is in a sample of one in `stride`: spread by a hash, so that the order of boxes does not matter.
fn sampled(b: usize, stride: usize) -> bool {
    stride <= 1
        || ((b as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33).is_multiple_of(stride as u64)
}

/// What boxes ask for at given prices.
pub(crate) struct Demand {
    /// g(λ), fill included.
    pub bound: f64,
    /// Units asked for, per item.
    pub used: Vec<u32>,
    /// Boxes near indifference, per item.
    near: Vec<u32>,
    /// Open slots of the boxes that were asked.
    slots: u64,
}

impl Demand {
    fn none(items: usize) -> Demand {
        Demand {
            bound: 0.0,
            used: vec![0; items],
            near: vec![0; items],
            slots: 0,
        }
    }
}

/// How boxes are asked what they want.
struct Question<'a> {
    /// What a filled slot is worth beside its line.
    fill: f64,
    /// Price of a unit of each item.
    prices: &'a [f64],
    /// How near to the last line that fits a line counts as near, in units of value.
    width: f64,
    /// How far the multipliers of limited boxes are moved, ≥ 0.
    rate: f64,
    /// One box in so many is asked; above 1 what is answered is an estimate for all.
    stride: usize,
}

/// Evaluates g at the prices of `question`, and moves the `multipliers` of limited boxes a step.
fn demand(problem: &Problem, multipliers: &mut [[f64; MEASURES]], question: &Question) -> Demand {
    let Question {
        fill,
        prices,
        width,
        rate,
        stride,
    } = *question;
    let size = piece(problem.boxes.len());
    let items = problem.items.len();
    let pieces: Vec<Demand> = multipliers
        .par_chunks_mut(size)
        .enumerate()
        .map(|(piece, multipliers)| {
            let mut solver = BoxSolver::new(problem, fill);
            let mut out = Demand::none(items);
            let price = |item: u32| prices[item as usize];
            for (at, multipliers) in multipliers.iter_mut().enumerate() {
                let b = piece * size + at;
                if !sampled(b, stride) {
                    continue;
                }
                let slots = &problem.boxes[b];
                if slots.regular + slots.surprise == 0 {
                    continue;
                }
                out.slots += (slots.regular + slots.surprise) as u64;
                let bound = solver.relax(b, &price, multipliers);
                out.bound += bound;
                for pick in &solver.picks {
                    out.used[problem.item_of[pick.candidate as usize] as usize] += 1;
                }
                for (list, open) in [
                    (&solver.regulars, slots.regular),
                    (&solver.surprises, slots.surprise),
                ] {
                    let Some(last) = open.checked_sub(1).and_then(|at| list.get(at)) else {
                        continue;
                    };
                    let next = list.get(open).map_or(last.0, |next| next.0);
                    let middle = 0.5 * (last.0 + next);
                    for (value, candidate) in list {
                        if (value - middle).abs() < width {
                            out.near[problem.item_of[*candidate as usize] as usize] += 1;
                        }
                    }
                }
                if rate > 0.0 && slots.limited() {
                    let load = solver.load();
                    for ((u, load), left) in multipliers.iter_mut().zip(load).zip(slots.left) {
                        if left.is_finite() {
                            let unit = bound.abs() / (left + 1e-9);
                            let over = ((load - left) / (left + 1e-9)).clamp(-1.0, 1.0);
                            *u = (*u + rate * unit * over).max(0.0);
                        }
                    }
                }
            }
            out
        })
        .collect();
    let mut all = Demand::none(items);
    for piece in pieces {
        all.bound += piece.bound;
        all.slots += piece.slots;
        for (sum, part) in all.used.iter_mut().zip(piece.used) {
            *sum += part;
        }
        for (sum, part) in all.near.iter_mut().zip(piece.near) {
            *sum += part;
        }
    }
    if stride > 1 && all.slots > 0 {
        let scale = problem.open_slots() as f64 / all.slots as f64;
        all.bound *= scale;
        for units in all.used.iter_mut().chain(&mut all.near) {
            *units = (f64::from(*units) * scale).round() as u32;
        }
    }
    all.bound += prices
        .iter()
        .zip(&problem.stock)
        .map(|(l, s)| l * f64::from(*s))
        .sum::<f64>();
    all
}

/// g(λ) with every box solved exactly: the tightest bound these prices prove.
pub(crate) fn exact_bound(problem: &Problem, fill: f64, prices: &[f64]) -> f64 {
    let size = piece(problem.boxes.len());
    let count = problem.boxes.len().div_ceil(size);
    let pieces: Vec<f64> = (0..count)
        .into_par_iter()
        .map(|piece| {
            let mut solver = BoxSolver::new(problem, fill);
            let price = |item: u32| prices[item as usize];
            let end = ((piece + 1) * size).min(problem.boxes.len());
            (piece * size..end)
                .map(|b| solver.solve(b, &price).bound)
                .sum()
        })
        .collect();
    pieces.iter().sum::<f64>()
        + prices
            .iter()
            .zip(&problem.stock)
            .map(|(l, s)| l * f64::from(*s))
            .sum::<f64>()
}

/// First trust region, in units of prices, where prices are nearly known.
const WARM: f64 = 0.01;

/// The search for prices.
pub(crate) struct Ascent<'p> {
    problem: &'p Problem,
    fill: f64,
    /// Size of values, the unit of changes of prices.
    unit: f64,
    /// Where the next evaluation happens.
    prices: Vec<f64>,
    speed: Vec<f64>,
    multipliers: Vec<[f64; MEASURES]>,
    /// The prices of the lowest bound so far.
    pub best_prices: Vec<f64>,
    /// The lowest bound so far, fill included.
    pub best: f64,
    /// Rounds in which everybody was asked.
    pub round: u32,
    /// One box in so many is asked; 1 = everybody.
    stride: usize,
    /// Rounds in which only the sample was asked.
    sampled: u32,
    /// Largest change of a price in one round.
    radius: f64,
    since_best: u32,
}

impl<'p> Ascent<'p> {
    /// Starts at `warm` prices, or at none.
    pub fn new(problem: &'p Problem, fill: f64, warm: Option<&[f64]>) -> Ascent<'p> {
        let usable = |prices: &&[f64]| prices.len() == problem.items.len();
        let warm = warm.filter(usable);
        let mut prices: Vec<f64> = match warm {
            Some(prices) => prices
                .iter()
                .map(|p| if p.is_finite() { p.max(0.0) } else { 0.0 })
                .collect(),
            None => vec![0.0; problem.items.len()],
        };
        let supply: u64 = problem.stock.iter().map(|s| u64::from(*s)).sum();
        if warm.is_none() && supply < problem.open_slots() {
            // every unit is worth a filled slot
            prices.fill(fill);
        }
        let unit = 0.25 * fill;
        let radius = unit * if warm.is_some() { WARM } else { 0.08 };
        let stride = match problem.boxes.len() / SAMPLE {
            _ if warm.is_some() => 1,
            times => times.max(1),
        };
        Ascent {
            problem,
            fill,
            unit,
            speed: vec![0.0; prices.len()],
            multipliers: vec![[0.0; MEASURES]; problem.boxes.len()],
            best_prices: prices.clone(),
            prices,
            best: f64::INFINITY,
            round: 0,
            stride,
            sampled: 0,
            radius,
            since_best: 0,
        }
    }

    /// Share of the rounds with the sample that is done; `None` once everybody is asked.
    pub fn sampling(&self) -> Option<f64> {
        (self.stride > 1).then(|| f64::from(self.sampled) / f64::from(SAMPLED_ROUNDS))
    }

    /// Whether the sample's prices were the start.
    pub fn began_with_a_sample(&self) -> bool {
        self.sampled > 0
    }

    /// Asks everybody from now on, from the prices that the sample found.
    fn widen(&mut self) {
        self.stride = 1;
        self.prices.clone_from(&self.best_prices);
        self.speed.fill(0.0);
        // an estimate proves nothing
        self.best = f64::INFINITY;
        self.radius = self.unit * WARM;
        self.since_best = 0;
    }

    /// One evaluation and one step.
    pub fn step(&mut self) {
        let width = (self.radius * 0.5).max(self.unit * 5e-4);
        let rounds = if self.stride > 1 {
            self.sampled
        } else {
            self.round
        };
        let rate = 0.3 / (1.0 + 0.1 * f64::from(rounds));
        let question = Question {
            fill: self.fill,
            prices: &self.prices,
            width,
            rate,
            stride: self.stride,
        };
        let demand = demand(self.problem, &mut self.multipliers, &question);
        if self.stride > 1 {
            self.sampled += 1;
            self.advance(&demand, width);
            if self.sampled >= SAMPLED_ROUNDS || self.settled() {
                self.widen();
            }
        } else {
            self.round += 1;
            self.advance(&demand, width);
        }
    }

    /// Moves the prices by what was asked for.
    fn advance(&mut self, demand: &Demand, width: f64) {
        if demand.bound < self.best {
            self.best = demand.bound;
            self.best_prices.clone_from(&self.prices);
            self.since_best = 0;
        } else {
            self.since_best += 1;
            if self.since_best >= 4 {
                self.radius *= 0.7;
                self.since_best = 0;
                self.prices.clone_from(&self.best_prices);
                self.speed.fill(0.0);
                return;
            }
        }
        for item in 0..self.prices.len() {
            let stock = f64::from(self.problem.stock[item]);
            let excess = f64::from(demand.used[item]) - stock;
            let slope = (f64::from(demand.near[item]) / (2.0 * width))
                .max(0.1 * (stock + f64::from(demand.used[item]) + 1.0) / self.unit);
            let newton = (0.5 * excess / slope).clamp(-self.radius, self.radius);
            let speed = 0.5 * self.speed[item] + newton;
            let moved = (self.prices[item] + speed).max(0.0);
            self.speed[item] = moved - self.prices[item];
            self.prices[item] = moved;
        }
    }

    /// Whether steps have become too small to matter.
    pub fn settled(&self) -> bool {
        self.radius < self.unit * 2e-5
    }
}
