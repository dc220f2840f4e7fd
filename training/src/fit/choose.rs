//! The automatic choice: which families, at which settings, with which weights.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serendib_engine::represent::{ease_bytes, Representation, Shape, Weighting};
use serendib_engine::shop::ProductIx;

use super::blend::Pool;
use super::build::{blend, Placing};
use super::corpus::{Case, Corpus};
use super::families::{Family, Workbench};
use super::scorers::{mean, ndcg, Fitted};
use super::split::{hold_out, Regime};
use super::tune::Tuner;

/// One family of the blend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// The family and its settings.
    #[serde(flatten)]
    pub family: Family,
    /// What its scores are multiplied by.
    pub weight: f32,
}

/// Everything that was chosen, enough to fit again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Seed of everything random.
    pub seed: u64,
    /// The blend.
    pub blend: Vec<Member>,
    /// Dimensions of the product vectors, which exist whether or not the blend uses them.
    pub vector_dim: usize,
    /// Singular values go into the vectors with this power.
    pub vector_power: f32,
    /// What the fitted gain of products placed by content is multiplied by, above 0 to 1.
    #[serde(default = "in_full")]
    pub content_gain: f32,
}

fn in_full() -> f32 {
    1.0
}

/// A row of the validation table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// Family.
    pub name: String,
    /// Best settings found.
    pub settings: String,
    /// How many settings were tried.
    pub tried: usize,
    /// NDCG@20 alone.
    pub ndcg: f64,
    /// Weight on standardised scores in the blend; 0 = left out.
    pub weight: f32,
}

/// How the choice was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// How the slice was held out; absent where there was too little to hold out.
    pub regime: Option<Regime>,
    /// Why so.
    pub why: String,
    /// Customers in the slice.
    pub customers: usize,
    /// Families, best first.
    pub table: Vec<Tried>,
    /// NDCG@20 of the blend on the slice, as it is served.
    pub blend_ndcg: f64,
    /// The verdict in one sentence.
    pub verdict: String,
}

/// Fewer cases than this say too little to choose by.
const FEWEST_CASES: usize = 40;

/// Chooses settings for `corpus` on a slice of at most 3,000 customers.
///
/// `memory`: bytes that fitting may use. `say` is told what is being done.
pub fn choose(corpus: &Corpus, seed: u64, memory: usize, say: &dyn Fn(&str)) -> (Settings, Choice) {
    let n = corpus.products();
    say("holding out a slice");
    let split = hold_out(corpus, 3000, seed);
    if split.cases.len() < FEWEST_CASES {
        let settings = simple(corpus, seed);
        let choice = Choice {
            regime: None,
            why: format!(
                "only {} customers have something to hold out, {FEWEST_CASES} are needed to choose by",
                split.cases.len()
            ),
            customers: split.cases.len(),
            table: Vec::new(),
            blend_ndcg: 0.0,
            verdict: "too little data to choose: item-item with popularity behind it, untuned".into(),
        };
        return (settings, choice);
    }
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
    let mut tuned = Vec::new();
    tuned.extend(tuner.halve(vec![Family::Popular {
        half_life_days: None,
    }]));
    if corpus.timed && split.regime != Regime::Random {
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
            Some(again) if again.ndcg > first.ndcg => super::tune::Tuned {
                tried: first.tried,
                ..again
            },
            _ => first,
        });
    }
    tuned.extend(tuner.lag(weighting));
    let exact = n <= 20_000 && ease_bytes(n) <= memory / 2;
    tuned.extend(tuner.ease(weighting, exact));
    bench.forget_counts();
    tuned.extend(tuner.spectral(weighting));
    tuned.extend(tuner.ials(weighting));
    tuned.extend(tuner.content(weighting));

    say("weighing the families");
    let fitted: Vec<&Fitted> = tuned.iter().map(|t| &t.fitted).collect();
    let pool = Pool::new(&fitted, &cases, n);
    let weights = pool.weigh(0.002);
    let alone = |family: usize| {
        let mut one = vec![0.0; weights.len()];
        one[family] = 1.0;
        mean(&pool.ndcg(&one, 20))
    };
    let mut table: Vec<Tried> = tuned
        .iter()
        .zip(&weights)
        .enumerate()
        .map(|(at, (tuned, weight))| Tried {
            name: tuned.family.name().into(),
            settings: tuned.family.settings(),
            tried: tuned.tried,
            ndcg: alone(at),
            weight: *weight,
        })
        .collect();
    table.sort_by(|a, b| b.ndcg.total_cmp(&a.ndcg));
    let blend: Vec<Member> = tuned
        .iter()
        .zip(&weights)
        .zip(&pool.spread)
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
    let mut settings = Settings {
        seed,
        blend,
        vector_dim,
        vector_power,
        content_gain: in_full(),
    };
    let members: Vec<Fitted> = tuned
        .iter()
        .zip(&weights)
        .filter(|(_, weight)| **weight > 0.0)
        .map(|(tuned, _)| tuned.fitted.clone())
        .collect();
    let mut blend_ndcg = mean(&pool.ndcg(&weights, 20));
    if let Some((gain, ndcg)) = trust_in_content(&bench, &split.train, &settings, members, &cases) {
        settings.content_gain = gain;
        blend_ndcg = ndcg;
    }
    let best = &table[0];
    let verdict = if settings.blend.len() == 1 {
        format!(
            "{} alone: nothing added to it was worth its place",
            best.name
        )
    } else {
        format!(
            "{} families together: NDCG@20 {:.4} against {:.4} of the best alone ({})",
            settings.blend.len(),
            blend_ndcg,
            best.ndcg,
            best.name
        )
    };
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

