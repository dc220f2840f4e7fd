//! Who has children, told from purchases: the clock of a shop that knows of some households, beside a logistic regression
//! on category counts, cross-validated over the households of Complete Journey.
//!
//! `SERENDIB_PUBLIC_DATA=DIR cargo bench -p serendib-benches --bench households`, with the set unpacked by folder name in DIR.
//!
//! The shop declares a clock type of its own for households with children: no age is known, so every age is alike. Households
//! of a fold lose what was declared; shrinkage is chosen on folds inside the rest, the strength of the regression likewise.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{ensure, Context, Result};
use linfa::prelude::Fit;
use linfa::Dataset;
use linfa_logistic::LogisticRegression;
use ndarray::{Array1, Array2};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde_json::json;
use serendib_datasets::importers::{import, Layout};
use serendib_engine::life::{
    format_day, infer, ClockType, EvidenceSet, LifeModel, ProductProfiles,
};
use serendib_shop::{
    CustomerIx, Fact, Format, Log, Progress, ReadOptions, ShopData, Touch, DAY_MS,
};
use serendib_training::learn::life::density::Smoothing;
use serendib_training::learn::life::fit::{fit, LifeRow, LifeSettings};
use serendib_training::learn::life::from_words;
use serendib_training::stats::auc::auc;

const FOLDS: usize = 5;
const SEEDS: u64 = 3;
/// Expected purchases that the category above weighs, tried inside each fold.
const PATHS: [f64; 4] = [2.0, 8.0, 30.0, 100.0];
/// Penalties of the regression, tried inside each fold.
const RIDGES: [f64; 4] = [3.0, 30.0, 300.0, 3000.0];

struct Shop<'a> {
    log: &'a Log,
    kind: ClockType,
    /// Customers of whom it is known, and whether they have children.
    known: Vec<(CustomerIx, bool)>,
    until: i64,
    counts: Vec<Vec<f64>>,
}

fn main() -> Result<()> {
    let Some(root) = std::env::var_os("SERENDIB_PUBLIC_DATA") else {
        println!("skipped: SERENDIB_PUBLIC_DATA does not name the folder with the public sets");
        return Ok(());
    };
    let from = Path::new(&root).join("complete-journey");
    if !from.is_dir() {
        println!("skipped: there is no complete-journey in SERENDIB_PUBLIC_DATA");
        return Ok(());
    }
    let dir = tempfile::tempdir()?;
    let out = dir.path().join("shop");
    import(
        Layout::CompleteJourney,
        &from,
        &out,
        Format::Parquet,
        &mut Progress::hidden(),
    )?;
    let data = ShopData::open(&out, ReadOptions::default())?;
    let log = Log::load(&data, None)?;
    let shop = Shop::new(&log)?;
    let with = shop.known.iter().filter(|k| k.1).count();
    println!(
        "{} households, {with} with children, {FOLDS} folds by household, {SEEDS} seeds",
        shop.known.len()
    );
    let mut rows: Vec<(Vec<f64>, [Vec<f64>; 3])> = Vec::new();
    for seed in 0..SEEDS {
        let mut order: Vec<usize> = (0..shop.known.len()).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed + 1));
        let mut said: [Vec<f64>; 3] = std::array::from_fn(|_| vec![0.0; order.len()]);
        for fold in 0..FOLDS {
            let (test, train) = parted(&order, fold, FOLDS);
            let path = shop.best(&train, &PATHS, &|path, train, test| {
                shop.by_clock(path, train, test)
            });
            let ridge = shop.best(&train, &RIDGES, &|ridge, train, test| {
                shop.by_regression(ridge, train, test)
            });
            let clock = shop.by_clock(path, &train, &test);
            let plain = shop.by_regression(ridge, &train, &test);
            let words = shop.by_words(&test);
            for (at, ix) in test.iter().enumerate() {
                said[0][*ix] = clock[at];
                said[1][*ix] = plain[at];
                said[2][*ix] = words[at];
            }
        }
        rows.push((shop.labels(), said));
    }
    let mean = |which: usize| {
        let all = rows.iter().map(|(truth, said)| area(&said[which], truth));
        all.sum::<f64>() / rows.len() as f64
    };
    println!("AUC of the clock, some households known  {:.4}", mean(0));
    println!("AUC of the logistic regression           {:.4}", mean(1));
    println!("AUC of the clock, words alone            {:.4}", mean(2));
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let n = shop.known.len();
    let mut gaps: Vec<f64> = (0..1000)
        .map(|_| {
            let drawn: Vec<usize> = (0..n).map(|_| rng.gen_range(0..n)).collect();
            let gap = |(truth, said): &(Vec<f64>, [Vec<f64>; 3])| {
                let of = |row: &[f64]| drawn.iter().map(|ix| row[*ix]).collect::<Vec<_>>();
                let truth = of(truth);
                area(&of(&said[0]), &truth) - area(&of(&said[1]), &truth)
            };
            rows.iter().map(gap).sum::<f64>() / rows.len() as f64
        })
        .collect();
    gaps.sort_by(f64::total_cmp);
    println!(
        "the clock minus the regression: {:+.4} [{:+.4}, {:+.4}]",
        mean(0) - mean(1),
        gaps[25],
        gaps[975]
    );
    Ok(())
}

