//! Batch answers equal the server's: every kind of list, every customer of a small shop, with what makes them differ most
//! easily: products that came after the model, entries that are no products, people known by several ids, people who refused
//! personal answers or to be learned from, the holdout, a running visit, surprises that let somebody down, and a clock that stands
//! at one time for both.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use clap::Parser;
use serendib_proto::v1::{ListKind, SessionTouch};
use serendib_service::cli::run_words;
use serendib_shop::{in_holdout, DAY_MS};
use serendib_training::cli::{fit, recommend};

use crate::support::groceries::{visit, write_shop, Told, CUSTOMERS, START};
use crate::support::{request, Shop};

const HOLDOUT_PERCENT: f64 = 8.0;
const COUNT: u32 = 8;

pub const KINDS: [(ListKind, &str); 8] = [
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

type Lists = BTreeMap<String, Vec<(String, f64)>>;

/// The lists that the batch command writes for everybody and for nobody.
fn batch(dir: &Path, kind: &str, now: i64) -> Lists {
    let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let mut asked = String::from("customer_id\nnobody\n");
    (0..CUSTOMERS).for_each(|n| writeln!(asked, "c{n}\nweb{n}").unwrap());
    std::fs::write(dir.join("asked.csv"), asked).unwrap();
    let (models, data, asked, out) = (
        path("models"),
        path("visited"),
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
    write_shop(&dir.path().join("early"), Told::Early);
    write_shop(&dir.path().join("later"), Told::Later);
    // what a batch reads in a table, the server is told with the request
    write_shop(&dir.path().join("visited"), Told::Visited);
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
    shop.gather_baskets().await;
    let mut differ = Vec::new();
    let (mut held, mut spared) = (0, 0);
    for (kind, name) in KINDS {
        let expected = batch(shop.dir.path(), name, now);
        let mut shown = 0;
        for (n, customer) in (0..CUSTOMERS).map(|n| (n, format!("c{n}"))) {
            // a person answers to each of their ids
            let asked = match n % 14 {
                3 => format!("web{n}"),
                _ => customer.clone(),
            };
            let mut ask = request(&asked, kind, COUNT);
            let context = ask.context.get_or_insert_with(Default::default);
            context.at_ms = Some(now);
            context.session = visit(n)
                .into_iter()
                .map(|(at, product_id)| SessionTouch {
                    product_id,
                    kind: None,
                    at_ms: Some(at),
                })
                .collect();
            let answer = shop.ask(ask).await;
            let list: Vec<(String, f64)> = answer.lists[0]
                .items
                .iter()
                .map(|item| (item.product_id.clone(), item.score))
                .collect();
            let postage = |id: &str| matches!(id, "postage" | "express");
            assert!(list.iter().all(|(id, _)| !postage(id)), "{name} {customer}");
            let let_down = answer.lists[0]
                .notes
                .iter()
                .any(|n| n.code == "after_disappointment");
            spared += usize::from(let_down);
            let inside = in_holdout(&customer, HOLDOUT_PERCENT);
            assert_eq!(answer.holdout, inside);
            held += usize::from(inside);
            let who = if inside { "nobody" } else { &asked };
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
    assert!(spared > 0, "nobody was let down");
    assert!(
        differ.is_empty(),
        "{} lists differ, the first:\n{}",
        differ.len(),
        differ[..differ.len().min(5)].join("\n")
    );
    shop.close().await;
}
