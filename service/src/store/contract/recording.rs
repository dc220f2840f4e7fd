//! Obligations of recording.

use serendib_shop::{Budget, Delight, Touchpoint};

use super::*;

/// 1900-06-01 in milliseconds since 1970.
const YEAR_1900: i64 = -2_195_942_400_000;
/// 2100-06-01 in milliseconds since 1970.
const YEAR_2100: i64 = 4_115_491_200_000;

pub(crate) async fn a_touchpoint_recorded_twice_is_stored_once(store: &impl Store) {
    let row = bought("t1", "ada", "tea", NOW);
    assert_eq!(
        statuses(&record(store, std::slice::from_ref(&row)).await),
        [Status::Stored]
    );
    assert_eq!(
        statuses(&record(store, &[row.clone(), bought("t2", "ada", "milk", NOW)]).await),
        [Status::Duplicate, Status::Stored]
    );
    assert_eq!(history(store, "ada").await, ["t1", "t2"]);
    let state = read(store, "ada").await.unwrap();
    assert_eq!(state.touchpoints[0], row);
    assert_eq!(store.counts().await.unwrap().touchpoints, 2);
}

pub(crate) async fn the_same_id_with_other_fields_refuses_the_batch(store: &impl Store) {
    record(store, &[bought("t1", "ada", "tea", NOW)]).await;
    let others = [
        bought("t1", "ada", "milk", NOW),
        bought("t1", "bob", "tea", NOW),
        bought("t1", "ada", "tea", NOW + 1),
    ];
    for other in others {
        let batch = vec![bought("t2", "ada", "bread", NOW), other];
        let refused = store.record(batch, RecordOptions::live(NOW)).await;
        let expected = StoreError::AlreadyExists {
            index: 1,
            id: "t1".into(),
        };
        assert_eq!(refused.unwrap_err(), expected);
    }
    assert_eq!(history(store, "ada").await, ["t1"]);
    assert!(read(store, "bob").await.is_none());
}

pub(crate) async fn equal_rows_in_one_batch_are_stored_once(store: &impl Store) {
    let row = bought("t1", "ada", "tea", NOW);
    let recorded = record(store, &[row.clone(), row.clone()]).await;
    assert_eq!(statuses(&recorded), [Status::Stored, Status::Duplicate]);
    assert_eq!(history(store, "ada").await, ["t1"]);
    let conflict = vec![
        bought("t9", "bob", "tea", NOW),
        bought("t9", "bob", "milk", NOW),
    ];
    let refused = store.record(conflict, RecordOptions::live(NOW)).await;
    assert!(matches!(
        refused,
        Err(StoreError::AlreadyExists { index: 1, .. })
    ));
    assert!(read(store, "bob").await.is_none());
}

pub(crate) async fn rows_without_an_id_get_one_and_are_all_stored(store: &impl Store) {
    let row = Touchpoint {
        at: Some(NOW),
        ..Touchpoint::new("ada", "view")
    };
    let recorded = record(store, &[row.clone(), row]).await;
    assert_eq!(statuses(&recorded), [Status::Stored, Status::Stored]);
    let ids: Vec<_> = recorded
        .outcomes
        .iter()
        .map(|o| o.touchpoint_id.clone())
        .collect();
    assert_ne!(ids[0], ids[1]);
    assert_eq!(history(store, "ada").await, ids);
    // The id given is the row's id: sent again with it, the row is known.
    let again = read(store, "ada").await.unwrap().touchpoints[0].clone();
    assert_eq!(
        statuses(&record(store, &[again]).await),
        [Status::Duplicate]
    );
}

