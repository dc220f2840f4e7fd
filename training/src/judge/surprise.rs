//! Judging surprises as a shop would: how little they repeat the plain list and the bestsellers, how different they are for
//! different people, what is said of their delight, and what of them was found later; a curve over the dial beside simple rivals.
//!
//! The truth is not the scorer's own opinion: kinds of things are clusters frozen by the evaluator, and "expected" is what the
//! evaluator's primitive model, popularity with a bonus for the customer's clusters, puts into its first hundred. A hit is a
//! later purchase in a cluster new to the customer and outside that hundred. Purchases tell what people find by themselves,
//! which delight is not: they are told, and nothing is chosen by them.

use std::collections::{HashMap, HashSet};

use rand::prelude::*;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;
use serendib_engine::model::Model;
use serendib_engine::rank::{
    recommend, CustomerState, ListAnswer, ListKind, Live, Request, RequestError,
};
use serendib_engine::surprise::{hurt, Topics};
use serendib_shop::print::{fixed, Column, Grid};
use serendib_shop::{acquisitions, CustomerIx, Log, ProductIx, Touch, DAY_MS};

use crate::learn::surprise::topics;

const LENGTH: usize = 10;
const PRIMITIVE: usize = 100;
/// Length of a plain list, which no surprise should repeat.
const PLAIN: usize = 20;
/// Bestsellers.
const POPULAR: usize = 100;
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
    /// Share of the lines that are in the customer's own plain list of twenty.
    pub overlap: f64,
    /// Share of the lines that are among the hundred most popular products.
    pub popular: f64,
    /// Different products over all lists.
    pub different: usize,
    /// Largest share of the lists that hold one product.
    pub largest: f64,
    /// Lists that are empty, as a share of all.
    pub empty: f64,
    /// Mean unexpectedness of the items, ours only.
    pub unexpectedness: Option<f64>,
    /// Mean predicted delight of the items, ours only.
    pub delight: Option<f64>,
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
    customer: CustomerIx,
    new: HashSet<ProductIx>,
    surprises: HashSet<ProductIx>,
    again: HashSet<ProductIx>,
    expected: HashSet<ProductIx>,
    known_clusters: HashSet<u32>,
    had: HashSet<ProductIx>,
    /// The customer's plain list of twenty; filled in by the model that is judged.
    plain: HashSet<ProductIx>,
}

fn before(log: &Log, customer: CustomerIx, cut: i64) -> &[Touch] {
    let history = log.histories.of(customer);
    &history[..history.partition_point(|t| t.at < cut)]
}

fn case(
    log: &Log,
    customer: CustomerIx,
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
        plain: HashSet::new(),
    })
}

#[derive(Default)]
struct Listed {
    products: Vec<ProductIx>,
    unexpectedness: Option<f64>,
    delight: Option<f64>,
}

fn mean(said: impl Iterator<Item = f64>) -> Option<f64> {
    let said: Vec<f64> = said.collect();
    (!said.is_empty()).then(|| said.iter().sum::<f64>() / said.len() as f64)
}

