//! The best content of one box at given prices.
//!
//! Without limits on money, weight and volume, and with at most one surprise slot, the contents of a box are the
//! independent sets of a laminar matroid: greedy over the candidates is exact (Edmonds, "Matroids and the greedy
//! algorithm", Mathematical Programming 1, 1971), once for every surprise that can still win. Everything else is a
//! depth-first branch and bound over candidates sorted by value less price less multiplier × measure, whose bound is
//! the Lagrangian one of the limits.

use super::problem::{fits, Problem, Slots, MEASURES};
use super::state::Pick;

/// Nodes after which branch and bound stops and answers the best so far with a bound.
const MAX_NODES: u32 = 20_000;

/// What a solve found; the picks are in [`BoxSolver::picks`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Solved {
    /// Σ (value + fill − price) of the picks.
    pub value: f64,
    /// No content has more.
    pub bound: f64,
}

/// Solves boxes of one problem, keeping its buffers.
pub(crate) struct BoxSolver<'p> {
    problem: &'p Problem,
    /// Worth of a filled slot by itself, so that filling comes before value.
    fill: f64,
    pub picks: Vec<Pick>,
    /// (adjusted value, candidate), best first, of the last scan.
    pub regulars: Vec<(f64, u32)>,
    pub surprises: Vec<(f64, u32)>,
    trial: Vec<Pick>,
}

/// What one candidate costs: its price, and its measures at the box's multipliers.
struct Cost<'a, P> {
    problem: &'a Problem,
    price: &'a P,
    multipliers: Option<&'a [f64; MEASURES]>,
}

impl<P: Fn(u32) -> f64> Cost<'_, P> {
    #[inline]
    fn of(&self, item: u32) -> f64 {
        let price = (self.price)(item);
        match self.multipliers {
            None => price,
            Some(multipliers) => price + self.problem.weigh(item, multipliers),
        }
    }
}

impl Problem {
    pub(crate) fn weigh(&self, item: u32, multipliers: &[f64; MEASURES]) -> f64 {
        let measures = &self.measures[item as usize];
        measures.iter().zip(multipliers).map(|(m, u)| m * u).sum()
    }

    /// Whether greedy is exact for the box, limits aside.
    fn greedy_is_exact(&self, slots: &Slots) -> bool {
        self.laminar && slots.surprise <= 1
    }
}

/// Σ multiplier · limit, over limits that exist.
fn granted(slots: &Slots, multipliers: &[f64; MEASURES]) -> f64 {
    let limits = slots.left.iter().zip(multipliers);
    limits
        .map(|(left, u)| if *u > 0.0 { u * left } else { 0.0 })
        .sum()
}