pub(crate) async fn times_count_as_configured_and_compare_as_sent(store: &impl Store) {
    let timeless = Touchpoint {
        touchpoint_id: Some("none".into()),
        ..Touchpoint::new("ada", "view")
    };
    record(store, std::slice::from_ref(&timeless)).await;
    let later = RecordOptions::live(NOW + DAY);
    let again = store.record(vec![timeless], later).await.unwrap();
    assert_eq!(statuses(&again), [Status::Duplicate]);
    assert_eq!(
        read(store, "ada").await.unwrap().touchpoints[0].at,
        Some(NOW)
    );

    let ahead = bought("ahead", "ada", "tea", NOW + 30 * DAY);
    let refused = store
        .record(vec![ahead.clone()], RecordOptions::live(NOW))
        .await;
    assert_eq!(field(refused), (0, "at".into()));
    let clamp = |now| RecordOptions {
        future: Future::Clamp,
        ..RecordOptions::live(now)
    };
    store
        .record(vec![ahead.clone()], clamp(NOW + 5))
        .await
        .unwrap();
    let again = store.record(vec![ahead], clamp(NOW + 9)).await.unwrap();
    assert_eq!(statuses(&again), [Status::Duplicate]);
    assert_eq!(
        read(store, "ada").await.unwrap().touchpoints[1].at,
        Some(NOW + 5)
    );

    let untimed = |id: &str| Touchpoint {
        touchpoint_id: Some(id.into()),
        ..Touchpoint::new("bob", "purchase")
    };
    let rows = vec![untimed("z"), untimed("a"), untimed("m")];
    store.record(rows, RecordOptions::load(NOW)).await.unwrap();
    let state = read(store, "bob").await.unwrap();
    assert_eq!(history(store, "bob").await, ["z", "a", "m"]);
    assert!(state.touchpoints.iter().all(|row| row.at.is_none()));
}

pub(crate) async fn bad_rows_are_refused_by_field(store: &impl Store) {
    let good = || bought("t1", "ada", "tea", NOW);
    let long = "x".repeat(1 << 20);
    let bad: Vec<(&str, Touchpoint)> = vec![
        (
            "customer_id",
            Touchpoint {
                customer_id: long.clone(),
                ..good()
            },
        ),
        (
            "customer_id",
            Touchpoint {
                customer_id: String::new(),
                ..good()
            },
        ),
        (
            "customer_id",
            Touchpoint {
                customer_id: "a\nb".into(),
                ..good()
            },
        ),
        (
            "touchpoint_id",
            Touchpoint {
                touchpoint_id: Some(long.clone()),
                ..good()
            },
        ),
        (
            "product_id",
            Touchpoint {
                product_id: Some(String::new()),
                ..good()
            },
        ),
        (
            "kind",
            Touchpoint {
                kind: String::new(),
                ..good()
            },
        ),
        (
            "quantity",
            Touchpoint {
                kind: "view".into(),
                quantity: -1.0,
                ..good()
            },
        ),
        (
            "quantity",
            Touchpoint {
                quantity: f64::NAN,
                ..good()
            },
        ),
        (
            "value",
            Touchpoint {
                value: Some(f64::INFINITY),
                ..good()
            },
        ),
        (
            "duration_s",
            Touchpoint {
                duration_s: Some(-0.5),
                ..good()
            },
        ),
        (
            "rating",
            Touchpoint {
                rating: Some(6.0),
                ..good()
            },
        ),
        (
            "at",
            Touchpoint {
                at: Some(YEAR_1900),
                ..good()
            },
        ),
        (
            "at",
            Touchpoint {
                at: Some(YEAR_2100),
                ..good()
            },
        ),
        (
            "attributes",
            Touchpoint {
                attributes: [("note".to_string(), serde_json::Value::String(long))].into(),
                ..good()
            },
        ),
    ];
    for (expected, row) in bad {
        let batch = vec![bought("t0", "ada", "tea", NOW), row];
        let refused = store.record(batch, RecordOptions::live(NOW)).await;
        assert_eq!(field(refused), (1, expected.to_string()));
    }
    let many = vec![good(); 1_000_000];
    let refused = store.record(many, RecordOptions::live(NOW)).await;
    assert_eq!(field(refused).1, "touchpoints");
    assert!(read(store, "ada").await.is_none());
    let back = Touchpoint {
        quantity: -1.0,
        kind: "return".into(),
        ..good()
    };
    assert_eq!(statuses(&record(store, &[back]).await), [Status::Stored]);
}

