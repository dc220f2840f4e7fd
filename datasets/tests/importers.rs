//! Importers on small fixtures of our own, and against the known counts of the public sets.

use std::fs;
use std::path::{Path, PathBuf};

use serendib_datasets::importers::{import, ImportReport, Layout};
use serendib_shop::{
    check::check, describe::describe, noise::is_pooled, Customer, Fact, Format, Log, Product,
    Progress, ReadOptions, ShopData, Touchpoint,
};

struct Imported {
    _root: tempfile::TempDir,
    data: ShopData,
    report: ImportReport,
}

impl Imported {
    fn touchpoints(&self) -> Vec<Touchpoint> {
        self.data
            .touchpoints()
            .unwrap()
            .map(Result::unwrap)
            .collect()
    }

    fn held_out(&self) -> Vec<Touchpoint> {
        self.data.held_out().unwrap().map(Result::unwrap).collect()
    }

    fn products(&self) -> Vec<Product> {
        self.data.products().unwrap().unwrap_or_default()
    }

    fn customers(&self) -> Vec<Customer> {
        self.data.customers().unwrap().map(Result::unwrap).collect()
    }

    fn count(&self, what: &str) -> u64 {
        self.report
            .get(what)
            .unwrap_or_else(|| panic!("no count {what:?} in {:?}", self.report))
    }
}

fn run(layout: Layout, from: &Path, format: Format) -> Imported {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("shop");
    let report = import(layout, from, &out, format, &mut Progress::hidden()).unwrap();
    let data = ShopData::open(&out, ReadOptions::default()).unwrap();
    let problems = check(&data, 5, &mut Progress::hidden());
    assert_eq!(problems.problems, 0, "{problems}");
    Imported {
        _root: root,
        data,
        report,
    }
}

fn write(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    dir
}

fn failure(layout: Layout, files: &[(&str, &[u8])]) -> String {
    let from = write(files);
    let out = from.path().join("out");
    let error = import(
        layout,
        from.path(),
        &out,
        Format::Csv,
        &mut Progress::hidden(),
    )
    .expect_err("the source is wrong");
    assert!(!out.exists(), "a failed import leaves nothing");
    error
        .to_string()
        .replace(from.path().to_str().unwrap(), "DIR")
}

fn zstd(text: &str) -> Vec<u8> {
    zstd::encode_all(text.as_bytes(), 1).unwrap()
}

fn gzip(text: &str) -> Vec<u8> {
    use std::io::Write;
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(text.as_bytes()).unwrap();
    packer.finish().unwrap()
}

#[test]
fn lightgcn_reads_packed_files_and_sets_the_test_part_aside() {
    let from = write(&[
        ("train.txt.zst", &zstd("0 5 3 \n1 3\n2\n\n")),
        ("test.txt.gz", &gzip("0 7\n1 5 7\n")),
    ]);
    let shop = run(Layout::LightGcn, from.path(), Format::Csv);
    let rows = shop.touchpoints();
    let pairs: Vec<_> = rows
        .iter()
        .map(|row| (row.customer_id.as_str(), row.product_id.as_deref().unwrap()))
        .collect();
    assert_eq!(pairs, [("0", "5"), ("0", "3"), ("1", "3")]);
    assert!(rows
        .iter()
        .all(|row| row.kind == "purchase" && row.at.is_none()));
    assert_eq!(shop.held_out().len(), 3);
    assert_eq!(shop.count("users"), 2);
    let error = failure(Layout::LightGcn, &[("train.txt", b"0 1 2\nuser,item\n")]);
    assert!(
        error.starts_with("DIR/train.txt: row 2: \"user,item\" is not an id"),
        "{error}"
    );
    let error = failure(Layout::LightGcn, &[("other.txt", b"0 1")]);
    assert!(error.contains("holds no train.txt"), "{error}");
}

