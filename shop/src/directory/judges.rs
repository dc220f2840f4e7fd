//! Verdicts on rows that need the rows before them.

use std::collections::{HashMap, HashSet};

use super::rows::{Judge, Standing};
use crate::ids::stable_hash;
use crate::row::{check_identities, FieldError};
use crate::{Customer, Link, Persons, Touchpoint};

/// Of the rows of one `touchpoint_id` the first counts. Remembers 8 bytes of each id.
pub(super) fn repeats() -> Judge<Touchpoint> {
    let mut seen: HashSet<u64> = HashSet::new();
    Box::new(move |row, _| {
        let id = row.touchpoint_id.as_deref();
        let first = id.is_none_or(|id| seen.insert(stable_hash(id.as_bytes())));
        Ok(if first {
            Standing::Counts
        } else {
            Standing::Repeats
        })
    })
}

/// Customers appear once, and no identity belongs to two of them: as a store links them, one row after the other.
pub(super) fn identities() -> Judge<Customer> {
    let mut people = People::default();
    Box::new(move |row, place| people.admit(row, place.row).map(|()| Standing::Counts))
}

#[derive(Default)]
struct People {
    persons: Persons,
    /// The row of each customer.
    rows: HashMap<Box<str>, u64>,
    /// Who claims an identity, and in which row.
    claims: HashMap<Box<str>, (Box<str>, u64)>,
}

impl People {
    fn admit(&mut self, row: &Customer, place: u64) -> Result<(), FieldError> {
        check_identities(row)?;
        let own = row.customer_id.as_str();
        if let Some(first) = self.rows.get(own) {
            let message = format!("{own:?} appears twice, first in row {first}");
            return Err(FieldError::new("customer_id", message));
        }
        let mut linked: Vec<&str> = Vec::new();
        for (ix, identity) in row.identities.iter().enumerate() {
            match self.persons.link(own, identity) {
                Link::New => linked.push(identity),
                Link::Already => {}
                fault => {
                    // all or nothing: what is wrong with one identity takes none of the others
                    for identity in linked {
                        self.persons.unlink(identity);
                    }
                    return Err(FieldError::new(
                        format!("identities[{ix}]"),
                        self.fault(fault, own, identity),
                    ));
                }
            }
        }
        for identity in linked {
            self.claims.insert(identity.into(), (own.into(), place));
        }
        self.rows.insert(own.into(), place);
        Ok(())
    }

    fn fault(&self, fault: Link, own: &str, identity: &str) -> String {
        let of = format!("{identity:?} of customer {own:?}");
        match (fault, self.claims.get(identity)) {
            (Link::Elsewhere, Some((other, row))) => {
                format!("{of} is an identity of customer {other:?} already, in row {row}")
            }
            (Link::Circle, _) => format!("{of} makes a circle: {own:?} is an identity of it"),
            _ => fault.fault(own, identity).unwrap_or(of),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people(rows: &[(&str, &[&str])]) -> Result<(), String> {
        let mut people = People::default();
        for (ix, (id, identities)) in rows.iter().enumerate() {
            let row = Customer {
                customer_id: (*id).into(),
                identities: identities.iter().map(|id| (*id).to_owned()).collect(),
                ..Customer::default()
            };
            people
                .admit(&row, ix as u64 + 1)
                .map_err(|error| format!("row {}: {error}", ix + 1))?;
        }
        Ok(())
    }

    #[test]
    fn an_identity_is_of_one_person() {
        let sound: &[&[(&str, &[&str])]] = &[
            &[("ada", &["card", "mail"]), ("bob", &["phone"])],
            &[("ada", &["card"]), ("card", &["chip"])],
            &[("ada", &["card", "card"])],
            &[("card", &["chip"]), ("ada", &["card", "chip"])],
        ];
        for rows in sound {
            assert_eq!(people(rows), Ok(()), "{rows:?}");
        }
        let wrong: &[(&[(&str, &[&str])], &str)] = &[
            (&[("ada", &["tablet"]), ("bob", &["tablet"])], "row 2: identities[0]: \"tablet\" of customer \"bob\" is an identity of customer \"ada\" already, in row 1"),
            (&[("ada", &["bob"]), ("bob", &["ada"])], "row 2: identities[0]: \"ada\" of customer \"bob\" makes a circle"),
            (&[("ada", &["bob"]), ("bob", &["eve"]), ("eve", &["ada"])], "row 3: identities[0]: \"ada\" of customer \"eve\" makes a circle"),
            (&[("ada", &[]), ("ada", &[])], "row 2: customer_id: \"ada\" appears twice, first in row 1"),
        ];
        for (rows, message) in wrong {
            let found = people(rows).unwrap_err();
            assert!(found.starts_with(message), "{rows:?}: {found}");
        }
    }
}
