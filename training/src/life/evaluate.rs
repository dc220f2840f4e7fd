//! How well anchors and next baskets are predicted, with the baselines in the same table.

use std::fmt::Write;

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;
use serendib_engine::life::{
    declared, ClockType, LifeModel, Neighbours, NextBasket, ProductProfiles, StateOptions,
};
use serendib_engine::shop::{Basket, Fact, Purpose, DAY_MS};

use super::fit::{fit, LifeRow, LifeSettings};
use super::next_basket::{fit as fit_next, neighbours, popularity, recall_ndcg};
use super::Sources;

/// Anchors of one clock type below which nothing is measured.
const FEWEST: usize = 50;
/// Width of a bin of the log-likelihood, days.
const BIN: f64 = 30.0;

/// How well the anchors of one clock type are inferred from purchases, cross-validated over customers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AnchorFigures {
    /// Clock type.
    pub clock: String,
    /// Customers with one usable declared anchor.
    pub customers: usize,
    /// Folds, and seeds by which they were drawn.
    pub folds: usize,
    /// See `folds`.
    pub seeds: usize,
    /// Mean absolute error in days.
    pub mae: f64,
    /// Median absolute error in days.
    pub median_error: f64,
    /// Mean absolute error of predicting the training folds' median age.
    pub mae_of_median: f64,
    /// `mae / mae_of_median`, with its 95 % interval over customers.
    pub ratio: f64,
    /// See `ratio`.
    pub ratio_interval: (f64, f64),
    /// Mean log-likelihood of the true 30-day bin.
    pub log_likelihood: f64,
    /// The same for the smoothed ages of the training folds, whatever was bought.
    pub log_likelihood_of_marginal: f64,
    /// Share of anchors within the 90 % interval.
    pub coverage_90: f64,
    /// Share of anchors within the 80 % interval.
    pub coverage_80: f64,
}

impl AnchorFigures {
    /// The table for a terminal.
    pub fn table(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(
            out,
            "anchors of clock {:?}: {} customers, {}-fold by customer, {} seeds\n\
             {:<24} {:>9} {:>9} {:>12} {:>8} {:>8}",
            self.clock,
            self.customers,
            self.folds,
            self.seeds,
            "",
            "MAE d",
            "median d",
            "log-lik/30 d",
            "cov 90",
            "cov 80"
        );
        let _ = writeln!(
            out,
            "{:<24} {:>9.1} {:>9.1} {:>12.3} {:>8.3} {:>8.3}",
            "serendib",
            self.mae,
            self.median_error,
            self.log_likelihood,
            self.coverage_90,
            self.coverage_80
        );
        let _ = writeln!(
            out,
            "{:<24} {:>9.1} {:>9} {:>12.3}\nratio {:.3} [{:.3}, {:.3}]",
            "median age, all ages",
            self.mae_of_median,
            "",
            self.log_likelihood_of_marginal,
            self.ratio,
            self.ratio_interval.0,
            self.ratio_interval.1
        );
        out
    }
}

struct Case {
    error: f64,
    plain: f64,
    log_likelihood: f64,
    marginal: f64,
    in_90: bool,
    in_80: bool,
}

/// Cross-validates every clock type with enough declared anchors: customers of a fold keep their purchases and lose their
/// facts. Large shops get fewer folds and one seed.
pub fn anchors(
    sources: &Sources,
    settings: &LifeSettings,
    say: &dyn Fn(&str),
) -> Vec<AnchorFigures> {
    let Ok(types) = ClockType::with_shop(sources.clock_types) else {
        return Vec::new();
    };
    if !sources.timed {
        return Vec::new();
    }
    let touches: usize = sources.histories.iter().map(|h| h.len()).sum();
    let (seeds, folds) = if touches > 300_000 { (1, 3) } else { (5, 10) };
    types
        .into_iter()
        .filter_map(|kind| {
            say(&format!("cross-validating anchors of {}", kind.name));
            one_clock(sources, settings, kind, seeds, folds)
        })
        .collect()
}

