//! Batch answers equal the server's: every kind of list, every customer of a small shop, with what makes them differ most
//! easily: products that came after the model, entries that are no products, customers without consent, the holdout, and a
//! clock that stands at one time for both.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use clap::Parser;
use serendib_proto::v1::ListKind;
use serendib_service::cli::run_words;
use serendib_shop::in_holdout;
use serendib_training::cli::{fit, recommend};

use crate::support::{request, Shop};

const DAY_MS: i64 = 86_400_000;
const START: i64 = 1_735_689_600_000;
const CUSTOMERS: usize = 90;
const HOLDOUT_PERCENT: f64 = 8.0;
const COUNT: u32 = 8;

const KINDS: [(ListKind, &str); 8] = [
    (ListKind::ForYou, "for-you"),
    (ListKind::Similar, "similar"),
    (ListKind::GoesWith, "goes-with"),
    (ListKind::NextInLife, "next-in-life"),
    (ListKind::BuyAgain, "buy-again"),
    (ListKind::NextBasket, "next-basket"),
    (ListKind::Surprise, "surprise"),
    (ListKind::Popular, "popular"),
];

#[derive(Parser)]
struct Fit {
    #[command(flatten)]
    args: fit::FitArgs,
}

#[derive(Parser)]
struct Recommend {
    #[command(flatten)]
    args: recommend::RecommendArgs,
}

/// Pseudo-random numbers that are the same on every machine.
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % n
    }
}

/// The tables of a shop of groceries, baby things and books: until day 300, or, with `later`, until day 360 with products,
/// orders and postage that a model of the first does not know.
fn write_shop(dir: &Path, later: bool) {
    std::fs::create_dir_all(dir).unwrap();
    let mut products = String::from("product_id,title,category,price,durable,non_product\n");
    let shelves = [("food", 12), ("baby", 10), ("books", 14)];
    for (category, count) in shelves {
        for n in 0..count {
            let durable = category == "books";
            let price = 3 + n;
            writeln!(
                products,
                "{category}-{n},{category} thing {n},{category}/kind-{},{price},{durable},",
                n % 3
            )
            .unwrap();
        }
    }
    products.push_str("postage,Postage,,4,false,true\n");
    if later {
        products.push_str("food-new,Food thing new,food/kind-1,6,false,\n");
        products.push_str("books-new,Books thing new,books/kind-2,9,true,\n");
        products.push_str("express,Express delivery,,8,false,true\n");
    }
    std::fs::write(dir.join("products.csv"), products).unwrap();

    let mut touches = String::from("customer_id,kind,at,product_id,quantity,value,basket_id\n");
    let mut customers = String::from("customer_id,consents,facts\n");
    let last = if later { 360 } else { 300 };
    for customer in 0..CUSTOMERS {
        let mut draw = Draw(customer as u64 + 1);
        let says = if customer % 11 == 5 {
            r#""{""personalise"": false}""#
        } else {
            ""
        };
        let born = format!("2024-{:02}-10", 1 + draw.below(12));
        let fact = format!(r#""[{{""clock"": ""child"", ""anchor"": ""{born}""}}]""#);
        let fact = if customer % 3 == 0 { &fact } else { "" };
        writeln!(customers, "c{customer},{says},{fact}").unwrap();
        let rhythm = 9 + draw.below(20);
        let mut day = draw.below(30);
        let mut order = 0;
        while day < 360 {
            let at = START + day as i64 * DAY_MS + customer as i64 * 1_000;
            let mut lines = vec![format!("food-{}", draw.below(3) + customer as u64 % 6)];
            lines.push(format!("food-{}", draw.below(12)));
            if customer % 3 == 0 {
                lines.push(format!("baby-{}", (day / 40 + draw.below(2)) % 10));
            }
            if draw.below(3) == 0 {
                lines.push(format!("books-{}", draw.below(14)));
            }
            if day >= 300 && draw.below(2) == 0 {
                lines.push("food-new".into());
                lines.push("express".into());
            }
            lines.push("postage".into());
            lines.sort();
            lines.dedup();
            if day < last {
                for product in lines {
                    writeln!(
                        touches,
                        "c{customer},purchase,{at},{product},1,5,o{customer}-{order}"
                    )
                    .unwrap();
                }
            }
            order += 1;
            day += rhythm + draw.below(5);
        }
    }
    std::fs::write(dir.join("touchpoints.csv"), touches).unwrap();
    std::fs::write(dir.join("customers.csv"), customers).unwrap();
}

type Lists = BTreeMap<String, Vec<(String, f64)>>;

/// The lists that the batch command writes for everybody and for nobody.
fn batch(dir: &Path, kind: &str, now: i64) -> Lists {
    let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let mut asked = String::from("customer_id\nnobody\n");
    (0..CUSTOMERS).for_each(|n| writeln!(asked, "c{n}").unwrap());
    std::fs::write(dir.join("asked.csv"), asked).unwrap();
    let (models, data, asked, out) = (
        path("models"),
        path("later"),
        path("asked.csv"),
        path("out.csv"),
    );
    let (now, count) = (now.to_string(), COUNT.to_string());
    let words = [
        "batch",
        "--models",
        &models,
        "--data",
        &data,
        "--customers",
        &asked,
        "--kind",
        kind,
        "--count",
        &count,
        "--at",
        &now,
        "--seed",
        "1",
        "--out",
        &out,
    ];
    recommend::run(&Recommend::parse_from(words).args).unwrap();
    let mut lists = Lists::new();
    for row in std::fs::read_to_string(out).unwrap().lines().skip(1) {
        let cells: Vec<&str> = row.split(',').collect();
        let list = lists.entry(cells[0].to_owned()).or_default();
        list.push((cells[2].to_owned(), cells[3].parse().unwrap()));
    }
    lists
}

/// Whether two lists say the same: the same scores within 1e-4, and the same products but for near-ties.
fn same(a: &[(String, f64)], b: &[(String, f64)]) -> bool {
    let near = |x: f64, y: f64| (x - y).abs() <= 1e-4 * x.abs().max(1.0);
    let found = |(product, score): &(String, f64), other: &[(String, f64)]| {
        let edge = other.last().is_some_and(|(_, last)| near(*last, *score));
        edge || other.iter().any(|(p, s)| p == product && near(*s, *score))
    };
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| near(a.1, b.1))
        && a.iter().all(|row| found(row, b))
        && b.iter().all(|row| found(row, a))
}

