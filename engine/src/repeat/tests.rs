//! Buying again and the next basket.

use proptest::prelude::*;

use super::*;
use crate::life::tests::*;
use crate::life::{LifeView, StateOptions};
use serendib_shop::{Basket, Catalogue, Kind, ProductIx, Touch, DAY_MS};

fn basket(day: i64, products: &[ProductIx]) -> Basket {
    Basket {
        at: day * DAY_MS,
        lines: products.iter().map(|p| (*p, 1.0)).collect(),
    }
}

/// Products 0 and 1 are bought every 10 and 40 days, product 2 once.
fn shop() -> (Catalogue, BuyAgain) {
    let catalogue = catalogue(&[("Milk", "food"), ("Soap", "care"), ("Lamp", "home")]);
    let histories: Vec<Vec<Touch>> = (0..50)
        .map(|c| {
            let start = 18_000.0 + f64::from(c);
            let mut history = Vec::new();
            history.extend((0..12).map(|k| touch(Kind::PURCHASE, 0, start + 10.0 * f64::from(k))));
            history.extend((0..3).map(|k| touch(Kind::PURCHASE, 1, start + 40.0 * f64::from(k))));
            history.push(touch(Kind::PURCHASE, 2, start));
            serendib_shop::sort_history(&mut history);
            history
        })
        .collect();
    let model = BuyAgain::fit(
        histories.iter().map(Vec::as_slice),
        &catalogue,
        at(19_000.0),
    )
    .unwrap();
    (catalogue, model)
}

fn chance(model: &BuyAgain, history: &[Touch], product: ProductIx, now: f64) -> f32 {
    model
        .due(history, at(now), 5.0, None, &|_, _| false)
        .into_iter()
        .find(|d| d.product == product)
        .map_or(0.0, |d| d.probability)
}

#[test]
fn the_chance_rises_until_due_and_fades_when_overdue() {
    let (_, model) = shop();
    let history = [
        touch(Kind::PURCHASE, 0, 20_000.0),
        touch(Kind::PURCHASE, 0, 20_010.0),
    ];
    let after = |days: f64| chance(&model, &history, 0, 20_010.0 + days);
    assert!(
        after(1.0) < 0.5 * after(8.0),
        "{} {}",
        after(1.0),
        after(8.0)
    );
    assert!(after(200.0) < 0.3 * after(9.0));
    let due = model.due(&history, at(20_018.0), 5.0, None, &|_, _| false)[0];
    assert!((due.due_at / DAY_MS - 20_020).abs() <= 2);
}

#[test]
fn larger_packs_last_longer_and_what_nobody_repeats_is_not_due() {
    let (_, model) = shop();
    let double = Touch {
        quantity: 2.0,
        ..touch(Kind::PURCHASE, 0, 20_000.0)
    };
    let single = touch(Kind::PURCHASE, 0, 20_000.0);
    assert!(chance(&model, &[double], 0, 20_009.0) < 0.5 * chance(&model, &[single], 0, 20_009.0));
    let lamp = touch(Kind::PURCHASE, 2, 20_000.0);
    assert!(chance(&model, &[lamp], 2, 20_030.0) < 0.02);
    let back = [single, touch(Kind::RETURN, 0, 20_002.0)];
    let due = model.due(&back, at(20_010.0), 5.0, None, &|_, _| false);
    assert!(due.is_empty());
}

