//! Tables on disk: Parquet, CSV and JSON lines, read and written row by row.

pub mod cell;
pub mod columns;
pub mod format;
pub(crate) mod names;
pub mod read;
pub mod record;
pub mod schema;
pub mod write;

pub use cell::Cell;
pub use columns::{InputTable, OutputTable};
pub use format::{Format, Table};
pub use record::ColumnType;
pub use schema::Schema;
pub use write::{ShopWriter, TableWriter};