#[test]
fn ta_feng_keeps_baskets_in_order_without_their_marks() {
    let from = write(&[
        (
            "tafeng_history.json",
            br#"{"u": [[-1], [3, 1], [2], [-1]], "v": [[-1], [1], [-1]]}"#,
        ),
        ("tafeng_future.json", br#"{"u": [[-1], [9], [-1]]}"#),
    ]);
    let shop = run(Layout::TaFeng, from.path(), Format::Jsonl);
    let rows: Vec<_> = shop
        .touchpoints()
        .into_iter()
        .map(|row| {
            (
                row.customer_id,
                row.product_id.unwrap(),
                row.basket_id.unwrap(),
            )
        })
        .collect();
    let expected = [
        ("u", "3", "u-h1"),
        ("u", "1", "u-h1"),
        ("u", "2", "u-h2"),
        ("v", "1", "v-h1"),
    ];
    let expected = expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned()));
    assert_eq!(rows, expected);
    assert_eq!(shop.held_out()[0].product_id.as_deref(), Some("9"));
    assert_eq!(shop.count("baskets"), 3);
    for broken in [
        &br#"{"u": [["#[..],
        br#"{"u": [[1.5]]}"#,
        br"[1]",
        br#"{"u": [[1]]} x"#,
    ] {
        let error = failure(Layout::TaFeng, &[("a_history.json", broken)]);
        assert!(error.contains("is no object of user → baskets"), "{error}");
        assert!(error.contains("line 1"), "{error}");
    }
}

const INVOICES: &str = "\
InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
1,10001A,RED MUG,6,2011-07-01 08:26:00,2.5,17,United Kingdom
1,10001B,BLUE MUG,1,2011-07-01 08:26:00,2.5,17,United Kingdom
1,POST,POSTAGE,1,2011-07-01 08:26:00,3,17,United Kingdom
C2,10001A,RED  MUG ,-2,2011-01-02 09:00:00,2.5,17,France
3,10001a,RED MUG,1,2011-01-03 09:00:00,4.13,,United Kingdom
3,DOT,DOTCOM POSTAGE,1,2011-01-03 09:00:00,50,,United Kingdom
4,10001A,damaged,-9,2011-01-04 09:00:00,0,,United Kingdom
5,10001A,RED MUG ENAMEL,1,2011-01-05 09:00:00,2.5,18.0,United Kingdom
6,10001A,?,5,2011-01-05 09:00:00,0,,United Kingdom
7,20002,,1,2011-01-05 09:00:00,0,18,United Kingdom
A8,B,Adjust bad debt,1,2011-01-05 09:00:00,-11062.06,,United Kingdom
9,10001A,RED MUG,1,2011-01-05 09:00:00,2.5,,United Kingdom
";

#[test]
fn online_retail_flags_what_is_no_customers_choice() {
    let from = write(&[("online_retail.csv", INVOICES.as_bytes())]);
    let shop = run(Layout::OnlineRetail, from.path(), Format::Csv);
    let rows = shop.touchpoints();
    assert_eq!(rows.len(), 9);
    assert_eq!(shop.count("stock corrections and bad debts left out"), 3);
    let cancel = rows.iter().find(|row| row.kind == "cancel").unwrap();
    assert_eq!((cancel.quantity, cancel.value), (2.0, Some(5.0)));
    // summer time in London
    assert_eq!(
        serendib_shop::time::format_time(rows[0].at.unwrap()),
        "2011-07-01T07:26:00Z"
    );
    let pooled: Vec<_> = rows.iter().filter(|row| is_pooled(row)).collect();
    assert_eq!(pooled.len(), 2);
    assert!(pooled
        .iter()
        .all(|row| row.basket_id.as_deref() == Some("3")));
    let products = shop.products();
    let red = products.iter().find(|p| p.product_id == "10001A").unwrap();
    assert_eq!(red.title.as_deref(), Some("RED MUG"));
    assert_eq!(red.price, Some(2.5), "not the pooled orders' price");
    assert_eq!(
        (red.parent_id.as_deref(), red.variant.as_deref()),
        (Some("10001"), Some("A"))
    );
    let none: Vec<_> = products
        .iter()
        .filter(|p| p.is_non_product())
        .map(|p| p.product_id.as_str())
        .collect();
    assert_eq!(none, ["POST", "DOT"], "B stands on a bad debt only");
    assert_eq!(shop.count("codes merged that differ in case only"), 1);
    let customers = shop.customers();
    assert_eq!(customers[0].attributes["country"], "United Kingdom");
    assert_eq!(customers[1].customer_id, "18");
    let log = Log::load(&shop.data, None).unwrap();
    assert_eq!(log.anonymous.len(), 2);
    assert_eq!(log.anonymous_single().count(), 1);
    assert_eq!(shop.data.shop().currency.as_deref(), Some("GBP"));

    let broken = INVOICES.replace("2011-01-03 09:00:00,4.13", "3.1.2011,4.13");
    let error = failure(Layout::OnlineRetail, &[("x.csv", broken.as_bytes())]);
    assert!(
        error.contains("DIR/x.csv: row 5 (line 6): column InvoiceDate: \"3.1.2011\" is not a time"),
        "{error}"
    );
}

