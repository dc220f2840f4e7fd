//! How smooth the densities of one clock should be and how far its evidence is believed, chosen on held-out known anchors.

use rayon::prelude::*;
use serendib_engine::life::{prior, Clock, ClockType, EvidenceSet, Grid, Profile, Trust};

use crate::learn::life::density::{self, AgeCounts, Smoothing};
use crate::learn::life::ties::Ties;

/// Known anchors below which nothing is chosen.
const FEWEST: usize = 25;
/// Known anchors that are looked at, at most.
const MOST: usize = 1_000;
/// Folds over them.
const FOLDS: usize = 3;
/// Days of a bin of the log-likelihood.
const BIN: f64 = 30.0;

const BANDWIDTHS: [f64; 3] = [0.7, 0.45, 0.3];
const PATHS: [f64; 2] = [0.3, 4.0];
const WINDOWS: [f64; 2] = [1.0, 10.0];
const FIRSTS: [f64; 1] = [0.5];
const POWERS: [f32; 8] = [0.2, 0.35, 0.5, 0.7, 0.85, 1.0, 1.25, 1.6];
const TIRES: [Option<f32>; 5] = [None, Some(40.0), Some(20.0), Some(10.0), Some(5.0)];
const RESERVES: [f32; 5] = [0.0, 0.02, 0.05, 0.1, 0.2];
/// Shares of anchors that the 90 % and 80 % intervals should hold: a little more than they promise.
const WANTED: (f64, f64) = (0.91, 0.81);

/// One customer whose anchor is known.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// What they bought, up to the moment at which the clock is judged.
    pub set: &'a EvidenceSet,
    /// The anchor, in days since 1970-01-01 UTC.
    pub anchor: f64,
    /// The moment at which it is judged, likewise.
    pub now: f64,
}

/// What was chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Choice {
    /// Shrinkage and bandwidths.
    pub smoothing: Smoothing,
    /// How far the evidence is believed.
    pub trust: Trust,
}

/// What a table says of one held-out customer.
struct Case {
    /// ln prior per cell.
    prior: Vec<f64>,
    /// Σ ω ln R per cell, and the same of the shapes.
    sums: [Vec<f64>; 2],
    /// Total weight of the evidence.
    weight: f64,
    /// Position of the anchor in cells.
    at: f64,
}

/// Density of the anchor per bin, probability of an earlier one, and how many days the median is off.
#[derive(Clone, Copy)]
struct Said {
    density: f64,
    below: f64,
    off: f64,
}

/// How one way of believing fared: log-likelihood per customer, and how far coverage is off.
struct Outcome {
    trust: Trust,
    logs: Vec<f64>,
    mean: f64,
    off: f64,
    /// Mean of the smaller errors of the medians in days: dates that were declared wrongly are among the larger.
    error: f64,
}

