//! Judging surprises on what customers bought later: a curve over the dial beside simple rivals.
//!
//! The truth is not the scorer's own opinion: kinds of things are clusters frozen by the evaluator, and "expected" is what the
//! evaluator's primitive model, popularity with a bonus for the customer's clusters, puts into its first hundred. A hit is a
//! later purchase in a cluster new to the customer and outside that hundred. Lists are compared where they keep at least 80 %
//! of the plain ranking's hits among all new products.

use std::collections::HashSet;

use rand::prelude::*;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;
use serendib_engine::model::Model;
use serendib_engine::rank::{recommend, CustomerState, ListKind, Live, Request, RequestError};
use serendib_engine::surprise::{hurt, Topics};
use serendib_shop::print::{fixed, Column, Grid};
use serendib_shop::{acquisitions, Log, ProductIx, Touch, DAY_MS};

use crate::learn::surprise::topics;

const LENGTH: usize = 10;
const PRIMITIVE: usize = 100;
const AFTER_DAYS: i64 = 90;
const MOST_CUSTOMERS: usize = 1_000;
const DIALS: [f32; 7] = [0.0, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0];

/// One list-maker over all customers.
#[derive(Debug, Clone, Serialize)]
pub struct SurpriseRow {
    /// Name; ours carries its dial.
    pub method: String,
    /// Later purchases of new clusters, not expected, among ten; per customer.
    pub surprises: f64,
    /// Of those, bought again within 90 days of the first time.
    pub again: f64,
    /// Later purchases of new products among ten; per customer.
    pub new_products: f64,
    /// `new_products` as a share of the plain ranking's.
    pub kept: f64,
    /// Mean unexpectedness of the items, ours only.
    pub unexpectedness: Option<f64>,
}

#[derive(Debug, Clone, Serialize)]
pub struct SurpriseReport {
    /// Customers judged: those with a surprise to find.
    pub customers: usize,
    /// Clusters of the evaluator.
    pub clusters: usize,
    /// Ours over the dial, then the rivals.
    pub rows: Vec<SurpriseRow>,
}

struct Case {
    customer: u32,
    new: HashSet<ProductIx>,
    surprises: HashSet<ProductIx>,
    again: HashSet<ProductIx>,
    expected: HashSet<ProductIx>,
    known_clusters: HashSet<u32>,
    had: HashSet<ProductIx>,
}

fn before(log: &Log, customer: u32, cut: i64) -> &[Touch] {
    let history = log.histories.of(customer);
    &history[..history.partition_point(|t| t.at < cut)]
}

fn case(
    log: &Log,
    customer: u32,
    cut: i64,
    clusters: &Topics,
    popular: &[(ProductIx, f32)],
) -> Option<Case> {
    let past = before(log, customer, cut);
    let later = &log.histories.of(customer)[past.len()..];
    let mut counts: std::collections::HashMap<u32, f32> = Default::default();
    let mut had = HashSet::new();
    for touch in acquisitions(past) {
        had.insert(touch.product);
        if let Some(cluster) = clusters.of(touch.product) {
            *counts.entry(cluster).or_default() += 1.0;
        }
    }
    if had.len() < 3 {
        return None;
    }
    let total: f32 = counts.values().sum();
    let mut primitive: Vec<(f32, ProductIx)> = popular
        .iter()
        .map(|(product, share)| {
            let cluster = clusters.of(*product).unwrap_or(u32::MAX);
            let habit = counts.get(&cluster).copied().unwrap_or(0.0) / total;
            (share * (1.0 + 10.0 * habit), *product)
        })
        .collect();
    primitive.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let expected: HashSet<ProductIx> = primitive.iter().take(PRIMITIVE).map(|(_, p)| *p).collect();
    let end = cut + AFTER_DAYS * DAY_MS;
    let bought: Vec<&Touch> = acquisitions(later)
        .filter(|t| t.at < end && !had.contains(&t.product))
        .collect();
    let new: HashSet<ProductIx> = bought.iter().map(|t| t.product).collect();
    let known_clusters: HashSet<u32> = counts.keys().copied().collect();
    let surprises: HashSet<ProductIx> = new
        .iter()
        .copied()
        .filter(|p| !expected.contains(p))
        .filter(|p| {
            clusters
                .of(*p)
                .is_some_and(|c| !known_clusters.contains(&c))
        })
        .collect();
    let again = surprises
        .iter()
        .copied()
        .filter(|product| {
            let mut times = acquisitions(later).filter(|t| t.product == *product);
            let first = times.next().map_or(i64::MAX, |t| t.at);
            times.any(|t| t.at >= first + DAY_MS && t.at < first + AFTER_DAYS * DAY_MS)
        })
        .collect();
    (!new.is_empty() && !surprises.is_empty()).then_some(Case {
        customer,
        new,
        surprises,
        again,
        expected,
        known_clusters,
        had,
    })
}

