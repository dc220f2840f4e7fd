//! Shop data in and out of the store.

use std::path::Path;

use clap::Parser;
use serendib_shop::{Consents, Log, Purpose, ReadOptions, ShopData, Table, Touchpoint};
use tokio_stream::StreamExt;

use super::{load, Backup, Export, Load, Loaded, Restore};
use crate::answer::default_consents;
use crate::clock::now_ms;
use crate::store::{sqlite, CustomerQuery, ShopRow, SqliteConfig, SqliteStore, Store};

const NOW: i64 = 1_767_225_600_000;

#[derive(Debug, Parser)]
enum Command {
    Load(Load),
    Export(Export),
    Backup(Backup),
    Restore(Restore),
}

/// Runs a command line; what follows an option for a directory is a name inside `root`.
fn parse_and_run(root: &Path, words: &[&str]) -> anyhow::Result<()> {
    let mut line = vec![std::ffi::OsString::from("serendib")];
    let mut path = false;
    for word in words {
        line.push(if path {
            root.join(word).into()
        } else {
            (*word).into()
        });
        path = ["--data", "--store", "--out", "--from"].contains(word);
    }
    match Command::try_parse_from(line)? {
        Command::Load(command) => command.run(),
        Command::Export(command) => command.run(),
        Command::Backup(command) => command.run(),
        Command::Restore(command) => command.run(),
    }
}

const TOUCHPOINTS: &str = "\
customer_id,kind,product_id,at,quantity,value,request_id,mood
ada,view,tea,2025-03-01T10:00:00Z,1,,,calm
ada,purchase,tea,2025-03-01T10:05:00Z,2,7.1,r1,
bob,purchase,milk,2025-03-02T08:00:00Z,1,1.3,,
bob,purchase,milk,2025-03-02T08:00:00Z,1,1.3,,
bob,return,milk,2025-03-03T08:00:00Z,-1,-1.3,,
";

fn shop(dir: &Path) {
    let files = [
        ("touchpoints.csv", TOUCHPOINTS),
        (
            "products.csv",
            "product_id,title,category,price,stock\ntea,Tea,drinks/hot,3.55,9\nmilk,Milk,drinks,1.3,\n",
        ),
        (
            "customers.csv",
            "customer_id,locale,consents,identities\nada,he,\"{\"\"contact\"\":false}\",\"[\"\"card\"\"]\"\n",
        ),
        ("delights.csv", "customer_id,product_id,at,surprised\nada,tea,2025-03-05,5\n"),
        (
            "served.csv",
            "request_id,customer_id,at,model,list,rank,product_id,propensity\n\
             r1,ada,2025-03-01T10:00:00Z,m,for-you,1,tea,0.5\n\
             r1,ada,2025-03-01T10:00:00Z,m,for-you,2,milk,\n\
             r2,bob,2025-03-01T10:00:00Z,m,for-you,1,tea,\n",
        ),
        ("shop.json", "{\"currency\": \"EUR\"}"),
    ];
    for (name, text) in files {
        std::fs::write(dir.join(name), text).unwrap();
    }
}

async fn loaded(data: &Path, store: &Path) -> Loaded {
    let data = ShopData::open(data, ReadOptions::default()).unwrap();
    let store = SqliteStore::open(SqliteConfig::new(store)).unwrap();
    let loaded = load(&data, &store, NOW).await.unwrap();
    store.close().await.unwrap();
    loaded
}

#[tokio::test(flavor = "multi_thread")]
async fn loading_again_changes_nothing() {
    let root = tempfile::tempdir().unwrap();
    let (data, store) = (root.path().join("shop"), root.path().join("store"));
    std::fs::create_dir(&data).unwrap();
    shop(&data);
    let first = loaded(&data, &store).await;
    assert_eq!(
        (
            first.products,
            first.customers,
            first.touchpoints,
            first.delights,
            first.served
        ),
        (2, 1, 5, 1, 2)
    );
    let again = loaded(&data, &store).await;
    assert_eq!(
        (again.touchpoints, again.duplicates, again.delights),
        (0, 5, 0)
    );
    let store = SqliteStore::open(SqliteConfig::new(&store)).unwrap();
    let ada = store
        .customer(CustomerQuery::newest("card", 10))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(ada.customer_id, "ada");
    assert_eq!(ada.touchpoints.len(), 2);
    assert_eq!(ada.touchpoints[0].attributes["mood"], "calm");
    // Two equal rows are two purchases.
    let bob = store
        .customer(CustomerQuery::newest("bob", 10))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(bob.total, 3);
    let served = store.served("ada".into(), 10).await.unwrap();
    assert_eq!((served.len(), served[0].reported), (1, true));
    assert!(!store.served("bob".into(), 10).await.unwrap()[0].reported);
}

