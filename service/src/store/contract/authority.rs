//! Obligations of whose word holds: persons, calls and files.

use serendib_shop::{Consents, Customer, Purpose};

use super::catalogue::{entry, product};
use super::customers::{customer, link, unlink};
use super::*;

async fn load(store: &impl Store, rows: Vec<Customer>, as_of: Option<i64>) -> Heard {
    let said = Said::file(NOW, as_of);
    store
        .upsert_customers(rows, UpsertMode::Merge, "load".into(), said)
        .await
        .unwrap()
}

async fn consents(store: &impl Store, id: &str) -> Consents {
    read(store, id).await.unwrap().profile.consents
}

pub(crate) async fn a_file_never_overrides_what_a_person_said_later(store: &impl Store) {
    let filed = |train| Customer {
        locale: Some("de".into()),
        consents: Consents {
            train: Some(train),
            contact: Some(true),
            ..Consents::default()
        },
        ..customer("ada")
    };
    load(store, vec![filed(true)], None).await;
    let say = |yes, said_at| {
        store.set_consent(
            "ada".into(),
            Purpose::Train,
            yes,
            "ada".into(),
            said_at,
            NOW,
        )
    };
    say(Some(false), None).await.unwrap();
    let heard = load(store, vec![filed(true)], None).await;
    assert_eq!((heard.changed, heard.kept), (0, 1));
    load(store, vec![filed(true)], Some(NOW - DAY)).await;
    assert_eq!(consents(store, "ada").await.train, Some(false));
    assert_eq!(consents(store, "ada").await.contact, Some(true));
    // a form of a later day is a later statement; one of an earlier day that comes in late is not
    load(store, vec![filed(true)], Some(NOW + DAY)).await;
    assert_eq!(consents(store, "ada").await.train, Some(true));
    say(Some(false), Some(NOW - 5 * DAY)).await.unwrap();
    assert_eq!(consents(store, "ada").await.train, Some(true));
    // between two files that do not say their time, a no stands
    load(store, vec![customer("bob")], None).await;
    for train in [true, false, true] {
        let row = Customer {
            customer_id: "bob".into(),
            ..filed(train)
        };
        load(store, vec![row], None).await;
    }
    assert_eq!(consents(store, "bob").await.train, Some(false));
}

pub(crate) async fn an_identity_taken_away_stays_away(store: &impl Store) {
    let filed = || Customer {
        locale: Some("de".into()),
        identities: vec!["card".into()],
        ..customer("ada")
    };
    load(store, vec![filed()], None).await;
    record(store, &[bought("t1", "card", "tea", NOW)]).await;
    assert_eq!(read(store, "card").await.unwrap().customer_id, "ada");
    unlink(store, "ada", "card").await.unwrap();
    let heard = load(store, vec![filed()], None).await;
    assert_eq!(heard.kept, 1);
    load(store, vec![filed()], Some(NOW - DAY)).await;
    assert_eq!(read(store, "card").await.unwrap().customer_id, "card");
    link(store, "ada", "card").await.unwrap();
    assert_eq!(read(store, "card").await.unwrap().customer_id, "ada");
}

pub(crate) async fn a_files_prices_and_removals_yield_to_calls(store: &impl Store) {
    let filed = |id: &str, price| {
        let mut row = product(id, None);
        row.price = Some(price);
        row.brand = Some("Hill".into());
        row
    };
    let load = async |as_of, price| {
        let rows = vec![filed("tea", price), filed("milk", price)];
        store
            .upsert_products(rows, Said::file(NOW, as_of))
            .await
            .unwrap()
            .1
    };
    load(None, 1.0).await;
    load(None, 2.0).await;
    assert_eq!(entry(store, "tea", NOW).await.product.price, Some(2.0));
    let mut called = product("tea", None);
    called.price = Some(3.0);
    store
        .upsert_products(vec![called], NOW.into())
        .await
        .unwrap();
    let removed = store.remove_products(vec!["milk".into()], NOW.into());
    assert_eq!(removed.await.unwrap(), 1);
    for as_of in [None, Some(NOW - DAY)] {
        let heard = load(as_of, 4.0).await;
        assert_eq!(heard.kept, 2);
        let tea = entry(store, "tea", NOW).await;
        // what the call left out is filled in
        assert_eq!(
            (tea.product.price, tea.product.brand.as_deref()),
            (Some(3.0), Some("Hill"))
        );
        assert!(entry(store, "milk", NOW).await.removed);
    }
    load(Some(NOW + DAY), 5.0).await;
    assert_eq!(entry(store, "tea", NOW).await.product.price, Some(5.0));
    assert!(!entry(store, "milk", NOW).await.removed);
}