struct Listed {
    products: Vec<ProductIx>,
    unexpectedness: Option<f64>,
}

fn tally(name: String, cases: &[Case], lists: &[Listed]) -> SurpriseRow {
    let n = cases.len().max(1) as f64;
    let count = |of: fn(&Case) -> &HashSet<ProductIx>| {
        cases
            .iter()
            .zip(lists)
            .map(|(case, list)| {
                list.products
                    .iter()
                    .filter(|p| of(case).contains(p))
                    .count()
            })
            .sum::<usize>() as f64
            / n
    };
    let said: Vec<f64> = lists.iter().filter_map(|l| l.unexpectedness).collect();
    SurpriseRow {
        method: name,
        surprises: count(|c| &c.surprises),
        again: count(|c| &c.again),
        new_products: count(|c| &c.new),
        kept: 1.0,
        unexpectedness: (!said.is_empty()).then(|| said.iter().sum::<f64>() / said.len() as f64),
    }
}

/// Judges the surprises of `model`, fitted on what of `log` lies before `cut`. `None` without times, or where the shop has no kinds
/// of things.
///
/// # Errors
/// A request that cannot be answered.
pub fn evaluate(
    model: &Model,
    log: &Log,
    cut: i64,
    seed: u64,
    say: &dyn Fn(&str),
) -> Result<Option<SurpriseReport>, RequestError> {
    // The evaluator's clusters have a seed of their own: they are not the model's.
    let clusters = topics::learn(&model.catalogue, &|_| None, seed ^ 0x5eed);
    if !log.timed || clusters.count() < 5 || model.surprises.is_none() {
        return Ok(None);
    }
    let popular: Vec<(ProductIx, f32)> = (0..model.catalogue.len() as ProductIx)
        .map(|p| (p, model.popularity_share(p)))
        .collect();
    let pause = model
        .surprises
        .as_ref()
        .map_or(0, |surprises| surprises.settings.pause_days);
    let mut cases: Vec<Case> = (0..log.len() as u32)
        .into_par_iter()
        .filter_map(|customer| case(log, customer, cut, &clusters, &popular))
        // nobody is surprised right after a disappointment
        .filter(|case| !hurt(before(log, case.customer, cut), cut, pause, None))
        .collect();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    if cases.len() > MOST_CUSTOMERS {
        cases.shuffle(&mut rng);
        cases.truncate(MOST_CUSTOMERS);
        cases.sort_by_key(|case| case.customer);
    }
    let live = Live::of_catalogue(model.catalogue.clone());
    let ask = |case: &Case, kind: ListKind, dial: f32, count: usize| {
        let customer = CustomerState {
            history: before(log, case.customer, cut),
            ..CustomerState::NOBODY
        };
        let mut request = Request::one(kind, count, cut);
        request.lists[0].filters.exclude_owned = true;
        request.dial = Some(dial);
        request.max_reasons = 0;
        recommend(model, &live, customer, &request, &|| false)
            .map(|mut answer| answer.lists.swap_remove(0))
    };
    let mut rows = Vec::new();
    for dial in DIALS {
        say(&format!("surprises at dial {dial}"));
        let lists: Result<Vec<Listed>, RequestError> = cases
            .par_iter()
            .map(|case| {
                let list = ask(case, ListKind::Surprise, dial, LENGTH)?;
                let said: Vec<f64> = list
                    .items
                    .iter()
                    .filter_map(|i| i.unexpectedness.map(f64::from))
                    .collect();
                Ok(Listed {
                    products: list.items.iter().map(|i| i.product).collect(),
                    unexpectedness: (!said.is_empty())
                        .then(|| said.iter().sum::<f64>() / said.len() as f64),
                })
            })
            .collect();
        rows.push(tally(format!("serendib, dial {dial}"), &cases, &lists?));
    }
    say("the rivals of surprises");
    let wide: Result<Vec<Vec<(ProductIx, f32, f32)>>, RequestError> = cases
        .par_iter()
        .map(|case| {
            let list = ask(case, ListKind::ForYou, 0.0, 300)?;
            let far = |p: ProductIx| distance(model, case, p);
            Ok(list
                .items
                .iter()
                .map(|i| (i.product, i.relevance, far(i.product)))
                .collect())
        })
        .collect();
    let wide = wide?;
    type Pick<'a> = Box<dyn Fn(&Case, &[(ProductIx, f32, f32)]) -> Vec<ProductIx> + 'a>;
    let first = |products: Vec<ProductIx>| products.into_iter().take(LENGTH).collect::<Vec<_>>();
    let rivals: Vec<(&str, Pick)> = vec![
        (
            "relevance",
            Box::new(move |_, list| first(list.iter().map(|r| r.0).collect())),
        ),
        (
            "relevance among the unexpected",
            Box::new(|case, list| {
                list.iter()
                    .map(|r| r.0)
                    .filter(|p| !case.expected.contains(p))
                    .filter(|p| {
                        clusters
                            .of(*p)
                            .is_some_and(|c| !case.known_clusters.contains(&c))
                    })
                    .take(LENGTH)
                    .collect()
            }),
        ),
        (
            "popular and unseen",
            Box::new(|case, _| {
                model
                    .by_popularity()
                    .iter()
                    .copied()
                    .filter(|p| !case.had.contains(p))
                    .take(LENGTH)
                    .collect()
            }),
        ),
        (
            "farthest of the candidates",
            Box::new(|_, list| {
                let mut list = list.to_vec();
                list.sort_by(|a, b| b.2.total_cmp(&a.2).then(a.0.cmp(&b.0)));
                list.iter().take(LENGTH).map(|r| r.0).collect()
            }),
        ),
        (
            "random above the floor",
            Box::new(|case, list| {
                let median = list.get(list.len().min(20) / 2).map_or(0.0, |r| r.1);
                let mut above: Vec<ProductIx> = list
                    .iter()
                    .filter(|r| r.1 >= 0.5 * median)
                    .map(|r| r.0)
                    .collect();
                above.shuffle(&mut ChaCha8Rng::seed_from_u64(
                    seed ^ u64::from(case.customer),
                ));
                above.truncate(LENGTH);
                above
            }),
        ),
    ];
    for (name, pick) in &rivals {
        let lists: Vec<Listed> = cases
            .iter()
            .zip(&wide)
            .map(|(case, list)| Listed {
                products: pick(case, list),
                unexpectedness: None,
            })
            .collect();
        rows.push(tally((*name).to_owned(), &cases, &lists));
    }
    let plain = rows
        .iter()
        .find(|r| r.method == "relevance")
        .map_or(0.0, |r| r.new_products);
    for row in &mut rows {
        row.kept = if plain > 0.0 {
            row.new_products / plain
        } else {
            0.0
        };
    }
    Ok(Some(SurpriseReport {
        customers: cases.len(),
        clusters: clusters.count(),
        rows,
    }))
}

