//! Whoever bought for one age is offered the next, on a shop where no anchor is known at all.

use super::*;
use serendib_shop::Fact;

const T: f64 = 18_000.0;
const MONTH: f64 = 30.44;

/// Titles of the products behind the needs of the coming two months, best first, and of those that ended.
fn lists(rows: &[(&str, f64)], now: f64) -> (Vec<String>, Vec<String>) {
    let catalogue = store();
    let (model, products) = fresh(&catalogue);
    let history = bought(&catalogue, rows);
    let state = model.state(
        &products,
        &history,
        &[],
        at(now),
        StateOptions::serving(true),
    );
    let needs = model.needs(&products, &state, 60.0);
    let title = |p: ProductIx| catalogue.product(p).label().to_owned();
    let view = LifeView::new(&model, &products, &state);
    let listed = model
        .products_for(&products, &needs, 5, &|_| 1.0)
        .into_iter()
        .take(6)
        .map(|(p, _)| title(p))
        .collect();
    let ended = ProductIx::all(catalogue.len())
        .filter(|p| view.product(*p).is_ended())
        .map(title)
        .collect();
    (listed, ended)
}

fn holds(list: &[String], starts: &[&str]) -> bool {
    starts
        .iter()
        .all(|s| list.iter().any(|title| title.starts_with(s)))
}

fn free_of(list: &[String], starts: &[&str]) -> bool {
    starts
        .iter()
        .all(|s| list.iter().all(|title| !title.starts_with(s)))
}

#[test]
fn newborn_clothes_become_toddler_clothes() {
    let birth = [
        ("Bodysuit, newborn", T),
        ("Nappies size 1", T + 3.0),
        ("Swaddle", T + 10.0),
    ];
    let (list, ended) = lists(&birth, T + 2.0 * MONTH);
    assert!(holds(&list, &["Nappies size 1"]), "{list:?}");
    assert!(
        free_of(&list, &["Maternity", "School", "Board game", "Potty"]),
        "{list:?}"
    );
    assert!(holds(&ended, &["Maternity"]), "{ended:?}");

    let (list, ended) = lists(&birth, T + 8.0 * MONTH);
    assert!(holds(&list, &["Fruit puree", "Romper size 74"]), "{list:?}");
    let gone = [
        "Bodysuit, newborn",
        "Swaddle",
        "Nappies size 1",
        "Maternity",
    ];
    assert!(free_of(&list, &gone), "{list:?}");
    assert!(holds(&ended, &gone), "{ended:?}");

    let (list, ended) = lists(&birth, T + 20.0 * MONTH);
    assert!(holds(&list, &["T-shirt size 92", "Potty"]), "{list:?}");
    let gone = [
        "Bodysuit, newborn",
        "Swaddle",
        "Nappies size 1",
        "Fruit puree",
        "Romper",
    ];
    assert!(free_of(&list, &gone), "{list:?}");
    assert!(holds(&ended, &gone), "{ended:?}");

    let (list, ended) = lists(&birth, T + 70.0 * MONTH);
    assert!(
        holds(&list, &["Board game"]) || holds(&list, &["School bag"]),
        "{list:?}"
    );
    let gone = [
        "Bodysuit",
        "Nappies",
        "Fruit puree",
        "Romper",
        "Potty",
        "T-shirt size 92",
    ];
    assert!(free_of(&list, &gone), "{list:?}");
    assert!(holds(&ended, &gone), "{ended:?}");
}

#[test]
fn a_kitten_grows_up() {
    let kitten = [
        ("Kitten food", T),
        ("Kitten food", T + 20.0),
        ("Kitten food", T + 45.0),
    ];
    let (list, _) = lists(&kitten, T + 60.0);
    assert!(holds(&list, &["Kitten food"]), "{list:?}");
    assert!(free_of(&list, &["Senior"]), "{list:?}");
    let (list, ended) = lists(&kitten, T + 24.0 * MONTH);
    assert!(holds(&list, &["Dry food adult cat"]), "{list:?}");
    assert!(free_of(&list, &["Kitten", "Senior"]), "{list:?}");
    assert!(holds(&ended, &["Kitten"]), "{ended:?}");
}

