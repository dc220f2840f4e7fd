//! Merging what was declared into one identity's row.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serendib_shop::{Check, Customer, Fact, FieldError, Purpose};

use super::authority::Stamp;
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

/// When the fields of one identity's row were last stated.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Stamps {
    /// Of the whole row: a call that replaced it said of everything it left out that it is not so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<Stamp>,
    /// By name of the purpose.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub consents: BTreeMap<String, Stamp>,
    /// In the order of the row's facts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<Stamp>,
    /// `locale`, `registered_at`, and attributes as `a:NAME`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Stamp>,
}

impl Stamps {
    /// The stamp of a field: its own, or that of the row where it is later.
    fn of(&self, own: Option<&Stamp>) -> Option<Stamp> {
        Stamp::later(own.copied(), self.row)
    }
}

/// What one upsert did to a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Merged {
    /// Something is other than before.
    pub changed: bool,
    /// Something that was given was left out.
    pub kept: bool,
    /// Something that was given would have made the row one that the check refuses.
    pub left_out: bool,
}

/// Empties `column` of a row where it holds anything that can be done without; whether it did.
fn give_up(row: &mut Customer, column: &str) -> bool {
    let mut without = row.clone();
    match column {
        "attributes" => without.attributes.clear(),
        "facts" => without.facts.clear(),
        "locale" => without.locale = None,
        "registered_at" => without.registered_at = None,
        _ => {}
    }
    let gave = without != *row;
    *row = without;
    gave
}

/// Returns one person's profile over the rows of their identities, as [`Customer::merged`], and what had to be left out of it.
///
/// Each row passes the check by itself, several together may hold too much. Then the last row that holds any gives up what is too
/// much: the first is that of the id under which the person is known, and the others are in the order in which they were linked.
/// Who somebody is and what they said of consents is never given up.
pub(crate) fn one_person(
    root_id: &str,
    identities: &[String],
    mut rows: Vec<Customer>,
) -> (Customer, Vec<FieldError>) {
    let mut left_out = Vec::new();
    loop {
        let person = Customer::merged(root_id, identities.to_vec(), rows.clone());
        let Err(error) = person.check() else {
            return (person, left_out);
        };
        let mut last_first = rows.iter_mut().rev();
        if !last_first.any(|row| give_up(row, error.column())) {
            return (person, left_out);
        }
        left_out.push(error);
    }
}

/// One row of an identity as it stands: what was declared, and when.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Declared {
    pub row: Customer,
    pub stamps: Stamps,
}

impl Declared {
    /// As [`Declared::upsert`], so that the row still passes the check: a row that grows with every merge would be refused by
    /// whoever reads it later.
    ///
    /// A call that is too much for what stands is refused, and nothing of it is taken over. Of a file what is too much is left
    /// out, since one row must not keep the shop from being loaded; its consents are heard in any case.
    ///
    /// # Errors
    /// The field of a call's row for which there is no room.
    pub(crate) fn upsert_checked(
        &mut self,
        mut given: Customer,
        mode: UpsertMode,
        stamp: Stamp,
    ) -> Result<Merged, FieldError> {
        let mut left_out = false;
        loop {
            let mut then = self.clone();
            let merged = then.upsert(given.clone(), mode, stamp);
            match then.row.check() {
                // what was wrong before is not this row's fault
                Err(error) if self.row.check().is_ok() => {
                    if stamp.call {
                        return Err(error);
                    }
                    left_out = true;
                    if !give_up(&mut given, error.column()) {
                        given = Customer {
                            customer_id: given.customer_id,
                            consents: given.consents,
                            ..Customer::default()
                        };
                    }
                }
                _ => {
                    *self = then;
                    return Ok(Merged { left_out, ..merged });
                }
            }
        }
    }

    /// Takes over what `given` says with `stamp`, field by field; `identities` are left empty.
    ///
    /// Several facts with one slot in one upsert (two children without names) stay side by side; together they replace
    /// those stored in that slot.
    pub(crate) fn upsert(&mut self, given: Customer, mode: UpsertMode, stamp: Stamp) -> Merged {
        let before = self.row.clone();
        let mut kept = false;
        self.row.customer_id = given.customer_id;
        self.row.identities = Vec::new();
        for purpose in Purpose::ALL {
            if let Some(said) = given.consents.said(purpose) {
                kept |= !self.consent(purpose, Some(said), stamp);
            }
        }
        if mode == UpsertMode::Replace {
            if !stamp.outranks(self.stamps.row) {
                return Merged {
                    changed: self.row != before,
                    kept: true,
                    left_out: false,
                };
            }
            let consents = std::mem::take(&mut self.stamps.consents);
            self.stamps = Stamps {
                row: Some(stamp),
                facts: vec![stamp; given.facts.len()],
                consents,
                ..Stamps::default()
            };
            self.row.registered_at = given.registered_at;
            self.row.facts = given.facts;
            self.row.locale = given.locale;
            self.row.attributes = given.attributes;
        } else {
            if given.registered_at.is_some() {
                match self.field("registered_at", stamp) {
                    true => self.row.registered_at = given.registered_at,
                    false => kept |= self.row.registered_at != given.registered_at,
                }
            }
            if given.locale.is_some() {
                match self.field("locale", stamp) {
                    true => self.row.locale = given.locale,
                    false => kept |= self.row.locale != given.locale,
                }
            }
            kept |= self.facts(given.facts, stamp);
            for (key, value) in given.attributes {
                if self.field(&format!("a:{key}"), stamp) {
                    self.row.attributes.insert(key, value);
                } else {
                    kept |= self.row.attributes.get(&key) != Some(&value);
                }
            }
        }
        Merged {
            changed: self.row != before,
            kept,
            left_out: false,
        }
    }

