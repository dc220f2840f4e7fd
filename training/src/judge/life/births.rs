//! How well anchors are inferred from purchases, cross-validated over customers.

use std::collections::BTreeMap;

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;
use serendib_engine::life::{
    declared, ClockType, EvidenceSet, LifeModel, ProductProfiles, StateOptions,
};
use serendib_shop::print::{fixed, Column, Grid};
use serendib_shop::{Customer, CustomerIx, Fact, Purpose, Touch, DAY_MS};

use crate::learn::life::fit::{fit, while_running, LifeRow, LifeSettings};
use crate::learn::life::{from_words, Sources};

/// Anchors of one clock type below which nothing is measured.
const FEWEST: usize = 50;
/// Width of a bin of the log-likelihood, days.
const BIN: f64 = 30.0;

/// Purchases that speak of the clock after which the error is told.
pub const PURCHASES: [usize; 5] = [1, 3, 5, 10, 20];

/// The error after a number of purchases that speak of the clock.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AfterPurchases {
    pub purchases: usize,
    /// Cases with as many.
    pub cases: usize,
    /// Mean absolute error in days.
    pub mae: f64,
    /// Median absolute error in days.
    pub median_error: f64,
    /// Share of anchors within the 90 % interval.
    pub coverage_90: f64,
}

/// How well the anchors of one clock type are inferred from purchases, cross-validated over customers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AnchorFigures {
    pub clock: String,
    /// Customers with one usable declared anchor.
    pub customers: usize,
    /// Folds, and seeds by which they were drawn.
    pub folds: usize,
    pub seeds: usize,
    /// Mean absolute error in days.
    pub mae: f64,
    /// Median absolute error in days.
    pub median_error: f64,
    /// Mean absolute error of predicting the training folds' median age.
    pub mae_of_median: f64,
    /// `mae / mae_of_median`, with its 95 % interval over customers.
    pub ratio: f64,
    pub ratio_interval: (f64, f64),
    /// Mean log-likelihood of the true 30-day bin.
    pub log_likelihood: f64,
    /// The same for the smoothed ages of the training folds, whatever was bought.
    pub log_likelihood_of_marginal: f64,
    /// Share of anchors within the 90 % interval.
    pub coverage_90: f64,
    /// Share of anchors within the 80 % interval.
    pub coverage_80: f64,
    /// How the error falls with purchases; empty where hardly anybody has several.
    pub after_purchases: Vec<AfterPurchases>,
}

impl AnchorFigures {
    /// The table for a terminal.
    pub fn table(&self) -> String {
        let columns = [
            Column::name("", 24),
            Column::figure("MAE d", 9),
            Column::figure("median d", 9),
            Column::figure("log-lik/30 d", 12),
            Column::figure("cov 90", 8),
            Column::figure("cov 80", 8),
        ];
        let mut models = Grid::new(columns);
        models.row([
            "serendib".to_owned(),
            fixed(self.mae, 1),
            fixed(self.median_error, 1),
            fixed(self.log_likelihood, 3),
            fixed(self.coverage_90, 3),
            fixed(self.coverage_80, 3),
        ]);
        models.row([
            "median age, all ages".to_owned(),
            fixed(self.mae_of_median, 1),
            String::new(),
            fixed(self.log_likelihood_of_marginal, 3),
        ]);
        let mut growing = Grid::bare(0, columns);
        for row in &self.after_purchases {
            growing.row([
                format!("after {:>3} purchases       ", row.purchases),
                fixed(row.mae, 1),
                fixed(row.median_error, 1),
                String::new(),
                fixed(row.coverage_90, 3),
                format!("  ({} cases)", row.cases),
            ]);
        }
        format!(
            "anchors of clock {:?}: {} customers, {}-fold by customer, {} seeds\n{models}ratio {:.3} [{:.3}, {:.3}]\n{growing}",
            self.clock,
            self.customers,
            self.folds,
            self.seeds,
            self.ratio,
            self.ratio_interval.0,
            self.ratio_interval.1
        )
    }
}

struct Case {
    customer: CustomerIx,
    error: f64,
    plain: f64,
    log_likelihood: f64,
    marginal: f64,
    in_90: bool,
    in_80: bool,
    /// Error, and whether within the 90 % interval, after each of [`PURCHASES`] that there are.
    after: [Option<(f64, bool)>; PURCHASES.len()],
}

/// Touches up to which every fold is fitted five times over; larger shops get one seed and fewer folds.
const SMALL: usize = 300_000;
/// Touches of customers without declared anchors that one fold is fitted on, about: they only refine.
const OPEN_TOUCHES: usize = 2_000_000;

/// Cross-validates every clock type with enough declared anchors: customers of a fold keep their purchases and lose their
/// facts. Large shops get fewer folds and one seed, and only some of the customers who declared nothing, so that the time
/// stays bounded.
pub fn anchors(
    sources: &Sources,
    settings: &LifeSettings,
    say: &dyn Fn(&str),
) -> Vec<AnchorFigures> {
    let touches: usize = sources.histories.iter().map(|h| h.len()).sum();
    let draws = if touches > SMALL { (1, 5) } else { (5, 10) };
    let stride = touches.div_ceil(OPEN_TOUCHES).max(1);
    if stride == 1 {
        return anchors_drawn(sources, settings, draws, say);
    }
    let kept: Vec<CustomerIx> = CustomerIx::all(sources.histories.len())
        .filter(|&c| c.index() % stride == 0 || !sources.facts(c).is_empty())
        .collect();
    let profiles: Vec<Option<Customer>> = kept
        .iter()
        .map(|&c| sources.profiles.get(c.index()).cloned().flatten())
        .collect();
    let some = Sources {
        histories: kept.iter().map(|&c| sources.histories[c.index()]).collect(),
        profiles: &profiles,
        ..*sources
    };
    anchors_drawn(&some, settings, draws, say)
}

