//! Candidate settings, current settings and baselines on what follows a cut: overall, by segment, and as curves.

use rayon::prelude::*;
use serde::Serialize;
use serendib_engine::index::top_of;
use serendib_engine::represent::Representation;
use serendib_shop::{acquisitions, baskets, Log, ProductIx, Touch, DAY_MS};

use crate::judge::baselines::{Baselines, Ranker};
use crate::judge::metrics::{measure, Measures};
use crate::judge::policy::{interval, Interval};
use crate::judge::{EvalCase, Task};
use crate::learn::Corpus;

/// Lengths at which recall is drawn.
pub const LENGTHS: [usize; 7] = [1, 2, 5, 10, 20, 50, 100];
/// Buyers below which a product counts as cold.
pub const COLD_BELOW: f32 = 5.0;
/// Name of the settings that want to be published.
pub const CANDIDATE: &str = "candidate";
/// Name of the settings that are published.
pub const CURRENT: &str = "current";
const RESAMPLES: usize = 1_000;
/// Channels that get a segment of their own.
const MOST_CHANNELS: usize = 4;

/// One ranker's figures over all customers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Method {
    pub name: String,
    pub ndcg_20: f64,
    pub recall_20: f64,
    /// Share of customers with a hit in the first 10.
    pub hit_10: f64,
    /// Share of the catalogue in anybody's first 20.
    pub coverage_20: f64,
    /// Recall at each of [`LENGTHS`].
    pub recall: Vec<f64>,
    /// Of all places in first 20s, the share that goes to each tenth of the products, most bought first.
    pub exposure: Vec<f64>,
}

/// Candidate (or what is named instead) minus another ranker.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gap {
    /// Segment; `all` = everybody.
    pub segment: String,
    pub against: String,
    /// `ndcg@20` or `recall@20`.
    pub metric: &'static str,
    /// Customers in it.
    pub customers: usize,
    /// The candidate's mean.
    pub candidate: f64,
    /// The other's mean.
    pub other: f64,
    /// Mean difference with its 95 % interval, paired over customers.
    pub difference: Interval,
}

/// The whole comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// How it was measured, in words.
    pub protocol: String,
    pub customers: usize,
    /// Customers without anything to predict.
    pub left_out: usize,
    pub products: usize,
    /// Candidate, current (if there is one), baselines.
    pub methods: Vec<Method>,
    /// Of the purchases that were to be predicted, the share in each tenth of the products, most bought first.
    pub bought: Vec<f64>,
    /// Against everything, over all customers; against current and the best baseline in each segment.
    pub gaps: Vec<Gap>,
    /// The current settings minus the best baseline over all customers: what may be fallen back to is judged as well.
    pub fallback: Option<Gap>,
}

impl Comparison {
    /// The figures of `name`.
    pub fn method(&self, name: &str) -> Option<&Method> {
        self.methods.iter().find(|method| method.name == name)
    }

    /// The baseline with the highest NDCG@20.
    pub fn best_baseline(&self) -> Option<&Method> {
        let baselines = self.methods.iter().filter(|m| !is_ours(&m.name));
        baselines.max_by(|a, b| a.ndcg_20.total_cmp(&b.ndcg_20))
    }

    /// The gap of `segment` to `against`.
    pub fn gap(&self, segment: &str, against: &str, metric: &str) -> Option<&Gap> {
        self.gaps
            .iter()
            .find(|g| g.segment == segment && g.against == against && g.metric == metric)
    }
}

fn is_ours(name: &str) -> bool {
    name == CANDIDATE || name == CURRENT
}

struct Judged {
    measures: Measures,
    recall: [f64; LENGTHS.len()],
    cold: Option<Measures>,
    shown: Vec<ProductIx>,
}

