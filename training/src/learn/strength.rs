//! How strongly a capability enters a model, chosen on the shop's own held-out data: no capability is on because its author
//! liked it.
//!
//! Candidates are chosen on an earlier slice by the one-standard-error rule (of those that cannot be told from the best, the
//! weakest) and confirmed once on a later one; what is not told better than the simplest baseline there is off.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::stats::bootstrap::mean_interval;
use serendib_engine::bundle::Manifest;

/// With fewer units in either slice nothing is decided, and the prior holds: of so many the interval of a hit rate is seven
/// hundredths to either side, wider than what capabilities usually bring.
pub const FEWEST_UNITS: usize = 200;

/// A form or strength in which a capability may enter.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// What a person reads, such as "leaf pairs, 60 days".
    pub name: String,
    /// How much of the capability it is, ≥ 0; 0 = off, or the simplest baseline.
    pub strength: f64,
}

impl Candidate {
    /// The candidate `name` of `strength`.
    pub fn new(name: impl Into<String>, strength: f64) -> Candidate {
        Candidate {
            name: name.into(),
            strength,
        }
    }
}

/// What was chosen, and how well that is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// What was to be decided, such as "life in for-you".
    pub capability: String,
    /// Number of the chosen candidate.
    pub chosen: usize,
    /// Its name.
    pub name: String,
    /// Its strength, ≥ 0.
    pub strength: f64,
    /// Name of the simplest baseline, or "off".
    pub baseline: String,
    /// Name of the candidate that `difference` is of: the chosen one, or the best that was not good enough.
    pub compared: String,
    /// Mean of `compared` less that of the baseline on the later slice.
    pub difference: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    /// Upper end of its 95 % interval.
    pub high: f64,
    /// Units of the later slice, such as customers.
    pub units: usize,
    /// Whether there were enough units to tell; otherwise the prior was taken.
    pub decided: bool,
}

impl Verdict {
    /// Writes the verdict into `manifest`, in place of an earlier one on the same capability.
    pub fn keep(&self, manifest: &mut Manifest) {
        manifest.metrics[CAPABILITIES][&self.capability] = serde_json::json!(self);
    }
}

/// The verdicts that `manifest` keeps, by capability.
pub fn kept(manifest: &Manifest) -> Vec<Verdict> {
    let Some(all) = manifest
        .metrics
        .get(CAPABILITIES)
        .and_then(|v| v.as_object())
    else {
        return Vec::new();
    };
    all.values()
        .filter_map(|verdict| serde_json::from_value(verdict.clone()).ok())
        .collect()
}

/// Where a manifest keeps verdicts, among its metrics.
const CAPABILITIES: &str = "capabilities";

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Verdict {
            capability,
            name,
            compared,
            difference,
            low,
            high,
            units,
            ..
        } = self;
        if !self.decided {
            return write!(
                f,
                "{capability}: {name}, not decidable on {units} held-out cases"
            );
        }
        write!(
            f,
            "{capability}: {name}, {difference:+.4} [{low:+.4}, {high:+.4}]"
        )?;
        if self.chosen == 0 && compared != name {
            write!(f, " with {compared}")?;
        } else if self.chosen != 0 {
            write!(f, " against {}", self.baseline)?;
        }
        write!(f, " ({units} held-out cases)")
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Mean of `a` − `b` and its standard error, paired.
fn paired(a: &[f64], b: &[f64]) -> (f64, f64) {
    let gaps: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    let middle = mean(&gaps);
    let n = gaps.len().max(2) as f64;
    let variance = gaps.iter().map(|g| (g - middle).powi(2)).sum::<f64>() / (n - 1.0);
    (middle, (variance / n).sqrt())
}

