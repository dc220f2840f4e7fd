//! What made-up customers' purchases say of clocks, and what they must not: a habit, a crowd of other things, a present.

use super::*;
use serendib_engine::life::StateOptions;
use serendib_training::learn::life::fit::{fit, LifeRow, LifeSettings};

const T: f64 = 18_000.0;

/// Probability that a clock of each type exists, in the order of the model's clocks, after `history`.
fn believed(
    model: &LifeModel,
    products: &ProductProfiles,
    history: &[Touch],
    now: f64,
) -> Vec<f64> {
    let options = StateOptions {
        infer: true,
        thorough: true,
    };
    let state = model.state(products, history, &[], at(now), options);
    let of = |number: usize| {
        let found = state.clocks.iter().filter(|c| c.clock == number);
        found.map(|c| c.probability).fold(0.0, f64::max)
    };
    (0..model.clocks.len()).map(of).collect()
}

/// `count` purchases of `shelves` different unrelated things, one every other day before T.
fn unrelated(catalogue: &Catalogue, count: usize, shelves: usize) -> Vec<Touch> {
    let first = catalogue.len() - 60;
    (0..count)
        .map(|k| {
            let product = first + k % shelves;
            touch(
                Kind::PURCHASE,
                ProductIx::of_index(product),
                T - 2.0 * k as f64,
            )
        })
        .collect()
}

fn of_clock(model: &LifeModel, said: &[f64], clock: &str) -> f64 {
    said[model.clock(clock).unwrap()]
}

#[test]
fn a_habit_that_has_nothing_to_do_with_a_clock_moves_none() {
    let catalogue = store();
    let (model, products) = fresh(&catalogue);
    let seen_once = |history: &[Touch]| {
        let mut with = unrelated(&catalogue, 1, 1);
        with.extend_from_slice(history);
        with
    };
    let before = believed(&model, &products, &seen_once(&[]), T + 1.0);
    for (count, shelves) in [(32, 1), (80, 1), (300, 1), (300, 60), (32, 7)] {
        let history = seen_once(&unrelated(&catalogue, count, shelves));
        let after = believed(&model, &products, &history, T + 1.0);
        for (before, after) in before.iter().zip(&after) {
            let moved = (after - before).abs();
            assert!(
                moved <= 0.05,
                "{count} of {shelves}: {before} became {after}"
            );
        }
    }
}

#[test]
fn three_plain_words_say_so_alone_and_among_three_hundred_other_things() {
    let catalogue = store();
    let (model, products) = fresh(&catalogue);
    let table = [
        (
            "child",
            ["Bodysuit, newborn", "Swaddle", "Nappies size 1"],
            5.0,
        ),
        ("child", ["Nappies size 4", "Fruit puree", "Romper"], 20.0),
        ("child", ["Maternity", "Maternity", "Maternity"], 30.0),
        ("pet", ["Kitten food", "Kitten food", "Kitten food"], 25.0),
        (
            "pet",
            [
                "Dry food adult cat",
                "Senior cat food",
                "Dry food adult cat",
            ],
            40.0,
        ),
        (
            "trip",
            ["Phrasebook", "Travel adapter", "Travel adapter"],
            6.0,
        ),
    ];
    for (clock, titles, apart) in table {
        let rows: Vec<(&str, f64)> = titles
            .iter()
            .enumerate()
            .map(|(k, title)| (*title, T - apart * k as f64))
            .collect();
        let history = bought(&catalogue, &rows);
        let said = believed(&model, &products, &history, T + 1.0);
        let alone = of_clock(&model, &said, clock);
        assert!(alone >= 0.7, "{clock} after {titles:?}: {alone}");
        let mut among = unrelated(&catalogue, 300, 60);
        among.extend(history);
        let said = believed(&model, &products, &among, T + 1.0);
        let among = of_clock(&model, &said, clock);
        assert!(
            among >= 0.65,
            "{clock} after {titles:?} among others: {among}"
        );
        for (other, p) in model.clocks.iter().zip(&said) {
            let believed = if other.kind.name == clock { 0.0 } else { *p };
            assert!(believed < 0.5, "{} after {titles:?}: {p}", other.kind.name);
        }
    }
}

#[test]
fn one_present_makes_no_clock() {
    let catalogue = store();
    let (model, products) = fresh(&catalogue);
    for (clock, title) in [
        ("child", "Romper"),
        ("child", "Board game"),
        ("pet", "Kitten food"),
        ("pet", "Dry food adult cat"),
        ("trip", "Travel adapter"),
    ] {
        let mut history = unrelated(&catalogue, 40, 40);
        history.extend(bought(&catalogue, &[(title, T)]));
        let said = believed(&model, &products, &history, T + 1.0);
        let p = of_clock(&model, &said, clock);
        assert!(p < 0.75, "{clock} after one {title}: {p}");
    }
}

