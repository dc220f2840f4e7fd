//! Obligations of profiles, consents and identities.

use serendib_shop::{Arm, Consents, Customer, Fact, Purpose};

use super::*;

fn child(name: &str, anchor: &str) -> Fact {
    Fact::Clock {
        clock: "child".into(),
        anchor: anchor.into(),
        name: Some(name.into()),
        kind: None,
    }
}

pub(crate) fn customer(id: &str) -> Customer {
    Customer {
        customer_id: id.into(),
        ..Customer::default()
    }
}

pub(crate) async fn upsert(store: &impl Store, row: Customer, mode: UpsertMode) {
    store
        .upsert_customers(vec![row], mode, "test".into(), NOW.into())
        .await
        .unwrap();
}

pub(crate) async fn link(
    store: &impl Store,
    customer: &str,
    identity: &str,
) -> Result<(), StoreError> {
    store
        .link_identity(customer.into(), identity.into(), "test".into(), NOW)
        .await
}

pub(crate) async fn unlink(
    store: &impl Store,
    customer: &str,
    identity: &str,
) -> Result<(), StoreError> {
    store
        .unlink_identity(customer.into(), identity.into(), "test".into(), NOW)
        .await
}

pub(crate) async fn profiles_merge_and_replace(store: &impl Store) {
    let first = Customer {
        registered_at: Some(NOW - 5 * DAY),
        facts: vec![child("noa", "2020-01-01"), child("dan", "2023-04-05")],
        locale: Some("he".into()),
        attributes: [("tier".to_string(), serde_json::json!("gold"))].into(),
        ..customer("ada")
    };
    upsert(store, first.clone(), UpsertMode::Merge).await;
    assert_eq!(read(store, "ada").await.unwrap().profile, first);
    let more = Customer {
        facts: vec![child("noa", "2020-02-02")],
        attributes: [("shoe".to_string(), serde_json::json!(38))].into(),
        ..customer("ada")
    };
    upsert(store, more.clone(), UpsertMode::Merge).await;
    let merged = read(store, "ada").await.unwrap().profile.clone();
    assert_eq!(
        merged.facts,
        [child("dan", "2023-04-05"), child("noa", "2020-02-02")]
    );
    assert_eq!(merged.attributes.len(), 2);
    assert_eq!(merged.locale, first.locale);
    upsert(store, more.clone(), UpsertMode::Replace).await;
    assert_eq!(read(store, "ada").await.unwrap().profile, more);
}

pub(crate) async fn consents_are_kept_and_audited(store: &impl Store) {
    let set = |said| {
        store.set_consent(
            "ada".into(),
            Purpose::Train,
            said,
            "clerk 7".into(),
            None,
            NOW,
        )
    };
    set(Some(false)).await.unwrap();
    set(Some(false)).await.unwrap();
    let consents = read(store, "ada").await.unwrap().profile.consents;
    assert_eq!(consents.train, Some(false));
    // An upsert that says nothing about it does not take the refusal back.
    upsert(store, customer("ada"), UpsertMode::Replace).await;
    let consents = read(store, "ada").await.unwrap().profile.consents;
    assert_eq!(consents.train, Some(false));
    // An explicit no of any identity wins.
    let yes = Customer {
        consents: Consents {
            train: Some(true),
            ..Consents::default()
        },
        ..customer("card")
    };
    upsert(store, yes, UpsertMode::Merge).await;
    link(store, "card", "ada").await.unwrap();
    let consents = read(store, "card").await.unwrap().profile.consents;
    assert_eq!(consents.train, Some(false));
    set(None).await.unwrap();
    let consents = read(store, "card").await.unwrap().profile.consents;
    assert_eq!(consents.train, Some(true));
    let log = store.audit(0, 100, Some("ada".into())).await.unwrap();
    let said: Vec<_> = log
        .iter()
        .filter(|entry| entry.action == AuditAction::Consent)
        .map(|entry| (entry.by.as_str(), entry.detail.as_str(), entry.at))
        .collect();
    assert_eq!(
        said,
        [
            ("clerk 7", "train=no", NOW),
            ("clerk 7", "train=taken back", NOW)
        ]
    );
    assert!(log.iter().all(|entry| entry.subject == log[0].subject));
    assert_ne!(log[0].subject, "ada");
}