/// 1 − the largest cosine of `product` to anything the customer had.
fn distance(model: &Model, case: &Case, product: ProductIx) -> f32 {
    let Some(own) = model.representation.vector(product) else {
        return 0.0;
    };
    let nearest = case
        .had
        .iter()
        .filter_map(|p| model.representation.vector(*p))
        .map(|other| own.iter().zip(other).map(|(a, b)| a * b).sum::<f32>())
        .fold(f32::NEG_INFINITY, f32::max);
    if nearest.is_finite() {
        1.0 - nearest
    } else {
        0.0
    }
}

impl std::fmt::Display for SurpriseReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "\nsurprises: {} customers with one to find, {} clusters; hits per list of {LENGTH}",
            self.customers, self.clusters
        )?;
        let mut grid = Grid::new([
            Column::name("method", 32),
            Column::figure("surprises", 9),
            Column::figure("again", 9),
            Column::figure("new", 9),
            Column::figure("kept", 7),
            Column::figure("unexp.", 8),
        ]);
        for row in &self.rows {
            grid.row([
                row.method.clone(),
                fixed(row.surprises, 4),
                fixed(row.again, 4),
                fixed(row.new_products, 4),
                format!("{:.0}%", 100.0 * row.kept),
                row.unexpectedness.map_or(String::new(), |u| fixed(u, 3)),
            ]);
        }
        write!(f, "{grid}")
    }
}