async fn exported(store: &Path) -> Vec<ShopRow> {
    let mut stream = sqlite::export_dir(store, Consents::default(), NOW)
        .await
        .unwrap();
    let mut rows = Vec::new();
    while let Some(row) = stream.next().await {
        rows.push(row.unwrap());
    }
    rows
}

#[test]
fn what_is_exported_loads_as_the_same_store() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    std::fs::create_dir(path("shop")).unwrap();
    shop(&path("shop"));
    let run = |words: &[&str]| parse_and_run(root.path(), words);
    run(&["load", "--data", "shop", "--store", "one"]).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for format in ["csv", "jsonl", "parquet"] {
        let (out, again) = (format!("out-{format}"), format!("again-{format}"));
        run(&[
            "export", "--store", "one", "--out", &out, "--format", format,
        ])
        .unwrap();
        run(&["load", "--data", &out, "--store", &again]).unwrap();
        let one = runtime.block_on(exported(&path("one")));
        let two = runtime.block_on(exported(&path(&again)));
        assert_eq!(one, two, "{format}");
        let data = ShopData::open(&path(&out), ReadOptions::default()).unwrap();
        assert_eq!(data.shop().currency.as_deref(), Some("EUR"));
        assert!(data.has_table(Table::Served));
    }
    assert!(
        run(&["export", "--store", "one", "--out", "out-csv"]).is_err(),
        "it is there"
    );
    assert!(
        run(&["export", "--store", "none", "--out", "x"]).is_err(),
        "no store"
    );
    run(&["backup", "--store", "one", "--out", "backup"]).unwrap();
    run(&["restore", "--from", "backup", "--store", "two"]).unwrap();
    let one = runtime.block_on(exported(&path("one")));
    assert_eq!(one, runtime.block_on(exported(&path("two"))));
    assert!(
        run(&["restore", "--from", "backup", "--store", "two"]).is_err(),
        "it is there"
    );
    assert!(
        run(&["restore", "--from", "shop", "--store", "x"]).is_err(),
        "no backup"
    );
}

/// As an older version, with another check, may have stored them.
#[test]
fn a_stored_row_that_nobody_could_read_stops_no_export() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    std::fs::create_dir(path("shop")).unwrap();
    shop(&path("shop"));
    let run = |words: &[&str]| parse_and_run(root.path(), words).unwrap();
    run(&["load", "--data", "shop", "--store", "s"]);
    let stored = rusqlite::Connection::open(path("s").join("store.db")).unwrap();
    let window = "UPDATE product SET body = json_set(body, '$.available_from', 2000, '$.available_until', 1000) \
                  WHERE id = 'tea'";
    stored.execute(window, []).unwrap();
    let much = "UPDATE identity SET profile = json_set(profile, '$.attributes', json(?1)) WHERE id = 'ada'";
    let attributes = serde_json::json!({"note": "x".repeat(70_000)}).to_string();
    stored.execute(much, [attributes]).unwrap();
    drop(stored);
    run(&["export", "--store", "s", "--out", "out", "--format", "csv"]);
    let data = ShopData::open(&path("out"), ReadOptions::default()).unwrap();
    let products = data.products().unwrap().unwrap();
    let ids: Vec<_> = products.iter().map(|p| p.product_id.as_str()).collect();
    assert_eq!(ids, ["milk"]);
    // who refused something is heard whatever becomes of the rest of their row
    let customers: Vec<_> = data.customers().unwrap().map(Result::unwrap).collect();
    let ada = customers
        .iter()
        .find(|row| row.customer_id == "ada")
        .unwrap();
    assert_eq!(
        (ada.consents.contact, ada.attributes.len()),
        (Some(false), 0)
    );
    assert_eq!(data.touchpoints().unwrap().count(), 5);
}

#[test]
fn a_wrong_row_stops_the_load_and_a_repetition_goes_on() {
    let root = tempfile::tempdir().unwrap();
    let shop_dir = root.path().join("shop");
    std::fs::create_dir(&shop_dir).unwrap();
    let good = "customer_id,kind,at\nada,view,2025-01-01\nbob,view,2025-01-02\n";
    std::fs::write(
        shop_dir.join("touchpoints.csv"),
        format!("{good}eve,view,soon\n"),
    )
    .unwrap();
    let run = |words: &[&str]| parse_and_run(root.path(), words);
    let error = run(&["load", "--data", "shop", "--store", "s"]).unwrap_err();
    let text = format!("{error:#}");
    assert!(
        text.contains("touchpoints.csv") && text.contains("at"),
        "{text}"
    );
    run(&["load", "--data", "shop", "--store", "s", "--lenient"]).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let rows = runtime.block_on(exported(&root.path().join("s")));
    let seen: Vec<&Touchpoint> = rows
        .iter()
        .filter_map(|row| match row {
            ShopRow::Touchpoint(row) => Some(row),
            _ => None,
        })
        .collect();
    assert_eq!(seen.len(), 2);
}

