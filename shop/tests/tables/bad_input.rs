//! Wrong data: each mistake gives one clear error that names its place, and nothing panics.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use serendib_shop::{
    check::check, CustomerIx, Format, Log, Product, Progress, ReadOptions, Shelves, ShopData,
    Table, TableWriter, Touchpoint,
};

const LENIENT: ReadOptions = ReadOptions { lenient: true };

fn shop(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

fn load(dir: &Path, options: ReadOptions) -> Result<Log, String> {
    let data = ShopData::open(dir, options).map_err(|error| error.to_string())?;
    Log::load(&data, None).map_err(|error| error.to_string())
}

/// The message of loading a shop, without the directory's name.
fn message(files: &[(&str, &str)]) -> String {
    let dir = shop(files);
    let error = load(dir.path(), ReadOptions::default()).expect_err("the data are wrong");
    let home = format!("{}/", dir.path().display());
    error
        .replace(&home, "")
        .replace(dir.path().to_str().unwrap(), "DIR")
}

#[test]
fn every_mistake_names_file_row_and_column() {
    let touchpoints = |rows: &str| format!("customer_id,kind,product_id,at,quantity,value\n{rows}");
    let cases: &[(&str, &str)] = &[
        (
            "ada,purchase,p,yesterday,1,",
            "row 1 (line 2): column at: \"yesterday\" is not a time",
        ),
        (
            "ada,purchase,p,2024-02-30,1,",
            "row 1 (line 2): column at: \"2024-02-30\" is not a time",
        ),
        (
            "ada,purchase,p,1820-01-01,1,",
            "row 1 (line 2): column at: ",
        ),
        (
            "ada,purchase,p,,two,",
            "row 1 (line 2): column quantity: \"two\" is not a finite number",
        ),
        (
            "ada,purchase,p,,NaN,",
            "row 1 (line 2): column quantity: \"NaN\" is not a finite number",
        ),
        (
            "ada,purchase,p,,1,inf",
            "row 1 (line 2): column value: \"inf\" is not a finite number",
        ),
        (
            "ada,view,p,,-1,",
            "row 1 (line 2): column quantity: is -1, expected a finite number ≥ 0",
        ),
        (
            "ada,view,,,,\nada,,p,,1,",
            "row 2 (line 3): column kind: is empty",
        ),
        (
            ",purchase,p,,1,",
            "row 1 (line 2): column customer_id: is empty and there is no basket_id",
        ),
        (
            "a\u{7}da,purchase,p,,1,",
            "row 1 (line 2): column customer_id: id holds control character U+0007",
        ),
        (
            "ada,purchase,p,,1",
            "row 1 (line 2): has 5 fields, the header has 6",
        ),
        (
            "ada,view,,2024-05-01,,\nada,view,,,,",
            "row 2 (line 3): column at: is empty, but rows before have a time",
        ),
        (
            "ada,view,,,,\nada,view,,2024-05-01,,",
            "row 2 (line 3): column at: has a time, but rows before have none",
        ),
    ];
    for (rows, expected) in cases {
        let found = message(&[("touchpoints.csv", &touchpoints(rows))]);
        assert!(found.starts_with("touchpoints.csv: "), "{found}");
        assert!(
            found.contains(expected),
            "{rows:?} gave {found:?}, expected {expected:?}"
        );
    }
    let long = "x".repeat(257);
    let found = message(&[("touchpoints.csv", &touchpoints(&format!("{long},view,,,,")))]);
    assert!(
        found.contains("column customer_id: id has 257 bytes"),
        "{found}"
    );
}

#[test]
fn what_is_yet_to_happen_is_refused_and_skipped() {
    let ahead = chrono::Utc::now() + chrono::TimeDelta::days(3);
    let text = format!(
        "customer_id,kind,at\nc1,view,2024-05-01\nc1,view,{}\nc2,view,2024-05-02\n",
        ahead.to_rfc3339()
    );
    let found = message(&[("touchpoints.csv", &text)]);
    for word in ["touchpoints.csv", "line 3", "at", "in the future"] {
        assert!(found.contains(word), "{found}");
    }
    let dir = shop(&[("touchpoints.csv", &text)]);
    let log = load(dir.path(), ReadOptions { lenient: true }).unwrap();
    assert_eq!(log.histories.touches().len(), 2);
    assert!(log.span.unwrap().1 < 1_800_000_000_000);
}

#[test]
fn wrong_products_and_customers_name_their_place() {
    let cases: &[(&str, &str, &str)] = &[
        ("products.csv", "product_id,price\np,NaN\n", "products.csv: row 1 (line 2): column price: \"NaN\" is not a finite number"),
        ("products.csv", "product_id,price\np,-1\n", "column price: is -1, expected a finite number ≥ 0"),
        ("products.csv", "product_id\np\nq\np\n", "products.csv: row 3 (line 4): column product_id: \"p\" is already in row 1"),
        ("products.csv", "product_id,title\n,Nothing\n", "column product_id: is empty"),
        ("products.csv", "product_id,item_type\np,animal\n", "column item_type: \"animal\" is not one of"),
        ("products.csv", "product_id,durable\np,maybe\n", "column durable: \"maybe\" is not true or false"),
        ("products.csv", "product_id,stock\np,1.5\n", "column stock: \"1.5\" is not a whole number"),
        ("products.csv", "product_id,attributes\np,{broken\n", "column attributes: \"{broken\" is not JSON"),
        ("products.csv", "product_id,pack_quantity\np,0\n", "column pack_quantity: is 0, expected a finite number > 0"),
        ("products.jsonl", "{\"product_id\":\"p\"}\n[1]\n", "products.jsonl: row 2: not a JSON object"),
        ("products.jsonl", "{\"title\":\"p\"}\n", "products.jsonl: row 1: column product_id: is empty"),
        ("customers.csv", "customer_id,facts\nada,\"[{\"\"clock\"\":\"\"child\"\",\"\"anchor\"\":\"\"soon\"\"}]\"\n", "column facts: [0].anchor is \"soon\", expected a date"),
        ("customers.csv", "customer_id,consents\nada,\"{\"\"tarin\"\":true}\"\n", "column consents: "),
        ("customers.csv", "customer_id\nada\nada\n", "row 2 (line 3): column customer_id: \"ada\" appears twice"),
    ];
    for (file, text, expected) in cases {
        let found = message(&[(file, text)]);
        assert!(
            found.contains(expected),
            "{text:?} gave {found:?}, expected {expected:?}"
        );
    }
}

#[test]
fn wrong_files_are_named() {
    let cases: &[(&[(&str, &str)], &str)] = &[
        (
            &[("touchpoints.csv", "")],
            "touchpoints.csv: is empty, expected a header row",
        ),
        (
            &[("touchpoints.csv", "customer,what\nada,view\n")],
            "touchpoints.csv: column customer_id, kind is missing, the header has: customer, what",
        ),
        (
            &[("touchpoints.csv", "customer_id;kind\nada;view\n")],
            "columns must be separated by commas",
        ),
        (
            &[("touchpoints.csv", "customer_id,kind,kind\nada,view,view\n")],
            "touchpoints.csv: column \"kind\" appears twice in the header",
        ),
        (
            &[("touchpoints.parquet", "not parquet at all")],
            "touchpoints.parquet: not readable as Parquet",
        ),
        (
            &[("touchpoints.parquet", "")],
            "touchpoints.parquet: not readable as Parquet",
        ),
        (
            &[("touchpoints.csv.zst", "plain text")],
            "touchpoints.csv.zst: is not packed as its name says",
        ),
        (
            &[
                ("touchpoints.csv", "customer_id,kind\n"),
                ("touchpoints.jsonl", ""),
            ],
            "DIR: holds table touchpoints twice",
        ),
        (
            &[
                ("touchpoints.csv", "customer_id,kind\n"),
                ("touchpoints/a.csv", "customer_id,kind\n"),
            ],
            "DIR: holds table touchpoints twice",
        ),
        (
            &[
                ("touchpoints/a.csv", "customer_id,kind\n"),
                ("touchpoints/b.jsonl", ""),
            ],
            "touchpoints: holds parts in two formats, csv and jsonl",
        ),
        (
            &[("touchpoints/notes.txt", "")],
            "touchpoints/notes.txt: is no table file",
        ),
        (&[("data.txt", "")], "DIR: holds no table of shop data"),
        (
            &[("shop.json", "{"), ("products.csv", "product_id\n")],
            "shop.json: not JSON",
        ),
        (
            &[("shop.json", r#"{"time_zone":"Mars"}"#)],
            "shop.json: time_zone \"Mars\" is no IANA time zone",
        ),
    ];
    for (files, expected) in cases {
        let found = message(files);
        assert!(
            found.contains(expected),
            "{files:?} gave {found:?}, expected {expected:?}"
        );
    }
    let nowhere = ShopData::open(Path::new("/no/such/place"), ReadOptions::default());
    assert!(nowhere
        .unwrap_err()
        .to_string()
        .starts_with("could not open directory /no/such/place"));
}

#[test]
fn a_product_that_is_not_in_the_table_is_history_and_not_for_sale() {
    let touchpoints = (
        "touchpoints.csv",
        "customer_id,kind,product_id\nada,view,p\nada,purchase,q\nbob,purchase,q\n",
    );
    let sells = |log: &Log| {
        let shelves = Shelves::of_catalogue(Arc::new(log.catalogue.clone()));
        let on_sale = |id: &str| shelves.sells(log.catalogue.find(id).unwrap(), i64::MAX);
        ["p", "q"].map(on_sale)
    };
    let dir = shop(&[touchpoints, ("products.csv", "product_id\np\n")]);
    let data = ShopData::open(dir.path(), ReadOptions::default()).unwrap();
    let log = Log::load(&data, None).unwrap();
    assert_eq!(sells(&log), [true, false]);
    assert_eq!(log.histories.touches().len(), 3);
    let report = check(&data, 10, &mut Progress::hidden());
    assert_eq!(report.problems, 0, "{report}");
    let note = "1 product of 2 rows are not in the products table";
    assert!(report.to_string().contains(note), "{report}");
    let dir = shop(&[touchpoints]);
    let log = load(dir.path(), ReadOptions::default()).unwrap();
    assert_eq!(sells(&log), [true, true]);
}

#[test]
fn lenient_reading_skips_and_counts() {
    let dir = shop(&[
        ("products.csv", "product_id,price\np,1\np,2\nq,NaN\n"),
        (
            "touchpoints.csv",
            "customer_id,kind,product_id,at\nada,view,p,2024-05-01\nada,view,p,never\nada,view\nada,view,q,2024-05-02\nbob,view,p,\nbob,view,p,2024-05-03\n",
        ),
    ]);
    let data = ShopData::open(dir.path(), LENIENT).unwrap();
    let log = Log::load(&data, None).unwrap();
    assert_eq!(log.catalogue.len(), 2, "q is history without its row");
    assert_eq!(log.histories.touches().len(), 3);
    for _ in 0..2 {
        // once, however often the tables are read
        assert_eq!(data.skipped(Table::Products), 2);
        assert_eq!(data.skipped(Table::Touchpoints), 3);
        Log::load(&data, None).unwrap();
    }
    let told = data.notes().join("\n");
    for word in [
        "products: 2 wrong rows skipped: 1 by column price, 1 by column product_id",
        "touchpoints: 3 wrong rows skipped: 1 unreadable, 2 by column at",
        "column at: \"never\" is not a time",
    ] {
        assert!(told.contains(word), "{told}");
    }
}

#[test]
fn empty_tables_and_an_empty_directory_are_a_shop_without_anything() {
    for files in [
        &[][..],
        &[("touchpoints.csv", "customer_id,kind\n")][..],
        &[
            ("touchpoints.jsonl", "\n\n"),
            ("products.csv", "product_id\n"),
        ][..],
    ] {
        let dir = shop(files);
        let log = load(dir.path(), ReadOptions::default()).unwrap();
        assert!(log.is_empty() && log.catalogue.is_empty() && log.span.is_none());
    }
}

#[test]
fn check_finds_every_problem_and_counts_beyond_its_limit() {
    let mut rows = String::from("customer_id,kind,product_id,at\n");
    for row in 0..50 {
        rows.push_str(&format!("c{row},view,p,2024-05-00\n"));
    }
    rows.push_str("ada,purchse,p,2024-05-01\n");
    let dir = shop(&[
        ("touchpoints.csv", &rows),
        ("products.csv", "product_id,price\np,1\np,1\n"),
        ("stock.csv", "product_id,quantity\nz,5\n"),
        (
            "boxes.csv",
            "box_id,customer_id,slots,surprise_slots\nb,ada,2,3\n",
        ),
        ("product.csv", "a typing mistake"),
    ]);
    let data = ShopData::open(dir.path(), ReadOptions::default()).unwrap();
    let report = check(&data, 10, &mut Progress::hidden());
    assert_eq!(report.problems, 1 + 50 + 1 + 1);
    assert_eq!(report.first.len(), 10);
    assert_eq!(report.tables["touchpoints"].rows, 51);
    assert_eq!(report.tables["touchpoints"].problems, 50);
    let text = report.to_string();
    assert!(text.contains("and 43 more"), "{text}");
    assert!(
        text.contains("purchse (1; did you mean purchase?)"),
        "{text}"
    );
    assert!(
        text.contains("not part of shop data: product.csv"),
        "{text}"
    );
    assert_eq!(report.first[0].column.as_deref(), Some("product_id"));
    assert_eq!(report.first[0].row, Some(2));
    assert!(report.first[0].file.ends_with("products.csv"));
}

#[test]
fn check_goes_on_behind_a_damaged_part() {
    let dir = shop(&[
        ("touchpoints/1.csv", "customer_id,kind\nada,view\n"),
        ("touchpoints/2.csv", "nothing,known\nada,view\n"),
        ("touchpoints/3.csv", "kind,customer_id\nview,\nview,bob\n"),
    ]);
    let data = ShopData::open(dir.path(), ReadOptions::default()).unwrap();
    let report = check(&data, 10, &mut Progress::hidden());
    assert_eq!(report.problems, 2, "{report}");
    assert_eq!(report.tables["touchpoints"].rows, 3);
    let report = check(&open_clean(), 10, &mut Progress::hidden());
    assert_eq!(report.problems, 0);
}

fn open_clean() -> ShopData {
    let dir = shop(&[("touchpoints.csv", "customer_id,kind\nada,view\n")]);
    let data = ShopData::open(dir.path(), ReadOptions::default()).unwrap();
    // the directory must outlive the reader
    std::mem::forget(dir);
    data
}

#[test]
fn a_customer_with_very_many_touchpoints_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut table = TableWriter::create(dir.path(), Table::Touchpoints, Format::Parquet).unwrap();
    let mut row = Touchpoint::new("ada", "view");
    for at in 0..200_000 {
        row.at = Some(1_700_000_000_000 - at);
        table.touchpoint(&row).unwrap();
    }
    table.finish().unwrap();
    let log = load(dir.path(), ReadOptions::default()).unwrap();
    let history = log.histories.of(CustomerIx(0));
    assert_eq!(history.len(), 200_000);
    assert!(history.is_sorted_by_key(|touch| touch.at));
}

/// A small shop in `format`, as bytes of its one table.
fn table_bytes(format: Format) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let mut table = TableWriter::create(dir.path(), Table::Products, format).unwrap();
    for number in 0..200 {
        let product = Product {
            title: Some(format!("Thing {number}, \"quoted\"\nand more")),
            price: Some(f64::from(number) / 7.0),
            stock: (number % 3 == 0).then_some(i64::from(number)),
            allergens: vec!["nuts".into()],
            ..Product::bare(format!("p{number}"))
        };
        table.product(&product).unwrap();
    }
    table.finish().unwrap();
    fs::read(dir.path().join(format!("products.{format}"))).unwrap()
}

/// Reads whatever the bytes are to the end; the outcome does not matter, only that there is one.
fn read_all(name: &str, bytes: &[u8]) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(name), bytes).unwrap();
    for lenient in [false, true] {
        let Ok(data) = ShopData::open(dir.path(), ReadOptions { lenient }) else {
            continue;
        };
        if let Ok(rows) = data.product_rows() {
            let _ = rows.take(10_000).filter(Result::is_err).count();
        }
        let _ = check(&data, 3, &mut Progress::hidden());
    }
}

#[test]
fn truncated_and_altered_tables_never_panic() {
    std::panic::set_hook(Box::new(|_| {}));
    for format in Format::all() {
        let bytes = table_bytes(format);
        let name = format!("products.{format}");
        for step in 0..40 {
            read_all(&name, &bytes[..bytes.len() * step / 40]);
            let mut altered = bytes.clone();
            let at = (bytes.len() * step / 40 + step * 31) % bytes.len();
            altered[at] ^= 1 << (step % 8);
            read_all(&name, &altered);
        }
    }
    let _ = std::panic::take_hook();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn random_bytes_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        text in "[a-z0-9,\"{}:\\[\\]\n\r. -]{0,300}",
    ) {
        for format in Format::all() {
            let name = format!("products.{format}");
            read_all(&name, &bytes);
            read_all(&name, text.as_bytes());
            read_all(&name, format!("product_id,price,attributes,at\n{text}").as_bytes());
        }
        read_all("shop.json", text.as_bytes());
    }
}
