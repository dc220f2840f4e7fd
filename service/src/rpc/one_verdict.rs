//! One row, one verdict: files, store and API say the same of every row, each with its own place.

use serde::Serialize;
use serendib_shop::{
    directory::{ReadOptions, ShopData},
    time::format_time,
    BoxOrder, Check, Customer, Delight, Fact, FieldError, Product, StockLot, Touchpoint, DAY_MS,
};

use super::boxes::convert::box_ask;
use super::catalog::convert::{product_from_proto, product_to_proto};
use super::customer::convert::{customer_from_proto, customer_to_proto};
use super::fields::{field_of, Invalid};
use super::recommendation::rating::{rating_from_proto, rating_to_proto};
use super::touchpoint::convert::{touchpoint_from_proto, touchpoint_to_proto};
use crate::store::{RecordOptions, SqliteConfig, SqliteStore, Store, StoreError, UpsertMode};

/// The time of the test: 2026-01-01, ms.
const NOW: i64 = 1_767_225_600_000;
const YEAR_1850: i64 = -3_786_825_600_000;
const YEAR_2150: i64 = 5_680_281_600_000;

/// A row and the field at fault, `None` for a good one.
struct Case<T> {
    name: &'static str,
    row: T,
    fault: Option<&'static str>,
}

fn cases<T: Clone>(
    sound: &T,
    changes: Vec<(&'static str, Option<&'static str>, fn(&mut T))>,
) -> Vec<Case<T>> {
    let case = |(name, fault, change): (_, _, fn(&mut T))| {
        let mut row = sound.clone();
        change(&mut row);
        Case { name, row, fault }
    };
    changes.into_iter().map(case).collect()
}

fn long(bytes: usize) -> String {
    "x".repeat(bytes)
}

fn products() -> Vec<Case<Product>> {
    let bad = Some;
    cases(
        &Product::bare("p"),
        vec![
            ("only an id", None, |_| ()),
            ("id of 256 bytes", None, |p| p.product_id = long(256)),
            ("id of 257 bytes", bad("product_id"), |p| {
                p.product_id = long(257)
            }),
            ("no id", bad("product_id"), |p| p.product_id.clear()),
            ("id with a tab", bad("product_id"), |p| {
                p.product_id = "a\tb".into()
            }),
            ("id in Hebrew", None, |p| p.product_id = "מטרייה 1".into()),
            ("title of 2,048 bytes", None, |p| {
                p.title = Some(long(2_048))
            }),
            ("title of 2,049 bytes", bad("title"), |p| {
                p.title = Some(long(2_049))
            }),
            ("category too long", bad("category"), |p| {
                p.category = Some(long(3_000))
            }),
            ("brand too long", bad("brand"), |p| {
                p.brand = Some(long(3_000))
            }),
            ("currency too long", bad("currency"), |p| {
                p.currency = Some(long(3_000))
            }),
            ("variant too long", bad("variant"), |p| {
                p.variant = Some(long(3_000))
            }),
            ("free", None, |p| p.price = Some(0.0)),
            ("price below 0", bad("price"), |p| p.price = Some(-0.01)),
            ("price not a number", bad("price"), |p| {
                p.price = Some(f64::NAN)
            }),
            ("cost without end", bad("cost"), |p| {
                p.cost = Some(f64::INFINITY)
            }),
            ("cost below 0", bad("cost"), |p| p.cost = Some(-1.0)),
            ("sold out", None, |p| p.stock = Some(0)),
            ("stock below 0", bad("stock"), |p| p.stock = Some(-1)),
            ("its own parent", bad("parent_id"), |p| {
                p.parent_id = Some("p".into())
            }),
            ("a parent", None, |p| p.parent_id = Some("q".into())),
            ("parent with a line break", bad("parent_id"), |p| {
                p.parent_id = Some("a\nb".into())
            }),
            ("half a pack", None, |p| p.pack_quantity = Some(0.5)),
            ("packs of 0", bad("pack_quantity"), |p| {
                p.pack_quantity = Some(0.0)
            }),
            ("launched 1850", bad("launched_at"), |p| {
                p.launched_at = Some(YEAR_1850)
            }),
            ("launched 1969", None, |p| p.launched_at = Some(-DAY_MS)),
            ("available from 2150", bad("available_from"), |p| {
                p.available_from = Some(YEAR_2150)
            }),
            ("available until 2150", bad("available_until"), |p| {
                p.available_until = Some(YEAR_2150)
            }),
            ("available for a day", None, |p| {
                p.available_from = Some(NOW);
                p.available_until = Some(NOW + DAY_MS);
            }),
            ("available until before from", bad("available_until"), |p| {
                p.available_from = Some(NOW);
                p.available_until = Some(NOW);
            }),
            ("expires in 1850", bad("expires_at"), |p| {
                p.expires_at = Some(YEAR_1850)
            }),
            ("weight below 0", bad("weight_g"), |p| {
                p.weight_g = Some(-1.0)
            }),
            ("volume below 0", bad("volume_ml"), |p| {
                p.volume_ml = Some(-1.0)
            }),
            ("weightless", None, |p| p.weight_g = Some(0.0)),
            ("100 allergens", None, |p| {
                p.allergens = vec!["nuts".into(); 100]
            }),
            ("101 allergens", bad("allergens"), |p| {
                p.allergens = vec!["nuts".into(); 101]
            }),
            ("an empty allergen", bad("allergens"), |p| {
                p.allergens = vec![String::new()]
            }),
            ("a long description", None, |p| {
                p.description = Some(long(32_768))
            }),
            ("too long a description", bad("description"), |p| {
                p.description = Some(long(32_769))
            }),
            ("attributes of 60 kB", None, |p| {
                p.attributes.insert("a".into(), long(60_000).into());
            }),
            ("attributes of 70 kB", bad("attributes"), |p| {
                p.attributes.insert("a".into(), long(70_000).into());
            }),
        ],
    )
}

