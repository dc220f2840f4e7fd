//! CSV and JSON lines.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufWriter, Write};

use serde_json::Value;

use super::Sink;
use crate::table::cell::Cell;
use crate::table::format::Packing;
use crate::table::record::ColumnType;
use crate::time::format_time;

/// A file that packs what is written to it.
enum Packer {
    Plain(BufWriter<File>),
    Gzip(flate2::write::GzEncoder<BufWriter<File>>),
    Zstd(zstd::Encoder<'static, BufWriter<File>>),
}

impl Packer {
    fn new(file: File, packing: Packing) -> io::Result<Packer> {
        let file = BufWriter::with_capacity(256 << 10, file);
        Ok(match packing {
            Packing::Plain => Packer::Plain(file),
            Packing::Gzip => Packer::Gzip(flate2::write::GzEncoder::new(
                file,
                flate2::Compression::default(),
            )),
            Packing::Zstd => Packer::Zstd(zstd::Encoder::new(file, 3)?),
        })
    }

    fn finish(self) -> io::Result<()> {
        let mut file = match self {
            Packer::Plain(file) => file,
            Packer::Gzip(packer) => packer.finish()?,
            Packer::Zstd(packer) => packer.finish()?,
        };
        file.flush()
    }
}

impl Write for Packer {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Packer::Plain(inner) => inner.write(buffer),
            Packer::Gzip(inner) => inner.write(buffer),
            Packer::Zstd(inner) => inner.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Packer::Plain(inner) => inner.flush(),
            Packer::Gzip(inner) => inner.flush(),
            Packer::Zstd(inner) => inner.flush(),
        }
    }
}

pub(super) struct CsvSink(csv::Writer<Packer>);

impl CsvSink {
    pub(super) fn create(
        file: File,
        packing: Packing,
        columns: &[(&str, ColumnType)],
    ) -> Result<CsvSink, String> {
        let packer = Packer::new(file, packing).map_err(|error| error.to_string())?;
        let mut writer = csv::WriterBuilder::new()
            .buffer_capacity(64 << 10)
            .from_writer(packer);
        writer
            .write_record(columns.iter().map(|(name, _)| name))
            .map_err(|error| error.to_string())?;
        Ok(CsvSink(writer))
    }
}

/// The text of a cell in a CSV field.
fn csv_text<'a>(cell: &'a Cell<'_>) -> Result<Cow<'a, str>, String> {
    Ok(match cell {
        Cell::Null => Cow::Borrowed(""),
        Cell::Text(text) => Cow::Borrowed(text.as_ref()),
        Cell::Int(number) => Cow::Owned(number.to_string()),
        Cell::Float(number) if number.is_finite() => Cow::Owned(number.to_string()),
        Cell::Float(number) => return Err(format!("{number} is not a finite number")),
        Cell::Bool(true) => Cow::Borrowed("true"),
        Cell::Bool(false) => Cow::Borrowed("false"),
        Cell::Time(ms) | Cell::LocalTime(ms) => Cow::Owned(format_time(*ms)),
        Cell::Json(value) => Cow::Owned(value.to_string()),
    })
}

impl Sink for CsvSink {
    fn write(&mut self, cells: &[Cell<'_>]) -> Result<(), String> {
        for cell in cells {
            self.0
                .write_field(csv_text(cell)?.as_bytes())
                .map_err(|error| error.to_string())?;
        }
        self.0
            .write_record(None::<&[u8]>)
            .map_err(|error| error.to_string())
    }

    fn finish(self: Box<Self>) -> Result<(), String> {
        self.0
            .into_inner()
            .map_err(|error| error.to_string())?
            .finish()
            .map_err(|error| error.to_string())
    }
}

pub(super) struct JsonlSink {
    packer: Packer,
    /// The columns' names as JSON strings.
    keys: Vec<String>,
    line: Vec<u8>,
}

impl JsonlSink {
    pub(super) fn create(
        file: File,
        packing: Packing,
        columns: &[(&str, ColumnType)],
    ) -> Result<JsonlSink, String> {
        Ok(JsonlSink {
            packer: Packer::new(file, packing).map_err(|error| error.to_string())?,
            keys: columns
                .iter()
                .map(|(name, _)| Value::from(*name).to_string())
                .collect(),
            line: Vec::new(),
        })
    }
}

impl Sink for JsonlSink {
    fn write(&mut self, cells: &[Cell<'_>]) -> Result<(), String> {
        self.line.clear();
        self.line.push(b'{');
        for (key, cell) in self.keys.iter().zip(cells) {
            if *cell == Cell::Null {
                continue;
            }
            if self.line.len() > 1 {
                self.line.push(b',');
            }
            self.line.extend_from_slice(key.as_bytes());
            self.line.push(b':');
            match cell {
                Cell::Text(text) => serde_json::to_writer(&mut self.line, text),
                Cell::Time(ms) | Cell::LocalTime(ms) => {
                    serde_json::to_writer(&mut self.line, &format_time(*ms))
                }
                Cell::Json(value) => serde_json::to_writer(&mut self.line, value),
                Cell::Float(number) if number.is_finite() => {
                    serde_json::to_writer(&mut self.line, number)
                }
                other => {
                    self.line.extend_from_slice(csv_text(other)?.as_bytes());
                    Ok(())
                }
            }
            .map_err(|error| error.to_string())?;
        }
        self.line.extend_from_slice(b"}\n");
        self.packer
            .write_all(&self.line)
            .map_err(|error| error.to_string())
    }

    fn finish(self: Box<Self>) -> Result<(), String> {
        self.packer.finish().map_err(|error| error.to_string())
    }
}
