//! Obligations of rows that the store makes: merged, filled in, exported. They pass the check that every row passes.

use serde_json::json;
use serendib_shop::{Check, Consents, Customer, Product, Purpose};

use super::catalogue::{entry, product};
use super::customers::{customer, link, unlink, upsert};
use super::*;

/// The customer `id` with an attribute `key` of 40 KiB: one fits into a row, two do not.
fn verbose(id: &str, key: &str) -> Customer {
    Customer {
        attributes: [(key.to_string(), json!("x".repeat(40 << 10)))].into(),
        ..customer(id)
    }
}

fn keys(row: &Customer) -> Vec<&str> {
    row.attributes.keys().map(String::as_str).collect()
}

async fn exported(store: &impl Store) -> Vec<ShopRow> {
    all(store.export_shop(Consents::default(), NOW).await).await
}

pub(crate) async fn what_was_removed_before_its_launch_was_never_on_sale(store: &impl Store) {
    let of = |id: &str, from: i64, until: Option<i64>| Product {
        available_from: Some(from),
        available_until: until,
        ..product(id, None)
    };
    let rows = vec![
        of("sold", NOW - 30 * DAY, None),
        of("soon", NOW + 30 * DAY, None),
        of("summer", NOW + 30 * DAY, Some(NOW + 60 * DAY)),
        of("today", NOW, None),
    ];
    let ids: Vec<String> = rows.iter().map(|row| row.product_id.clone()).collect();
    store.upsert_products(rows, NOW.into()).await.unwrap();
    assert_eq!(store.remove_products(ids, NOW.into()).await.unwrap(), 4);
    let rows = exported(store).await;
    assert_eq!(rows.len(), 4);
    for row in rows {
        let ShopRow::Product(row) = row else {
            panic!("{row:?}");
        };
        assert_eq!(row.check(), Ok(()), "{row:?}");
        for later in [NOW, NOW + 40 * DAY, NOW + 90 * DAY] {
            assert!(!row.in_season(later), "{row:?}");
        }
        assert_eq!(
            row.in_season(NOW - DAY),
            row.product_id == "sold",
            "{row:?}"
        );
    }
}

pub(crate) async fn a_merge_that_is_too_much_is_refused_and_nothing_is_lost(store: &impl Store) {
    upsert(store, verbose("ada", "first"), UpsertMode::Merge).await;
    let merge = |rows: Vec<Customer>, said: Said| {
        store.upsert_customers(rows, UpsertMode::Merge, "test".into(), said)
    };
    let rows = vec![verbose("bob", "first"), verbose("ada", "second")];
    let refused = merge(rows, NOW.into()).await;
    assert_eq!(field(refused), (1, "attributes".into()));
    assert!(read(store, "bob").await.is_none(), "all or nothing");
    assert_eq!(keys(&read(store, "ada").await.unwrap().profile), ["first"]);
    // of a file what is too much is left out, and the rest is heard
    let filed = Customer {
        locale: Some("de".into()),
        consents: Consents {
            train: Some(false),
            ..Consents::default()
        },
        ..verbose("ada", "second")
    };
    let rows = vec![filed, verbose("bob", "first")];
    let heard = merge(rows, Said::file(NOW, Some(NOW))).await.unwrap();
    assert_eq!((heard.changed, heard.left_out), (2, 1));
    let ada = read(store, "ada").await.unwrap();
    assert_eq!(keys(&ada.profile), ["first"]);
    assert_eq!(ada.profile.locale.as_deref(), Some("de"));
    assert_eq!(ada.profile.consents.train, Some(false));
    upsert(store, verbose("ada", "second"), UpsertMode::Replace).await;
    assert_eq!(keys(&read(store, "ada").await.unwrap().profile), ["second"]);
}

pub(crate) async fn ids_that_hold_too_much_together_are_exported_as_one_row(store: &impl Store) {
    upsert(store, verbose("ada", "hers"), UpsertMode::Merge).await;
    upsert(store, verbose("card", "cards"), UpsertMode::Merge).await;
    let no = store.set_consent(
        "card".into(),
        Purpose::Contact,
        Some(false),
        "card".into(),
        None,
        NOW,
    );
    no.await.unwrap();
    link(store, "ada", "card").await.unwrap();
    let rows = exported(store).await;
    let [ShopRow::Customer(ada), ShopRow::LeftOut { customer_id, error }] = &rows[..] else {
        panic!("{rows:?}");
    };
    assert_eq!(ada.check(), Ok(()));
    assert_eq!(
        (keys(ada), &ada.identities[..]),
        (vec!["hers"], &["card".to_string()][..])
    );
    assert_eq!(ada.consents.contact, Some(false));
    assert_eq!(
        (customer_id.as_str(), error.column()),
        ("ada", "attributes")
    );
    // what is answered from the store is what is learned from
    assert_eq!(read(store, "card").await.unwrap().profile, *ada);
    unlink(store, "ada", "card").await.unwrap();
    for (id, key) in [("ada", "hers"), ("card", "cards")] {
        assert_eq!(keys(&read(store, id).await.unwrap().profile), [key]);
    }
}

pub(crate) async fn blanks_are_filled_in_only_with_what_goes_with_what_stands(store: &impl Store) {
    let called = Product {
        available_from: Some(NOW + 30 * DAY),
        attributes: [("call".to_string(), json!("x".repeat(40 << 10)))].into(),
        ..product("tea", None)
    };
    let stored = store
        .upsert_products(vec![called.clone()], NOW.into())
        .await;
    stored.unwrap();
    let filed = Product {
        available_until: Some(NOW + 5 * DAY),
        brand: Some("Hill".into()),
        attributes: [("file".to_string(), json!("x".repeat(40 << 10)))].into(),
        ..Product::bare("tea")
    };
    let old = Said::file(NOW, Some(NOW - DAY));
    let (_, heard) = store.upsert_products(vec![filed], old).await.unwrap();
    assert_eq!((heard.filled, heard.left_out), (1, 1));
    let expected = Product {
        brand: Some("Hill".into()),
        ..called
    };
    assert_eq!(entry(store, "tea", NOW).await.product, expected);
    // what goes with it is taken
    let filed = Product {
        available_until: Some(NOW + 50 * DAY),
        ..Product::bare("tea")
    };
    let (_, heard) = store.upsert_products(vec![filed], old).await.unwrap();
    assert_eq!((heard.filled, heard.left_out), (1, 0));
    let until = entry(store, "tea", NOW).await.product.available_until;
    assert_eq!(until, Some(NOW + 50 * DAY));
}
