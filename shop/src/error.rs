//! What can be wrong with a shop's data, and where.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a row stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub file: Arc<Path>,
    /// Data row from 1; the header of a CSV file is not counted.
    pub row: u64,
    /// Line of the file from 1 on which the row starts, for text formats.
    pub line: Option<u64>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: row {}", self.file.display(), self.row)?;
        match self.line {
            Some(line) if line != self.row => write!(f, " (line {line})"),
            _ => Ok(()),
        }
    }
}

/// Why shop data could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The operating system refused.
    #[error("could not {action} {}: {source}", path.display())]
    Io {
        /// What was attempted, as in `could not <action> <path>`.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        source: io::Error,
    },
    /// A whole file or directory is wrong: damaged, a wrong header, one table in two formats.
    #[error("{}: {message}", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A row cannot be read, or contradicts another.
    #[error("{place}: {message}")]
    Row {
        place: Place,
        /// What is wrong.
        message: String,
    },
    /// One cell is wrong.
    #[error("{place}: column {column}: {message}")]
    Cell {
        place: Place,
        /// Name of the column.
        column: String,
        /// What is wrong.
        message: String,
    },
    /// A whole column cannot be read; the place is that of its first value.
    #[error("{place}: column {column}: {message}")]
    Column {
        place: Place,
        /// Name of the column.
        column: String,
        /// What is wrong.
        message: String,
    },
    /// A row handed over for writing is wrong.
    #[error("could not write table {table}: {message}")]
    Write {
        /// Name of the table.
        table: String,
        /// What is wrong.
        message: String,
    },
}

impl DataError {
    /// An [`DataError::Io`] made in `map_err`.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DataError {
        let path = path.to_path_buf();
        move |source| DataError::Io {
            action,
            path,
            source,
        }
    }

    pub fn file(path: &Path, message: impl Into<String>) -> DataError {
        DataError::File {
            path: path.to_path_buf(),
            message: message.into(),
        }
    }

    pub fn cell(place: &Place, column: &str, message: impl Into<String>) -> DataError {
        DataError::Cell {
            place: place.clone(),
            column: column.to_owned(),
            message: message.into(),
        }
    }

    pub fn row(place: &Place, message: impl Into<String>) -> DataError {
        DataError::Row {
            place: place.clone(),
            message: message.into(),
        }
    }

    /// Puts the blame for a row that could not be written on the row that it was made from.
    pub fn blame(self, place: &Place) -> DataError {
        match self {
            DataError::Write { message, .. } => DataError::row(place, message),
            other => other,
        }
    }

    /// Whether reading can go on with the next row: one row or cell is wrong, not the file.
    pub fn is_row(&self) -> bool {
        matches!(self, DataError::Row { .. } | DataError::Cell { .. })
    }
}
