//! The in-memory log: what training relies on.

use std::fs;

use serendib_shop::{
    basket_hash, CustomerIx, Format, Histories, Kind, KindClass, Log, ProductIx, ReadOptions,
    ShopData, Table, TableWriter, Touch, NO_PRODUCT,
};

const DAY: i64 = 86_400_000;

fn open(files: &[(&str, &str)]) -> (tempfile::TempDir, ShopData) {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(dir.path().join(name), text).unwrap();
    }
    let data = ShopData::open(dir.path(), ReadOptions::default()).unwrap();
    (dir, data)
}

const SHOP: &[(&str, &str)] = &[
    ("shop.json", r#"{"currency":"EUR","passive_kinds":["billboard"],"motto":"yes"}"#),
    (
        "products.csv",
        "product_id,title,non_product,colour\np,Pram,,red\nq,Quilt,,\npost,Postage,true,\n",
    ),
    (
        "customers.jsonl",
        "{\"customer_id\":\"eve\",\"facts\":[{\"clock\":\"child\",\"anchor\":\"2024-01-01\"}]}\n{\"customer_id\":\"ada\",\"tier\":\"gold\"}\n",
    ),
    (
        "touchpoints.csv",
        "customer_id,kind,product_id,at,basket_id,quantity,pooled,rating\n\
         bob,purchase,q,2024-05-03,b1,2,,\n\
         ada,view,p,2024-05-02,,,,\n\
         ada,billboard,,2024-05-01,,,,\n\
         ada,rating,p,2024-05-04,,,,4.5\n\
         ,purchase,p,2024-05-02,w1,1,,\n\
         ,purchase,q,2024-05-02,w1,3,,\n\
         ,purchase,q,2024-05-05,w1,1,,\n\
         ,purchase,p,2024-05-02,w2,1,true,\n\
         ,view,p,2024-05-02,w3,1,,\n\
         bob,purchase,post,2024-05-03,b1,1,,\n",
    ),
    (
        "held_out.csv",
        "customer_id,kind,product_id,at\nada,purchase,q,2024-06-01\nnew,purchase,q,2024-06-01\n",
    ),
];

#[test]
fn the_log_numbers_customers_in_order_and_sorts_their_histories() {
    let (_dir, data) = open(SHOP);
    let log = Log::load(&data, None).unwrap();
    let names: Vec<_> = log.customer_ids.names().iter().map(|n| &**n).collect();
    assert_eq!(names, ["bob", "ada", "eve"]);
    assert_eq!(log.len(), log.histories.len());
    let kinds: Vec<_> = log
        .histories
        .of(CustomerIx(1))
        .iter()
        .map(|t| log.encoder.kinds.name(t.kind))
        .collect();
    assert_eq!(kinds, ["billboard", "view", "rating"]);
    assert_eq!(log.histories.of(CustomerIx(1))[2].rating, 45);
    assert_eq!(log.histories.of(CustomerIx(2)), &[]);
    assert_eq!(log.histories.of(CustomerIx(99)), &[]);
    let billboard = log.encoder.kinds.get("billboard").unwrap();
    assert_eq!(log.encoder.kinds.class(billboard), KindClass::Passive);
    assert!(log.profiles[0].is_none());
    assert_eq!(log.profiles[1].as_ref().unwrap().attributes["tier"], "gold");
    assert_eq!(log.profiles[2].as_ref().unwrap().facts.len(), 1);
    assert_eq!(
        log.catalogue.product(ProductIx(0)).attributes["colour"],
        "red"
    );
    assert_eq!(data.shop().other["motto"], "yes");
    assert!(log.timed);
    let (first, last) = log.span.unwrap();
    assert_eq!(last - first, 4 * DAY);
}

#[test]
fn anonymous_baskets_and_pooled_orders_are_marked_and_noise_is_in_no_history() {
    let (_dir, data) = open(SHOP);
    let log = Log::load(&data, None).unwrap();
    assert_eq!(log.anonymous.len(), 2);
    assert_eq!(
        log.anonymous[0].lines,
        [(ProductIx(0), 1.0), (ProductIx(1), 4.0)]
    );
    assert_eq!(log.anonymous_ids[1], basket_hash("w2"));
    assert!(log.pooled_baskets.contains(&basket_hash("w2")));
    assert_eq!(log.anonymous_single().count(), 1);
    assert_eq!(log.non_product, [false, false, true]);
    let kept: Vec<_> = log
        .histories
        .of(CustomerIx(0))
        .iter()
        .map(|t| t.product)
        .collect();
    assert_eq!(
        kept,
        [ProductIx(1)],
        "what is no product is not in the history"
    );
}

#[test]
fn only_what_happened_before_the_cut_is_seen() {
    let (_dir, data) = open(SHOP);
    let cut = serendib_shop::time::parse_time("2024-05-03", data.zone()).unwrap();
    let log = Log::load(&data, Some(cut)).unwrap();
    assert!(log.histories.touches().iter().all(|touch| touch.at < cut));
    assert_eq!(log.histories.touches().len(), 2);
    assert!(log.span.unwrap().1 < cut);
    assert_eq!(log.customer_ids.get("bob"), None);
    let all = Log::load(&data, None).unwrap();
    let before = all.before(cut);
    assert_eq!(before.len(), all.len());
    assert_eq!(before.histories.touches().len(), 2);
    assert_eq!(before.span, log.span);
    assert_eq!(before.histories.of(CustomerIx(0)), &[]);
    assert_eq!(before.anonymous.len(), 2);
}

#[test]
fn held_out_rows_are_of_known_customers_and_unknown_products_stay_as_misses() {
    let (_dir, data) = open(SHOP);
    let log = Log::load(&data, None).unwrap();
    let held_out = log.held_out(&data).unwrap();
    assert_eq!(held_out.len(), 1);
    assert_eq!(
        (held_out[0].0, held_out[0].1.product),
        (CustomerIx(1), ProductIx(1))
    );

    let (_dir, data) = open(&[
        (
            "touchpoints.csv",
            "customer_id,kind,product_id\nada,purchase,p\n",
        ),
        (
            "held_out.csv",
            "customer_id,kind,product_id\nada,purchase,never-seen\n",
        ),
    ]);
    let log = Log::load(&data, None).unwrap();
    assert!(!log.timed && log.span.is_none());
    assert_eq!(
        log.catalogue.len(),
        1,
        "held_out never adds to the catalogue"
    );
    assert_eq!(log.held_out(&data).unwrap()[0].1.product, NO_PRODUCT);
}

#[test]
fn without_times_rows_keep_their_order_within_a_customer() {
    let (_dir, data) = open(&[(
        "touchpoints.csv",
        "customer_id,kind,product_id\na,purchase,1\nb,purchase,2\na,purchase,0\nb,purchase,1\na,purchase,2\n",
    )]);
    let log = Log::load(&data, None).unwrap();
    let order = |c| -> Vec<&str> {
        log.histories
            .of(c)
            .iter()
            .map(|t| log.catalogue.product(t.product).product_id.as_str())
            .collect()
    };
    assert_eq!(order(CustomerIx(0)), ["1", "0", "2"]);
    assert_eq!(order(CustomerIx(1)), ["2", "1"]);
    assert_eq!(log.before(0).histories.touches().len(), 5);
}

#[test]
fn parts_of_a_folder_are_one_table_in_order_of_their_names() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("touchpoints");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("part-1.csv"), "customer_id,kind\na,view\n").unwrap();
    fs::write(
        folder.join("part-2.csv"),
        "kind,channel,customer_id\nview,web,b\n",
    )
    .unwrap();
    fs::write(folder.join("_SUCCESS"), "").unwrap();
    fs::write(folder.join(".part-3.csv.crc"), "").unwrap();
    let data = ShopData::open(dir.path(), ReadOptions::default()).unwrap();
    let ids: Vec<_> = data
        .touchpoints()
        .unwrap()
        .map(|row| row.unwrap().customer_id)
        .collect();
    assert_eq!(ids, ["a", "b"]);
}