fn clock(customer: &mut Customer, anchor: &str) {
    customer.facts = vec![Fact::Clock {
        clock: "child".into(),
        anchor: anchor.into(),
        name: None,
        kind: None,
    }];
}

fn customers() -> Vec<Case<Customer>> {
    let bad = Some;
    let sound = Customer {
        customer_id: "ada".into(),
        ..Customer::default()
    };
    cases(
        &sound,
        vec![
            ("only an id", None, |_| ()),
            ("no id", bad("customer_id"), |c| c.customer_id.clear()),
            ("id with a control", bad("customer_id"), |c| {
                c.customer_id = "a\u{85}".into()
            }),
            ("registered 1850", bad("registered_at"), |c| {
                c.registered_at = Some(YEAR_1850)
            }),
            ("registered 2026", None, |c| c.registered_at = Some(NOW)),
            ("a birth", None, |c| clock(c, "2024-05-01")),
            ("a birth as databases write it", None, |c| {
                clock(c, "2024-05-01 00:00:00")
            }),
            ("a birth with its hour", None, |c| {
                clock(c, "2024-05-01 12:00")
            }),
            ("a birth with its zone", None, |c| {
                clock(c, "2024-05-01T12:00:00+02:00")
            }),
            ("a birth in words", bad("facts[0].anchor"), |c| {
                clock(c, "1 May 2024")
            }),
            ("a birth as a number", bad("facts[0].anchor"), |c| {
                clock(c, "1714521600000")
            }),
            ("a 30th of February", bad("facts[0].anchor"), |c| {
                clock(c, "2024-02-30")
            }),
            ("a birth in 1850", bad("facts[0].anchor"), |c| {
                clock(c, "1850-01-01")
            }),
            ("no birth", bad("facts[0].anchor"), |c| clock(c, "")),
            ("a clock without a name", bad("facts[0].clock"), |c| {
                c.facts = vec![Fact::Clock {
                    clock: String::new(),
                    anchor: "2024-05-01".into(),
                    name: None,
                    kind: None,
                }]
            }),
            ("a name too long", bad("facts[0].name"), |c| {
                c.facts = vec![Fact::Clock {
                    clock: "child".into(),
                    anchor: "2024-05-01".into(),
                    name: Some(long(300)),
                    kind: None,
                }]
            }),
            ("a free fact", None, |c| {
                c.facts = vec![Fact::Free {
                    key: "vegan".into(),
                    value: true.into(),
                }]
            }),
            ("a free fact without a key", bad("facts[0].key"), |c| {
                c.facts = vec![Fact::Free {
                    key: String::new(),
                    value: true.into(),
                }]
            }),
            ("1,001 facts", bad("facts"), |c| {
                let fact = Fact::Free {
                    key: "k".into(),
                    value: 1.into(),
                };
                c.facts = vec![fact; 1_001];
            }),
            ("a locale", None, |c| c.locale = Some("he-IL".into())),
            ("a locale with a line break", bad("locale"), |c| {
                c.locale = Some("he\nIL".into())
            }),
            ("two other ids", None, |c| {
                c.identities = vec!["card-1".into(), "mail-1".into()]
            }),
            ("an empty other id", bad("identities[1]"), |c| {
                c.identities = vec!["card-1".into(), String::new()]
            }),
            ("257 other ids", bad("identities"), |c| {
                c.identities = (0..257).map(|n| format!("i{n}")).collect()
            }),
        ],
    )
}

