//! Rhythms that are fitted on histories, and what is due by them.

use super::*;
use serendib_engine::repeat::BuyAgain;
use serendib_training::learn::buy_again;

/// Products 0 and 1 are bought every 10 and 40 days, product 2 once.
fn shop() -> (Catalogue, BuyAgain) {
    let catalogue = catalogue(&[("Milk", "food"), ("Soap", "care"), ("Lamp", "home")]);
    let histories: Vec<Vec<Touch>> = (0..50)
        .map(|c| {
            let start = 18_000.0 + f64::from(c);
            let mut history = Vec::new();
            history.extend(
                (0..12).map(|k| touch(Kind::PURCHASE, ProductIx(0), start + 10.0 * f64::from(k))),
            );
            history.extend(
                (0..3).map(|k| touch(Kind::PURCHASE, ProductIx(1), start + 40.0 * f64::from(k))),
            );
            history.push(touch(Kind::PURCHASE, ProductIx(2), start));
            serendib_shop::sort_history(&mut history);
            history
        })
        .collect();
    let model = buy_again::rhythms(
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
        touch(Kind::PURCHASE, ProductIx(0), 20_000.0),
        touch(Kind::PURCHASE, ProductIx(0), 20_010.0),
    ];
    let after = |days: f64| chance(&model, &history, ProductIx(0), 20_010.0 + days);
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
        ..touch(Kind::PURCHASE, ProductIx(0), 20_000.0)
    };
    let single = touch(Kind::PURCHASE, ProductIx(0), 20_000.0);
    assert!(
        chance(&model, &[double], ProductIx(0), 20_009.0)
            < 0.5 * chance(&model, &[single], ProductIx(0), 20_009.0)
    );
    let lamp = touch(Kind::PURCHASE, ProductIx(2), 20_000.0);
    assert!(chance(&model, &[lamp], ProductIx(2), 20_030.0) < 0.02);
    let back = [single, touch(Kind::RETURN, ProductIx(0), 20_002.0)];
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
    let model =
        buy_again::rhythms([history.as_slice()].into_iter(), &catalogue, at(18_100.0)).unwrap();
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
            (0..6)
                .map(|k| touch(Kind::PURCHASE, ProductIx(0), day(k)))
                .collect()
        })
        .collect();
    histories.push(vec![touch(Kind::PURCHASE, ProductIx(1), 18_000.0)]);
    let histories = histories.iter().map(Vec::as_slice);
    let model = buy_again::rhythms(histories, &catalogue, at(19_000.0)).unwrap();
    let usual = |product| model.rhythm(product).mu.exp();
    assert!(
        (50.0..70.0).contains(&usual(ProductIx(0))),
        "{}",
        usual(ProductIx(0))
    );
    assert!(
        (4.0..9.0).contains(&usual(ProductIx(1))),
        "{}",
        usual(ProductIx(1))
    );
}

#[test]
fn what_replaces_a_product_postpones_it() {
    let (_, model) = shop();
    let milk = |day: f64| touch(Kind::PURCHASE, ProductIx(0), day);
    let mut history: Vec<Touch> = (0..4)
        .map(|k| milk(20_000.0 + 10.0 * f64::from(k)))
        .collect();
    let due = |history: &[Touch], replaced: bool| {
        let replaces = |a, b| replaced && (a, b) == (ProductIx(0), ProductIx(1));
        let due = model.due(history, at(20_038.0), 5.0, None, &replaces);
        due.into_iter().find(|d| d.product == ProductIx(0)).unwrap()
    };
    let alone = due(&history, true).probability;
    // Soap lasts four times as long as milk.
    history.push(touch(Kind::PURCHASE, ProductIx(1), 20_035.0));
    assert_eq!(due(&history, false).probability, alone);
    let put_off = due(&history, true);
    assert!(put_off.probability < 0.2 * alone, "{put_off:?} {alone}");
    assert!((20_065..20_085).contains(&(put_off.due_at / DAY_MS)));
    // Two that took turns before are two habits.
    history.insert(2, touch(Kind::PURCHASE, ProductIx(1), 20_015.0));
    assert_eq!(due(&history, true).probability, alone);
}
