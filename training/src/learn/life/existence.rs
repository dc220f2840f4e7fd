//! How likely a clock exists, learned from who declared one and who did not.
//!
//! Who declares nothing need not have nothing: of those with a clock a share c declares it, whatever else they do (selected
//! completely at random; Elkan & Noto, KDD 2008). At evidence s the share that declared is then c · P(exists | s), and c is
//! what that share comes to where the evidence leaves no doubt. Whether odds are read by age, power, slope, level and c are
//! chosen together by likelihood.

use rayon::prelude::*;
use serendib_engine::life::{log_activity, Clock, EvidenceSet, Existence};

/// Declared clocks below which nothing is learned.
const FEWEST: usize = 20;
/// Bins of equal weight in which customers are counted, ordered by evidence.
const BINS: usize = 150;

const POWERS: [f32; 4] = [1.0, 0.7, 0.5, 0.3];
/// What may be taken off odds of any age for how much a customer buys.
const ACTIVITIES: [f32; 3] = [0.0, 0.2, 0.4];
/// Ways of reading odds: by age at each of [`POWERS`], and whatever the age with each of [`ACTIVITIES`].
const READINGS: usize = POWERS.len() + ACTIVITIES.len();
const SLOPES: [f64; 11] = [0.15, 0.25, 0.4, 0.6, 0.8, 1.0, 1.4, 2.0, 3.0, 4.5, 7.0];
/// Shares of those with a clock who declare it.
const DECLARE: [f64; 14] = [
    0.02, 0.04, 0.07, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 1.0,
];
/// Shares of those whose history does not show it that have one all the same.
const SILENT: [f64; 7] = [0.0, 0.01, 0.03, 0.06, 0.12, 0.25, 0.4];
/// Where the probability is a half: from the least to the greatest ln odds, in so many steps.
const MIDDLES: usize = 24;

/// One customer at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// What they bought up to the moment.
    pub set: &'a EvidenceSet,
    /// The moment, in days since 1970-01-01 UTC.
    pub now: f64,
    /// Whether a clock that runs at the moment was declared.
    pub declared: bool,
    /// How many customers they stand for, above 0.
    pub weight: f64,
}

/// One customer at one moment, as far as a clock's evidence goes.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// ln odds in each of [`READINGS`].
    log_odds: [f64; READINGS],
    declared: bool,
    weight: f64,
}

/// What `clock` makes of those of `asked` whose history speaks of it.
pub fn cases(clock: &Clock, asked: &[Asked]) -> Vec<Case> {
    asked
        .par_iter()
        .filter_map(|one| {
            Some(Case {
                log_odds: log_odds(clock, one)?,
                declared: one.declared,
                weight: one.weight,
            })
        })
        .collect()
}

/// ln odds in each of [`READINGS`]; `None` where nothing speaks of the clock.
fn log_odds(clock: &Clock, one: &Asked) -> Option<[f64; READINGS]> {
    let speaks = |set: &EvidenceSet| set.items.iter().any(|e| clock.table(e.profile).is_some());
    if !speaks(one.set) {
        return None;
    }
    let voices = one.set.voices();
    let first = one.set.span.map(|s| s.0);
    let [a, b, c, d] = clock.log_odds_by_age(&voices, first, one.now, POWERS);
    let any_age = clock.log_odds_of_any_age(&voices, one.now);
    let activity = log_activity(&voices);
    let [e, f, g] = ACTIVITIES.map(|part| any_age - f64::from(part) * activity);
    Some([a, b, c, d, e, f, g])
}

/// Customers with about the same odds.
struct Bin {
    log_odds: f64,
    declared: f64,
    all: f64,
}

fn bins(mut cases: Vec<(f64, bool, f64)>) -> Vec<Bin> {
    cases.sort_by(|a, b| a.0.total_cmp(&b.0));
    let total: f64 = cases.iter().map(|case| case.2).sum();
    let mut bins: Vec<Bin> = Vec::with_capacity(BINS + 1);
    let mut full = true;
    for (log_odds, declared, weight) in cases {
        if full {
            bins.push(Bin {
                log_odds: 0.0,
                declared: 0.0,
                all: 0.0,
            });
        }
        let Some(bin) = bins.last_mut() else { break };
        bin.log_odds += weight * log_odds;
        bin.declared += if declared { weight } else { 0.0 };
        bin.all += weight;
        full = bin.all >= total / BINS as f64;
    }
    for bin in &mut bins {
        bin.log_odds /= bin.all;
    }
    bins
}

