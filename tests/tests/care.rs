//! What contacts ask of lists, surprises, boxes and reasons, over gRPC: how long it holds, and that what is said is true.

use serendib_engine::bundle::ModelsDir;
use serendib_engine::complement::{BasketLog, Completion, SparseRows};
use serendib_proto::v1::{
    Context, Customer, GetCustomerRequest, GetEngagementRequest, GetEngagementResponse,
    ListEngagementRequest, ListKind, RecommendRequest, RecommendResponse, SessionTouch,
    SurpriseMeRequest, Touchpoint, UpsertCustomersRequest,
};
use serendib_service::cli::{open_store, run_words};
use serendib_service::commands::load;
use serendib_service::store::Store;
use serendib_shop::{CustomerIx, ProductIx, ReadOptions, ShopData};
use serendib_training::learn::complement::families::item_item;
use serendib_training::learn::complement::{graph, ComplementOptions, Hints};
use tempfile::TempDir;
use tonic::Code;

use crate::support::{
    days_ago, ids, products, request, settings, touch, write_changed, write_model, Shop, EACH,
};

/// A touchpoint about no product, `days` ago.
fn contact(customer: &str, kind: &str, days: f64) -> Touchpoint {
    Touchpoint {
        product_id: None,
        at_ms: Some(days_ago(days)),
        ..touch(customer, kind, "", &format!("{customer} {kind} {days}"))
    }
}

async fn engagement_at(shop: &Shop, customer: &str, at: Option<i64>) -> GetEngagementResponse {
    let ask = GetEngagementRequest {
        customer_id: customer.into(),
        at_ms: at,
    };
    let answer = shop.customers().get_engagement(ask).await;
    answer.unwrap().into_inner()
}

async fn open_complaints(shop: &Shop, customer: &str) -> usize {
    let ask = GetCustomerRequest {
        customer_id: customer.into(),
        ..GetCustomerRequest::default()
    };
    let card = shop.customers().get_customer(ask).await.unwrap();
    card.into_inner().open_complaints.len()
}

fn placed(customer: &str, placement: &str) -> RecommendRequest {
    RecommendRequest {
        context: Some(Context {
            placement: Some(placement.into()),
            ..Context::default()
        }),
        ..request(customer, ListKind::ForYou, 3)
    }
}

