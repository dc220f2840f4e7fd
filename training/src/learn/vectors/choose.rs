//! The automatic choice: which families, at which settings, with which weights.

use crate::learn::vectors::cooccurrence::Shape;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serendib_engine::represent::{Representation, Weighting};
use serendib_shop::ProductIx;

use crate::learn::corpus::{Case, Corpus};
use crate::learn::memory;
use crate::learn::vectors::blend::Pool;
use crate::learn::vectors::build::{blend, Placing};
use crate::learn::vectors::families::{Family, Workbench};
use crate::learn::vectors::scorers::{gain_of_case, mean, Fitted};
use crate::learn::vectors::settings::{in_full, Trust};
pub use crate::learn::vectors::settings::{Member, Settings};
use crate::learn::vectors::split::{hold_out, Regime, FEWEST_CASES};
use crate::learn::vectors::tune::{Tuned, Tuner};

/// A row of the validation table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    pub name: String,
    /// Best settings found.
    pub settings: String,
    /// How many settings were tried.
    pub tried: usize,
    pub ndcg: f64,
    /// Weight on standardised scores in the blend; 0 = left out.
    pub weight: f32,
    /// Share of the blend's gain that is lost without it, or that it would add where it is left out.
    #[serde(default)]
    pub worth: f64,
}

/// How the choice was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// How the slice was held out; absent where there was too little to hold out.
    pub regime: Option<Regime>,
    pub why: String,
    /// Customers in the slice.
    pub customers: usize,
    /// Families, best first.
    pub table: Vec<Tried>,
    /// Gain of the blend on the slice, the mean of NDCG@5 and NDCG@20, as it is served.
    pub blend_ndcg: f64,
    /// The verdict in one sentence.
    pub verdict: String,
}

/// Chooses settings for `corpus` on a slice of at most 3,000 customers.
///
/// `memory`: bytes that fitting may use. `say` is told what is being done.
pub fn choose(corpus: &Corpus, seed: u64, memory: usize, say: &dyn Fn(&str)) -> (Settings, Choice) {
    say("holding out a slice");
    let split = hold_out(corpus, 3000, seed);
    if split.cases.len() < FEWEST_CASES {
        return (
            simple(corpus, seed),
            Choice::of_too_little(split.cases.len()),
        );
    }
    let n = corpus.products();
    let most_k = most_dimensions(corpus, n);
    let bench = Workbench::new(&split.train, most_k, seed);
    let cases: Vec<&Case> = split.cases.iter().collect();
    let tuner = Tuner {
        bench: &bench,
        cases: cases.clone(),
        regime: split.regime,
        memory,
        say,
    };
    let tuned = tune_families(&tuner, corpus, most_k);

    say("weighing the families");
    let fitted: Vec<&Fitted> = tuned.iter().map(|t| &t.fitted).collect();
    let pool = Pool::new(&fitted, &cases, n);
    let weights = guarded(&pool, blend_weights(&pool, &tuned), &tuned);
    let table = validation_table(&pool, &tuned, &weights);
    let mut settings = blend_settings(&tuned, &weights, &pool.spread, most_k, seed);
    let members: Vec<Fitted> = tuned
        .into_iter()
        .zip(&weights)
        .filter(|(_, weight)| **weight > 0.0)
        .map(|(tuned, _)| tuned.fitted)
        .collect();
    let mut blend_ndcg = mean(&pool.gain(&weights));
    if let Some((trust, ndcg)) = trust_in_content(&bench, &split.train, &settings, members, &cases)
    {
        settings.content_gain = trust.gain;
        settings.content_level = trust.level;
        blend_ndcg = ndcg;
    }
    let verdict = verdict(&pool, &weights, &settings, &table[0], blend_ndcg);
    let choice = Choice {
        regime: Some(split.regime),
        why: split.why.clone(),
        customers: cases.len(),
        table,
        blend_ndcg,
        verdict,
    };
    (settings, choice)
}

