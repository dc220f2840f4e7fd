//! Products that nobody has bought yet: hidden from training, then ranked among all by what they say about themselves.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use crate::learn::vectors::cooccurrence::content_similarity;
use rand::seq::SliceRandom;
use rand::Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;
use serendib_engine::represent::{ColdProduct, Csr, RepresentError, Representation, Vocabulary};
use serendib_shop::print::{difference, fixed, Column, Grid};
use serendib_shop::{had as acquired, Catalogue, ProductIx, Touch};

use crate::judge::list;
use crate::judge::metrics::{measure, Measures, Summary};
use crate::judge::report::Interval;
use crate::judge::tasks::{EvalCase, Task};
use crate::learn::vectors::build::build;
use crate::learn::{Corpus, Settings};
use crate::stats::bootstrap::mean_interval;

/// One product in so many is hidden.
const HIDDEN: usize = 10;
/// The ranking in which all others keep their buyers.
const AS_SERVED: &str = "in the catalogue, as served";

/// How well products without buyers find theirs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColdReport {
    /// Products hidden from training.
    pub hidden: usize,
    pub products: usize,
    /// Name and figures of each ranking, by content first; only hidden products are relevant. In the last one the hidden
    /// products stand in the catalogue without a buyer, among products that have theirs.
    pub rows: Vec<(String, Summary)>,
    /// By content against each of the others that rank all products without buyers, Recall@20.
    pub intervals: Vec<Interval>,
}

/// Hides a tenth of the products that customers of `task` went on to acquire from `train`, fits `settings` again, and ranks
/// the full catalogue of `train` for those customers as if no product had any buyer.
///
/// `None` where products say too little about themselves, or nobody acquired a hidden one.
///
/// # Errors
/// As [`build`].
pub fn evaluate(
    train: &Corpus,
    task: &Task,
    settings: &Settings,
    seed: u64,
    say: &dyn Fn(&str),
) -> Result<Option<ColdReport>, RepresentError> {
    let hidden = hide(train.products(), task, seed);
    let is_hidden = |product: ProductIx| hidden.binary_search(&product).is_ok();
    let seen = |history: &[Touch]| -> Vec<Touch> {
        let kept = history.iter().filter(|touch| !is_hidden(touch.product));
        kept.copied().collect()
    };
    let cases: Vec<EvalCase> = task
        .cases
        .iter()
        .filter_map(|case| {
            let relevant: Vec<ProductIx> = case
                .relevant
                .iter()
                .copied()
                .filter(|p| is_hidden(*p) && case.owned.binary_search(p).is_err())
                .collect();
            (!relevant.is_empty()).then(|| EvalCase {
                history: seen(&case.history),
                relevant,
                unknown: 0,
                ..case.clone()
            })
        })
        .collect();
    if cases.is_empty() {
        return Ok(None);
    }
    let without = Corpus {
        catalogue: train.catalogue,
        histories: train
            .histories
            .iter()
            .map(|history| Cow::Owned(seen(history)))
            .collect(),
        anonymous: train.anonymous.clone(),
        timed: train.timed,
    };
    say("fitting again without a tenth of the products");
    let model = build(&without, settings, say)?;
    let Some(content) = Content::new(&model, train.catalogue) else {
        return Ok(None);
    };
    let categories = Categories::new(&without, seed);
    let rankings: [(&str, Scores); 5] = [
        ("by content", &|case| content.scores(&model, case)),
        ("attributes in common", &|case| content.in_common(case)),
        ("popular in own categories", &|case| categories.own(case)),
        ("most popular category", &|_| categories.popular.clone()),
        (AS_SERVED, &|case| {
            let mut scores = vec![0.0; model.len()];
            model.scores(&model.fold_in(&case.history, case.now), &mut scores);
            scores
        }),
    ];
    say("ranking products without buyers");
    let measured: Vec<Vec<Measures>> = rankings
        .iter()
        .map(|(_, scores)| {
            cases
                .par_iter()
                .map(|case| {
                    let new = |p: ProductIx| case.owned.binary_search(&p).is_err();
                    let found = list(&scores(case), &new);
                    measure(&found, &case.relevant, case.relevant.len())
                })
                .collect()
        })
        .collect();
    let intervals = rankings
        .iter()
        .zip(&measured)
        .skip(1)
        .filter(|((name, _), _)| *name != AS_SERVED)
        .map(|((name, _), others)| {
            let gaps: Vec<f64> = measured[0]
                .iter()
                .zip(others)
                .map(|(ours, other)| ours.recall[1] - other.recall[1])
                .collect();
            let (low, high) = mean_interval(&gaps, seed);
            Interval {
                against: (*name).to_owned(),
                metric: "recall@20".to_owned(),
                difference: gaps.iter().sum::<f64>() / gaps.len() as f64,
                low,
                high,
            }
        })
        .collect();
    Ok(Some(ColdReport {
        hidden: hidden.len(),
        products: train.products(),
        rows: rankings
            .iter()
            .zip(&measured)
            .map(|((name, _), measures)| ((*name).to_owned(), Summary::of(measures)))
            .collect(),
        intervals,
    }))
}

type Scores<'a> = &'a (dyn Fn(&EvalCase) -> Vec<f32> + Sync);