#[tokio::test(flavor = "multi_thread")]
async fn batch_equals_online_for_every_kind_and_customer() {
    let dir = tempfile::TempDir::new().unwrap();
    write_shop(&dir.path().join("early"), false);
    write_shop(&dir.path().join("later"), true);
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (early, later, models, store) =
        (path("early"), path("later"), path("models"), path("store"));
    let words = ["fit", "--data", &early, "--out", &models, "--json"];
    fit::run(&Fit::parse_from(words).args).unwrap();
    std::thread::spawn({
        let later = later.clone();
        move || run_words(["serendib", "load", "--data", &later, "--store", &store])
    })
    .join()
    .unwrap()
    .unwrap();
    let shop = Shop::over(dir, |raw| {
        raw.recommend.holdout_percent = HOLDOUT_PERCENT as _;
        raw.recommend.log_served = false;
    })
    .await;
    let now = START + 365 * DAY_MS;
    // the baskets of all customers are gathered in the background
    tokio::time::sleep(Duration::from_secs(6)).await;
    let mut differ = Vec::new();
    let mut held = 0;
    for (kind, name) in KINDS {
        let expected = batch(shop.dir.path(), name, now);
        let mut shown = 0;
        for customer in (0..CUSTOMERS).map(|n| format!("c{n}")) {
            let mut ask = request(&customer, kind, COUNT);
            ask.context.get_or_insert_with(Default::default).at_ms = Some(now);
            let answer = shop.ask(ask).await;
            let list: Vec<(String, f64)> = answer.lists[0]
                .items
                .iter()
                .map(|item| (item.product_id.clone(), item.score))
                .collect();
            let postage = |id: &str| matches!(id, "postage" | "express");
            assert!(list.iter().all(|(id, _)| !postage(id)), "{name} {customer}");
            let inside = in_holdout(&customer, HOLDOUT_PERCENT);
            assert_eq!(answer.holdout, inside);
            held += usize::from(inside);
            let who = if inside { "nobody" } else { &customer };
            let mut batch = expected.get(who).map_or(&[][..], Vec::as_slice);
            let mut list = &list[..];
            if let Some(drawn) = answer.lists[0]
                .items
                .iter()
                .position(|i| i.propensity.is_some())
            {
                // the server draws the last place of surprises to learn from it, a batch does not
                assert_eq!((name, drawn + 1), ("surprise", list.len()));
                (batch, list) = (&batch[..drawn.min(batch.len())], &list[..drawn]);
            }
            shown += batch.len();
            if !same(batch, list) {
                differ.push(format!(
                    "{name} {customer}: batch {batch:?}\n  online {list:?}"
                ));
            }
        }
        assert!(shown > 0, "{name}: no batch list holds anything");
    }
    assert!(held > 0, "nobody is in the holdout");
    assert!(
        differ.is_empty(),
        "{} lists differ, the first:\n{}",
        differ.len(),
        differ[..differ.len().min(5)].join("\n")
    );
    shop.close().await;
}