pub(crate) async fn bad_customers_are_refused_by_field(store: &impl Store) {
    let bad = [
        ("customer_id", customer("")),
        ("customer_id", customer(&"x".repeat(1 << 20))),
        (
            "registered_at",
            Customer {
                registered_at: Some(i64::MAX),
                ..customer("ada")
            },
        ),
        (
            "facts[0].anchor",
            Customer {
                facts: vec![child("noa", "soon")],
                ..customer("ada")
            },
        ),
        (
            "facts",
            Customer {
                facts: vec![child("noa", "2020-01-01"); 5_000],
                ..customer("ada")
            },
        ),
        (
            "identities[0]",
            Customer {
                identities: vec!["\u{0}".into()],
                ..customer("ada")
            },
        ),
    ];
    for (expected, row) in bad {
        let batch = vec![row];
        let refused = store
            .upsert_customers(batch, UpsertMode::Merge, "test".into(), NOW.into())
            .await;
        assert_eq!(field(refused), (0, expected.to_string()));
    }
    let batch = vec![
        Customer {
            locale: Some("he".into()),
            ..customer("ada")
        },
        Customer {
            identities: vec!["bob".into()],
            ..customer("bob")
        },
    ];
    let refused = store
        .upsert_customers(batch, UpsertMode::Merge, "test".into(), NOW.into())
        .await;
    assert_eq!(refused.unwrap_err(), StoreError::Circle);
    assert!(read(store, "ada").await.is_none(), "all or nothing");
}

pub(crate) async fn linking_merges_at_once_and_unlinking_restores(store: &impl Store) {
    record(
        store,
        &[
            bought("a1", "ada", "tea", NOW - 3),
            bought("v1", "visitor", "milk", NOW - 2),
            bought("a2", "ada", "tea", NOW - 1),
        ],
    )
    .await;
    let ada = read(store, "ada").await.unwrap();
    link(store, "ada", "visitor").await.unwrap();
    link(store, "visitor", "mail").await.unwrap();
    for id in ["ada", "visitor", "mail"] {
        assert_eq!(history(store, id).await, ["a1", "v1", "a2"], "{id}");
        assert_eq!(read(store, id).await.unwrap().customer_id, "ada");
    }
    let linked = read(store, "ada").await.unwrap();
    assert_eq!(linked.profile.identities, ["mail", "visitor"]);
    let above: Vec<_> = linked
        .identities
        .iter()
        .map(|l| l.linked_to.as_str())
        .collect();
    assert_eq!(above, ["visitor", "ada"]);
    // Recorded while linked, under the identity's own id.
    record(store, &[bought("m1", "mail", "bread", NOW)]).await;
    assert_eq!(history(store, "ada").await.len(), 4);
    unlink(store, "ada", "visitor").await.unwrap();
    assert_eq!(history(store, "ada").await, ["a1", "a2"]);
    assert_eq!(history(store, "mail").await, ["v1", "m1"]);
    assert_eq!(read(store, "mail").await.unwrap().customer_id, "visitor");
    let again = read(store, "ada").await.unwrap();
    assert_eq!(again.touchpoints, ada.touchpoints);
    assert_eq!(again.profile, ada.profile);
    assert_eq!(
        unlink(store, "ada", "visitor").await,
        Err(StoreError::NotLinked)
    );
    assert_eq!(
        unlink(store, "nobody", "visitor").await,
        Err(StoreError::NotFound { what: "customer" })
    );
}

pub(crate) async fn circles_and_second_owners_are_refused(store: &impl Store) {
    assert_eq!(link(store, "a", "a").await, Err(StoreError::Circle));
    link(store, "a", "b").await.unwrap();
    link(store, "b", "c").await.unwrap();
    for (customer, identity) in [("b", "a"), ("c", "a"), ("c", "b")] {
        assert_eq!(
            link(store, customer, identity).await,
            Err(StoreError::Circle)
        );
    }
    assert_eq!(link(store, "a", "c").await, Ok(()), "linked by way of b");
    assert_eq!(
        link(store, "x", "c").await,
        Err(StoreError::LinkedElsewhere)
    );
    assert!(
        read(store, "x").await.is_none(),
        "a refused link leaves nothing"
    );
    let mut refused = None;
    for i in 0..1_000 {
        if let Err(error) = link(store, "a", &format!("n{i}")).await {
            refused = Some(error);
            break;
        }
    }
    assert!(matches!(
        refused,
        Some(StoreError::TooMany {
            field: "identities",
            ..
        })
    ));
}

