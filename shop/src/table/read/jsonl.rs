//! JSON lines: one object per line; blank lines are skipped.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::BufRead;
use std::path::Path;

use serde_json::{Map, Value};

use super::bytes::read_line;
use super::{open_text, RowFault, Source, MAX_COLUMNS, MAX_RECORD_BYTES};
use crate::error::DataError;
use crate::table::cell::Cell;
use crate::table::format::Packing;

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
        let mut object: Map<String, Value> = serde_json::from_slice(bytes)
            .map_err(|error| RowFault::Row(format!("not a JSON object: {error}")))?;
        make_exact(&mut object, bytes);
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

/// Replaces the object's decimal numbers by exactly parsed ones: the parser's own may be off by their last bit.
///
/// `text` is the object's valid JSON. Numbers inside lists and objects are left as they are.
fn make_exact(object: &mut Map<String, Value>, text: &[u8]) {
    if !object.values().any(Value::is_f64) {
        return;
    }
    let exact = top_level_numbers(text);
    let mut numbers: Vec<&mut Value> = object.values_mut().filter(|v| v.is_number()).collect();
    // a key that appears twice breaks the correspondence
    if numbers.len() != exact.len() {
        return;
    }
    for (value, exact) in numbers.iter_mut().zip(exact) {
        if let Some(number) = exact.filter(|_| value.is_f64()) {
            **value = Value::from(number);
        }
    }
}

/// The numbers that are values of the outermost object, in order.
fn top_level_numbers(text: &[u8]) -> Vec<Option<f64>> {
    let mut found = Vec::new();
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        match text[at] {
            b'"' => {
                at += 1;
                while at < text.len() && text[at] != b'"' {
                    at += if text[at] == b'\\' { 2 } else { 1 };
                }
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b'-' | b'0'..=b'9' => {
                let end = text[at..]
                    .iter()
                    .position(|byte| {
                        !matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E' | b'0'..=b'9')
                    })
                    .map_or(text.len(), |length| at + length);
                if depth == 1 {
                    let number = std::str::from_utf8(&text[at..end]).ok();
                    found.push(number.and_then(|number| number.parse().ok()));
                }
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    found
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_numbers_are_exact_to_the_last_bit() {
        let text = r#"{"a\"1": "-2,3", "x": 914404325114363552.1, "y": [5.5, {"z": 7}], "n": -1e-3, "i": 3}"#;
        let mut object: Map<String, Value> = serde_json::from_str(text).unwrap();
        make_exact(&mut object, text.as_bytes());
        assert_eq!(object["x"].as_f64(), Some(914_404_325_114_363_552.1));
        assert_eq!(object["n"].as_f64(), Some(-1e-3));
        assert_eq!(object["i"].as_i64(), Some(3));
        assert_eq!(top_level_numbers(text.as_bytes()).len(), 3);
    }
}
