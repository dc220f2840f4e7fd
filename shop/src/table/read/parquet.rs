//! Parquet: flat columns of any simple type; lists and structs become JSON.

use std::borrow::Cow;
use std::fs::File;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMillisecondArray,
};
use arrow::compute::{cast_with_options, CastOptions};
use arrow::datatypes::{DataType, TimeUnit};
use arrow::error::ArrowError;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use serde_json::{Map, Value};

use super::{RowFault, Source};
use crate::error::DataError;
use crate::table::cell::Cell;

const BATCH_ROWS: usize = 8192;

/// One column of the current batch.
enum Decoded {
    Nothing,
    Text(StringArray),
    Int(Int64Array),
    Float(Float64Array),
    Bool(BooleanArray),
    Instant(TimestampMillisecondArray),
    Local(TimestampMillisecondArray),
    Json(Vec<Value>),
}

pub(crate) struct ParquetSource {
    reader: ParquetRecordBatchReader,
    columns: Vec<String>,
    batch: Vec<Decoded>,
    batch_rows: usize,
    at: usize,
    row: u64,
}

/// Runs `work` of the Parquet reader, which may panic on damaged files, as fallible work.
fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err("damaged".to_owned()))
}

impl ParquetSource {
    pub(crate) fn open(path: &Path) -> Result<ParquetSource, DataError> {
        let file = File::open(path).map_err(DataError::io("open", path))?;
        let wrong =
            |error: String| DataError::file(path, format!("not readable as Parquet: {error}"));
        let (columns, reader) = guarded(|| {
            let builder = ParquetRecordBatchReaderBuilder::try_new(file)
                .map_err(|error| error.to_string())?;
            let columns = builder
                .schema()
                .fields()
                .iter()
                .map(|field| field.name().clone())
                .collect();
            let reader = builder
                .with_batch_size(BATCH_ROWS)
                .build()
                .map_err(|error| error.to_string())?;
            Ok((columns, reader))
        })
        .map_err(wrong)?;
        Ok(ParquetSource {
            reader,
            columns,
            batch: Vec::new(),
            batch_rows: 0,
            at: 0,
            row: 0,
        })
    }

    fn next_batch(&mut self) -> Result<bool, String> {
        loop {
            let batch = match guarded(|| self.reader.next().transpose().map_err(|e| e.to_string()))
            {
                Ok(Some(batch)) => batch,
                Ok(None) => return Ok(false),
                Err(error) => return Err(error),
            };
            if batch.num_rows() == 0 {
                continue;
            }
            self.batch = guarded(|| decode_all(&batch))?;
            self.batch_rows = batch.num_rows();
            self.at = 0;
            return Ok(true);
        }
    }
}

fn decode_all(batch: &RecordBatch) -> Result<Vec<Decoded>, String> {
    batch
        .columns()
        .iter()
        .zip(batch.schema().fields())
        .map(|(array, field)| {
            decode(array).map_err(|error| format!("column {}: {error}", field.name()))
        })
        .collect()
}

fn decode(array: &ArrayRef) -> Result<Decoded, ArrowError> {
    let cast = |to: &DataType| {
        let options = CastOptions {
            safe: false,
            ..CastOptions::default()
        };
        if array.data_type() == to {
            Ok(array.clone())
        } else {
            cast_with_options(array, to, &options)
        }
    };
    let millis =
        |zone: Option<&str>| DataType::Timestamp(TimeUnit::Millisecond, zone.map(Arc::from));
    Ok(match array.data_type() {
        DataType::Null => Decoded::Nothing,
        DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView => Decoded::Text(cast(&DataType::Utf8)?.as_string::<i32>().clone()),
        DataType::Dictionary(_, values) => {
            let values = values.as_ref().clone();
            return decode(&cast(&values)?);
        }
        DataType::Boolean => Decoded::Bool(array.as_boolean().clone()),
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64 => Decoded::Int(cast(&DataType::Int64)?.as_primitive().clone()),
        DataType::Float16
        | DataType::Float32
        | DataType::Float64
        | DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => {
            Decoded::Float(cast(&DataType::Float64)?.as_primitive().clone())
        }
        DataType::Timestamp(_, Some(zone)) => {
            Decoded::Instant(cast(&millis(Some(zone.as_ref())))?.as_primitive().clone())
        }
        DataType::Timestamp(_, None) | DataType::Date32 | DataType::Date64 => {
            Decoded::Local(cast(&millis(None))?.as_primitive().clone())
        }
        _ => Decoded::Json(
            (0..array.len())
                .map(|row| nested(array, row))
                .collect::<Result<_, _>>()?,
        ),
    })
}