/// Compares on `task`, everything fitted and counted on `train`.
pub fn compare(
    candidate: &Representation,
    current: Option<&Representation>,
    train: &Corpus,
    log: &Log,
    task: &Task,
    seed: u64,
    say: &dyn Fn(&str),
) -> Comparison {
    say("counting the baselines");
    let baselines = Baselines::new(train);
    let mut rankers: Vec<(&str, Ranker)> = vec![(CANDIDATE, Ranker::Model(candidate))];
    rankers.extend(current.map(|current| (CURRENT, Ranker::Model(current))));
    rankers.extend(baselines.rankers(task.repeats));
    let buyers = candidate.popularity();
    let decile = deciles(buyers);
    say("ranking for the comparison");
    let judged: Vec<Vec<Judged>> = rankers
        .iter()
        .map(|(_, ranker)| judge(ranker, train.products(), task, buyers))
        .collect();
    let methods: Vec<Method> = rankers
        .iter()
        .zip(&judged)
        .map(|((name, _), judged)| method(name, judged, train.products(), &decile))
        .collect();
    let mut comparison = Comparison {
        protocol: task.protocol.clone(),
        customers: task.cases.len(),
        left_out: task.left_out,
        products: train.products(),
        bought: shares(task.cases.iter().flat_map(|c| &c.relevant), &decile),
        methods,
        gaps: Vec::new(),
        fallback: None,
    };
    let everybody: Vec<usize> = (0..task.cases.len()).collect();
    let best = comparison.best_baseline().map(|m| m.name.clone());
    let at = |wanted: &str| rankers.iter().position(|(name, _)| *name == wanted);
    let best_at = best.as_deref().and_then(at);
    if let (Some(current), Some(baseline)) = (at(CURRENT), best_at) {
        let pair = Pair {
            judged: [&judged[current], &judged[baseline]],
            against: rankers[baseline].0,
            seed,
        };
        comparison.fallback = pair.gap("all", "ndcg@20", &everybody, |j| Some(&j.measures));
    }
    for (at, (name, _)) in rankers.iter().enumerate().skip(1) {
        let pair = Pair {
            judged: [&judged[0], &judged[at]],
            against: name,
            seed,
        };
        for metric in ["ndcg@20", "recall@20"] {
            let gap = pair.gap("all", metric, &everybody, |j| Some(&j.measures));
            comparison.gaps.extend(gap);
        }
        if *name != CURRENT && Some(*name) != best.as_deref() {
            continue;
        }
        for (segment, members) in segments(log, task, train.timed) {
            let gap = pair.gap(&segment, "ndcg@20", &members, |j| Some(&j.measures));
            comparison.gaps.extend(gap);
        }
        let cold = pair.gap("cold products", "recall@20", &everybody, |j| {
            j.cold.as_ref()
        });
        comparison.gaps.extend(cold);
    }
    comparison
}

struct Pair<'a> {
    judged: [&'a [Judged]; 2],
    against: &'a str,
    seed: u64,
}

impl Pair<'_> {
    fn gap<'j>(
        &'j self,
        segment: &str,
        metric: &'static str,
        members: &[usize],
        of: impl Fn(&'j Judged) -> Option<&'j Measures>,
    ) -> Option<Gap> {
        let figure = |m: &Measures| match metric {
            "ndcg@20" => m.ndcg[1],
            _ => m.recall[1],
        };
        // ours, theirs, one
        let rows: Vec<[f64; 3]> = members
            .iter()
            .filter_map(|&case| {
                let ours = of(&self.judged[0][case])?;
                let theirs = of(&self.judged[1][case])?;
                Some([figure(ours), figure(theirs), 1.0])
            })
            .collect();
        if rows.is_empty() {
            return None;
        }
        let mean = |column: usize| rows.iter().map(|r| r[column]).sum::<f64>() / rows.len() as f64;
        Some(Gap {
            segment: segment.to_owned(),
            against: self.against.to_owned(),
            metric,
            customers: rows.len(),
            candidate: mean(0),
            other: mean(1),
            difference: interval(&rows, |[a, b, n]| (a - b) / n, RESAMPLES, self.seed),
        })
    }
}

fn judge(ranker: &Ranker, n: usize, task: &Task, buyers: &[f32]) -> Vec<Judged> {
    let longest = LENGTHS[LENGTHS.len() - 1];
    task.cases
        .par_iter()
        .map_init(
            || vec![0f32; n],
            |scores, case| {
                ranker.scores(case, scores);
                if task.repeats {
                    ranker.add_repeats(case, scores);
                }
                let allowed = |p: ProductIx| task.repeats || case.owned.binary_search(&p).is_err();
                let shown: Vec<ProductIx> = top_of(scores, longest, &allowed)
                    .into_iter()
                    .map(|(product, _)| product)
                    .collect();
                judge_list(shown, case, buyers)
            },
        )
        .collect()
}

fn judge_list(mut shown: Vec<ProductIx>, case: &EvalCase, buyers: &[f32]) -> Judged {
    let wanted = case.relevant.len() + case.unknown;
    let cold: Vec<ProductIx> = case
        .relevant
        .iter()
        .copied()
        .filter(|p| buyers.get(p.index()).is_some_and(|b| *b < COLD_BELOW))
        .collect();
    let hits: Vec<usize> = shown
        .iter()
        .enumerate()
        .filter(|(_, p)| case.relevant.contains(p))
        .map(|(rank, _)| rank)
        .collect();
    let recall = LENGTHS.map(|length| {
        hits.iter().filter(|rank| **rank < length).count() as f64 / wanted.max(1) as f64
    });
    Judged {
        measures: measure(&shown, &case.relevant, wanted),
        recall,
        cold: (!cold.is_empty()).then(|| measure(&shown, &cold, cold.len())),
        shown: {
            shown.truncate(20);
            shown
        },
    }
}