pub(crate) async fn unknown_ids_are_refused_where_configured(store: &impl Store) {
    let strict = RecordOptions {
        unknown_customers: UnknownId::Refuse,
        ..RecordOptions::live(NOW)
    };
    let refused = store
        .record(vec![bought("t1", "ada", "tea", NOW)], strict.clone())
        .await;
    assert!(matches!(
        refused,
        Err(StoreError::Unknown {
            index: 0,
            field: "customer_id",
            ..
        })
    ));
    record(store, &[bought("t0", "ada", "tea", NOW)]).await;
    store
        .record(vec![bought("t1", "ada", "tea", NOW)], strict)
        .await
        .unwrap();
    let strict = RecordOptions {
        unknown_products: UnknownId::Refuse,
        ..RecordOptions::live(NOW)
    };
    let batch = vec![
        bought("t2", "ada", "tea", NOW),
        bought("t3", "ada", "cocoa", NOW),
    ];
    let refused = store.record(batch, strict).await;
    assert!(matches!(
        refused,
        Err(StoreError::Unknown {
            index: 1,
            field: "product_id",
            ..
        })
    ));
    assert_eq!(history(store, "ada").await, ["t0", "t1"]);
    let entries = store
        .products(vec!["tea".into(), "cocoa".into()], NOW)
        .await
        .unwrap();
    assert!(entries[0].as_ref().unwrap().seen_only);
    assert!(entries[1].is_none());
}

pub(crate) async fn old_rows_are_acknowledged_and_not_kept(store: &impl Store) {
    let options = RecordOptions {
        keep_from: Some(NOW - 10 * DAY),
        ..RecordOptions::live(NOW)
    };
    let batch = vec![
        bought("old", "ada", "tea", NOW - 11 * DAY),
        bought("new", "ada", "tea", NOW - 10 * DAY),
    ];
    let recorded = store.record(batch, options).await.unwrap();
    assert_eq!(
        statuses(&recorded),
        [Status::IgnoredExpired, Status::Stored]
    );
    assert_eq!(history(store, "ada").await, ["new"]);
}

pub(crate) async fn histories_are_in_order_of_time_however_they_arrive(store: &impl Store) {
    record(
        store,
        &[
            bought("c", "ada", "tea", NOW - 10),
            bought("e", "ada", "tea", NOW),
        ],
    )
    .await;
    record(store, &[bought("a", "ada", "tea", NOW - 30)]).await;
    record(
        store,
        &[
            bought("d", "ada", "tea", NOW - 10),
            bought("b", "ada", "tea", NOW - 20),
        ],
    )
    .await;
    assert_eq!(history(store, "ada").await, ["a", "b", "c", "d", "e"]);
}

pub(crate) async fn a_read_is_bounded_and_says_so(store: &impl Store) {
    let rows: Vec<_> = (0..50)
        .map(|i| bought(&format!("t{i:02}"), "ada", "tea", NOW - 1000 + i))
        .collect();
    record(store, &rows).await;
    let newest = |newest, before| CustomerQuery {
        customer_id: "ada".into(),
        budget: Budget::each(newest),
        before,
    };
    // Asked in an order in which a cached answer would be too short for the next.
    for (query, first, count, truncated) in [
        (newest(3, None), "t47", 3, true),
        (newest(5, Some(NOW - 1000 + 20)), "t15", 5, true),
        (newest(100, Some(NOW - 1000 + 20)), "t00", 20, false),
        (newest(100, None), "t00", 50, false),
        (newest(2, None), "t48", 2, true),
        (newest(0, None), "", 0, true),
        (newest(100, Some(NOW - 1000)), "", 0, false),
    ] {
        let state = store.customer(query.clone()).await.unwrap().unwrap();
        let found = state
            .touchpoints
            .first()
            .and_then(|t| t.touchpoint_id.clone());
        assert_eq!(found.unwrap_or_default(), first, "{query:?}");
        assert_eq!(state.touchpoints.len(), count, "{query:?}");
        assert_eq!(state.truncated(), truncated, "{query:?}");
    }
}

