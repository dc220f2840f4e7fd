//! Life situations in lists and in the outlook: current needs first, what is outgrown gone, consent and discretion kept.

use std::sync::Arc;

use serendib_engine::bundle::Manifest;
use serendib_engine::explain::{outlook, Discretion, Outlook, OutlookRequest};
use serendib_engine::life::{parse_day, ClockType, Life};
use serendib_engine::model::Model;
use serendib_engine::rank::{
    recommend, Allowed, CustomerState, ListKind, Live, Note, ReasonCode, Request,
};
use serendib_engine::repeat::{NeighbourIndex, NextBasket, NextBasketSettings};
use serendib_engine::represent::Representation;
use serendib_shop::{
    Catalogue, Encoder, Fact, Kind, Product, ProductIx, ShelfChange, Touch, DAY_MS,
};
use serendib_training::learn::life::from_words;

const NEWBORN: ProductIx = ProductIx(0);
const ROMPER: ProductIx = ProductIx(1);
const SCHOOL: ProductIx = ProductIx(2);
const T: f64 = 18_000.0;

/// A department store in which what babies need is bought less than everything else.
fn model() -> Model {
    let mut rows = vec![
        ("Bodysuit, newborn, size 56", "baby/clothes/newborn"),
        ("Romper size 74", "baby/clothes/6-12 months"),
        ("School bag age 6-10", "kids/school"),
    ];
    let shelves: Vec<String> = (0..30).map(|ix| format!("grocery/shelf {ix}")).collect();
    rows.extend(
        shelves
            .iter()
            .map(|path| ("Something to eat", path.as_str())),
    );
    let products: Vec<Product> = rows
        .iter()
        .enumerate()
        .map(|(ix, (title, path))| Product {
            title: Some((*title).into()),
            category: Some((*path).into()),
            ..Product::bare(format!("p{ix}"))
        })
        .collect();
    let buyers = (0..products.len()).map(|ix| if ix < 3 { 20.0 } else { 40.0 });
    let catalogue = Arc::new(Catalogue::new(products.clone()).unwrap());
    let mut model = Model::new(
        Manifest::default(),
        catalogue.clone(),
        Encoder::default(),
        Representation::of_popularity(buyers.collect()),
    );
    let life = from_words(&catalogue, ClockType::supplied());
    model.life = Some(Life::new(life, &catalogue));
    model
}

fn bought(product: ProductIx, day: f64) -> Touch {
    Touch::new(Kind::PURCHASE, product, (day * DAY_MS as f64) as i64)
}

fn newborn() -> Vec<Touch> {
    (0..4)
        .map(|k| bought(NEWBORN, T + 5.0 * f64::from(k)))
        .collect()
}

fn child() -> Vec<Fact> {
    vec![Fact::Clock {
        clock: "child".into(),
        anchor: "2019-04-14".into(),
        name: Some("Noa".into()),
        kind: None,
    }]
}

fn who<'a>(history: &'a [Touch], facts: &'a [Fact], infer: bool) -> CustomerState<'a> {
    CustomerState {
        history,
        facts,
        allowed: Allowed {
            personalise: true,
            infer_life_stage: infer,
            ..Allowed::ALL
        },
    }
}

fn for_you(model: &Model, customer: CustomerState, day: f64) -> Vec<ProductIx> {
    let live = Live::of_catalogue(model.catalogue.clone());
    let request = Request::one(ListKind::ForYou, 33, (day * DAY_MS as f64) as i64);
    let answer = recommend(model, &live, customer, &request, &|| false).unwrap();
    answer.lists[0].items.iter().map(|i| i.product).collect()
}

#[test]
fn for_you_follows_the_stage_of_life() {
    let model = model();
    let history = newborn();
    let place = |list: &[ProductIx], product| list.iter().position(|p| *p == product);
    let list = for_you(&model, who(&history, &[], true), T + 8.0 * 30.0);
    assert_eq!(place(&list, ROMPER), Some(0), "{list:?}");
    assert_eq!(place(&list, NEWBORN), None, "{list:?}");
    let list = for_you(&model, who(&history, &[], true), T + 84.0 * 30.0);
    assert_eq!(place(&list, SCHOOL), Some(0), "{list:?}");
    assert_eq!(place(&list, ROMPER), None, "{list:?}");
}

