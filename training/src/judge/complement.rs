//! Judging complements and basket completion beside simple rivals, on baskets after a cut.

use std::collections::{HashMap, HashSet};

use rayon::prelude::*;
use serde::Serialize;
use serendib_engine::complement::baskets::RowCounter;
use serendib_engine::complement::{
    keep_largest, BasketLog, Complements, Completion, SparseRows, NOBODY,
};
use serendib_shop::print::{fixed, Column, Grid};
use serendib_shop::{Catalogue, CustomerIx, Log, ProductIx, DAY_MS};

use crate::learn::complement::families::{ease, item_item};
use crate::learn::complement::significance::{
    shrunk_conditional, shrunk_lift, signed_g2, size_factor,
};
use crate::learn::complement::{basket_log, basket_share, hide_one, HiddenCase};
use crate::stats::bootstrap::mean_interval;

/// Days in which the next new product is looked for.
const NEXT_DAYS: i64 = 45;
const ROW_WIDTH: usize = 500;
const MOST_CASES: usize = 10_000;

/// One method of one table.
#[derive(Debug, Clone, Serialize)]
pub struct MethodRow {
    pub method: String,
    /// Share of cases whose first product is a hit.
    pub hit_at_1: f64,
    /// Share of cases with a hit among four, what a storefront shows.
    pub hit_at_4: f64,
    /// Share of cases with a hit among ten.
    pub hit_at_10: f64,
    /// 95 % bootstrap interval of the hits among ten of ours minus this method's, paired over cases; absent for ours.
    pub ours_minus: Option<(f64, f64)>,
}

#[derive(Debug, Clone, Serialize)]
pub struct TaskTable {
    /// What was asked.
    pub task: String,
    /// How many cases were judged.
    pub cases: usize,
    /// Cases whose answer the methods cannot know: the product was never sold before the cut. They count as missed.
    pub unknown: usize,
    pub rows: Vec<MethodRow>,
}

/// A product with its best complements, to be read by a person.
#[derive(Debug, Clone, Serialize)]
pub struct Example {
    pub product: String,
    /// Baskets that hold it.
    pub baskets: u32,
    /// Titles of its best complements.
    pub complements: Vec<String>,
}

/// Everything that is judged of complements.
#[derive(Debug, Clone, Serialize)]
pub struct ComplementReport {
    pub tables: Vec<TaskTable>,
    /// Best sellers and mid-sellers in turn.
    pub examples: Vec<Example>,
    /// Products with at least one edge.
    pub products_with_edges: usize,
    /// Pairs for which a direction is claimed.
    pub directed: usize,
}