pub(crate) async fn what_lasts_is_read_beside_any_number_of_impressions(store: &impl Store) {
    let row = |who: &str, kind: &str, i: i64| Touchpoint {
        kind: kind.into(),
        ..bought(&format!("{kind}{i:02}"), who, "tea", NOW - 1000 + i)
    };
    let mut rows = vec![
        row("ada", "complaint", 0),
        row("ada", "tasting", 0),
        row("ada", "email_sent", 0),
    ];
    // in both identities, and in turns with one another
    for i in 1..=40 {
        let who = if i % 2 == 0 { "card" } else { "ada" };
        rows.push(row(who, "impression", i));
        rows.push(row(who, "view", i));
        if i % 8 == 0 {
            rows.push(row(who, "purchase", i));
        }
    }
    record(store, &rows).await;
    store
        .link_identity("ada".into(), "card".into(), "test".into(), NOW)
        .await
        .unwrap();
    let budget = Budget {
        lasting: 30,
        active: 10,
        sent: 2,
        shown: 5,
    };
    for before in [None, Some(NOW - 1000 + 31)] {
        let query = CustomerQuery {
            customer_id: "card".into(),
            budget,
            before,
        };
        let state = store.customer(query).await.unwrap().unwrap();
        let of = |kind: &str| -> Vec<i64> {
            let rows = state.touchpoints.iter().filter(|row| row.kind == kind);
            rows.map(|row| row.at.unwrap() - NOW + 1000).collect()
        };
        let last = before.map_or(40, |_| 30);
        assert_eq!((of("complaint"), of("tasting")), (vec![0], vec![0]));
        assert_eq!(of("email_sent"), [0]);
        let newest = |count: i64| (last - count + 1..=last).collect::<Vec<i64>>();
        assert_eq!(of("view"), newest(10));
        assert_eq!(of("impression"), newest(5));
        let bought: Vec<i64> = (1..=last / 8).map(|i| i * 8).collect();
        assert_eq!(of("purchase"), bought);
        let times = state.touchpoints.iter().map(|row| row.at);
        assert!(times.is_sorted());
        assert!(state.truncated() && state.total == 88);
    }
}

pub(crate) async fn pages_cover_a_history_exactly_once(store: &impl Store) {
    let rows: Vec<_> = (0..25)
        .map(|i| {
            let who = if i % 3 == 0 { "card" } else { "ada" };
            bought(&format!("t{i:02}"), who, "tea", NOW - (i / 5))
        })
        .collect();
    record(store, &rows).await;
    store
        .link_identity("ada".into(), "card".into(), "test".into(), NOW)
        .await
        .unwrap();
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let (page, next) = store.touchpoints("card".into(), after, 4).await.unwrap();
        assert!(page.len() <= 4);
        seen.extend(page.into_iter().filter_map(|row| row.touchpoint_id));
        after = next;
        if after.is_none() {
            break;
        }
    }
    seen.reverse();
    assert_eq!(seen, history(store, "ada").await);
    assert_eq!(seen.len(), 25);
}

pub(crate) async fn anonymous_baskets_belong_to_nobody(store: &impl Store) {
    let row = Touchpoint {
        basket_id: Some("b1".into()),
        ..bought("t1", "", "tea", NOW)
    };
    assert_eq!(statuses(&record(store, &[row]).await), [Status::Stored]);
    assert!(read(store, "").await.is_none());
    assert!(store.customer_ids(None, 10).await.unwrap().is_empty());
    assert_eq!(store.counts().await.unwrap().touchpoints, 1);
    let refused = store
        .erase_customer(String::new(), "test".into(), NOW)
        .await;
    assert_eq!(field(refused).1, "customer_id");
}

pub(crate) async fn delights_are_stored_once(store: &impl Store) {
    let said = Delight {
        customer_id: "ada".into(),
        product_id: "tea".into(),
        at: NOW,
        surprised: Some(5.0),
        ..Delight::default()
    };
    let options = RecordOptions::live(NOW);
    let other = Delight {
        surprised: Some(4.0),
        at: NOW - 5,
        ..said.clone()
    };
    let batch = vec![said.clone(), said.clone(), other.clone()];
    let first = store.record_delights(batch, options.clone()).await.unwrap();
    assert_eq!(first, [Status::Stored, Status::Duplicate, Status::Stored]);
    let again = store
        .record_delights(vec![said.clone()], options.clone())
        .await
        .unwrap();
    assert_eq!(again, [Status::Duplicate]);
    assert_eq!(
        read(store, "ada").await.unwrap().delights,
        [other, said.clone()]
    );
    let bad = [
        (
            "surprised",
            Delight {
                surprised: None,
                ..said.clone()
            },
        ),
        (
            "novel",
            Delight {
                novel: Some(f64::NAN),
                ..said.clone()
            },
        ),
        (
            "product_id",
            Delight {
                product_id: String::new(),
                ..said.clone()
            },
        ),
        (
            "at",
            Delight {
                at: YEAR_1900,
                ..said.clone()
            },
        ),
        (
            "at",
            Delight {
                at: YEAR_2100,
                ..said.clone()
            },
        ),
        (
            "at",
            Delight {
                at: NOW + 400 * DAY,
                ..said
            },
        ),
    ];
    for (expected, row) in bad {
        let refused = store.record_delights(vec![row], options.clone()).await;
        assert_eq!(field(refused), (0, expected.to_string()));
    }
}