fn touchpoints() -> Vec<Case<Touchpoint>> {
    let bad = Some;
    let sound = Touchpoint {
        at: Some(NOW - DAY_MS),
        ..Touchpoint::new("ada", "purchase")
    };
    cases(
        &sound,
        vec![
            ("a purchase", None, |_| ()),
            ("a kind of the shop's own", None, |t| {
                t.kind = "tasting".into()
            }),
            ("no kind", bad("kind"), |t| t.kind.clear()),
            ("nobody", bad("customer_id"), |t| t.customer_id.clear()),
            ("an anonymous basket", None, |t| {
                t.customer_id.clear();
                t.basket_id = Some("b".into());
            }),
            ("product with a control", bad("product_id"), |t| {
                t.product_id = Some("a\u{1}".into())
            }),
            ("channel with a line break", bad("channel"), |t| {
                t.channel = Some("a\nb".into())
            }),
            ("in 1850", bad("at"), |t| t.at = Some(YEAR_1850)),
            ("in 2150", bad("at"), |t| t.at = Some(YEAR_2150)),
            ("quantity 0", None, |t| t.quantity = 0.0),
            ("quantity below 0", bad("quantity"), |t| {
                t.kind = "view".into();
                t.quantity = -1.0;
            }),
            ("quantity of a purchase below 0", None, |t| {
                t.quantity = -1.0
            }),
            ("quantity of a return below 0", None, |t| {
                t.kind = "return".into();
                t.quantity = -1.0;
            }),
            ("quantity not a number", bad("quantity"), |t| {
                t.quantity = f64::NAN
            }),
            ("value below 0", None, |t| t.value = Some(-5.0)),
            ("value without end", bad("value"), |t| {
                t.value = Some(f64::INFINITY)
            }),
            ("basket too long", bad("basket_id"), |t| {
                t.basket_id = Some(long(257))
            }),
            ("no time at all", None, |t| t.duration_s = Some(0.0)),
            ("duration below 0", bad("duration_s"), |t| {
                t.duration_s = Some(-1.0)
            }),
            ("campaign too long", bad("campaign_id"), |t| {
                t.campaign_id = Some(long(257))
            }),
            ("five stars", None, |t| t.rating = Some(5.0)),
            ("half a star", bad("rating"), |t| t.rating = Some(0.5)),
            ("six stars", bad("rating"), |t| t.rating = Some(6.0)),
            ("line too long", bad("product_line"), |t| {
                t.product_line = Some(long(257))
            }),
            ("request too long", bad("request_id"), |t| {
                t.request_id = Some(long(257))
            }),
            ("place too long", bad("placement"), |t| {
                t.placement = Some(long(257))
            }),
            ("own id too long", bad("touchpoint_id"), |t| {
                t.touchpoint_id = Some(long(257))
            }),
        ],
    )
}

fn delights() -> Vec<Case<Delight>> {
    let bad = Some;
    let sound = Delight {
        customer_id: "ada".into(),
        product_id: "p".into(),
        at: NOW - DAY_MS,
        surprised: Some(4.0),
        ..Delight::default()
    };
    cases(
        &sound,
        vec![
            ("one answer", None, |_| ()),
            ("no answer", bad("surprised"), |d| d.surprised = None),
            ("another answer", None, |d| {
                d.surprised = None;
                d.timely = Some(1.0);
            }),
            ("an answer of 0", bad("novel"), |d| d.novel = Some(0.0)),
            ("an answer of 5.1", bad("again"), |d| d.again = Some(5.1)),
            ("nobody", bad("customer_id"), |d| d.customer_id.clear()),
            ("in 1850", bad("at"), |d| d.at = YEAR_1850),
        ],
    )
}