fn tally(
    name: String,
    cases: &[Case],
    lists: &[Listed],
    bestsellers: &HashSet<ProductIx>,
) -> SurpriseRow {
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
    let mut of_product: HashMap<ProductIx, usize> = HashMap::new();
    let lines = lists.iter().flat_map(|list| &list.products);
    lines.for_each(|product| *of_product.entry(*product).or_default() += 1);
    let lines = of_product.values().sum::<usize>().max(1) as f64;
    let popular = of_product.iter().filter(|(p, _)| bestsellers.contains(p));
    SurpriseRow {
        method: name,
        surprises: count(|c| &c.surprises),
        again: count(|c| &c.again),
        new_products: count(|c| &c.new),
        overlap: count(|c| &c.plain) * n / lines,
        popular: popular.map(|(_, times)| *times).sum::<usize>() as f64 / lines,
        different: of_product.len(),
        largest: of_product.values().copied().max().unwrap_or(0) as f64 / n,
        empty: lists.iter().filter(|l| l.products.is_empty()).count() as f64 / n,
        unexpectedness: mean(lists.iter().filter_map(|l| l.unexpectedness)),
        delight: mean(lists.iter().filter_map(|l| l.delight)),
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
    let Some(surprises) = &model.surprises else {
        return Ok(None);
    };
    if !log.timed || clusters.count() < 5 {
        return Ok(None);
    }
    let bestsellers = model.by_popularity().iter().take(POPULAR).copied();
    let mut judge = Judge {
        bestsellers: bestsellers.collect(),
        live: Live::of_catalogue(model.catalogue.clone()),
        cases: cases(
            model,
            log,
            cut,
            &clusters,
            surprises.settings.pause_days,
            seed,
        ),
        model,
        log,
        cut,
        clusters: &clusters,
        seed,
    };
    judge.tell_plain()?;
    let mut rows = Vec::new();
    for dial in DIALS {
        say(&format!("surprises at dial {dial}"));
        rows.push(judge.at_dial(dial)?);
    }
    say("the rivals of surprises");
    rows.extend(judge.rivals()?);
    Ok(Some(SurpriseReport {
        customers: judge.cases.len(),
        clusters: clusters.count(),
        rows,
    }))
}

/// Customers with a surprise to find after `cut`, nobody within `pause_days` of a disappointment; a sample of too many.
fn cases(
    model: &Model,
    log: &Log,
    cut: i64,
    clusters: &Topics,
    pause_days: i64,
    seed: u64,
) -> Vec<Case> {
    let popular: Vec<(ProductIx, f32)> = ProductIx::all(model.catalogue.len())
        .map(|p| (p, model.popularity_share(p)))
        .collect();
    let mut cases: Vec<Case> = (0..log.len())
        .into_par_iter()
        .map(CustomerIx::of_index)
        .filter_map(|customer| case(log, customer, cut, clusters, &popular))
        // nobody is surprised right after a disappointment
        .filter(|case| !hurt(before(log, case.customer, cut), cut, pause_days, None))
        .collect();
    if cases.len() > MOST_CUSTOMERS {
        cases.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        cases.truncate(MOST_CUSTOMERS);
        cases.sort_by_key(|case| case.customer);
    }
    cases
}

/// The model under judgement and whom it is judged by.
struct Judge<'a> {
    model: &'a Model,
    bestsellers: HashSet<ProductIx>,
    live: Live,
    log: &'a Log,
    cut: i64,
    clusters: &'a Topics,
    cases: Vec<Case>,
    seed: u64,
}

/// One of the most relevant products for a customer.
#[derive(Clone, Copy)]
struct Relevant {
    product: ProductIx,
    relevance: f32,
    /// 1 − the largest cosine to anything the customer had.
    distance: f32,
}

