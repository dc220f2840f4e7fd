//! Evaluation over the full catalogue: ours beside baselines, with paired intervals, repeat and explore apart.

pub mod baselines;
pub mod cold;
pub mod complement;
pub mod engagement;
pub mod life;
pub mod metrics;
pub mod next_basket;
pub mod policy;
pub mod report;
pub mod surprise;
pub mod tasks;
pub mod truth;

pub use report::{Evaluation, Interval, Row};
pub use tasks::{from_held_out, from_split, EvalCase, Task};

use rayon::prelude::*;
use serendib_engine::index::top_of;
use serendib_engine::represent::Representation;
use serendib_shop::ProductIx;

use crate::learn::Corpus;
use crate::stats::bootstrap::mean_interval;
use baselines::{Baselines, Ranker};
use metrics::{measure, Measures, Summary};

/// A measure of one list.
type Measure = fn(&Measures) -> f64;

/// Measures by which ours is compared with each baseline.
const COMPARED: [(&str, Measure); 5] = [
    ("ndcg@20", |m| m.ndcg[1]),
    ("recall@20", |m| m.recall[1]),
    ("ndcg@5", |m| m.ndcg_5),
    ("hr@4", |m| m.hit_4),
    ("mrr", |m| m.reciprocal),
];

/// Depth of the lists that are judged.
pub const DEPTH: usize = 20;

/// Scores `representation`, fitted on `train`, and the baselines, counted on `train`, on `task`.
pub fn evaluate(
    representation: &Representation,
    train: &Corpus,
    task: &Task,
    seed: u64,
    say: &dyn Fn(&str),
) -> Evaluation {
    say("counting the baselines");
    let baselines = Baselines::new(train);
    let mut rankers: Vec<(&str, Ranker)> = vec![("serendib", Ranker::Model(representation))];
    rankers.extend(baselines.rankers(task.repeats));
    let mut rows = Vec::new();
    let mut per_case: Vec<Vec<Measures>> = Vec::new();
    for (name, ranker) in &rankers {
        say(&format!("ranking with {name}"));
        let (row, measures) = judge(name, ranker, train.products(), task);
        rows.push(row);
        per_case.push(measures);
    }
    let mut intervals = Vec::new();
    for (at, (name, _)) in rankers.iter().enumerate().skip(1) {
        for (metric, of) in COMPARED {
            let gaps: Vec<f64> = per_case[0]
                .iter()
                .zip(&per_case[at])
                .map(|(a, b)| of(a) - of(b))
                .collect();
            let (low, high) = mean_interval(&gaps, seed);
            intervals.push(Interval {
                against: (*name).to_owned(),
                metric: metric.to_owned(),
                difference: gaps.iter().sum::<f64>() / gaps.len().max(1) as f64,
                low,
                high,
            });
        }
    }
    Evaluation {
        protocol: task.protocol.clone(),
        customers: task.cases.len(),
        left_out: task.left_out,
        unknown_products: task.unknown_products,
        products: train.products(),
        repeat_share: task.repeat_share,
        seed,
        rows,
        intervals,
    }
}

/// One ranker over all cases.
fn judge(name: &str, ranker: &Ranker, n: usize, task: &Task) -> (Row, Vec<Measures>) {
    struct Judged {
        all: Measures,
        explore: Option<Measures>,
        repeat: Option<Measures>,
        shown: Vec<ProductIx>,
    }
    let judged: Vec<Judged> = task
        .cases
        .par_iter()
        .map_init(
            || vec![0f32; n],
            |scores, case| {
                ranker.scores(case, scores);
                let new = |p: ProductIx| case.owned.binary_search(&p).is_err();
                let explore_list: Vec<ProductIx> = list(scores, &new);
                let (fresh, again): (Vec<ProductIx>, Vec<ProductIx>) =
                    case.relevant.iter().copied().partition(|p| new(*p));
                let explore = (!fresh.is_empty())
                    .then(|| measure(&explore_list, &fresh, fresh.len() + case.unknown));
                if !task.repeats {
                    let all = explore.unwrap_or_default();
                    return Judged {
                        all,
                        explore,
                        repeat: None,
                        shown: explore_list,
                    };
                }
                ranker.add_repeats(case, scores);
                let all_list = list(scores, &|_| true);
                let all = measure(
                    &all_list,
                    &case.relevant,
                    case.relevant.len() + case.unknown,
                );
                let repeat = (!again.is_empty()).then(|| {
                    let own = list(scores, &|p| case.owned.binary_search(&p).is_ok());
                    measure(&own, &again, again.len())
                });
                Judged {
                    all,
                    explore,
                    repeat,
                    shown: all_list,
                }
            },
        )
        .collect();
    let mut seen = vec![false; n];
    for product in judged.iter().flat_map(|j| &j.shown) {
        seen[product.index()] = true;
    }
    let all: Vec<Measures> = judged.iter().map(|j| j.all).collect();
    let of = |pick: fn(&Judged) -> Option<Measures>| {
        let some: Vec<Measures> = judged.iter().filter_map(pick).collect();
        (!some.is_empty()).then(|| Summary::of(&some))
    };
    let row = Row {
        name: name.to_owned(),
        all: Summary::of(&all),
        explore: task.repeats.then(|| of(|j| j.explore)).flatten(),
        repeat: of(|j| j.repeat),
        coverage: seen.iter().filter(|s| **s).count() as f64 / n.max(1) as f64,
    };
    (row, all)
}

fn list(scores: &[f32], allowed: &(dyn Fn(ProductIx) -> bool + Sync)) -> Vec<ProductIx> {
    top_of(scores, DEPTH, allowed)
        .into_iter()
        .map(|(p, _)| p)
        .collect()
}

#[cfg(test)]
mod tests;