/// The first two parts of a category path: some three hundred shelves.
fn shelf(category: &str) -> &str {
    let end = category
        .match_indices('/')
        .nth(1)
        .map_or(category.len(), |at| at.0);
    &category[..end]
}

fn area(said: &[f64], truth: &[f64]) -> f64 {
    let truth: Vec<bool> = truth.iter().map(|t| *t > 0.5).collect();
    auc(said, &truth)
}

/// The `fold`-th part of `order`, and the rest.
fn parted(order: &[usize], fold: usize, folds: usize) -> (Vec<usize>, Vec<usize>) {
    let mut parts = (Vec::new(), Vec::new());
    for (at, ix) in order.iter().enumerate() {
        if at % folds == fold {
            parts.0.push(*ix);
        } else {
            parts.1.push(*ix);
        }
    }
    parts
}

impl<'a> Shop<'a> {
    fn new(log: &'a Log) -> Result<Shop<'a>> {
        let (first, last) = log.span.context("the set has no times")?;
        let days = (last - first) as f64 / DAY_MS as f64;
        let own = json!({"household": {
            "min_age_days": 0, "max_age_days": days + 30.0, "step_days": days + 30.0,
            "lifelong": true, "exists": 0.3, "bandwidth_days": 10.0 * days,
            "stages": [{"name": "children", "from_days": 0, "to_days": days + 30.0}]
        }});
        let types = ClockType::with_shop(Some(&own))?;
        let kind = types.into_iter().find(|kind| kind.name == "household");
        let known: Vec<(CustomerIx, bool)> = CustomerIx::all(log.len())
            .filter_map(|customer| {
                let profile = log.profiles.get(customer.index())?.as_ref()?;
                let said = profile.facts.iter().find_map(|fact| match fact {
                    Fact::Free { key, value } if key == "kids_count" => value.as_str(),
                    _ => None,
                })?;
                Some((
                    customer,
                    said.starts_with(|c: char| c.is_ascii_digit() && c != '0'),
                ))
            })
            .collect();
        ensure!(
            known.len() >= 100,
            "only {} households are known",
            known.len()
        );
        let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
        for product in log.catalogue.products() {
            if let Some(category) = product.category.as_deref() {
                let next = numbers.len();
                numbers.entry(shelf(category)).or_insert(next);
            }
        }
        let counts = known
            .iter()
            .map(|(customer, _)| {
                let mut row = vec![0.0; numbers.len()];
                for touch in log.histories.of(*customer) {
                    let bought =
                        touch.kind.acquires() && touch.product.index() < log.catalogue.len();
                    let category = bought
                        .then(|| log.catalogue.product(touch.product).category.as_deref())
                        .flatten();
                    if let Some(ix) = category.and_then(|c| numbers.get(shelf(c))) {
                        row[*ix] += 1.0;
                    }
                }
                row
            })
            .collect();
        Ok(Shop {
            log,
            kind: kind.context("the clock type is missing")?,
            known,
            until: last + 1,
            counts,
        })
    }

    fn labels(&self) -> Vec<f64> {
        self.known
            .iter()
            .map(|k| f64::from(u8::from(k.1)))
            .collect()
    }

    /// The setting with the best area under the curve on folds inside `train`.
    fn best(
        &self,
        train: &[usize],
        settings: &[f64],
        said: &(dyn Fn(f64, &[usize], &[usize]) -> Vec<f64> + Sync),
    ) -> f64 {
        let labels = self.labels();
        let tried: Vec<(f64, f64)> = settings
            .par_iter()
            .map(|&setting| {
                let reached = (0..3).map(|fold| {
                    let (test, inner) = parted(train, fold, 3);
                    let truth: Vec<f64> = test.iter().map(|ix| labels[*ix]).collect();
                    area(&said(setting, &inner, &test), &truth)
                });
                (reached.sum::<f64>(), setting)
            })
            .collect();
        tried
            .into_iter()
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map_or(settings[0], |best| best.1)
    }

    /// ln of the odds of the shop's own clock for `test`, where the households of `train` are known.
    ///
    /// Households of which nothing is known stay out: among them are as many with children as elsewhere.
    fn by_clock(&self, path: f64, train: &[usize], test: &[usize]) -> Vec<f64> {
        let begin = self.log.span.map_or(0, |span| span.0);
        let declared = [Fact::Clock {
            clock: self.kind.name.clone(),
            anchor: format_day((begin / DAY_MS) as f64),
            name: None,
            kind: None,
        }];
        let rows: Vec<LifeRow> = train
            .iter()
            .map(|&ix| LifeRow {
                history: self.history(ix),
                facts: if self.known[ix].1 { &declared } else { &[] },
                infer: false,
            })
            .collect();
        let settings = LifeSettings {
            em_rounds: 0,
            calibrate: false,
            smoothing: Smoothing {
                path,
                ..Smoothing::default()
            },
            ..LifeSettings::default()
        };
        let kinds = vec![self.kind.clone()];
        let Some(model) = fit(&rows, &self.log.catalogue, kinds, self.until, &settings) else {
            return vec![0.0; test.len()];
        };
        self.odds(&model, test)
    }

    /// The same of the supplied clock of a child, that knows nothing but words.
    fn by_words(&self, test: &[usize]) -> Vec<f64> {
        let child = ClockType::supplied()
            .into_iter()
            .find(|k| k.name == "child");
        let model = from_words(&self.log.catalogue, child.into_iter().collect());
        self.odds(&model, test)
    }

    fn odds(&self, model: &LifeModel, test: &[usize]) -> Vec<f64> {
        let products = ProductProfiles::new(&model.profiles, &self.log.catalogue);
        let now = self.until as f64 / DAY_MS as f64;
        test.iter()
            .map(|&ix| {
                let set = EvidenceSet::new(self.history(ix), &products, self.until);
                let first = set.span.map(|s| s.0);
                let found = infer(0, &model.clocks[0], &set.items, first, &[], now, true);
                let none = found.iter().map(|p| 1.0 - p.probability).product::<f64>();
                -none.max(1e-300).ln()
            })
            .collect()
    }

    fn history(&self, ix: usize) -> &'a [Touch] {
        self.log.histories.of(self.known[ix].0)
    }