/// A list, struct or map as JSON.
fn nested(array: &ArrayRef, row: usize) -> Result<Value, ArrowError> {
    if array.is_null(row) {
        return Ok(Value::Null);
    }
    let list = |items: ArrayRef| -> Result<Value, ArrowError> {
        (0..items.len())
            .map(|row| nested(&items, row))
            .collect::<Result<Vec<_>, _>>()
            .map(Value::Array)
    };
    match array.data_type() {
        DataType::List(_) => list(array.as_list::<i32>().value(row)),
        DataType::LargeList(_) => list(array.as_list::<i64>().value(row)),
        DataType::FixedSizeList(..) => list(array.as_fixed_size_list().value(row)),
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            fields
                .iter()
                .zip(columns)
                .map(|(field, column)| Ok((field.name().clone(), nested(column, row)?)))
                .collect::<Result<Map<_, _>, ArrowError>>()
                .map(Value::Object)
        }
        DataType::Map(..) => {
            let entries: ArrayRef = Arc::new(array.as_map().value(row));
            list(entries)
        }
        DataType::Duration(_)
        | DataType::Interval(_)
        | DataType::Time32(_)
        | DataType::Time64(_)
        | DataType::FixedSizeBinary(_)
        | DataType::RunEndEncoded(..)
        | DataType::Union(..)
        | DataType::ListView(_)
        | DataType::LargeListView(_) => Err(ArrowError::NotYetImplemented(format!(
            "columns of type {} are not read",
            array.data_type()
        ))),
        _ => {
            let single = decode(&array.slice(row, 1))?;
            single
                .cell(0)
                .to_value()
                .map_err(ArrowError::InvalidArgumentError)
        }
    }
}

impl Decoded {
    fn cell(&self, row: usize) -> Cell<'_> {
        fn at<'a, A: Array, T>(
            array: &'a A,
            row: usize,
            value: impl FnOnce(&'a A) -> T,
            cell: impl FnOnce(T) -> Cell<'a>,
        ) -> Cell<'a> {
            if array.is_null(row) {
                Cell::Null
            } else {
                cell(value(array))
            }
        }
        match self {
            Decoded::Nothing => Cell::Null,
            Decoded::Text(array) => at(array, row, |a| a.value(row), Cell::from),
            Decoded::Int(array) => at(array, row, |a| a.value(row), Cell::Int),
            Decoded::Float(array) => at(array, row, |a| a.value(row), Cell::Float),
            Decoded::Bool(array) => at(array, row, |a| a.value(row), Cell::Bool),
            Decoded::Instant(array) => at(array, row, |a| a.value(row), Cell::Time),
            Decoded::Local(array) => at(array, row, |a| a.value(row), Cell::LocalTime),
            Decoded::Json(values) => match &values[row] {
                Value::Null => Cell::Null,
                value => Cell::Json(Cow::Borrowed(value)),
            },
        }
    }
}

impl Source for ParquetSource {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn has_header(&self) -> bool {
        true
    }

    fn advance(&mut self) -> Result<bool, RowFault> {
        if self.at + 1 < self.batch_rows {
            self.at += 1;
        } else if !self.next_batch().map_err(RowFault::File)? {
            return Ok(false);
        }
        self.row += 1;
        Ok(true)
    }

    fn cells(&self) -> usize {
        self.batch.len()
    }

    fn cell(&self, ix: usize) -> (usize, Result<Cell<'_>, String>) {
        (ix, Ok(self.batch[ix].cell(self.at)))
    }

    fn row(&self) -> u64 {
        self.row
    }

    fn line(&self) -> Option<u64> {
        None
    }
}
