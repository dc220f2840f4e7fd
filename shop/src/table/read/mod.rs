//! Streaming readers: one row at a time from a file of any format.

mod bytes;
mod csv;
mod jsonl;
mod parquet;

use std::path::Path;

use crate::error::DataError;
use crate::table::cell::Cell;
use crate::table::format::{Format, Layout};

pub use self::csv::CsvSource;
pub use bytes::{open_text, read_line};

/// Longest record of a text file, in bytes: beyond that a quote was not closed, or the file is no table.
pub const MAX_RECORD_BYTES: usize = 64 << 20;

/// Most columns that a table may have.
const MAX_COLUMNS: usize = 10_000;

/// What went wrong at one row.
pub enum RowFault {
    /// This row is lost, the next can be read.
    Row(String),
    /// Nothing after this can be read.
    File(String),
}

/// A file of rows.
pub trait Source: Send {
    /// Names of the columns known so far; JSONL may add to them at any row.
    fn columns(&self) -> &[String];
    /// Whether all columns are known before the first row.
    fn has_header(&self) -> bool;
    /// Moves to the next row; false at the end.
    fn advance(&mut self) -> Result<bool, RowFault>;
    /// How many cells the row has.
    fn cells(&self) -> usize;
    /// Column number and content of the cell at `ix` below [`Source::cells`].
    fn cell(&self, ix: usize) -> (usize, Result<Cell<'_>, String>);
    /// The row's number from 1.
    fn row(&self) -> u64;
    /// The line on which the row starts, for text.
    fn line(&self) -> Option<u64>;
}

/// Opens a table file.
///
/// # Errors
/// It cannot be opened, or its header is damaged or names a column twice.
pub fn open(path: &Path, format: Format) -> Result<Box<dyn Source>, DataError> {
    let source: Box<dyn Source> = match format.layout {
        Layout::Csv => Box::new(csv::CsvSource::open(path, format.packing)?),
        Layout::Jsonl => Box::new(jsonl::JsonlSource::open(path, format.packing)?),
        Layout::Parquet => Box::new(parquet::ParquetSource::open(path)?),
    };
    let columns = source.columns();
    if columns.len() > MAX_COLUMNS {
        return Err(DataError::file(
            path,
            format!(
                "has {} columns, at most {MAX_COLUMNS} are read",
                columns.len()
            ),
        ));
    }
    let mut sorted: Vec<_> = columns.iter().collect();
    sorted.sort_unstable();
    if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(DataError::file(
            path,
            format!("column {:?} appears twice in the header", pair[0]),
        ));
    }
    Ok(source)
}
