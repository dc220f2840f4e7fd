//! Obligations of the catalogue, of documents and of the serve log.

use serendib_shop::Product;

use super::*;

pub(crate) fn product(id: &str, stock: Option<i64>) -> Product {
    Product {
        title: Some(format!("The {id}")),
        price: Some(0.1 + 0.2),
        stock,
        ..Product::bare(id)
    }
}

pub(crate) async fn entry(store: &impl Store, id: &str, now: i64) -> CatalogueEntry {
    let mut found = store.products(vec![id.into()], now).await.unwrap();
    found.remove(0).unwrap()
}

fn of(id: &str, lines: &[(&str, i64)], expires_at: i64) -> Reservation {
    Reservation {
        reservation_id: id.into(),
        lines: lines
            .iter()
            .map(|(product, quantity)| ReservationLine {
                product_id: (*product).into(),
                quantity: *quantity,
            })
            .collect(),
        expires_at,
        state: ReservationState::Held,
    }
}

pub(crate) async fn products_are_stored_replaced_and_removed(store: &impl Store) {
    let (first, _) = store
        .upsert_products(
            vec![product("tea", Some(5)), product("milk", None)],
            NOW.into(),
        )
        .await
        .unwrap();
    assert_eq!(
        entry(store, "tea", NOW).await.product,
        product("tea", Some(5))
    );
    assert_eq!(entry(store, "tea", NOW).await.available, Some(5));
    assert_eq!(entry(store, "milk", NOW).await.available, None);
    // A row that says nothing of stock leaves it.
    let mut renamed = product("tea", None);
    renamed.title = Some("Green tea".into());
    let (second, _) = store
        .upsert_products(vec![renamed.clone()], NOW.into())
        .await
        .unwrap();
    assert!(second > first);
    renamed.stock = Some(5);
    assert_eq!(entry(store, "tea", NOW).await.product, renamed);
    let ids = vec!["tea".to_string(), "nothing".into()];
    assert_eq!(
        store
            .remove_products(ids.clone(), NOW.into())
            .await
            .unwrap(),
        1
    );
    assert_eq!(store.remove_products(ids, NOW.into()).await.unwrap(), 0);
    assert!(entry(store, "tea", NOW).await.removed);
    let all = store.catalogue(NOW).await.unwrap();
    assert!(all.version > second);
    let listed: Vec<_> = all
        .entries
        .iter()
        .map(|e| (e.product.product_id.as_str(), e.removed))
        .collect();
    assert_eq!(listed, [("tea", true), ("milk", false)]);
    store
        .upsert_products(vec![renamed], NOW.into())
        .await
        .unwrap();
    assert!(!entry(store, "tea", NOW).await.removed);
    let level = |stock| StockLevel {
        product_id: "tea".into(),
        stock,
    };
    store
        .set_stock(vec![level(Some(0))], NOW.into())
        .await
        .unwrap();
    assert_eq!(entry(store, "tea", NOW).await.available, Some(0));
    store
        .set_stock(vec![level(None)], NOW.into())
        .await
        .unwrap();
    assert_eq!(entry(store, "tea", NOW).await.available, None);
    assert_eq!(
        field(store.set_stock(vec![level(Some(-1))], NOW.into()).await).1,
        "stock"
    );
    let unknown = StockLevel {
        product_id: "nothing".into(),
        stock: Some(1),
    };
    let refused = store
        .set_stock(vec![level(Some(9)), unknown], NOW.into())
        .await;
    assert_eq!(field(refused), (1, "product_id".into()));
    assert_eq!(entry(store, "tea", NOW).await.available, None);
}

pub(crate) async fn stock_is_never_oversold(store: &impl Store) {
    store
        .upsert_products(
            vec![product("tea", Some(10)), product("milk", Some(100))],
            NOW.into(),
        )
        .await
        .unwrap();
    // Forty calls at once, each for two units of ten.
    let calls = (0..40).map(|i| {
        let lines = [("milk", 1), ("tea", 2)];
        store.reserve(of(&format!("r{i}"), &lines, NOW + DAY), NOW)
    });
    let mut held = 0;
    for result in join_all(calls).await {
        match result {
            Ok(_) => held += 1,
            Err(StoreError::OutOfStock {
                product_id,
                available,
                ..
            }) => {
                assert_eq!((product_id.as_str(), available), ("tea", 0));
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(held, 5);
    assert_eq!(entry(store, "tea", NOW).await.available, Some(0));
    assert_eq!(
        entry(store, "milk", NOW).await.available,
        Some(95),
        "all lines or none"
    );
}

async fn join_all<F: std::future::Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.map(|f| (Box::pin(f), None)).collect();
    std::future::poll_fn(|context| {
        let mut pending = false;
        for (future, output) in &mut futures {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *output = Some(value),
                    std::task::Poll::Pending => pending = true,
                }
            }
        }
        if pending {
            std::task::Poll::Pending
        } else {
            std::task::Poll::Ready(())
        }
    })
    .await;
    futures
        .into_iter()
        .filter_map(|(_, output)| output)
        .collect()
}