/// Chooses among `candidates`, the first of which is the simplest baseline: by the means of `early`, confirmed on `late`.
///
/// `early` and `late` hold for each candidate the figure of every unit, larger is better, the same units for all. With too few
/// units the candidate number `prior` is taken. Figures that are not finite count as 0. Same figures and `seed`, same verdict.
///
/// # Panics
/// Never; without candidates the verdict is "off".
pub fn decide(
    capability: &str,
    candidates: &[Candidate],
    early: &[Vec<f64>],
    late: &[Vec<f64>],
    prior: usize,
    seed: u64,
) -> Verdict {
    let finite = |rows: &[Vec<f64>]| -> Vec<Vec<f64>> {
        let clean = |x: &f64| if x.is_finite() { *x } else { 0.0 };
        rows.iter()
            .map(|row| row.iter().map(clean).collect())
            .collect()
    };
    let (early, late) = (finite(early), finite(late));
    let units = |rows: &[Vec<f64>]| rows.iter().map(Vec::len).min().unwrap_or(0);
    let whole = early.len() == candidates.len() && late.len() == candidates.len();
    let decided = whole
        && candidates.len() > 1
        && units(&early) >= FEWEST_UNITS
        && units(&late) >= FEWEST_UNITS;
    let (chosen, compared) = if decided {
        choose(candidates, &early, &late, seed)
    } else {
        let prior = prior.min(candidates.len().saturating_sub(1));
        (prior, prior)
    };
    let (mut difference, mut low, mut high) = (0.0, 0.0, 0.0);
    if decided && compared != 0 {
        let gaps = gaps(&late[compared], &late[0]);
        difference = mean(&gaps);
        (low, high) = mean_interval(&gaps, seed);
    }
    let name = |ix: usize| candidates.get(ix).map_or("off", |c| c.name.as_str());
    Verdict {
        capability: capability.to_owned(),
        chosen,
        name: name(chosen).to_owned(),
        strength: candidates.get(chosen).map_or(0.0, |c| c.strength),
        baseline: name(0).to_owned(),
        compared: name(compared).to_owned(),
        difference,
        low,
        high,
        units: units(&late),
        decided,
    }
}

/// Whether the form `candidate` takes the place of `baseline`, which it was not chosen against: where what each unit gains by it
/// is above 0 beyond chance, of `fewest` units at least.
pub fn confirm(
    capability: &str,
    [baseline, candidate]: &[Candidate; 2],
    gains: &[f64],
    fewest: usize,
    seed: u64,
) -> Verdict {
    let decided = gains.len() >= fewest.max(2);
    let (low, high) = if decided {
        mean_interval(gains, seed)
    } else {
        (0.0, 0.0)
    };
    let holds = decided && low > 0.0;
    let chosen = if holds { candidate } else { baseline };
    Verdict {
        capability: capability.to_owned(),
        chosen: usize::from(holds),
        name: chosen.name.clone(),
        strength: chosen.strength,
        baseline: baseline.name.clone(),
        compared: candidate.name.clone(),
        difference: if decided { mean(gains) } else { 0.0 },
        low,
        high,
        units: gains.len(),
        decided,
    }
}

