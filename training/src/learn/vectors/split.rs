//! The slice that is held out to choose settings: the last in time, the last in order, or a random part.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::learn::vectors::cooccurrence::{cooccurrence, CooccurrenceOptions, Shape};
use rand::seq::SliceRandom;
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use serendib_engine::represent::Weighting;
use serendib_shop::{acquisitions, had, likings, CustomerIx, ProductIx, Touch};

use crate::learn::corpus::{Case, Corpus};
use crate::learn::vectors::scorers::{gain_per_case, Fitted};

/// Fewer cases than this say too little to choose by.
pub(super) const FEWEST_CASES: usize = 40;

/// How the slice is held out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Regime {
    /// Everything from one moment on, for all customers.
    TimeCut,
    /// The last new products of each sampled customer, by time.
    LastByTime,
    /// The last new product (or basket) of each sampled customer, by order of rows.
    LastByOrder,
    /// A random fifth of the products of each sampled customer.
    Random,
}

/// A corpus without the slice, and the slice.
#[derive(Debug)]
pub struct Split<'a> {
    /// How it was held out.
    pub regime: Regime,
    /// What models are fitted on.
    pub train: Corpus<'a>,
    /// The slice, at most as many customers as asked for, in order of customer number.
    pub cases: Vec<Case>,
    /// Why this regime, in words.
    pub why: String,
}

/// Holds out at most `most` customers' later acquisitions.
pub fn hold_out<'a>(corpus: &Corpus<'a>, most: usize, seed: u64) -> Split<'a> {
    if corpus.timed {
        if let Some(split) = time_cut(corpus, most, seed) {
            return split;
        }
        let by_time = last(corpus, most, seed, Regime::LastByTime,
            "touches have times, but too few customers acquire something new on both sides of one cut".into());
        // a basket or a moment is never torn, which leaves nothing of customers who have only one
        if by_time.cases.len() >= FEWEST_CASES {
            return by_time;
        }
        let at_random = random(corpus, most, seed,
            "touches have times, but hardly any customer acquires something new at a second one: a set".into());
        return if at_random.cases.len() > by_time.cases.len() {
            at_random
        } else {
            by_time
        };
    }
    if let Some(order) = sorted_rows(corpus) {
        return random(
            corpus,
            most,
            seed,
            format!("rows carry no times and are sorted by {order}: their order says nothing"),
        );
    }
    let by_order = last(
        corpus,
        most.min(1500),
        seed,
        Regime::LastByOrder,
        String::new(),
    );
    match order_matters(&by_order) {
        Some((decayed, flat)) => last(corpus, most, seed, Regime::LastByOrder, format!(
            "rows carry no times, but their order does matter: weighing the latest rows more finds the last product better \
             (NDCG@5,20 {decayed:.4} against {flat:.4})")),
        None => random(corpus, most, seed,
            "rows carry no times and weighing the latest rows more does not find the last product better: a set".into()),
    }
}

fn sample(mut eligible: Vec<CustomerIx>, most: usize, seed: u64) -> Vec<CustomerIx> {
    if eligible.len() > most {
        eligible.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        eligible.truncate(most);
        eligible.sort_unstable();
    }
    eligible
}

fn owned(history: &[Touch]) -> Vec<ProductIx> {
    let mut owned: Vec<ProductIx> = had(history).collect();
    owned.sort_unstable();
    owned.dedup();
    owned
}

/// What of `later` the customer newly acquires and keeps, given what they owned before.
fn new_products(whole: &[Touch], before: &[ProductIx]) -> Vec<ProductIx> {
    let mut new: Vec<ProductIx> = likings(whole)
        .map(|o| o.product)
        .filter(|p| before.binary_search(p).is_err())
        .collect();
    new.sort_unstable();
    new
}

/// The last 10 % of acquisitions by time, or up to 30 % where that leaves too few customers.
fn time_cut<'a>(corpus: &Corpus<'a>, most: usize, seed: u64) -> Option<Split<'a>> {
    let mut times: Vec<i64> = corpus
        .histories
        .iter()
        .flat_map(|h| acquisitions(h).map(|t| t.at))
        .collect();
    if times.len() < 50 {
        return None;
    }
    times.sort_unstable();
    let active = corpus
        .histories
        .iter()
        .filter(|h| acquisitions(h).count() >= 2)
        .count();
    for share in [0.1, 0.2, 0.3] {
        let cut = times[((1.0 - share) * times.len() as f64) as usize];
        if cut <= times[0] {
            continue;
        }
        let eligible = eligible_at(corpus, cut);
        if eligible.len() < 100.max(active / 5).min(1000) {
            continue;
        }
        let why = format!(
            "touches have times: the last {:.0} % of acquisitions are set aside",
            share * 100.0
        );
        return Some(cut_at(corpus, cut, sample(eligible, most, seed), why));
    }
    None
}