#[test]
fn movielens_reads_atomic_and_classic_files_alike() {
    let atomic = write(&[
        ("x.inter", b"user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t7\t4.5\t881250949\n2\t7\t1\t881250950\n"),
        ("x.item", b"item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n7\t\"Stand\" by Me\t1986\tAdventure Drama\n"),
        ("x.user", b"user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n1\t24\tM\twriter\t85711\n"),
    ]);
    let mut item = b"7|\"Stand\" by Me (1986)|01-Jan-1986||http://caf\xe9|0|0|1|0|0|0|0|0|1|0|0|0|0|0|0|0|0|0|0\n".to_vec();
    item.extend_from_slice(b"");
    let classic = write(&[
        ("u.data", b"1\t7\t4.5\t881250949\n2\t7\t1\t881250950\n"),
        ("u.item", &item),
        ("u.user", b"1|24|M|writer|85711\n"),
    ]);
    let one = run(Layout::MovieLens, atomic.path(), Format::Csv);
    let other = run(Layout::MovieLens, classic.path(), Format::Csv);
    assert_eq!(one.touchpoints(), other.touchpoints());
    assert_eq!(one.products(), other.products());
    assert_eq!(one.customers(), other.customers());
    let row = &one.touchpoints()[0];
    assert_eq!(
        (row.kind.as_str(), row.rating, row.at),
        ("rating", Some(4.5), Some(881_250_949_000))
    );
    let film = &one.products()[0];
    assert_eq!(film.title.as_deref(), Some("\"Stand\" by Me"));
    assert_eq!(film.category.as_deref(), Some("Adventure"));
    assert!(
        matches!(&one.customers()[0].facts[0], Fact::Free { key, value } if key == "age" && *value == 24)
    );
    let error = failure(Layout::MovieLens, &[("u.data", b"1\t7\t4.5\n")]);
    assert!(error.contains("DIR/u.data: row 1: has 3 fields"), "{error}");
    let error = failure(Layout::MovieLens, &[("u.data", b"1\t7\tgood\t5\n")]);
    assert!(
        error.contains("column rating: \"good\" is not a finite number"),
        "{error}"
    );
}

#[test]
fn movielens_reads_the_files_of_1m_as_the_classic_ones() {
    let item = b"7|\"Stand\" by Me (1986)|01-Jan-1986||x|0|0|1|0|0|0|0|0|1|0|0|0|0|0|0|0|0|0|0\n";
    let classic = write(&[
        ("u.data", b"1\t7\t4\t881250949\n2\t7\t1\t881250950\n"),
        ("u.item", item),
        ("u.user", b"1|24|M|writer|85711\n"),
    ]);
    let million = write(&[
        ("ratings.dat", b"1::7::4::881250949\n2::7::1::881250950\n"),
        (
            "movies.dat",
            b"7::\"Stand\" by Me (1986)::Adventure|Drama\n",
        ),
        ("users.dat", b"1::M::24::writer::85711\n"),
    ]);
    let one = run(Layout::MovieLens, classic.path(), Format::Csv);
    let other = run(Layout::MovieLens, million.path(), Format::Csv);
    assert_eq!(one.touchpoints(), other.touchpoints());
    assert_eq!(one.products(), other.products());
    assert_eq!(one.customers(), other.customers());
}