#[test]
fn two_rows_of_one_product_or_customer_stop_the_load() {
    let root = tempfile::tempdir().unwrap();
    let shop_dir = root.path().join("shop");
    std::fs::create_dir(&shop_dir).unwrap();
    let write = |table: &str, text: &str| std::fs::write(shop_dir.join(table), text).unwrap();
    write("touchpoints.csv", "customer_id,kind\nada,view\n");
    let run = |words: &[&str]| parse_and_run(root.path(), words);
    for (table, column) in [
        ("products.csv", "product_id"),
        ("customers.csv", "customer_id"),
    ] {
        write(table, &format!("{column}\na\nb\na\n"));
        let error = run(&["load", "--data", "shop", "--store", "s"]).unwrap_err();
        let text = format!("{error:#}");
        let place = format!("{table}: row 3");
        assert!(text.contains(&place) && text.contains("row 1"), "{text}");
        std::fs::remove_file(shop_dir.join(table)).unwrap();
    }
}

#[test]
fn an_export_carries_what_the_server_takes_for_granted() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("shop")).unwrap();
    shop(&root.path().join("shop"));
    let run = |words: &[&str]| parse_and_run(root.path(), words).unwrap();
    run(&["load", "--data", "shop", "--store", "one"]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let configure = |consents: Consents| {
        runtime.block_on(async {
            let config = SqliteConfig::new(root.path().join("one"));
            let store = SqliteStore::open(config).unwrap();
            default_consents::keep(&store, &consents, NOW)
                .await
                .unwrap();
            store.close().await.unwrap();
        });
    };
    let log_of = |out: &str| {
        let data = ShopData::open(&root.path().join(out), ReadOptions::default()).unwrap();
        Log::load(&data, None).unwrap()
    };
    let reticent = Consents {
        infer_life_stage: Some(false),
        train: Some(true),
        ..Consents::default()
    };
    configure(reticent);
    run(&["export", "--store", "one", "--out", "a"]);
    let log = log_of("a");
    let bob = log.customer("bob").unwrap();
    assert!(!log.allows(bob, Purpose::InferLifeStage));
    assert!(log.allows(bob, Purpose::Train));

    configure(Consents {
        train: Some(false),
        ..reticent
    });
    run(&["export", "--store", "one", "--out", "b"]);
    assert_eq!(log_of("b").customer("bob"), None);
    run(&[
        "export", "--store", "one", "--out", "c", "--unsaid", "allow",
    ]);
    let log = log_of("c");
    let bob = log.customer("bob").unwrap();
    assert!(log.allows(bob, Purpose::Train));
    assert!(!log.allows(bob, Purpose::InferLifeStage));
}

