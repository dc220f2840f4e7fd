//! How rows are shared among customers.

use std::collections::{BTreeMap, HashMap};

use super::seen::{hash, MAX_REMEMBERED};
use crate::is_placeholder;

/// How the rows are shared among customers.
#[derive(Default)]
pub(super) struct Shares {
    pub rows: u64,
    /// Rows by a hash of the id.
    of: HashMap<u64, u64>,
    pub placeholders: BTreeMap<String, u64>,
    /// Names of ids that had a tenth of the rows when they came: whoever has it in the end is among them.
    large: BTreeMap<u64, String>,
}

/// With fewer customers some have a tenth of the rows in any case.
const LEAST_FOR_CROWDS: usize = 20;

impl Shares {
    pub fn add(&mut self, id: &str) {
        self.rows += 1;
        let key = hash(id);
        if self.of.len() >= MAX_REMEMBERED && !self.of.contains_key(&key) {
            return;
        }
        let rows = self.of.entry(key).or_default();
        *rows += 1;
        if 10 * *rows >= self.rows {
            self.large.entry(key).or_insert_with(|| id.to_owned());
        }
        if is_placeholder(id) {
            *self.placeholders.entry(id.to_owned()).or_default() += 1;
        }
    }

    /// Ids with a tenth of all rows, placeholders aside.
    pub fn crowds(&self) -> impl Iterator<Item = (&str, u64)> {
        let enough = self.of.len() >= LEAST_FOR_CROWDS;
        self.large
            .iter()
            .filter_map(|(key, id)| Some((id.as_str(), *self.of.get(key)?)))
            .filter(move |(id, rows)| {
                enough && 10 * rows >= self.rows && !self.placeholders.contains_key(*id)
            })
    }
}
