//! The ages that one posterior means at one moment, on the cells of its clock's tables.
//!
//! Tables are straight lines between cells, so that the mean of one over all anchors is a product of two rows: the weight of
//! each anchor divided between the two cells around its age, and the table.

use super::age_table::{spread, AgeTable};
use super::clock::ClockType;
use super::posterior::Posterior;
use crate::index::dot;

/// The distribution of a clock's age at one moment, given that the clock exists.
#[derive(Debug, Clone)]
pub struct Ages {
    /// First cell with weight.
    first: usize,
    /// Weight per cell from there on; sums to one less what lies outside the cells.
    weights: Vec<f32>,
    /// Days per cell.
    step: f64,
    /// Ages, ascending, with the weight of all up to each.
    sorted: Vec<(f64, f64)>,
}

impl Ages {
    /// The ages of the anchors of `posterior` at day `at`.
    pub fn new(clock: &ClockType, posterior: &Posterior, at: f64) -> Ages {
        let mut row = vec![0.0f64; clock.cells()];
        let mut sorted = Vec::with_capacity(posterior.days.len());
        let mut sum = 0.0;
        for (day, weight) in posterior.days.iter().zip(&posterior.weights).rev() {
            let (age, weight) = (at - day, f64::from(*weight));
            spread(clock, age, weight, &mut row);
            sum += weight;
            sorted.push((age, sum));
        }
        let first = row.iter().position(|w| *w > 0.0).unwrap_or(0);
        let end = row.iter().rposition(|w| *w > 0.0).map_or(first, |l| l + 1);
        Ages {
            first,
            weights: row[first..end].iter().map(|w| *w as f32).collect(),
            step: clock.step_days,
            sorted,
        }
    }

    /// Mean of a table's `row` over the ages; 0 outside its cells.
    pub fn mean(&self, row: &[f32]) -> f64 {
        let cells = self.first..self.first + self.weights.len();
        row.get(cells)
            .map_or(0.0, |row| f64::from(dot(&self.weights, row)))
    }

    /// Share of the ages that are at most `age`.
    pub fn up_to(&self, age: f64) -> f64 {
        let count = self.sorted.partition_point(|(a, _)| *a <= age);
        count.checked_sub(1).map_or(0.0, |last| self.sorted[last].1)
    }

    /// Share of the ages that are below `age`.
    pub fn below(&self, age: f64) -> f64 {
        let count = self.sorted.partition_point(|(a, _)| *a < age);
        count.checked_sub(1).map_or(0.0, |last| self.sorted[last].1)
    }

    /// Mean over the ages of 1 − exp(−rate · H), H = integral of the excess above 0 over the next `days`; 0 where it is
    /// surely below `least`.
    pub fn hazard(&self, table: &AgeTable, days: f64, rate: f64, least: f64) -> f64 {
        let ahead = days / self.step;
        let (whole, part) = (ahead as usize, (ahead - ahead.floor()) as f32);
        let reach = &table.reach;
        let Some(end) = reach.last().copied() else {
            return 0.0;
        };
        let at = |cell: usize| reach.get(cell).copied().unwrap_or(end);
        let integral = |cell: usize| {
            let (low, high) = (at(cell + whole), at(cell + whole + 1));
            f64::from(low + (high - low) * part - at(cell))
        };
        let cells = || {
            let weights = self.weights.iter().enumerate();
            weights.map(|(ix, weight)| (self.first + ix, f64::from(*weight)))
        };
        // 1 − exp(−x) ≤ x: most needs are ruled out without an exponential
        let most: f64 = cells().map(|(cell, w)| w * integral(cell)).sum();
        if rate * most < least {
            return 0.0;
        }
        cells()
            .map(|(cell, weight)| weight * -(-rate * integral(cell)).exp_m1())
            .sum()
    }
}
