//! Shop data for Serendib: the on-disk format, importers and the demo shop.
//!
//! A shop is a directory of tables, read with [`ShopData`] as a stream of typed rows and with [`Log`] as numbers in
//! memory, written with [`TableWriter`] and [`ShopWriter`]. The format itself is described at [`Table`].

mod cell;
pub mod check;
mod columns;
pub mod describe;
mod error;
pub mod flags;
mod histories;
pub mod importers;
mod log;
mod progress;
mod read;
mod record;
mod shop_data;
mod table;
pub mod time;
mod write;

pub use cell::Cell;
pub use columns::{InputTable, OutputTable};
pub use error::{DataError, Place};
pub use histories::Histories;
pub use log::{basket_hash, Log};
pub use progress::Progress;
pub use record::{BoxOrder, ColumnType, StockLot};
pub use shop_data::{ReadOptions, Rows, ShopData, ShopInfo};
pub use table::{Format, Table};
pub use write::{ShopWriter, TableWriter};
