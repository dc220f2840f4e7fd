//! The forms of the time columns of a file, decided before its first row is read.

use std::collections::BTreeMap;

use super::files::Part;
use crate::error::{DataError, Place};
use crate::table::read::{open, RowFault};
use crate::table::record::{ColumnType, Record};
use crate::time::{Evidence, TimeForm};

/// Forms by the name of the column.
pub(crate) type Forms = BTreeMap<&'static str, TimeForm>;

/// Decides the forms of the time columns of `part`. Reads no further than the first value of each where that writes the year
/// first, else the whole file.
///
/// # Errors
/// The file cannot be opened, or a column's values do not decide its form.
pub(crate) fn decide<T: Record>(part: &Part) -> Result<Forms, DataError> {
    let mut source = open(&part.path, part.format)?;
    let is_there =
        |name: &str| !source.has_header() || source.columns().iter().any(|column| column == name);
    let mut columns: BTreeMap<&'static str, (Evidence, Option<Place>)> = T::COLUMNS
        .iter()
        .filter(|column| column.holds == ColumnType::Time && is_there(column.name))
        .map(|column| (column.name, Default::default()))
        .collect();
    let mut open = columns.len();
    while open > 0 {
        match source.advance() {
            Ok(true) => {}
            // who reads the rows tells what is wrong with them
            Err(RowFault::Row(_)) => continue,
            Ok(false) | Err(RowFault::File(_)) => break,
        }
        for ix in 0..source.cells() {
            let (column, cell) = source.cell(ix);
            let name = source.columns()[column].as_str();
            let Some((evidence, place)) = columns.get_mut(name) else {
                continue;
            };
            let cell = match cell {
                Ok(cell) if !evidence.is_plain() && !cell.is_empty() => cell,
                _ => continue,
            };
            place.get_or_insert_with(|| Place {
                file: part.path.as_path().into(),
                row: source.row(),
                line: source.line(),
            });
            cell.testify(evidence);
            open -= usize::from(evidence.is_plain());
        }
    }
    let decided = columns.into_iter().map(|(name, (evidence, place))| {
        let wrong = |message| match place {
            Some(place) => DataError::Column {
                place,
                column: name.to_owned(),
                message,
            },
            None => DataError::file(&part.path, format!("column {name}: {message}")),
        };
        Ok((name, evidence.decide().map_err(wrong)?))
    });
    decided.collect()
}