fn one_clock(
    sources: &Sources,
    settings: &LifeSettings,
    kind: ClockType,
    seeds: usize,
    folds: usize,
) -> Option<AnchorFigures> {
    let name = kind.name.clone();
    let names = LifeModel::from_words(sources.catalogue, vec![kind.clone()]);
    // Usable: one anchor, a customer who may be learned from, and an age at first contact within the clock's.
    let usable: Vec<(usize, f64, f64)> = (0..sources.histories.len())
        .filter(|&c| {
            sources.allows(c, Purpose::Train) && sources.allows(c, Purpose::InferLifeStage)
        })
        .filter_map(|c| {
            let found = declared(&names, sources.facts(c)).0;
            let [one] = found[0].as_slice() else {
                return None;
            };
            let [anchor] = one.days.as_slice() else {
                return None;
            };
            let first = sources.histories[c].iter().find(|t| t.at != 0)?.at as f64 / DAY_MS as f64;
            let ages = kind.min_age_days..=kind.max_age_days;
            ages.contains(&(first - anchor))
                .then_some((c, *anchor, first))
        })
        .collect();
    if usable.len() < FEWEST {
        return None;
    }
    let mut cases = Vec::new();
    for seed in 0..seeds {
        let mut order = usable.clone();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed as u64 + 1));
        for fold in 0..folds {
            cases.extend(one_fold(sources, settings, &kind, &order, fold, folds));
        }
    }
    let n = cases.len() as f64;
    let mean = |f: &dyn Fn(&Case) -> f64| cases.iter().map(f).sum::<f64>() / n;
    let (mae, plain) = (mean(&|c| c.error), mean(&|c| c.plain));
    let mut errors: Vec<f64> = cases.iter().map(|c| c.error).collect();
    errors.sort_by(f64::total_cmp);
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut ratios: Vec<f64> = (0..1000)
        .map(|_| {
            let (mut ours, mut theirs) = (0.0, 0.0);
            for _ in 0..usable.len() {
                let case = &cases[rng.gen_range(0..cases.len())];
                ours += case.error;
                theirs += case.plain;
            }
            ours / theirs
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    Some(AnchorFigures {
        clock: name,
        customers: usable.len(),
        folds,
        seeds,
        mae,
        median_error: errors[errors.len() / 2],
        mae_of_median: plain,
        ratio: mae / plain,
        ratio_interval: (ratios[25], ratios[975]),
        log_likelihood: mean(&|c| c.log_likelihood),
        log_likelihood_of_marginal: mean(&|c| c.marginal),
        coverage_90: mean(&|c| f64::from(u8::from(c.in_90))),
        coverage_80: mean(&|c| f64::from(u8::from(c.in_80))),
    })
}

fn one_fold(
    sources: &Sources,
    settings: &LifeSettings,
    kind: &ClockType,
    order: &[(usize, f64, f64)],
    fold: usize,
    folds: usize,
) -> Vec<Case> {
    let test: Vec<&(usize, f64, f64)> = order.iter().skip(fold).step_by(folds).collect();
    let hidden: std::collections::HashSet<usize> = test.iter().map(|t| t.0).collect();
    let rows: Vec<LifeRow> = (0..sources.histories.len())
        .filter(|&c| sources.allows(c, Purpose::Train))
        .map(|c| LifeRow {
            history: sources.histories[c],
            facts: if hidden.contains(&c) {
                &[] as &[Fact]
            } else {
                sources.facts(c)
            },
            infer: sources.allows(c, Purpose::InferLifeStage),
        })
        .collect();
    let Some(model) = fit(
        &rows,
        sources.catalogue,
        vec![kind.clone()],
        sources.until,
        settings,
    ) else {
        return Vec::new();
    };
    let products = ProductProfiles::new(&model.profiles, sources.catalogue);
    let mut ages: Vec<f64> = order
        .iter()
        .filter(|o| !hidden.contains(&o.0))
        .map(|o| o.2 - o.1)
        .collect();
    ages.sort_by(f64::total_cmp);
    let median = ages[ages.len() / 2];
    let options = StateOptions {
        infer: true,
        thorough: true,
    };
    test.par_iter()
        .filter_map(|(customer, anchor, first)| {
            let history = sources.histories[*customer];
            let state = model.state(&products, history, &[], sources.until, options);
            let posterior = state.clocks.first()?;
            let bin = (anchor / BIN).floor() * BIN;
            let within: f64 = posterior
                .days
                .iter()
                .zip(&posterior.weights)
                .map(|(day, weight)| {
                    let (low, high) = (day - 0.5 * posterior.width, day + 0.5 * posterior.width);
                    let shared = (high.min(bin + BIN) - low.max(bin)).max(0.0);
                    f64::from(*weight) * shared / posterior.width
                })
                .sum();
            let spread: f64 = ages
                .iter()
                .map(|age| {
                    let sd = kind.bandwidth(*age);
                    let z = (first - anchor - age) / sd;
                    (-0.5 * z * z).exp() / (sd * (2.0 * std::f64::consts::PI).sqrt())
                })
                .sum();
            let q = |p: f64| posterior.quantile(p);
            Some(Case {
                error: (q(0.5) - anchor).abs(),
                plain: (first - median - anchor).abs(),
                log_likelihood: within.max(1e-9).ln(),
                marginal: (spread / ages.len() as f64 * BIN).max(1e-9).ln(),
                in_90: (q(0.05)..=q(0.95)).contains(anchor),
                in_80: (q(0.1)..=q(0.9)).contains(anchor),
            })
        })
        .collect()
}

/// One way to predict the next basket.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BasketRow {
    /// Which.
    pub name: String,
    /// Recall@10 over all customers.
    pub recall: f64,
    /// NDCG@10 over all customers.
    pub ndcg: f64,
    /// Recall@10 of products bought before, over customers who repeat any.
    pub repeat_recall: f64,
    /// Recall@10 of products new to the customer, over customers who buy any.
    pub explore_recall: f64,
}

