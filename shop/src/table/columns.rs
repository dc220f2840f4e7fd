//! Tables of arbitrary columns: results that a command writes, and lists that it reads.

use std::path::Path;
use std::sync::Arc;

use crate::error::{DataError, Place};
use crate::table::cell::Cell;
use crate::table::format::Format;
use crate::table::read::{open, RowFault, Source};
use crate::table::record::ColumnType;
use crate::table::write::RowWriter;

/// The format that a file's name asks for.
fn format_of(path: &Path) -> Result<Format, DataError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Format::of_file(&name).map(|(_, format)| format).ok_or_else(|| {
        DataError::file(
            path,
            "has no known ending, expected .csv, .parquet or .jsonl (.csv and .jsonl also .zst, .gz)",
        )
    })
}

/// A file of results in the making; it appears under its name when finished, and not at all when dropped before.
///
/// ```no_run
/// # use serendib_shop::{Cell, ColumnType, OutputTable};
/// # fn main() -> Result<(), serendib_shop::DataError> {
/// let columns = [("customer_id", ColumnType::Text), ("rank", ColumnType::Int), ("score", ColumnType::Float)];
/// let mut out = OutputTable::create("answers.csv".as_ref(), &columns)?;
/// out.row(&[Cell::from("ada"), Cell::Int(1), Cell::Float(0.5)])?;
/// out.finish()?;
/// # Ok(())
/// # }
/// ```
pub struct OutputTable(RowWriter);

impl OutputTable {
    /// Starts `path` with these columns, in the format that its ending asks for.
    ///
    /// # Errors
    /// The ending is unknown or the file cannot be created.
    pub fn create(path: &Path, columns: &[(&str, ColumnType)]) -> Result<OutputTable, DataError> {
        let format = format_of(path)?;
        RowWriter::create(path, format, columns).map(OutputTable)
    }

    /// Adds a row of as many cells as there are columns.
    ///
    /// # Errors
    /// A number that is not finite, a wrong number of cells, a cell that does not fit its column, or a refusing disk.
    pub fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), DataError> {
        self.0.write(cells)
    }

    /// Closes the file and gives it its name; returns the number of rows.
    pub fn finish(self) -> Result<u64, DataError> {
        self.0.finish()
    }
}

/// A streaming reader of named text columns of a file, such as the customers or pairs that a command is asked about.
pub struct InputTable {
    source: Box<dyn Source>,
    file: Arc<Path>,
    names: Vec<String>,
    plain: bool,
}

impl InputTable {
    /// Opens `path` for these columns; others are ignored.
    ///
    /// # Errors
    /// The file cannot be read, or lacks one of the columns.
    pub fn open(path: &Path, columns: &[&str]) -> Result<InputTable, DataError> {
        let source = open(path, format_of(path)?)?;
        if source.has_header() {
            for name in columns {
                if !source.columns().iter().any(|column| column == name) {
                    return Err(DataError::file(
                        path,
                        format!(
                            "column {name} is missing, the header has: {}",
                            source.columns().join(", ")
                        ),
                    ));
                }
            }
        }
        Ok(InputTable {
            source,
            file: path.into(),
            names: columns.iter().map(|name| (*name).to_owned()).collect(),
            plain: false,
        })
    }

    /// Takes cells of every type, as a text file would hold them; otherwise only text and whole numbers, which ids are.
    pub fn of_any_type(self) -> InputTable {
        InputTable {
            plain: true,
            ..self
        }
    }

    /// Where the row given last stands.
    pub fn place(&self) -> Place {
        Place {
            file: self.file.clone(),
            row: self.source.row(),
            line: self.source.line(),
        }
    }

    /// The error that says that `column` of the row given last is empty.
    pub fn missing(&self, column: &str) -> DataError {
        DataError::cell(&self.place(), column, "is empty")
    }

    fn decode(&self) -> Result<Vec<Option<String>>, DataError> {
        let mut row = vec![None; self.names.len()];
        for ix in 0..self.source.cells() {
            let (column, cell) = self.source.cell(ix);
            let name = &self.source.columns()[column];
            let Some(slot) = self.names.iter().position(|wanted| wanted == name) else {
                continue;
            };
            let wrong = |message| DataError::cell(&self.place(), name, message);
            let cell = cell.map_err(wrong)?;
            if !cell.is_empty() {
                let text = if self.plain {
                    cell.to_plain()
                } else {
                    cell.to_text()
                };
                row[slot] = Some(text.map_err(wrong)?);
            }
        }
        Ok(row)
    }
}

impl Iterator for InputTable {
    type Item = Result<Vec<Option<String>>, DataError>;

    /// The cells of the next row in the order of the columns asked for; `None` where a cell is empty.
    fn next(&mut self) -> Option<Self::Item> {
        match self.source.advance() {
            Ok(false) => None,
            Ok(true) => Some(self.decode()),
            Err(RowFault::Row(message)) => Some(Err(DataError::row(&self.place(), message))),
            Err(RowFault::File(message)) => Some(Err(DataError::file(&self.file, message))),
        }
    }
}
