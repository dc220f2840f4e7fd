//! Contents of all boxes while they are packed.

use super::problem::{Problem, MEASURES};

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