#[test]
fn the_same_shop_in_every_format_is_the_same_log() {
    let (_dir, data) = open(SHOP);
    let expected = Log::load(&data, None).unwrap();
    for format in Format::all() {
        let dir = tempfile::tempdir().unwrap();
        let mut table = TableWriter::create(dir.path(), Table::Touchpoints, format).unwrap();
        data.touchpoints()
            .unwrap()
            .for_each(|row| table.touchpoint(&row.unwrap()).unwrap());
        table.finish().unwrap();
        let mut table = TableWriter::create(dir.path(), Table::Products, format).unwrap();
        data.product_rows()
            .unwrap()
            .for_each(|row| table.product(&row.unwrap()).unwrap());
        table.finish().unwrap();
        let copy = ShopData::open(dir.path(), ReadOptions::default()).unwrap();
        let log = Log::load(&copy, None).unwrap();
        assert_eq!(log.pooled_baskets, expected.pooled_baskets, "{format}");
        assert_eq!(log.non_product, expected.non_product);
        assert_eq!(log.anonymous, expected.anonymous);
        assert_eq!(
            log.histories.of(CustomerIx(0)),
            expected.histories.of(CustomerIx(0))
        );
    }
}

#[test]
fn grouping_in_place_equals_grouping_by_lists() {
    let touch = |at: i64, quantity: f32| Touch {
        at,
        basket: 0,
        product: ProductIx(0),
        quantity,
        value: 0.0,
        duration_s: 0.0,
        kind: Kind::VIEW,
        channel: 0,
        line: 0,
        pages: 0,
        rating: 0,
        cause: serendib_shop::Cause::Unsaid,
        gift: false,
    };
    let mut state = 7u64;
    let mut random = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        state >> 33
    };
    let owners: Vec<CustomerIx> = (0..5_000)
        .map(|_| CustomerIx((random() % 37) as u32))
        .collect();
    let touches: Vec<Touch> = (0..5_000)
        .map(|row| touch((random() % 50) as i64, row as f32))
        .collect();
    let grouped = Histories::group(38, owners.clone(), touches.clone());
    assert_eq!(grouped.len(), 38);
    for customer in CustomerIx::all(38) {
        let mut expected: Vec<Touch> = owners
            .iter()
            .zip(&touches)
            .filter(|(owner, _)| **owner == customer)
            .map(|(_, touch)| *touch)
            .collect();
        expected.sort_by_key(|touch| touch.at);
        assert_eq!(grouped.of(customer), expected);
    }
    let partial = Histories::group(20, owners.clone(), touches);
    let kept = owners.iter().filter(|owner| owner.index() < 20).count();
    assert_eq!(partial.touches().len(), kept);
}
