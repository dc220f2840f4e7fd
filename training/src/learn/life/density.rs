//! Fits how much more a holder of a clock buys of each profile at each age: smoothed, shrunk along the category path.
//!
//! For a clock with anchor τ and a purchase of profile c at age a = t − τ, the intensity of the clock's own purchases
//! relative to everything else, e_c(a) = λ_k(a) φ_kc(a) / (λ_0 p_0(c)), is the *excess*, and x(a) = Σ_c p_0(c) e_c(a) =
//! λ_k(a) / λ_0 the *dilution*. Given that something was bought at age a, the odds that it is c, against a customer
//! without the clock, are R_c(a) = (1 + e_c(a)) / (1 + x(a)). Neither has a unit of time.

use serde::{Deserialize, Serialize};
use serendib_engine::life::{spread, AgeTable, AgeTables, ClockType, Profile};
use serendib_engine::stats::sigmoid;

use crate::learn::life::ties::Ties;

/// How strongly data are held against what is believed before them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Smoothing {
    /// Purchases that the category above weighs, > 0.
    pub path: f64,
    /// Purchases that a stated window weighs, > 0.
    pub window: f64,
    /// Factor on the configured bandwidths, > 0.
    pub bandwidth: f64,
    /// Which purchases the dilution is read from: from one share to another of those of customers without the clock, in
    /// the order of how much less whoever has it buys of them; within [0, 1].
    pub background: (f64, f64),
    /// Factor on the configured bandwidths for ages at first contact, > 0.
    #[serde(default = "one")]
    pub first: f64,
}

fn one() -> f64 {
    1.0
}

impl Default for Smoothing {
    fn default() -> Smoothing {
        Smoothing {
            path: 1.0,
            window: 4.0,
            bandwidth: 1.0,
            background: (0.15, 0.6),
            first: 1.0,
        }
    }
}

/// Largest dilution: at most this share of a holder's purchases is believed to come from the clock.
const MAX_DILUTION: f64 = 9.0;
/// Least and largest excess: a holder may also buy less of something than others do, never nothing for certain.
const MIN_EXCESS: f64 = -0.95;
const MAX_EXCESS: f64 = 500.0;
/// A profile whose excess stays below in size is treated as having nothing to do with the clock.
const NEGLIGIBLE: f64 = 0.25;
/// Purchases that what is believed of a profile's ages before any weighs.
const SHAPE_PRIOR: f64 = 0.5;
/// Share of purchases whose age says nothing: presents, and dates that were declared wrongly.
const WRONG: f64 = 0.05;

/// What was bought at which ages, per profile, before smoothing.
#[derive(Debug, Clone)]
pub struct AgeCounts {
    cells: usize,
    /// Profiles × cells.
    counts: Vec<f64>,
    /// Ages at first contact, per cell.
    pub first: Vec<f64>,
}

impl AgeCounts {
    /// Counts of no purchases at all.
    pub fn new(profiles: usize, clock: &ClockType) -> AgeCounts {
        let cells = clock.cells();
        AgeCounts {
            cells,
            counts: vec![0.0; profiles * cells],
            first: vec![0.0; cells],
        }
    }

    /// Adds `weight` purchases of `profile` at `age` days; ages outside the clock's are left out.
    pub fn add(&mut self, clock: &ClockType, profile: usize, age: f64, weight: f64) {
        spread(
            clock,
            age,
            weight,
            &mut self.counts[profile * self.cells..][..self.cells],
        );
    }

    /// Adds a customer whose first contact was at `age` days.
    pub fn add_first(&mut self, clock: &ClockType, age: f64, weight: f64) {
        spread(clock, age, weight, &mut self.first);
    }

    /// These counts without `part`, which must be of the same clock and profiles.
    pub fn without(&self, part: &AgeCounts) -> AgeCounts {
        let minus = |all: &[f64], part: &[f64]| -> Vec<f64> {
            // Sums of fractions need not cancel exactly.
            let pairs = all.iter().zip(part);
            pairs.map(|(a, b)| (a - b).max(0.0)).collect()
        };
        AgeCounts {
            cells: self.cells,
            counts: minus(&self.counts, &part.counts),
            first: minus(&self.first, &part.first),
        }
    }

    fn row(&self, profile: usize) -> &[f64] {
        &self.counts[profile * self.cells..][..self.cells]
    }
}