impl Judge<'_> {
    fn ask(
        &self,
        case: &Case,
        kind: ListKind,
        dial: f32,
        count: usize,
    ) -> Result<ListAnswer, RequestError> {
        let customer = CustomerState {
            history: before(self.log, case.customer, self.cut),
            ..CustomerState::NOBODY
        };
        let mut request = Request::one(kind, count, self.cut);
        request.lists[0].filters.exclude_owned = true;
        request.dial = Some(dial);
        request.max_reasons = 0;
        recommend(self.model, &self.live, customer, &request, &|| false)
            .map(|mut answer| answer.lists.swap_remove(0))
    }

    /// Fills in everybody's plain list.
    fn tell_plain(&mut self) -> Result<(), RequestError> {
        let lists: Result<Vec<HashSet<ProductIx>>, RequestError> = self
            .cases
            .par_iter()
            .map(|case| {
                let list = self.ask(case, ListKind::ForYou, 0.0, PLAIN)?;
                Ok(list.items.iter().map(|item| item.product).collect())
            })
            .collect();
        for (case, plain) in self.cases.iter_mut().zip(lists?) {
            case.plain = plain;
        }
        Ok(())
    }

    fn at_dial(&self, dial: f32) -> Result<SurpriseRow, RequestError> {
        let lists: Result<Vec<Listed>, RequestError> = self
            .cases
            .par_iter()
            .map(|case| {
                let list = self.ask(case, ListKind::Surprise, dial, LENGTH)?;
                let items = || list.items.iter();
                Ok(Listed {
                    products: items().map(|i| i.product).collect(),
                    unexpectedness: mean(items().filter_map(|i| i.unexpectedness.map(f64::from))),
                    delight: mean(items().filter_map(|i| i.delight.map(f64::from))),
                })
            })
            .collect();
        Ok(tally(
            format!("serendib, dial {dial}"),
            &self.cases,
            &lists?,
            &self.bestsellers,
        ))
    }

    fn rivals(&self) -> Result<Vec<SurpriseRow>, RequestError> {
        let relevant: Result<Vec<Vec<Relevant>>, RequestError> = self
            .cases
            .par_iter()
            .map(|case| {
                let list = self.ask(case, ListKind::ForYou, 0.0, 300)?;
                let each = list.items.iter().map(|item| Relevant {
                    product: item.product,
                    relevance: item.relevance,
                    distance: distance(self.model, case, item.product),
                });
                Ok(each.collect())
            })
            .collect();
        let relevant = relevant?;
        let row = |rival: Rival| {
            let lists: Vec<Listed> = self
                .cases
                .iter()
                .zip(&relevant)
                .map(|(case, list)| Listed {
                    products: self.pick(rival, case, list),
                    ..Listed::default()
                })
                .collect();
            let name = rival.name().to_owned();
            tally(name, &self.cases, &lists, &self.bestsellers)
        };
        Ok(Rival::ALL.map(row).into())
    }

    /// The list of `rival` for the customer of `case`, from the most `relevant` products or from all.
    fn pick(&self, rival: Rival, case: &Case, relevant: &[Relevant]) -> Vec<ProductIx> {
        let products = relevant.iter().map(|r| r.product);
        match rival {
            Rival::Relevance => products.take(LENGTH).collect(),
            Rival::Beside => products.skip(PLAIN).take(LENGTH).collect(),
            Rival::Unexpected => products
                .filter(|p| !case.expected.contains(p))
                .filter(|p| {
                    let cluster = self.clusters.of(*p);
                    cluster.is_some_and(|c| !case.known_clusters.contains(&c))
                })
                .take(LENGTH)
                .collect(),
            Rival::Popular => {
                let popular = self.model.by_popularity().iter().copied();
                popular
                    .filter(|p| !case.had.contains(p))
                    .take(LENGTH)
                    .collect()
            }
            Rival::Farthest => {
                let mut list = relevant.to_vec();
                list.sort_by(|a, b| {
                    b.distance
                        .total_cmp(&a.distance)
                        .then(a.product.cmp(&b.product))
                });
                list.iter().take(LENGTH).map(|r| r.product).collect()
            }
            Rival::Random => {
                let median = relevant.get(relevant.len().min(20) / 2);
                let floor = 0.5 * median.map_or(0.0, |r| r.relevance);
                let above = relevant.iter().filter(|r| r.relevance >= floor);
                let mut above: Vec<ProductIx> = above.map(|r| r.product).collect();
                let seed = self.seed ^ u64::from(case.customer.0);
                above.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
                above.truncate(LENGTH);
                above
            }
        }
    }
}

/// A simple maker of lists.
#[derive(Clone, Copy)]
enum Rival {
    Relevance,
    Beside,
    Unexpected,
    Popular,
    Farthest,
    Random,
}

impl Rival {
    const ALL: [Rival; 6] = [
        Rival::Relevance,
        Rival::Beside,
        Rival::Unexpected,
        Rival::Popular,
        Rival::Farthest,
        Rival::Random,
    ];

    fn name(self) -> &'static str {
        match self {
            Rival::Relevance => "relevance",
            Rival::Beside => "relevance beside the plain list",
            Rival::Unexpected => "relevance among the unexpected",
            Rival::Popular => "popular and unseen",
            Rival::Farthest => "farthest of the candidates",
            Rival::Random => "random above the floor",
        }
    }
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
            Column::figure("new", 8),
            Column::figure("plain", 7),
            Column::figure("popular", 8),
            Column::figure("products", 9),
            Column::figure("largest", 8),
            Column::figure("empty", 6),
            Column::figure("unexp.", 7),
            Column::figure("delight", 8),
        ]);
        let percent = |share: f64| format!("{:.0}%", 100.0 * share);
        for row in &self.rows {
            grid.row([
                row.method.clone(),
                fixed(row.surprises, 4),
                fixed(row.again, 4),
                fixed(row.new_products, 4),
                percent(row.overlap),
                percent(row.popular),
                row.different.to_string(),
                format!("{:.1}%", 100.0 * row.largest),
                percent(row.empty),
                row.unexpectedness.map_or(String::new(), |u| fixed(u, 3)),
                row.delight.map_or(String::new(), |d| fixed(d, 3)),
            ]);
        }
        write!(f, "{grid}")
    }
}
