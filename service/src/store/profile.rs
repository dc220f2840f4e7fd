//! Merging what was declared into one identity's row.

use serendib_shop::{Customer, Fact};

use super::types::UpsertMode;

fn same_slot(a: &Fact, b: &Fact) -> bool {
    match (a, b) {
        (
            Fact::Clock {
                clock, name, kind, ..
            },
            Fact::Clock {
                clock: other,
                name: other_name,
                kind: other_kind,
                ..
            },
        ) => {
            // A name is enough to know which one is meant; without, a cat does not take the dog's place.
            let kinds_differ = kind.is_some() && other_kind.is_some() && kind != other_kind;
            clock == other && name == other_name && (name.is_some() || !kinds_differ)
        }
        (Fact::Free { key, .. }, Fact::Free { key: other, .. }) => key == other,
        _ => false,
    }
}

/// What the row of one identity becomes when `given` is upserted over `stored`; `identities` are left empty.
///
/// Several facts with one slot in one upsert (two children without names) stay side by side; together they replace
/// those stored in that slot.
pub(crate) fn upserted(stored: Option<Customer>, given: Customer, mode: UpsertMode) -> Customer {
    let mut row = stored.unwrap_or_default();
    row.customer_id = given.customer_id;
    row.identities = Vec::new();
    for purpose in serendib_shop::Purpose::ALL {
        if let Some(said) = given.consents.said(purpose) {
            row.consents.set(purpose, Some(said));
        }
    }
    match mode {
        UpsertMode::Replace => {
            row.registered_at = given.registered_at;
            row.facts = given.facts;
            row.locale = given.locale;
            row.attributes = given.attributes;
        }
        UpsertMode::Merge => {
            row.registered_at = given.registered_at.or(row.registered_at);
            row.locale = given.locale.or(row.locale);
            row.facts
                .retain(|old| !given.facts.iter().any(|new| same_slot(old, new)));
            row.facts.extend(given.facts);
            row.attributes.extend(given.attributes);
        }
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use serendib_shop::Consents;

    fn child(name: Option<&str>, anchor: &str) -> Fact {
        Fact::Clock {
            clock: "child".into(),
            anchor: anchor.into(),
            name: name.map(Into::into),
            kind: None,
        }
    }

    #[test]
    fn a_kind_tells_pets_without_a_name_apart() {
        let pet = |kind: Option<&str>, anchor: &str| Fact::Clock {
            clock: "pet".into(),
            anchor: anchor.into(),
            name: None,
            kind: kind.map(Into::into),
        };
        let dog = pet(Some("dog"), "2020-01-01");
        let upsert = |fact: Fact| {
            let stored = Customer {
                facts: vec![dog.clone()],
                ..Customer::default()
            };
            let given = Customer {
                facts: vec![fact],
                ..Customer::default()
            };
            upserted(Some(stored), given, UpsertMode::Merge).facts
        };
        let cat = pet(Some("cat"), "2024-01-01");
        assert_eq!(upsert(cat.clone()), [dog.clone(), cat]);
        let moved = pet(Some("dog"), "2020-02-01");
        assert_eq!(upsert(moved.clone()), [moved]);
    }

    #[test]
    fn a_merge_replaces_slot_by_slot_and_keeps_the_rest() {
        let stored = Customer {
            facts: vec![
                child(Some("noa"), "2020-01-01"),
                child(Some("dan"), "2022-01-01"),
            ],
            locale: Some("he".into()),
            consents: Consents {
                train: Some(false),
                ..Consents::default()
            },
            ..Customer::default()
        };
        let given = Customer {
            facts: vec![child(Some("noa"), "2020-02-02")],
            ..Customer::default()
        };
        let row = upserted(Some(stored.clone()), given.clone(), UpsertMode::Merge);
        assert_eq!(
            row.facts,
            [
                child(Some("dan"), "2022-01-01"),
                child(Some("noa"), "2020-02-02")
            ]
        );
        assert_eq!(row.locale.as_deref(), Some("he"));
        let row = upserted(Some(stored), given, UpsertMode::Replace);
        assert_eq!(row.facts, [child(Some("noa"), "2020-02-02")]);
        assert_eq!((row.locale, row.consents.train), (None, Some(false)));
    }
}
