//! The whole run: prices, packings, better packings, goals, reasons. Anytime, and the same for the same seed whatever
//! the number of threads.

use std::collections::HashSet;

use super::bound::{exact_bound, Ascent};
use super::exchange::{chains, recreate, resolve_boxes};
use super::explain::{shadow_prices, shortfalls, stand_ins};
use super::explore::explore;
use super::packing::{Draw, Fault, Line, PackedBox, Packing};
use super::problem::Problem;
use super::repair::{from_prices, plain_greedy};
use super::soft;
use super::solve_box::BoxSolver;
use super::state::{Pick, State};

/// How to pack.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options<'a> {
    /// Most rounds of price adjustment.
    pub max_rounds: u32,
    /// Gap at which the search ends.
    pub target_gap: f64,
    /// Seed of the random surprise lines.
    pub seed: u64,
    /// One surprise line in so many is drawn at random among near-equal ones; `None` = none is.
    pub random_one_in: Option<u32>,
    /// Share of its value that a drawn line may be worth less.
    pub near_equal: f64,
    /// Prices of an earlier packing of the same items ([`Packing::prices`]).
    pub warm: Option<&'a [f64]>,
    /// Stand-ins per line.
    pub stand_ins: usize,
}

impl Default for Options<'_> {
    /// 150 rounds, gap 0.0002, seed 0, one line in 20 within 5 %, cold start, two stand-ins.
    fn default() -> Self {
        Options {
            max_rounds: 150,
            target_gap: 2e-4,
            seed: 0,
            random_one_in: Some(20),
            near_equal: 0.05,
            warm: None,
            stand_ins: 2,
        }
    }
}

/// What the run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// A first packing without prices.
    Greedy,
    /// Prices on stock.
    Prices,
    /// Search for better packings by exchanges.
    Exchange,
    /// Goals, random lines, reasons.
    Finish,
}

/// Where the run is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// What it is doing.
    pub phase: Phase,
    /// Share of the phase that is done, 0…1.
    pub done: f64,
    /// Value of the best packing so far.
    pub value: f64,
    /// Bound so far.
    pub bound: f64,
    /// Gap so far.
    pub gap: f64,
    /// Slots filled so far, fixed lines aside.
    pub filled: u64,
}

/// The contents of one box packed again.
#[derive(Debug, Clone, PartialEq)]
pub struct Repacked {
    /// The box as it is packed now.
    pub packed: PackedBox,
    /// Units left per item after it.
    pub stock_left: Vec<u32>,
}

/// Values of one run.
struct Run<'p> {
    problem: &'p Problem,
    fill: f64,
    fixed_value: f64,
    best: State<'p>,
    objective: f64,
    /// Bound on the objective, fill included.
    bound: f64,
}

impl<'p> Run<'p> {
    fn offer(&mut self, state: State<'p>) {
        let objective = state.objective(self.fill);
        if objective > self.objective {
            self.objective = objective;
            self.best = state;
        }
    }

    fn filled(&self) -> u64 {
        self.best.picks.iter().map(|picks| picks.len() as u64).sum()
    }

    /// (value, bound, gap); the bound is that of packings that fill as many slots.
    fn figures(&self) -> (f64, f64, f64) {
        let value = self.best.objective(0.0) + self.fixed_value;
        let missing = (self.bound - self.objective).max(0.0);
        let bound = value + missing;
        let gap = if missing <= 1e-12 * bound.abs() {
            0.0
        } else {
            missing / bound.abs()
        };
        (value, bound, gap.min(1.0))
    }

    fn tell(&self, progress: &mut dyn FnMut(Progress), phase: Phase, done: f64) {
        let (value, bound, gap) = self.figures();
        progress(Progress {
            phase,
            done,
            value,
            bound,
            gap,
            filled: self.filled(),
        });
    }
}

/// Worth of a filled slot by itself: more than a chain of swaps can lose, so that slots are filled first.
pub(crate) fn worth_of_slot(problem: &Problem) -> f64 {
    worth(problem.regular_value.iter().chain(&problem.surprise_value))
}

fn worth<'a>(values: impl Iterator<Item = &'a f32>) -> f64 {
    let largest = values
        .filter(|v| v.is_finite())
        .fold(0.0f32, |most, v| most.max(v.abs()));
    8.0 * f64::from(largest) + 1e-6
}