#[test]
fn without_consent_lists_are_as_if_nobody_knew_of_life() {
    let mut model = model();
    let history = newborn();
    let with = for_you(&model, who(&history, &[], false), T + 240.0);
    model.life = None;
    assert_eq!(with, for_you(&model, who(&history, &[], false), T + 240.0));
    assert_eq!(with, for_you(&model, who(&history, &[], true), T + 240.0));
}

fn look(model: &Model, customer: CustomerState, day: f64) -> Option<Outlook> {
    let live = Live::of_catalogue(model.catalogue.clone());
    let ask = OutlookRequest {
        now: (day * DAY_MS as f64) as i64,
        horizon_days: 60.0,
        lead_days: None,
        needs: 10,
        products: 5,
        locale: "en",
        discretion: Discretion::default(),
    };
    outlook(model, &live, customer, &ask)
}

#[test]
fn the_outlook_names_what_was_declared_and_withholds_what_was_inferred() {
    let model = model();
    let history = newborn();
    let now = parse_day("2019-12-01").unwrap();
    let declared = look(&model, who(&history, &child(), true), now).unwrap();
    assert_eq!(declared.clocks[0].name.as_deref(), Some("Noa"));
    assert_eq!(declared.clocks[0].stage.as_ref().unwrap().0, "infant");
    assert_eq!(declared.clocks[0].next.as_ref().unwrap().0, "toddler");
    let romper = &declared.needs[0];
    assert_eq!(
        (romper.clock, romper.products.as_slice()),
        (Some(0), &[ROMPER][..])
    );
    assert!(romper.sentence.contains("Noa"), "{}", romper.sentence);
    let before = parse_day("2020-04-01").unwrap();
    let due = look(&model, who(&[], &child(), false), before).unwrap();
    assert_eq!(
        (due.occasions[0].name.as_str(), due.occasions[0].count),
        ("birthday", 1)
    );

    let inferred = look(&model, who(&history, &[], true), T + 240.0).unwrap();
    assert!(inferred.inferred && inferred.clocks.is_empty() && inferred.withheld > 0);
    let romper = &inferred.needs[0];
    assert_eq!(romper.products, [ROMPER]);
    assert_eq!(
        (romper.clock, &romper.need.stage, romper.need.ages),
        (None, &None, None)
    );
    assert_eq!(romper.sentence, "Often needed about now");
    // Nor can its birthday be worked out from when things are needed.
    for wanted in &inferred.needs {
        let need = &wanted.need;
        assert_eq!((need.lead_days % 28.0, need.until), (0.0, None));
        let now = ((T + 240.0) * DAY_MS as f64) as i64;
        assert_eq!(need.from, now + need.lead_days as i64 * DAY_MS);
    }
}

#[test]
fn the_outlook_keeps_to_consent() {
    let model = model();
    let history = newborn();
    let quiet = look(&model, who(&history, &[], false), T + 240.0).unwrap();
    assert!(!quiet.inferred && quiet.clocks.is_empty() && quiet.needs.is_empty());
    assert_eq!(quiet.withheld, 0);
    let nobody = CustomerState {
        allowed: Allowed {
            personalise: false,
            infer_life_stage: true,
            ..Allowed::ALL
        },
        ..who(&history, &[], true)
    };
    assert_eq!(look(&model, nobody, T + 240.0), None);
}

#[test]
fn the_next_basket_hears_the_neighbours_on_the_shelves() {
    let mut model = model();
    let products = model.catalogue.len();
    let settings = NextBasketSettings {
        neighbour_count: 1,
        ..NextBasketSettings::default()
    };
    let next = NextBasket::new(
        settings,
        vec![0.01; products],
        vec![1.0; products],
        &[],
        vec![],
    );
    model.next_basket = Some(next);
    let history = [bought(ProductIx(7), T)];
    let list = |live: &Live| -> Vec<u32> {
        let request = Request::one(ListKind::NextBasket, 2, ((T + 9.0) * DAY_MS as f64) as i64);
        let customer = who(&history, &[], true);
        let answer = recommend(&model, live, customer, &request, &|| false).unwrap();
        answer.lists[0].items.iter().map(|i| i.product.0).collect()
    };
    let mut live = Live::of_catalogue(model.catalogue.clone());
    assert_eq!(list(&live), [7, 0]);
    let like = vec![(ProductIx(7), 1.0), (ProductIx(20), 0.5)];
    live.neighbours = Some(Arc::new(NeighbourIndex::new(vec![like], products, 1)));
    assert_eq!(list(&live), [7, 20]);
}