/// How the odds of `cases` are to be read; `None` where too few declared a clock. Nobody may be among those from whom the
/// clock that is asked was fitted.
///
/// Besides those whose history shows the clock some have one that it does not show: they are told apart while c is learned,
/// and are not part of the probability, which is of what the history tells.
pub fn learn(cases: &[Case]) -> Option<Existence> {
    if cases.iter().filter(|case| case.declared).count() < FEWEST {
        return None;
    }
    let by_reading: Vec<Vec<Bin>> = (0..READINGS)
        .map(|reading| {
            let of = |case: &Case| (case.log_odds[reading], case.declared, case.weight);
            bins(cases.iter().map(of).collect())
        })
        .collect();
    let ways: Vec<(usize, f64, f64)> = (0..READINGS)
        .flat_map(|reading| SLOPES.map(|slope| (reading, slope)))
        .flat_map(|(reading, slope)| {
            let bins = &by_reading[reading];
            let (least, most) = (bins[0].log_odds, bins[bins.len() - 1].log_odds);
            (0..=MIDDLES).map(move |step| {
                let middle = least + (most - least) * step as f64 / MIDDLES as f64;
                (reading, slope, (-slope * middle).clamp(-20.0, 20.0))
            })
        })
        .collect();
    let judged: Vec<f64> = ways
        .par_iter()
        .map(|&(reading, slope, level)| {
            let shown: Vec<f64> = by_reading[reading]
                .iter()
                .map(|bin| 1.0 / (1.0 + (-(slope * bin.log_odds + level)).exp()))
                .collect();
            // Odds as they are is what is believed before: a few dozen customers move it, not a handful.
            let doubt = 0.5 * slope.ln().powi(2) + 0.5 * (level / 3.0).powi(2);
            let mut best = f64::NEG_INFINITY;
            for silent in SILENT {
                for share in DECLARE {
                    let logs = by_reading[reading].iter().zip(&shown).map(|(bin, shown)| {
                        let exists = silent + (1.0 - silent) * shown;
                        let p = (share * exists).clamp(1e-9, 1.0 - 1e-9);
                        bin.declared * p.ln() + (bin.all - bin.declared) * (1.0 - p).ln()
                    });
                    // Perhaps a quarter declare, give or take a factor of e.
                    let logs = logs.sum::<f64>() - 0.5 * (share / 0.25).ln().powi(2);
                    best = best.max(logs);
                }
            }
            best - doubt
        })
        .collect();
    let best = (0..ways.len()).max_by(|&a, &b| judged[a].total_cmp(&judged[b]).then(b.cmp(&a)))?;
    let (reading, slope, level) = ways[best];
    Some(Existence {
        by_age: reading < POWERS.len(),
        activity: reading
            .checked_sub(POWERS.len())
            .and_then(|part| ACTIVITIES.get(part).copied())
            .unwrap_or(0.0),
        power: POWERS.get(reading).copied().unwrap_or(1.0),
        slope: slope as f32,
        level: level as f32,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Customers with a clock with probability σ(`slope` · s), of whom `share` declare it, and one in twenty of the others
    /// has one that nothing shows.
    fn crowd(slope: f64, share: f64) -> Vec<Case> {
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        (0..6_000)
            .map(|_| {
                let odds = rng.gen_range(-8.0..8.0);
                let shown = 1.0 / (1.0 + f64::exp(-slope * odds));
                let exists = rng.gen_bool(shown) || rng.gen_bool(0.05);
                Case {
                    log_odds: [1.0, 0.7, 0.5, 0.3, 1.0, 1.0, 1.0].map(|power| power * odds),
                    declared: exists && rng.gen_bool(share),
                    weight: 1.0,
                }
            })
            .collect()
    }

    #[test]
    fn who_declares_tells_how_the_odds_are_to_be_read() {
        for (slope, share) in [(1.0, 0.3), (0.4, 0.15), (2.0, 0.6)] {
            let learned = learn(&crowd(slope, share)).unwrap();
            for odds in [-6.0, -2.0, 0.0, 2.0, 6.0] {
                let power = if learned.by_age { learned.power } else { 1.0 };
                let said = learned.probability(f64::from(power) * odds);
                let true_one = 1.0 / (1.0 + f64::exp(-slope * odds));
                assert!(
                    (said - true_one).abs() < 0.2,
                    "{slope} {share} at {odds}: {said} instead of {true_one}"
                );
            }
        }
    }

    #[test]
    fn a_handful_who_declare_teach_nothing() {
        let few: Vec<Case> = crowd(1.0, 0.3).into_iter().take(50).collect();
        assert_eq!(learn(&few), None);
    }
}
