//! The permanent holdout: answers that are not personal, and say so.

use serendib_proto::v1::{ListKind, ListModelsRequest, SessionTouch};
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
