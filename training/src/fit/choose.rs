//! The automatic choice: which families, at which settings, with which weights.

use serde::{Deserialize, Serialize};
use serendib_engine::represent::{ease_bytes, Shape, Weighting};

use super::blend::Pool;
use super::corpus::{Case, Corpus};
use super::families::{Family, Workbench};
use super::scorers::{mean, Fitted};
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
    /// NDCG@20 of the blend on the slice.
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
    let blend_ndcg = mean(&pool.ndcg(&weights, 20));
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
    let best = &table[0];
    let verdict = if blend.len() == 1 {
        format!(
            "{} alone: nothing added to it was worth its place",
            best.name
        )
    } else {
        format!(
            "{} families together: NDCG@20 {:.4} against {:.4} of the best alone ({})",
            blend.len(),
            blend_ndcg,
            best.ndcg,
            best.name
        )
    };
    let settings = Settings {
        seed,
        blend,
        vector_dim,
        vector_power,
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
    }
}