pub(crate) async fn versions_grow_with_every_change(store: &impl Store) {
    record(
        store,
        &[
            bought("a1", "ada", "tea", NOW),
            bought("v1", "card", "tea", NOW),
        ],
    )
    .await;
    let mut last = 0;
    let mut grown = |version: u64| {
        assert!(version > last, "{version} after {last}");
        last = version;
    };
    grown(read(store, "ada").await.unwrap().version);
    record(store, &[bought("a2", "ada", "tea", NOW)]).await;
    grown(read(store, "ada").await.unwrap().version);
    link(store, "ada", "card").await.unwrap();
    grown(read(store, "ada").await.unwrap().version);
    record(store, &[bought("v2", "card", "tea", NOW)]).await;
    grown(read(store, "ada").await.unwrap().version);
    unlink(store, "ada", "card").await.unwrap();
    grown(read(store, "ada").await.unwrap().version);
    store
        .set_consent(
            "ada".into(),
            Purpose::Contact,
            Some(true),
            "t".into(),
            None,
            NOW,
        )
        .await
        .unwrap();
    grown(read(store, "ada").await.unwrap().version);
    let before = read(store, "ada").await.unwrap();
    record(store, &[bought("b1", "bob", "tea", NOW)]).await;
    assert_eq!(read(store, "ada").await.unwrap(), before);
}

pub(crate) async fn a_change_is_seen_by_the_next_read(store: &impl Store) {
    for i in 0..40 {
        record(store, &[bought(&format!("t{i}"), "ada", "tea", NOW)]).await;
        assert_eq!(history(store, "ada").await.len(), i + 1);
    }
}

pub(crate) async fn customer_ids_are_the_roots(store: &impl Store) {
    record(
        store,
        &[bought("1", "b", "tea", NOW), bought("2", "d", "tea", NOW)],
    )
    .await;
    upsert(store, customer("c"), UpsertMode::Merge).await;
    link(store, "a", "b").await.unwrap();
    link(store, "x", "y").await.unwrap();
    unlink(store, "x", "y").await.unwrap();
    let first = store.customer_ids(None, 2).await.unwrap();
    assert_eq!(first, ["a", "c"]);
    let rest = store.customer_ids(first.last().cloned(), 2).await.unwrap();
    assert_eq!(rest, ["d"]);
}

pub(crate) async fn an_arm_is_decided_once_and_outlives_links(store: &impl Store) {
    for id in ["ada", "card", "phone"] {
        upsert(store, customer(id), UpsertMode::Merge).await;
    }
    let decide = |id: &str, arm, at| store.decide_arm(id.into(), arm, at);
    let before = read(store, "card").await.unwrap();
    assert_eq!((before.arm, before.undecided), (None, true));
    decide("card", Arm::Holdout, NOW).await.unwrap();
    decide("card", Arm::Personal, NOW + 1).await.unwrap();
    let after = read(store, "card").await.unwrap();
    assert_eq!((after.arm, after.undecided), (Some(Arm::Holdout), false));
    assert!(after.version > before.version, "a cached state is not kept");

    // the older decision holds for the person, although ada was known first
    decide("ada", Arm::Personal, NOW + DAY).await.unwrap();
    link(store, "ada", "card").await.unwrap();
    link(store, "ada", "phone").await.unwrap();
    let both = read(store, "ada").await.unwrap();
    assert_eq!((both.arm, both.undecided), (Some(Arm::Holdout), true));
    decide("ada", Arm::Personal, NOW + 2 * DAY).await.unwrap();
    assert!(!read(store, "phone").await.unwrap().undecided);

    // each goes with what was decided for it
    for id in ["card", "phone"] {
        unlink(store, "ada", id).await.unwrap();
    }
    for (id, arm) in [
        ("ada", Arm::Personal),
        ("card", Arm::Holdout),
        ("phone", Arm::Holdout),
    ] {
        assert_eq!(read(store, id).await.unwrap().arm, Some(arm), "{id}");
    }
    decide("nobody", Arm::Personal, NOW).await.unwrap();
    assert!(read(store, "nobody").await.is_none());
}