/// Chooses for the clock with number `number`; `None` where too few anchors are known.
///
/// The log-likelihood of held-out anchors decides; among ways of believing that cannot be told apart by it, the one whose
/// intervals hold what they promise. `share` is what customers without the clock buy, by profile.
pub fn choose(
    number: usize,
    kind: &ClockType,
    profiles: &[Profile],
    ties: &Ties,
    share: &[f64],
    known: &[Known],
    start: &Smoothing,
) -> Option<Choice> {
    if known.len() < FEWEST {
        return None;
    }
    let known: Vec<Known> = known
        .iter()
        .copied()
        .step_by(known.len().div_ceil(MOST))
        .collect();
    let folds: Vec<AgeCounts> = (0..FOLDS)
        .into_par_iter()
        .map(|fold| {
            let mut counts = AgeCounts::new(profiles.len(), kind);
            let learned = known
                .iter()
                .enumerate()
                .filter(|(ix, _)| ix % FOLDS != fold);
            for (_, one) in learned {
                for piece in &one.set.voices() {
                    let (profile, age) = (piece.profile as usize, piece.day - one.anchor);
                    counts.add(kind, profile, age, f64::from(piece.weight));
                }
                if let Some((first, _)) = one.set.span {
                    counts.add_first(kind, first - one.anchor, 1.0);
                }
            }
            counts
        })
        .collect();
    let judge = |smoothing: &Smoothing, forms: &[bool]| -> Outcome {
        let cases: Vec<Case> = folds
            .par_iter()
            .enumerate()
            .flat_map(|(fold, counts)| {
                let fitted = density::fit(number, kind, profiles, ties, share, counts, smoothing);
                let clock = Clock::new(kind.clone(), fitted, kind.exists);
                let held_out: Vec<Case> = known
                    .iter()
                    .enumerate()
                    .filter(|(ix, _)| ix % FOLDS == fold)
                    .filter_map(|(_, one)| case(&clock, one))
                    .collect();
                held_out
            })
            .collect();
        best(&cases, forms, kind.step_days)
    };
    let mut chosen = (*start, judge(start, &[false, true]));
    let form = [chosen.1.trust.by_shape];
    let mut consider = |change: &dyn Fn(&mut Smoothing)| {
        let mut smoothing = chosen.0;
        change(&mut smoothing);
        let outcome = judge(&smoothing, &form);
        if outcome.mean > chosen.1.mean {
            chosen = (smoothing, outcome);
        }
    };
    for factor in BANDWIDTHS {
        consider(&|s| s.bandwidth = factor * start.bandwidth);
    }
    for path in PATHS {
        consider(&|s| s.path = path);
    }
    for window in WINDOWS {
        consider(&|s| s.window = window);
    }
    for first in FIRSTS {
        consider(&|s| s.first = first);
    }
    Some(Choice {
        smoothing: chosen.0,
        trust: chosen.1.trust,
    })
}

fn case(clock: &Clock, one: &Known) -> Option<Case> {
    let first = one.set.span.map(|s| s.0);
    let before = prior(clock, first, one.now);
    let mut by_ratio = before.clone();
    by_ratio.sums.iter_mut().for_each(|sum| *sum = 0.0);
    let mut by_shape = by_ratio.clone();
    for piece in &one.set.items {
        by_ratio.add(clock, piece);
        by_shape.add_shape(clock, piece);
    }
    let at = position(&before, one.anchor);
    let inside = (0.0..=(before.sums.len() - 1) as f64).contains(&at);
    inside.then(|| Case {
        prior: before.sums,
        sums: [by_ratio.sums, by_shape.sums],
        weight: clock.weight_of(&one.set.items),
        at,
    })
}

fn position(grid: &Grid, day: f64) -> f64 {
    let (first, second) = (grid.day(0), grid.day(1));
    (day - first) / (second - first)
}

/// What `prior` · exp(`power` · sums) says of the anchor of `case`.
fn said(case: &Case, by_shape: bool, power: f64, step: f64) -> Said {
    let sums = &case.sums[usize::from(by_shape)];
    let logs = || case.prior.iter().zip(sums).map(|(p, s)| p + power * s);
    let top = logs().fold(f64::NEG_INFINITY, f64::max);
    let cell = case.at as usize;
    let part = case.at - cell as f64;
    let (mut total, mut below, mut here) = (0.0, 0.0, 0.0);
    let all: f64 = logs().map(|log| (log - top).exp()).sum();
    let mut median = None;
    for (ix, log) in logs().enumerate() {
        let mass = (log - top).exp();
        total += mass;
        if median.is_none() && 2.0 * total >= all {
            median = Some(ix as f64 + 0.5 - (total - 0.5 * all) / mass.max(1e-300));
        }
        // Half of the anchor's own cell lies before its middle.
        if ix < cell {
            below += mass;
        } else if ix == cell {
            below += mass * (0.5 + part).min(1.0);
            here += mass * (1.0 - part);
        } else if ix == cell + 1 {
            below += mass * (part - 0.5).max(0.0);
            here += mass * part;
        }
    }
    Said {
        density: here / total / step * BIN,
        below: below / total,
        off: (median.unwrap_or(0.0) - case.at).abs() * step,
    }
}