impl Choice {
    /// No choice at all, by only so many `customers`.
    fn of_too_little(customers: usize) -> Choice {
        Choice {
            regime: None,
            why: format!(
                "only {customers} customers have something to hold out, {FEWEST_CASES} are needed to choose by"
            ),
            customers,
            table: Vec::new(),
            blend_ndcg: 0.0,
            verdict: "too little data to choose: item-item with popularity behind it, untuned".into(),
        }
    }
}

/// Every family at the best settings that `tuner` finds for it, with decompositions of at most `most_k` dimensions.
fn tune_families(tuner: &Tuner, corpus: &Corpus, most_k: usize) -> Vec<Tuned> {
    let mut tuned = Vec::new();
    tuned.extend(tuner.halve(vec![Family::Popular {
        half_life_days: None,
    }]));
    if corpus.timed && tuner.regime != Regime::Random {
        let lately = [30.0, 7.0, 14.0, 90.0].map(|days| Family::Popular {
            half_life_days: Some(days),
        });
        tuned.extend(tuner.halve(lately.to_vec()));
    }
    let flat = Weighting::default();
    let mut weighting = flat;
    if let Some(first) = tuner.item_item(flat) {
        weighting = tuner.weighting(&first);
        let again = (weighting != flat)
            .then(|| tuner.halve(vec![first.family.with_weighting(weighting)]))
            .flatten();
        tuned.push(match again {
            Some(again) if again.ndcg > first.ndcg => Tuned {
                tried: first.tried,
                ..again
            },
            _ => first,
        });
    }
    tuned.extend(tuner.lag(weighting));
    let exact = memory::affords_ease(corpus, most_k, tuner.memory);
    tuned.extend(tuner.ease(weighting, exact));
    tuner.bench.forget_rows();
    tuned.extend(tuner.spectral(weighting));
    tuned.extend(tuner.ials(weighting));
    tuned.extend(tuner.content(weighting));
    tuned
}

/// The weight of each family on standardised scores.
fn blend_weights(pool: &Pool, tuned: &[Tuned]) -> Vec<f32> {
    let mut weights = pool.weigh(0.002);
    if mean(&pool.gain(&weights)) <= 0.0 {
        // nothing that is held out is found by anything: what is popular claims the least
        for (weight, tuned) in weights.iter_mut().zip(tuned) {
            *weight = f32::from(u8::from(matches!(
                tuned.family,
                Family::Popular {
                    half_life_days: None
                }
            )));
        }
    }
    weights
}

/// Ranks by which the guard looks at the top of lists.
const TOP: usize = 4;

/// `weights`, unless they put what is wanted into the first four places significantly less often than a family that any shop
/// could count by itself (what is popular, item to item), or its first hit significantly lower: then the best family that
/// does not.
fn guarded(pool: &Pool, weights: Vec<f32>, tuned: &[Tuned]) -> Vec<f32> {
    let hit = |ranks: &[usize], _: usize| f64::from(u8::from(ranks.iter().any(|r| *r < TOP)));
    let first =
        |ranks: &[usize], _: usize| ranks.iter().min().map_or(0.0, |r| 1.0 / (*r as f64 + 1.0));
    let one = |family: usize| -> Vec<f32> {
        (0..tuned.len())
            .map(|at| f32::from(u8::from(at == family)))
            .collect()
    };
    let simple: Vec<Vec<f32>> = tuned
        .iter()
        .enumerate()
        .filter(|(_, t)| matches!(t.family, Family::Popular { .. } | Family::ItemItem { .. }))
        .map(|(at, _)| one(at))
        .collect();
    let measures: [&(dyn Fn(&[usize], usize) -> f64 + Sync); 2] = [&hit, &first];
    let best: Vec<Vec<f64>> = measures
        .iter()
        .filter_map(|of| {
            let each = simple.iter().map(|weights| pool.judge(weights, *of));
            each.max_by(|a, b| mean(a).total_cmp(&mean(b)))
        })
        .collect();
    let falls_behind = |weights: &[f32]| {
        measures.iter().zip(&best).any(|(of, best)| {
            let (gap, error) = gap(&pool.judge(weights, *of), best);
            gap + 1.96 * error < 0.0
        })
    };
    if best.len() < measures.len() || !falls_behind(&weights) {
        return weights;
    }
    let alone = (0..tuned.len())
        .map(one)
        .filter(|weights| !falls_behind(weights));
    alone
        .map(|weights| (mean(&pool.gain(&weights)), weights))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map_or(weights, |(_, alone)| alone)
}