/// A tenth of all products that anybody of `task` went on to acquire, ascending.
fn hide(products: usize, task: &Task, seed: u64) -> Vec<ProductIx> {
    let mut wanted = vec![false; products];
    for product in task.cases.iter().flat_map(|case| &case.relevant) {
        if let Some(wanted) = wanted.get_mut(product.index()) {
            *wanted = true;
        }
    }
    let mut hidden: Vec<ProductIx> = ProductIx::all(products)
        .filter(|product| wanted[product.index()])
        .collect();
    hidden.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    hidden.truncate(hidden.len().div_ceil(HIDDEN));
    hidden.sort_unstable();
    hidden
}

/// The distinct products that the history of `case` acquired; without the hidden ones, unlike `owned`.
fn had(case: &EvalCase) -> BTreeSet<ProductIx> {
    acquired(&case.history).collect()
}

/// All products placed by what they say about themselves, bought or not.
struct Content {
    placed: Vec<Option<ColdProduct>>,
    alike: Csr,
}

impl Content {
    fn new(model: &Representation, catalogue: &Catalogue) -> Option<Content> {
        let part = model.parts().content.as_ref()?;
        let products = catalogue.products();
        let (_, rows) = Vocabulary::with_rows(products);
        Some(Content {
            placed: (0..catalogue.len())
                .into_par_iter()
                .map(ProductIx::of_index)
                .map(|ix| part.embed(catalogue.product(ix)))
                .collect(),
            alike: content_similarity(&rows, 300, 2000),
        })
    }

    /// The score of each product as of one that came after the model was fitted.
    fn scores(&self, model: &Representation, case: &EvalCase) -> Vec<f32> {
        let folded = model.fold_in(&case.history, case.now);
        let score = |placed: &Option<ColdProduct>| {
            let cold = placed.as_ref();
            cold.map_or(0.0, |cold| model.score_cold(&folded, cold))
        };
        self.placed.iter().map(score).collect()
    }

    /// Cosine of attributes, summed over what the customer owns.
    fn in_common(&self, case: &EvalCase) -> Vec<f32> {
        let mut out = vec![0.0; self.placed.len()];
        for owned in had(case) {
            for (product, alike) in self.alike.iter_row(owned.index()) {
                out[product as usize] += alike;
            }
        }
        out
    }
}

/// Buyers per product of each category; inside a category the order is drawn.
struct Categories<'a> {
    catalogue: &'a Catalogue,
    popular: Vec<f32>,
}

impl Categories<'_> {
    fn new<'a>(corpus: &Corpus<'a>, seed: u64) -> Categories<'a> {
        let catalogue = corpus.catalogue;
        let buyers = corpus.interactions().col_counts();
        let mut sums = vec![(0f32, 0f32); catalogue.categories().len()];
        for (product, buyers) in ProductIx::all(buyers.len()).zip(&buyers) {
            if let Some(leaf) = catalogue.leaf(product) {
                // a hidden product has no buyers: it must not make its category look less popular
                if *buyers > 0 {
                    sums[leaf.0 as usize].0 += *buyers as f32;
                    sums[leaf.0 as usize].1 += 1.0;
                }
            }
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let popular = ProductIx::all(buyers.len())
            .map(|product| {
                let mean = catalogue.leaf(product).map_or(0.0, |leaf| {
                    let (buyers, products) = sums[leaf.0 as usize];
                    buyers / f32::max(products, 1.0)
                });
                mean + rng.gen_range(0.0..1e-3)
            })
            .collect();
        Categories { catalogue, popular }
    }

    /// How often the customer owns something of the category, then its popularity.
    fn own(&self, case: &EvalCase) -> Vec<f32> {
        let mut counts = vec![0f32; self.catalogue.categories().len()];
        for owned in had(case) {
            if let Some(leaf) = self.catalogue.leaf(owned) {
                counts[leaf.0 as usize] += 1.0;
            }
        }
        let most = self.popular.iter().copied().fold(1.0, f32::max);
        let score = |(product, popular): (ProductIx, &f32)| {
            let own = self.catalogue.leaf(product);
            own.map_or(0.0, |leaf| counts[leaf.0 as usize]) + popular / (2.0 * most)
        };
        ProductIx::all(self.popular.len())
            .zip(&self.popular)
            .map(score)
            .collect()
    }
}

impl fmt::Display for ColdReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "products without buyers: {} hidden from training, ranked among all {} by what they say about themselves",
            self.hidden, self.products
        )?;
        let mut grid = Grid::new([
            Column::name("", 28),
            Column::figure("customers", 9),
            Column::figure("Recall@10", 9),
            Column::figure("Recall@20", 9),
            Column::figure("NDCG@20", 9),
        ]);
        for (name, row) in &self.rows {
            grid.row([
                name.clone(),
                row.customers.to_string(),
                fixed(row.recall_10, 4),
                fixed(row.recall_20, 4),
                fixed(row.ndcg_20, 4),
            ]);
        }
        let mut gaps = Grid::bare(2, [Column::name("", 35), Column::rest("")]);
        for gap in &self.intervals {
            gaps.row([
                format!("against {}", gap.against),
                difference(gap.difference, gap.low, gap.high),
            ]);
        }
        write!(f, "{grid}{gaps}")
    }
}