#[test]
fn what_is_outgrown_is_not_due() {
    let catalogue = store();
    let (life, products) = fresh(&catalogue);
    let nappies = of(&catalogue, "Nappies size 1");
    let rows: Vec<(&str, f64)> = (0..6)
        .map(|k| ("Nappies size 1", 18_000.0 + 12.0 * f64::from(k)))
        .collect();
    let history = bought(&catalogue, &rows);
    let model = BuyAgain::fit([history.as_slice()].into_iter(), &catalogue, at(18_100.0)).unwrap();
    let due = |now: f64, with: bool| {
        let state = life.state(
            &products,
            &history,
            &[],
            at(now),
            StateOptions::serving(true),
        );
        let view = LifeView::new(&life, &products, &state);
        let list = model.due(&history, at(now), 7.0, with.then_some(&view), &|_, _| false);
        list.iter()
            .find(|d| d.product == nappies)
            .unwrap()
            .probability
    };
    assert!(due(18_070.0, true) > 0.3);
    let (with, without) = (due(18_270.0, true), due(18_270.0, false));
    assert!(with <= without, "{with} {without}");
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
        &[vec![(3, 1.0)]],
        vec![],
    );
    let own = [basket(1, &[0, 2]), basket(2, &[0])];
    let profile = model.profile_of(&own);
    assert_eq!(profile.vector, [(0, 1.9), (2, 0.9)]);
    let list = |near: Option<&[(ProductIx, f32)]>| -> Vec<(ProductIx, bool)> {
        model
            .recommend(&profile, near, 3, &|p| p != 2)
            .iter()
            .map(|i| (i.product, i.repeat))
            .collect()
    };
    assert_eq!(list(None), [(0, true), (3, false), (1, false)]);
    // Product 4 is known only through neighbours.
    assert_eq!(list(Some(&[(4, 0.3)])), [(0, true), (4, false), (1, false)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn neighbours_are_the_nearest_of_all(
        rows in prop::collection::vec(prop::collection::btree_map(0u32..12, 0.01f32..1.0, 0..5), 1..30),
        own in prop::collection::btree_map(0u32..12, 0.01f32..1.0, 1..5),
        count in 1usize..8,
    ) {
        let rows: Vec<SparseVector> = rows.into_iter().map(|r| r.into_iter().collect()).collect();
        let own: SparseVector = own.into_iter().collect();
        let at = |row: &SparseVector, p: u32| row.iter().find(|e| e.0 == p).map_or(0.0, |e| e.1);
        let far = |row: &SparseVector| (0..12).map(|p| (at(row, p) - at(&own, p)).powi(2)).sum::<f32>();
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
    let rows = vec![vec![(0, 1.0)], vec![(0, 1.0), (4, 1.0)], vec![(1, 1.0)]];
    let index = NeighbourIndex::new(rows, 5, 1);
    assert_eq!(index.mean(&[(0, 1.0)]), [(0, 1.0), (4, 1.0)]);
}

#[test]
fn rates_are_means_over_baskets_that_favour_the_latest() {
    let settings = NextBasketSettings {
        groups: 2,
        ..NextBasketSettings::default()
    };
    let model = NextBasket::new(settings, vec![0.1; 3], vec![1.0; 3], &[], vec![]);
    let always: Vec<Basket> = (0..3).map(|day| basket(day, &[0])).collect();
    let rates = model.rates_of(&always);
    // Newest two baskets: (1 + .9) / 2; the oldest alone in its group: .7; the mean of both groups.
    assert!((rates[0].1 - 0.5 * (0.95 + 0.7)).abs() < 1e-6);
    let late = model.rates_of(&[basket(1, &[1]), basket(2, &[2])]);
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

#[test]
fn a_category_speaks_of_gaps_per_unit_of_a_pack() {
    let product = |id: &str, units: f64| serendib_shop::Product {
        category: Some("baby/nappies".into()),
        pack_quantity: Some(units),
        ..serendib_shop::Product::bare(id)
    };
    let catalogue = Catalogue::new(vec![product("sixty", 60.0), product("six", 6.0)]).unwrap();
    let mut histories: Vec<Vec<Touch>> = (0..50)
        .map(|_| {
            let day = |k: u32| 18_000.0 + 60.0 * f64::from(k);
            (0..6).map(|k| touch(Kind::PURCHASE, 0, day(k))).collect()
        })
        .collect();
    histories.push(vec![touch(Kind::PURCHASE, 1, 18_000.0)]);
    let histories = histories.iter().map(Vec::as_slice);
    let model = BuyAgain::fit(histories, &catalogue, at(19_000.0)).unwrap();
    let usual = |product| model.rhythm(product).mu.exp();
    assert!((50.0..70.0).contains(&usual(0)), "{}", usual(0));
    assert!((4.0..9.0).contains(&usual(1)), "{}", usual(1));
}

#[test]
fn what_replaces_a_product_postpones_it() {
    let (_, model) = shop();
    let milk = |day: f64| touch(Kind::PURCHASE, 0, day);
    let mut history: Vec<Touch> = (0..4)
        .map(|k| milk(20_000.0 + 10.0 * f64::from(k)))
        .collect();
    let due = |history: &[Touch], replaced: bool| {
        let replaces = |a, b| replaced && (a, b) == (0, 1);
        let due = model.due(history, at(20_038.0), 5.0, None, &replaces);
        due.into_iter().find(|d| d.product == 0).unwrap()
    };
    let alone = due(&history, true).probability;
    // Soap lasts four times as long as milk.
    history.push(touch(Kind::PURCHASE, 1, 20_035.0));
    assert_eq!(due(&history, false).probability, alone);
    let put_off = due(&history, true);
    assert!(put_off.probability < 0.2 * alone, "{put_off:?} {alone}");
    assert!((20_065..20_085).contains(&(put_off.due_at / DAY_MS)));
    // Two that took turns before are two habits.
    history.insert(2, touch(Kind::PURCHASE, 1, 20_015.0));
    assert_eq!(due(&history, true).probability, alone);
}