/// How well the next basket is predicted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BasketFigures {
    /// Customers with a next basket.
    pub customers: usize,
    /// Customers without one.
    pub left_out: usize,
    /// Ours first.
    pub rows: Vec<BasketRow>,
}

impl BasketFigures {
    /// The table for a terminal.
    pub fn table(&self) -> String {
        let mut out = format!(
            "next basket: {} customers, {} without one\n{:<28} {:>9} {:>9} {:>9} {:>9}\n",
            self.customers, self.left_out, "", "Recall@10", "NDCG@10", "repeat", "explore"
        );
        for row in &self.rows {
            let _ = writeln!(
                out,
                "{:<28} {:>9.4} {:>9.4} {:>9.4} {:>9.4}",
                row.name, row.recall, row.ndcg, row.repeat_recall, row.explore_recall
            );
        }
        out
    }
}

/// Predicts `truth` (products of each customer's next basket, empty = none) from `customers`' baskets before it, with
/// settings chosen on the basket before; every customer with a next basket counts.
pub fn next_basket(
    customers: &[Vec<Basket>],
    truth: &[Vec<u32>],
    products: usize,
    say: &dyn Fn(&str),
) -> Option<BasketFigures> {
    say("choosing settings of the next basket on the basket before");
    let model = fit_next(customers, products, super::NEIGHBOURS)?;
    let slices: Vec<&[Basket]> = customers.iter().map(Vec::as_slice).collect();
    say("indexing neighbours");
    let index = neighbours(&model, &slices);
    let popular = popularity(&slices, products, 1.0);
    let judge = |name: &str, rank: &(dyn Fn(usize) -> Vec<u32> + Sync)| -> BasketRow {
        let scores: Vec<[f64; 6]> = (0..customers.len())
            .into_par_iter()
            .filter(|c| !truth[*c].is_empty())
            .map(|c| {
                let list = rank(c);
                let (recall, ndcg) = recall_ndcg(&list, &truth[c]);
                let owned = |p: &u32| {
                    customers[c]
                        .iter()
                        .any(|b| b.lines.iter().any(|line| line.0 == *p))
                };
                let (again, new): (Vec<u32>, Vec<u32>) = truth[c].iter().partition(|p| owned(p));
                let part = |of: &[u32]| {
                    (
                        recall_ndcg(&list, of).0,
                        f64::from(u8::from(!of.is_empty())),
                    )
                };
                let ((r, rn), (e, en)) = (part(&again), part(&new));
                [recall, ndcg, r, rn, e, en]
            })
            .collect();
        let sum = |k: usize| scores.iter().map(|s| s[k]).sum::<f64>();
        let n = scores.len().max(1) as f64;
        BasketRow {
            name: name.to_owned(),
            recall: sum(0) / n,
            ndcg: sum(1) / n,
            repeat_recall: sum(2) / sum(3).max(1.0),
            explore_recall: sum(4) / sum(5).max(1.0),
        }
    };
    let ours = |c: usize, near: bool| -> Vec<u32> {
        let profile = model.profile_of(&customers[c]);
        let mean = near.then(|| index.mean_vector(&profile.vector, Some(c as u32)));
        let items = model.recommend(&profile, mean.as_deref(), 10, &|_| true);
        items.into_iter().map(|item| item.product).collect()
    };
    let counted = |c: usize, decay: f32, popular_weight: f32| -> Vec<u32> {
        let mut scores: Vec<f32> = popular.iter().map(|p| popular_weight * p).collect();
        for (product, count) in NextBasket::vector_of(decay, &customers[c]) {
            scores[product as usize] += count;
        }
        ten_best(&scores)
    };
    let most_popular = ten_best(&popular);
    say("ranking");
    let rows = vec![
        judge("serendib with neighbours", &|c| ours(c, true)),
        judge("serendib without", &|c| ours(c, false)),
        judge("own count decayed + popular", &|c| counted(c, 0.9, 30.0)),
        judge("GP-TopFreq", &|c| counted(c, 1.0, 1e-3)),
        judge("most popular", &|_| most_popular.clone()),
    ];
    let present = truth.iter().filter(|t| !t.is_empty()).count();
    Some(BasketFigures {
        customers: present,
        left_out: truth.len() - present,
        rows,
    })
}

fn ten_best(scores: &[f32]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..scores.len() as u32)
        .filter(|p| scores[*p as usize] > 0.0)
        .collect();
    let by = |a: &u32, b: &u32| {
        scores[*b as usize]
            .total_cmp(&scores[*a as usize])
            .then(a.cmp(b))
    };
    if order.len() > 10 {
        order.select_nth_unstable_by(9, by);
        order.truncate(10);
    }
    order.sort_by(by);
    order
}
