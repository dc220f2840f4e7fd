//! Prices that keep one product from being the surprise of too many customers: found once over all of them, so that serving
//! needs no counter and everybody's list is the same whoever asked before.
//!
//! First by the candidates of everybody, which are cheap to order anew, then by lists as they are served, of which diversity and
//! caps have their part. The end of the dial where only value counts comes first, then, beside its prices, the other end by
//! what customers see at their own dials.

use std::collections::HashMap;

use rayon::prelude::*;
use serendib_engine::model::Model;
use serendib_engine::rank::{kin, recommend, Appraiser, Item, ListKind, Live, Request, Together};
use serendib_engine::surprise::Prices;
use serendib_shop::{CategoryId, CustomerIx, Log, ProductIx};

/// Largest share of customers that one product may be a surprise of: under the three in a hundred that are promised, for
/// those whose lists are looked at are a sample.
const MOST_SHARE: f64 = 0.015;
/// Customers whose lists are looked at: fewer where the catalogue is large.
const SAMPLE: (usize, usize) = (200, 1_500);
/// Products times customers that are looked at in one round, about.
const SCORED: usize = 6_000_000;
/// Places of a list, and candidates looked at for them.
const PLACES: usize = 5;
const LOOKED_AT: usize = 120;
/// Rounds of the search, and how far a price moves at first for a product of twice its share.
const ROUNDS: usize = 300;
const FIRST_STEP: f64 = 0.3;
/// How far a price moves in a round by lists as they are served, which cost most of the time.
const SERVED_STEP: f64 = 0.15;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// Largest share of the lists looked at that hold one product, 0…1.
    pub largest: f64,
    /// Lists looked at.
    pub lists: usize,
}

/// One candidate: the number of its variants, its leaf and what it is worth.
type Candidate = (ProductIx, Option<CategoryId>, f64);

/// One customer's candidates, best first.
struct Row {
    /// How much prices count there, 0…1.
    weight: f64,
    candidates: Vec<Candidate>,
}

/// A customer whose lists are looked at, with their own dial, 0…1.
#[derive(Clone, Copy)]
struct Looked {
    customer: CustomerIx,
    dial: f32,
}

/// The end of the dial whose prices are sought.
#[derive(Clone, Copy)]
enum End {
    Value,
    Wanting,
}

impl End {
    /// The dial at which lists are looked at for it.
    fn dial(self, who: Looked) -> f32 {
        match self {
            End::Value => 1.0,
            End::Wanting => who.dial,
        }
    }

    /// Rounds by lists as they are served: more for the dials that customers have.
    fn served_rounds(self) -> usize {
        match self {
            End::Value => 1,
            End::Wanting => 3,
        }
    }

    /// How much its prices count at that dial, 0…1.
    fn weight(self, who: Looked) -> f64 {
        match self {
            End::Value => 1.0,
            End::Wanting => f64::from(1.0 - who.dial),
        }
    }

    fn of(self, prices: &mut Prices) -> &mut Vec<f32> {
        match self {
            End::Value => &mut prices.value,
            End::Wanting => &mut prices.wanted,
        }
    }
}

/// Lists of customers at the end of a log.
struct Shop<'a> {
    live: Live,
    log: &'a Log,
    now: i64,
    who: Vec<Looked>,
    /// What stands for the variants of each product.
    kin: Vec<ProductIx>,
}

/// Gives `model`, whose products have no prices yet, those by which no product is the surprise of too many customers at the end
/// of `log`. Answers how far that holds at their own dials.
pub fn learn(model: &mut Model, log: &Log) -> Found {
    let shop = Shop::new(model, log);
    shop.price(model, End::Value);
    shop.price(model, End::Wanting)
}

