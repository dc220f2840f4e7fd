//! What is written in any format reads back the same.

use std::path::Path;

use proptest::prelude::*;
use serde_json::{json, Value};
use serendib_shop::{
    BoxOrder, Cell, ColumnType, Consents, Customer, DataError, Delight, Fact, Format, InputTable,
    ItemType, OutputTable, Product, ReadOptions, Served, ShopData, ShopInfo, ShopWriter, StockLot,
    Table, TableWriter, Touchpoint,
};

fn open(dir: &Path) -> ShopData {
    ShopData::open(dir, ReadOptions::default()).unwrap()
}

/// Ids of any Unicode but control characters.
fn id() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9]{1,8}",
        "\\PC{1,20}",
        Just("שלום, \"עולם\"".to_owned()),
        Just("e\u{301}=é".to_owned()),
        Just(" padded ".to_owned()),
        Just("007".to_owned()),
        Just("1e5".to_owned()),
        Just("true".to_owned()),
        Just("null".to_owned()),
        "x{250,256}",
    ]
    .prop_filter("an id", |id| serendib_shop::check_id(id).is_ok())
}

/// Titles may hold anything, line ends and quotes included.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~\n\r\t\"',]{1,20}", "\\PC{1,20}", "(?s).{1,10}"]
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        (0..100_000i64).prop_map(|cents| cents as f64 / 100.0),
        (0.0..1e12f64),
        Just(f64::MIN_POSITIVE),
        Just(0.1 + 0.2),
    ]
}

fn time() -> impl Strategy<Value = i64> {
    serendib_shop::PLAUSIBLE_MS.start..chrono::Utc::now().timestamp_millis()
}

fn attributes() -> impl Strategy<Value = std::collections::BTreeMap<String, Value>> {
    let value = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text().prop_map(Value::from),
        Just(json!({"nested": [1, "two", null]})),
    ];
    prop::collection::btree_map(text(), value, 0..3)
}

fn option<T: std::fmt::Debug + Clone>(
    inner: impl Strategy<Value = T>,
) -> impl Strategy<Value = Option<T>> {
    prop::option::of(inner)
}

fn touchpoint() -> impl Strategy<Value = Touchpoint> {
    (
        (id(), id(), option(id()), option(id()), option(time())),
        (
            number().prop_map(|packs| packs % 1e9),
            option(number()),
            option(id()),
            option(number()),
            option(any::<u32>()),
        ),
        (
            option(id()),
            option(1.0..=5.0f64),
            option(id()),
            option(id()),
        ),
        attributes(),
    )
        .prop_map(|(a, b, c, attributes)| Touchpoint {
            customer_id: a.0,
            kind: a.1,
            product_id: a.2,
            channel: a.3,
            at: a.4,
            quantity: b.0,
            value: b.1,
            basket_id: b.2,
            duration_s: b.3,
            pages: b.4,
            campaign_id: c.0.clone(),
            rating: c.1,
            product_line: c.2,
            request_id: c.3.clone(),
            placement: c.0,
            touchpoint_id: c.3,
            attributes,
        })
}

fn product() -> impl Strategy<Value = Product> {
    (
        (
            id(),
            option(text()),
            option(text()),
            option(number()),
            option(0..=1_000_000_000i64),
        ),
        (
            prop::sample::select(vec![
                ItemType::Product,
                ItemType::Service,
                ItemType::Content,
                ItemType::Event,
            ]),
            option(id()),
            option(any::<bool>()),
            option(time()),
            prop::collection::vec(id(), 0..3),
            any::<bool>(),
        ),
        attributes(),
    )
        .prop_map(|(a, b, attributes)| Product {
            title: a.1.clone(),
            category: a.2.clone(),
            brand: a.2,
            price: a.3,
            cost: a.3,
            stock: a.4,
            item_type: b.0,
            parent_id: b.1.filter(|parent| *parent != a.0),
            durable: b.2,
            available_from: b.3,
            allergens: b.4,
            limited: b.5,
            description: a.1,
            attributes,
            ..Product::bare(a.0)
        })
}

