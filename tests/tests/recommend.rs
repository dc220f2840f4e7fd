//! Asking.

use serendib_proto::v1::recommend_stream_response::Result as StreamResult;
use serendib_proto::v1::{
    Context, ExplainRequest, ExplainResponse, Filters, ListKind, ListRequest, Reason,
    RecommendRequest, SessionTouch, SurpriseMeRequest, UpsertProductsRequest,
};
use tempfile::TempDir;
use tokio_stream::StreamExt;
use tonic::Code;

use crate::support::{days_ago, ids, notes, products, request, touch, Shop};

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_customer_gets_the_best_that_is_not_personal_and_is_told() {
    let shop = Shop::open().await;
    let answer = shop.list("nobody", ListKind::ForYou, 5).await;
    assert_eq!(answer.model_id, "first");
    assert!(!answer.personal);
    assert_eq!(notes(&answer), ["unknown_customer"]);
    assert_eq!(ids(&answer, 0)[0], "baby-0", "the most bought comes first");
    assert!(answer.lists[0]
        .notes
        .iter()
        .any(|n| n.code == "not_personal"));
    for (place, item) in answer.lists[0].items.iter().enumerate() {
        assert_eq!(item.rank as usize, place + 1);
        assert!(item.served_id.starts_with(&answer.request_id));
        assert!(!item.title.is_empty() && !item.reasons.is_empty());
        assert!(item.score.is_finite());
        assert!((0.0..=1.0).contains(&item.relevance.unwrap()));
        assert!(!item.reasons[0].sentence.is_empty());
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_anonymous_visit_is_answered_from_its_session() {
    let shop = Shop::open().await;
    let mut ask = request("", ListKind::ForYou, 3);
    ask.context = Some(Context {
        session: vec![SessionTouch {
            product_id: "garden-1".into(),
            kind: Some("add_to_cart".into()),
            at_ms: None,
        }],
        ..Context::default()
    });
    let answer = shop.ask(ask.clone()).await;
    assert!(answer.personal);
    assert!(
        ids(&answer, 0).iter().all(|id| id.starts_with("garden")),
        "{:?}",
        ids(&answer, 0)
    );
    let reason = &answer.lists[0].items[0].reasons[0];
    assert_eq!(reason.product_id.as_deref(), Some("garden-1"));
    assert!(
        reason.sentence.contains("garden thing 1"),
        "{}",
        reason.sentence
    );

    ask.context.as_mut().unwrap().session[0].product_id = "no such thing".into();
    let answer = shop.ask(ask).await;
    assert_eq!(notes(&answer), ["unknown_products"]);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_lists_hold_nothing_twice_and_filters_hold() {
    let shop = Shop::open().await;
    shop.record(vec![touch("ada", "purchase", "kitchen-0", "t1")])
        .await;
    let list = |kind: ListKind, categories: &[&str]| ListRequest {
        kind: kind.into(),
        count: Some(4),
        filters: Some(Filters {
            categories: categories.iter().map(|c| (*c).to_owned()).collect(),
            max_price: Some(9.0),
            ..Filters::default()
        }),
        ..ListRequest::default()
    };
    let mut ask = request("ada", ListKind::ForYou, 4);
    ask.lists = vec![
        list(ListKind::ForYou, &["shop/kitchen"]),
        list(ListKind::Popular, &["shop"]),
        list(ListKind::Similar, &["shop/kitchen", "shop/books"]),
    ];
    ask.include_accounting = true;
    ask.include_products = true;
    ask.exclude_product_ids = vec!["kitchen-1".into()];
    ask.lists[1].pinned_product_ids = vec!["books-3".into()];
    let answer = shop.ask(ask).await;
    let mut all: Vec<String> = (0..3).flat_map(|ix| ids(&answer, ix)).collect();
    assert!(!all.contains(&"kitchen-1".to_owned()));
    assert!(ids(&answer, 0).iter().all(|id| id.starts_with("kitchen")));
    assert_eq!(ids(&answer, 1)[0], "books-3");
    assert!(answer.lists[1].items[0].pinned);
    for list in &answer.lists {
        let removed: u64 = list.removed.iter().map(|r| r.removed).sum();
        assert_eq!(list.candidates, Some(list.items.len() as u64 + removed));
        for item in &list.items {
            let product = item.product.as_ref().unwrap();
            assert!(product.price.unwrap() <= 9.0);
            assert_eq!(product.cost, None);
        }
    }
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count, "nothing twice");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_request_names_the_field_and_the_server_goes_on() {
    let shop = Shop::open().await;
    let mut client = shop.recommendations();
    let mut cases: Vec<(RecommendRequest, &str)> = Vec::new();
    for count in [0, 1_000_000] {
        cases.push((request("ada", ListKind::ForYou, count), "lists[0].count"));
    }
    cases.push((
        request(&"x".repeat(257), ListKind::ForYou, 5),
        "customer_id",
    ));
    cases.push((request("a\u{7}b", ListKind::ForYou, 5), "customer_id"));
    let mut many = request("ada", ListKind::ForYou, 5);
    many.lists = vec![many.lists[0].clone(); 17];
    cases.push((many, "lists"));
    let mut dial = request("ada", ListKind::Surprise, 5);
    dial.dial = Some(f64::NAN);
    cases.push((dial, "dial"));
    let mut kind = request("ada", ListKind::ForYou, 5);
    kind.lists[0].kind = 99;
    cases.push((kind, "lists[0].kind"));
    let mut time = request("ada", ListKind::ForYou, 5);
    time.context = Some(Context {
        at_ms: Some(i64::MAX),
        ..Context::default()
    });
    cases.push((time, "context.at_ms"));
    let mut basket = request("ada", ListKind::GoesWith, 5);
    basket.context = Some(Context {
        basket: vec!["p".into(); 10_000],
        ..Context::default()
    });
    cases.push((basket, "context.basket"));
    type Spoil = fn(&mut ListRequest);
    let together: [(Spoil, &str); 4] = [
        (|l| l.diversity = Some(f32::NAN), "lists[0].diversity"),
        (|l| l.calibration = Some(1.5), "lists[0].calibration"),
        (
            |l| l.max_per_category = Some(0),
            "lists[0].max_per_category",
        ),
        (|l| l.max_per_brand = Some(0), "lists[0].max_per_brand"),
    ];
    for (spoil, field) in together {
        let mut bad = request("ada", ListKind::ForYou, 5);
        spoil(&mut bad.lists[0]);
        cases.push((bad, field));
    }
    for (bad, field) in cases {
        let status = client.recommend(bad).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(
            status.message().starts_with(&format!("{field}: ")),
            "{field}: {}",
            status.message()
        );
    }
    assert!(!ids(&shop.list("ada", ListKind::ForYou, 5).await, 0).is_empty());
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_answers_in_order_and_survives_a_wrong_request() {
    let shop = Shop::open().await;
    let requests: Vec<_> = (0..40)
        .map(|ix| {
            request(
                "nobody",
                ListKind::ForYou,
                if ix == 7 { 0 } else { 1 + ix % 5 },
            )
        })
        .collect();
    let answers: Vec<_> = shop
        .recommendations()
        .recommend_stream(tokio_stream::iter(requests))
        .await
        .unwrap()
        .into_inner()
        .collect()
        .await;
    assert_eq!(answers.len(), 40);
    for (ix, answer) in answers.into_iter().enumerate() {
        let answer = answer.unwrap();
        assert_eq!(answer.sequence, ix as u64);
        match answer.result.unwrap() {
            StreamResult::Response(response) => {
                assert_eq!(response.lists[0].items.len(), 1 + ix % 5);
            }
            StreamResult::Error(error) => {
                assert_eq!((ix, error.code), (7, Code::InvalidArgument as i32));
                assert!(error.message.starts_with("lists[0].count"));
            }
        }
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_keeps_its_caps_and_accounts_for_them() {
    let shop = Shop::open().await;
    let mut ask = request("ada", ListKind::Popular, 4);
    ask.include_accounting = true;
    ask.lists[0].max_per_category = Some(1);
    ask.lists[0].diversity = Some(0.3);
    let answer = shop.ask(ask.clone()).await;
    let department = |id: &String| id.split('-').next().unwrap().to_owned();
    let departments: std::collections::BTreeSet<String> =
        ids(&answer, 0).iter().map(department).collect();
    assert_eq!(departments.len(), 4);
    ask.lists[0].count = Some(8);
    let answer = shop.ask(ask).await;
    let list = &answer.lists[0];
    assert_eq!(list.items.len(), 4, "short rather than filled up");
    assert!(list.notes.iter().any(|n| n.code == "capped"));
    let capped = list.removed.iter().find(|r| r.filter == "category_cap");
    assert_eq!(capped.unwrap().removed, 20);
    assert_eq!(list.candidates, Some(24));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_seed_time_and_state_give_the_same_answer() {
    let shop = Shop::open().await;
    shop.record(vec![touch("ada", "purchase", "books-0", "t1")])
        .await;
    let mut ask = request("ada", ListKind::ForYou, 10);
    let first = shop.ask(ask.clone()).await;
    ask.seed = Some(first.seed);
    ask.context = Some(Context {
        at_ms: Some(first.at_ms),
        ..Context::default()
    });
    let second = shop.ask(ask).await;
    assert_eq!(ids(&first, 0), ids(&second, 0));
    let scores = |a: &serendib_proto::v1::RecommendResponse| -> Vec<f64> {
        a.lists[0].items.iter().map(|i| i.score).collect()
    };
    assert_eq!(scores(&first), scores(&second));
    assert_ne!(first.request_id, second.request_id);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_shop_is_a_valid_start_and_grows() {
    let shop = Shop::over(TempDir::new().unwrap(), |_| {}).await;
    let answer = shop.list("ada", ListKind::ForYou, 5).await;
    assert_eq!(answer.model_id, "");
    assert!(notes(&answer).contains(&"no_model"));
    assert!(ids(&answer, 0).is_empty());
    let products = crate::support::products()
        .iter()
        .map(serendib_service::rpc::catalog::convert::product_to_proto)
        .collect();
    shop.catalogue()
        .upsert_products(UpsertProductsRequest { products })
        .await
        .unwrap();
    let answer = shop.list("ada", ListKind::Popular, 5).await;
    assert_eq!(ids(&answer, 0).len(), 5);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_is_explained_with_what_would_have_been() {
    let shop = Shop::open().await;
    shop.record(vec![touch("ada", "purchase", "garden-0", "t1")])
        .await;
    let answer = shop.list("ada", ListKind::ForYou, 3).await;
    let item = &answer.lists[0].items[1];
    let why = shop
        .recommendations()
        .explain(ExplainRequest {
            served_id: item.served_id.clone(),
            locale: Some("he".into()),
        })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(why.product_id, item.product_id);
    assert_eq!((why.shown_rank, why.rank_now), (2, Some(2)));
    assert!(!why.reasons[0].sentence.is_ascii());
    let counterfactual = why.counterfactual.unwrap();
    assert_eq!(counterfactual.without_product_id, "garden-0");
    assert!(counterfactual.rank_without.is_none_or(|rank| rank > 2));
    assert!(counterfactual.sentence.contains("garden thing 0"));
    assert!(counterfactual.sentence.starts_with("בלי "));
    let touched = counterfactual.touched_at_ms.unwrap();
    assert!((days_ago(1.0)..=answer.at_ms).contains(&touched));
    let mut client = shop.recommendations();
    for bad in ["made up", "", "deadbeef.0.1"] {
        let ask = ExplainRequest {
            served_id: bad.into(),
            locale: None,
        };
        let status = client.explain(ask).await.unwrap_err();
        assert!(
            status.message().starts_with("served_id: "),
            "{}",
            status.message()
        );
    }
    shop.close().await;
}

async fn explain(shop: &Shop, served_id: &str) -> ExplainResponse {
    let ask = ExplainRequest {
        served_id: served_id.into(),
        locale: None,
    };
    let why = shop.recommendations().explain(ask).await;
    why.unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_item_is_explained_as_it_was_served() {
    let shop = Shop::open().await;
    shop.record(vec![touch("ada", "purchase", "garden-0", "t1")])
        .await;
    let page = |customer: &str, context: Context| RecommendRequest {
        context: Some(context),
        ..request(customer, ListKind::Similar, 3)
    };
    let mut pinned = request("ada", ListKind::ForYou, 4);
    pinned.lists[0].pinned_product_ids = vec!["books-5".into()];
    pinned.exclude_product_ids = vec!["garden-1".into()];
    for asked in [
        page(
            "ada",
            Context {
                viewed_product_id: Some("kitchen-3".into()),
                ..Context::default()
            },
        ),
        page(
            "",
            Context {
                basket: vec!["baby-2".into()],
                ..Context::default()
            },
        ),
        page(
            "",
            Context {
                session: vec![SessionTouch {
                    product_id: "books-2".into(),
                    ..SessionTouch::default()
                }],
                ..Context::default()
            },
        ),
        pinned,
    ] {
        let answer = shop.ask(asked).await;
        assert!(!answer.lists[0].items.is_empty());
        for item in &answer.lists[0].items {
            let why = explain(&shop, &item.served_id).await;
            assert!(!why.reasons.is_empty());
            let said = |reasons: &[Reason]| -> Vec<(String, Option<String>, String)> {
                let reasons = reasons.iter();
                reasons
                    .map(|r| (r.code.clone(), r.product_id.clone(), r.sentence.clone()))
                    .collect()
            };
            assert_eq!(said(&why.reasons), said(&item.reasons));
            assert!(item.pinned || why.rank_now.is_some(), "{why:?}");
        }
    }
    // without a product of the basket there would be nothing like it
    let basket = page(
        "",
        Context {
            basket: vec!["baby-2".into(), "garden-2".into()],
            ..Context::default()
        },
    );
    let answer = shop.ask(basket).await;
    let item = &answer.lists[0].items[0];
    let why = explain(&shop, &item.served_id).await;
    let would_be = why.counterfactual.unwrap();
    assert!(would_be.sentence.contains("in the basket"));
    assert_eq!(would_be.touched_at_ms, None);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_tact_hides_is_named_neither_in_words_nor_by_its_id() {
    let shop = Shop::open().await;
    let mut test = products()
        .into_iter()
        .find(|p| p.product_id == "garden-0")
        .unwrap();
    test.attributes.insert("sensitive".into(), true.into());
    let products = vec![serendib_service::rpc::catalog::convert::product_to_proto(
        &test,
    )];
    shop.catalogue()
        .upsert_products(UpsertProductsRequest { products })
        .await
        .unwrap();
    shop.record(vec![touch("ada", "purchase", "garden-0", "t1")])
        .await;
    let answer = shop.list("ada", ListKind::ForYou, 3).await;
    let bought = "because_you_bought";
    for item in &answer.lists[0].items {
        let why = explain(&shop, &item.served_id).await;
        assert_eq!(item.reasons[0].code, bought);
        assert_eq!(why.reasons[0].code, bought);
        let reasons = item.reasons.iter().chain(&why.reasons);
        assert!(reasons.clone().all(|r| r.product_id.is_none()));
        assert!(reasons.clone().all(|r| !r.sentence.contains("garden")));
        assert_eq!(why.counterfactual, None);
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_surprise_model_there_is_no_filler_but_a_note() {
    let shop = Shop::open().await;
    let answer = shop
        .recommendations()
        .surprise_me(SurpriseMeRequest {
            customer_id: "ada".into(),
            ..SurpriseMeRequest::default()
        })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.item, None);
    assert!(
        answer.notes.iter().any(|n| n.code == "unsupported"),
        "{:?}",
        answer.notes
    );
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_is_full_where_enough_matches_its_limits() {
    let shop = Shop::open().await;
    shop.record(vec![touch("ada", "purchase", "kitchen-0", "t1")])
        .await;
    // products that came later, and are bought by nobody
    let later = (0..12).map(|ix| serendib_proto::v1::Product {
        product_id: format!("lamp-{ix}"),
        title: Some(format!("garden lamp {ix}")),
        category: Some("Home / Light".into()),
        brand: Some("Glow".into()),
        price: Some(90.0),
        ..Default::default()
    });
    let products = later.collect();
    shop.catalogue()
        .upsert_products(UpsertProductsRequest { products })
        .await
        .unwrap();
    let limited = |kind: ListKind, filters: Filters| {
        let mut ask = request("ada", kind, 5);
        ask.lists[0].filters = Some(filters);
        ask
    };
    let categories = |path: &str| Filters {
        categories: vec![path.into()],
        ..Filters::default()
    };
    for kind in [ListKind::ForYou, ListKind::Popular] {
        for filters in [
            categories("Home / Light"),
            categories("/home/LIGHT/"),
            Filters {
                brands: vec![" glow".into()],
                ..Filters::default()
            },
            Filters {
                min_price: Some(50.0),
                ..Filters::default()
            },
        ] {
            let answer = shop.ask(limited(kind, filters.clone())).await;
            let found = ids(&answer, 0);
            assert_eq!(found.len(), 5, "{kind:?} {filters:?}");
            assert!(found.iter().all(|id| id.starts_with("lamp")), "{found:?}");
            let codes: Vec<&str> = answer.lists[0].notes.iter().map(|n| &*n.code).collect();
            assert!(!codes.contains(&"unknown_category"), "{codes:?}");
        }
    }
    // the other lists of a page take what they hold before the cut, not after it
    let mut page = request("ada", ListKind::Popular, 5);
    page.lists = vec![limited(ListKind::Popular, categories("home")).lists[0].clone(); 2];
    let answer = shop.ask(page).await;
    assert_eq!([0, 1].map(|ix| ids(&answer, ix).len()), [5, 5]);
    // what is like a product of one department, of another department
    let mut similar = limited(ListKind::Similar, categories(" Shop/Books"));
    similar.context = Some(Context {
        viewed_product_id: Some("garden-1".into()),
        ..Context::default()
    });
    assert_eq!(ids(&shop.ask(similar).await, 0).len(), 5);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_request_names_and_nobody_knows_is_told_with_what_was_meant() {
    let shop = Shop::open().await;
    let mut ask = request("ada", ListKind::Popular, 3);
    ask.lists[0].filters = Some(Filters {
        categories: vec!["shop/gardne".into(), "books".into()],
        brands: vec!["Nobody's".into()],
        ..Filters::default()
    });
    ask.exclude_product_ids = vec!["garden-2".into(), "kitchn-0".into()];
    ask.context = Some(Context {
        basket: vec!["garden-11".into()],
        locale: Some("fr-FR".into()),
        ..Context::default()
    });
    let answer = shop.ask(ask).await;
    let text = |notes: &[serendib_proto::v1::Note], code: &str| {
        let note = notes.iter().find(|note| note.code == code);
        note.unwrap_or_else(|| panic!("no {code} in {notes:?}"))
            .text
            .clone()
    };
    assert!(answer.lists[0].items.is_empty());
    let own = &answer.lists[0].notes;
    let categories = text(own, "unknown_category");
    assert!(
        categories.contains("did you mean \"shop/garden\"?"),
        "{categories}"
    );
    assert!(
        categories.contains("did you mean \"shop/books\"?"),
        "{categories}"
    );
    text(own, "unknown_brand");
    let products = text(&answer.notes, "unknown_products");
    assert!(products.starts_with("2 products"), "{products}");
    assert!(
        products.contains("did you mean \"kitchen-0\"?"),
        "{products}"
    );
    text(&answer.notes, "unsupported_locale");
    let plain = shop.list("ada", ListKind::Popular, 3).await;
    let all = plain.notes.iter().chain(&plain.lists[0].notes);
    assert!(all
        .clone()
        .all(|note| !note.code.starts_with("un") || note.code == "unknown_customer"));
    shop.close().await;
}
