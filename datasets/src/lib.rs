//! Shop data for Serendib: the on-disk format, importers and the demo shop.
//!
//! A shop is a directory of tables, read with [`ShopData`](serendib_shop::ShopData) as a stream of typed rows and with
//! [`Log`](serendib_shop::Log) as numbers in memory.
//!
//! The format is described in `docs/data-format.md`, and printed by `serendib-datasets schema`.

pub mod demo_shop;
pub mod importers;