impl<'p> BoxSolver<'p> {
    pub fn new(problem: &'p Problem, fill: f64) -> BoxSolver<'p> {
        BoxSolver {
            problem,
            fill,
            picks: Vec::new(),
            regulars: Vec::new(),
            surprises: Vec::new(),
            trial: Vec::new(),
        }
    }

    /// The best content of box `b` that obeys all its constraints but stock. An item at an infinite price is not used.
    pub fn solve(&mut self, b: usize, price: &impl Fn(u32) -> f64) -> Solved {
        let problem = self.problem;
        let slots = &problem.boxes[b];
        self.picks.clear();
        if slots.start == slots.end || slots.regular + slots.surprise == 0 {
            return Solved {
                value: 0.0,
                bound: 0.0,
            };
        }
        if problem.greedy_is_exact(slots) {
            let value = self.matroid(slots, price, None);
            if !slots.limited() || self.within_limits(slots) {
                return Solved {
                    value,
                    bound: value,
                };
            }
        }
        let multipliers = if slots.limited() {
            self.tune(slots, price)
        } else {
            [0.0; MEASURES]
        };
        self.branch(slots, price, &multipliers)
    }

    /// A content that may break limits, at the box's multipliers, and an upper bound on Σ (value + fill − price).
    pub fn relax(
        &mut self,
        b: usize,
        price: &impl Fn(u32) -> f64,
        multipliers: &[f64; MEASURES],
    ) -> f64 {
        let slots = &self.problem.boxes[b];
        self.picks.clear();
        if slots.start == slots.end || slots.regular + slots.surprise == 0 {
            return 0.0;
        }
        self.relax_slots(slots, price, multipliers)
    }

    fn relax_slots(
        &mut self,
        slots: &Slots,
        price: &impl Fn(u32) -> f64,
        multipliers: &[f64; MEASURES],
    ) -> f64 {
        let multipliers = slots.limited().then_some(multipliers);
        let value = if self.problem.greedy_is_exact(slots) {
            self.matroid(slots, price, multipliers)
        } else if multipliers.is_none() {
            return self.branch(slots, price, &[0.0; MEASURES]).bound;
        } else {
            self.loose(slots, price, multipliers)
        };
        value + multipliers.map_or(0.0, |m| granted(slots, m))
    }

    /// Fills the sorted lists with the best `regulars` and `surprises` candidates.
    fn scan<P: Fn(u32) -> f64>(
        &mut self,
        slots: &Slots,
        cost: &Cost<P>,
        regulars: usize,
        surprises: usize,
    ) {
        let problem = self.problem;
        self.regulars.clear();
        self.surprises.clear();
        let mut regular_bar = if regulars == 0 { f64::INFINITY } else { 0.0 };
        let mut surprise_bar = if surprises == 0 { f64::INFINITY } else { 0.0 };
        let range = slots.start..slots.end;
        let items = &problem.item_of[range.clone()];
        let values = problem.regular_value[range.clone()]
            .iter()
            .zip(&problem.surprise_value[range]);
        for (at, (item, (regular, surprise))) in items.iter().zip(values).enumerate() {
            let cost = cost.of(*item) - self.fill;
            let candidate = (slots.start + at) as u32;
            let value = f64::from(*regular) - cost;
            if value > regular_bar {
                insert(
                    &mut self.regulars,
                    regulars,
                    (value, candidate),
                    &mut regular_bar,
                );
            }
            let value = f64::from(*surprise) - cost;
            if value > surprise_bar {
                insert(
                    &mut self.surprises,
                    surprises,
                    (value, candidate),
                    &mut surprise_bar,
                );
            }
        }
    }

    /// Exact where [`Problem::greedy_is_exact`]: the value of the best content, limits aside.
    fn matroid<P: Fn(u32) -> f64>(
        &mut self,
        slots: &Slots,
        price: &P,
        multipliers: Option<&[f64; MEASURES]>,
    ) -> f64 {
        let cost = Cost {
            problem: self.problem,
            price,
            multipliers,
        };
        let mut length = slots.regular + slots.surprise + 8;
        loop {
            let surprises = if slots.surprise == 0 { 0 } else { length };
            let regulars = if slots.regular == 0 { 0 } else { length };
            self.scan(slots, &cost, regulars, surprises);
            if let Some(value) = self.combine(slots, length) {
                return value;
            }
            length *= 4;
        }
    }

    /// The best of greedy with every surprise that can win; `None` if the lists were too short to tell.
    fn combine(&mut self, slots: &Slots, length: usize) -> Option<f64> {
        let base = self.greedy(slots, None, length)?;
        let mut best = base;
        std::mem::swap(&mut self.picks, &mut self.trial);
        if slots.surprise == 0 {
            return Some(best);
        }
        for at in 0..self.surprises.len() {
            let (value, candidate) = self.surprises[at];
            if value + base <= best {
                return Some(best);
            }
            if !self.problem.fits_beside_counts(slots, &[], candidate) {
                continue;
            }
            let total = value + self.greedy(slots, Some(candidate), length)?;
            if total > best {
                best = total;
                std::mem::swap(&mut self.picks, &mut self.trial);
            }
        }
        (self.surprises.len() < length).then_some(best)
    }

    /// Greedy over the sorted regulars, with `surprise` already in the box; leaves the content in `trial`.
    fn greedy(&mut self, slots: &Slots, surprise: Option<u32>, length: usize) -> Option<f64> {
        self.trial.clear();
        if let Some(candidate) = surprise {
            self.trial.push(Pick {
                candidate,
                surprise: true,
            });
        }
        let full = slots.regular + usize::from(surprise.is_some());
        let mut sum = 0.0;
        for (value, candidate) in &self.regulars {
            if self.trial.len() == full {
                return Some(sum);
            }
            if self
                .problem
                .fits_beside_counts(slots, &self.trial, *candidate)
            {
                sum += value;
                self.trial.push(Pick {
                    candidate: *candidate,
                    surprise: false,
                });
            }
        }
        (self.trial.len() == full || self.regulars.len() < length).then_some(sum)
    }

    /// The best of each list without regard to variants and caps: an upper bound.
    fn loose<P: Fn(u32) -> f64>(
        &mut self,
        slots: &Slots,
        price: &P,
        multipliers: Option<&[f64; MEASURES]>,
    ) -> f64 {
        let cost = Cost {
            problem: self.problem,
            price,
            multipliers,
        };
        self.scan(slots, &cost, slots.regular, slots.surprise);
        let lists = [(&self.regulars, false), (&self.surprises, true)];
        for (list, surprise) in lists {
            self.picks.extend(list.iter().map(|(_, candidate)| Pick {
                candidate: *candidate,
                surprise,
            }));
        }
        let sum = |list: &[(f64, u32)]| list.iter().map(|(value, _)| value).sum::<f64>();
        sum(&self.regulars) + sum(&self.surprises)
    }

    /// What the current picks use of the measures.
    pub fn load(&self) -> [f64; MEASURES] {
        let mut load = [0.0; MEASURES];
        for pick in &self.picks {
            let item = self.problem.item_of[pick.candidate as usize] as usize;
            for (sum, measure) in load.iter_mut().zip(self.problem.measures[item]) {
                *sum += measure;
            }
        }
        load
    }

    fn within_limits(&self, slots: &Slots) -> bool {
        self.load()
            .iter()
            .zip(slots.left)
            .all(|(load, left)| fits(*load, left))
    }

    /// Multipliers of the limits that make the relaxed bound small: bisection, one limit after the other.
    fn tune(&mut self, slots: &Slots, price: &impl Fn(u32) -> f64) -> [f64; MEASURES] {
        let mut multipliers = [0.0; MEASURES];
        let mut best = (self.relaxed(slots, price, &multipliers), multipliers);
        for _ in 0..2 {
            for measure in 0..MEASURES {
                let limit = slots.left[measure];
                if !limit.is_finite() {
                    continue;
                }
                let (mut low, mut high) = (0.0f64, multipliers[measure]);
                let mut step = (1.0 + best.0.abs()) / (1.0 + limit);
                multipliers[measure] = 0.0;
                self.relaxed(slots, price, &multipliers);
                if fits(self.load()[measure], limit) {
                    continue;
                }
                for _ in 0..24 {
                    let tried = if high > low {
                        0.5 * (low + high)
                    } else {
                        low + step
                    };
                    multipliers[measure] = tried;
                    let bound = self.relaxed(slots, price, &multipliers);
                    if bound < best.0 {
                        best = (bound, multipliers);
                    }
                    if fits(self.load()[measure], limit) {
                        if high > low && high - low < 1e-3 * high {
                            break;
                        }
                        high = tried;
                    } else {
                        low = tried;
                        step *= 2.0;
                    }
                }
                multipliers = best.1;
            }
        }
        best.1
    }

    fn relaxed(
        &mut self,
        slots: &Slots,
        price: &impl Fn(u32) -> f64,
        multipliers: &[f64; MEASURES],
    ) -> f64 {
        self.picks.clear();
        let value = if self.problem.greedy_is_exact(slots) {
            self.matroid(slots, price, Some(multipliers))
        } else {
            self.loose(slots, price, Some(multipliers))
        };
        value + granted(slots, multipliers)
    }

    fn branch(
        &mut self,
        slots: &Slots,
        price: &impl Fn(u32) -> f64,
        multipliers: &[f64; MEASURES],
    ) -> Solved {
        let mut search = Search {
            problem: self.problem,
            slots,
            regulars: Vec::new(),
            surprises: Vec::new(),
            granted: granted(slots, multipliers),
            picks: Vec::new(),
            used: [0.0; MEASURES],
            best: 0.0,
            best_picks: Vec::new(),
            nodes: 0,
        };
        for at in slots.start..slots.end {
            let item = self.problem.item_of[at];
            let base = self.fill - price(item);
            let shift = self.problem.weigh(item, multipliers);
            for (value, list, open) in [
                (
                    self.problem.regular_value[at],
                    &mut search.regulars,
                    slots.regular,
                ),
                (
                    self.problem.surprise_value[at],
                    &mut search.surprises,
                    slots.surprise,
                ),
            ] {
                let value = f64::from(value) + base;
                if open > 0 && value > 0.0 {
                    list.push((value - shift, value, at as u32));
                }
            }
        }
        let order =
            |a: &(f64, f64, u32), b: &(f64, f64, u32)| b.0.total_cmp(&a.0).then(a.2.cmp(&b.2));
        search.regulars.sort_by(order);
        search.surprises.sort_by(order);
        let root = top(&search.regulars, slots.regular)
            + top(&search.surprises, slots.surprise)
            + search.granted;
        search.surprise(slots.surprise, 0, 0.0, 0.0);
        self.regulars = search.regulars.iter().map(|(a, _, c)| (*a, *c)).collect();
        self.surprises = search.surprises.iter().map(|(a, _, c)| (*a, *c)).collect();
        self.picks = search.best_picks;
        Solved {
            value: search.best,
            bound: if search.nodes > MAX_NODES {
                root.max(search.best)
            } else {
                search.best
            },
        }
    }
}

fn insert(list: &mut Vec<(f64, u32)>, length: usize, entry: (f64, u32), bar: &mut f64) {
    if list.len() == length {
        list.pop();
    }
    let mut at = list.len();
    while at > 0 && list[at - 1].0 < entry.0 {
        at -= 1;
    }
    list.insert(at, entry);
    if list.len() == length {
        *bar = list[length - 1].0;
    }
}

impl Problem {
    /// Whether `candidate` obeys variants and caps beside `picks`; limits aside.
    fn fits_beside_counts(&self, slots: &Slots, picks: &[Pick], candidate: u32) -> bool {
        let item = self.item_of[candidate as usize] as usize;
        let family = self.items[item].family;
        for pick in picks {
            let other = self.item_of[pick.candidate as usize] as usize;
            if self.items[other].family == family {
                return false;
            }
        }
        for group in &self.groups[item] {
            let mut lines = 0;
            for pick in picks {
                let other = self.item_of[pick.candidate as usize] as usize;
                lines += u32::from(self.groups[other].contains(group));
            }
            for (fixed, _, _) in &slots.fixed {
                lines += u32::from(self.groups[*fixed as usize].contains(group));
            }
            if lines >= self.caps[*group as usize].1 {
                return false;
            }
        }
        true
    }
}

/// Sum of the first `n` adjusted values that are positive.
fn top(list: &[(f64, f64, u32)], n: usize) -> f64 {
    list.iter()
        .take(n)
        .map(|(adjusted, _, _)| adjusted.max(0.0))
        .sum()
}

struct Search<'a> {
    problem: &'a Problem,
    slots: &'a Slots,
    /// (value less multipliers · measures, value, candidate), best first.
    regulars: Vec<(f64, f64, u32)>,
    surprises: Vec<(f64, f64, u32)>,
    granted: f64,
    picks: Vec<Pick>,
    used: [f64; MEASURES],
    best: f64,
    best_picks: Vec<Pick>,
    nodes: u32,
}

