//! The permanent holdout: answers that are not personal, and say so.

use std::time::Duration;

use serendib_proto::v1::{LinkIdentityRequest, ListKind, ListModelsRequest, SessionTouch};
use serendib_service::store::CustomerQuery;
use serendib_shop::{in_holdout, Arm};

use crate::support::{ids, notes, request, touch, Shop};

#[tokio::test(flavor = "multi_thread")]
async fn the_holdout_gets_what_everybody_gets_and_the_others_do_not() {
    let shop = Shop::with(|raw| raw.recommend.holdout_percent = 50).await;
    let name = |inside: bool| {
        (0..)
            .map(|n| format!("customer-{n}"))
            .find(|id| in_holdout(id, 50.0) == inside)
            .unwrap()
    };
    let (held, other) = (name(true), name(false));
    for id in [&held, &other] {
        shop.record(vec![touch(id, "purchase", "kitchen-0", &format!("t-{id}"))])
            .await;
    }
    let nobody = shop.list("", ListKind::ForYou, 3).await;
    let mut ask = request(&held, ListKind::ForYou, 3);
    let context = ask.context.get_or_insert_with(Default::default);
    context.viewed_product_id = Some("garden-0".into());
    context.basket = vec!["garden-1".into()];
    context.session = vec![SessionTouch {
        product_id: "garden-0".into(),
        ..SessionTouch::default()
    }];
    let answer = shop.ask(ask).await;
    let held_answer = answer.request_id.clone();
    assert!(answer.holdout && !answer.personal);
    assert!(notes(&answer).contains(&"holdout"), "{:?}", notes(&answer));
    assert_eq!(
        ids(&answer, 0),
        ids(&nobody, 0),
        "neither customer, visit nor basket went in"
    );

    let answer = shop.list(&other, ListKind::ForYou, 3).await;
    let other_answer = answer.request_id.clone();
    assert!(!answer.holdout && answer.personal && notes(&answer).is_empty());
    assert!(ids(&answer, 0).iter().all(|id| id.starts_with("kitchen")));

    let mut page = request(&held, ListKind::Similar, 3);
    page.context
        .get_or_insert_with(Default::default)
        .viewed_product_id = Some("garden-0".into());
    let page = shop.ask(page).await;
    assert!(page.holdout && !page.personal);
    assert!(
        ids(&page, 0).iter().all(|id| id.starts_with("garden")),
        "what is like a product is the same for everybody"
    );
    // the arm stands with each decision, so that a later change of the share does not rewrite what was decided
    let store = shop.running().app.keeping.store.clone();
    store.flush_served().await.unwrap();
    for (id, request, arm) in [
        (&held, &held_answer, Arm::Holdout),
        (&other, &other_answer, Arm::Personal),
    ] {
        let served = store
            .served_request(request.clone())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(served.arm, Some(arm));
        let rows = store.served(id.clone(), 10).await.unwrap();
        assert!(rows.iter().all(|row| row.request.arm == Some(arm)));
    }
    let listed = shop
        .models()
        .list_models(ListModelsRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(listed.models[0].answered, 4);
    shop.close().await;
}

/// Waits until the arm of `id` is written down, which happens after the answer.
async fn decided(shop: &Shop, id: &str) {
    let store = &shop.running().app.keeping.store;
    for _ in 0..1_000 {
        let state = store.customer(CustomerQuery::newest(id, 10)).await.unwrap();
        if state.is_some_and(|state| !state.undecided) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the arm of {id} is never written down");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_arm_is_kept_over_another_percentage_a_restart_and_a_link() {
    let shop = Shop::with(|raw| raw.recommend.holdout_percent = 50).await;
    let name = |inside: bool, start: usize| {
        (start..)
            .map(|n| format!("customer-{n}"))
            .find(|id| in_holdout(id, 50.0) == inside && in_holdout(id, 10.0) == inside)
            .unwrap()
    };
    // known before, and not answered yet
    let (older, held, other) = (name(false, 0), name(true, 0), name(false, 100));
    for id in [&older, &held, &other] {
        shop.record(vec![touch(id, "purchase", "kitchen-0", &format!("t-{id}"))])
            .await;
    }
    let holdout = |shop: &Shop, id: &str| {
        let mut client = shop.recommendations();
        let ask = request(id, ListKind::ForYou, 3);
        async move { client.recommend(ask).await.unwrap().into_inner().holdout }
    };
    assert!(holdout(&shop, &held).await && !holdout(&shop, &other).await);
    decided(&shop, &held).await;
    decided(&shop, &other).await;
    let dir = shop.close().await;

    // so few that nobody here would be among them
    let shop = Shop::over(dir, |raw| raw.recommend.holdout_percent = 1).await;
    assert!(holdout(&shop, &held).await && !holdout(&shop, &other).await);
    let link = LinkIdentityRequest {
        customer_id: older.clone(),
        identity: held.clone(),
        ..LinkIdentityRequest::default()
    };
    shop.customers().link_identity(link).await.unwrap();
    assert!(
        holdout(&shop, &older).await,
        "what was decided first holds for the person, not who was known first"
    );
    let dir = shop.close().await;

    let shop = Shop::over(dir, |raw| raw.recommend.holdout_percent = 0).await;
    assert!(!holdout(&shop, &held).await, "there is no holdout any more");
    shop.close().await;
}
