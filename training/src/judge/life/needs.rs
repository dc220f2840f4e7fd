//! How well buying again and the next new category are foretold, beside the same without life situations.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use rayon::prelude::*;
use serde::Serialize;
use serendib_engine::life::LifeView;
use serendib_engine::model::Model;
use serendib_engine::rank::{recommend, Allowed, CustomerState, ListKind, Live, Request};
use serendib_shop::{net_acquisitions, CustomerIx, Fact, Kind, Log, ProductIx, DAY_MS};

use crate::stats::auc::auc;

/// Days after the cut in which something is bought again.
const AGAIN_DAYS: i64 = 30;
/// Days after the cut in which a new category is bought.
const NEW_DAYS: i64 = 60;
/// Categories that count.
const BEST: usize = 5;
/// Customers judged at most.
const MOST: usize = 3_000;

/// How well it is foretold what customers buy again.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AgainFigures {
    /// Customers and products bought before the cut.
    pub pairs: usize,
    /// Share of them bought again within 30 days.
    pub base_rate: f64,
    /// Area under the curve of ours.
    pub auc: f64,
    /// Of the number of times bought.
    pub auc_of_count: f64,
    /// Of the days since the last purchase.
    pub auc_of_recency: f64,
    /// Mean distance between probability and share over ten groups of equal size.
    pub calibration_error: f64,
}

/// How well the next new category is foretold, for customers with a life situation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NewCategoryFigures {
    /// Customers with a life situation who bought in a new category within 60 days.
    pub customers: usize,
    /// Share of them whose first new category is among the first five of for-you.
    pub hit: f64,
    /// The same ranker without life situations.
    pub hit_without: f64,
    /// The first five of next-in-life.
    pub hit_of_needs: f64,
    /// The most popular categories that are new to the customer.
    pub hit_of_popular: f64,
    /// Share of lists (for-you and next-in-life) with a product whose need has ended.
    pub lists_with_ended: f64,
}

impl AgainFigures {
    /// The table for a terminal.
    pub fn table(&self) -> String {
        format!(
            "bought again within {AGAIN_DAYS} days: {} pairs, {:.1} % were\nAUC {:.4}, of the count {:.4}, of recency {:.4}; calibration \
             error {:.4}\n",
            self.pairs,
            100.0 * self.base_rate,
            self.auc,
            self.auc_of_count,
            self.auc_of_recency,
            self.calibration_error
        )
    }
}

impl NewCategoryFigures {
    /// The table for a terminal.
    pub fn table(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(
            out,
            "first new category within {NEW_DAYS} days, Hit@{BEST}: {} customers with a life situation\n\
             for-you {:.4}, without life situations {:.4}, next-in-life {:.4}, most popular {:.4}\n\
             lists with an ended need: {:.2} %",
            self.customers,
            self.hit,
            self.hit_without,
            self.hit_of_needs,
            self.hit_of_popular,
            100.0 * self.lists_with_ended
        );
        out
    }
}

fn state_of(log: &Log, customer: CustomerIx) -> (&[Fact], Allowed) {
    let profile = log.profiles.get(customer.index()).and_then(Option::as_ref);
    let allowed = Allowed::of(&log.consents(customer), &log.default_consents);
    (profile.map_or(&[], |p| &p.facts), allowed)
}

/// Every `n`-th customer, so that at most [`MOST`] are judged.
fn sample(log: &Log) -> Vec<CustomerIx> {
    let stride = log.len().div_ceil(MOST).max(1);
    CustomerIx::all(log.len()).step_by(stride).collect()
}

/// Judges [`Model::buy_again`] of `early` (fitted before `cut`) on what `log` says of the 30 days after; `None` where
/// there is nothing to judge.
pub fn again(early: &Model, log: &Log, cut: i64) -> Option<AgainFigures> {
    let model = early.buy_again.as_ref()?;
    let life = early.life.as_ref();
    let judged: Vec<Vec<(f64, f64, f64, bool)>> = sample(log)
        .into_par_iter()
        .map(|customer| {
            let whole = log.histories.of(customer);
            let (past, future) = whole.split_at(whole.partition_point(|t| t.at < cut));
            let (facts, allowed) = state_of(log, customer);
            let state = life.map(|l| l.state(past, facts, cut, allowed.infer_life_stage));
            let view = life
                .zip(state.as_ref())
                .map(|(l, state)| LifeView::new(&l.model, &l.products, state));
            let replaces = |a, b| early.replaces(a, b);
            let due = model.due(past, cut, AGAIN_DAYS as f32, view.as_ref(), &replaces);
            let due: HashMap<ProductIx, f32> = due
                .into_iter()
                .map(|d| (d.product, d.probability))
                .collect();
            let until = cut + AGAIN_DAYS * DAY_MS;
            let bought: HashSet<ProductIx> = future
                .iter()
                .filter(|t| t.kind == Kind::PURCHASE && t.at < until)
                .map(|t| t.product)
                .collect();
            let mut counts: HashMap<ProductIx, (f64, i64)> = HashMap::new();
            for touch in past.iter().filter(|t| t.kind == Kind::PURCHASE) {
                let slot = counts.entry(touch.product).or_default();
                slot.0 += 1.0;
                slot.1 = slot.1.max(touch.at);
            }
            let mut rows: Vec<(ProductIx, (f64, i64))> = counts.into_iter().collect();
            rows.sort_unstable_by_key(|row| row.0);
            rows.into_iter()
                .map(|(product, (count, last))| {
                    let said = due.get(&product).copied().unwrap_or(0.0);
                    (
                        f64::from(said),
                        count,
                        last as f64,
                        bought.contains(&product),
                    )
                })
                .collect()
        })
        .collect();
    let mut pairs: Vec<(f64, f64, f64, bool)> = judged.into_iter().flatten().collect();
    let hits = pairs.iter().filter(|p| p.3).count();
    if hits == 0 || hits == pairs.len() {
        return None;
    }
    let labels: Vec<bool> = pairs.iter().map(|p| p.3).collect();
    let of = |take: fn(&(f64, f64, f64, bool)) -> f64| {
        let scores: Vec<f64> = pairs.iter().map(take).collect();
        auc(&scores, &labels)
    };
    let (ours, count, recency) = (of(|p| p.0), of(|p| p.1), of(|p| p.2));
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let n = pairs.len() as f64;
    let error = pairs
        .chunks(pairs.len().div_ceil(10))
        .map(|group| {
            let said: f64 = group.iter().map(|p| p.0).sum();
            let was = group.iter().filter(|p| p.3).count() as f64;
            (said - was).abs() / n
        })
        .sum();
    Some(AgainFigures {
        pairs: pairs.len(),
        base_rate: hits as f64 / n,
        auc: ours,
        auc_of_count: count,
        auc_of_recency: recency,
        calibration_error: error,
    })
}