/// Shelves with a product that came after the model, by its number.
fn with_later(model: &Model, title: &str) -> (Live, ProductIx) {
    let later = Product {
        title: Some(title.into()),
        category: Some("baby/nappies".into()),
        ..Product::bare("later")
    };
    let live = Live::of_catalogue(model.catalogue.clone())
        .changed(
            [ShelfChange::listed(later)],
            &model.representation,
            model.life.as_ref(),
        )
        .unwrap();
    (live, ProductIx::of_index(model.catalogue.len()))
}

#[test]
fn products_that_came_after_the_model_are_for_an_age_too() {
    let model = model();
    let (live, nappies) = with_later(&model, "Newborn nappies size 1");
    let history: Vec<Touch> = (0..4)
        .map(|k| bought(nappies, T + 5.0 * f64::from(k)))
        .collect();
    let ask = OutlookRequest {
        now: ((T + 30.0) * DAY_MS as f64) as i64,
        horizon_days: 60.0,
        lead_days: None,
        needs: 10,
        products: 5,
        locale: "en",
        discretion: Discretion::default(),
    };
    let seen = outlook(&model, &live, who(&history, &[], true), &ask).unwrap();
    assert_eq!(seen.withheld, 1);
    assert!(seen.needs.iter().any(|n| n.products.contains(&nappies)));

    let grown = [Fact::Clock {
        clock: "child".into(),
        anchor: "2015-04-14".into(),
        name: Some("Noa".into()),
        kind: None,
    }];
    let list = |facts: &[Fact]| -> Vec<ProductIx> {
        let now = (parse_day("2022-06-01").unwrap() * DAY_MS as f64) as i64;
        let request = Request::one(ListKind::ForYou, 34, now);
        let answer = recommend(&model, &live, who(&[], facts, true), &request, &|| false);
        let answer = answer.unwrap();
        let shown = answer.lists[0].items.iter().map(|item| item.product);
        shown.collect()
    };
    assert!(!list(&grown).contains(&NEWBORN) && list(&[]).contains(&NEWBORN));
    let view_of = |facts: &[Fact]| {
        let life = model.life.as_ref().unwrap();
        let now = (parse_day("2022-06-01").unwrap() * DAY_MS as f64) as i64;
        let options = serendib_engine::life::StateOptions::serving(false);
        let products = live.profiles(life);
        let state = life.model.state(products, &[], facts, now, options);
        serendib_engine::life::LifeView::new(&life.model, products, &state)
            .product(nappies)
            .is_ended()
    };
    assert!(view_of(&grown) && !view_of(&[]));
}

#[test]
fn a_declared_fact_makes_lists_personal_without_a_single_purchase() {
    let model = model();
    let live = Live::of_catalogue(model.catalogue.clone());
    let due = [Fact::Clock {
        clock: "child".into(),
        anchor: "2022-07-01".into(),
        name: None,
        kind: None,
    }];
    let ask = |facts: &[Fact], personalise: bool| {
        let now = (parse_day("2022-06-10").unwrap() * DAY_MS as f64) as i64;
        let request = Request::one(ListKind::ForYou, 5, now);
        let mut customer = who(&[], facts, true);
        customer.allowed.personalise = personalise;
        recommend(&model, &live, customer, &request, &|| false).unwrap()
    };
    let answer = ask(&due, true);
    assert!(answer.personal);
    let first = &answer.lists[0].items[0];
    assert_eq!(first.product, NEWBORN);
    assert_eq!(first.reasons[0].code, ReasonCode::NextInLife);
    assert!(!answer.lists[0].notes.contains(&Note::NotPersonal));
    let nobody = ask(&[], true);
    assert!(!nobody.personal);
    assert_ne!(nobody.lists[0].items[0].product, NEWBORN);
    assert_eq!(ask(&due, false), nobody);
}
