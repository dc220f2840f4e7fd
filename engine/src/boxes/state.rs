//! A packing while it is made, and as it is handed out.

use super::problem::{Problem, MEASURES};
use super::{Draw, Fault, ShadowPrice, Shortfall, SoftReport, StandIn};

/// One line of a box.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Item number.
    pub item: u32,
    /// Whether it fills a surprise slot.
    pub surprise: bool,
    /// Whether it was pinned or locked.
    pub fixed: bool,
    /// Value in this box.
    pub value: f32,
    /// In-stock items that could take its place on the packing bench, best first. They are not reserved.
    pub stand_ins: Vec<StandIn>,
    /// How the line was drawn, where it was drawn at random.
    pub draw: Option<Draw>,
}

/// One packed box.
#[derive(Debug, Clone, PartialEq)]
pub struct PackedBox {
    /// Box id.
    pub id: String,
    /// Lines: fixed, then regular, then surprise; within these by item number.
    pub lines: Vec<Line>,
    /// Sum of the lines' values.
    pub value: f64,
    /// Slots that stayed empty and pins not met, with the constraint at fault; `None` for a full box.
    pub shortfall: Option<Shortfall>,
}

/// What [`pack`](super::pack) answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Packing {
    /// Boxes in the order they were added.
    pub boxes: Vec<PackedBox>,
    /// Sum of all lines' values.
    pub value: f64,
    /// No packing that fills as many slots has a higher value.
    pub bound: f64,
    /// (bound − value) / |bound|, in 0…1; 0 where both are 0.
    pub gap: f64,
    /// Units left per item.
    pub stock_left: Vec<u32>,
    /// Price λ per item, in units of value, ≥ 0: the warm start of the next packing.
    pub prices: Vec<f64>,
    /// Items whose stock binds, dearest first.
    pub shadow_prices: Vec<ShadowPrice>,
    /// Slots that stayed empty.
    pub empty_slots: u64,
    /// Box numbers with a shortfall, counted by fault.
    pub faults: Vec<(Fault, u64)>,
    /// How the goals that are not hard were met.
    pub soft: SoftReport,
    /// Whether the run was stopped before it was done.
    pub stopped: bool,
    /// Rounds of price adjustment.
    pub rounds: u32,
}

/// A candidate in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pick {
    /// Index into the problem's candidate arrays.
    pub candidate: u32,
    pub surprise: bool,
}

/// Contents of all boxes with the stock they leave. Never oversold.
#[derive(Debug, Clone)]
pub(crate) struct State<'p> {
    pub problem: &'p Problem,
    /// Open slots only; fixed lines are in the problem.
    pub picks: Vec<Vec<Pick>>,
    pub left: Vec<u32>,
}

impl<'p> State<'p> {
    pub fn empty(problem: &'p Problem) -> State<'p> {
        State {
            problem,
            picks: vec![Vec::new(); problem.boxes.len()],
            left: problem.stock.clone(),
        }
    }

    pub fn item(&self, pick: Pick) -> u32 {
        self.problem.item_of[pick.candidate as usize]
    }

    /// Puts `picks` into the empty box `b`.
    pub fn place(&mut self, b: usize, picks: &[Pick]) {
        for pick in picks {
            let item = self.item(*pick) as usize;
            debug_assert!(self.left[item] > 0);
            self.left[item] -= 1;
        }
        self.picks[b].extend_from_slice(picks);
    }

    /// Empties box `b` into the stock.
    pub fn clear(&mut self, b: usize) -> Vec<Pick> {
        let picks = std::mem::take(&mut self.picks[b]);
        for pick in &picks {
            self.left[self.problem.item_of[pick.candidate as usize] as usize] += 1;
        }
        picks
    }

    /// Sum of values plus `fill` for every slot filled.
    pub fn objective(&self, fill: f64) -> f64 {
        self.picks
            .iter()
            .map(|picks| self.box_objective(picks, fill))
            .sum()
    }

    pub fn box_objective(&self, picks: &[Pick], fill: f64) -> f64 {
        picks
            .iter()
            .map(|pick| self.problem.value(*pick) + fill)
            .sum()
    }

    /// Whether `candidate` may stand where line `at` of box `b` stands, stock aside.
    pub fn swap_fits(&self, b: usize, at: usize, candidate: u32) -> bool {
        self.problem
            .fits_beside(b, &self.picks[b], Some(at), candidate)
    }
}

impl Problem {
    /// Value of a pick.
    pub(crate) fn value(&self, pick: Pick) -> f64 {
        let at = pick.candidate as usize;
        f64::from(if pick.surprise {
            self.surprise_value[at]
        } else {
            self.regular_value[at]
        })
    }

    /// Whether `candidate` obeys variants, caps and limits beside `picks` (without the one at `except`) in box `b`.
    pub(crate) fn fits_beside(
        &self,
        b: usize,
        picks: &[Pick],
        except: Option<usize>,
        candidate: u32,
    ) -> bool {
        let slots = &self.boxes[b];
        let item = self.item_of[candidate as usize] as usize;
        let family = self.items[item].family;
        let others = || {
            picks
                .iter()
                .enumerate()
                .filter(move |(at, _)| Some(*at) != except)
                .map(|(_, pick)| self.item_of[pick.candidate as usize] as usize)
        };
        if others().any(|other| self.items[other].family == family) {
            return false;
        }
        for group in &self.groups[item] {
            let fixed = slots
                .fixed
                .iter()
                .filter(|(fixed, _, _)| self.groups[*fixed as usize].contains(group))
                .count();
            let open = others()
                .filter(|other| self.groups[*other].contains(group))
                .count();
            if (fixed + open) as u32 >= self.caps[*group as usize].1 {
                return false;
            }
        }
        if slots.limited() {
            for measure in 0..MEASURES {
                let used: f64 = others().map(|other| self.measures[other][measure]).sum();
                if !super::problem::fits(used + self.measures[item][measure], slots.left[measure]) {
                    return false;
                }
            }
        }
        true
    }
}
