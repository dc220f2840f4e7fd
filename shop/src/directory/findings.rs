//! What reading a table found: shared by all who read it, so that each thing is told once however often the table is read.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::forms::Forms;
use crate::error::{DataError, Place};
use crate::ids::stable_hash;
use crate::money::currency_named;
use crate::time::TimeForm;

/// Skipped rows that are told word by word.
const FIRST: usize = 3;

#[derive(Debug, Default)]
struct Found {
    /// Wrong rows that were skipped, by a hash of their place.
    skipped: HashSet<u64>,
    /// Skipped rows by column; `""` = the whole row.
    columns: BTreeMap<String, u64>,
    first: Vec<String>,
    /// Rows that repeat an id, by a hash of their place.
    repeated: HashSet<u64>,
    /// Rows of customers who were erased after them, by file and a hash of the place.
    erased: BTreeMap<PathBuf, HashSet<u64>>,
    /// Columns that the table does not know, with the one that may have been meant.
    unknown: BTreeMap<String, Option<&'static str>>,
    /// Products that the products table does not list, and their rows by a hash of the place.
    unlisted: BTreeSet<String>,
    unlisted_rows: HashSet<u64>,
    forms: BTreeMap<PathBuf, Forms>,
    /// What amounts of money are in.
    currencies: BTreeSet<String>,
}

/// What was found in one table so far.
#[derive(Debug, Default)]
pub(crate) struct Findings(Mutex<Found>);

fn place_hash(place: &Place) -> u64 {
    stable_hash(place.file.as_os_str().as_encoded_bytes())
        ^ place.row.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// `1 row`, `2 rows`.
fn counted(count: usize, word: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {word}{ending}")
}

impl Findings {
    fn found(&self) -> MutexGuard<'_, Found> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn skip(&self, error: &DataError) {
        let (place, column) = match error {
            DataError::Row { place, .. } => (place, ""),
            DataError::Cell { place, column, .. } => (place, column.as_str()),
            _ => return,
        };
        let mut found = self.found();
        if found.skipped.insert(place_hash(place)) {
            *found.columns.entry(column.to_owned()).or_default() += 1;
            if found.first.len() < FIRST {
                found.first.push(error.to_string());
            }
        }
    }

    pub(super) fn repeat(&self, place: &Place) {
        self.found().repeated.insert(place_hash(place));
    }

    pub(super) fn erased(&self, place: &Place) {
        let mut found = self.found();
        let rows = found.erased.entry(place.file.to_path_buf()).or_default();
        rows.insert(place_hash(place));
    }

    pub(super) fn unlisted(&self, product: &str, place: &Place) {
        let mut found = self.found();
        found.unlisted_rows.insert(place_hash(place));
        if !found.unlisted.contains(product) {
            found.unlisted.insert(product.to_owned());
        }
    }

    pub(super) fn currency(&self, code: &str) {
        self.found().currencies.insert(code.to_owned());
    }

    pub(super) fn unknown_column(&self, name: &str, meant: Option<&'static str>) {
        self.found().unknown.insert(name.to_owned(), meant);
    }

    pub(super) fn skipped(&self) -> u64 {
        self.found().skipped.len() as u64
    }

    /// The forms of the file at `path`, as `decide` finds them the first time.
    pub(super) fn forms(
        &self,
        path: &Path,
        decide: impl FnOnce() -> Result<Forms, DataError>,
    ) -> Result<Forms, DataError> {
        if let Some(forms) = self.found().forms.get(path) {
            return Ok(forms.clone());
        }
        let forms = decide()?;
        self.found().forms.insert(path.to_owned(), forms.clone());
        Ok(forms)
    }

    /// What was skipped and why, in words.
    pub(super) fn skips(&self, table: &str) -> Vec<String> {
        let found = self.found();
        if found.skipped.is_empty() {
            return Vec::new();
        }
        let why: Vec<_> = found
            .columns
            .iter()
            .map(|(column, count)| match column.as_str() {
                "" => format!("{count} unreadable"),
                column => format!("{count} by column {column}"),
            })
            .collect();
        let rows = counted(found.skipped.len(), "wrong row");
        let head = format!("{table}: {rows} skipped: {}", why.join(", "));
        std::iter::once(head)
            .chain(found.first.iter().map(|error| format!("skipped: {error}")))
            .collect()
    }

    /// What else reading found, in words; of the columns that the table does not know only those that were probably meant to be
    /// known, unless `all` are asked for.
    pub(super) fn notes(
        &self,
        dir: &Path,
        table: &str,
        own: Option<&str>,
        all: bool,
    ) -> Vec<String> {
        let found = self.found();
        let mut notes = Vec::new();
        for (path, rows) in &found.erased {
            let file = path.strip_prefix(dir).unwrap_or(path).display();
            notes.push(format!(
                "{file}: {} of customers who were erased left out: take them out of the file",
                counted(rows.len(), "row")
            ));
        }
        let own = own.and_then(currency_named);
        let other = |code: &&String| own.as_ref().is_none_or(|own| own != code.as_str());
        if found.currencies.len() > 1
            || (own.is_some() && found.currencies.iter().any(|c| other(&c)))
        {
            let codes: Vec<_> = found.currencies.iter().map(String::as_str).collect();
            let counts = match &own {
                Some(own) => format!("only {own}, the shop's, is added up and compared"),
                None => "they are never added; what most rows are in counts, unless shop.json names a currency".into(),
            };
            notes.push(format!(
                "{table}: amounts of money are in {}: {counts}",
                codes.join(", ")
            ));
        }
        for (path, forms) in &found.forms {
            let file = path.strip_prefix(dir).unwrap_or(path).display();
            let told = forms.iter().filter(|(_, form)| **form != TimeForm::Written);
            notes.extend(told.map(|(column, form)| format!("{file}: {column}: {}", form.about())));
        }
        let unknown = found
            .unknown
            .iter()
            .filter(|(_, meant)| all || meant.is_some());
        let unknown: Vec<_> = unknown
            .map(|(name, meant)| match meant {
                Some(meant) => format!("{name} (did you mean {meant}?)"),
                None => name.clone(),
            })
            .collect();
        if !unknown.is_empty() {
            let more = match unknown.len().saturating_sub(20) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let shown = unknown[..unknown.len().min(20)].join(", ");
            notes.push(format!(
                "{table}: not columns of this table, kept as attributes: {shown}{more}"
            ));
        }
        if !found.unlisted.is_empty() {
            let names: Vec<_> = found
                .unlisted
                .iter()
                .take(5)
                .map(|id| format!("{id:?}"))
                .collect();
            notes.push(format!(
                "{table}: {} of {} not in the products table, kept as history and not for sale: {}{}",
                counted(found.unlisted.len(), "product"),
                match found.unlisted_rows.len() {
                    1 => "1 row is".to_owned(),
                    rows => format!("{rows} rows are"),
                },
                names.join(", "),
                if found.unlisted.len() > 5 { ", …" } else { "" }
            ));
        }
        if !found.repeated.is_empty() {
            let (rows, verbs) = match found.repeated.len() {
                1 => (
                    "1 row".to_owned(),
                    "repeats a touchpoint_id and does not count",
                ),
                n => (
                    format!("{n} rows"),
                    "repeat a touchpoint_id and do not count",
                ),
            };
            notes.push(format!("{table}: {rows} {verbs}"));
        }
        notes
    }
}