pub(crate) async fn reservations_are_given_back_taken_or_expire(store: &impl Store) {
    store
        .upsert_products(
            vec![product("tea", Some(10)), product("sky", None)],
            NOW.into(),
        )
        .await
        .unwrap();
    let asked = of("r1", &[("tea", 4), ("sky", 1_000)], NOW + 10);
    let held = store.reserve(asked.clone(), NOW).await.unwrap();
    assert_eq!(store.reserve(asked, NOW).await.unwrap(), held, "idempotent");
    let refused = store.reserve(of("r1", &[("tea", 5)], NOW + 10), NOW).await;
    assert!(matches!(refused, Err(StoreError::AlreadyExists { .. })));
    assert_eq!(entry(store, "tea", NOW).await.available, Some(6));
    assert_eq!(
        entry(store, "tea", NOW + 10).await.available,
        Some(10),
        "expired"
    );
    assert_eq!(
        store.take("r1".into(), NOW + 10).await,
        Err(StoreError::ReservationClosed { state: "expired" })
    );
    let given = store
        .reserve(of("", &[("tea", 3)], NOW + DAY), NOW)
        .await
        .unwrap();
    assert!(!given.reservation_id.is_empty());
    let taken = store.take(given.reservation_id.clone(), NOW).await.unwrap();
    assert_eq!(taken.state, ReservationState::Taken);
    store.take(given.reservation_id.clone(), NOW).await.unwrap();
    let tea = entry(store, "tea", NOW).await;
    assert_eq!((tea.product.stock, tea.available), (Some(7), Some(3)));
    assert_eq!(
        store.release(given.reservation_id, NOW).await,
        Err(StoreError::ReservationClosed { state: "taken" })
    );
    store.release("r1".into(), NOW).await.unwrap();
    store.release("r1".into(), NOW).await.unwrap();
    assert_eq!(entry(store, "tea", NOW).await.available, Some(7));
    store
        .reserve(of("r3", &[("tea", 7)], NOW + 5), NOW)
        .await
        .unwrap();
    assert_eq!(
        store
            .sweep(Retention::default(), NOW + 5)
            .await
            .unwrap()
            .reservations,
        1
    );
    assert_eq!(entry(store, "tea", NOW).await.available, Some(7));
    let missing = StoreError::NotFound {
        what: "reservation",
    };
    assert_eq!(store.release("nope".into(), NOW).await, Err(missing));
    let bad = [
        ("lines", of("x", &[], NOW + 1)),
        ("expires_at", of("x", &[("tea", 1)], NOW)),
        ("quantity", of("x", &[("tea", 0)], NOW + 1)),
        ("product_id", of("x", &[("tea", 1), ("tea", 1)], NOW + 1)),
        ("product_id", of("x", &[("nothing", 1)], NOW + 1)),
    ];
    for (expected, row) in bad {
        assert_eq!(field(store.reserve(row, NOW).await).1, expected);
    }
}

pub(crate) async fn bad_products_are_refused_by_field(store: &impl Store) {
    let good = || product("tea", Some(1));
    let bad = [
        ("product_id", Product::bare("")),
        ("product_id", Product::bare("x".repeat(1 << 20))),
        (
            "price",
            Product {
                price: Some(f64::NAN),
                ..good()
            },
        ),
        (
            "price",
            Product {
                price: Some(-1.0),
                ..good()
            },
        ),
        (
            "stock",
            Product {
                stock: Some(-1),
                ..good()
            },
        ),
        (
            "expires_at",
            Product {
                expires_at: Some(i64::MIN),
                ..good()
            },
        ),
    ];
    for (expected, row) in bad {
        let refused = store.upsert_products(vec![good(), row], NOW.into()).await;
        assert_eq!(field(refused), (1, expected.to_string()));
    }
    assert!(store.catalogue(NOW).await.unwrap().entries.is_empty());
}

pub(crate) async fn documents_are_versioned(store: &impl Store) {
    let box_of = |key: &str, body| Document {
        area: "boxes".into(),
        key: key.into(),
        customer_id: Some("ada".into()),
        version: 0,
        at: NOW,
        body,
    };
    let first = box_of(
        "2026-01/ada",
        serde_json::json!({"lines": ["tea"], "cost": 0.3}),
    );
    assert_eq!(store.put_document(first.clone(), Some(0)).await.unwrap(), 1);
    assert_eq!(
        store.put_document(first.clone(), Some(0)).await,
        Err(StoreError::VersionMismatch {
            expected: 0,
            found: 1
        })
    );
    assert_eq!(store.put_document(first.clone(), Some(1)).await.unwrap(), 2);
    let other = box_of("2026-02/ada", serde_json::json!(null));
    store.put_document(other, None).await.unwrap();
    let read = store
        .document("boxes".into(), "2026-01/ada".into())
        .await
        .unwrap();
    assert_eq!(
        read,
        Some(Document {
            version: 2,
            ..first
        })
    );
    let large = box_of("x", serde_json::Value::String("x".repeat(2 << 20)));
    assert_eq!(field(store.put_document(large, None).await).1, "body");
}