/// Packs all boxes.
///
/// `stop` is asked between steps; once it answers true, the best packing so far is handed out. Asked later, it never
/// makes the packing worse. `progress` hears of every step. `stop` and `progress` do not change what is found.
///
/// ```
/// use serendib_engine::boxes::{pack, BoxRequest, Candidate, Item, Options, Problem, Rules};
///
/// let item = |id: &str, family| Item { id: id.into(), stock: 1, family, ..Item::default() };
/// let mut problem = Problem::new(vec![item("tea", 0), item("cup", 1)], Rules::default())?;
/// let worth = |item, value| Candidate { item, value, surprise: value, relevance: value };
/// for id in ["ada", "ben"] {
///     let request = BoxRequest { id: id.into(), regular: 1, ..BoxRequest::default() };
///     problem.add(request, &[worth(0, 0.9), worth(1, 0.5)])?;
/// }
/// let packing = pack(&problem, &Options::default(), &|| false, &mut |_| {});
/// assert_eq!(packing.empty_slots, 0);
/// # Ok::<(), serendib_engine::boxes::ProblemError>(())
/// ```
pub fn pack(
    problem: &Problem,
    options: &Options,
    stop: &dyn Fn() -> bool,
    progress: &mut dyn FnMut(Progress),
) -> Packing {
    let fill = worth_of_slot(problem);
    let greedy = plain_greedy(problem, fill);
    let mut run = Run {
        problem,
        fill,
        fixed_value: fixed_value(problem),
        objective: greedy.objective(fill),
        best: greedy,
        bound: f64::INFINITY,
    };
    let mut ascent = Ascent::new(problem, fill, options.warm);
    let unpriced = vec![0.0; problem.items.len()];
    run.bound = exact_bound(problem, fill, &unpriced);
    if problem.items.iter().all(|item| item.stock == 0) {
        run.bound = run.bound.min(run.fixed_value);
    }
    run.tell(progress, Phase::Greedy, 1.0);
    let mut stopped = stop();
    if !stopped {
        stopped = search(&mut run, &mut ascent, options, stop, progress);
    }
    if run.bound.is_finite() && ascent.best.is_finite() {
        run.bound = run
            .bound
            .min(exact_bound(problem, fill, &ascent.best_prices));
    }
    run.tell(progress, Phase::Finish, 0.0);
    let packing = finish(run, &ascent, options, stopped);
    progress(Progress {
        phase: Phase::Finish,
        done: 1.0,
        value: packing.value,
        bound: packing.bound,
        gap: packing.gap,
        filled: problem.open_slots() - packing.empty_slots,
    });
    packing
}

/// Prices, then exchanges; answers whether it was stopped.
fn search<'p>(
    run: &mut Run<'p>,
    ascent: &mut Ascent<'p>,
    options: &Options,
    stop: &dyn Fn() -> bool,
    progress: &mut dyn FnMut(Progress),
) -> bool {
    let (problem, fill) = (run.problem, run.fill);
    while let Some(done) = ascent.sampling() {
        ascent.step();
        run.tell(progress, Phase::Prices, 0.5 * done);
        if stop() {
            return true;
        }
    }
    let (first, every) = if ascent.began_with_a_sample() {
        (0.5, 10)
    } else {
        (0.0, 25)
    };
    let mut checkpoint = (0u32, f64::INFINITY);
    while ascent.round < options.max_rounds && !ascent.settled() {
        ascent.step();
        run.bound = run.bound.min(ascent.best);
        let round = ascent.round;
        // packings are tried seldom: each costs about as much as a round
        if round == 8 || round.is_multiple_of(every) {
            run.offer(from_prices(problem, fill, &ascent.best_prices));
            let (value, _, gap) = run.figures();
            let falls = checkpoint.1 - ascent.best;
            let idle = round >= checkpoint.0 + every && falls < 2e-5 * value.abs();
            if gap <= options.target_gap || idle {
                break;
            }
            if round >= checkpoint.0 + every || !checkpoint.1.is_finite() {
                checkpoint = (round, ascent.best);
            }
        }
        run.tell(
            progress,
            Phase::Prices,
            first + (1.0 - first) * f64::from(round) / f64::from(options.max_rounds),
        );
        if stop() {
            return true;
        }
    }
    run.offer(from_prices(problem, fill, &ascent.best_prices));
    let small = problem.boxes.len() <= 64;
    let mut gains = [f64::INFINITY; 4];
    for sweep in 0..200u32 {
        run.tell(progress, Phase::Exchange, f64::from(sweep) / 200.0);
        if run.figures().2 <= options.target_gap {
            return false;
        }
        if stop() {
            return true;
        }
        // every move is an improvement, so the best is changed in place
        let mut gain = 0.0;
        if sweep % 8 == 0 {
            gain += resolve_boxes(&mut run.best, fill, stop);
        }
        gain += chains(&mut run.best, fill, &ascent.best_prices, stop);
        run.objective = run.best.objective(fill);
        let (value, _, _) = run.figures();
        // many sweeps of little are not worth their time
        gains[(sweep % 4) as usize] = gain;
        if !small && gains.iter().sum::<f64>() <= 1e-5 * value.abs() {
            break;
        }
        if gain <= 1e-7 * value.abs() && (sweep % 8 == 0 || gain <= 0.0) {
            break;
        }
    }
    let boxes = problem.boxes.len();
    let limited = problem
        .boxes
        .iter()
        .any(|slots| slots.limited() || slots.surprise > 1);
    let tries = match boxes {
        0..=64 => 2_000,
        _ if limited => (4 * boxes).min(20_000),
        _ => 0,
    };
    for block in 0..tries / 100 {
        if run.figures().2 <= options.target_gap {
            return false;
        }
        run.tell(
            progress,
            Phase::Exchange,
            100.0 * f64::from(block as u32) / tries as f64,
        );
        if stop() {
            return true;
        }
        let seed = options.seed ^ (block as u64) << 32;
        recreate(&mut run.best, fill, &ascent.best_prices, seed, 100);
        run.objective = run.best.objective(fill);
    }
    false
}