/// Gain per case of one `family` of `of` alone.
fn alone(pool: &Pool, family: usize, of: usize) -> Vec<f64> {
    let mut one = vec![0.0; of];
    one[family] = 1.0;
    pool.gain(&one)
}

/// All families, best alone first.
fn validation_table(pool: &Pool, tuned: &[Tuned], weights: &[f32]) -> Vec<Tried> {
    let mut table: Vec<Tried> = tuned
        .iter()
        .zip(weights)
        .enumerate()
        .map(|(at, (tuned, weight))| Tried {
            name: tuned.family.name().into(),
            settings: tuned.family.settings(),
            tried: tuned.tried,
            ndcg: mean(&alone(pool, at, weights.len())),
            weight: *weight,
            worth: pool.worth(weights, at),
        })
        .collect();
    table.sort_by(|a, b| b.ndcg.total_cmp(&a.ndcg));
    table
}

/// Settings of the families with a weight, `spread` being what their scores were standardised by.
fn blend_settings(
    tuned: &[Tuned],
    weights: &[f32],
    spread: &[f32],
    most_k: usize,
    seed: u64,
) -> Settings {
    let blend: Vec<Member> = tuned
        .iter()
        .zip(weights)
        .zip(spread)
        .filter(|((_, weight), _)| **weight > 0.0)
        .map(|((tuned, weight), spread)| Member {
            family: tuned.family.clone(),
            weight: weight / spread,
        })
        .collect();
    let spectral = tuned.iter().find_map(|t| match t.family {
        Family::Spectral { k, power, .. } => Some((k, power)),
        _ => None,
    });
    let in_blend = blend
        .iter()
        .any(|m| matches!(m.family, Family::Spectral { .. }));
    let (vector_dim, vector_power) = match spectral {
        Some((k, power)) if in_blend => (k, power),
        _ => (most_k.min(128), 0.5),
    };
    Settings {
        seed,
        blend,
        vector_dim,
        vector_power,
        content_gain: in_full(),
        content_level: in_full(),
    }
}

/// What the choice comes to in one sentence; `best` is the best family alone.
fn verdict(
    pool: &Pool,
    weights: &[f32],
    settings: &Settings,
    best: &Tried,
    blend_ndcg: f64,
) -> String {
    if blend_ndcg <= 0.0 {
        return format!(
            "nothing that is held out is found by any family: {} and nothing else",
            best.name
        );
    }
    if settings.blend.len() == 1 {
        return format!(
            "{} alone: nothing added to it was worth its place",
            best.name
        );
    }
    let each: Vec<Vec<f64>> = (0..weights.len())
        .map(|family| alone(pool, family, weights.len()))
        .collect();
    let most = |a: &usize, b: &usize| mean(&each[*a]).total_cmp(&mean(&each[*b])).then(b.cmp(a));
    let (gap, error) = (0..weights.len())
        .max_by(most)
        .map_or((0.0, 0.0), |family| gap(&pool.gain(weights), &each[family]));
    format!(
        "{} families together: NDCG@5,20 {:.4} against {:.4} of the best alone ({}), {gap:+.4} ± {:.4} (95 %, paired) on \
         the slice that also chose the weights",
        settings.blend.len(),
        blend_ndcg,
        best.ndcg,
        best.name,
        1.96 * error
    )
}

