//! The next basket.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use serendib_shop::{Basket, ProductIx, DAY_MS};

fn basket(day: i64, products: &[ProductIx]) -> Basket {
    Basket {
        at: day * DAY_MS,
        lines: products.iter().map(|p| (*p, 1.0)).collect(),
    }
}

#[test]
fn own_habits_come_first_and_neighbours_bring_the_new() {
    let settings = NextBasketSettings {
        neighbours: 5.0,
        popular: 1.0,
        related: 1.0,
        popular_beside: 1.0,
        related_beside: 0.0,
        ..NextBasketSettings::default()
    };
    let model = NextBasket::new(
        settings,
        vec![0.1, 0.2, 0.1, 0.01, 0.0],
        vec![1.0; 5],
        &[vec![(ProductIx(3), 1.0)]],
        vec![],
    );
    let own = [
        basket(1, &[0, 2].map(ProductIx)),
        basket(2, &[ProductIx(0)]),
    ];
    let profile = model.profile_of(&own);
    assert_eq!(profile.vector, [(ProductIx(0), 1.9), (ProductIx(2), 0.9)]);
    let list = |near: Option<&[(ProductIx, f32)]>| -> Vec<(ProductIx, bool)> {
        model
            .recommend(&profile, near, 3, &|p| p != ProductIx(2))
            .iter()
            .map(|i| (i.product, i.repeat))
            .collect()
    };
    assert_eq!(
        list(None),
        [
            (ProductIx(0), true),
            (ProductIx(3), false),
            (ProductIx(1), false)
        ]
    );
    // Product 4 is known only through neighbours.
    assert_eq!(
        list(Some(&[(ProductIx(4), 0.3)])),
        [
            (ProductIx(0), true),
            (ProductIx(4), false),
            (ProductIx(1), false)
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn neighbours_are_the_nearest_of_all(
        rows in prop::collection::vec(prop::collection::btree_map(0u32..12, 0.01f32..1.0, 0..5), 1..30),
        own in prop::collection::btree_map(0u32..12, 0.01f32..1.0, 1..5),
        count in 1usize..8,
    ) {
        let vector = |row: BTreeMap<u32, f32>| -> SparseVector {
            row.into_iter().map(|(p, rate)| (ProductIx(p), rate)).collect()
        };
        let rows: Vec<SparseVector> = rows.into_iter().map(vector).collect();
        let own = vector(own);
        let at = |row: &SparseVector, p| row.iter().find(|e| e.0 == p).map_or(0.0, |e| e.1);
        let far = |row: &SparseVector| ProductIx::all(12).map(|p| (at(row, p) - at(&own, p)).powi(2)).sum::<f32>();
        let mut expected: Vec<f32> = rows.iter().filter(|r| !r.is_empty()).map(far).collect();
        expected.sort_by(f32::total_cmp);
        expected.truncate(count);
        let index = NeighbourIndex::new(rows, 12, count);
        let found = index.nearest(&own);
        prop_assert_eq!(found.len(), expected.len());
        for ((_, found), expected) in found.iter().zip(&expected) {
            prop_assert!((found - expected).abs() < 1e-4);
        }
        prop_assert!(index.mean(&own).windows(2).all(|w| w[0].0 < w[1].0));
    }
}

#[test]
fn nobody_is_their_own_neighbour() {
    let [first, last] = [0, 4].map(ProductIx);
    let rows = vec![
        vec![(first, 1.0)],
        vec![(first, 1.0), (last, 1.0)],
        vec![(ProductIx(1), 1.0)],
    ];
    let index = NeighbourIndex::new(rows, 5, 1);
    assert_eq!(index.mean(&[(first, 1.0)]), [(first, 1.0), (last, 1.0)]);
}

#[test]
fn rates_are_means_over_baskets_that_favour_the_latest() {
    let settings = NextBasketSettings {
        groups: 2,
        ..NextBasketSettings::default()
    };
    let model = NextBasket::new(settings, vec![0.1; 3], vec![1.0; 3], &[], vec![]);
    let always: Vec<Basket> = (0..3).map(|day| basket(day, &[ProductIx(0)])).collect();
    let rates = model.rates_of(&always);
    // Newest two baskets: (1 + .9) / 2; the oldest alone in its group: .7; the mean of both groups.
    assert!((rates[0].1 - 0.5 * (0.95 + 0.7)).abs() < 1e-6);
    let late = model.rates_of(&[basket(1, &[ProductIx(1)]), basket(2, &[ProductIx(2)])]);
    assert!(late[1].1 > late[0].1);
    assert!(model.rates_of(&[]).is_empty());
}

#[test]
fn probabilities_follow_the_calibration() {
    let model = NextBasket::new(
        NextBasketSettings::default(),
        vec![0.0; 2],
        vec![1.0; 2],
        &[],
        vec![(0.5, 0.1), (1.5, 0.5)],
    );
    assert_eq!(model.probability(1.0), 0.3);
    assert_eq!(model.probability(9.0), 0.5);
    assert!((model.probability(0.25) - 0.05).abs() < 1e-6);
}