fn fixed_value(problem: &Problem) -> f64 {
    let fixed = problem.boxes.iter().flat_map(|slots| &slots.fixed);
    fixed.fold(0.0, |sum, (_, _, value)| sum + f64::from(*value))
}

fn finish(mut run: Run, ascent: &Ascent, options: &Options, stopped: bool) -> Packing {
    let before = run.objective;
    soft::meet(&mut run.best, run.fill);
    run.objective = run.best.objective(run.fill);
    let given_up = (before - run.objective).max(0.0);
    let draws = match options.random_one_in.filter(|one_in| *one_in > 0) {
        Some(one_in) => explore(&mut run.best, one_in, options.near_equal, options.seed),
        None => run
            .best
            .picks
            .iter()
            .map(|picks| vec![None; picks.len()])
            .collect(),
    };
    run.objective = run.best.objective(run.fill);
    let (value, bound, gap) = run.figures();
    let boxes = packed_boxes(&run.best, draws, options.stand_ins);
    let mut faults: Vec<(Fault, u64)> = Vec::new();
    for fault in boxes
        .iter()
        .filter_map(|b| b.shortfall.as_ref())
        .map(|s| s.fault)
    {
        match faults.iter_mut().find(|(known, _)| *known == fault) {
            Some((_, count)) => *count += 1,
            None => faults.push((fault, 1)),
        }
    }
    faults.sort_unstable();
    Packing {
        value,
        bound,
        gap,
        shadow_prices: shadow_prices(run.problem, &run.best.left, &ascent.best_prices, run.fill),
        prices: ascent.best_prices.clone(),
        empty_slots: run.problem.open_slots() - run.filled(),
        soft: soft::report(&run.best, given_up),
        stock_left: run.best.left,
        boxes,
        faults,
        stopped,
        rounds: ascent.round,
    }
}

fn packed_boxes(state: &State, draws: Vec<Vec<Option<Draw>>>, count: usize) -> Vec<PackedBox> {
    let problem = state.problem;
    let shortfalls = shortfalls(state);
    let stand_ins = stand_ins(state, count);
    let boxes = problem.boxes.iter().zip(&state.picks);
    boxes
        .zip(draws)
        .zip(stand_ins)
        .zip(shortfalls)
        .map(|((((slots, picks), draws), stand_ins), shortfall)| {
            let mut lines: Vec<Line> = slots
                .fixed
                .iter()
                .map(|(item, surprise, value)| Line {
                    item: *item,
                    surprise: *surprise,
                    fixed: true,
                    value: *value,
                    stand_ins: Vec::new(),
                    draw: None,
                })
                .collect();
            let fixed = lines.len();
            for ((pick, draw), stand_ins) in picks.iter().zip(draws).zip(stand_ins) {
                lines.push(Line {
                    item: state.item(*pick),
                    surprise: pick.surprise,
                    fixed: false,
                    value: problem.value(*pick) as f32,
                    stand_ins,
                    draw,
                });
            }
            lines[fixed..].sort_by_key(|line| (line.surprise, line.item));
            PackedBox {
                id: slots.id.clone(),
                value: lines
                    .iter()
                    .fold(0.0, |sum, line| sum + f64::from(line.value)),
                lines,
                shortfall,
            }
        })
        .collect()
}

