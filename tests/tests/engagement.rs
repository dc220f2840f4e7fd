//! Engagement, care before sales and fatigue over gRPC.

use serendib_proto::v1::{
    Consents, Context, Engagement, GetCustomerRequest, GetEngagementRequest, GetEngagementResponse,
    LinkIdentityRequest, ListEngagementRequest, ListKind, RecommendRequest, RecommendResponse,
    SetConsentRequest, SetStockRequest, StockLevel, SurpriseMeRequest, Touchpoint,
    UnlinkIdentityRequest,
};
use tonic::Code;

use crate::support::{ids, request, touch, Shop};

/// A touchpoint about no product.
fn contact(customer: &str, kind: &str, id: &str) -> Touchpoint {
    Touchpoint {
        product_id: None,
        ..touch(customer, kind, "", id)
    }
}

async fn engagement_of(shop: &Shop, customer: &str) -> GetEngagementResponse {
    let ask = GetEngagementRequest {
        customer_id: customer.into(),
        at_ms: None,
    };
    let answer = shop.customers().get_engagement(ask).await;
    answer.unwrap().into_inner()
}

fn codes(answer: &RecommendResponse) -> Vec<&str> {
    answer.lists[0]
        .notes
        .iter()
        .map(|n| n.code.as_str())
        .collect()
}

fn pinned(customer: &str, placement: &str) -> RecommendRequest {
    let mut ask = request(customer, ListKind::ForYou, 4);
    ask.lists[0].pinned_product_ids = vec!["books-5".into()];
    ask.context = Some(Context {
        placement: Some(placement.into()),
        ..Context::default()
    });
    ask
}

