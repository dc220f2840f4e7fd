//! The story of a life on a fitted model, told by the lists that customers get.

use serendib_datasets::demo_shop::{generate, Options};
use serendib_engine::life::{format_day, parse_day};
use serendib_engine::model::Model;
use serendib_engine::rank::{recommend, Allowed, CustomerState, ListKind, Live, Request};
use serendib_shop::{Fact, Format, Kind, Log, ProductIx, ReadOptions, ShopData, Touch, DAY_MS};
use serendib_training::learn::{fit, FitOptions};
use tempfile::TempDir;

/// A model of a generated shop.
fn fitted() -> Model {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("shop");
    let options = Options {
        customers: 1_000,
        products: 1_000,
        months: 12,
        ..Options::default()
    };
    generate(&path, &options, Format::Parquet, &|_| ()).unwrap();
    let data = ShopData::open(&path, ReadOptions::default()).unwrap();
    let log = Log::load(&data, None).unwrap();
    let options = FitOptions::of_shop(&data).unwrap();
    fit(&log, &options, &|_| {}).unwrap().model
}

fn ms(day: f64) -> i64 {
    (day * DAY_MS as f64) as i64
}

/// Categories of what comes next for whoever declared `facts` and bought `history`, best first.
fn next(model: &Model, history: &[Touch], facts: &[Fact], day: f64) -> Vec<String> {
    let live = Live::of_catalogue(model.catalogue.clone());
    let customer = CustomerState {
        history,
        facts,
        allowed: Allowed::ALL,
    };
    let request = Request::one(ListKind::NextInLife, 8, ms(day));
    let answer = recommend(model, &live, customer, &request, &|| false).unwrap();
    let category = |p: ProductIx| model.catalogue.product(p).category.clone();
    let items = answer.lists[0].items.iter();
    items.filter_map(|item| category(item.product)).collect()
}

/// A product on sale all year whose category is `category`.
fn one_of(model: &Model, category: &str) -> u32 {
    let products = model.catalogue.products().iter();
    let of = |c: &Option<String>| c.as_deref() == Some(category);
    let place = products.enumerate().find(|(_, p)| of(&p.category));
    place.unwrap_or_else(|| panic!("{category}")).0 as u32
}

#[test]
fn lists_follow_trips_and_contracts_and_say_nothing_of_what_is_not_known() {
    let model = fitted();
    let day = parse_day("2026-05-01").unwrap();
    let declared = |clock: &str| {
        [Fact::Clock {
            clock: clock.into(),
            anchor: format_day(day),
            name: None,
            kind: None,
        }]
    };
    let trip = declared("trip");
    let held = |list: &[String], starts: &str| list.iter().any(|c| c.starts_with(starts));

    let packing = next(&model, &[], &trip, day - 4.0);
    let travel = packing.iter().filter(|c| c.starts_with("travel/"));
    assert!(travel.count() >= 6, "{packing:?}");
    assert!(!held(&packing, "travel/memories"), "{packing:?}");
    let away = next(&model, &[], &trip, day + 3.0);
    for gone in ["travel/luggage", "travel/guides"] {
        assert!(!held(&away, gone), "{away:?}");
    }
    let back = next(&model, &[], &trip, day + 20.0);
    assert_eq!(back.first().map(String::as_str), Some("travel/memories"));

    let contract = declared("contract");
    let ending = next(&model, &[], &contract, day - 20.0);
    assert!(held(&ending, "contract/"), "{ending:?}");
    let over = next(&model, &[], &contract, day + 60.0);
    assert!(
        !held(&over, "contract/") && !held(&over, "food/"),
        "{over:?}"
    );

    // Two things for a journey say so, and nothing of a dog.
    let history = [
        Touch::new(
            Kind::PURCHASE,
            ProductIx(one_of(&model, "travel/guides")),
            ms(day - 40.0),
        ),
        Touch::new(
            Kind::PURCHASE,
            ProductIx(one_of(&model, "travel/luggage")),
            ms(day - 25.0),
        ),
    ];
    let undeclared = next(&model, &history, &[], day - 20.0);
    let first = undeclared.iter().take(3);
    assert!(
        first.clone().count() == 3 && first.clone().all(|c| c.starts_with("travel/")),
        "{undeclared:?}"
    );
    assert!(!held(&undeclared, "pets/"), "{undeclared:?}");
}
