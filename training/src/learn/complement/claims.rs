//! Which directions are claimed, with false-discovery control: by the products themselves, and by their categories, which
//! show an order long before any two of their products do.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::direction::{FirstPurchases, Order};
use super::significance::{benjamini_hochberg, Pair};
use serendib_engine::complement::BasketLog;
use serendib_shop::{Catalogue, ProductIx};

/// Customers by which the share of a-before-b is shrunk towards what the calendars explain.
const SHRINK: f64 = 5.0;
/// Orders seen in fewer customers are no tests.
const FEWEST: u32 = 8;

/// For each of `pairs`, how much more a precedes b than the calendars explain, around ½; `None` where no direction is
/// claimed at false-discovery rate `q`.
///
/// Where the categories of two products show an order, the products have it; where they show the opposite one or none at
/// all, an order of two products is doubted and not claimed. Products without two categories speak for themselves.
pub(super) fn claimed(
    catalogue: &Catalogue,
    log: &BasketLog,
    first: &FirstPurchases,
    pairs: &[Pair],
    q: f64,
) -> Vec<Option<f64>> {
    let own: Vec<Order> = pairs
        .par_iter()
        .map(|pair| first.order(pair.a, pair.b))
        .collect();
    let own_limit = limit(own.iter(), q);
    let kinds = by_category(catalogue, log, pairs);
    let kind_limit = limit(kinds.values(), q);
    pairs
        .iter()
        .zip(&own)
        .map(|(pair, own)| {
            let Some((a, b)) = categories(catalogue, pair) else {
                return (own.p <= own_limit).then(|| own.excess(SHRINK));
            };
            // Orders of categories are kept from the smaller number to the larger.
            let kind = kinds.get(&(a.min(b), a.max(b)))?;
            let (excess, z) = if a < b {
                (kind.excess(SHRINK), kind.z)
            } else {
                (1.0 - kind.excess(SHRINK), -kind.z)
            };
            if kind.p <= kind_limit {
                Some(excess)
            } else {
                (own.p <= own_limit && own.z * z > 0.0).then(|| own.excess(SHRINK))
            }
        })
        .collect()
}

/// The categories of a pair, where both have one and not the same.
fn categories(catalogue: &Catalogue, pair: &Pair) -> Option<(u32, u32)> {
    let (a, b) = (catalogue.leaf(pair.a)?.0, catalogue.leaf(pair.b)?.0);
    (a != b).then_some((a, b))
}

/// The order of each two categories that `pairs` join.
fn by_category(
    catalogue: &Catalogue,
    log: &BasketLog,
    pairs: &[Pair],
) -> BTreeMap<(u32, u32), Order> {
    let mut joined: Vec<(u32, u32)> = pairs
        .iter()
        .filter_map(|pair| categories(catalogue, pair))
        .map(|(a, b)| (a.min(b), a.max(b)))
        .collect();
    joined.sort_unstable();
    joined.dedup();
    if joined.is_empty() {
        return BTreeMap::new();
    }
    let mut of_categories = BasketLog::new(catalogue.categories().len());
    for ix in 0..log.len() {
        let leaves = log.items(ix).iter().filter_map(|p| catalogue.leaf(*p));
        // categories in the place of products
        let leaves = leaves.map(|leaf| ProductIx(leaf.0));
        of_categories.push(log.customer(ix), log.at(ix), leaves);
    }
    let first = FirstPurchases::new(&of_categories);
    joined
        .into_par_iter()
        .map(|(a, b)| ((a, b), first.order(ProductIx(a), ProductIx(b))))
        .collect()
}

/// The largest p-value of a claimed order; negative = none.
fn limit<'o>(orders: impl Iterator<Item = &'o Order>, q: f64) -> f64 {
    let tests: Vec<f64> = orders
        .filter(|o| o.before + o.after >= FEWEST)
        .map(|o| o.p)
        .collect();
    benjamini_hochberg(&tests, tests.len(), q).unwrap_or(-1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::prelude::*;
    use rand_chacha::ChaCha8Rng;
    use serendib_shop::{CustomerIx, Product, DAY_MS};

    /// Twenty prams (0..20) and, weeks later, twenty footmuffs (20..40); twenty teas (40..60) on any day.
    fn shop() -> (Catalogue, BasketLog) {
        let kinds = ["prams", "footmuffs", "teas"];
        let products = (0..60)
            .map(|ix| Product {
                category: Some(kinds[ix / 20].into()),
                ..Product::bare(format!("p{ix}"))
            })
            .collect();
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut log = BasketLog::new(60);
        for customer in CustomerIx::all(400) {
            let day = rng.gen_range(0..300i64);
            log.push(customer, day * DAY_MS, [ProductIx(rng.gen_range(0..20))]);
            let later = day + rng.gen_range(5..60);
            log.push(customer, later * DAY_MS, [ProductIx(rng.gen_range(20..40))]);
            let any = rng.gen_range(0..360i64);
            log.push(customer, any * DAY_MS, [ProductIx(rng.gen_range(40..60))]);
        }
        (Catalogue::new(products).unwrap(), log)
    }

    fn pair(a: u32, b: u32) -> Pair {
        Pair {
            a: ProductIx(a),
            b: ProductIx(b),
            shared: 5,
            expected: 1.0,
            g2: 20.0,
            p: 0.0,
        }
    }

    #[test]
    fn products_have_the_order_of_their_categories() {
        let (catalogue, log) = shop();
        let first = FirstPurchases::new(&log);
        let pairs = [pair(3, 25), pair(4, 45), pair(26, 50), pair(1, 2)];
        let found = claimed(&catalogue, &log, &first, &pairs, 0.05);
        assert!(found[0].is_some_and(|excess| excess > 0.6), "{found:?}");
        assert_eq!(found[1..], [None, None, None], "no order in tea");
    }
}