    /// Records what was said about `purpose`; whether it holds now.
    pub(crate) fn consent(&mut self, purpose: Purpose, said: Option<bool>, stamp: Stamp) -> bool {
        let (name, old) = (purpose.as_str(), self.row.consents.said(purpose));
        let before = self.stamps.consents.get(name).copied();
        if !stamp.permits(said, before, old) {
            return said == old;
        }
        // what a call said stays its word when a file repeats it without a date
        if said != old || stamp.outranks(before) {
            self.stamps.consents.insert(name.to_owned(), stamp);
        }
        self.row.consents.set(purpose, said);
        true
    }

    /// Whether a statement about the field may stand; noted if so.
    fn field(&mut self, name: &str, stamp: Stamp) -> bool {
        let stands = stamp.outranks(self.stamps.of(self.stamps.fields.get(name)));
        if stands {
            self.stamps.fields.insert(name.to_owned(), stamp);
        }
        stands
    }

    /// Takes over facts, slot by slot; whether any was left out.
    fn facts(&mut self, given: Vec<Fact>, stamp: Stamp) -> bool {
        let row = self.stamps.row;
        self.stamps.facts.resize(
            self.row.facts.len(),
            row.unwrap_or(Stamp {
                at: None,
                call: false,
            }),
        );
        let stored: Vec<(Fact, Stamp)> = std::mem::take(&mut self.row.facts)
            .into_iter()
            .zip(std::mem::take(&mut self.stamps.facts))
            .collect();
        let mut left_out = false;
        let mut taken: Vec<Fact> = Vec::new();
        for fact in given {
            let mut slot = stored
                .iter()
                .filter(|(old, _)| same_slot(old, &fact))
                .peekable();
            let stands = match slot.peek() {
                Some(_) => slot.all(|(_, old)| stamp.outranks(Some(*old))),
                None => stamp.outranks(row),
            };
            if stands {
                taken.push(fact);
            } else {
                left_out |= !stored.iter().any(|(old, _)| *old == fact);
            }
        }
        for (fact, at) in stored {
            if !taken.iter().any(|new| same_slot(&fact, new)) {
                self.row.facts.push(fact);
                self.stamps.facts.push(at);
            }
        }
        self.stamps
            .facts
            .extend(std::iter::repeat_n(stamp, taken.len()));
        self.row.facts.extend(taken);
        left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::authority::Said;
    use serendib_shop::Consents;

    fn upserted(stored: Customer, given: Customer, mode: UpsertMode) -> Customer {
        let mut declared = Declared {
            row: stored,
            stamps: Stamps::default(),
        };
        declared.upsert(given, mode, Said::from(5).stamp(None));
        declared.row
    }

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
            upserted(stored, given, UpsertMode::Merge).facts
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
        let row = upserted(stored.clone(), given.clone(), UpsertMode::Merge);
        assert_eq!(
            row.facts,
            [
                child(Some("dan"), "2022-01-01"),
                child(Some("noa"), "2020-02-02")
            ]
        );
        assert_eq!(row.locale.as_deref(), Some("he"));
        let row = upserted(stored, given, UpsertMode::Replace);
        assert_eq!(row.facts, [child(Some("noa"), "2020-02-02")]);
        assert_eq!((row.locale, row.consents.train), (None, Some(false)));
    }

    #[test]
    fn a_file_fills_in_what_no_call_said_and_leaves_the_rest() {
        let mut declared = Declared::default();
        let told = Customer {
            facts: vec![child(Some("noa"), "2020-01-01")],
            locale: Some("he".into()),
            ..Customer::default()
        };
        declared.upsert(told, UpsertMode::Merge, Said::from(50).stamp(None));
        let filed = Customer {
            facts: vec![
                child(Some("noa"), "2011-01-01"),
                child(Some("dan"), "2022-01-01"),
            ],
            locale: Some("de".into()),
            registered_at: Some(7),
            ..Customer::default()
        };
        let undated = Said::file(60, None).stamp(None);
        let merged = declared.upsert(filed.clone(), UpsertMode::Merge, undated);
        assert!(merged.changed && merged.kept);
        assert_eq!(
            declared.row.facts,
            [
                child(Some("noa"), "2020-01-01"),
                child(Some("dan"), "2022-01-01")
            ]
        );
        assert_eq!(declared.row.locale.as_deref(), Some("he"));
        assert_eq!(declared.row.registered_at, Some(7));
        // a file of a later day knows better
        declared.upsert(
            filed.clone(),
            UpsertMode::Merge,
            Said::file(70, Some(65)).stamp(None),
        );
        assert_eq!(declared.row.locale.as_deref(), Some("de"));
        assert_eq!(declared.row.facts, filed.facts);
    }

    #[test]
    fn what_a_replacing_call_left_out_no_older_file_brings_back() {
        let mut declared = Declared::default();
        let filed = Customer {
            facts: vec![child(Some("noa"), "2020-01-01")],
            locale: Some("he".into()),
            ..Customer::default()
        };
        declared.upsert(
            filed.clone(),
            UpsertMode::Merge,
            Said::file(10, None).stamp(None),
        );
        declared.upsert(
            Customer::default(),
            UpsertMode::Replace,
            Said::from(20).stamp(None),
        );
        let merged = declared.upsert(
            filed.clone(),
            UpsertMode::Merge,
            Said::file(30, None).stamp(None),
        );
        assert_eq!((merged.changed, merged.kept), (false, true));
        assert_eq!(declared.row.locale, None);
        assert!(declared.row.facts.is_empty());
    }
}