/// Gaussian smoothing whose bandwidth grows with age; each count keeps its mass inside the grid.
pub struct Kernel {
    cells: usize,
    /// Row per source cell: first target, weights that sum to one.
    rows: Vec<(usize, Vec<f64>)>,
    /// Per cell: purchases that one unit of smoothed density stands for (width of the kernel in cells).
    width: Vec<f64>,
}

impl Kernel {
    /// The kernel of `clock`, its bandwidths times `scale`.
    pub fn new(clock: &ClockType, scale: f64) -> Kernel {
        let cells = clock.cells();
        let rows = (0..cells)
            .map(|from| {
                let sd = (scale * clock.bandwidth(clock.age(from)) / clock.step_days).max(0.3);
                // Rounding must not decide about a cell.
                let reach = (4.0 * sd - 1e-6).ceil() as usize;
                let first = from.saturating_sub(reach);
                let last = (from + reach).min(cells - 1);
                let mut weights: Vec<f64> = (first..=last)
                    .map(|to| (-0.5 * ((to as f64 - from as f64) / sd).powi(2)).exp())
                    .collect();
                let sum: f64 = weights.iter().sum();
                weights.iter_mut().for_each(|w| *w /= sum);
                (first, weights)
            })
            .collect();
        let width = (0..cells)
            .map(|cell| {
                let sd = (scale * clock.bandwidth(clock.age(cell)) / clock.step_days).max(0.3);
                sd * (2.0 * std::f64::consts::PI).sqrt()
            })
            .collect();
        Kernel { cells, rows, width }
    }

    /// Returns `counts`, one per cell, smoothed over neighbouring ages.
    pub fn smooth(&self, counts: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.cells];
        for ((first, weights), &count) in self.rows.iter().zip(counts) {
            if count != 0.0 {
                for (target, weight) in out[*first..].iter_mut().zip(weights) {
                    *target += count * weight;
                }
            }
        }
        out
    }

    /// How many purchases a unit of smoothed density at `cell` rests on.
    pub fn effective(&self, cell: usize) -> f64 {
        self.width[cell]
    }
}

/// The excess that windows and words assume within a window, before data: full inside, falling off outside.
pub fn window_excess(clock: &ClockType, from: f64, to: f64, lift: f64) -> Vec<f64> {
    let edge = |age: f64| {
        (0.5 * clock.bandwidth(age))
            .min(0.25 * (to - from))
            .max(0.5 * clock.step_days)
    };
    (0..clock.cells())
        .map(|cell| {
            let age = clock.age(cell);
            let inside =
                sigmoid((age - from) / (0.5 * edge(from))) * sigmoid((to - age) / (0.5 * edge(to)));
            lift * if inside < 1e-3 { 0.0 } else { inside }
        })
        .collect()
}

