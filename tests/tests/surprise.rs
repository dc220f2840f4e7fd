//! The shuffle button over gRPC: what does not come again, what is told later, and when there is none.

use std::collections::BTreeSet;

use serendib_engine::bundle::ModelsDir;
use serendib_proto::v1::{
    ExplainRequest, ListKind, RateSurpriseRequest, SurpriseMeRequest, SurpriseMeResponse,
    SurpriseRating,
};
use serendib_training::learn::surprise::{of_sales, topics};
use tempfile::TempDir;

use crate::support::{touch, write_changed, Shop, DEPARTMENTS, EACH};

/// The small shop with a model of surprises in which everything passes the floor.
async fn open() -> Shop {
    let dir = TempDir::new().unwrap();
    let models = dir.path().join("models");
    write_changed(&models, "first", 0, |model| {
        let topics = topics::learn(&model.catalogue, &|_| None, 0);
        let buyers = vec![1.0; DEPARTMENTS.len() * EACH];
        let mut surprises = of_sales(topics, &buyers, &[]);
        surprises.settings.floor_share = 0.0;
        model.surprises = Some(surprises);
    });
    ModelsDir::new(&models).publish("first").unwrap();
    let shop = Shop::over(dir, |_| {}).await;
    shop.record(vec![touch("ada", "purchase", "garden-0", "a1")])
        .await;
    shop
}

fn press(customer: &str) -> SurpriseMeRequest {
    SurpriseMeRequest {
        customer_id: customer.into(),
        ..SurpriseMeRequest::default()
    }
}

async fn surprise(shop: &Shop, ask: SurpriseMeRequest) -> SurpriseMeResponse {
    let answer = shop.recommendations().surprise_me(ask).await;
    answer.unwrap().into_inner()
}

async fn product(shop: &Shop, ask: SurpriseMeRequest) -> String {
    surprise(shop, ask).await.item.unwrap().product_id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_surprise_does_not_come_again_whatever_lies_between() {
    let shop = open().await;
    let mut seen = BTreeSet::from([product(&shop, press("ada")).await]);
    for _ in 0..205 {
        shop.list("ada", ListKind::Popular, 1).await;
    }
    // the shop's own exclusions do not push it out
    let mut crowded = press("ada");
    crowded.exclude_product_ids = (0..10_000).map(|ix| format!("a{ix}")).collect();
    assert!(seen.insert(product(&shop, crowded).await));
    // nor does pressing at once
    let mut presses = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let mut client = shop.recommendations();
        presses.spawn(async move { client.surprise_me(press("ada")).await });
    }
    for answer in presses.join_all().await {
        let item = answer.unwrap().into_inner().item.unwrap();
        assert!(seen.insert(item.product_id), "{seen:?}");
    }
    assert_eq!(seen.len(), 10);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_remembered_is_surprised_by_the_seed() {
    let shop = open().await;
    for nobody in ["", "stranger"] {
        let mut seen = BTreeSet::new();
        for seed in 0..20 {
            let asked = SurpriseMeRequest {
                seed: Some(seed),
                ..press(nobody)
            };
            let item = surprise(&shop, asked.clone()).await.item.unwrap();
            assert!(item.propensity.is_some());
            assert_eq!(product(&shop, asked).await, item.product_id);
            seen.insert(item.product_id);
        }
        assert!(seen.len() > 2, "{seen:?}");
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_withheld_is_told_however_often_it_was_pressed() {
    let shop = open().await;
    for _ in 0..15 {
        let asked = SurpriseMeRequest {
            reveal_later: true,
            ..press("ada")
        };
        let item = surprise(&shop, asked).await.item.unwrap();
        assert!(item.reasons.is_empty());
        let ask = ExplainRequest {
            served_id: item.served_id,
            locale: None,
        };
        let why = shop.recommendations().explain(ask).await.unwrap();
        let why = why.into_inner();
        assert_eq!(why.product_id, item.product_id);
        assert!(why.reasons.iter().any(|r| r.code == "surprise"), "{why:?}");
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_surprise_is_not_followed_by_another() {
    let shop = open().await;
    let item = surprise(&shop, press("ada")).await.item.unwrap();
    let rating = SurpriseRating {
        customer_id: "ada".into(),
        served_id: Some(item.served_id),
        actual: Some(1.0),
        ..SurpriseRating::default()
    };
    let ratings = vec![rating];
    shop.touchpoints()
        .rate_surprise(RateSurpriseRequest { ratings })
        .await
        .unwrap();
    let answer = surprise(&shop, press("ada")).await;
    assert_eq!(answer.item, None);
    assert!(answer
        .notes
        .iter()
        .any(|n| n.code == "after_disappointment"));
    let list = shop.list("ada", ListKind::Surprise, 3).await;
    assert!(list.lists[0].items.is_empty());
    assert_eq!(
        shop.list("ada", ListKind::ForYou, 3).await.lists[0]
            .items
            .len(),
        3
    );
    shop.close().await;
}
