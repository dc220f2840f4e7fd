//! JSON lines: one object per line; blank lines are skipped.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::BufRead;
use std::path::Path;

use serde_json::{Map, Value};

use super::bytes::read_line;
use super::{open_text, RowFault, Source, MAX_COLUMNS, MAX_RECORD_BYTES};
use crate::cell::Cell;
use crate::error::DataError;
use crate::table::Packing;

pub(crate) struct JsonlSource {
    reader: Box<dyn BufRead + Send>,
    columns: Vec<String>,
    numbers: HashMap<String, usize>,
    buffer: Vec<u8>,
    row: Vec<(usize, Value)>,
    line: u64,
}

impl JsonlSource {
    pub(crate) fn open(path: &Path, packing: Packing) -> Result<JsonlSource, DataError> {
        Ok(JsonlSource {
            reader: open_text(path, packing)?,
            columns: Vec::new(),
            numbers: HashMap::new(),
            buffer: Vec::new(),
            row: Vec::new(),
            line: 0,
        })
    }
}

impl Source for JsonlSource {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn has_header(&self) -> bool {
        false
    }

    fn advance(&mut self) -> Result<bool, RowFault> {
        self.row.clear();
        loop {
            let more = read_line(&mut *self.reader, &mut self.buffer, MAX_RECORD_BYTES)
                .map_err(|error| RowFault::File(error.to_string()))?;
            if !more {
                return Ok(false);
            }
            self.line += 1;
            if !self.buffer.iter().all(u8::is_ascii_whitespace) {
                break;
            }
        }
        let bytes = match self.buffer.as_slice() {
            [0xef, 0xbb, 0xbf, rest @ ..] if self.line == 1 => rest,
            bytes => bytes,
        };
        let object: Map<String, Value> = serde_json::from_slice(bytes)
            .map_err(|error| RowFault::Row(format!("not a JSON object: {error}")))?;
        for (key, value) in object {
            let column = match self.numbers.get(&key) {
                Some(&column) => column,
                None if self.columns.len() >= MAX_COLUMNS => {
                    return Err(RowFault::File(format!(
                        "has more than {MAX_COLUMNS} different keys"
                    )))
                }
                None => {
                    self.columns.push(key.clone());
                    self.numbers.insert(key, self.columns.len() - 1);
                    self.columns.len() - 1
                }
            };
            self.row.push((column, value));
        }
        Ok(true)
    }

    fn cells(&self) -> usize {
        self.row.len()
    }

    fn cell(&self, ix: usize) -> (usize, Result<Cell<'_>, String>) {
        let (column, value) = &self.row[ix];
        (*column, Ok(json_cell(value)))
    }

    fn row(&self) -> u64 {
        self.line
    }

    fn line(&self) -> Option<u64> {
        Some(self.line)
    }
}

/// The cell that a JSON value is.
pub(super) fn json_cell(value: &Value) -> Cell<'_> {
    match value {
        Value::Null => Cell::Null,
        Value::Bool(yes) => Cell::Bool(*yes),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Cell::Int(whole),
            None => Cell::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Cell::from(text.as_str()),
        Value::Array(_) | Value::Object(_) => Cell::Json(Cow::Borrowed(value)),
    }
}
