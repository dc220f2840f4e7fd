//! Verdicts on rows that need the rows before them.

use std::collections::{HashMap, HashSet};

use super::rows::{Judge, Standing};
use crate::ids::stable_hash;
use crate::row::{check_identities, FieldError};
use crate::{Customer, Touchpoint};

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
    numbers: HashMap<Box<str>, u32>,
    /// Of each id: who claims it, and the row of its own, if any.
    ids: Vec<Known>,
}

#[derive(Default)]
struct Known {
    name: Box<str>,
    claimed_by: Option<u32>,
    own_row: Option<u64>,
    claimed_in: u64,
}

impl People {
    fn number(&mut self, id: &str) -> u32 {
        if let Some(number) = self.numbers.get(id) {
            return *number;
        }
        let number = self.ids.len() as u32;
        self.numbers.insert(id.into(), number);
        self.ids.push(Known {
            name: id.into(),
            ..Known::default()
        });
        number
    }

    fn known(&self, number: u32) -> &Known {
        &self.ids[number as usize]
    }

    /// The ids above `id`, nearest first: who claims it, who claims that one, and so on.
    fn above(&self, id: u32) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(self.known(id).claimed_by, |id| self.known(*id).claimed_by)
    }

    fn admit(&mut self, row: &Customer, place: u64) -> Result<(), FieldError> {
        check_identities(row)?;
        let own = self.number(&row.customer_id);
        if let Some(first) = self.known(own).own_row {
            let message = format!("{:?} appears twice, first in row {first}", row.customer_id);
            return Err(FieldError::new("customer_id", message));
        }
        let mut claims = Vec::new();
        let verdict = row
            .identities
            .iter()
            .enumerate()
            .try_for_each(|(ix, identity)| {
                let id = self.number(identity);
                if self.claim(own, id, place).map_err(|message| {
                    let message =
                        format!("{identity:?} of customer {:?} {message}", row.customer_id);
                    FieldError::new(format!("identities[{ix}]"), message)
                })? {
                    claims.push(id);
                }
                Ok(())
            });
        if verdict.is_err() {
            // what is wrong with one identity takes none of the others
            claims
                .iter()
                .for_each(|id| self.ids[*id as usize].claimed_by = None);
            return verdict;
        }
        self.ids[own as usize].own_row = Some(place);
        Ok(())
    }

    /// Makes `id` an identity of `own`, in row `place`; false where it is one already.
    fn claim(&mut self, own: u32, id: u32, place: u64) -> Result<bool, String> {
        if self.above(own).any(|above| above == id) {
            let name = &self.known(own).name;
            return Err(format!("makes a circle: {name:?} is an identity of it"));
        }
        match self.known(id).claimed_by {
            Some(other) if other != own && !self.above(id).any(|above| above == own) => {
                let (name, row) = (&self.known(other).name, self.known(id).claimed_in);
                Err(format!(
                    "is an identity of customer {name:?} already, in row {row}"
                ))
            }
            Some(_) => Ok(false),
            None => {
                let known = &mut self.ids[id as usize];
                (known.claimed_by, known.claimed_in) = (Some(own), place);
                Ok(true)
            }
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
