//! CSV: RFC 4180 with a header row, commas and UTF-8.

use std::io::{self, BufRead, Read};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use super::{open_text, RowFault, Source, MAX_RECORD_BYTES};
use crate::error::DataError;
use crate::table::cell::Cell;
use crate::table::format::Packing;

/// Passes bytes on and fails once more than the limit went by since the last record: an unclosed quote would otherwise
/// swallow the rest of the file into memory.
struct Guarded {
    inner: Box<dyn BufRead + Send>,
    since_record: Arc<AtomicUsize>,
}

impl Read for Guarded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let since = self.since_record.fetch_add(read, Ordering::Relaxed) + read;
        if since > MAX_RECORD_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!(
                    "a record is longer than {} MiB, perhaps a quote was not closed",
                    MAX_RECORD_BYTES >> 20
                ),
            ));
        }
        Ok(read)
    }
}

pub struct CsvSource {
    reader: csv::Reader<Guarded>,
    since_record: Arc<AtomicUsize>,
    columns: Vec<String>,
    record: csv::ByteRecord,
    row: u64,
    line: u64,
}

impl CsvSource {
    pub fn open(path: &Path, packing: Packing) -> Result<CsvSource, DataError> {
        CsvSource::with_delimiter(path, packing, b',')
    }

    /// The same with another delimiter.
    pub fn with_delimiter(
        path: &Path,
        packing: Packing,
        delimiter: u8,
    ) -> Result<CsvSource, DataError> {
        let since_record = Arc::new(AtomicUsize::new(0));
        let guarded = Guarded {
            inner: open_text(path, packing)?,
            since_record: since_record.clone(),
        };
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .delimiter(delimiter)
            // quotes mean nothing in tab-separated files
            .quoting(delimiter == b',')
            .buffer_capacity(256 << 10)
            .from_reader(guarded);
        let header = reader
            .byte_headers()
            .map_err(|error| DataError::file(path, format!("header: {}", explain(error))))?;
        let columns = header
            .iter()
            .map(|name| {
                let name = std::str::from_utf8(name)
                    .map_err(|_| DataError::file(path, "header: not UTF-8 text"))?;
                Ok(name.trim_start_matches('\u{feff}').trim().to_owned())
            })
            .collect::<Result<Vec<_>, DataError>>()?;
        if columns.iter().all(String::is_empty) {
            return Err(DataError::file(path, "is empty, expected a header row"));
        }
        since_record.store(0, Ordering::Relaxed);
        Ok(CsvSource {
            reader,
            since_record,
            columns,
            record: csv::ByteRecord::new(),
            row: 0,
            line: 1,
        })
    }
}

impl CsvSource {
    /// The text of a field of this row; empty when the row has no such field.
    pub fn field(&self, ix: usize) -> Result<&str, String> {
        std::str::from_utf8(self.record.get(ix).unwrap_or_default())
            .map_err(|_| "not UTF-8 text".to_owned())
    }
}

fn explain(error: csv::Error) -> String {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error.to_string(),
        other => format!("{other:?}"),
    }
}

impl Source for CsvSource {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn has_header(&self) -> bool {
        true
    }

    fn advance(&mut self) -> Result<bool, RowFault> {
        let more = self
            .reader
            .read_byte_record(&mut self.record)
            .map_err(|error| RowFault::File(explain(error)))?;
        self.since_record.store(0, Ordering::Relaxed);
        if !more {
            return Ok(false);
        }
        self.row += 1;
        self.line = self.record.position().map_or(0, csv::Position::line);
        if self.record.len() != self.columns.len() {
            return Err(RowFault::Row(format!(
                "has {} fields, the header has {}",
                self.record.len(),
                self.columns.len()
            )));
        }
        Ok(true)
    }

    fn cells(&self) -> usize {
        self.record.len()
    }

    fn cell(&self, ix: usize) -> (usize, Result<Cell<'_>, String>) {
        let cell = self.field(ix).map(|text| match text {
            "" => Cell::Null,
            text => Cell::from(text),
        });
        (ix, cell)
    }

    fn row(&self) -> u64 {
        self.row
    }

    fn line(&self) -> Option<u64> {
        Some(self.line)
    }
}
