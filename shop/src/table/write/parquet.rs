//! Parquet with Zstandard pages and row groups of a bounded number of rows.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, RecordBatch, StringBuilder,
    TimestampMillisecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::Sink;
use crate::table::cell::Cell;
use crate::table::record::ColumnType;

const BATCH_ROWS: usize = 8192;
const ROW_GROUP_ROWS: usize = 256 << 10;

enum Builder {
    Text(StringBuilder),
    Int(Int64Builder),
    Float(Float64Builder),
    Bool(BooleanBuilder),
    Time(TimestampMillisecondBuilder),
}

impl Builder {
    fn new(holds: ColumnType) -> Builder {
        match holds {
            ColumnType::Text | ColumnType::Json => Builder::Text(StringBuilder::new()),
            ColumnType::Int => Builder::Int(Int64Builder::new()),
            ColumnType::Float => Builder::Float(Float64Builder::new()),
            ColumnType::Bool => Builder::Bool(BooleanBuilder::new()),
            ColumnType::Time => {
                Builder::Time(TimestampMillisecondBuilder::new().with_timezone("UTC"))
            }
        }
    }

    fn data_type(holds: ColumnType) -> DataType {
        match holds {
            ColumnType::Text | ColumnType::Json => DataType::Utf8,
            ColumnType::Int => DataType::Int64,
            ColumnType::Float => DataType::Float64,
            ColumnType::Bool => DataType::Boolean,
            ColumnType::Time => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
        }
    }

    fn push(&mut self, cell: &Cell<'_>) -> Result<(), String> {
        match (self, cell) {
            (Builder::Text(builder), Cell::Null) => builder.append_null(),
            (Builder::Text(builder), Cell::Text(text)) => builder.append_value(text),
            (Builder::Text(builder), Cell::Json(value)) => builder.append_value(value.to_string()),
            (Builder::Int(builder), Cell::Null) => builder.append_null(),
            (Builder::Int(builder), Cell::Int(number)) => builder.append_value(*number),
            (Builder::Float(builder), Cell::Null) => builder.append_null(),
            (Builder::Float(builder), Cell::Int(number)) => builder.append_value(*number as f64),
            (Builder::Float(builder), Cell::Float(number)) if number.is_finite() => {
                builder.append_value(*number);
            }
            (Builder::Bool(builder), Cell::Null) => builder.append_null(),
            (Builder::Bool(builder), Cell::Bool(yes)) => builder.append_value(*yes),
            (Builder::Time(builder), Cell::Null) => builder.append_null(),
            (Builder::Time(builder), Cell::Time(ms)) => builder.append_value(*ms),
            (_, cell) => return Err(format!("{cell:?} does not fit its column")),
        }
        Ok(())
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Builder::Text(builder) => Arc::new(builder.finish()),
            Builder::Int(builder) => Arc::new(builder.finish()),
            Builder::Float(builder) => Arc::new(builder.finish()),
            Builder::Bool(builder) => Arc::new(builder.finish()),
            Builder::Time(builder) => Arc::new(builder.finish()),
        }
    }
}

pub(super) struct ParquetSink {
    writer: ArrowWriter<File>,
    schema: SchemaRef,
    builders: Vec<Builder>,
    buffered: usize,
}

impl ParquetSink {
    pub(super) fn create(
        file: File,
        columns: &[(&str, ColumnType)],
    ) -> Result<ParquetSink, String> {
        let fields: Vec<Field> = columns
            .iter()
            .map(|(name, holds)| Field::new(*name, Builder::data_type(*holds), true))
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(
                ZstdLevel::try_new(1).map_err(|error| error.to_string())?,
            ))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .set_created_by("serendib".to_owned())
            .build();
        let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties))
            .map_err(|error| error.to_string())?;
        Ok(ParquetSink {
            writer,
            schema,
            builders: columns
                .iter()
                .map(|(_, holds)| Builder::new(*holds))
                .collect(),
            buffered: 0,
        })
    }

    fn flush(&mut self) -> Result<(), String> {
        if self.buffered == 0 {
            return Ok(());
        }
        self.buffered = 0;
        let arrays = self.builders.iter_mut().map(Builder::finish).collect();
        let batch =
            RecordBatch::try_new(self.schema.clone(), arrays).map_err(|error| error.to_string())?;
        self.writer.write(&batch).map_err(|error| error.to_string())
    }
}

impl Sink for ParquetSink {
    fn write(&mut self, cells: &[Cell<'_>]) -> Result<(), String> {
        for (builder, cell) in self.builders.iter_mut().zip(cells) {
            builder.push(cell)?;
        }
        self.buffered += 1;
        if self.buffered == BATCH_ROWS {
            self.flush()?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), String> {
        self.flush()?;
        self.writer
            .close()
            .map(drop)
            .map_err(|error| error.to_string())
    }
}
