//! Finding what customers have together beyond chance, with false-discovery control: by themselves and by their kinds.

use std::collections::BTreeMap;

use serendib_engine::complement::{BasketLog, SparseRows};
use serendib_engine::explain::Relations;
use serendib_engine::surprise::Topics;
use serendib_shop::{had, Log, ProductIx};
use statrs::distribution::{DiscreteCDF, Poisson};

use crate::learn::complement::significance::{
    benjamini_hochberg, significant_pairs, Pair, SignificanceOptions,
};

/// Share of the pairs told that may be chance.
const FALSE_SHARE: f64 = 0.05;
/// Products of one customer that are looked at, the latest: who has a thousand things has everything together.
const MOST_OF_ONE: usize = 200;
/// Partners kept of each product and kind, those least likely by chance.
const MOST_PARTNERS: usize = 50;

/// What the customers of `log` have together beyond chance; the kinds of products are `topics`.
pub fn fit(log: &Log, topics: &Topics) -> Relations {
    let kinds = topics.numbers().to_vec();
    let mut products = BasketLog::new(log.catalogue.len());
    let mut of_kinds = BasketLog::new(topics.count());
    for (customer, history) in log.histories.numbered() {
        let mut own: Vec<ProductIx> = had(history).collect();
        own.drain(..own.len().saturating_sub(MOST_OF_ONE));
        let topics = own.iter().filter_map(|product| topics.of(*product));
        // kinds in the place of products
        of_kinds.push(customer, 0, topics.map(ProductIx));
        products.push(customer, 0, own);
    }
    let mut kinds_beside = beyond_chance(&of_kinds);
    for kind in several_beyond_chance(&products, topics) {
        let row = &mut kinds_beside[kind as usize];
        row.push((ProductIx(kind), 1.0));
        row.sort_unstable_by_key(|(other, _)| *other);
    }
    Relations::new(
        kinds,
        SparseRows::from_rows(beyond_chance(&products)),
        SparseRows::from_rows(kinds_beside).of(),
    )
}

/// The kinds of which customers have several products more often than chance makes it; `log` holds what each customer has.
fn several_beyond_chance(log: &BasketLog, topics: &Topics) -> Vec<u32> {
    let mut lines = vec![0.0f64; topics.count()];
    let mut several = vec![0u32; topics.count()];
    let mut sizes: BTreeMap<usize, f64> = BTreeMap::new();
    for ix in 0..log.len() {
        let items = log.items(ix);
        *sizes.entry(items.len()).or_default() += 1.0;
        let mut own: BTreeMap<u32, u32> = BTreeMap::new();
        for topic in items.iter().filter_map(|product| topics.of(*product)) {
            *own.entry(topic).or_default() += 1;
        }
        for (topic, count) in own {
            lines[topic as usize] += f64::from(count);
            several[topic as usize] += u32::from(count > 1);
        }
    }
    let all: f64 = lines.iter().sum();
    let by_chance = |share: f64| -> f64 {
        let of = sizes.iter().map(|(size, customers)| {
            let (n, none) = (*size as f64, (1.0 - share).powf(*size as f64));
            let one = n * share * (1.0 - share).powf(n - 1.0);
            customers * (1.0 - none - one).max(0.0)
        });
        of.sum()
    };
    let p_values: Vec<f64> = lines
        .iter()
        .zip(&several)
        .map(|(lines, several)| {
            let expected = by_chance((lines / all.max(1.0)).min(1.0)).max(1e-9);
            match Poisson::new(expected) {
                Ok(chance) if *several >= 2 => chance.sf(u64::from(*several) - 1),
                _ => 1.0,
            }
        })
        .collect();
    let limit = benjamini_hochberg(&p_values, p_values.len(), FALSE_SHARE).unwrap_or(-1.0);
    let kinds = 0..topics.count() as u32;
    kinds
        .filter(|kind| p_values[*kind as usize] <= limit)
        .collect()
}

/// The partners of each product of `log`, whose baskets are what one customer has each.
fn beyond_chance(log: &BasketLog) -> Vec<Vec<(ProductIx, f32)>> {
    let options = SignificanceOptions {
        min_support: 3,
        min_shared: 2,
        q: FALSE_SHARE,
    };
    let mut rows: Vec<Vec<Pair>> = vec![Vec::new(); log.products()];
    for pair in significant_pairs(log, &options) {
        rows[pair.a.index()].push(pair);
        rows[pair.b.index()].push(pair);
    }
    let kept = |(ix, mut row): (usize, Vec<Pair>)| {
        row.sort_by(|x, y| y.g2.total_cmp(&x.g2).then((x.a, x.b).cmp(&(y.a, y.b))));
        row.truncate(MOST_PARTNERS);
        let partner = |pair: &Pair| {
            if pair.a.index() == ix {
                pair.b
            } else {
                pair.a
            }
        };
        let mut row: Vec<(ProductIx, f32)> = row
            .iter()
            .map(|pair| (partner(pair), pair.g2 as f32))
            .collect();
        row.sort_unstable_by_key(|(product, _)| *product);
        row
    };
    rows.into_iter().enumerate().map(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::prelude::*;
    use rand_chacha::ChaCha8Rng;
    use serendib_shop::CustomerIx;

    /// Baskets of 1,500 customers over 30 products; who has one of the first ten has its successor, too, with `bond`.
    fn log(bond: f64) -> BasketLog {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let mut log = BasketLog::new(30);
        for customer in CustomerIx::all(1_500) {
            let mut own: Vec<ProductIx> = (0..4).map(|_| ProductIx(rng.gen_range(0..30))).collect();
            if own[0] < ProductIx(10) && rng.gen_bool(bond) {
                own.push(ProductIx(own[0].0 + 10));
            }
            log.push(customer, 0, own);
        }
        log
    }

    #[test]
    fn chance_is_no_relation_and_a_bond_is_one_either_way_round() {
        let pairs = |rows: &[Vec<(ProductIx, f32)>]| rows.iter().map(Vec::len).sum::<usize>();
        assert!(pairs(&beyond_chance(&log(0.0))) <= 2);
        let found = beyond_chance(&log(0.8));
        assert!(pairs(&found) <= 24);
        let found = SparseRows::from_rows(found);
        for product in 0..10 {
            assert!(
                found.get(ProductIx(product), ProductIx(product + 10)) > 0.0,
                "{product}"
            );
            assert!(
                found.get(ProductIx(product + 10), ProductIx(product)) > 0.0,
                "{product}"
            );
        }
    }

    #[test]
    fn a_kind_of_which_people_have_several_is_a_relation_of_its_own() {
        // ten kinds of three; who has of the first kind has two of it
        let topics = Topics::from_numbers((0..30).map(|p| p / 3).collect());
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        let mut log = BasketLog::new(30);
        for customer in CustomerIx::all(300) {
            let mut own: Vec<ProductIx> = (0..3).map(|_| ProductIx(rng.gen_range(3..30))).collect();
            if rng.gen_bool(0.3) {
                own.extend([0, 1].map(ProductIx));
            }
            log.push(customer, 0, own);
        }
        assert_eq!(several_beyond_chance(&log, &topics), [0]);
    }
}