/// Fits the tables of the clock with number `number`: windows and words as the prior, `counts` as data.
///
/// `share` is p_0, the shares of the profiles among purchases of customers without the clock; it is floored and
/// normalised here. A profile's counts include those of the profiles below it. What `ties` does not tie to the clock has no
/// table.
pub fn fit(
    number: usize,
    clock: &ClockType,
    profiles: &[Profile],
    ties: &Ties,
    share: &[f64],
    counts: &AgeCounts,
    smoothing: &Smoothing,
) -> AgeTables {
    let cells = clock.cells();
    let kernel = Kernel::new(clock, smoothing.bandwidth);
    let share = normalised(share);

    // The prior: excess within stated windows, and the dilution that follows.
    let windows: Vec<Option<Vec<f64>>> = profiles
        .iter()
        .zip(&ties.word)
        .map(|(profile, believed)| match profile.window {
            Some((owner, from, to)) if owner as usize == number => Some(window_excess(
                clock,
                f64::from(from),
                f64::from(to),
                f64::from(believed * profile.lift.max(1.0)),
            )),
            _ => None,
        })
        .collect();
    let mut dilution = vec![0.0; cells];
    for (excess, share) in windows.iter().zip(&share) {
        if let Some(excess) = excess {
            for (x, e) in dilution.iter_mut().zip(excess) {
                *x += share * e;
            }
        }
    }
    dilution.iter_mut().for_each(|x| *x = x.min(MAX_DILUTION));

    // Own counts, and counts and shares with everything below.
    let total: Vec<f64> = (0..cells)
        .map(|cell| (0..profiles.len()).map(|p| counts.row(p)[cell]).sum())
        .collect();
    let total = kernel.smooth(&total);
    let mut below: Vec<Vec<f64>> = (0..profiles.len())
        .map(|p| counts.row(p).to_vec())
        .collect();
    let mut share_below = share.clone();
    for ix in (0..profiles.len()).rev() {
        if let Some(parent) = profiles[ix].parent {
            let (head, tail) = below.split_at_mut(ix);
            for (up, own) in head[parent as usize].iter_mut().zip(&tail[0]) {
                *up += own;
            }
            share_below[parent as usize] += share_below[ix];
        }
    }

    // R down the tree: (n + α) / (E + α / R_prior), n and E in purchases within a bandwidth, so that α is weighed against
    // purchases that are seen and not against those of a rare profile that nobody would expect.
    let mut ratios: Vec<Vec<f64>> = Vec::with_capacity(profiles.len());
    for (ix, profile) in profiles.iter().enumerate() {
        let prior: Vec<f64> = match (&windows[ix], profile.parent) {
            (Some(excess), _) => excess
                .iter()
                .zip(&dilution)
                .map(|(e, x)| (1.0 + e) / (1.0 + x))
                .collect(),
            (None, Some(parent)) => ratios[parent as usize].clone(),
            (None, None) => dilution.iter().map(|x| 1.0 / (1.0 + x)).collect(),
        };
        // that a category is for the clock says nothing of ages
        let says_ages = profile.window.is_some_and(|(_, from, to)| {
            f64::from(from) > clock.min_age_days || f64::from(to) < clock.max_age_days
        });
        let weight = if windows[ix].is_some() && says_ages {
            smoothing.window
        } else {
            smoothing.path
        };
        let own = &below[ix];
        if own.iter().all(|n| *n == 0.0) && share_below[ix] * total.iter().sum::<f64>() < 0.5 {
            ratios.push(prior);
            continue;
        }
        let seen = kernel.smooth(own);
        ratios.push(
            (0..cells)
                .map(|cell| {
                    let width = kernel.effective(cell);
                    let expected = total[cell] * width * share_below[ix];
                    let before = prior[cell].max(1e-3);
                    (seen[cell] * width + weight) / (expected + weight / before)
                })
                .collect(),
        );
    }

    // R must be a ratio of shares: Σ p_0 R = 1 at every age.
    for cell in 0..cells {
        let sum: f64 = ratios.iter().zip(&share).map(|(r, s)| r[cell] * s).sum();
        if sum > 1e-9 {
            ratios.iter_mut().for_each(|r| r[cell] /= sum);
        }
    }
    let background = smoothing.background;
    let dilution = dilution_of(&ratios, &share, &total, &dilution, background);
    let shapes: Vec<Vec<f32>> = (0..profiles.len())
        .map(|ix| shape(&kernel, counts.row(ix), windows[ix].as_deref()))
        .collect();
    let first = Kernel::new(clock, smoothing.first);
    let first = first_age(&first, &counts.first);
    tables_of(clock, &ratios, &shapes, ties, dilution, first)
}

/// ln of the density of ages at which a profile is bought, relative to a uniform one: its own `counts`, and a purchase's worth
/// of its `window`, or of any age.
fn shape(kernel: &Kernel, counts: &[f64], window: Option<&[f64]>) -> Vec<f32> {
    let cells = counts.len() as f64;
    let relative = |row: &[f64]| -> Option<Vec<f64>> {
        let sum: f64 = row.iter().sum();
        (sum > 1e-9).then(|| row.iter().map(|x| x / sum * cells).collect())
    };
    let before = window.and_then(relative);
    let n: f64 = counts.iter().sum();
    let seen = relative(&kernel.smooth(counts));
    (0..counts.len())
        .map(|cell| {
            let before = before.as_ref().map_or(1.0, |row| row[cell]);
            let seen = seen.as_ref().map_or(0.0, |row| row[cell]);
            let density = (n * seen + SHAPE_PRIOR * before) / (n + SHAPE_PRIOR);
            ((1.0 - WRONG) * density + WRONG).ln() as f32
        })
        .collect()
}