#[test]
fn movielens_lists_every_film_that_was_rated_and_each_once() {
    let ratings: &[u8] = b"userId,movieId,rating,timestamp\n1,7,4,5\n1,9,4,6\n2,9,3,7\n";
    let from = write(&[
        ("ratings.csv", ratings),
        ("movies.csv", b"movieId,title,genres\n7,Heat (1995),Drama\n"),
    ]);
    let shop = run(Layout::MovieLens, from.path(), Format::Csv);
    let ids: Vec<String> = shop.products().into_iter().map(|p| p.product_id).collect();
    assert_eq!(ids, ["7", "9"]);
    let twice: &[u8] = b"movieId,title,genres\n7,Heat (1995),Drama\n9,Alien,Horror\n7,Heat,Crime\n";
    let error = failure(
        Layout::MovieLens,
        &[("ratings.csv", ratings), ("movies.csv", twice)],
    );
    assert!(
        error.contains("row 3") && error.contains("\"7\" has a row already"),
        "{error}"
    );
}

#[test]
fn sources_without_a_row_are_refused() {
    let error = failure(Layout::MovieLens, &[("u.data", b"")]);
    assert!(error.contains("u.data: holds no ratings"), "{error}");
    let error = failure(Layout::Sequences, &[("a.txt", b"")]);
    assert!(error.contains("a.txt: holds no sequences"), "{error}");
}

#[test]
fn sequences_keep_the_last_item_for_the_test() {
    let from = write(&[
        ("toys.txt", b"1 10 11 12\n2 12\n"),
        (
            "toys_item2attributes.json",
            br#"{"10": [1, 2], "99": ["red"]}"#,
        ),
    ]);
    let shop = run(Layout::Sequences, from.path(), Format::Parquet);
    assert_eq!(shop.touchpoints().len(), 3);
    assert_eq!(shop.held_out().len(), 1);
    assert_eq!(shop.held_out()[0].product_id.as_deref(), Some("12"));
    let products = shop.products();
    assert_eq!(products.len(), 4);
    assert_eq!(
        products[0].attributes["attribute"],
        serde_json::json!(["1", "2"])
    );
    let error = failure(Layout::Sequences, &[("a.txt", b"1 2 3\n4\n")]);
    assert!(
        error.contains("DIR/a.txt: row 2: user 4 has no items"),
        "{error}"
    );
    let error = failure(Layout::Sequences, &[("a.txt", b"1 2\n1 3\n")]);
    assert!(error.contains("user 1 has a line already"), "{error}");
    let error = failure(
        Layout::Sequences,
        &[("a.txt", b"1 2\n"), ("b.txt", b"1 2\n")],
    );
    assert!(error.contains("holds 2 files that could be"), "{error}");
}

#[test]
fn mum_baby_turns_births_into_declared_clocks() {
    let from = write(&[
        (
            "trade_history.csv",
            b"user_id,auction_id,category_2,category_1,buy_mount,day\n1,50,202,28,2,20140919\n2,50,202,28,1,20131011\n",
        ),
        ("births.csv", b"user_id,birthday,gender\n1,20140130,1\n9,19840616,2\n1,20110302,0\n"),
    ]);
    let shop = run(Layout::MumBaby, from.path(), Format::Csv);
    assert_eq!(shop.products()[0].category.as_deref(), Some("28/202"));
    assert_eq!(shop.touchpoints()[0].quantity, 2.0);
    let customers = shop.customers();
    let born = |day: &str| Fact::Clock {
        clock: "child".into(),
        anchor: day.into(),
        name: None,
        kind: None,
    };
    assert_eq!(customers[0].facts, [born("2014-01-30"), born("2011-03-02")]);
    // A boy and a girl.
    assert!(customers[0].attributes.is_empty());
    assert_eq!(customers.len(), 2);
    assert_eq!(shop.count("of them without a trade"), 1);
    let error = failure(
        Layout::MumBaby,
        &[(
            "trade_history.csv",
            b"user_id,auction_id,category_2,category_1,buy_mount,day\n1,2,3,4,5,20149999\n",
        )],
    );
    assert!(
        error.contains("column day: \"20149999\" is not a day"),
        "{error}"
    );
}