/// The same with as many seeds and folds as asked for.
pub fn anchors_drawn(
    sources: &Sources,
    settings: &LifeSettings,
    (seeds, folds): (usize, usize),
    say: &dyn Fn(&str),
) -> Vec<AnchorFigures> {
    let Ok(types) = ClockType::with_shop(sources.clock_types) else {
        return Vec::new();
    };
    if !sources.timed {
        return Vec::new();
    }
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
    let names = from_words(sources.catalogue, vec![kind.clone()]);
    // Usable: one anchor, a customer who may be learned from, and an age at first contact within the clock's.
    let usable: Vec<(CustomerIx, f64, f64)> = CustomerIx::all(sources.histories.len())
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
            let first =
                sources.histories[c.index()].iter().find(|t| t.at != 0)?.at as f64 / DAY_MS as f64;
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
    Some(AnchorFigures {
        clock: name,
        customers: usable.len(),
        folds,
        seeds,
        mae,
        median_error: errors[errors.len() / 2],
        mae_of_median: plain,
        ratio: mae / plain,
        ratio_interval: ratio_interval(&cases),
        log_likelihood: mean(&|c| c.log_likelihood),
        log_likelihood_of_marginal: mean(&|c| c.marginal),
        coverage_90: mean(&|c| f64::from(u8::from(c.in_90))),
        coverage_80: mean(&|c| f64::from(u8::from(c.in_80))),
        after_purchases: after_purchases(&cases),
    })
}

/// The 95 % interval of the ratio of errors: customers are drawn a thousand times, each with all its seeds, ours and the
/// median's together.
fn ratio_interval(cases: &[Case]) -> (f64, f64) {
    let mut by_customer: BTreeMap<CustomerIx, (f64, f64)> = BTreeMap::new();
    for case in cases {
        let sums = by_customer.entry(case.customer).or_default();
        sums.0 += case.error;
        sums.1 += case.plain;
    }
    let sums: Vec<(f64, f64)> = by_customer.into_values().collect();
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut ratios: Vec<f64> = (0..1000)
        .map(|_| {
            let (ours, theirs) = (0..sums.len())
                .map(|_| sums[rng.gen_range(0..sums.len())])
                .fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
            ours / theirs
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    (ratios[25], ratios[975])
}

fn after_purchases(cases: &[Case]) -> Vec<AfterPurchases> {
    let rows = PURCHASES.iter().enumerate().filter_map(|(ix, purchases)| {
        let seen: Vec<(f64, bool)> = cases.iter().filter_map(|c| c.after[ix]).collect();
        if seen.len() < FEWEST {
            return None;
        }
        let mut errors: Vec<f64> = seen.iter().map(|s| s.0).collect();
        errors.sort_by(f64::total_cmp);
        let n = seen.len() as f64;
        Some(AfterPurchases {
            purchases: *purchases,
            cases: seen.len(),
            mae: errors.iter().sum::<f64>() / n,
            median_error: errors[seen.len() / 2],
            coverage_90: seen.iter().filter(|s| s.1).count() as f64 / n,
        })
    });
    rows.collect()
}

/// What is believed of the only clock type of `model` after each of [`PURCHASES`]: error and whether within 90 %.
fn curve(
    model: &LifeModel,
    products: &ProductProfiles,
    history: &[Touch],
    anchor: f64,
    until: i64,
) -> [Option<(f64, bool)>; PURCHASES.len()] {
    let set = EvidenceSet::new(history, products, until);
    let days: Vec<f64> = set
        .items
        .iter()
        .filter(|e| e.weight > 0.3 && model.clocks[0].table(e.profile).is_some())
        .map(|e| e.day)
        .collect();
    PURCHASES.map(|purchases| {
        let last = days.get(purchases - 1)?;
        let now = ((last + 0.5) * DAY_MS as f64) as i64;
        let options = StateOptions {
            infer: true,
            thorough: true,
        };
        let state = model.state(products, history, &[], now.min(until), options);
        let found = state.clocks.first()?;
        let inside = (found.quantile(0.05)..=found.quantile(0.95)).contains(&anchor);
        Some(((found.quantile(0.5) - anchor).abs(), inside))
    })
}

fn one_fold(
    sources: &Sources,
    settings: &LifeSettings,
    kind: &ClockType,
    order: &[(CustomerIx, f64, f64)],
    fold: usize,
    folds: usize,
) -> Vec<Case> {
    let test: Vec<&(CustomerIx, f64, f64)> = order.iter().skip(fold).step_by(folds).collect();
    let hidden: std::collections::HashSet<CustomerIx> = test.iter().map(|t| t.0).collect();
    let rows: Vec<LifeRow> = CustomerIx::all(sources.histories.len())
        .filter(|&c| sources.allows(c, Purpose::Train))
        .map(|c| LifeRow {
            history: sources.histories[c.index()],
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
            let history = sources.histories[customer.index()];
            let judged = while_running(kind, history, *anchor, sources.until);
            let state = model.state(&products, history, &[], judged, options);
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
                customer: *customer,
                error: (q(0.5) - anchor).abs(),
                plain: (first - median - anchor).abs(),
                log_likelihood: within.max(1e-9).ln(),
                marginal: (spread / ages.len() as f64 * BIN).max(1e-9).ln(),
                in_90: (q(0.05)..=q(0.95)).contains(anchor),
                in_80: (q(0.1)..=q(0.9)).contains(anchor),
                after: curve(&model, &products, history, *anchor, judged),
            })
        })
        .collect()
}