/// The best way of believing what the tables say of `cases`, in one of the `forms` (by shape or not).
///
/// Which form it is, the medians decide: what the density of one form gains on a few wrongly declared dates, the other pays
/// for in all dates that are right.
fn best(cases: &[Case], forms: &[bool], step: f64) -> Outcome {
    let of_forms = forms.iter().map(|form| best_of(cases, *form, step));
    let better = |a: Outcome, b: Outcome| {
        let nearer = b.error < NEARER * a.error && b.mean > a.mean - WORSE;
        if nearer {
            b
        } else {
            a
        }
    };
    let least = of_forms.reduce(better);
    least.unwrap_or_else(|| best_of(cases, false, step))
}

fn best_of(cases: &[Case], by_shape: bool, step: f64) -> Outcome {
    let before: Vec<Said> = cases
        .par_iter()
        .map(|c| said(c, false, 0.0, step))
        .collect();
    // Shapes know of presents and wrong dates themselves, and habits are damped: they do not tire.
    let tires: &[Option<f32>] = if by_shape { &[None] } else { &TIRES };
    let ways: Vec<(f32, Option<f32>)> = POWERS
        .iter()
        .flat_map(|&power| tires.iter().map(move |&tires| (power, tires)))
        .collect();
    let outcomes: Vec<Outcome> = ways
        .par_iter()
        .flat_map_iter(|&(power, tires)| {
            let plain = Trust {
                by_shape,
                power,
                tires,
                reserve: 0.0,
            };
            let after: Vec<Said> = cases
                .iter()
                .map(|c| said(c, by_shape, plain.power_at(c.weight), step))
                .collect();
            let before = &before;
            RESERVES
                .into_iter()
                .map(move |reserve| outcome(Trust { reserve, ..plain }, before, &after))
                .collect::<Vec<_>>()
        })
        .collect();
    let most = outcomes
        .iter()
        .map(|o| o.mean)
        .fold(f64::NEG_INFINITY, f64::max);
    let top = outcomes.iter().position(|o| o.mean == most).unwrap_or(0);
    let n = cases.len().max(1) as f64;
    let indistinguishable = |o: &Outcome| {
        let gaps = o.logs.iter().zip(&outcomes[top].logs).map(|(a, b)| b - a);
        let square: f64 = gaps.map(|gap| (gap - (most - o.mean)).powi(2)).sum();
        most - o.mean <= 0.5 * (square / n / n).sqrt()
    };
    let mut kept: Vec<usize> = (0..outcomes.len())
        .filter(|&ix| ix == top || indistinguishable(&outcomes[ix]))
        .collect();
    kept.sort_by(|&a, &b| {
        let (a, b) = (&outcomes[a], &outcomes[b]);
        a.off.total_cmp(&b.off).then(b.mean.total_cmp(&a.mean))
    });
    let mut outcomes = outcomes;
    let mut found = outcomes.swap_remove(kept[0]);
    // Smoothings are compared by what they can reach.
    found.mean = most;
    found
}

/// How much smaller the errors of medians must be for another form, and how much worse its densities may be.
const NEARER: f64 = 0.95;
const WORSE: f64 = 0.5;
/// Share of the errors of medians that are looked at, the smaller ones.
const SMALLER: f64 = 0.8;

fn smaller_errors(after: &[Said]) -> f64 {
    let mut errors: Vec<f64> = after.iter().map(|said| said.off).collect();
    errors.sort_by(f64::total_cmp);
    errors.truncate(((SMALLER * errors.len() as f64) as usize).max(1));
    errors.iter().sum::<f64>() / errors.len().max(1) as f64
}

