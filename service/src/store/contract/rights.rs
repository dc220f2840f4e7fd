//! Obligations of exports, erasure and retention.

use serendib_shop::{Consents, Customer, Delight, Product, Purpose, Touchpoint};

use super::customers::{customer, link, upsert};
use super::*;

async fn erase(store: &impl Store, id: &str) -> Result<Erasure, StoreError> {
    store.erase_customer(id.into(), "test".into(), NOW).await
}

pub(crate) async fn an_export_equals_what_was_recorded(store: &impl Store) {
    let profile = Customer {
        locale: Some("he".into()),
        attributes: [("note".to_string(), serde_json::json!({"b": 1, "a": [0.1]}))].into(),
        ..customer("ada")
    };
    upsert(store, profile.clone(), UpsertMode::Merge).await;
    let mut rows = vec![
        bought("a2", "ada", "tea", NOW - 5),
        bought("v1", "card", "milk", NOW - 7),
        bought("a1", "ada", "tea", NOW - 9),
    ];
    rows[0]
        .attributes
        .insert("wrap".into(), serde_json::json!({"z": true, "a": null}));
    rows[1].pages = Some(7);
    record(store, &rows).await;
    record(store, &[bought("b1", "bob", "tea", NOW)]).await;
    let said = Delight {
        customer_id: "card".into(),
        product_id: "milk".into(),
        at: NOW,
        expected: Some(2.0),
        actual: Some(4.5),
        ..Delight::default()
    };
    store
        .record_delights(vec![said.clone()], RecordOptions::live(NOW))
        .await
        .unwrap();
    link(store, "ada", "card").await.unwrap();
    store.log_served(request("r1", Some("card"), NOW, "tea"));
    store.log_served(request("r2", Some("bob"), NOW, "tea"));
    store.flush_served().await.unwrap();
    let exported = all(store
        .export_customer("card".into(), "test".into(), NOW)
        .await)
    .await;
    let touchpoints: Vec<_> = exported
        .iter()
        .filter_map(|row| match row {
            CustomerRow::Touchpoint(row) => Some(row.clone()),
            _ => None,
        })
        .collect();
    rows.sort_by_key(|row| row.at);
    assert_eq!(touchpoints, rows);
    assert_eq!(exported[0], CustomerRow::Profile(profile));
    assert!(matches!(&exported[1], CustomerRow::Identity(l) if l.identity == "card"));
    assert!(exported.contains(&CustomerRow::Delight(said)));
    let served: Vec<_> = exported
        .iter()
        .filter_map(|row| match row {
            CustomerRow::Served(served) => Some(served.row.request_id.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(served, ["r1"]);
    assert!(exported
        .iter()
        .any(|row| matches!(row, CustomerRow::Audit(e) if e.action == AuditAction::Export)));
    let missing = store
        .export_customer("nobody".into(), "test".into(), NOW)
        .await;
    assert_eq!(
        missing.err(),
        Some(StoreError::NotFound { what: "customer" })
    );
}

pub(crate) async fn an_erasure_takes_effect_at_once(store: &impl Store) {
    let rows = [
        bought("a1", "ada", "tea", NOW - 2),
        bought("v1", "card", "milk", NOW - 1),
        bought("b1", "bob", "tea", NOW),
    ];
    record(store, &rows).await;
    link(store, "ada", "card").await.unwrap();
    store.log_served(request("r1", Some("ada"), NOW, "tea"));
    store.flush_served().await.unwrap();
    let document = Document {
        area: "boxes".into(),
        key: "1".into(),
        customer_id: Some("card".into()),
        version: 0,
        at: NOW,
        body: serde_json::json!({"lines": ["tea"]}),
    };
    store.put_document(document, None).await.unwrap();
    let receipt = erase(store, "card").await.unwrap();
    assert_eq!(
        (receipt.state, receipt.identities, receipt.touchpoints),
        (ErasureState::Erased, 2, 2)
    );
    for id in ["ada", "card"] {
        assert!(read(store, id).await.is_none());
        assert!(store.served(id.into(), 10).await.unwrap().is_empty());
        let (page, _) = store.touchpoints(id.into(), None, 10).await.unwrap();
        assert!(page.is_empty());
        let export = store.export_customer(id.into(), "test".into(), NOW).await;
        assert_eq!(
            export.err(),
            Some(StoreError::NotFound { what: "customer" })
        );
    }
    assert_eq!(store.customer_ids(None, 10).await.unwrap(), ["bob"]);
    assert!(store.served_request("r1".into()).await.unwrap().is_none());
    assert!(store
        .document("boxes".into(), "1".into())
        .await
        .unwrap()
        .is_none());
    // Late duplicates are acknowledged, before the scrub and after it; others of the batch are stored.
    for (round, id) in ["x1", "x2"].into_iter().enumerate() {
        let late = [
            rows[0].clone(),
            bought(id, "bob", "tea", NOW),
            rows[1].clone(),
        ];
        let recorded = record(store, &late).await;
        let ignored = Status::IgnoredErased;
        assert_eq!(
            statuses(&recorded),
            [ignored, Status::Stored, ignored],
            "{round}"
        );
        assert!(read(store, "ada").await.is_none(), "{round}");
        store.scrub(NOW).await.unwrap();
    }
    assert_eq!(
        erase(store, "ada").await.unwrap().receipt_id,
        receipt.receipt_id
    );
    let unknown = erase(store, "carol").await;
    assert_eq!(unknown, Err(StoreError::NotFound { what: "customer" }));
    let log = store.audit(0, 100, Some("card".into())).await.unwrap();
    assert_eq!(log.last().unwrap().action, AuditAction::Erase);
}

pub(crate) async fn an_erased_customer_may_come_back_new(store: &impl Store) {
    record(store, &[bought("a1", "ada", "tea", NOW)]).await;
    let first = erase(store, "ada").await.unwrap();
    record(store, &[bought("a2", "ada", "milk", NOW + 1)]).await;
    store.scrub(NOW).await.unwrap();
    assert_eq!(history(store, "ada").await, ["a2"]);
    let second = erase(store, "ada").await.unwrap();
    assert_ne!(first.receipt_id, second.receipt_id);
    assert!(read(store, "ada").await.is_none());
}

pub(crate) async fn a_scrub_finishes_the_receipt(store: &impl Store) {
    record(store, &[bought("a1", "ada", "tea", NOW)]).await;
    let receipt = erase(store, "ada").await.unwrap().receipt_id;
    assert_eq!(store.health().unscrubbed, 1);
    assert_eq!(store.scrub(NOW + 9).await.unwrap(), 1);
    assert_eq!(store.scrub(NOW + 10).await.unwrap(), 0);
    assert_eq!(store.health().unscrubbed, 0);
    let found = store.erasure(receipt).await.unwrap().unwrap();
    assert_eq!(
        (found.state, found.scrubbed_at),
        (ErasureState::Scrubbed, Some(NOW + 9))
    );
    assert!(store.erasure("nope".into()).await.unwrap().is_none());
    assert_eq!(store.counts().await.unwrap().touchpoints, 0);
}

pub(crate) async fn only_those_who_allow_it_are_exported_for_training(store: &impl Store) {
    store
        .upsert_products(vec![Product::bare("tea")], NOW.into())
        .await
        .unwrap();
    let mut basket = bought("n1", "", "tea", NOW);
    basket.basket_id = Some("b".into());
    record(
        store,
        &[
            bought("a1", "ada", "tea", NOW),
            bought("b1", "bob", "milk", NOW),
            bought("c1", "card", "tea", NOW),
            bought("d1", "dan", "tea", NOW),
            basket,
        ],
    )
    .await;
    link(store, "ada", "card").await.unwrap();
    let consent = |id: &str, said| {
        store.set_consent(id.into(), Purpose::Train, Some(said), "t".into(), None, NOW)
    };
    consent("bob", false).await.unwrap();
    consent("dan", true).await.unwrap();
    for (id, to) in [("r1", Some("card")), ("r2", Some("bob")), ("r3", None)] {
        store.log_served(request(id, to, NOW, "tea"));
    }
    store.flush_served().await.unwrap();
    let boxes = [("b1", "card"), ("b2", "bob"), ("b3", "dan")];
    let boxes = boxes.map(|(id, to)| super::boxes::packed(id, to, &["tea"]));
    let pack = super::boxes::pack("p", NOW + DAY);
    let kept = store.keep_pack(pack, boxes.to_vec(), PackOptions::default(), NOW);
    kept.await.unwrap();
    let ids = |rows: &[ShopRow]| -> Vec<String> {
        rows.iter()
            .map(|row| match row {
                ShopRow::Product(p) => p.product_id.clone(),
                ShopRow::Customer(c) => format!("{}+{}", c.customer_id, c.identities.join("+")),
                ShopRow::LeftOut { customer_id, .. } => format!("{customer_id}-"),
                ShopRow::Touchpoint(t) => {
                    format!("{}/{}", t.customer_id, t.touchpoint_id.as_deref().unwrap())
                }
                ShopRow::Delight(d) => d.product_id.clone(),
                ShopRow::Served(s) => {
                    format!(
                        "{}>{}",
                        s.request_id,
                        s.customer_id.as_deref().unwrap_or("-")
                    )
                }
                ShopRow::Box(b) => format!("{}>{}", b.box_id, b.customer_id),
            })
            .collect()
    };
    let rows = all(store.export_shop(Consents::default(), NOW).await).await;
    assert_eq!(
        ids(&rows),
        [
            "tea", "milk", "ada+card", "dan+", "ada/a1", "ada/c1", "dan/d1", "/n1", "r1>ada",
            "r3>-", "b1>ada", "b3>dan"
        ]
    );
    let no = Consents {
        train: Some(false),
        ..Consents::default()
    };
    let rows = all(store.export_shop(no, NOW).await).await;
    assert_eq!(
        ids(&rows),
        ["tea", "milk", "dan+", "dan/d1", "/n1", "r3>-", "b3>dan"]
    );
}

pub(crate) async fn what_was_hidden_stays_so_whatever_its_age(store: &impl Store) {
    let said = |kind: &str, product: &str, days: i64| Touchpoint {
        kind: kind.into(),
        value: None,
        ..bought(
            &format!("{kind}-{product}-{days}"),
            "ada",
            product,
            NOW - days * DAY,
        )
    };
    let rows = [
        said("view", "tea", 100),
        said("hide", "tea", 100),
        // undone, which is as true today
        said("not_interested", "milk", 99),
        said("unhide", "milk", 90),
        // by whatever name
        said("Thumbs-Down", "oats", 80),
        // said again
        said("hide", "soap", 70),
        said("dislike", "soap", 2),
        // at one time a no beats a yes
        said("interested", "rice", 60),
        said("hide", "rice", 60),
    ];
    record(store, &rows).await;
    // told late, of before anything is kept
    let options = RecordOptions {
        keep_from: Some(NOW - 30 * DAY),
        ..RecordOptions::live(NOW)
    };
    let late = vec![said("hide", "salt", 200), said("view", "salt", 200)];
    let recorded = store.record(late, options).await.unwrap();
    let expected = [Status::Stored, Status::IgnoredExpired];
    assert_eq!(statuses(&recorded), expected);
    let retention = Retention {
        touchpoints_ms: Some(30 * DAY),
        ..Retention::default()
    };
    for deleted in [3, 0] {
        let swept = store.sweep(retention, NOW).await.unwrap();
        assert_eq!(swept.touchpoints, deleted);
        assert_eq!(
            history(store, "ada").await,
            [
                "hide-salt-200",
                "hide-tea-100",
                "unhide-milk-90",
                "Thumbs-Down-oats-80",
                "interested-rice-60",
                "hide-rice-60",
                "dislike-soap-2"
            ]
        );
    }
    assert_eq!(read(store, "ada").await.unwrap().total, 7);
}

pub(crate) async fn a_sweep_keeps_what_is_young(store: &impl Store) {
    record(
        store,
        &[
            bought("old", "ada", "tea", NOW - 100 * DAY),
            bought("new", "ada", "tea", NOW - DAY),
            bought("gone", "bob", "tea", NOW - 100 * DAY),
        ],
    )
    .await;
    assert_eq!(history(store, "ada").await.len(), 2);
    let retention = Retention {
        touchpoints_ms: Some(30 * DAY),
        ..Retention::default()
    };
    let swept = store.sweep(retention, NOW).await.unwrap();
    assert_eq!(swept.touchpoints, 2);
    assert_eq!(history(store, "ada").await, ["new"]);
    assert!(read(store, "bob").await.is_none());
    assert_eq!(read(store, "ada").await.unwrap().total, 1);
    assert_eq!(store.counts().await.unwrap().touchpoints, 1);
}