#[test]
fn a_trip_comes_and_goes() {
    let catalogue = store();
    let (model, products) = fresh(&catalogue);
    let fact = [Fact::Clock {
        clock: "trip".into(),
        anchor: format_day(T),
        name: None,
        kind: None,
    }];
    let best = |now: f64| {
        let state = model.state(&products, &[], &fact, at(now), StateOptions::serving(false));
        let needs = model.needs(&products, &state, 10.0);
        let view = LifeView::new(&model, &products, &state);
        let ended = |title: &str| view.product(of(&catalogue, title)).is_ended();
        let names: Vec<String> = model
            .products_for(&products, &needs, 3, &|_| 1.0)
            .into_iter()
            .map(|(p, _)| catalogue.product(p).label().to_owned())
            .collect();
        (
            names,
            ended("Phrasebook"),
            ended("Travel adapter"),
            ended("Photo book"),
        )
    };
    let (before, ..) = best(T - 30.0);
    assert!(
        holds(&before, &["Phrasebook"]) && free_of(&before, &["Photo book"]),
        "{before:?}"
    );
    let (packing, phrasebook, ..) = best(T - 6.0);
    assert!(
        holds(&packing, &["Travel adapter"]) && phrasebook,
        "{packing:?}"
    );
    let (after, phrasebook, adapter, photos) = best(T + 15.0);
    assert!(
        holds(&after, &["Photo book"]) && free_of(&after, &["Travel", "Phrase"]),
        "{after:?}"
    );
    assert!(phrasebook && adapter && !photos);
    let (later, ..) = best(T + 120.0);
    assert!(later.is_empty(), "{later:?}");
}

#[test]
fn a_contract_comes_to_its_end() {
    let catalogue = store();
    let (model, products) = fresh(&catalogue);
    let fact = [Fact::Clock {
        clock: "contract".into(),
        anchor: format_day(T),
        name: None,
        kind: None,
    }];
    let state =
        |now: f64| model.state(&products, &[], &fact, at(now), StateOptions::serving(false));
    let names = |now: f64| -> Vec<String> {
        let needs = model.needs(&products, &state(now), 30.0);
        needs.into_iter().map(|n| n.category).collect()
    };
    assert!(names(T - 300.0).iter().all(|c| c != "contract/renewal"));
    assert!(names(T - 40.0).iter().any(|c| c == "contract/renewal"));
    assert!(names(T + 80.0).is_empty());
    assert!(model.occasions(&state(T - 100.0), None, "en").is_empty());
    let due = model.occasions(&state(T - 30.0), None, "he");
    assert_eq!((due[0].name.as_str(), due[0].days_left), ("renewal", 30.0));
    assert_eq!(due[0].title, "סיום החוזה");
}

#[test]
fn birthdays_come_round_on_their_day() {
    let catalogue = store();
    let (model, products) = fresh(&catalogue);
    let occasion = |birth: &str, now: &str| {
        let fact = [Fact::Clock {
            clock: "child".into(),
            anchor: birth.into(),
            name: Some("Noa".into()),
            kind: None,
        }];
        let now = at(parse_day(now).unwrap());
        let state = model.state(&products, &[], &fact, now, StateOptions::serving(false));
        let found = model.occasions(&state, None, "en").into_iter().next()?;
        let day = format_day(found.at as f64 / DAY_MS as f64);
        Some((day, found.count, found.days_left))
    };
    let on = |day: &str, count: u32, left: f32| Some((day.to_owned(), count, left));
    for (now, due) in [
        ("2023-05-01", None),
        ("2024-04-20", on("2024-05-01", 1, 11.0)),
        ("2024-05-01", on("2024-05-01", 1, 0.0)),
        ("2024-05-02", None),
        ("2025-04-30", on("2025-05-01", 2, 1.0)),
        ("2028-05-01", on("2028-05-01", 5, 0.0)),
    ] {
        assert_eq!(occasion("2023-05-01", now), due, "{now}");
    }
    for (now, due) in [
        ("2023-01-10", None),
        ("2023-02-20", on("2023-02-28", 3, 8.0)),
        ("2023-02-28", on("2023-02-28", 3, 0.0)),
        ("2024-02-28", on("2024-02-29", 4, 1.0)),
    ] {
        assert_eq!(occasion("2020-02-29", now), due, "{now}");
    }
    // The twelfth birthday is the last that the clock of a child knows.
    assert_eq!(
        occasion("2008-05-01", "2020-05-01"),
        on("2020-05-01", 12, 0.0)
    );
    assert_eq!(occasion("2008-05-01", "2021-05-01"), None);
    assert_eq!(occasion("1900-05-01", "2026-05-01"), None);
}