fn outcome(trust: Trust, before: &[Said], after: &[Said]) -> Outcome {
    let reserve = f64::from(trust.reserve);
    let mix = |a: f64, b: f64| (1.0 - reserve) * a + reserve * b;
    let n = after.len().max(1) as f64;
    let (mut in_90, mut in_80) = (0.0, 0.0);
    let logs: Vec<f64> = after
        .iter()
        .zip(before)
        .map(|(after, before)| {
            let below = mix(after.below, before.below);
            in_90 += f64::from(u8::from((0.05..=0.95).contains(&below)));
            in_80 += f64::from(u8::from((0.1..=0.9).contains(&below)));
            mix(after.density, before.density).max(1e-9).ln()
        })
        .collect();
    Outcome {
        trust,
        mean: logs.iter().sum::<f64>() / n,
        off: (in_90 / n - WANTED.0).abs() + (in_80 / n - WANTED.1).abs(),
        error: smaller_errors(after),
        logs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use serendib_engine::life::Evidence;

    /// Customers who bought `pieces` of one of ten profiles, each of which is bought for half a year of ages; every purchase
    /// counts `copies` times.
    fn crowd(customers: usize, pieces: usize, copies: usize) -> Vec<(EvidenceSet, f64)> {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        (0..customers)
            .map(|_| {
                let anchor = 15_000.0 + rng.gen_range(0.0..1_500.0);
                let first = anchor + rng.gen_range(0.0..900.0);
                let items: Vec<Evidence> = (0..pieces)
                    .flat_map(|k| {
                        let day = first + 10.0 * k as f64;
                        let at_age = ((day - anchor) / 180.0) as u32 % 10;
                        let profile = if rng.gen_bool(0.7) {
                            at_age
                        } else {
                            rng.gen_range(0..10)
                        };
                        let weight = 1.0;
                        vec![
                            Evidence {
                                profile,
                                day,
                                weight,
                                wanted: true,
                            };
                            copies
                        ]
                    })
                    .collect();
                let last = first + 10.0 * pieces as f64;
                let set = EvidenceSet {
                    bought: items.len() as f64,
                    items,
                    span: Some((first, last)),
                    owned_durables: Vec::new(),
                    bought_of: Vec::new(),
                };
                (set, anchor)
            })
            .collect()
    }

    fn chosen(people: &[(EvidenceSet, f64)]) -> Option<Choice> {
        let types = ClockType::supplied();
        let kind = types.iter().find(|kind| kind.name == "child")?;
        let profiles: Vec<Profile> = (0..10)
            .map(|ix| Profile {
                category: format!("c{ix}"),
                window: None,
                lift: 0.0,
                parent: None,
                kind: None,
            })
            .collect();
        let known: Vec<Known> = people
            .iter()
            .map(|(set, anchor)| Known {
                set,
                anchor: *anchor,
                now: 18_000.0,
            })
            .collect();
        choose(
            0,
            kind,
            &profiles,
            &Ties {
                word: vec![0.0; 10],
                tied: vec![true; 10],
                log_lift: vec![0.0; 10],
            },
            &[1.0; 10],
            &known,
            &Smoothing::default(),
        )
    }

    #[test]
    fn purchases_that_say_the_same_twice_are_believed_less() {
        let once = chosen(&crowd(300, 3, 1)).unwrap();
        let often = chosen(&crowd(300, 3, 8)).unwrap();
        assert!(once.trust.power_at(3.0) > 0.5, "{once:?}");
        let (alone, copied) = (once.trust.power_at(3.0), often.trust.power_at(24.0));
        assert!(copied < 0.5 * alone, "{once:?} {often:?}");
        // Windows of half a year need no bandwidth of a year.
        assert!(once.smoothing.bandwidth < 1.0, "{once:?}");
    }

    #[test]
    fn few_known_anchors_choose_nothing() {
        assert_eq!(chosen(&crowd(20, 3, 1)), None);
    }
}