    /// ln of the odds of a logistic regression with penalty `ridge` on standardised counts, by L-BFGS.
    fn by_regression(&self, ridge: f64, train: &[usize], test: &[usize]) -> Vec<f64> {
        let width = self.counts[0].len();
        let n = train.len() as f64;
        let mean: Vec<f64> = (0..width)
            .map(|k| train.iter().map(|&ix| self.counts[ix][k]).sum::<f64>() / n)
            .collect();
        let sd: Vec<f64> = (0..width)
            .map(|k| {
                let square = |&ix: &usize| (self.counts[ix][k] - mean[k]).powi(2);
                (train.iter().map(square).sum::<f64>() / n).sqrt()
            })
            .collect();
        let row = |ix: usize| -> Vec<f64> {
            (0..width)
                .filter(|&k| sd[k] > 0.0)
                .map(|k| (self.counts[ix][k] - mean[k]) / sd[k])
                .collect()
        };
        let x: Vec<Vec<f64>> = train.iter().map(|&ix| row(ix)).collect();
        let wide = x.first().map_or(0, Vec::len);
        let x = Array2::from_shape_fn((train.len(), wide), |(at, k)| x[at][k]);
        let y: Array1<bool> = train.iter().map(|&ix| self.known[ix].1).collect();
        let fitted = LogisticRegression::default()
            .alpha(ridge)
            .max_iterations(200)
            .gradient_tolerance(1e-3)
            .fit(&Dataset::new(x, y));
        let Ok(fitted) = fitted else {
            return vec![0.0; test.len()];
        };
        let sign = if fitted.labels().pos.class { 1.0 } else { -1.0 };
        let weights: Vec<f64> = fitted.params().iter().map(|w| sign * w).collect();
        test.iter().map(|&ix| dot(&weights, &row(ix))).collect()
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