fn boxes() -> Vec<Case<BoxOrder>> {
    let bad = Some;
    let sound = BoxOrder {
        box_id: "b".into(),
        customer_id: "ada".into(),
        slots: Some(5),
        ..BoxOrder::default()
    };
    cases(
        &sound,
        vec![
            ("a box", None, |_| ()),
            ("no id", bad("box_id"), |b| b.box_id.clear()),
            ("all surprises", None, |b| b.surprise_slots = Some(5)),
            ("more surprises than lines", bad("surprise_slots"), |b| {
                b.surprise_slots = Some(6)
            }),
            ("budget below 0", bad("budget"), |b| b.budget = Some(-1.0)),
            ("leaves in 1850", bad("ship_at"), |b| {
                b.ship_at = Some(YEAR_1850)
            }),
            ("64 lines", None, |b| b.slots = Some(64)),
            ("65 lines", bad("slots"), |b| b.slots = Some(65)),
            ("65 surprises", bad("surprise_slots"), |b| {
                (b.slots, b.surprise_slots) = (None, Some(65))
            }),
            ("1,001 exclusions", bad("exclusions"), |b| {
                b.exclusions = vec!["nuts".into(); 1_001]
            }),
            ("an endless exclusion", bad("exclusions"), |b| {
                b.exclusions = vec!["n".repeat(1_025)]
            }),
        ],
    )
}

fn lots() -> Vec<Case<StockLot>> {
    let sound = StockLot {
        product_id: "p".into(),
        ..StockLot::default()
    };
    cases(
        &sound,
        vec![
            ("an empty lot", None, |_| ()),
            ("less than nothing", Some("quantity"), |l| l.quantity = -1),
            ("expires in 2150", Some("expires_at"), |l| {
                l.expires_at = Some(YEAR_2150)
            }),
        ],
    )
}

/// What a file says of a row: the column and the message; `None` for a good one.
type Said = Option<(String, String)>;

/// What the file with this one row says of it.
fn in_a_file<T: Serialize>(table: &str, row: &T) -> Said {
    let dir = tempfile::tempdir().unwrap();
    let mut row = serde_json::to_value(row).unwrap();
    for (key, value) in row.as_object_mut().unwrap() {
        // as files are written: a bare number may be of any scale
        if field_of(key).ends_with("_ms") {
            if let Some(at) = value.as_i64() {
                *value = format_time(at).into();
            }
        }
    }
    let line = row.to_string();
    std::fs::write(dir.path().join(format!("{table}.jsonl")), line + "\n").unwrap();
    if table != "touchpoints" {
        let touch = r#"{"customer_id":"ada","kind":"view"}"#;
        std::fs::write(dir.path().join("touchpoints.jsonl"), touch).unwrap();
    }
    let data = ShopData::open(dir.path(), ReadOptions::default()).unwrap();
    let first = |error: Option<serendib_shop::DataError>| match error {
        None => None,
        Some(serendib_shop::DataError::Cell {
            column,
            message,
            place,
        }) => {
            assert_eq!(place.row, 1);
            Some((column, message))
        }
        Some(other) => panic!("{other}"),
    };
    match table {
        "products" => first(data.product_rows().unwrap().find_map(Result::err)),
        "customers" => first(data.customers().unwrap().find_map(Result::err)),
        "touchpoints" => first(data.touchpoints().unwrap().find_map(Result::err)),
        "delights" => first(data.delights().unwrap().find_map(Result::err)),
        "boxes" => first(data.boxes().unwrap().find_map(Result::err)),
        _ => first(data.stock().unwrap().find_map(Result::err)),
    }
}

/// Whether JSON can hold the row: it knows no number that is not finite.
fn is_text<T: Serialize + serde::de::DeserializeOwned + PartialEq>(row: &T) -> bool {
    serde_json::to_string(row)
        .is_ok_and(|text| serde_json::from_str::<T>(&text).is_ok_and(|back| back == *row))
}

fn in_the_store(verdict: Result<(), StoreError>) -> Said {
    match verdict {
        Ok(()) => None,
        Err(StoreError::Invalid { field, reason, .. }) => Some((field.to_string(), reason)),
        Err(other) => panic!("{other}"),
    }
}