#[test]
fn a_snapshot_takes_off_sale_only_what_it_is_certain_not_to_list() {
    let root = tempfile::tempdir().unwrap();
    let shop_dir = root.path().join("shop");
    std::fs::create_dir(&shop_dir).unwrap();
    let touched = "customer_id,kind,product_id\nada,view,tea\n";
    std::fs::write(shop_dir.join("touchpoints.csv"), touched).unwrap();
    let load = |products: &str, options: &[&str]| {
        std::fs::write(shop_dir.join("products.csv"), products).unwrap();
        let line = ["load", "--data", "shop", "--store", "s"];
        parse_and_run(root.path(), &[&line[..], options].concat())
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let on_sale = || -> Vec<String> {
        let products = runtime.block_on(exported(&root.path().join("s")));
        let on_sale = products.into_iter().filter_map(|row| match row {
            ShopRow::Product(row) if row.available_until.is_none() => Some(row.product_id),
            _ => None,
        });
        on_sale.collect()
    };
    let snapshot = ["--snapshot", "--lenient"];
    load("product_id,price\ntea,1\nmilk,2\nsoap,3\n", &[]).unwrap();
    // a wrong price is no reason to stop selling tea; soap is not listed any more
    load("product_id,price\ntea,\"12,x\"\nmilk,2\n", &snapshot).unwrap();
    assert_eq!(on_sale(), ["tea", "milk"]);
    // the row without an id may be that of tea
    load("product_id,price\n,1\nmilk,2\n", &snapshot).unwrap();
    assert_eq!(on_sale(), ["tea", "milk"]);
    for options in [&["--snapshot"][..], &snapshot] {
        let refused = load("product_id,price\n", options).unwrap_err();
        let text = format!("{refused:#}");
        assert!(text.contains("products.csv: lists no product"), "{text}");
        assert_eq!(on_sale(), ["tea", "milk"]);
    }
    std::fs::remove_file(shop_dir.join("products.csv")).unwrap();
    let line = ["load", "--data", "shop", "--store", "s", "--snapshot"];
    parse_and_run(root.path(), &line).unwrap();
    assert_eq!(on_sale(), ["tea", "milk"]);
}

#[test]
fn what_a_shop_said_of_itself_stands_until_later_data_say_otherwise() {
    let root = tempfile::tempdir().unwrap();
    let shop_dir = root.path().join("shop");
    std::fs::create_dir(&shop_dir).unwrap();
    std::fs::write(
        shop_dir.join("touchpoints.csv"),
        "customer_id,kind,product_id,at\nada,purchase,tea,2025-03-01\n",
    )
    .unwrap();
    let load = |shop: serde_json::Value| {
        std::fs::write(shop_dir.join("shop.json"), shop.to_string()).unwrap();
        parse_and_run(root.path(), &["load", "--data", "shop", "--store", "s"])
    };
    let exported = |out: &str| {
        parse_and_run(root.path(), &["export", "--store", "s", "--out", out]).unwrap();
        let data = ShopData::open(&root.path().join(out), ReadOptions::default()).unwrap();
        data.shop().clone()
    };
    let first = serde_json::json!({
        "shop_id": "corner", "as_of": "2025-05-01", "currency": "EUR", "club": "gold",
        "consents": {"train": false, "personalise": true},
    });
    load(first).unwrap();
    // what data leave out is not taken back, least of all whose store it is
    load(serde_json::json!({"as_of": "2025-06-01"})).unwrap();
    let refused = load(serde_json::json!({"shop_id": "market"})).unwrap_err();
    assert!(format!("{refused:#}").contains("market"), "{refused:#}");
    // older data fill in what nobody said, and take nothing back
    let older = serde_json::json!({
        "shop_id": "corner", "as_of": "2025-04-01", "currency": "USD", "locale": "de",
        "consents": {"train": true, "contact": false},
    });
    load(older).unwrap();
    let shop = exported("a");
    assert_eq!(shop.shop_id.as_deref(), Some("corner"));
    assert_eq!(shop.currency.as_deref(), Some("EUR"));
    assert_eq!(shop.locale.as_deref(), Some("de"));
    assert_eq!(shop.other["club"], "gold");
    let expected = Consents {
        train: Some(false),
        personalise: Some(true),
        contact: Some(false),
        ..Consents::default()
    };
    assert_eq!(shop.consents, expected);
    let later = serde_json::json!({"as_of": "2025-07-01", "consents": {"train": true}});
    load(later).unwrap();
    assert_eq!(exported("b").consents.train, Some(true));
}

#[test]
fn files_are_read_without_those_who_were_erased_after_them() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    std::fs::create_dir(path("shop")).unwrap();
    shop(&path("shop"));
    let run = |words: &[&str]| parse_and_run(root.path(), words).unwrap();
    // the store that belongs to the data lies beside them
    run(&["load", "--data", "shop"]);
    run(&["export", "--store", "shop-store", "--out", "night"]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = SqliteStore::open(SqliteConfig::new(path("shop-store"))).unwrap();
        let (card, by) = ("card".to_owned(), "test".to_owned());
        store.erase_customer(card, by, now_ms()).await.unwrap();
        store.close().await.unwrap();
    });
    for (data, ending) in [("shop", "csv"), ("night", "parquet")] {
        let data = ShopData::open(&path(data), ReadOptions::default()).unwrap();
        let log = Log::load(&data, None).unwrap();
        assert_eq!(log.customer("ada"), None);
        assert!(log.customer("bob").is_some());
        let left = data.served().unwrap().count();
        assert_eq!(left, 1);
        assert_eq!(data.delights().unwrap().count(), 0);
        let notes = data.notes().join("\n");
        for (table, rows) in [("touchpoints", "2 rows"), ("customers", "1 row")] {
            let note = format!("{table}.{ending}: {rows} of customers who were erased");
            assert!(notes.contains(&note), "{note}: {notes}");
        }
    }
    // what came after the erasure is of a new customer
    let after = now_ms() + 1_000;
    let later = format!(
        "customer_id,kind,product_id,at\nada,purchase,tea,{after}\nada,view,tea,1735689600000\n"
    );
    std::fs::write(path("shop").join("touchpoints.csv"), later).unwrap();
    let data = ShopData::open(&path("shop"), ReadOptions::default()).unwrap();
    let log = Log::load(&data, None).unwrap();
    let ada = log.customer("ada").unwrap();
    assert_eq!(log.histories.of(ada).len(), 1);
    // without the ledger nobody knows who is to be left out
    std::fs::remove_file(path("shop-store.erasures")).unwrap();
    for data in ["shop", "night"] {
        let error = ShopData::open(&path(data), ReadOptions::default()).unwrap_err();
        let words = error.to_string();
        assert!(
            words.contains("the ledger of erasures is missing"),
            "{words}"
        );
    }
}
