//! Customers with more touches than a list looks at: what lasts is not forgotten, and batch says what the server says.

use clap::Parser;
use serendib_proto::v1::{
    Engagement, GetEngagementRequest, GetEngagementResponse, ListKind, Touchpoint,
};
use serendib_service::cli::run_words;
use serendib_training::cli::engagement::{self, EngagementArgs};

use crate::support::{days_ago, ids, touch, Shop};

/// More than a list looks at.
const MANY: usize = 5_000;
/// Times of advice in [`story`] since its last purchase.
const ADVICE_SINCE: usize = 1;

fn at(row: Touchpoint, days: f64) -> Touchpoint {
    Touchpoint {
        at_ms: Some(days_ago(days)),
        ..row
    }
}

/// Fifteen purchases and ten times advice, the last of them four days ago.
fn story(customer: &str) -> Vec<Touchpoint> {
    let bought = (0..15).map(|n| {
        let row = touch(
            customer,
            "purchase",
            "garden-1",
            &format!("{customer} p{n}"),
        );
        at(row, 10.0 + 7.0 * n as f64)
    });
    let advised = (0..10).map(|n| {
        let row = touch(customer, "advice", "books-1", &format!("{customer} a{n}"));
        at(row, 4.0 + 9.0 * n as f64)
    });
    bought.chain(advised).collect()
}

/// `MANY` touches of one kind within the last hours, `round` telling them from others.
fn flood(customer: &str, kind: &str, round: usize) -> Vec<Touchpoint> {
    let rows = (0..MANY).map(|n| {
        let row = touch(
            customer,
            kind,
            "kitchen-0",
            &format!("{customer} {kind} {round} {n}"),
        );
        at(row, 0.1 - n as f64 * 1e-6)
    });
    rows.collect()
}

async fn ask(shop: &Shop, customer: &str, at: i64) -> GetEngagementResponse {
    let ask = GetEngagementRequest {
        customer_id: customer.into(),
        at_ms: Some(at),
    };
    let answer = shop.customers().get_engagement(ask).await;
    answer.unwrap().into_inner()
}

async fn index(shop: &Shop, customer: &str, at: i64) -> Engagement {
    ask(shop, customer, at).await.engagement.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn any_number_of_impressions_changes_neither_care_nor_the_index() {
    let shop = Shop::open().await;
    shop.record(story("ada")).await;
    let now = days_ago(0.0);
    let before = index(&shop, "ada", now).await;
    assert!(before.index > 50.0 && before.days_since_purchase.is_some());
    let contact = |kind: &str| Touchpoint {
        product_id: None,
        ..at(touch("ada", kind, "", kind), 2.0)
    };
    shop.record(vec![contact("complaint"), contact("cancel_intent")])
        .await;
    let voiced = index(&shop, "ada", now).await;
    assert!(voiced.index > before.index);
    for round in 0..3 {
        shop.record(flood("ada", "impression", round)).await;
        let answer = ask(&shop, "ada", now).await;
        assert_eq!(answer.engagement.unwrap(), voiced);
        let care = answer.care.unwrap();
        assert!(care.pause_surprises && care.no_offers);
        assert_eq!(care.hand_over.as_deref(), Some("person"));
        let list = shop.list("ada", ListKind::ForYou, 4).await;
        assert_eq!(list.hand_over.as_deref(), Some("person"));
        assert_eq!(list.lists[0].notes[0].code, "cancel_intent");
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_views_never_lower_the_index_and_push_out_no_purchase() {
    let shop = Shop::open().await;
    shop.record(story("ada")).await;
    let now = days_ago(0.0);
    let bought = shop.list("ada", ListKind::ForYou, 3).await;
    assert!(ids(&bought, 0).iter().any(|id| id.starts_with("garden")));
    let mut before = index(&shop, "ada", now).await;
    for round in 1..=2 {
        shop.record(flood("ada", "view", round)).await;
        let after = index(&shop, "ada", now).await;
        assert!(
            after.index >= before.index,
            "{} to {}",
            before.index,
            after.index
        );
        assert_eq!(after.days_since_purchase, before.days_since_purchase);
        let since = after.touches_since_purchase as usize;
        assert_eq!(since, MANY * round + ADVICE_SINCE);
        before = after;
    }
    // what they have is still known
    let list = shop.list("ada", ListKind::ForYou, 4).await;
    let reasons = list.lists[0].items.iter().flat_map(|item| &item.reasons);
    let mut bought = reasons.filter(|reason| reason.code == "because_you_bought");
    assert!(bought.any(|reason| reason.product_id.as_deref() == Some("garden-1")));
    shop.close().await;
}

#[derive(Parser)]
struct Batch {
    #[command(flatten)]
    args: EngagementArgs,
}

#[tokio::test(flavor = "multi_thread")]
async fn batch_counts_what_the_server_counts() {
    let shop = Shop::open().await;
    shop.record(story("ada")).await;
    for round in 0..2 {
        shop.record(flood("ada", "view", round)).await;
        shop.record(flood("ada", "impression", round)).await;
    }
    shop.record(story("ben")).await;
    let now = days_ago(0.0);
    let online = [
        index(&shop, "ada", now).await,
        index(&shop, "ben", now).await,
    ];
    let dir = shop.close().await;
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (store, data, models, out) = (path("store"), path("data"), path("models"), path("e.csv"));
    let at = now.to_string();
    // a command brings a runtime of its own
    std::thread::spawn({
        let data = data.clone();
        move || run_words(["serendib", "export", "--store", &store, "--out", &data])
    })
    .join()
    .unwrap()
    .unwrap();
    let words = [
        "batch", "--models", &models, "--data", &data, "--at", &at, "--out", &out,
    ];
    engagement::run(&Batch::parse_from(words).args).unwrap();
    let table = std::fs::read_to_string(&out).unwrap();
    let mut rows = table.lines().map(|row| row.split(',').collect::<Vec<_>>());
    let head = rows.next().unwrap();
    let column = |name: &str| head.iter().position(|h| *h == name).unwrap();
    let rows: Vec<Vec<&str>> = rows.collect();
    for (customer, online) in ["ada", "ben"].into_iter().zip(&online) {
        let row = rows.iter().find(|row| row[0] == customer).unwrap();
        let number = |name: &str| row[column(name)].parse::<f64>().unwrap();
        assert!((number("index") - online.index).abs() < 1e-9);
        assert_eq!(
            number("touches_since_purchase") as u32,
            online.touches_since_purchase
        );
        assert!((number("days_since_purchase") - online.days_since_purchase.unwrap()).abs() < 1e-9);
        assert!((number("trend") - online.trend).abs() < 1e-9);
    }
    assert_eq!(
        online[0].touches_since_purchase as usize,
        2 * MANY + ADVICE_SINCE
    );
}