/// Shares of the fitted gain that are tried for products placed by content.
const GAINS: [f32; 6] = [1.0, 0.5, 0.2, 0.1, 0.03, 0.01];

/// Cases by which the gain is chosen at most.
const GAIN_CASES: usize = 1_000;

/// How much of the fitted gain products with few buyers are placed with, and NDCG@20 of what is then served: the most that
/// costs nothing. `None` where nothing is placed by content.
///
/// The gain is fitted on products that have buyers. Where most have few, their scores by content alone can drown all others.
fn trust_in_content(
    bench: &Workbench,
    corpus: &Corpus,
    settings: &Settings,
    members: Vec<Fitted>,
    cases: &[&Case],
) -> Option<(f32, f64)> {
    let members = settings.blend.iter().zip(members).collect();
    let parts = blend(bench, corpus, settings, members);
    let placing = Placing::new(bench, corpus, &parts).ok()??;
    if !placing.places() {
        return None;
    }
    let all: Vec<ProductIx> = (0..bench.n() as ProductIx).collect();
    let step = cases.len().div_ceil(GAIN_CASES).max(1);
    let found = GAINS.map(|gain| {
        let mut placed = parts.clone();
        placing.put(&mut placed, gain);
        let Ok(served) = Representation::new(placed) else {
            return 0.0;
        };
        let each: Vec<f64> = cases
            .par_iter()
            .step_by(step)
            .map(|case| {
                let folded = served.fold_in(&case.history, case.now);
                ndcg(&served.score(&folded, &all), case, 20)
            })
            .collect();
        mean(&each)
    });
    let most = found.iter().copied().fold(0.0, f64::max);
    // the largest that is as good as any for all that the slice can tell
    let at = found.iter().position(|ndcg| *ndcg >= 0.995 * most)?;
    Some((GAINS[at], found[at]))
}

/// Dimensions worth decomposing for: no more than an eighth of the smaller side says anything, and 512 at most.
pub fn most_dimensions(corpus: &Corpus, n: usize) -> usize {
    let customers = corpus.histories.iter().filter(|h| !h.is_empty()).count();
    (customers.min(n) / 4).clamp(8.min(n), 512)
}

/// What a shop with little data gets.
pub(super) fn simple(corpus: &Corpus, seed: u64) -> Settings {
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
    }
}