fn method(name: &str, judged: &[Judged], n: usize, decile: &[usize]) -> Method {
    let count = judged.len().max(1) as f64;
    let mean = |of: &dyn Fn(&Judged) -> f64| judged.iter().map(of).sum::<f64>() / count;
    let mut seen = vec![false; n];
    for product in judged.iter().flat_map(|j| &j.shown) {
        seen[product.index()] = true;
    }
    Method {
        name: name.to_owned(),
        ndcg_20: mean(&|j| j.measures.ndcg[1]),
        recall_20: mean(&|j| j.measures.recall[1]),
        hit_10: mean(&|j| j.measures.hit[0]),
        coverage_20: seen.iter().filter(|s| **s).count() as f64 / n.max(1) as f64,
        recall: (0..LENGTHS.len())
            .map(|at| mean(&|j| j.recall[at]))
            .collect(),
        exposure: shares(judged.iter().flat_map(|j| &j.shown), decile),
    }
}

/// The tenth of the catalogue that each product belongs to, 0 = most bought; ties by number.
fn deciles(buyers: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..buyers.len()).collect();
    order.sort_by(|a, b| buyers[*b].total_cmp(&buyers[*a]).then(a.cmp(b)));
    let mut decile = vec![0; buyers.len()];
    for (rank, product) in order.into_iter().enumerate() {
        decile[product] = rank * 10 / buyers.len().max(1);
    }
    decile
}

fn shares<'a>(products: impl Iterator<Item = &'a ProductIx>, decile: &[usize]) -> Vec<f64> {
    let mut counts = [0f64; 10];
    let mut total = 0.0;
    for product in products {
        if let Some(at) = decile.get(product.index()) {
            counts[*at] += 1.0;
            total += 1.0;
        }
    }
    counts
        .iter()
        .map(|count| count / f64::max(total, 1.0))
        .collect()
}

/// Who a customer is at `now`, by their orders before.
///
/// `new`: at most two orders. `lapsing`: the last order is longer ago than 60 days and than twice their usual gap.
/// `regular`: everybody else.
pub fn standing(history: &[Touch], now: i64, timed: bool) -> &'static str {
    let orders = baskets(history, timed);
    if orders.len() <= 2 {
        return "new customers";
    }
    let (Some(first), Some(last), true) = (orders.first(), orders.last(), timed) else {
        return "regular customers";
    };
    let gap = (last.at - first.at) / (orders.len() as i64 - 1);
    if now - last.at > (60 * DAY_MS).max(2 * gap) {
        "lapsing customers"
    } else {
        "regular customers"
    }
}

/// Segments of the cases with their members, in a fixed order.
fn segments(log: &Log, task: &Task, timed: bool) -> Vec<(String, Vec<usize>)> {
    let mut out: Vec<(String, Vec<usize>)> =
        ["new customers", "regular customers", "lapsing customers"]
            .map(|name| (name.to_owned(), Vec::new()))
            .into();
    let mut by_channel: std::collections::BTreeMap<u16, Vec<usize>> = Default::default();
    for (ix, case) in task.cases.iter().enumerate() {
        let name = standing(&case.history, case.now, timed);
        if let Some(segment) = out.iter_mut().find(|(known, _)| known == name) {
            segment.1.push(ix);
        }
        if let Some(channel) = usual_channel(&case.history) {
            by_channel.entry(channel).or_default().push(ix);
        }
    }
    let mut channels: Vec<(u16, Vec<usize>)> = by_channel.into_iter().collect();
    channels.sort_by_key(|(channel, members)| (std::cmp::Reverse(members.len()), *channel));
    channels.truncate(MOST_CHANNELS);
    // one channel for everybody says nothing
    if channels.len() > 1 {
        out.extend(channels.into_iter().map(|(channel, members)| {
            let name = log.encoder.channels.name(channel);
            (format!("channel {name}"), members)
        }));
    }
    out.retain(|(_, members)| !members.is_empty());
    out
}

/// The channel of most acquisitions; the smaller number where two are even, `None` where none is known.
fn usual_channel(history: &[Touch]) -> Option<u16> {
    let mut counts: std::collections::BTreeMap<u16, usize> = Default::default();
    for touch in acquisitions(history).filter(|t| t.channel != 0) {
        *counts.entry(touch.channel).or_default() += 1;
    }
    counts
        .into_iter()
        .max_by_key(|(channel, count)| (*count, std::cmp::Reverse(*channel)))
        .map(|(channel, _)| channel)
}