impl Search<'_> {
    fn push(&mut self, candidate: u32, surprise: bool) -> bool {
        if !self
            .problem
            .fits_beside_counts(self.slots, &self.picks, candidate)
        {
            return false;
        }
        let measures = self.problem.measures[self.problem.item_of[candidate as usize] as usize];
        let mut used = self.used;
        for (sum, measure) in used.iter_mut().zip(measures) {
            *sum += measure;
        }
        if !used
            .iter()
            .zip(self.slots.left)
            .all(|(used, left)| fits(*used, left))
        {
            return false;
        }
        self.used = used;
        self.picks.push(Pick {
            candidate,
            surprise,
        });
        true
    }

    fn pop(&mut self, used: [f64; MEASURES]) {
        self.picks.pop();
        self.used = used;
    }

    fn hopeless(&self, bound: f64) -> bool {
        bound <= self.best + 1e-12 * (1.0 + self.best.abs()) || self.nodes > MAX_NODES
    }

    fn surprise(&mut self, open: usize, from: usize, adjusted: f64, value: f64) {
        if open > 0 {
            let regulars = top(&self.regulars, self.slots.regular);
            for at in from..self.surprises.len() {
                let bound = adjusted + top(&self.surprises[at..], open) + regulars + self.granted;
                if self.hopeless(bound) {
                    break;
                }
                self.nodes += 1;
                let (a, v, candidate) = self.surprises[at];
                let used = self.used;
                if self.push(candidate, true) {
                    self.surprise(open - 1, at + 1, adjusted + a, value + v);
                    self.pop(used);
                }
            }
        }
        self.regular(self.slots.regular, 0, adjusted, value);
    }

    fn regular(&mut self, open: usize, from: usize, adjusted: f64, value: f64) {
        if value > self.best {
            self.best = value;
            self.best_picks.clone_from(&self.picks);
        }
        if open == 0 {
            return;
        }
        for at in from..self.regulars.len() {
            let bound = adjusted + top(&self.regulars[at..], open) + self.granted;
            if self.hopeless(bound) {
                break;
            }
            self.nodes += 1;
            let (a, v, candidate) = self.regulars[at];
            let used = self.used;
            if self.push(candidate, false) {
                self.regular(open - 1, at + 1, adjusted + a, value + v);
                self.pop(used);
            }
        }
    }
}