#[test]
fn complete_journey_joins_its_side_tables() {
    let from = write(&[
        (
            "transactions_sample.csv",
            b"household_id,store_id,basket_id,product_id,quantity,sales_value,transaction_timestamp\n1,309,b1,25671,1.0,3.86,2017-01-28 19:06:53\n1,309,b1,777,0.0,0.0,2017-01-28 19:06:53\n",
        ),
        (
            "products.csv",
            b"product_id,manufacturer_id,department,brand,product_category,product_type,package_size\n25671,2,GROCERY,National,FRZN ICE,ICE - CRUSHED/CUBED,22 LB\n",
        ),
        ("campaigns.csv", b"campaign_id,household_id\n1,1\n"),
        ("campaign_descriptions.csv", b"campaign_id,campaign_type,start_date,end_date\n1,Type B,2017-03-03,2017-04-09\n"),
        ("coupons.csv", b"coupon_upc,product_id,campaign_id\n5,25671,1\n6,25671,1\n6,888,1\n"),
        ("coupon_redemptions.csv", b"household_id,coupon_upc,campaign_id,redemption_date\n1,5,1,2017-03-05\n1,6,1,2017-03-06\n"),
        ("demographics.csv", b"household_id,age,household_comp,kids_count\n1,25-34,2 Adults Kids,2\n"),
        ("promotions_sample.csv", b"product_id,store_id\n"),
    ]);
    let shop = run(Layout::CompleteJourney, from.path(), Format::Parquet);
    let rows = shop.touchpoints();
    let kinds: Vec<_> = rows.iter().map(|row| row.kind.as_str()).collect();
    assert_eq!(
        kinds,
        [
            "purchase",
            "purchase",
            "mailer",
            "coupon_redeemed",
            "coupon_redeemed"
        ]
    );
    assert_eq!(
        rows[3].product_id.as_deref(),
        Some("25671"),
        "good for one product only"
    );
    assert_eq!(rows[4].product_id, None);
    assert_eq!(rows[2].campaign_id.as_deref(), Some("1"));
    let products = shop.products();
    assert_eq!(
        products[0].category.as_deref(),
        Some("GROCERY/FRZN ICE/ICE - CRUSHED-CUBED")
    );
    assert_eq!(
        products[0].title.as_deref(),
        Some("ICE - CRUSHED/CUBED, 22 LB")
    );
    assert_eq!(products[1].product_id, "777");
    let facts = &shop.customers()[0].facts;
    assert!(facts.iter().any(
        |fact| matches!(fact, Fact::Free { key, value } if key == "kids_count" && *value == "2")
    ));
}

#[test]
fn a_shop_is_rewritten_in_another_format_without_loss() {
    let from = write(&[("online_retail.csv", INVOICES.as_bytes())]);
    let shop = run(Layout::OnlineRetail, from.path(), Format::Csv);
    let copy = run(Layout::Shop, shop.data.dir(), Format::Parquet);
    assert_eq!(copy.touchpoints(), shop.touchpoints());
    assert_eq!(copy.products(), shop.products());
    assert_eq!(copy.customers(), shop.customers());
    assert_eq!(copy.data.shop(), shop.data.shop());
    assert_eq!(copy.count("rows of touchpoints"), 9);
}

#[test]
fn an_import_never_overwrites() {
    let from = write(&[("train.txt", b"0 1\n")]);
    let out = write(&[("precious.txt", b"mine")]);
    let error = import(
        Layout::LightGcn,
        from.path(),
        out.path(),
        Format::Csv,
        &mut Progress::hidden(),
    )
    .unwrap_err();
    assert!(error.to_string().contains("is not empty"), "{error}");
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 1);
    let nowhere = Path::new("/no/such/source");
    let error = import(
        Layout::LightGcn,
        nowhere,
        &out.path().join("x"),
        Format::Csv,
        &mut Progress::hidden(),
    );
    assert!(error
        .unwrap_err()
        .to_string()
        .contains("there is no such file"));
}

