//! Ids that two programs wrote differently for one thing: `Ann@shop` and `ann@shop`, `17850` and `17850.0`, `0663` and `663`.

use std::collections::{BTreeMap, HashMap};

use super::seen::{hash, Named, Seen, MAX_REMEMBERED};

/// What two ids differ by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Difference {
    Case,
    /// A number that was written as a decimal.
    Decimal,
    /// A spreadsheet took a number for one.
    LeadingZeros,
}

impl Difference {
    fn shown(self) -> &'static str {
        match self {
            Difference::Case => "by case",
            Difference::Decimal => "by \".0\" at the end",
            Difference::LeadingZeros => "by noughts in front",
        }
    }
}

/// `id` without a `.0` after nothing but digits.
fn undecimal(id: &str) -> &str {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let point = id.find('.').filter(|point| digits(&id[..*point]));
    let noughts =
        |point: &usize| id.len() > point + 1 && id[point + 1..].bytes().all(|b| b == b'0');
    point.filter(noughts).map_or(id, |point| &id[..point])
}

/// `id` without noughts in front of a number.
fn unpadded(id: &str) -> &str {
    match id.bytes().all(|b| b.is_ascii_digit()) {
        true => id.trim_start_matches('0'),
        false => id,
    }
}

/// The form that all ids share which may be one.
fn plain(id: &str) -> String {
    unpadded(undecimal(id.trim())).to_lowercase()
}

/// Looks for ids that are likely the same, written differently.
#[derive(Default)]
pub(super) struct Alike {
    /// Of each plain form the first id that had it; `None` = the plain form itself.
    first: HashMap<u64, Option<Box<str>>>,
    others: Seen,
    found: BTreeMap<Difference, Named>,
}

impl Alike {
    /// Takes in `id`, however often it comes.
    pub fn add(&mut self, id: &str) {
        let plain = plain(id);
        if plain.is_empty() {
            return;
        }
        let key = hash(&plain);
        let Some(first) = self.first.get(&key) else {
            if self.first.len() < MAX_REMEMBERED {
                let own = (plain != id).then(|| id.into());
                self.first.insert(key, own);
            }
            return;
        };
        let first = first.as_deref().unwrap_or(&plain);
        // a blank around an id is another matter
        if first.trim() == id.trim() || !self.others.insert(id) {
            return;
        }
        let (a, b) = (first.trim(), id.trim());
        let difference = if undecimal(a) == undecimal(b) {
            Difference::Decimal
        } else if unpadded(undecimal(a)) == unpadded(undecimal(b)) {
            Difference::LeadingZeros
        } else {
            Difference::Case
        };
        let pair = format!("{first:?} and {id:?}");
        self.found.entry(difference).or_default().add(&pair);
    }

    /// What was found, in words; `what` are the ids of.
    pub fn notes(&self, what: &str) -> Vec<String> {
        let note = |(difference, pairs): (&Difference, &Named)| {
            format!(
                "ids of {what} differ only {} and count as different {what}: {}",
                difference.shown(),
                pairs.listed()
            )
        };
        self.found.iter().map(note).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notes(ids: &[&str]) -> Vec<String> {
        let mut alike = Alike::default();
        for id in ids {
            alike.add(id);
        }
        alike.notes("customers")
    }

    #[test]
    fn ids_that_two_programs_wrote_are_told() {
        let cases: &[(&[&str], &str)] = &[
            (&["Kim@Post.example", "kim@post.example", "Kim@Post.example"], "differ only by case and count as different customers: \"Kim@Post.example\" and \"kim@post.example\""),
            (&["4711", "4711.0", "4711"], "differ only by \".0\" at the end and count as different customers: \"4711\" and \"4711.0\""),
            (&["00815", "815"], "differ only by noughts in front and count as different customers: \"00815\" and \"815\""),
        ];
        for (ids, told) in cases {
            let found = notes(ids);
            assert_eq!(found.len(), 1, "{ids:?}: {found:?}");
            assert!(found[0].ends_with(told), "{ids:?}: {found:?}");
        }
    }

    #[test]
    fn ids_that_are_others_are_not() {
        for ids in [
            &["a-1", "a-2"][..],
            &["1.05", "1.0.5", "105"],
            &["x0", "x"],
            &["v1.0", "v1"],
            &["10", "1", "100"],
            &["0", "00", ""],
            &[" 7", "7"],
        ] {
            assert_eq!(notes(ids), Vec::<String>::new(), "{ids:?}");
        }
    }
}