fn normalised(share: &[f64]) -> Vec<f64> {
    let sum: f64 = share.iter().filter(|s| s.is_finite()).sum();
    let floor = 1e-6 * sum.max(1e-12) / share.len().max(1) as f64;
    let floored: Vec<f64> = share
        .iter()
        .map(|s| if s.is_finite() { s.max(floor) } else { floor })
        .collect();
    let sum: f64 = floored.iter().sum();
    floored.iter().map(|s| s / sum).collect()
}

/// The background is what the clock leaves alone: 1 + x(a) = 1 / (R over the purchases of it together).
///
/// What it is, R over all ages tells, and only the middle is taken: of hundreds of profiles the lowest R of each age are
/// low by chance, and whoever bought much of anything would seem to have no clock.
fn dilution_of(
    ratios: &[Vec<f64>],
    share: &[f64],
    total: &[f64],
    prior: &[f64],
    background: (f64, f64),
) -> Vec<f64> {
    let evidence: f64 = total.iter().sum();
    let overall: Vec<f64> = ratios
        .iter()
        .map(|ratio| {
            let sum: f64 = ratio.iter().zip(total).map(|(r, n)| r * n).sum();
            sum / evidence.max(1e-12)
        })
        .collect();
    let mut order: Vec<usize> = (0..ratios.len()).collect();
    order.sort_by(|&a, &b| overall[a].total_cmp(&overall[b]).then(a.cmp(&b)));
    let all: f64 = share.iter().sum();
    let mut mass = 0.0;
    let mut taken: Vec<(usize, f64)> = Vec::new();
    for ix in order {
        let before = mass / all;
        mass += share[ix];
        let inside = (mass / all).min(background.1) - before.max(background.0);
        if inside > 0.0 {
            taken.push((ix, inside));
        }
    }
    let sum: f64 = taken.iter().map(|(_, part)| part).sum();
    let trust = evidence / (evidence + 50.0);
    prior
        .iter()
        .enumerate()
        .map(|(cell, prior)| {
            let mean: f64 = taken
                .iter()
                .map(|(ix, part)| part * ratios[*ix][cell])
                .sum();
            let ratio = mean / sum.max(1e-12);
            let learned = (1.0 / ratio.max(1e-3) - 1.0).clamp(0.0, MAX_DILUTION);
            trust * learned + (1.0 - trust) * prior
        })
        .collect()
}

fn tables_of(
    clock: &ClockType,
    ratios: &[Vec<f64>],
    shapes: &[Vec<f32>],
    ties: &Ties,
    dilution: Vec<f64>,
    first_age: Vec<f32>,
) -> AgeTables {
    let mut tables = Vec::new();
    let mut table_of = Vec::with_capacity(ratios.len());
    for ((ratio, shape), tied) in ratios.iter().zip(shapes).zip(&ties.tied) {
        if !tied {
            table_of.push(None);
            continue;
        }
        let excess: Vec<f64> = ratio
            .iter()
            .zip(&dilution)
            .map(|(r, x)| (r * (1.0 + x) - 1.0).clamp(MIN_EXCESS, MAX_EXCESS))
            .collect();
        if excess.iter().fold(0.0f64, |a, b| a.max(b.abs())) < NEGLIGIBLE {
            table_of.push(None);
            continue;
        }
        table_of.push(Some(tables.len() as u32));
        tables.push(AgeTable::new(
            clock,
            excess.iter().map(|e| *e as f32).collect(),
            &dilution.iter().map(|x| *x as f32).collect::<Vec<_>>(),
            shape.clone(),
        ));
    }
    AgeTables {
        tables,
        table_of,
        dilution: dilution.iter().map(|x| *x as f32).collect(),
        first_age,
        log_lift: ties.log_lift.clone(),
    }
}

/// Ages at first contact: smoothed, mixed with a uniform density that a few customers outweigh.
fn first_age(kernel: &Kernel, first: &[f64]) -> Vec<f32> {
    let cells = first.len() as f64;
    let total: f64 = first.iter().sum();
    let trust = total / (total + 4.0) * 0.99;
    let smoothed = kernel.smooth(first);
    smoothed
        .iter()
        .map(|n| {
            let relative = if total > 0.0 { n / total * cells } else { 1.0 };
            (trust * relative + 1.0 - trust) as f32
        })
        .collect()
}