/// A customer with a life situation, and the new category that they bought in.
struct Asked<'a> {
    who: CustomerState<'a>,
    owned: HashSet<&'a str>,
    wanted: &'a str,
}

/// Judges the lists of `early` (fitted before `cut`) on the first category that is new to each customer within 60 days;
/// `early` is as it was afterwards.
pub fn new_category(early: &mut Model, log: &Log, cut: i64) -> Option<NewCategoryFigures> {
    let catalogue = std::sync::Arc::clone(&early.catalogue);
    let live = Live::of_catalogue(catalogue.clone());
    let category = |product: ProductIx| {
        let known = product.index() < catalogue.len();
        let row = known.then(|| catalogue.product(product));
        row.and_then(|row| row.category.as_deref())
    };
    let asked: Vec<Asked> = sample(log)
        .into_par_iter()
        .filter_map(|customer| {
            let life = early.life.as_ref()?;
            let whole = log.histories.of(customer);
            let (past, future) = whole.split_at(whole.partition_point(|t| t.at < cut));
            let (facts, allowed) = state_of(log, customer);
            let state = life.state(past, facts, cut, allowed.infer_life_stage);
            if !state.clocks.iter().any(|c| c.probability >= 0.5) {
                return None;
            }
            let acquired = net_acquisitions(past);
            let owned: HashSet<&str> = acquired
                .iter()
                .filter_map(|o| category(o.product))
                .collect();
            let until = cut + NEW_DAYS * DAY_MS;
            let wanted = future
                .iter()
                .filter(|t| t.kind == Kind::PURCHASE && t.at < until)
                .filter_map(|t| category(t.product))
                .find(|c| !owned.contains(c))?;
            let who = CustomerState {
                history: past,
                facts,
                allowed,
            };
            Some(Asked { who, owned, wanted })
        })
        .collect();
    if asked.is_empty() {
        return None;
    }
    let list = |model: &Model, kind: ListKind, who: CustomerState| -> Vec<ProductIx> {
        let answer = recommend(model, &live, who, &Request::one(kind, 300, cut), &|| false);
        let lists = answer.map_or_else(|_| Vec::new(), |a| a.lists);
        let items = lists.into_iter().flat_map(|l| l.items);
        items.map(|item| item.product).collect()
    };
    let hit = |asked: &Asked, products: &[ProductIx]| -> f64 {
        let mut seen: Vec<&str> = Vec::with_capacity(BEST);
        for found in products.iter().filter_map(|p| category(*p)) {
            if !asked.owned.contains(found) && !seen.contains(&found) {
                seen.push(found);
                if seen.len() == BEST {
                    break;
                }
            }
        }
        f64::from(u8::from(seen.contains(&asked.wanted)))
    };
    let with: Vec<[f64; 5]> = asked
        .par_iter()
        .map(|one| {
            let mine = list(early, ListKind::ForYou, one.who);
            let needs = list(early, ListKind::NextInLife, one.who);
            let mut ended = [false; 2];
            if let Some(life) = &early.life {
                let infer = one.who.allowed.infer_life_stage;
                let state = life.state(one.who.history, one.who.facts, cut, infer);
                let view = LifeView::new(&life.model, &life.products, &state);
                for (list, ended) in [&mine, &needs].into_iter().zip(&mut ended) {
                    *ended = list.iter().take(20).any(|p| view.product(*p).ended >= 0.5);
                }
            }
            let count = |flags: [bool; 2]| flags.iter().filter(|f| **f).count() as f64;
            [
                hit(one, &mine),
                hit(one, &needs),
                hit(one, early.by_popularity()),
                count(ended),
                count([!mine.is_empty(), !needs.is_empty()]),
            ]
        })
        .collect();
    let life = early.life.take();
    let without: f64 = asked
        .par_iter()
        .map(|one| hit(one, &list(early, ListKind::ForYou, one.who)))
        .sum();
    early.life = life;
    let n = asked.len() as f64;
    let sum = |k: usize| with.iter().map(|j| j[k]).sum::<f64>();
    Some(NewCategoryFigures {
        customers: asked.len(),
        hit: sum(0) / n,
        hit_without: without / n,
        hit_of_needs: sum(1) / n,
        hit_of_popular: sum(2) / n,
        lists_with_ended: sum(3) / sum(4).max(1.0),
    })
}