/// Asserts one verdict for every case, and counts the cases.
async fn judge<T, A>(
    table: &str,
    cases: Vec<Case<T>>,
    api: A,
    store: impl AsyncFn(T) -> Result<(), StoreError>,
) -> usize
where
    T: Check + Serialize + serde::de::DeserializeOwned + PartialEq + Clone,
    A: Fn(&T) -> Result<(), Invalid>,
{
    let count = cases.len();
    for Case { name, row, fault } in cases {
        let case = format!("{table}: {name}");
        let verdict = row.check().err();
        let at = verdict.as_ref().map(|error| error.field.as_ref());
        assert_eq!(at, fault, "{case}: {verdict:?}");
        let said = verdict.map(|FieldError { field, message }| (field.into_owned(), message));
        assert_eq!(
            in_the_store(store(row.clone()).await),
            said,
            "{case}: store"
        );
        let api = api(&row).err().map(|invalid| (invalid.field, invalid.what));
        let path = said.clone().map(|(field, what)| (field_of(&field), what));
        assert_eq!(api, path, "{case}: API");
        if is_text(&row) {
            let column = |(field, message): (String, String)| {
                let column = field.split(['[', '.']).next().unwrap().to_owned();
                let inside = field[column.len()..].trim_start_matches('.').to_owned();
                let message = [inside, message].join(" ").trim_start().to_owned();
                (column, message)
            };
            // a cell that must be filled is missed before the row is looked at
            let file = in_a_file(table, &row).filter(|(_, message)| message != "is empty");
            let empty = said
                .as_ref()
                .is_some_and(|(_, what)| what.contains("is empty"));
            if file.is_some() || !empty {
                assert_eq!(file, said.map(column), "{case}: file");
            }
        }
    }
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_row_one_verdict() {
    let dir = tempfile::tempdir().unwrap();
    let store = &SqliteStore::open(SqliteConfig::new(dir.path())).unwrap();
    let options = RecordOptions::live(NOW);
    let count = judge(
        "products",
        products(),
        |row| product_from_proto(&product_to_proto(row)).map(drop),
        async |row| store.upsert_products(vec![row], NOW.into()).await.map(drop),
    )
    .await
        + judge(
            "customers",
            customers(),
            |row| customer_from_proto(&customer_to_proto(row)).map(drop),
            async |mut row: Customer| {
                // circles and second owners are no matter of one row
                let number = rand::random::<u64>();
                row.identities.iter_mut().for_each(|identity| {
                    if !identity.is_empty() {
                        identity.push_str(&number.to_string());
                    }
                });
                let mode = UpsertMode::Replace;
                store
                    .upsert_customers(vec![row], mode, "test".into(), NOW.into())
                    .await
                    .map(drop)
            },
        )
        .await
        + judge(
            "touchpoints",
            touchpoints(),
            |row| touchpoint_from_proto(&touchpoint_to_proto(row)).map(drop),
            async |row| store.record(vec![row], options.clone()).await.map(drop),
        )
        .await
        + judge(
            "delights",
            delights(),
            |row| rating_from_proto(&rating_to_proto(row), row.product_id.clone(), NOW).map(drop),
            async |row| {
                store
                    .record_delights(vec![row], options.clone())
                    .await
                    .map(drop)
            },
        )
        .await;
    assert!(count >= 80, "{count}");
}

#[test]
fn boxes_and_lots_are_judged_in_files_and_calls_as_by_the_check() {
    for Case { name, row, fault } in boxes() {
        assert_eq!(
            row.check().err().as_ref().map(FieldError::column),
            fault,
            "{name}"
        );
        let file = in_a_file("boxes", &row);
        assert_eq!(file.map(|(column, _)| column).as_deref(), fault, "{name}");
        let call = box_ask(&serendib_proto::v1::BoxOrder {
            box_id: row.box_id.clone(),
            customer_id: row.customer_id.clone(),
            ship_at_ms: row.ship_at,
            slots: row.slots,
            surprise_slots: row.surprise_slots,
            budget: row.budget,
            exclusions: row.exclusions.clone(),
            ..serendib_proto::v1::BoxOrder::default()
        });
        let call = call.err().map(|invalid| invalid.field);
        let call = call
            .as_deref()
            .map(|field| field.split('[').next().unwrap());
        assert_eq!(call, fault.map(field_of).as_deref(), "{name}");
    }
    for Case { name, row, fault } in lots() {
        assert_eq!(
            row.check().err().as_ref().map(FieldError::column),
            fault,
            "{name}"
        );
        let file = in_a_file("stock", &row);
        assert_eq!(file.map(|(column, _)| column).as_deref(), fault, "{name}");
    }
}