fn gaps(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

/// The chosen candidate and the one to tell of: the same, unless the chosen is the baseline.
fn choose(
    candidates: &[Candidate],
    early: &[Vec<f64>],
    late: &[Vec<f64>],
    seed: u64,
) -> (usize, usize) {
    let best_of = |from: usize| {
        (from..candidates.len())
            .max_by(|a, b| mean(&early[*a]).total_cmp(&mean(&early[*b])).then(b.cmp(a)))
            .unwrap_or(0)
    };
    let best = best_of(0);
    let weakest_as_good = (0..candidates.len())
        .filter(|ix| {
            let (behind, error) = paired(&early[best], &early[*ix]);
            *ix == best || (candidates[*ix].strength < candidates[best].strength && behind <= error)
        })
        .min_by(|a, b| {
            candidates[*a]
                .strength
                .total_cmp(&candidates[*b].strength)
                .then(a.cmp(b))
        })
        .unwrap_or(best);
    if weakest_as_good == 0 {
        return (0, best_of(1));
    }
    let (low, _) = mean_interval(&gaps(&late[weakest_as_good], &late[0]), seed);
    if low > 0.0 {
        (weakest_as_good, weakest_as_good)
    } else {
        (0, weakest_as_good)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::prelude::*;
    use rand_chacha::ChaCha8Rng;

    fn strengths() -> Vec<Candidate> {
        [0.0, 0.25, 0.5, 1.0]
            .map(|s| {
                Candidate::new(
                    if s == 0.0 {
                        "off".into()
                    } else {
                        format!("{s}")
                    },
                    s,
                )
            })
            .to_vec()
    }

    /// Figures of `n` units whose means rise by `steps` over the first candidate.
    fn figures(n: usize, steps: [f64; 4], seed: u64) -> Vec<Vec<f64>> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let units: Vec<f64> = (0..n).map(|_| rng.gen::<f64>()).collect();
        steps
            .map(|step| {
                units
                    .iter()
                    .map(|u| u + step + 0.05 * (rng.gen::<f64>() - 0.5))
                    .collect()
            })
            .to_vec()
    }

    #[test]
    fn what_helps_early_and_late_is_on_and_what_hurts_is_off() {
        let helps = decide(
            "life",
            &strengths(),
            &figures(500, [0.0, 0.01, 0.02, 0.015], 1),
            &figures(500, [0.0, 0.01, 0.02, 0.015], 2),
            0,
            7,
        );
        assert_eq!((helps.strength, helps.decided), (0.5, true));
        assert!(helps.low > 0.0 && helps.to_string().contains("against off"));
        let hurts = decide(
            "life",
            &strengths(),
            &figures(500, [0.0, -0.01, -0.02, -0.03], 1),
            &figures(500, [0.0, -0.01, -0.02, -0.03], 2),
            3,
            7,
        );
        assert_eq!((hurts.strength, hurts.chosen), (0.0, 0));
        assert!(hurts.difference < 0.0 && hurts.to_string().starts_with("life: off, -0.0"));
    }

    #[test]
    fn what_only_the_early_slice_shows_is_not_confirmed() {
        let verdict = decide(
            "life",
            &strengths(),
            &figures(500, [0.0, 0.01, 0.02, 0.03], 1),
            &figures(500, [0.0, -0.01, -0.01, -0.01], 2),
            3,
            7,
        );
        assert_eq!(verdict.chosen, 0);
        assert_eq!(verdict.compared, "1");
    }

    #[test]
    fn of_equals_the_weaker_wins_and_of_too_few_the_prior() {
        let equal = figures(400, [0.0, 0.02, 0.02, 0.02], 3);
        let verdict = decide("x", &strengths(), &equal, &equal, 0, 1);
        assert_eq!(verdict.strength, 0.25);
        let few = figures(20, [0.0, 0.02, 0.02, 0.5], 3);
        let verdict = decide("x", &strengths(), &few, &few, 1, 1);
        assert_eq!((verdict.chosen, verdict.decided), (1, false));
        assert!(verdict.to_string().contains("not decidable on 20"));
    }

    #[test]
    fn one_form_is_confirmed_by_what_units_gain() {
        let forms = [Candidate::new("plain", 0.0), Candidate::new("ordered", 1.0)];
        let gains =
            |by: f64| -> Vec<f64> { (0..100).map(|n| by + f64::from(n % 7) - 3.0).collect() };
        let verdict = |by: f64| confirm("order", &forms, &gains(by), 50, 1);
        assert_eq!(
            (verdict(2.0).chosen, verdict(2.0).name.as_str()),
            (1, "ordered")
        );
        assert_eq!((verdict(0.1).chosen, verdict(0.1).decided), (0, true));
        let few = confirm("order", &forms, &[5.0; 20], 50, 1);
        assert_eq!((few.chosen, few.decided), (0, false));
        assert!(few.to_string().contains("not decidable on 20"));
    }

    #[test]
    fn nothing_and_what_is_not_finite_are_survived() {
        assert_eq!(decide("x", &[], &[], &[], 3, 1).name, "off");
        let mut odd = figures(300, [0.0, 0.1, 0.1, 0.1], 3);
        odd[1][3] = f64::NAN;
        let verdict = decide("x", &strengths(), &odd, &odd, 0, 1);
        assert!(verdict.difference.is_finite());
    }
}