/// A shop where buns are called "hot dachshund dog buns" and one household in ten declared a dog.
fn shop_with_a_misleading_word() -> (Catalogue, Vec<Vec<Touch>>, Vec<Vec<serendib_shop::Fact>>) {
    let mut rows = vec![
        ("Dachshund dog buns", "food/bread"),
        ("Dog kibble", "shelf/one"),
        ("Chew bone", "shelf/two"),
        ("Lead and collar", "shelf/three"),
    ];
    rows.extend((0..60).map(|_| ("Something to eat", "grocery/shelf")));
    let shelves: Vec<String> = (0..60).map(|k| format!("grocery/shelf {k}")).collect();
    for (row, shelf) in rows[4..].iter_mut().zip(&shelves) {
        row.1 = shelf;
    }
    let catalogue = catalogue(&rows);
    let mut histories = Vec::new();
    let mut facts = Vec::new();
    for customer in 0..600usize {
        let has_dog = customer % 10 == 0;
        let mut history: Vec<Touch> = (0..12)
            .map(|k| {
                // drawn, so that who has a dog buys no other groceries than who has none
                let mixed = (customer as u64 * 97 + k as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                let product = 4 + ((mixed >> 33) % 60) as usize;
                touch(
                    Kind::PURCHASE,
                    ProductIx::of_index(product),
                    T - 20.0 * k as f64,
                )
            })
            .collect();
        // half of all buy the buns, whoever they are
        if (customer / 7) % 2 == 0 {
            history.push(touch(Kind::PURCHASE, ProductIx(0), T - 33.0));
        }
        if has_dog {
            for (k, product) in [1, 2, 3, 1].map(ProductIx).into_iter().enumerate() {
                history.push(touch(Kind::PURCHASE, product, T - 15.0 * k as f64 - 2.0));
            }
        }
        serendib_shop::sort_history(&mut history);
        facts.push(if has_dog && customer % 20 == 0 {
            vec![serendib_shop::Fact::Clock {
                clock: "pet".into(),
                anchor: format_day(T - 400.0 - (customer % 7) as f64 * 60.0),
                name: None,
                kind: None,
            }]
        } else {
            Vec::new()
        });
        histories.push(history);
    }
    (catalogue, histories, facts)
}

#[test]
fn who_declared_ties_what_no_word_tells_and_takes_a_misleading_word_back() {
    let (catalogue, histories, facts) = shop_with_a_misleading_word();
    let fitted = |facts: &[Vec<serendib_shop::Fact>]| {
        let rows: Vec<LifeRow> = histories
            .iter()
            .zip(facts)
            .map(|(history, facts)| LifeRow {
                history,
                facts,
                infer: true,
            })
            .collect();
        let types = ClockType::supplied();
        let settings = LifeSettings::default();
        fit(&rows, &catalogue, types, at(T + 1.0), &settings).unwrap()
    };
    let model = fitted(&facts);
    let products = ProductProfiles::new(&model.profiles, &catalogue);
    let pet = &model.clocks[model.clock("pet").unwrap()];
    assert!(
        pet.table(products.of(ProductIx(2))).is_some(),
        "chew bones are a dog's"
    );
    assert!(
        pet.table(products.of(ProductIx(30))).is_none(),
        "what all eat is not"
    );
    let p = |picks: &[ProductIx]| {
        let mut history = unrelated(&catalogue, 30, 30);
        let rows = picks.iter().enumerate();
        history.extend(rows.map(|(k, p)| touch(Kind::PURCHASE, *p, T - 9.0 * k as f64)));
        of_clock(
            &model,
            &believed(&model, &products, &history, T + 1.0),
            "pet",
        )
    };
    let (nothing, buns, dog) = (
        p(&[]),
        p(&[0; 4].map(ProductIx)),
        p(&[1, 2, 3].map(ProductIx)),
    );
    assert!(
        buns < 0.3 && buns - nothing < 0.15,
        "buns {buns}, nothing {nothing}"
    );
    assert!(dog > 0.7, "{dog}");
    // Where nobody declared, half of all customers are too many to have a dog.
    let nobody = vec![Vec::new(); facts.len()];
    let model = fitted(&nobody);
    let said = |product: ProductIx| {
        let mut history = unrelated(&catalogue, 30, 30);
        history.push(touch(Kind::PURCHASE, product, T));
        of_clock(
            &model,
            &believed(&model, &products, &history, T + 1.0),
            "pet",
        )
    };
    assert!(said(ProductIx(0)) < 0.4, "{}", said(ProductIx(0)));
    assert!(
        said(ProductIx(1)) > said(ProductIx(0)) + 0.1,
        "{} {}",
        said(ProductIx(1)),
        said(ProductIx(0))
    );
}

#[test]
fn one_heavy_buyer_makes_no_age() {
    let (catalogue, mut histories, facts) = shop_with_a_misleading_word();
    let fitted = |histories: &[Vec<Touch>]| {
        let rows: Vec<LifeRow> = histories
            .iter()
            .zip(&facts)
            .map(|(history, facts)| LifeRow {
                history,
                facts,
                infer: true,
            })
            .collect();
        let types = ClockType::supplied();
        let settings = LifeSettings::default();
        fit(&rows, &catalogue, types, at(T + 1.0), &settings).unwrap()
    };
    let share = |model: &LifeModel| {
        let products = ProductProfiles::new(&model.profiles, &catalogue);
        model.share[products.of(ProductIx(2)) as usize]
    };
    let before = share(&fitted(&histories));
    let heavy = (0..400).map(|k| touch(Kind::PURCHASE, ProductIx(2), T - 0.5 * f64::from(k)));
    histories[20].extend(heavy);
    serendib_shop::sort_history(&mut histories[20]);
    let after = share(&fitted(&histories));
    assert!(after < 1.1 * before, "{before} became {after}");
}
