//! One customer across channels, consent and rights.

use serendib_proto::v1::export_customer_response::Row;
use serendib_proto::v1::{
    ClockFact, Consents, Customer, EraseCustomerRequest, ErasureState, ExportCustomerRequest, Fact,
    FindSimilarCustomersRequest, GetCustomerRequest, GetErasureRequest, LinkIdentityRequest,
    ListKind, RecordRequest, RecordStatus, SetConsentRequest, Touchpoint, UnlinkIdentityRequest,
    UpsertCustomersRequest,
};
use tokio_stream::StreamExt;
use tonic::Code;

use crate::support::{ids, notes, touch, Shop};

fn card(customer: &str) -> GetCustomerRequest {
    GetCustomerRequest {
        customer_id: customer.into(),
        ..GetCustomerRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn linking_joins_channels_and_unlinking_restores_what_was() {
    let shop = Shop::open().await;
    shop.record(vec![
        touch("ada", "purchase", "books-0", "1"),
        touch("visitor", "purchase", "garden-0", "2"),
    ])
    .await;
    let before = shop.list("ada", ListKind::ForYou, 10).await;
    let mut client = shop.customers();
    client
        .link_identity(LinkIdentityRequest {
            customer_id: "ada".into(),
            identity: "visitor".into(),
            actor: "till 4".into(),
        })
        .await
        .unwrap();
    for id in ["ada", "visitor"] {
        let both = ids(&shop.list(id, ListKind::ForYou, 10).await, 0);
        assert!(both.iter().any(|p| p.starts_with("garden")), "{both:?}");
        assert!(both.iter().any(|p| p.starts_with("books")), "{both:?}");
        let seen = client.get_customer(card(id)).await.unwrap().into_inner();
        assert_eq!(seen.touchpoints, 2);
        assert_eq!(seen.customer.unwrap().customer_id, "ada");
        assert_eq!(seen.identities[0].identity, "visitor");
    }
    let circle = client
        .link_identity(LinkIdentityRequest {
            customer_id: "visitor".into(),
            identity: "ada".into(),
            actor: String::new(),
        })
        .await
        .unwrap_err();
    assert_eq!(circle.code(), Code::FailedPrecondition);
    for nobody in ["undefined", "null", "0"] {
        let refused = client
            .link_identity(LinkIdentityRequest {
                customer_id: "ada".into(),
                identity: nobody.into(),
                actor: String::new(),
            })
            .await
            .unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().contains("identity"), "{refused}");
    }
    client
        .unlink_identity(UnlinkIdentityRequest {
            customer_id: "ada".into(),
            identity: "visitor".into(),
            actor: String::new(),
        })
        .await
        .unwrap();
    let after = shop.list("ada", ListKind::ForYou, 10).await;
    assert_eq!(ids(&before, 0), ids(&after, 0));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_consent_the_answer_is_not_personal_and_not_logged_by_name() {
    let shop = Shop::open().await;
    shop.record(vec![touch("ada", "purchase", "garden-0", "1")])
        .await;
    assert!(shop.list("ada", ListKind::ForYou, 3).await.personal);
    let mut client = shop.customers();
    let effective = client
        .set_consent(SetConsentRequest {
            customer_id: "ada".into(),
            consents: Some(Consents {
                personalise: Some(false),
                ..Consents::default()
            }),
            ..SetConsentRequest::default()
        })
        .await
        .unwrap()
        .into_inner()
        .effective_consents
        .unwrap();
    assert_eq!(
        (effective.personalise, effective.train),
        (Some(false), Some(true))
    );
    let answer = shop.list("ada", ListKind::ForYou, 3).await;
    assert!(!answer.personal);
    assert_eq!(notes(&answer), ["no_consent"]);
    let stranger = shop.list("nobody", ListKind::ForYou, 3).await;
    assert_eq!(ids(&answer, 0), ids(&stranger, 0));
    let seen = client.get_customer(card("ada")).await.unwrap().into_inner();
    assert_eq!(
        seen.recommendations.len(),
        1,
        "only the one before the refusal"
    );
    client
        .set_consent(SetConsentRequest {
            customer_id: "ada".into(),
            take_back: vec!["personalise".into()],
            ..SetConsentRequest::default()
        })
        .await
        .unwrap();
    assert!(shop.list("ada", ListKind::ForYou, 3).await.personal);
    let status = client
        .set_consent(SetConsentRequest {
            customer_id: "ada".into(),
            take_back: vec!["everything".into()],
            ..SetConsentRequest::default()
        })
        .await
        .unwrap_err();
    assert!(
        status.message().starts_with("take_back[0]"),
        "{}",
        status.message()
    );
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_card_shows_facts_orders_complaints_and_what_came_of_recommendations() {
    let shop = Shop::open().await;
    let mut client = shop.customers();
    let child = |name: &str, anchor: &str| Fact {
        fact: Some(serendib_proto::v1::fact::Fact::Clock(ClockFact {
            clock: "child".into(),
            anchor: anchor.into(),
            name: Some(name.into()),
            kind: None,
        })),
    };
    client
        .upsert_customers(UpsertCustomersRequest {
            customers: vec![Customer {
                customer_id: "ada".into(),
                facts: vec![child("Noa", "2023-01-31"), child("Tal", "2025-06-01")],
                locale: Some("he-IL".into()),
                ..Customer::default()
            }],
            ..UpsertCustomersRequest::default()
        })
        .await
        .unwrap();
    let answer = shop.list("ada", ListKind::ForYou, 3).await;
    let item = &answer.lists[0].items[0];
    let mut bought = touch("ada", "purchase", &item.product_id, "1");
    bought.served_id = Some(item.served_id.clone());
    bought.value = Some(12.5);
    bought.channel = Some("app".into());
    let mut complaint = touch("ada", "complaint", "books-0", "2");
    complaint.channel = Some("phone".into());
    shop.record(vec![bought, complaint]).await;
    let seen = client.get_customer(card("ada")).await.unwrap().into_inner();
    assert_eq!(seen.customer.as_ref().unwrap().facts.len(), 2);
    assert_eq!(seen.years.len(), 1);
    assert_eq!((seen.years[0].orders, seen.years[0].value), (1, 12.5));
    assert_eq!(seen.open_complaints.len(), 1);
    assert_eq!(
        seen.open_complaints[0].product_id.as_deref(),
        Some("books-0")
    );
    assert_eq!(seen.channels.len(), 2);
    let served = &seen.recommendations[0];
    assert_eq!(served.request_id, answer.request_id);
    assert!(served.reported);
    assert_eq!(served.items[0].came_of_it, ["purchase"]);
    let missing = client.get_customer(card("nobody")).await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_export_equals_what_was_recorded() {
    let shop = Shop::open().await;
    let mut rows: Vec<Touchpoint> = (0..5)
        .map(|ix| {
            let mut row = touch("ada", "view", "books-0", &format!("t{ix}"));
            row.at_ms = Some(1_700_000_000_000 + ix);
            row.quantity = Some(1.0);
            row.duration_s = Some(0.5 * ix as f64);
            row.campaign_id = Some("spring".into());
            row
        })
        .collect();
    rows[2].customer_id = "card-17".into();
    let mut client = shop.customers();
    shop.record(rows.clone()).await;
    client
        .link_identity(LinkIdentityRequest {
            customer_id: "ada".into(),
            identity: "card-17".into(),
            actor: String::new(),
        })
        .await
        .unwrap();
    let mut stream = client
        .export_customer(ExportCustomerRequest {
            customer_id: "card-17".into(),
            actor: "desk".into(),
        })
        .await
        .unwrap()
        .into_inner();
    let mut exported = Vec::new();
    let mut audited = Vec::new();
    let mut inferred = Vec::new();
    while let Some(row) = stream.next().await {
        match row.unwrap().row.unwrap() {
            Row::Life(_) => inferred.push("life"),
            Row::Engagement(answer) => {
                assert!(answer.engagement.is_some());
                inferred.push("engagement");
            }
            Row::Touchpoint(touch) => exported.push(touch),
            Row::Audit(entry) => audited.push(entry.action),
            _ => {}
        }
    }
    assert_eq!(exported, rows);
    assert!(audited.contains(&"link".to_owned()), "{audited:?}");
    assert_eq!(inferred, ["life", "engagement"]);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_customer_is_gone_at_once_and_late_duplicates_are_ignored() {
    let shop = Shop::with(|raw| raw.store.scrub_within_s = 1).await;
    let row = touch("erasable-ada", "purchase", "garden-0", "erasable-touch");
    shop.record(vec![row.clone()]).await;
    assert!(
        shop.list("erasable-ada", ListKind::ForYou, 3)
            .await
            .personal
    );
    let mut client = shop.customers();
    let erase = || EraseCustomerRequest {
        customer_id: "erasable-ada".into(),
        actor: "desk".into(),
    };
    let receipt = client
        .erase_customer(erase())
        .await
        .unwrap()
        .into_inner()
        .erasure
        .unwrap();
    assert_eq!(receipt.touchpoints, 1);
    let answer = shop.list("erasable-ada", ListKind::ForYou, 3).await;
    assert_eq!(notes(&answer), ["unknown_customer"]);
    let missing = client.get_customer(card("erasable-ada")).await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
    let late = shop
        .touchpoints()
        .record(RecordRequest {
            touchpoints: vec![row],
        })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(late.outcomes[0].status(), RecordStatus::IgnoredErased);
    // a copy of the shop's own register from before
    let register = serendib_proto::v1::UpsertCustomersRequest {
        customers: vec![serendib_proto::v1::Customer {
            customer_id: "erasable-ada".into(),
            registered_at_ms: Some(crate::support::days_ago(30.0)),
            locale: Some("he".into()),
            ..Default::default()
        }],
        ..Default::default()
    };
    let answer = client.upsert_customers(register).await.unwrap();
    assert_eq!(answer.into_inner().ignored_erased, 1);
    let unknown = client
        .erase_customer(EraseCustomerRequest {
            customer_id: "never seen".into(),
            actor: String::new(),
        })
        .await
        .unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    let mut state = receipt.state();
    for _ in 0..200 {
        if state == ErasureState::Scrubbed {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        state = client
            .get_erasure(GetErasureRequest {
                receipt_id: receipt.receipt_id.clone(),
            })
            .await
            .unwrap()
            .into_inner()
            .erasure
            .unwrap()
            .state();
    }
    assert_eq!(state, ErasureState::Scrubbed);
    let dir = shop.close().await;
    let mut files = vec![dir.path().join("store")];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        for secret in [&b"erasable-ada"[..], b"erasable-touch"] {
            assert!(
                !bytes.windows(secret.len()).any(|w| w == secret),
                "{path:?} still holds the customer"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_alike_are_found_among_those_who_allow_it() {
    let shop = Shop::open().await;
    let mut rows = Vec::new();
    for (who, department) in [
        ("ada", "garden"),
        ("ben", "garden"),
        ("carl", "books"),
        ("dana", "garden"),
        ("eve", "garden"),
    ] {
        rows.push(touch(
            who,
            "purchase",
            &format!("{department}-0"),
            &format!("{who}-1"),
        ));
    }
    rows.push(touch("ben", "purchase", "books-1", "ben-2"));
    shop.record(rows).await;
    let mut client = shop.customers();
    client
        .set_consent(SetConsentRequest {
            customer_id: "dana".into(),
            consents: Some(Consents {
                personalise: Some(false),
                ..Consents::default()
            }),
            ..SetConsentRequest::default()
        })
        .await
        .unwrap();
    let app = shop.running().app.clone();
    app.similar
        .keep(&app.keeping, &app.quiet, 1 << 20)
        .await
        .unwrap();
    let ask = |count| FindSimilarCustomersRequest {
        customer_id: "ada".into(),
        count,
    };
    let found = client
        .find_similar_customers(ask(10))
        .await
        .unwrap()
        .into_inner();
    let who: Vec<_> = found
        .customers
        .iter()
        .map(|c| c.customer_id.as_str())
        .collect();
    assert_eq!(who, ["eve", "ben", "carl"]);
    assert!((found.customers[0].similarity - 1.0).abs() < 1e-5);
    assert!(found.customers[1].similarity < 0.9);
    assert!(!found.partial);
    client
        .erase_customer(EraseCustomerRequest {
            customer_id: "eve".into(),
            actor: String::new(),
        })
        .await
        .unwrap();
    let found = client
        .find_similar_customers(ask(1))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(found.customers[0].customer_id, "ben");
    // Whoever comes later is in after the next look at what changed, and whoever changes moves.
    shop.record(vec![
        touch("fay", "purchase", "garden-0", "fay-1"),
        touch("ben", "purchase", "books-2", "ben-3"),
    ])
    .await;
    app.similar
        .keep(&app.keeping, &app.quiet, 1 << 20)
        .await
        .unwrap();
    let found = client
        .find_similar_customers(ask(10))
        .await
        .unwrap()
        .into_inner();
    let who: Vec<_> = found
        .customers
        .iter()
        .map(|c| c.customer_id.as_str())
        .collect();
    assert_eq!(who, ["fay", "ben", "carl"]);
    assert_eq!(found.compared, 4);
    let answer = shop.list("ada", ListKind::ForYou, 3).await;
    let mut notes = answer.lists[0].notes.iter();
    assert!(notes.all(|note| note.code != "source_skipped"));
    let status = client.find_similar_customers(ask(1_001)).await.unwrap_err();
    assert!(status.message().starts_with("count: "));
    shop.close().await;
}