pub(crate) fn request(id: &str, customer: Option<&str>, at: i64, product: &str) -> ServedRequest {
    ServedRequest {
        request_id: id.into(),
        customer_id: customer.map(Into::into),
        at,
        model: "m1".into(),
        placement: None,
        asked: Asked::default(),
        arm: Some(serendib_shop::Arm::Holdout),
        lists: vec![ServedList {
            kind: "for-you".into(),
            items: vec![ServedItem {
                product_id: product.into(),
                propensity: Some(0.5),
                ..ServedItem::default()
            }],
            candidates: vec![],
        }],
    }
}

pub(crate) async fn surprises_are_remembered_whatever_else_was_served(store: &impl Store) {
    let surprised = |id: &str, customer: Option<&str>, days: i64, product: &str| {
        let mut request = request(id, customer, NOW - days * DAY, product);
        request.lists[0].kind = "surprise".into();
        request
    };
    store.log_served(surprised("s1", Some("ada"), 90, "tea"));
    store.log_served(surprised("s2", Some("card"), 40, "milk"));
    store.log_served(surprised("s3", Some("bob"), 40, "soap"));
    store.log_served(surprised("s4", None, 40, "oats"));
    for ix in 0..300 {
        store.log_served(request(&format!("r{ix}"), Some("ada"), NOW - DAY, "rice"));
    }
    super::customers::link(store, "ada", "card").await.unwrap();
    store.flush_served().await.unwrap();
    let ask = |days: i64| store.surprises_served("ada".into(), NOW - days * DAY);
    assert_eq!(ask(30).await.unwrap(), Vec::<String>::new());
    assert_eq!(ask(60).await.unwrap(), ["milk"]);
    // Nobody reported any of them; what nobody in particular was shown goes.
    let swept = store.sweep(Retention::default(), NOW).await.unwrap();
    assert_eq!(swept.served, 1);
    assert_eq!(ask(100).await.unwrap(), ["milk", "tea"]);
    store
        .erase_customer("ada".into(), "test".into(), NOW)
        .await
        .unwrap();
    assert_eq!(ask(100).await.unwrap(), Vec::<String>::new());
    let later = store.sweep(Retention::default(), NOW + 400 * DAY).await;
    assert_eq!(later.unwrap().served, 1, "bob's");
}

pub(crate) async fn what_was_asked_and_why_it_was_served_is_kept(store: &impl Store) {
    let mut full = request("r1", Some("ada"), NOW, "tea");
    full.asked = Asked {
        at: Some(NOW - DAY),
        viewed: Some("pot".into()),
        basket: vec!["milk".into()],
        session: vec![("pot".into(), "view".into(), None)],
        dial: Some(0.25),
    };
    full.lists[0].items[0].reasons = vec![ServedReason {
        code: "goes_with".into(),
        product_id: Some("pot".into()),
        clock: Some("child".into()),
        contribution: 0.1,
    }];
    super::customers::link(store, "ada", "card").await.unwrap();
    store.log_served(full.clone());
    store.flush_served().await.unwrap();
    let found = store.served_request("r1".into()).await.unwrap();
    assert_eq!(found.as_ref(), Some(&full));
    let exported = store.export_customer("ada".into(), "test".into(), NOW);
    let exported = all(exported.await).await;
    let served = exported.into_iter().find_map(|row| match row {
        CustomerRow::Served(served) => Some(served),
        _ => None,
    });
    let served = served.unwrap();
    assert_eq!(served.asked, Some(full.asked));
    assert_eq!(served.reasons, full.lists[0].items[0].reasons);
}

pub(crate) async fn served_requests_are_joined_with_what_came_of_them(store: &impl Store) {
    store.log_served(request("r1", Some("ada"), NOW - 50 * DAY, "tea"));
    store.log_served(request("r2", Some("card"), NOW - 40 * DAY, "milk"));
    store.log_served(request("r3", None, NOW, "milk"));
    store.flush_served().await.unwrap();
    let mut row = bought("t1", "ada", "tea", NOW - 49 * DAY);
    row.request_id = Some(served_id("r1", 0, 1));
    record(store, &[row]).await;
    super::customers::link(store, "ada", "card").await.unwrap();
    store.flush_served().await.unwrap();
    let served = store.served("card".into(), 10).await.unwrap();
    let seen: Vec<_> = served
        .iter()
        .map(|s| {
            (
                s.request.request_id.as_str(),
                s.reported,
                s.came_of_it.len(),
            )
        })
        .collect();
    assert_eq!(seen, [("r2", false, 0), ("r1", true, 1)]);
    assert_eq!(served[1].came_of_it[0].0, "purchase");
    let found = store.served_request("r3".into()).await.unwrap();
    assert_eq!(found, Some(request("r3", None, NOW, "milk")));
    // Nothing ever came back for r2: it expires. r1 stays its full time.
    let swept = store.sweep(Retention::default(), NOW).await.unwrap();
    assert_eq!(swept.served, 1);
    assert!(store.served_request("r2".into()).await.unwrap().is_none());
    let swept = store
        .sweep(Retention::default(), NOW + 360 * DAY)
        .await
        .unwrap();
    assert_eq!(swept.served, 2);
    assert_eq!(store.health().served_dropped, 0);
}
