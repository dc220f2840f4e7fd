//! Which files of a directory hold which table.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::DataError;
use crate::table::format::{Format, Table};

/// One file of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) path: PathBuf,
    pub(crate) format: Format,
}

/// The tables of a directory and the entries that are none.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) tables: BTreeMap<Table, Vec<Part>>,
    /// `shop.json` and `rules.json`, by name.
    pub(crate) documents: BTreeMap<&'static str, Part>,
    /// Names that mean nothing here.
    pub(crate) others: Vec<String>,
}

/// Names in `dir` in byte order; hidden ones and those that begin with an underscore are left out.
fn entries(dir: &Path) -> Result<Vec<(String, PathBuf)>, DataError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(DataError::io("open directory", dir))? {
        let entry = entry.map_err(DataError::io("list", dir))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with(['.', '_']) {
            names.push((name, entry.path()));
        }
    }
    names.sort();
    Ok(names)
}

/// The parts in a table's folder, in order of their names.
fn parts_of_folder(dir: &Path) -> Result<Vec<Part>, DataError> {
    let mut parts: Vec<Part> = Vec::new();
    for (name, path) in entries(dir)? {
        let Some((_, format)) = Format::of_file(&name).filter(|_| path.is_file()) else {
            return Err(DataError::file(
                &path,
                "is no table file, expected .parquet, .csv or .jsonl (the latter two also .zst, .gz)",
            ));
        };
        if let Some(first) = parts.first() {
            if first.format.layout != format.layout {
                return Err(DataError::file(
                    dir,
                    format!("holds parts in two formats, {} and {format}", first.format),
                ));
            }
        }
        parts.push(Part { path, format });
    }
    Ok(parts)
}

/// Looks through `dir`.
///
/// # Errors
/// It cannot be read, or a table stands there twice.
pub(crate) fn find(dir: &Path) -> Result<Found, DataError> {
    let mut found = Found::default();
    let mut names: BTreeMap<Table, String> = BTreeMap::new();
    for (name, path) in entries(dir)? {
        let is_dir = path.is_dir();
        let document = ["shop", "rules"].into_iter().find(|document| {
            name.strip_prefix(document)
                .is_some_and(|rest| matches!(rest, ".json" | ".json.zst" | ".json.gz"))
        });
        if let Some(document) = document.filter(|_| !is_dir) {
            // the packing is found by its magic bytes
            let part = Part {
                path: path.clone(),
                format: Format::Jsonl,
            };
            if let Some(first) = found.documents.insert(document, part) {
                return Err(DataError::file(
                    dir,
                    format!(
                        "holds {document} twice: {} and {}",
                        first.path.display(),
                        path.display()
                    ),
                ));
            }
            continue;
        }
        let (table, parts) = if is_dir {
            match Table::named(&name) {
                Some(table) => (table, parts_of_folder(&path)?),
                None => {
                    found.others.push(format!("{name}/"));
                    continue;
                }
            }
        } else {
            match Format::of_file(&name)
                .and_then(|(stem, format)| Some((Table::named(stem)?, format)))
            {
                Some((table, format)) => (table, vec![Part { path, format }]),
                None => {
                    found.others.push(name);
                    continue;
                }
            }
        };
        if found.tables.insert(table, parts).is_some() {
            let other = names.get(&table).map_or("", String::as_str);
            return Err(DataError::file(
                dir,
                format!("holds table {table} twice, as {other} and as {name}; keep one"),
            ));
        }
        names.insert(table, name);
    }
    Ok(found)
}