/// The folder of a public set, or a message and `None`.
fn public(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("SERENDIB_PUBLIC_DATA").map(|root| Path::new(&root).join(name));
    match folder {
        Some(folder) if folder.is_dir() => Some(folder),
        _ => {
            // not by a macro, of which nothing is seen when a test passes
            let said = format!("skipped: SERENDIB_PUBLIC_DATA names no folder with {name}\n");
            std::io::Write::write_all(&mut std::io::stderr(), said.as_bytes()).unwrap();
            None
        }
    }
}

#[test]
fn public_gowalla_has_its_known_counts() {
    let Some(from) = public("gowalla") else {
        return;
    };
    let shop = run(Layout::LightGcn, &from, Format::Parquet);
    let log = Log::load(&shop.data, None).unwrap();
    assert_eq!(log.len(), 29_858);
    assert_eq!(log.catalogue.len(), 40_981);
    assert_eq!(log.histories.touches().len(), 810_128);
    assert_eq!(log.held_out(&shop.data).unwrap().len(), 217_242);
}

#[test]
fn public_ta_feng_has_its_known_counts() {
    let Some(from) = public("ta-feng") else {
        return;
    };
    let shop = run(Layout::TaFeng, &from, Format::Parquet);
    assert_eq!(shop.count("users"), 13_858);
    let mut items: std::collections::HashSet<_> = shop
        .touchpoints()
        .into_iter()
        .filter_map(|row| row.product_id)
        .collect();
    items.extend(shop.held_out().into_iter().filter_map(|row| row.product_id));
    assert_eq!(items.len(), 11_997);
}

#[test]
fn public_online_retail_has_its_known_counts() {
    let Some(from) = public("online-retail") else {
        return;
    };
    let shop = run(Layout::OnlineRetail, &from, Format::Parquet);
    assert_eq!(shop.count("rows read"), 541_909);
    assert_eq!(shop.count("customers"), 4_372);
    assert_eq!(shop.count("pooled invoices"), 710);
    assert_eq!(
        shop.count("touchpoints") + shop.count("stock corrections and bad debts left out"),
        541_909
    );
    let about = describe(&shop.data, 5, &mut Progress::hidden()).unwrap();
    assert_eq!(about.customers.touched, 4_372);
    assert_eq!((about.pooled_baskets, about.pooled_rows), (710, 125_215));
    assert_eq!(
        about.top[0].title.as_deref(),
        Some("REGENCY CAKESTAND 3 TIER")
    );
}

#[test]
fn public_movielens_has_its_known_counts() {
    let Some(from) = public("movielens-100k") else {
        return;
    };
    let shop = run(Layout::MovieLens, &from, Format::Parquet);
    assert_eq!(shop.count("ratings"), 100_000);
    assert_eq!((shop.count("items"), shop.count("users")), (1_682, 943));
    assert!(shop
        .products()
        .iter()
        .any(|p| p.title.as_deref() == Some("Toy Story")));
}

#[test]
fn public_beauty_has_its_known_counts() {
    let Some(from) = public("amazon-beauty") else {
        return;
    };
    let shop = run(Layout::Sequences, &from, Format::Parquet);
    assert_eq!((shop.count("users"), shop.count("items")), (22_363, 12_101));
    assert_eq!(shop.count("interactions held out"), 22_363);
    assert_eq!(shop.count("interactions") + 22_363, 198_502);
}

#[test]
fn public_mum_baby_has_its_known_counts() {
    let Some(from) = public("mum-baby") else {
        return;
    };
    let shop = run(Layout::MumBaby, &from, Format::Parquet);
    assert_eq!(shop.count("trades"), 29_971);
    assert_eq!(shop.count("customers with a birth date"), 468);
}

#[test]
fn public_complete_journey_has_its_known_counts() {
    let Some(from) = public("complete-journey") else {
        return;
    };
    let shop = run(Layout::CompleteJourney, &from, Format::Parquet);
    assert_eq!(shop.count("transaction lines"), 100_000);
    assert_eq!(shop.count("households with demographics"), 801);
    assert_eq!(
        (shop.count("mailers"), shop.count("coupons redeemed")),
        (6_589, 2_102)
    );
}