impl<'a> Shop<'a> {
    fn new(model: &Model, log: &'a Log) -> Shop<'a> {
        let live = Live::of_catalogue(model.catalogue.clone());
        let now = log.span.map_or(i64::MAX, |(_, last)| last + 1);
        let own = |customer: CustomerIx| {
            let state = crate::learn::state(log, customer, log.histories.of(customer));
            let appraiser = Appraiser::new(model, &live, &state, now)?;
            Some(Looked {
                customer,
                dial: appraiser.appraisal().dial(),
            })
        };
        let most = (SCORED / model.catalogue.len().max(1)).clamp(SAMPLE.0, SAMPLE.1);
        let who = super::sample(log, most)
            .into_par_iter()
            .filter_map(own)
            .collect();
        let products = ProductIx::all(model.catalogue.len());
        Shop {
            kin: products.map(|product| kin(model, &live, product)).collect(),
            live,
            log,
            now,
            who,
        }
    }

    /// Finds the prices of `end` for `model`, which has those of the other end or none.
    fn price(&self, model: &mut Model, end: End) -> Found {
        let rows: Vec<Row> = self
            .who
            .par_iter()
            .map(|who| Row {
                weight: end.weight(*who),
                candidates: self.candidates(model, *who, end),
            })
            .filter(|row| !row.candidates.is_empty())
            .collect();
        // where there are few lists or few products, more is equal shares
        let equal = PLACES as f64 / self.kin.len().max(1) as f64;
        let most = MOST_SHARE
            .max(1.0 / rows.len().max(1) as f64)
            .max(2.0 * equal);
        let mut prices = search(&rows, self.kin.len(), most);
        let mut best: Option<(f64, Vec<f64>)> = None;
        for _ in 0..=end.served_rounds() {
            self.set(model, end, &prices);
            let shares = self.shares(model, end);
            let now = largest(&shares);
            if best.as_ref().is_none_or(|(least, _)| now < *least) {
                best = Some((now, prices.clone()));
            }
            if now <= most {
                break;
            }
            follow(&mut prices, &shares, most, SERVED_STEP);
        }
        let (largest, prices) = best.unwrap_or_default();
        self.set(model, end, &prices);
        Found {
            largest,
            lists: rows.len(),
        }
    }

    /// Gives products the prices of what stands for them: another size in its place would be the same surprise.
    fn set(&self, model: &mut Model, end: End, prices: &[f64]) {
        if let Some(part) = &mut model.surprises {
            let all_free = prices.iter().all(|price| *price == 0.0);
            *end.of(&mut part.prices) = if all_free {
                Vec::new()
            } else {
                let of = |kin: &ProductIx| prices[kin.index()] as f32;
                self.kin.iter().map(of).collect()
            };
        }
    }

    /// The list of surprises of `count` that `who` gets at the dial of `end`.
    fn list(&self, model: &Model, who: Looked, end: End, count: usize, free: bool) -> Vec<Item> {
        let mut request = Request::one(ListKind::Surprise, count, self.now);
        request.max_reasons = 0;
        request.dial = Some(end.dial(who));
        if free {
            request.lists[0].together = Together::default();
        }
        let history = self.log.histories.of(who.customer);
        let state = crate::learn::state(self.log, who.customer, history);
        let answer = recommend(model, &self.live, state, &request, &|| false);
        let lists = answer.map_or_else(|_| Vec::new(), |answer| answer.lists);
        lists.into_iter().flat_map(|list| list.items).collect()
    }

    fn candidates(&self, model: &Model, who: Looked, end: End) -> Vec<Candidate> {
        let items = self.list(model, who, end, LOOKED_AT, true);
        items
            .into_iter()
            .map(|item| {
                let leaf = self.live.catalogue.leaf(item.product);
                let kin = self.kin[item.product.index()];
                (kin, leaf, f64::from(item.score))
            })
            .collect()
    }

    /// The share of lists, as they are served, that hold each product or another of its kin, 0…1.
    fn shares(&self, model: &Model, end: End) -> Vec<f64> {
        let lists: Vec<Vec<ProductIx>> = self
            .who
            .par_iter()
            .map(|who| {
                let items = self.list(model, *who, end, PLACES, false);
                items
                    .iter()
                    .map(|item| self.kin[item.product.index()])
                    .collect()
            })
            .collect();
        counted(&lists, self.kin.len())
    }
}

/// The share of `lists` that hold each of `products`, 0…1.
fn counted(lists: &[Vec<ProductIx>], products: usize) -> Vec<f64> {
    let mut shares = vec![0.0; products];
    for product in lists.iter().flatten() {
        shares[product.index()] += 1.0 / lists.len().max(1) as f64;
    }
    shares
}

fn largest(shares: &[f64]) -> f64 {
    shares.iter().copied().fold(0.0, f64::max)
}

/// Raises the prices of what has more than its share and lowers those of what has less.
fn follow(prices: &mut [f64], shares: &[f64], most: f64, step: f64) {
    for (price, share) in prices.iter_mut().zip(shares) {
        let over = (share / most - 1.0).clamp(-1.0, 3.0);
        *price = (*price + step * over).max(0.0);
    }
}

/// The first places of `row` at `prices`, at most two of one leaf.
fn chosen(row: &Row, prices: &[f64]) -> Vec<ProductIx> {
    let mut order: Vec<(f64, usize)> = row
        .candidates
        .iter()
        .enumerate()
        .map(|(ix, (product, _, worth))| (worth - row.weight * prices[product.index()], ix))
        .collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut of_leaf: HashMap<CategoryId, usize> = HashMap::new();
    let mut out = Vec::with_capacity(PLACES);
    for (_, ix) in order {
        let (product, leaf, _) = row.candidates[ix];
        if let Some(leaf) = leaf {
            let held = of_leaf.entry(leaf).or_default();
            if *held >= 2 {
                continue;
            }
            *held += 1;
        }
        out.push(product);
        if out.len() == PLACES {
            break;
        }
    }
    out
}

/// Prices by which no product has more than `most` of `rows`, or those that come nearest; by less and less they follow what is
/// chosen.
fn search(rows: &[Row], products: usize, most: f64) -> Vec<f64> {
    let share = |prices: &[f64]| -> Vec<f64> {
        let lists: Vec<Vec<ProductIx>> = rows.par_iter().map(|row| chosen(row, prices)).collect();
        counted(&lists, products)
    };
    let mut prices = vec![0.0f64; products];
    let mut shares = share(&prices);
    let mut best = (largest(&shares), prices.clone());
    for round in 0..ROUNDS {
        if best.0 <= most {
            break;
        }
        let step = FIRST_STEP / (1.0 + round as f64 / 25.0);
        follow(&mut prices, &shares, most, step);
        shares = share(&prices);
        if largest(&shares) < best.0 {
            best = (largest(&shares), prices.clone());
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(candidates: Vec<Candidate>) -> Row {
        Row {
            weight: 1.0,
            candidates,
        }
    }

    #[test]
    fn no_product_is_everybodys_surprise() {
        // everybody likes product 0 best, then one of a hundred others
        let rows: Vec<Row> = (0..400u32)
            .map(|who| {
                let of = |p: u32| {
                    let worth = if p == 0 {
                        5.0
                    } else {
                        f64::from((p * 37 + who * 11) % 100) / 50.0
                    };
                    (ProductIx(p), None, worth)
                };
                row((0..100).map(of).collect())
            })
            .collect();
        let share = |prices: &[f64]| {
            let lists: Vec<_> = rows.iter().map(|row| chosen(row, prices)).collect();
            largest(&counted(&lists, 100))
        };
        assert!(share(&[0.0; 100]) > 0.999);
        let prices = search(&rows, 100, 0.1);
        assert!(share(&prices) < 0.15, "{}", share(&prices));
        assert!(prices[0] > prices[50]);
    }

    #[test]
    fn few_of_one_leaf_and_nobody() {
        let row = row((0..10)
            .map(|p| (ProductIx(p), None, f64::from(10 - p)))
            .collect());
        assert_eq!(chosen(&row, &[0.0; 10]), [0, 1, 2, 3, 4].map(ProductIx));
        assert_eq!(search(&[], 3, 0.1), [0.0; 3]);
    }
}
