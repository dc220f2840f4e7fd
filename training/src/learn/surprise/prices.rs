//! Prices that keep one product from being the surprise of too many customers: found once over all of them, so that serving
//! needs no counter and everybody's list is the same whoever asked before.

use std::collections::HashMap;

use rayon::prelude::*;
use serendib_engine::model::Model;
use serendib_engine::rank::{kin, recommend, ListKind, Live, Request, Together};
use serendib_shop::{acquisitions, CategoryId, Log, ProductIx};

/// Largest share of customers that one product may be a surprise of: under the three in a hundred that are promised, for
/// those whose lists are looked at are a sample.
const MOST_SHARE: f64 = 0.02;
/// Customers whose lists are looked at.
const SAMPLE: usize = 1_500;
/// Places of a list, and candidates looked at for them.
const PLACES: usize = 5;
const LOOKED_AT: usize = 120;
/// Rounds of the search, and how far a price moves at first for a product of twice its share.
const ROUNDS: usize = 300;
const FIRST_STEP: f64 = 0.3;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// Price of each product, ≥ 0; empty where no product needs one.
    pub prices: Vec<f32>,
    /// Largest share of the lists looked at that hold one product, 0…1.
    pub largest: f64,
    /// Lists looked at.
    pub lists: usize,
}

/// One customer's candidates: the number of their variants, leaf and worth, best first.
type Row = Vec<(ProductIx, Option<CategoryId>, f64)>;

/// The prices of the products of `model`, which has none yet, at the customers' own dials at the end of `log`.
pub fn learn(model: &Model, log: &Log) -> Found {
    let live = Live::of_catalogue(model.catalogue.clone());
    let now = log.span.map_or(i64::MAX, |(_, last)| last + 1);
    let who: Vec<u32> = (0..log.histories.len() as u32)
        .filter(|customer| acquisitions(log.histories.of(*customer)).next().is_some())
        .collect();
    let stride = who.len().div_ceil(SAMPLE).max(1);
    let who: Vec<u32> = who.into_iter().step_by(stride).collect();
    let rows: Vec<Row> = who
        .par_iter()
        .map(|customer| candidates(model, &live, log, *customer, now))
        .filter(|row| !row.is_empty())
        .collect();
    let found = search(&rows, model.catalogue.len());
    if found.prices.is_empty() {
        return found;
    }
    // another size in its place would be the same surprise
    let products = 0..model.catalogue.len() as ProductIx;
    let of_kin = |product| found.prices[kin(model, &live, product) as usize];
    Found {
        prices: products.map(of_kin).collect(),
        ..found
    }
}

fn candidates(model: &Model, live: &Live, log: &Log, customer: u32, now: i64) -> Row {
    let mut request = Request::one(ListKind::Surprise, LOOKED_AT, now);
    request.max_reasons = 0;
    request.lists[0].together = Together::default();
    let state = crate::learn::state(log, customer, log.histories.of(customer));
    let Ok(answer) = recommend(model, live, state, &request, &|| false) else {
        return Vec::new();
    };
    let items = answer.lists.into_iter().flat_map(|list| list.items);
    items
        .map(|item| {
            let leaf = live.catalogue.leaf(item.product);
            let family = kin(model, live, item.product);
            (family, leaf, f64::from(item.score))
        })
        .collect()
}

/// The first places of `row` at `prices`, at most two of one leaf.
fn chosen(row: &Row, prices: &[f64]) -> Vec<ProductIx> {
    let mut order: Vec<(f64, usize)> = row
        .iter()
        .enumerate()
        .map(|(ix, (product, _, worth))| (worth - prices[*product as usize], ix))
        .collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut of_leaf: HashMap<CategoryId, usize> = HashMap::new();
    let mut out = Vec::with_capacity(PLACES);
    for (_, ix) in order {
        let (product, leaf, _) = row[ix];
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

/// Raises the prices of what is chosen too often and lowers those of what is not, by less and less.
fn search(rows: &[Row], products: usize) -> Found {
    let share = |prices: &[f64]| -> Vec<f64> {
        let lists: Vec<Vec<ProductIx>> = rows.par_iter().map(|row| chosen(row, prices)).collect();
        let mut counts = vec![0.0; products];
        for product in lists.into_iter().flatten() {
            counts[product as usize] += 1.0 / rows.len().max(1) as f64;
        }
        counts
    };
    let largest = |shares: &[f64]| shares.iter().copied().fold(0.0, f64::max);
    let mut prices = vec![0.0f64; products];
    let mut shares = share(&prices);
    // where there are few lists or few products, more is equal shares
    let equal = PLACES as f64 / products.max(1) as f64;
    let most = MOST_SHARE
        .max(1.0 / rows.len().max(1) as f64)
        .max(2.0 * equal);
    if largest(&shares) <= most {
        return Found {
            prices: Vec::new(),
            largest: largest(&shares),
            lists: rows.len(),
        };
    }
    let mut best = (largest(&shares), prices.clone());
    for round in 0..ROUNDS {
        let step = FIRST_STEP / (1.0 + round as f64 / 25.0);
        for (price, share) in prices.iter_mut().zip(&shares) {
            let over = (share / most - 1.0).clamp(-1.0, 3.0);
            *price = (*price + step * over).max(0.0);
        }
        shares = share(&prices);
        let now = largest(&shares);
        if now < best.0 {
            best = (now, prices.clone());
        }
        if now <= most {
            break;
        }
    }
    Found {
        prices: best.1.iter().map(|price| *price as f32).collect(),
        largest: best.0,
        lists: rows.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_product_is_everybodys_surprise() {
        // everybody likes product 0 best, then one of a hundred others
        let rows: Vec<Row> = (0..400u32)
            .map(|who| {
                (0..100)
                    .map(|p| {
                        let worth = if p == 0 {
                            5.0
                        } else {
                            f64::from((p * 37 + who * 11) % 100) / 50.0
                        };
                        (p, None, worth)
                    })
                    .collect()
            })
            .collect();
        let before = rows
            .iter()
            .filter(|row| chosen(row, &[0.0; 100]).contains(&0))
            .count();
        assert_eq!(before, 400);
        let found = search(&rows, 100);
        assert!(found.largest < 0.15, "{}", found.largest);
        assert!(found.prices[0] > found.prices[50]);
        assert_eq!(found.lists, 400);
    }

    #[test]
    fn few_of_one_leaf_and_nobody() {
        let row: Row = (0..10).map(|p| (p, None, f64::from(10 - p))).collect();
        assert_eq!(chosen(&row, &[0.0; 10]), [0, 1, 2, 3, 4]);
        assert_eq!(search(&[], 10), Found::default());
    }
}