#[tokio::test(flavor = "multi_thread")]
async fn every_active_touch_counts_and_the_parts_add_up() {
    let shop = Shop::open().await;
    let missing = GetEngagementRequest {
        customer_id: "nobody".into(),
        at_ms: None,
    };
    let status = shop.customers().get_engagement(missing).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    shop.record(vec![touch("ada", "impression", "books-0", "t0")])
        .await;
    let shown_only = engagement_of(&shop, "ada").await.engagement.unwrap();
    assert_eq!((shown_only.index, shown_only.parts.len()), (0.0, 0));
    let kinds = [
        "purchase",
        "view",
        "advice",
        "complaint",
        "something_new",
        "return",
    ];
    let mut before = 0.0;
    for (ix, kind) in kinds.into_iter().enumerate() {
        shop.record(vec![touch("ada", kind, "books-0", &format!("k{ix}"))])
            .await;
        let now = engagement_of(&shop, "ada").await.engagement.unwrap();
        // between two looks a few milliseconds fade
        assert!(
            now.index >= before - 1e-4,
            "{kind}: {before} to {}",
            now.index
        );
        let sum: f64 = now.parts.iter().map(|part| part.index).sum();
        assert!((sum - now.index).abs() < 1e-9);
        before = now.index;
    }
    let ada = engagement_of(&shop, "ada").await;
    assert!(ada.notes.iter().any(|n| n.code == "no_model"));
    let ada = ada.engagement.unwrap();
    assert_eq!(ada.touches_since_purchase, 5);
    assert!(!ada.below_minimum && ada.p_purchase_30d.is_none());
    let card = shop
        .customers()
        .get_customer(GetCustomerRequest {
            customer_id: "ada".into(),
            ..GetCustomerRequest::default()
        })
        .await
        .unwrap()
        .into_inner();
    let on_card: Engagement = card.engagement.unwrap();
    assert!((on_card.index - ada.index).abs() < 1e-3);
    assert!(card.care.unwrap().pause_surprises && card.offers.is_some());
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_below_the_minimum_can_be_asked_for() {
    let shop = Shop::with(|raw| raw.contact.minimum_touches = 2).await;
    for customer in ["ada", "ben", "eve"] {
        shop.record(vec![touch(customer, "purchase", "books-0", customer)])
            .await;
    }
    shop.record(vec![
        touch("ben", "view", "books-1", "b1"),
        touch("ben", "view", "books-1", "b2"),
        contact("eve", "complaint", "e1"),
    ])
    .await;
    let mut ask = ListEngagementRequest {
        below_minimum: true,
        count: 1,
        ..ListEngagementRequest::default()
    };
    let mut found = Vec::new();
    loop {
        let answer = shop
            .customers()
            .list_engagement(ask.clone())
            .await
            .unwrap()
            .into_inner();
        found.extend(answer.customers.into_iter().map(|c| c.customer_id));
        if answer.next.is_empty() {
            break;
        }
        ask.after = answer.next;
    }
    assert_eq!(found, ["ada", "eve"]);
    let paused = ListEngagementRequest {
        promotions_paused: Some(true),
        ..ListEngagementRequest::default()
    };
    let answer = shop.customers().list_engagement(paused).await.unwrap();
    let answer = answer.into_inner();
    assert_eq!(answer.customers.len(), 1);
    assert_eq!(answer.customers[0].customer_id, "eve");
    let wrong = ListEngagementRequest {
        max_index: Some(f64::NAN),
        ..ListEngagementRequest::default()
    };
    let status = shop.customers().list_engagement(wrong).await.unwrap_err();
    assert!(status.message().starts_with("max_index: "));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_complaint_pauses_promotions_until_resolved_through_links_and_unlinks() {
    let shop = Shop::open().await;
    shop.record(vec![
        touch("ada", "view", "garden-1", "a1"),
        touch("card 7", "complaint", "kitchen-0", "c1"),
    ])
    .await;
    let link = LinkIdentityRequest {
        customer_id: "ada".into(),
        identity: "card 7".into(),
        actor: String::new(),
    };
    assert_eq!(ids(&shop.ask(pinned("ada", "home")).await, 0)[0], "books-5");
    shop.customers().link_identity(link.clone()).await.unwrap();
    let answer = shop.ask(pinned("ada", "home")).await;
    assert_eq!(codes(&answer), ["open_complaint"]);
    assert!(!answer.lists[0].items[0].pinned && answer.lists[0].items.len() == 4);
    let mailed = shop.ask(pinned("ada", "email")).await;
    assert!(mailed.lists[0].items.is_empty());
    assert_eq!(codes(&mailed), ["open_complaint"]);
    let surprise = shop.list("ada", ListKind::Surprise, 2).await;
    assert!(surprise.lists[0].items.is_empty());
    assert_eq!(codes(&surprise), ["open_complaint"]);
    let me = SurpriseMeRequest {
        customer_id: "ada".into(),
        ..SurpriseMeRequest::default()
    };
    let me = shop.recommendations().surprise_me(me).await.unwrap();
    let me = me.into_inner();
    assert!(me.item.is_none() && me.notes.iter().any(|n| n.code == "open_complaint"));
    let care = engagement_of(&shop, "ada").await.care.unwrap();
    assert!(care.pause_surprises && care.pause_promotions && !care.no_offers);
    assert_eq!(care.holds[0].reason, "open_complaint");
    assert_eq!(care.holds[0].product_id.as_deref(), Some("kitchen-0"));
    assert_eq!(
        care.holds[0].until_ms - care.holds[0].at_ms,
        30 * 86_400_000
    );

    let unlink = UnlinkIdentityRequest {
        customer_id: "ada".into(),
        identity: "card 7".into(),
        actor: String::new(),
    };
    shop.customers().unlink_identity(unlink).await.unwrap();
    assert_eq!(ids(&shop.ask(pinned("ada", "home")).await, 0)[0], "books-5");
    let alone = shop.ask(pinned("card 7", "home")).await;
    // a complaint is all that is known of the card
    assert_eq!(codes(&alone), ["not_personal", "open_complaint"]);

    shop.customers().link_identity(link).await.unwrap();
    shop.record(vec![touch(
        "ada",
        "complaint_resolved",
        "kitchen-0",
        "resolved",
    )])
    .await;
    assert_eq!(
        ids(&shop.ask(pinned("ada", "email")).await, 0)[0],
        "books-5"
    );
    let surprise = shop.list("ada", ListKind::Surprise, 2).await;
    assert!(!codes(&surprise).contains(&"open_complaint"));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_thinks_of_leaving_is_handed_to_a_person() {
    let shop = Shop::open().await;
    shop.record(vec![
        touch("ada", "view", "garden-1", "a1"),
        contact("phone 9", "cancel_intent", "p1"),
    ])
    .await;
    let before = shop.list("ada", ListKind::ForYou, 4).await;
    assert!(before.hand_over.is_none() && !before.lists[0].items.is_empty());
    let link = LinkIdentityRequest {
        customer_id: "ada".into(),
        identity: "phone 9".into(),
        actor: String::new(),
    };
    shop.customers().link_identity(link).await.unwrap();
    // it is answered whatever the customer allows
    for allow in [true, false] {
        shop.customers()
            .set_consent(SetConsentRequest {
                customer_id: "ada".into(),
                consents: Some(Consents {
                    personalise: Some(allow),
                    ..Consents::default()
                }),
                ..SetConsentRequest::default()
            })
            .await
            .unwrap();
        for kind in [ListKind::ForYou, ListKind::Popular, ListKind::Similar] {
            let answer = shop.list("ada", kind, 4).await;
            assert!(answer.lists[0].items.is_empty());
            assert_eq!(codes(&answer), ["cancel_intent"]);
            assert_eq!(answer.hand_over.as_deref(), Some("person"));
        }
        let answer = engagement_of(&shop, "ada").await;
        assert_eq!(answer.engagement.is_some(), allow);
        assert_eq!(answer.care.unwrap().hand_over.as_deref(), Some("person"));
    }
    let unlink = UnlinkIdentityRequest {
        customer_id: "ada".into(),
        identity: "phone 9".into(),
        actor: String::new(),
    };
    shop.customers().unlink_identity(unlink).await.unwrap();
    let after = shop.list("ada", ListKind::ForYou, 4).await;
    assert!(after.hand_over.is_none() && !after.lists[0].items.is_empty());
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn impressions_tire_and_offers_have_a_budget_through_links_and_unlinks() {
    let shop = Shop::with(|raw| raw.contact.offers_free = 1).await;
    let shown: Vec<Touchpoint> = (0..15)
        .map(|ix| touch("cookie", "impression", "garden-0", &format!("i{ix}")))
        .collect();
    shop.record(shown).await;
    shop.record(vec![
        touch("ada", "view", "garden-1", "a1"),
        contact("cookie", "email_sent", "m1"),
    ])
    .await;
    let rank = |answer: &RecommendResponse| ids(answer, 0).iter().position(|id| id == "garden-0");
    let fresh = rank(&shop.list("ada", ListKind::ForYou, 5).await).unwrap();
    let link = LinkIdentityRequest {
        customer_id: "ada".into(),
        identity: "cookie".into(),
        actor: String::new(),
    };
    shop.customers().link_identity(link).await.unwrap();
    let tired = rank(&shop.list("ada", ListKind::ForYou, 5).await);
    assert!(
        tired.is_none_or(|rank| rank > fresh),
        "{fresh} to {tired:?}"
    );
    let mailed = shop.ask(pinned("ada", "email")).await;
    assert_eq!(codes(&mailed), ["offer_budget"]);
    assert!(engagement_of(&shop, "ada").await.offers.unwrap().exhausted);
    shop.record(vec![contact("ada", "advice", "g1")]).await;
    let mailed = shop.ask(pinned("ada", "email")).await;
    assert!(!mailed.lists[0].items.is_empty());
    let unlink = UnlinkIdentityRequest {
        customer_id: "ada".into(),
        identity: "cookie".into(),
        actor: String::new(),
    };
    shop.customers().unlink_identity(unlink).await.unwrap();
    assert_eq!(
        rank(&shop.list("ada", ListKind::ForYou, 5).await),
        Some(fresh)
    );
    assert_eq!(engagement_of(&shop, "ada").await.offers.unwrap().offers, 0);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enquiry_in_vain_brings_what_is_in_stock() {
    let shop = Shop::open().await;
    shop.catalogue()
        .set_stock(SetStockRequest {
            levels: vec![StockLevel {
                product_id: "kitchen-3".into(),
                stock: Some(0),
            }],
        })
        .await
        .unwrap();
    shop.record(vec![
        touch("ada", "view", "garden-1", "a1"),
        touch("ada", "stock_enquiry", "kitchen-3", "a2"),
    ])
    .await;
    let answer = shop.list("ada", ListKind::ForYou, 4).await;
    let first = &answer.lists[0].items[0];
    assert!(first.product_id.starts_with("kitchen"), "{answer:?}");
    assert_eq!(first.reasons[0].code, "instead_of");
    assert_eq!(first.reasons[0].product_id.as_deref(), Some("kitchen-3"));

    shop.record(vec![touch("ben", "technician_visit", "baby-0", "b1")])
        .await;
    let answer = shop.list("ben", ListKind::ForYou, 4).await;
    let first = &answer.lists[0].items[0];
    assert!(first.product_id.starts_with("baby"), "{answer:?}");
    assert_eq!(first.reasons[0].code, "upgrade");
    assert!(first.reasons[0].sentence.contains("baby thing 0"));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_contacted_without_a_yes() {
    let shop = Shop::with(|raw| raw.consent.contact = false).await;
    for id in ["said-yes", "said-nothing"] {
        let bought = touch(id, "purchase", "garden-0", &format!("bought-{id}"));
        shop.record(vec![bought]).await;
    }
    let yes = SetConsentRequest {
        customer_id: "said-yes".into(),
        consents: Some(Consents {
            contact: Some(true),
            ..Consents::default()
        }),
        ..SetConsentRequest::default()
    };
    shop.customers().set_consent(yes).await.unwrap();
    for placement in ["email", "sms.weekly", "push", "mailer", "call"] {
        for (id, told) in [("said-yes", false), ("said-nothing", true)] {
            let mut ask = request(id, ListKind::ForYou, 3);
            ask.context.get_or_insert_with(Default::default).placement = Some(placement.into());
            let answer = shop.ask(ask).await;
            let list = &answer.lists[0];
            let noted = list.notes.iter().any(|note| note.code == "no_contact");
            assert_eq!(
                (noted, list.items.is_empty()),
                (told, told),
                "{id} {placement}"
            );
        }
    }
    // on the page they came for themselves
    let answer = shop.list("said-nothing", ListKind::ForYou, 3).await;
    assert!(!answer.lists[0].items.is_empty());
    let listed = shop
        .customers()
        .list_engagement(ListEngagementRequest::default())
        .await
        .unwrap()
        .into_inner();
    let ids: Vec<_> = listed
        .customers
        .iter()
        .map(|c| c.customer_id.as_str())
        .collect();
    assert_eq!(ids, ["said-yes"]);
    shop.close().await;
}
