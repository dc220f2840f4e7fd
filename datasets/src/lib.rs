//! Shop data for Serendib: the on-disk format, importers and the demo shop.
//!
//! A shop is a directory of tables, read with [`ShopData`](serendib_shop::ShopData) as a stream of typed rows and with
//! [`Log`](serendib_shop::Log) as numbers in memory.
//!
//! # The format
//! Each [`Table`](serendib_shop::Table) is one file called by its name (`touchpoints.parquet`, `.csv`, `.jsonl`; the text forms also packed, as
//! `.csv.zst` or `.csv.gz`) or a folder of such parts, read in order of their names. One table in two formats is an error.
//! CSV is RFC 4180 with commas, a header and UTF-8; JSON lines are one object per line; in Parquet any simple column type
//! serves. An empty cell is an absent one.
//!
//! | table | required columns | a row is |
//! |---|---|---|
//! | `touchpoints`, `held_out` | `customer_id`, `kind` | a [`Touchpoint`](serendib_shop::Touchpoint) |
//! | `products` | `product_id` | a [`Product`](serendib_shop::Product) |
//! | `customers` | `customer_id` | a [`Customer`](serendib_shop::Customer) |
//! | `delights` | `customer_id`, `product_id`, `at` | a [`Delight`](serendib_shop::Delight) |
//! | `served` | `request_id` | a [`Served`](serendib_shop::Served) |
//! | `boxes` | `box_id`, `customer_id` | a [`BoxOrder`](serendib_shop::BoxOrder) |
//! | `stock` | `product_id`, `quantity` | a [`StockLot`](serendib_shop::StockLot) |
//!
//! Columns have the names of the fields there. A column of another name is kept as an attribute, with the type that the
//! format knows (in CSV: text); the column `attributes` is a JSON object of more of them. Times are RFC 3339, dates, or
//! epoch milliseconds; without an offset they are local to the `time_zone` of `shop.json`. A table of touchpoints has
//! times in all rows or in none. Where there is a `products` table, a touchpoint on a product outside it is an error.
//!
//! `shop.json` ([`ShopInfo`](serendib_shop::ShopInfo)) and `rules.json` are optional; `consents` in it says what holds for customers who said
//! nothing. Everything else in the directory is left alone.

pub mod demo_shop;
pub mod importers;