pub(crate) async fn a_count_of_stock_is_brought_up_to_date(store: &impl Store) {
    let load = async |as_of| {
        let said = Said::file(NOW + 2 * DAY, as_of);
        store
            .upsert_products(vec![product("tea", Some(10))], said)
            .await
            .unwrap();
    };
    let stock = async || entry(store, "tea", NOW + 2 * DAY).await.product.stock;
    load(None).await;
    let reservation = Reservation {
        reservation_id: "r1".into(),
        lines: vec![ReservationLine {
            product_id: "tea".into(),
            quantity: 3,
        }],
        expires_at: NOW + 9 * DAY,
        state: ReservationState::Held,
    };
    let later = NOW + 3 * DAY;
    store.reserve(reservation, later).await.unwrap();
    store.take("r1".into(), later).await.unwrap();
    assert_eq!(stock().await, Some(7));
    // the same file again does not put back what was sold
    load(None).await;
    assert_eq!(stock().await, Some(7));
    load(Some(later - 1)).await;
    assert_eq!(stock().await, Some(7));
    load(Some(later)).await;
    assert_eq!(stock().await, Some(10));
    let level = StockLevel {
        product_id: "tea".into(),
        stock: Some(4),
    };
    store
        .set_stock(vec![level], (later + DAY).into())
        .await
        .unwrap();
    load(None).await;
    load(Some(later)).await;
    assert_eq!(stock().await, Some(4));
}

pub(crate) async fn a_snapshot_removes_what_it_does_not_list(store: &impl Store) {
    let rows = vec![product("tea", None), product("milk", None)];
    let old = Said::file(NOW, Some(NOW - DAY));
    store.upsert_products(rows, old).await.unwrap();
    let called = vec![product("honey", None)];
    store.upsert_products(called, NOW.into()).await.unwrap();
    record(store, &[bought("t1", "ada", "herbs", NOW)]).await;
    let listed = ["tea".to_string()].into();
    let removed = store.remove_absent(listed, Said::file(NOW, None)).await;
    assert_eq!(removed.unwrap(), 1);
    assert!(entry(store, "milk", NOW).await.removed);
    for kept in ["tea", "honey", "herbs"] {
        assert!(!entry(store, kept, NOW).await.removed, "{kept}");
    }
}

pub(crate) async fn what_was_erased_no_file_brings_back(store: &impl Store) {
    let filed = Customer {
        locale: Some("de".into()),
        registered_at: Some(NOW - 30 * DAY),
        identities: vec!["card".into()],
        ..customer("ada")
    };
    load(store, vec![filed.clone()], None).await;
    record(store, &[bought("t1", "card", "tea", NOW - DAY)]).await;
    store
        .erase_customer("card".into(), "ada".into(), NOW)
        .await
        .unwrap();
    for as_of in [None, Some(NOW - 1)] {
        assert_eq!(load(store, vec![filed.clone()], as_of).await.erased, 1);
    }
    // rows of before, also under ids that nobody has seen
    let late = [
        bought("t1", "card", "tea", NOW - DAY),
        bought("t2", "card", "tea", NOW - DAY),
        bought("t3", "ada", "milk", NOW - 2 * DAY),
    ];
    let recorded = store
        .record(late.to_vec(), RecordOptions::load(NOW))
        .await
        .unwrap();
    for outcome in recorded.outcomes {
        assert_eq!(outcome.status, Status::IgnoredErased);
    }
    assert!(read(store, "ada").await.is_none());
    assert!(read(store, "card").await.is_none());
    // who comes back is new, with what comes after
    let anew = Customer {
        registered_at: Some(NOW + DAY),
        ..customer("ada")
    };
    store
        .upsert_customers(
            vec![anew],
            UpsertMode::Merge,
            "ada".into(),
            (NOW + DAY).into(),
        )
        .await
        .unwrap();
    load(store, vec![filed], None).await;
    let state = read(store, "ada").await.unwrap();
    assert_eq!(state.profile.locale, None);
    assert!(state.identities.is_empty());
}