/// Codes and sentences of all reasons of the first list.
fn reasons(answer: &RecommendResponse) -> Vec<(String, String)> {
    let items = answer.lists[0].items.iter();
    let reasons = items.flat_map(|item| &item.reasons);
    reasons
        .map(|r| (r.code.clone(), r.sentence.clone()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn complaints_and_intents_to_cancel_end_by_the_configured_time() {
    let shop = Shop::with(|raw| {
        raw.contact.complaint_days = 10;
        raw.contact.cancel_intent_days = 5;
    })
    .await;
    for (customer, kind, days) in [
        ("new complaint", "complaint", 9.0),
        ("old complaint", "complaint", 11.0),
        ("new intent", "cancel_intent", 4.0),
        ("old intent", "cancel_intent", 6.0),
    ] {
        shop.record(vec![contact(customer, kind, days)]).await;
        let holds = customer.starts_with("new");
        let care = engagement_at(&shop, customer, None).await.care.unwrap();
        assert_eq!(care.pause_surprises, holds, "{customer}");
        let list = shop.list(customer, ListKind::Surprise, 2).await;
        let codes: Vec<&str> = list.lists[0].notes.iter().map(|n| &*n.code).collect();
        let leaving = holds && kind == "cancel_intent";
        assert_eq!(list.hand_over.is_some(), leaving, "{customer}");
        let expected = match kind {
            "complaint" => "open_complaint",
            kind => kind,
        };
        assert_eq!(codes.contains(&expected), holds, "{customer}: {codes:?}");
        // the card and care say the same
        let open = usize::from(holds && kind == "complaint");
        assert_eq!(open_complaints(&shop, customer).await, open, "{customer}");
        let me = SurpriseMeRequest {
            customer_id: customer.into(),
            ..SurpriseMeRequest::default()
        };
        let me = shop.recommendations().surprise_me(me).await.unwrap();
        let me = me.into_inner();
        assert_eq!(me.hand_over.as_deref(), leaving.then_some("person"));
        assert!(!(holds && me.item.is_some()), "{customer}");
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_with_the_thing_at_hand_comes_first_after_a_visit() {
    let dir = TempDir::new().unwrap();
    let models = dir.path().join("models");
    let (at_hand, beside) = (EACH as u32, 3 * EACH as u32 + 2);
    write_changed(&models, "first", 0, |model| {
        let n = model.catalogue.len();
        let mut log = BasketLog::new(n);
        for customer in 0..200 {
            let other = 2 * EACH as u32 + customer % 6;
            let basket = if customer % 2 == 0 {
                [at_hand, beside]
            } else {
                [other, customer % 6]
            };
            log.push(
                CustomerIx(customer),
                i64::from(customer) * 86_400_000,
                basket.map(ProductIx),
            );
        }
        let rows = item_item(&log, 1.0, 20, &|_| 1.0);
        let topics: Vec<u32> = (0..n as u32).map(|ix| ix / EACH as u32).collect();
        model.complements = Some(graph::fit(
            &model.catalogue,
            &log,
            &Hints {
                views: None,
                topics: &topics,
                like: &SparseRows::default(),
            },
            Completion::new(rows, vec![0.1; n]),
            true,
            &ComplementOptions::default(),
        ));
    });
    ModelsDir::new(&models).publish("first").unwrap();
    let shop = Shop::over(dir, |_| {}).await;
    for (customer, kind, days, first) in [
        ("ada", "technician_visit", 3.0, true),
        ("ben", "advice", 3.0, true),
        ("eve", "technician_visit", 40.0, false),
    ] {
        let visit = Touchpoint {
            product_id: Some("garden-0".into()),
            ..contact(customer, kind, days)
        };
        shop.record(vec![visit]).await;
        let answer = shop.list(customer, ListKind::ForYou, 4).await;
        let item = &answer.lists[0].items[0];
        let because = &item.reasons[0];
        let found = item.product_id == "books-2" && because.code == "goes_with";
        assert_eq!(found, first, "{customer}: {item:?}");
        if first {
            assert_eq!(because.product_id.as_deref(), Some("garden-0"));
        }
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn touches_out_of_order_and_ahead_of_the_clock_count_in_their_own_time() {
    let shop = Shop::open().await;
    let story = [
        ("purchase", 60.0),
        ("view", 40.0),
        ("advice", 30.0),
        ("purchase", 20.0),
        ("view", 3.0),
        ("complaint", 2.0),
    ];
    for (kind, days) in story {
        shop.record(vec![contact("in order", kind, days)]).await;
    }
    for ix in [4, 1, 5, 3, 0, 2] {
        let (kind, days) = story[ix];
        shop.record(vec![contact("shuffled", kind, days)]).await;
    }
    let at = Some(days_ago(0.0));
    let ordered = engagement_at(&shop, "in order", at).await;
    let shuffled = engagement_at(&shop, "shuffled", at).await;
    let (a, b) = (ordered.engagement.unwrap(), shuffled.engagement.unwrap());
    // the two were recorded some milliseconds apart
    assert!((a.index - b.index).abs() < 1e-3, "{} {}", a.index, b.index);
    assert_eq!(a.touches_since_purchase, 2);
    assert_eq!(b.touches_since_purchase, 2);
    assert_eq!(a.parts.len(), b.parts.len());
    let holds = |care: serendib_proto::v1::Care| care.holds.len();
    assert_eq!(holds(ordered.care.unwrap()), holds(shuffled.care.unwrap()));

    // an hour ahead of this clock: recorded, and not yet seen
    shop.record(vec![contact("in order", "purchase", -1.0 / 24.0)])
        .await;
    let now = engagement_at(&shop, "in order", at).await.engagement;
    assert_eq!(now.unwrap(), a);
    let later = engagement_at(&shop, "in order", Some(days_ago(-0.1))).await;
    let later = later.engagement.unwrap();
    assert!(later.index > a.index && later.touches_since_purchase == 0);
    // too far ahead is refused
    let far = serendib_proto::v1::RecordRequest {
        touchpoints: vec![contact("in order", "view", -3.0)],
    };
    let status = shop.touchpoints().record(far).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_blank_customer_there_is_nothing_and_no_nonsense() {
    let shop = Shop::open().await;
    let blank = UpsertCustomersRequest {
        customers: vec![Customer {
            customer_id: "blank".into(),
            ..Customer::default()
        }],
        ..UpsertCustomersRequest::default()
    };
    shop.customers().upsert_customers(blank).await.unwrap();
    let answer = engagement_at(&shop, "blank", None).await;
    assert!(!answer.notes.iter().any(|n| n.code == "no_times"));
    let engagement = answer.engagement.unwrap();
    assert_eq!((engagement.index, engagement.trend), (0.0, 0.0));
    assert_eq!((engagement.confidence, engagement.parts.len()), (0.0, 0));
    assert_eq!(engagement.days_since_active, None);
    assert_eq!(engagement.days_since_purchase, None);
    assert_eq!(engagement.touches_since_purchase, 0);
    let care = answer.care.unwrap();
    assert!(!care.pause_surprises && care.hand_over.is_none() && care.holds.is_empty());
    assert!(!answer.offers.unwrap().exhausted);
    let list = shop.list("blank", ListKind::ForYou, 3).await;
    assert!(!list.personal && list.lists[0].items.len() == 3);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_times_there_is_no_engagement_and_a_note_says_so() {
    let dir = TempDir::new().unwrap();
    let models = dir.path().join("models");
    write_model(&models, "first", 0);
    ModelsDir::new(&models).publish("first").unwrap();
    let data = dir.path().join("untimed");
    std::fs::create_dir(&data).unwrap();
    let rows = "customer_id,kind,product_id\nada,purchase,garden-1\nada,view,garden-2\n";
    std::fs::write(data.join("touchpoints.csv"), rows).unwrap();
    let config = settings(dir.path()).check().unwrap();
    let store = open_store(&config.store).await.unwrap();
    let data = ShopData::open(&data, ReadOptions::default()).unwrap();
    load(&data, &store, days_ago(0.0)).await.unwrap();
    store.close().await.unwrap();
    drop(store);
    let shop = Shop::over(dir, |_| {}).await;
    let answer = engagement_at(&shop, "ada", None).await;
    assert_eq!(answer.engagement, None);
    assert!(answer.notes.iter().any(|n| n.code == "no_times"));
    assert!(!answer.notes.iter().any(|n| n.code == "no_consent"));
    let card = GetCustomerRequest {
        customer_id: "ada".into(),
        ..GetCustomerRequest::default()
    };
    let card = shop.customers().get_customer(card).await.unwrap();
    assert!(card.into_inner().engagement.is_none());
    let all = ListEngagementRequest::default();
    let all = shop.customers().list_engagement(all).await.unwrap();
    assert!(all.into_inner().customers.is_empty());
    // what has a time counts by itself
    shop.record(vec![contact("ada", "advice", 1.0)]).await;
    let answer = engagement_at(&shop, "ada", None).await;
    assert!(answer.notes.iter().any(|n| n.code == "no_times"));
    let engagement = answer.engagement.unwrap();
    assert!((engagement.days_since_active.unwrap() - 1.0).abs() < 0.1);
    assert_eq!(engagement.days_since_purchase, None);
    assert!(engagement.index > 1.0);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_bought_is_called_bought() {
    let shop = Shop::open().await;
    let said = |answer: &RecommendResponse, code: &str| {
        let found = reasons(answer);
        let own: Vec<&String> = found
            .iter()
            .filter(|(c, _)| c.starts_with("because_"))
            .map(|(c, _)| c)
            .collect();
        assert!(
            !own.is_empty() && own.iter().all(|c| *c == code),
            "{found:?}"
        );
    };
    for (kind, code, en, he) in [
        (
            "purchase",
            "because_you_bought",
            "Because you bought",
            "כי קניתם",
        ),
        (
            "box_kept",
            "because_you_bought",
            "Because you bought",
            "כי קניתם",
        ),
        (
            "rating",
            "because_you_rated",
            "Because you rated",
            "כי דירגתם",
        ),
        (
            "advice",
            "because_of_interest",
            "Because you showed",
            "כי התעניינתם",
        ),
        (
            "view",
            "because_of_interest",
            "Because you showed",
            "כי התעניינתם",
        ),
        (
            "stock_enquiry",
            "because_of_interest",
            "Because you",
            "כי התעניינתם",
        ),
        (
            "add_to_cart",
            "because_of_interest",
            "Because you",
            "כי התעניינתם",
        ),
    ] {
        let touched = Touchpoint {
            rating: (kind == "rating").then_some(5.0),
            ..touch(kind, kind, "garden-1", kind)
        };
        shop.record(vec![touched]).await;
        for (locale, words) in [("en", en), ("he", he)] {
            let mut ask = request(kind, ListKind::ForYou, 4);
            ask.context = Some(Context {
                locale: Some(locale.into()),
                ..Context::default()
            });
            let answer = shop.ask(ask).await;
            said(&answer, code);
            let spoken = reasons(&answer);
            assert!(
                spoken.iter().any(|(_, s)| s.starts_with(words)),
                "{spoken:?}"
            );
        }
    }
    // what was given back is no reason as something bought, though it was looked at before
    shop.record(vec![
        touch("ada", "view", "garden-1", "a0"),
        touch("ada", "purchase", "garden-1", "a1"),
        touch("ada", "return", "garden-1", "a2"),
    ])
    .await;
    let returned = reasons(&shop.list("ada", ListKind::ForYou, 4).await);
    assert!(returned
        .iter()
        .all(|(code, _)| code != "because_you_bought"));
    // nor what an anonymous visitor looks at
    let visit = RecommendRequest {
        context: Some(Context {
            session: vec![SessionTouch {
                product_id: "garden-1".into(),
                ..SessionTouch::default()
            }],
            ..Context::default()
        }),
        ..request("", ListKind::ForYou, 4)
    };
    said(&shop.ask(visit).await, "because_of_interest");
    let page = RecommendRequest {
        context: Some(Context {
            viewed_product_id: Some("garden-1".into()),
            basket: vec!["kitchen-1".into()],
            ..Context::default()
        }),
        ..request("", ListKind::ForYou, 4)
    };
    said(&shop.ask(page).await, "because_of_interest");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_impression_that_names_only_what_was_served_tires_it() {
    let shop = Shop::open().await;
    shop.record(vec![touch("ada", "view", "garden-1", "a1")])
        .await;
    let served = shop.list("ada", ListKind::ForYou, 5).await;
    let first = served.lists[0].items[0].clone();
    let shown: Vec<Touchpoint> = (0..15)
        .map(|ix| Touchpoint {
            product_id: None,
            served_id: Some(first.served_id.clone()),
            ..touch("ada", "impression", "", &format!("i{ix}"))
        })
        .collect();
    shop.record(shown.clone()).await;
    // sent again, they are known
    let again = shop
        .touchpoints()
        .record(serendib_proto::v1::RecordRequest { touchpoints: shown })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(again.stored, 0);
    let now = shop.list("ada", ListKind::ForYou, 5).await;
    let rank = |answer| ids(answer, 0).iter().position(|id| *id == first.product_id);
    assert_eq!(rank(&served), Some(0));
    assert!(rank(&now).is_none_or(|rank| rank > 0), "{:?}", ids(&now, 0));
    let card = GetCustomerRequest {
        customer_id: "ada".into(),
        ..GetCustomerRequest::default()
    };
    let card = shop.customers().get_customer(card).await.unwrap();
    let newest = card.into_inner().channels[0].recent[0].clone();
    assert_eq!(newest.product_id.as_deref(), Some(&*first.product_id));
    assert_eq!(newest.served_id.as_deref(), Some(&*first.served_id));
    // an answer that is not known any more loses nothing
    let stray = Touchpoint {
        product_id: None,
        served_id: Some("0123.0.1".into()),
        ..touch("ada", "impression", "", "stray")
    };
    shop.record(vec![stray]).await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_part_of_an_outreach_placement_has_the_budget() {
    let shop = Shop::with(|raw| raw.contact.offers_free = 1).await;
    shop.record(vec![
        contact("ada", "view", 2.0),
        contact("ada", "email_sent", 1.0),
    ])
    .await;
    for (placement, offered) in [
        ("email", false),
        ("email.weekly", false),
        ("Email ", false),
        (" push.evening.top", false),
        ("home.top", true),
        ("emails", true),
        ("home.email", true),
    ] {
        let answer = shop.ask(placed("ada", placement)).await;
        assert_eq!(!answer.lists[0].items.is_empty(), offered, "{placement:?}");
    }
    let many = ListEngagementRequest {
        count: 1_001,
        ..ListEngagementRequest::default()
    };
    let status = shop.customers().list_engagement(many).await.unwrap_err();
    assert_eq!(status.message(), "count: is 1001, expected at most 1000");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_can_ask_how_a_customer_stands() {
    let shop = Shop::open().await;
    shop.record(vec![
        contact("ada", "purchase", 9.0),
        contact("ada", "cancel_intent", 1.0),
    ])
    .await;
    let addr = format!("http://{}", shop.running().addr);
    let asked: [&[&str]; 5] = [
        &["ask", "customer", "ada"],
        &["ask", "customer", "ada", "--json"],
        &["ask", "engagement", "ada"],
        &["ask", "engagement", "ada", "--json"],
        &[
            "ask",
            "engagement",
            "--below-minimum",
            "--promotions-paused",
        ],
    ];
    for words in asked {
        let mut line = vec!["serendib"];
        line.extend(words);
        line.extend(["--addr", &addr]);
        let line: Vec<String> = line.into_iter().map(str::to_owned).collect();
        // a command brings a runtime of its own
        let ran = tokio::task::spawn_blocking(move || {
            std::thread::spawn(move || run_words(line)).join().unwrap()
        });
        ran.await.unwrap().unwrap();
    }
    shop.close().await;
}

#[test]
fn the_small_shop_is_numbered_as_these_tests_think() {
    let products = products();
    assert_eq!(products[EACH].product_id, "garden-0");
    assert_eq!(products[3 * EACH + 2].product_id, "books-2");
}