/// Packs all boxes as a packer without prices does: each in turn takes the best of what is left.
pub fn greedy(problem: &Problem) -> Packing {
    let always = Options {
        random_one_in: None,
        ..Options::default()
    };
    pack(problem, &always, &|| true, &mut |_| {})
}

/// Packs box `number` again at `prices`, with what is left beside all other boxes of `packing`; `without` are items it
/// must not get now. The other boxes do not change.
///
/// `None` for a number that is not a box of both, a locked box, or a packing of another problem.
pub fn repack(
    problem: &Problem,
    packing: &Packing,
    number: usize,
    without: &[u32],
    stand_in_count: usize,
) -> Option<Repacked> {
    let slots = problem.boxes.get(number).filter(|slots| !slots.locked)?;
    let old = packing
        .boxes
        .get(number)
        .filter(|packed| packed.id == slots.id)?;
    if packing.stock_left.len() != problem.items.len() {
        return None;
    }
    let mut left = packing.stock_left.clone();
    for line in old.lines.iter().filter(|line| !line.fixed) {
        *left.get_mut(line.item as usize)? += 1;
    }
    let without: HashSet<u32> = without.iter().copied().collect();
    let packed = at_prices(
        problem,
        number,
        &left,
        &packing.prices,
        &without,
        stand_in_count,
    )?;
    let mut stock_left = left;
    for line in packed.lines.iter().filter(|line| !line.fixed) {
        stock_left[line.item as usize] -= 1;
    }
    Some(Repacked { packed, stock_left })
}

/// Packs box `number` alone, from the whole stock of `problem` at `prices` (in units of value per item, absent = 0): what
/// a box gets that must not take what other boxes need more.
///
/// `None` for a number that is not a box, or a locked box.
pub fn pack_one(
    problem: &Problem,
    number: usize,
    prices: &[f64],
    stand_in_count: usize,
) -> Option<PackedBox> {
    problem.boxes.get(number).filter(|slots| !slots.locked)?;
    at_prices(
        problem,
        number,
        &problem.stock,
        prices,
        &HashSet::new(),
        stand_in_count,
    )
}

fn at_prices(
    problem: &Problem,
    number: usize,
    left: &[u32],
    prices: &[f64],
    without: &HashSet<u32>,
    stand_in_count: usize,
) -> Option<PackedBox> {
    let price = |item: u32| {
        if left[item as usize] == 0 || without.contains(&item) {
            f64::INFINITY
        } else {
            prices.get(item as usize).copied().unwrap_or(0.0)
        }
    };
    // a slot is worth more than any price, so that dear stock leaves none empty
    let dearest = prices.iter().copied().filter(|p| p.is_finite());
    let fill = worth_of_box(problem, number) + dearest.fold(0.0, f64::max);
    let mut solver = BoxSolver::new(problem, fill);
    solver.solve(number, &price);
    let alone = problem.alone(number, left, without);
    let start = problem.boxes[number].start as u32;
    let mut state = State::empty(&alone);
    let picks: Vec<_> = solver
        .picks
        .iter()
        .map(|pick| Pick {
            candidate: pick.candidate - start,
            surprise: pick.surprise,
        })
        .collect();
    state.place(0, &picks);
    let draws = vec![vec![None; picks.len()]];
    packed_boxes(&state, draws, stand_in_count)
        .into_iter()
        .next()
}

fn worth_of_box(problem: &Problem, number: usize) -> f64 {
    let slots = &problem.boxes[number];
    let regular = &problem.regular_value[slots.start..slots.end];
    let surprise = &problem.surprise_value[slots.start..slots.end];
    worth(regular.iter().chain(surprise))
}

impl Problem {
    /// The problem of box `number` alone, with `left` in stock and nothing of `without`.
    fn alone(&self, number: usize, left: &[u32], without: &HashSet<u32>) -> Problem {
        let slots = &self.boxes[number];
        let range = slots.start..slots.end;
        let mut alone = Problem {
            items: self.items.clone(),
            rules: self.rules.clone(),
            measures: self.measures.clone(),
            groups: self.groups.clone(),
            caps: self.caps.clone(),
            laminar: self.laminar,
            boxes: vec![slots.clone()],
            item_of: self.item_of[range.clone()].to_vec(),
            regular_value: self.regular_value[range.clone()].to_vec(),
            surprise_value: self.surprise_value[range].to_vec(),
            stock: left.to_vec(),
            ids: Default::default(),
        };
        for item in without {
            if let Some(stock) = alone.stock.get_mut(*item as usize) {
                *stock = 0;
            }
        }
        alone.boxes[0].start = 0;
        alone.boxes[0].end = alone.item_of.len();
        alone
    }
}