/// Mean of `a` − `b` per case, and its standard error.
fn gap(a: &[f64], b: &[f64]) -> (f64, f64) {
    let gaps: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    let middle = mean(&gaps);
    let n = gaps.len().max(1) as f64;
    let variance = gaps.iter().map(|g| (g - middle).powi(2)).sum::<f64>() / n;
    (middle, (variance / n).sqrt())
}

/// Shares of what is fitted that are tried for products placed by content.
const GAINS: [f32; 6] = [1.0, 0.5, 0.2, 0.1, 0.03, 0.01];
/// Shares of the predicted score with customers at large that are tried above the gain's.
const LEVELS: [f32; 7] = [1.0, 0.95, 0.9, 0.8, 0.6, 0.4, 0.2];

/// Cases by which the trust is chosen at most.
const TRUST_CASES: usize = 1_000;

/// How far content is trusted with products that have few buyers, and the gain of what is then served: the most that costs
/// nothing. `None` where nothing is placed by content.
///
/// What content says is fitted on products that have buyers. Where most have few, their scores by content alone can drown
/// all others. First both shares are lowered together, as they were fitted; then the score with customers at large is
/// raised again as far as it can be, for without it a product nobody has bought yet is behind all others.
fn trust_in_content(
    bench: &Workbench,
    corpus: &Corpus,
    settings: &Settings,
    members: Vec<Fitted>,
    cases: &[&Case],
) -> Option<(Trust, f64)> {
    let members = settings.blend.iter().zip(members).collect();
    let parts = blend(bench, corpus, settings, members);
    let placing = Placing::new(bench, corpus, &parts).ok()??;
    if !placing.places() {
        return None;
    }
    let all: Vec<ProductIx> = ProductIx::all(bench.n()).collect();
    let step = cases.len().div_ceil(TRUST_CASES).max(1);
    let measure = |level: f32, gain: f32| -> f64 {
        let mut placed = parts.clone();
        placing.put(&mut placed, Trust { level, gain });
        let Ok(served) = Representation::new(placed) else {
            return 0.0;
        };
        let each: Vec<f64> = cases
            .par_iter()
            .step_by(step)
            .map(|case| {
                let folded = served.fold_in(&case.history, case.now);
                gain_of_case(&served.score(&folded, &all), case)
            })
            .collect();
        mean(&each)
    };
    let found = GAINS.map(|gain| measure(gain, gain));
    let most = found.iter().copied().fold(0.0, f64::max);
    // as good as any for all that the slice can tell
    let good = |ndcg: f64| ndcg >= 0.995 * most;
    let at = found.iter().position(|ndcg| good(*ndcg))?;
    let gain = GAINS[at];
    let (level, ndcg) = LEVELS
        .into_iter()
        .filter(|level| *level > gain)
        .map(|level| (level, measure(level, gain)))
        .find(|(_, ndcg)| good(*ndcg))
        .unwrap_or((gain, found[at]));
    Some((Trust { level, gain }, ndcg))
}

/// Dimensions worth decomposing for: no more than a quarter of the smaller side says anything, and 512 at most.
pub fn most_dimensions(corpus: &Corpus, n: usize) -> usize {
    let customers = corpus.histories.iter().filter(|h| !h.is_empty()).count();
    (customers.min(n) / 4).clamp(8.min(n), 512)
}

/// What a shop with little data gets.
pub(crate) fn simple(corpus: &Corpus, seed: u64) -> Settings {
    let weighting = Weighting::default();
    Settings {
        seed,
        blend: vec![
            Member {
                family: Family::ItemItem {
                    customer_power: 0.5,
                    shape: Shape::symmetric(1.0),
                    keep: 300,
                    weighting,
                },
                weight: 1.0,
            },
            Member {
                family: Family::Popular {
                    half_life_days: None,
                },
                weight: 1e-3,
            },
            Member {
                family: Family::Content {
                    keep: 300,
                    weighting,
                },
                weight: 0.05,
            },
        ],
        vector_dim: most_dimensions(corpus, corpus.products()).min(64),
        vector_power: 0.5,
        content_gain: 0.1,
        content_level: 0.5,
    }
}