fn customer() -> impl Strategy<Value = Customer> {
    (
        (id(), option(time()), option(id())),
        (option(any::<bool>()), option(any::<bool>())),
        prop::collection::vec(id(), 0..3),
        attributes(),
    )
        .prop_map(|(a, (train, contact), identities, attributes)| Customer {
            customer_id: a.0,
            registered_at: a.1,
            said_at: a.1,
            facts: match &a.2 {
                None => Vec::new(),
                Some(text) => vec![
                    Fact::Clock {
                        clock: "child".into(),
                        anchor: "2024-05-01".into(),
                        name: Some(text.clone()),
                        kind: Some(text.clone()),
                    },
                    Fact::Free {
                        key: text.clone(),
                        value: json!([1, {"a": text}]),
                    },
                ],
            },
            locale: a.2,
            consents: Consents {
                train,
                contact,
                ..Consents::default()
            },
            identities,
            attributes,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_row_reads_back_in_every_format(
        touchpoints in prop::collection::vec(touchpoint(), 0..6),
        products in prop::collection::vec(product(), 0..6),
        customers in prop::collection::vec(customer(), 0..6),
    ) {
        let (mut touchpoints, mut customers) = (touchpoints, customers);
        // rows that speak of others are not given: a repeated id, a customer twice, an identity of two
        for (ix, row) in touchpoints.iter_mut().enumerate() {
            row.touchpoint_id = row.touchpoint_id.as_ref().map(|_| format!("t;\"{ix}"));
        }
        let mut seen = std::collections::HashSet::new();
        customers.retain(|row: &Customer| seen.insert(row.customer_id.clone()));
        for (ix, row) in customers.iter_mut().enumerate() {
            let identities = row.identities.iter_mut().enumerate();
            identities.for_each(|(jx, id)| *id = format!("שלום;,\"{ix}|{jx}"));
        }
        for format in Format::all() {
            let dir = tempfile::tempdir().unwrap();
            let mut table = TableWriter::create(dir.path(), Table::HeldOut, format).unwrap();
            touchpoints.iter().for_each(|row| table.touchpoint(row).unwrap());
            prop_assert_eq!(table.finish().unwrap(), touchpoints.len() as u64);
            let mut table = TableWriter::create(dir.path(), Table::Customers, format).unwrap();
            customers.iter().for_each(|row| table.customer(row).unwrap());
            table.finish().unwrap();
            let data = open(dir.path());
            let read: Vec<_> = data.held_out().unwrap().map(Result::unwrap).collect();
            prop_assert_eq!(&read, &touchpoints);
            let read: Vec<_> = data.customers().unwrap().map(Result::unwrap).collect();
            prop_assert_eq!(&read, &customers);

            let dir = tempfile::tempdir().unwrap();
            let mut table = TableWriter::create(dir.path(), Table::Products, format).unwrap();
            products.iter().for_each(|row| table.product(row).unwrap());
            table.finish().unwrap();
            let read: Vec<_> = open(dir.path()).product_rows().unwrap().map(Result::unwrap).collect();
            prop_assert_eq!(&read, &products);
        }
    }
}

#[test]
fn the_other_tables_read_back_in_every_format() {
    let delight = Delight {
        customer_id: "ada".into(),
        product_id: "p".into(),
        at: 1_714_564_800_123,
        surprised: Some(4.5),
        timely: Some(1.0),
        ..Delight::default()
    };
    let served = Served {
        request_id: "r".into(),
        rank: Some(3),
        propensity: Some(0.25),
        candidates: Some(r#"[{"p":0.5}]"#.into()),
        arm: Some("holdout".into()),
        ..Served::default()
    };
    let order = BoxOrder {
        box_id: "b".into(),
        customer_id: "ada".into(),
        slots: Some(5),
        surprise_slots: Some(2),
        budget: Some(49.9),
        exclusions: vec!["nuts".into(), "a;b".into()],
        ..BoxOrder::default()
    };
    let lot = StockLot {
        product_id: "p".into(),
        quantity: 7,
        expires_at: Some(1_714_564_800_000),
        ..StockLot::default()
    };
    let shop = ShopInfo {
        currency: Some("EUR".into()),
        passive_kinds: vec!["billboard".into()],
        consents: Consents {
            infer_life_stage: Some(false),
            ..Consents::default()
        },
        ..ShopInfo::default()
    };
    for format in Format::all() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("shop");
        let writer = ShopWriter::create(&target, format).unwrap();
        let mut table = writer.table(Table::Delights).unwrap();
        table.delight(&delight).unwrap();
        table.finish().unwrap();
        let mut table = writer.table(Table::Served).unwrap();
        table.served(&served).unwrap();
        table.finish().unwrap();
        let mut table = writer.table(Table::Boxes).unwrap();
        table.box_order(&order).unwrap();
        table.finish().unwrap();
        let mut table = writer.table(Table::Stock).unwrap();
        table.stock_lot(&lot).unwrap();
        assert!(table.touchpoint(&Touchpoint::new("ada", "view")).is_err());
        table.finish().unwrap();
        writer.shop(&shop).unwrap();
        assert!(!target.exists(), "nothing shows before it is whole");
        writer.finish().unwrap();
        let data = open(&target);
        assert_eq!(data.shop(), &shop);
        assert_eq!(data.delights().unwrap().next().unwrap().unwrap(), delight);
        assert_eq!(data.served().unwrap().next().unwrap().unwrap(), served);
        assert_eq!(data.boxes().unwrap().next().unwrap().unwrap(), order);
        assert_eq!(data.stock().unwrap().next().unwrap().unwrap(), lot);
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 1);
    }
}

#[test]
fn a_writer_dropped_before_its_end_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut table = TableWriter::create(dir.path(), Table::Touchpoints, Format::CsvZst).unwrap();
    table.touchpoint(&Touchpoint::new("ada", "view")).unwrap();
    drop(table);
    drop(ShopWriter::create(&dir.path().join("shop"), Format::Csv).unwrap());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn chosen_columns_are_the_only_ones_and_no_value_is_lost_silently() {
    let dir = tempfile::tempdir().unwrap();
    let columns = ["customer_id", "kind", "product_id"];
    let mut table =
        TableWriter::with_columns(dir.path(), Table::Touchpoints, Format::Csv, &columns).unwrap();
    let mut row = Touchpoint::new("ada", "view");
    table.touchpoint(&row).unwrap();
    row.channel = Some("web".into());
    let error = table.touchpoint(&row).unwrap_err().to_string();
    assert!(error.contains("has a channel"), "{error}");
    table.finish().unwrap();
    let text = std::fs::read_to_string(dir.path().join("touchpoints.csv")).unwrap();
    assert_eq!(text, "customer_id,kind,product_id\nada,view,\n");
}

#[test]
fn output_tables_of_any_columns_read_back_and_hold_no_nan() {
    let columns = [
        ("customer_id", ColumnType::Text),
        ("rank", ColumnType::Int),
        ("score", ColumnType::Float),
    ];
    for format in Format::all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(format!("answers.{format}"));
        let mut out = OutputTable::create(&path, &columns).unwrap();
        out.row(&[Cell::from("a,\"b\"\nc"), Cell::Int(1), Cell::Float(0.125)])
            .unwrap();
        out.row(&[Cell::Null, Cell::Int(2), Cell::Null]).unwrap();
        out.finish().unwrap();
        let read: Vec<_> = InputTable::open(&path, &["rank", "customer_id"])
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(read[0], [Some("1".into()), Some("a,\"b\"\nc".into())]);
        assert_eq!(read[1], [Some("2".into()), None]);
        let numbers: Vec<_> = InputTable::open(&path, &["score", "rank"])
            .unwrap()
            .of_any_type()
            .map(Result::unwrap)
            .collect();
        assert_eq!(
            numbers[0],
            [Some("0.125".into()), Some("1".into())],
            "{format}"
        );
        let mut out = OutputTable::create(&path, &columns).unwrap();
        let nan = [Cell::Null, Cell::Null, Cell::Float(f64::NAN)];
        assert!(out.row(&nan).is_err(), "{format}");
        assert!(out.row(&[Cell::Null]).is_err());
    }
    let wrong = OutputTable::create(Path::new("answers.txt"), &columns);
    assert!(matches!(wrong.err(), Some(DataError::File { .. })));
}