/// Holds out what at most `most` customers newly acquire from `cut` on (ms), of those who acquired something before.
pub fn hold_out_at<'a>(corpus: &Corpus<'a>, cut: i64, most: usize, seed: u64) -> Split<'a> {
    let eligible = sample(eligible_at(corpus, cut), most, seed);
    cut_at(corpus, cut, eligible, "the cut was asked for".into())
}

/// Customers who own something before `cut` and acquire something new after it.
fn eligible_at(corpus: &Corpus, cut: i64) -> Vec<CustomerIx> {
    CustomerIx::all(corpus.histories.len())
        .filter(|customer| {
            let history = &corpus.histories[customer.index()];
            let at = history.partition_point(|t| t.at < cut);
            let before = owned(&history[..at]);
            !before.is_empty() && !new_products(history, &before).is_empty()
        })
        .collect()
}

fn cut_at<'a>(corpus: &Corpus<'a>, cut: i64, customers: Vec<CustomerIx>, why: String) -> Split<'a> {
    let histories = corpus
        .histories
        .iter()
        .map(|h| match h {
            Cow::Borrowed(h) => Cow::Borrowed(&h[..h.partition_point(|t| t.at < cut)]),
            Cow::Owned(h) => Cow::Owned(h[..h.partition_point(|t| t.at < cut)].to_vec()),
        })
        .collect();
    Split {
        regime: Regime::TimeCut,
        train: Corpus {
            histories,
            anonymous: corpus.anonymous_before(cut),
            ..corpus.clone()
        },
        cases: customers
            .into_iter()
            .map(|customer| case_at(corpus, customer, cut))
            .collect(),
        why,
    }
}

fn case_at(corpus: &Corpus, customer: CustomerIx, cut: i64) -> Case {
    let whole = &corpus.histories[customer.index()];
    let history = whole[..whole.partition_point(|t| t.at < cut)].to_vec();
    let owned = owned(&history);
    Case {
        customer,
        now: cut,
        relevant: new_products(whole, &owned),
        owned,
        history,
    }
}

/// The last new products of each customer: the last fifth by time, the last basket or row by order.
fn last<'a>(corpus: &Corpus<'a>, most: usize, seed: u64, regime: Regime, why: String) -> Split<'a> {
    let by_time = regime == Regime::LastByTime;
    let cut_of = |history: &[Touch]| -> Option<usize> {
        // where each product is first acquired
        let mut seen = HashSet::new();
        let firsts: Vec<usize> = history
            .iter()
            .enumerate()
            .filter(|(_, t)| t.welcomes() && t.product.index() < corpus.products())
            .filter(|(_, t)| seen.insert(t.product))
            .map(|(row, _)| row)
            .collect();
        if firsts.len() < 2 {
            return None;
        }
        let held = if by_time {
            (firsts.len() / 5).max(1)
        } else {
            1
        };
        let mut row = firsts[firsts.len() - held];
        // a basket or a moment is never torn
        let at = &history[row];
        while row > 0 {
            let before = &history[row - 1];
            let together =
                (at.basket != 0 && before.basket == at.basket) || (by_time && before.at == at.at);
            if !together {
                break;
            }
            row -= 1;
        }
        (row > 0).then_some(row)
    };
    let make = |customer: CustomerIx| -> Option<Case> {
        let whole = &corpus.histories[customer.index()];
        let row = cut_of(whole)?;
        let history = whole[..row].to_vec();
        let owned = owned(&history);
        let relevant = new_products(whole, &owned);
        (!relevant.is_empty() && !owned.is_empty()).then(|| Case {
            customer,
            now: whole[row].at,
            relevant,
            owned,
            history,
        })
    };
    let eligible = CustomerIx::all(corpus.histories.len())
        .filter(|c| make(*c).is_some())
        .collect();
    let cases: Vec<Case> = sample(eligible, most, seed)
        .into_iter()
        .filter_map(make)
        .collect();
    without(corpus, cases, regime, why)
}

