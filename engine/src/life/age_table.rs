//! How much more a holder of a clock buys of each profile at each age, in tables over the clock's cells.
//!
//! For a clock with anchor τ and a purchase of profile c at age a = t − τ, the intensity of the clock's own purchases
//! relative to everything else, e_c(a) = λ_k(a) φ_kc(a) / (λ_0 p_0(c)), is the *excess*, and x(a) = Σ_c p_0(c) e_c(a) =
//! λ_k(a) / λ_0 the *dilution*. Given that something was bought at age a, the odds that it is c, against a customer
//! without the clock, are R_c(a) = (1 + e_c(a)) / (1 + x(a)). Neither has a unit of time.

use super::clock::ClockType;

/// How a profile's need depends on age.
#[derive(Debug, Clone, PartialEq)]
pub struct AgeTable {
    /// e_c(a) per cell, > −1; below 0 where holders buy less of it than others do.
    pub excess: Vec<f32>,
    /// ln R_c(a) per cell.
    pub log_ratio: Vec<f32>,
    /// ln (1 + e_c(a)) per cell: how a purchase speaks for there being a clock, whatever else is bought.
    pub log_more: Vec<f32>,
    /// ln of the density of the ages at which holders buy of it, relative to a uniform one, per cell.
    pub log_shape: Vec<f32>,
    /// Integral of the excess above 0 from the first cell to each, in days.
    pub reach: Vec<f32>,
    /// Largest excess, ≥ 0.
    pub peak: f32,
    /// First and last age in days at which the excess is at least a fifth of its peak.
    pub span: (f64, f64),
}

/// Tables of one clock over its cells.
#[derive(Debug, Clone)]
pub struct AgeTables {
    /// Age tables, each once.
    pub tables: Vec<AgeTable>,
    /// Table of each profile, `None` where it has nothing to do with the clock.
    pub table_of: Vec<Option<u32>>,
    /// x(a) per cell.
    pub dilution: Vec<f32>,
    /// Density of ages at first contact relative to a uniform one, per cell.
    pub first_age: Vec<f32>,
    /// ln of how many times likelier holders of any age buy of each profile at all; 0 where nothing ties it to the clock.
    pub log_lift: Vec<f32>,
}

impl AgeTable {
    /// A table of `excess` per cell under `dilution` per cell, with the logarithm of a `shape`.
    pub fn new(
        clock: &ClockType,
        excess: Vec<f32>,
        dilution: &[f32],
        log_shape: Vec<f32>,
    ) -> AgeTable {
        let log_ratio = excess
            .iter()
            .zip(dilution)
            .map(|(e, x)| e.ln_1p() - x.ln_1p())
            .collect();
        let peak = excess.iter().fold(0.0f32, |a, b| a.max(*b));
        let mut reach = Vec::with_capacity(excess.len());
        let (mut sum, mut before) = (0.0, None);
        for e in excess.iter().map(|e| f64::from(e.max(0.0))) {
            // between two cells the excess is a straight line
            sum += before.map_or(0.0, |b| 0.5 * (b + e) * clock.step_days);
            before = Some(e);
            reach.push(sum as f32);
        }
        let high = |e: &f32| *e > 0.0 && *e >= 0.2 * peak;
        let first = excess.iter().position(high).unwrap_or(0);
        let last = excess.iter().rposition(high).unwrap_or(excess.len() - 1);
        // A need that reaches the last cell never ends within the clock.
        let end = if last + 1 == excess.len() {
            f64::INFINITY
        } else {
            clock.age(last) + 0.5 * clock.step_days
        };
        AgeTable {
            log_ratio,
            log_more: excess.iter().map(|e| e.ln_1p()).collect(),
            log_shape,
            reach,
            peak,
            span: (clock.age(first) - 0.5 * clock.step_days, end),
            excess,
        }
    }
}

/// Divides a weight between the two cells around `age`; outside the cells it is lost.
pub fn spread(clock: &ClockType, age: f64, weight: f64, row: &mut [f64]) {
    let at = (age - clock.min_age_days) / clock.step_days;
    if !(at >= 0.0 && at <= (row.len() - 1) as f64) {
        return;
    }
    let cell = at as usize;
    let part = at - cell as f64;
    row[cell] += weight * (1.0 - part);
    if part > 0.0 {
        row[cell + 1] += weight * part;
    }
}