/// The rivals, each a matrix whose rows are added up over the basket.
pub fn rivals(log: &BasketLog) -> Vec<(&'static str, SparseRows)> {
    let frequencies = log.frequencies();
    let inverted = log.inverted();
    let total = log.len() as f64;
    let factor = size_factor(log);
    type Weigh = fn(f64, f64, f64, f64, f64) -> f64;
    // shared, baskets of a, baskets of b, all baskets, expected.
    let simple: [(&'static str, Weigh); 5] = [
        ("co-count", |n, _, _, _, _| n),
        (
            "lift",
            |n, a, b, t, _| if n >= 3.0 { n * t / (a * b) } else { 0.0 },
        ),
        ("cosine", |n, a, b, _, _| n / (a * b).sqrt()),
        ("P(b|a)·log L", |n, a, b, t, e| {
            shrunk_conditional(n, a, b / t, 10.0) * shrunk_lift(n, e, 10.0).ln().max(0.0)
        }),
        ("signed G²", |n, a, b, t, e| {
            signed_g2(n, a, b, t, e).max(0.0)
        }),
    ];
    let mut out: Vec<(&'static str, SparseRows)> = simple
        .into_iter()
        .map(|(name, weigh)| {
            let rows: Vec<Vec<(ProductIx, f32)>> = (0..log.products())
                .into_par_iter()
                .map(ProductIx::of_index)
                .map_init(
                    || RowCounter::new(log.products()),
                    |counter, a| {
                        let own = f64::from(frequencies[a.index()]);
                        let mut row = counter.row(log, &inverted, a, |_| 1.0);
                        for (b, value) in &mut row {
                            let other = f64::from(frequencies[b.index()]);
                            let expected = own * other * factor;
                            *value = weigh(f64::from(*value), own, other, total, expected) as f32;
                        }
                        keep_largest(&mut row, ROW_WIDTH);
                        row
                    },
                )
                .collect();
            (name, SparseRows::from_rows(rows))
        })
        .collect();
    out.push(("item–item", item_item(log, 1.0, ROW_WIDTH, &|_| 1.0)));
    if let Ok(rows) = ease(log, 200.0, 7_000, ROW_WIDTH, &|_| 1.0) {
        out.push(("EASE λ 200", rows));
    }
    out
}

/// Where the first hit of a case stands among ten, from 0; `None` = it has none.
type Place = Option<usize>;

/// Products listed for a case.
const LISTED: usize = 10;

/// Where the first of `listed` for which `hit` holds stands.
fn place(listed: &[(ProductIx, f32)], hit: impl Fn(ProductIx) -> bool) -> Place {
    listed.iter().position(|(product, _)| hit(*product))
}

fn table(task: &str, unknown: usize, results: Vec<(String, Vec<Place>)>, seed: u64) -> TaskTable {
    let cases = results.first().map_or(0, |(_, places)| places.len());
    let value = |place: &Place| f64::from(u8::from(place.is_some()));
    let rows = results
        .iter()
        .enumerate()
        .map(|(ix, (method, places))| {
            let within = |first: usize| {
                let hits = places.iter().flatten().filter(|place| **place < first);
                hits.count() as f64 / cases.max(1) as f64
            };
            MethodRow {
                method: method.clone(),
                hit_at_1: within(1),
                hit_at_4: within(4),
                hit_at_10: within(LISTED),
                ours_minus: (ix > 0).then(|| {
                    let ours = results[0].1.iter().zip(places);
                    let gaps: Vec<f64> = ours.map(|(a, b)| value(a) - value(b)).collect();
                    mean_interval(&gaps, seed)
                }),
            }
        })
        .collect();
    TaskTable {
        task: task.into(),
        cases,
        unknown,
        rows,
    }
}

/// Lists for a basket: its products with weights, how many are listed, which may be.
type Complete<'a> = dyn Fn(&[(ProductIx, f32)], usize, &dyn Fn(ProductIx) -> bool) -> Vec<(ProductIx, f32)>
    + Sync
    + 'a;

/// A first basket after the cut, with what its buyer had before, and the new products of the days after.
struct NextCase {
    basket: Vec<(ProductIx, f32)>,
    history: Vec<(ProductIx, f32)>,
    had: HashSet<ProductIx>,
    truth: HashSet<ProductIx>,
}

fn next_cases(all: &BasketLog, cut: i64) -> Vec<NextCase> {
    let mut by_customer: HashMap<CustomerIx, Vec<usize>> = HashMap::new();
    for ix in 0..all.len() {
        if all.customer(ix) != NOBODY {
            by_customer.entry(all.customer(ix)).or_default().push(ix);
        }
    }
    let mut customers: Vec<_> = by_customer.into_iter().collect();
    customers.sort_unstable();
    let mut out = Vec::new();
    for (_, baskets) in customers {
        let Some(query) = baskets.iter().copied().find(|ix| all.at(*ix) >= cut) else {
            continue;
        };
        let now = all.at(query);
        let mut had: HashSet<ProductIx> = all.items(query).iter().copied().collect();
        let mut ages: HashMap<ProductIx, f32> = HashMap::new();
        for ix in baskets.iter().copied().filter(|ix| *ix < query) {
            let days = (now - all.at(ix)) as f64 / DAY_MS as f64;
            for product in all.items(ix) {
                had.insert(*product);
                let fresh = 0.5f64.powf(days / 60.0) as f32 * 0.3;
                let slot = ages.entry(*product).or_default();
                *slot = slot.max(fresh);
            }
        }
        let mut history: Vec<(ProductIx, f32)> = ages
            .into_iter()
            .filter(|(p, _)| all.items(query).binary_search(p).is_err())
            .collect();
        history.sort_by_key(|(p, _)| *p);
        let truth: HashSet<ProductIx> = baskets
            .iter()
            .copied()
            .filter(|ix| *ix > query && all.at(*ix) < now + NEXT_DAYS * DAY_MS)
            .flat_map(|ix| all.items(ix).iter().copied())
            .filter(|p| !had.contains(p))
            .collect();
        if !truth.is_empty() {
            out.push(NextCase {
                basket: all.items(query).iter().map(|p| (*p, 1.0)).collect(),
                history,
                had,
                truth,
            });
        }
    }
    out
}

/// Judges `complements`, fitted on what of `log` lies before `cut`, on what lies after.
pub fn evaluate(
    log: &Log,
    cut: i64,
    complements: &Complements,
    seed: u64,
    say: &dyn Fn(&str),
) -> ComplementReport {
    let all = basket_log(log);
    let train = all.filtered(|ix| all.at(ix) < cut);
    let late = all.filtered(|ix| all.at(ix) >= cut);
    let sold = train.frequencies();
    let share = basket_share(&train);
    say("counting the rivals of complements");
    let rivals = rivals(&train);
    let popular = Completion::new(SparseRows::default(), share.clone());
    let mut methods: Vec<(String, Completion)> = vec![("popular".into(), popular)];
    for (name, rows) in rivals {
        methods.push((name.into(), Completion::new(rows, share.clone())));
    }
    // as it is served: a basket of one product is that product's page
    let served: Box<Complete> =
        Box::new(|basket, k, allowed| complements.complete(basket, k, allowed));
    let mut completers: Vec<(String, Box<Complete>)> = vec![("serendib".into(), served)];
    for (name, method) in &methods {
        let complete: Box<Complete> =
            Box::new(|basket, k, allowed| method.complete(basket, k, allowed));
        completers.push((name.clone(), complete));
    }
    say("completing baskets");
    let cases = hide_one(&late, MOST_CASES, seed);
    let known = |p: &ProductIx| sold[p.index()] > 0;
    let unknown = cases.iter().filter(|(_, hidden)| !known(hidden)).count();
    let results: Vec<(String, Vec<Place>)> = completers
        .iter()
        .map(|(name, complete)| {
            let find = |(basket, hidden): &HiddenCase| {
                place(&complete(basket, LISTED, &|_| true), |p| p == *hidden)
            };
            (name.clone(), cases.par_iter().map(find).collect())
        })
        .collect();
    let reachable: Vec<bool> = cases.iter().map(|(_, hidden)| known(hidden)).collect();
    let only = |places: &[Place]| -> Vec<Place> {
        let pairs = places.iter().zip(&reachable);
        pairs
            .filter(|(_, known)| **known)
            .map(|(place, _)| *place)
            .collect()
    };
    let restricted = results
        .iter()
        .map(|(name, places)| (name.clone(), only(places)))
        .collect();
    let mut tables = vec![
        table(
            "basket completion: the hidden product, sold before the cut",
            0,
            restricted,
            seed,
        ),
        table(
            "basket completion: the hidden product, whatever it is",
            unknown,
            results,
            seed,
        ),
    ];
    say("looking for the next new product");
    let next = next_cases(&all, cut);
    let judge = |complete: &Complete, with_history: bool| -> Vec<Place> {
        next.par_iter()
            .map(|case| {
                let mut basket = case.basket.clone();
                if with_history {
                    basket.extend(&case.history);
                }
                let best = complete(&basket, LISTED, &|p| !case.had.contains(&p));
                place(&best, |product| case.truth.contains(&product))
            })
            .collect()
    };
    let with_history = completers
        .iter()
        .take(1)
        .map(|(name, complete)| (format!("{name}, basket and history"), judge(complete, true)));
    let mut results: Vec<(String, Vec<Place>)> = with_history.collect();
    results.extend(
        completers
            .iter()
            .map(|(name, complete)| (format!("{name}, basket"), judge(complete, false))),
    );
    tables.push(table(
        "next new product within 45 days, any hit",
        0,
        results,
        seed,
    ));
    say("judging complements without variants");
    tables.push(apart(complements, &methods, &cases, seed));
    ComplementReport {
        tables,
        examples: examples(complements, &log.catalogue, &sold),
        products_with_edges: ProductIx::all(sold.len())
            .filter(|p| !complements.edges(*p).is_empty())
            .count(),
        directed: complements.directed().count(),
    }
}

/// One product of the basket asks for its complements; a hit is another product of that basket that is no variant of it.
/// Variants are taken out of every method's list.
fn apart(
    complements: &Complements,
    methods: &[(String, Completion)],
    cases: &[HiddenCase],
    seed: u64,
) -> TaskTable {
    let variants = complements.variants();
    let cases: Vec<&HiddenCase> = cases
        .iter()
        .filter(|(rest, anchor)| rest.iter().any(|(p, _)| !variants.same(*p, *anchor)))
        .collect();
    let find = |case: &HiddenCase, listed: &[(ProductIx, f32)]| {
        let (rest, _) = case;
        place(listed, |p| rest.iter().any(|(inside, _)| *inside == p))
    };
    let ours: Vec<Place> = cases
        .par_iter()
        .map(|case| {
            // what the goes-with list of the product's page says
            let listed: Vec<(ProductIx, f32)> = complements
                .goes_with(&[(case.1, 0.0)], LISTED, &|_| true)
                .into_iter()
                .map(|(product, score, _)| (product, score))
                .collect();
            find(case, &listed)
        })
        .collect();
    let mut results = vec![("serendib complements".to_owned(), ours)];
    for (name, method) in methods {
        let places = cases
            .par_iter()
            .map(|case| {
                let anchor = case.1;
                let apart = |p: ProductIx| !variants.same(p, anchor);
                find(case, &method.complete(&[(anchor, 1.0)], LISTED, &apart))
            })
            .collect();
        results.push((name.clone(), places));
    }
    table(
        "complements of one product, variants removed",
        0,
        results,
        seed,
    )
}

/// Fifteen best sellers and fifteen from the middle, with five complements each.
pub fn examples(complements: &Complements, catalogue: &Catalogue, sold: &[u32]) -> Vec<Example> {
    let mut order: Vec<ProductIx> = ProductIx::all(sold.len())
        .filter(|p| !complements.edges(*p).is_empty())
        .collect();
    order.sort_by_key(|p| (std::cmp::Reverse(sold[p.index()]), *p));
    let middle = order.len() / 3;
    let best = order.iter().take(15);
    let mid = order
        .iter()
        .skip(middle)
        .step_by((order.len() / 60).max(1))
        .take(15);
    best.chain(mid)
        .map(|p| Example {
            product: catalogue.product(*p).label().to_owned(),
            baskets: sold[p.index()],
            complements: complements
                .edges(*p)
                .iter()
                .take(5)
                .map(|e| catalogue.product(e.product).label().to_owned())
                .collect(),
        })
        .collect()
}

impl std::fmt::Display for ComplementReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for table in &self.tables {
            writeln!(
                f,
                "\n{} ({} cases, {} unknown)",
                table.task, table.cases, table.unknown
            )?;
            let mut grid = Grid::new([
                Column::name("method", 30),
                Column::figure("hit@1", 8),
                Column::figure("hit@4", 8),
                Column::figure("hit@10", 8),
                Column::rest("  ours minus this, 95 %"),
            ]);
            for row in &table.rows {
                let ours = row.ours_minus;
                let cells = [
                    row.method.clone(),
                    fixed(row.hit_at_1, 4),
                    fixed(row.hit_at_4, 4),
                    fixed(row.hit_at_10, 4),
                ];
                let ours = ours.map(|(low, high)| format!("  {low:+.4} … {high:+.4}"));
                grid.row(cells.into_iter().chain(ours));
            }
            write!(f, "{grid}")?;
        }
        writeln!(
            f,
            "\n{} products with complements, {} claimed directions",
            self.products_with_edges, self.directed
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_holds_the_mean_and_shrinks_with_cases() {
        let differences: Vec<f64> = (0..200).map(|i| f64::from(i % 3) - 0.5).collect();
        let (low, high) = mean_interval(&differences, 1);
        let mean = differences.iter().sum::<f64>() / 200.0;
        assert!(low < mean && mean < high && high - low < 0.4);
        assert_eq!(mean_interval(&[], 1), (0.0, 0.0));
    }

    #[test]
    fn the_next_new_product_is_new_and_soon() {
        let mut log = BasketLog::new(6);
        log.push(CustomerIx(0), 0, [ProductIx(0)]);
        log.push(CustomerIx(0), 100 * DAY_MS, [ProductIx(1)]);
        log.push(CustomerIx(0), 110 * DAY_MS, [0, 2].map(ProductIx));
        log.push(CustomerIx(0), 190 * DAY_MS, [ProductIx(3)]);
        log.push(CustomerIx(1), 100 * DAY_MS, [ProductIx(1)]);
        let cases = next_cases(&log, 90 * DAY_MS);
        assert_eq!(cases.len(), 1);
        assert_eq!(cases[0].truth, [ProductIx(2)].into());
        assert_eq!(cases[0].basket, [(ProductIx(1), 1.0)]);
        assert_eq!(cases[0].history.len(), 1);
    }
}