/// Titles behind the needs that a list looks for, best first, of somebody who declared a trip on day [`T`].
fn packed_for(now: f64, ahead: Ahead) -> Vec<String> {
    let catalogue = store();
    let (model, products) = fresh(&catalogue);
    let fact = [Fact::Clock {
        clock: "trip".into(),
        anchor: format_day(T),
        name: None,
        kind: None,
    }];
    let state = model.state(&products, &[], &fact, at(now), StateOptions::serving(false));
    let view = LifeView::new(&model, &products, &state);
    let needs = model.needs_seen(&view, ahead);
    model
        .products_for(&products, &needs, 3, &|_| 1.0)
        .into_iter()
        .map(|(p, _)| catalogue.product(p).label().to_owned())
        .collect()
}

#[test]
fn a_list_looks_ahead_as_far_as_the_stage_is_long() {
    let far = packed_for(T - 4.0, Ahead::Days(60.0));
    assert!(holds(&far, &["Travel adapter", "Photo book"]), "{far:?}");
    let near = packed_for(T - 4.0, Ahead::Stage);
    assert!(holds(&near, &["Travel adapter"]), "{near:?}");
    assert!(free_of(&near, &["Photo book"]), "{near:?}");
    let back = packed_for(T + 15.0, Ahead::Stage);
    assert!(holds(&back, &["Photo book"]), "{back:?}");
}

#[test]
fn a_clock_in_doubt_proposes_nothing() {
    let catalogue = store();
    let (model, products) = fresh(&catalogue);
    let history = bought(
        &catalogue,
        &[("Phrasebook", T), ("Travel adapter", T + 30.0)],
    );
    let options = StateOptions {
        infer: true,
        thorough: true,
    };
    let mut state = model.state(&products, &history, &[], at(T + 31.0), options);
    let asked = |state: &LifeState| -> Vec<bool> {
        let needs = model.needs(&products, state, 60.0);
        let of_pet = |n: &Need| model.clocks[state.clocks[n.clock].clock].kind.name == "pet";
        needs.iter().map(of_pet).collect()
    };
    let pet = state
        .clocks
        .iter()
        .position(|c| model.clocks[c.clock].kind.name == "pet")
        .unwrap();
    state.clocks[pet].probability = 0.6;
    assert!(asked(&state).contains(&true));
    state.clocks[pet].probability = 0.11;
    assert!(!asked(&state).contains(&true));
}

#[test]
fn needs_that_were_looked_for_differently_far_are_compared_by_their_pace() {
    let catalogue = store();
    let (model, products) = fresh(&catalogue);
    let fact = [Fact::Clock {
        clock: "trip".into(),
        anchor: format_day(T),
        name: None,
        kind: None,
    }];
    let now = at(T - 6.0);
    let state = model.state(&products, &[], &fact, now, StateOptions::serving(false));
    let view = LifeView::new(&model, &products, &state);
    let adapter = products.of(of(&catalogue, "Travel adapter"));
    let within = |days: f64| {
        let needs = model.needs_seen(&view, Ahead::Days(days));
        needs.into_iter().find(|n| n.profile == adapter).unwrap()
    };
    let (short, long) = (within(2.0), within(4.0));
    assert!(short.probability < 0.6 * long.probability);
    let (a, b) = (short.at_pace(60.0), long.at_pace(60.0));
    assert!((a - b).abs() < 0.1 * b, "{a} {b}");
    assert!((long.at_pace(4.0) - long.probability).abs() < 1e-6);
}