/// A random fifth of each sampled customer's products.
fn random<'a>(corpus: &Corpus<'a>, most: usize, seed: u64, why: String) -> Split<'a> {
    let eligible = CustomerIx::all(corpus.histories.len())
        .filter(|c| likings(&corpus.histories[c.index()]).nth(1).is_some())
        .collect();
    let cases = sample(eligible, most, seed)
        .into_iter()
        .map(|customer| {
            let whole = &corpus.histories[customer.index()];
            let mut products: Vec<ProductIx> = likings(whole).map(|o| o.product).collect();
            let mut rng = ChaCha8Rng::seed_from_u64(seed ^ (u64::from(customer.0) << 20));
            products.shuffle(&mut rng);
            products.truncate((products.len() / 5).max(1));
            products.sort_unstable();
            let history: Vec<Touch> = whole
                .iter()
                .filter(|t| products.binary_search(&t.product).is_err())
                .copied()
                .collect();
            Case {
                customer,
                now: whole.last().map_or(0, |t| t.at),
                owned: owned(&history),
                relevant: products,
                history,
            }
        })
        .filter(|case| !case.owned.is_empty())
        .collect();
    without(corpus, cases, Regime::Random, why)
}

fn without<'a>(corpus: &Corpus<'a>, cases: Vec<Case>, regime: Regime, why: String) -> Split<'a> {
    let mut train = corpus.clone();
    for case in &cases {
        train.histories[case.customer.index()] = Cow::Owned(case.history.clone());
    }
    Split {
        regime,
        train,
        cases,
        why,
    }
}

/// What rows are sorted by, if nearly all of them are.
fn sorted_rows(corpus: &Corpus) -> Option<&'static str> {
    let numbers: Vec<Option<u64>> = corpus
        .catalogue
        .products()
        .iter()
        .map(|p| p.product_id.parse().ok())
        .collect();
    let mut pairs = 0u64;
    let mut rising = [0u64; 3];
    let mut falling = [0u64; 3];
    for history in &corpus.histories {
        let row: Vec<ProductIx> = acquisitions(history).map(|t| t.product).collect();
        for pair in row.windows(2).filter(|pair| pair[0] != pair[1]) {
            let (a, b) = (pair[0], pair[1]);
            let ids = |ix: ProductIx| &corpus.catalogue.product(ix).product_id;
            pairs += 1;
            let orders = [
                a.cmp(&b),
                numbers[a.index()].cmp(&numbers[b.index()]),
                ids(a).cmp(ids(b)),
            ];
            for (at, order) in orders.iter().enumerate() {
                rising[at] += u64::from(order.is_lt());
                falling[at] += u64::from(order.is_gt());
            }
        }
    }
    if pairs < 100 {
        return None;
    }
    (0..3)
        .find(|at| rising[*at].max(falling[*at]) as f64 > 0.97 * pairs as f64)
        .map(|at| {
            [
                "first appearance of the product",
                "product number",
                "product id",
            ][at]
        })
}

/// Whether the latest rows tell more about the last product than the others: gain with order decay and without.
fn order_matters(split: &Split) -> Option<(f64, f64)> {
    if split.cases.len() < 50 {
        return None;
    }
    let interactions = split.train.interactions();
    let counts = cooccurrence(
        &interactions,
        CooccurrenceOptions {
            customer_power: 0.25,
            keep: 200,
            last: 200,
        },
    );
    let buyers: Vec<f32> = interactions
        .col_counts()
        .iter()
        .map(|c| *c as f32)
        .collect();
    let rows = Shape::symmetric(1.0).apply(&counts, &buyers, 200);
    let cases: Vec<&Case> = split.cases.iter().filter(|c| c.owned.len() >= 3).collect();
    let gain = |order_decay: f32| {
        let weighting = Weighting {
            order_decay,
            ..Weighting::default()
        };
        gain_per_case(
            &Fitted::Sparse {
                rows: rows.clone(),
                weighting,
            },
            &cases,
            corpus_len(split),
        )
    };
    let (flat, decayed) = (gain(1.0), gain(0.8));
    let n = flat.len() as f64;
    if n < 50.0 {
        return None;
    }
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    let gaps: Vec<f64> = decayed.iter().zip(&flat).map(|(a, b)| a - b).collect();
    let gap = mean(&gaps);
    let variance = gaps.iter().map(|g| (g - gap).powi(2)).sum::<f64>() / n;
    // a wrong "yes" costs more than a wrong "no": half a per cent of chance, and a gain that matters
    let sure = gap > 2.6 * (variance / n).sqrt() && gap > 0.01 * mean(&flat);
    sure.then(|| (mean(&decayed), mean(&flat)))
}

fn corpus_len(split: &Split) -> usize {
    split.train.products()
}
