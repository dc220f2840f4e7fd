//! Streaming writers: rows of cells into a file of any format, which appears under its name only when whole.

mod parquet;
mod table_writer;
mod text;

use std::path::{Path, PathBuf};

use crate::error::DataError;
use crate::publish::NewFile;
use crate::table::cell::Cell;
use crate::table::format::{Format, Layout};
use crate::table::record::ColumnType;

pub use table_writer::{ShopWriter, TableWriter};

/// Puts rows into the temporary file.
trait Sink: Send {
    fn write(&mut self, cells: &[Cell<'_>]) -> Result<(), String>;
    /// Flushes everything and closes the file.
    fn finish(self: Box<Self>) -> Result<(), String>;
}

/// A table file in the making.
///
/// It stands under a temporary name in the same directory until [`RowWriter::finish`] renames it; dropped before, it
/// leaves nothing behind.
pub struct RowWriter {
    sink: Option<Box<dyn Sink>>,
    new: Option<NewFile>,
    path: PathBuf,
    columns: usize,
    rows: u64,
}

impl RowWriter {
    /// Starts `path` in `format` with these columns.
    pub fn create(
        path: &Path,
        format: Format,
        columns: &[(&str, ColumnType)],
    ) -> Result<RowWriter, DataError> {
        let (new, file) = NewFile::create(path).map_err(DataError::io("create", path))?;
        let wrong = |error: String| DataError::file(path, format!("not writable: {error}"));
        let sink: Box<dyn Sink> = match format.layout {
            Layout::Parquet => {
                Box::new(parquet::ParquetSink::create(file, columns).map_err(wrong)?)
            }
            Layout::Csv => {
                Box::new(text::CsvSink::create(file, format.packing, columns).map_err(wrong)?)
            }
            Layout::Jsonl => {
                Box::new(text::JsonlSink::create(file, format.packing, columns).map_err(wrong)?)
            }
        };
        Ok(RowWriter {
            sink: Some(sink),
            new: Some(new),
            path: path.to_path_buf(),
            columns: columns.len(),
            rows: 0,
        })
    }

    /// Adds a row; as many cells as there are columns.
    pub fn write(&mut self, cells: &[Cell<'_>]) -> Result<(), DataError> {
        if cells.len() != self.columns {
            return Err(DataError::file(
                &self.path,
                format!(
                    "a row of {} cells for {} columns",
                    cells.len(),
                    self.columns
                ),
            ));
        }
        self.rows += 1;
        match &mut self.sink {
            Some(sink) => sink.write(cells).map_err(|error| {
                DataError::file(&self.path, format!("row {}: {error}", self.rows))
            }),
            None => Err(DataError::file(&self.path, "is already finished")),
        }
    }

    /// How many rows were written.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Closes the file and gives it its name; returns the number of rows.
    pub fn finish(mut self) -> Result<u64, DataError> {
        if let Some(sink) = self.sink.take() {
            sink.finish()
                .map_err(|error| DataError::file(&self.path, format!("not written: {error}")))?;
        }
        if let Some(new) = self.new.take() {
            new.publish().map_err(DataError::io("write", &self.path))?;
        }
        Ok(self.rows)
    }
}
