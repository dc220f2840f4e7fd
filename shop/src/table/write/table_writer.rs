//! Writing the tables of shop data.

use std::fs;
use std::path::Path;

use crate::{Customer, Delight, Product, Served, Touchpoint};

use super::RowWriter;
use crate::directory::ShopInfo;
use crate::error::DataError;
use crate::publish::{self, NewDir};
use crate::table::cell::Cell;
use crate::table::format::{Format, Table};
use crate::table::record::{ColumnType, Record};
use crate::{BoxOrder, StockLot};

/// Name and type of each column of `table`.
fn columns_of(table: Table) -> Vec<(&'static str, ColumnType)> {
    fn of<T: Record>() -> Vec<(&'static str, ColumnType)> {
        T::COLUMNS
            .iter()
            .map(|column| (column.name, column.holds))
            .collect()
    }
    match table {
        Table::Touchpoints | Table::HeldOut => of::<Touchpoint>(),
        Table::Products => of::<Product>(),
        Table::Customers => of::<Customer>(),
        Table::Delights => of::<Delight>(),
        Table::Served => of::<Served>(),
        Table::Boxes => of::<BoxOrder>(),
        Table::Stock => of::<StockLot>(),
    }
}

/// A table of shop data in the making; it appears under its name when finished, and not at all when dropped before.
pub struct TableWriter {
    table: Table,
    rows: RowWriter,
    /// Number of each written column in the record.
    chosen: Vec<usize>,
}

impl TableWriter {
    /// Starts `table` in `dir` with all its columns.
    ///
    /// # Errors
    /// The file cannot be created, or the table is already there in another format.
    pub fn create(dir: &Path, table: Table, format: Format) -> Result<TableWriter, DataError> {
        TableWriter::start(dir, table, format, |_| true)
    }

    /// Starts `table` in `dir` with only the named columns, in the order of the record; rows may fill no other.
    ///
    /// # Errors
    /// As [`TableWriter::create`], or the table has no such column.
    pub fn with_columns(
        dir: &Path,
        table: Table,
        format: Format,
        names: &[&str],
    ) -> Result<TableWriter, DataError> {
        let all = columns_of(table);
        if let Some(unknown) = names
            .iter()
            .find(|name| !all.iter().any(|(column, _)| column == *name))
        {
            return Err(DataError::Write {
                table: table.to_string(),
                message: format!("there is no column {unknown}"),
            });
        }
        TableWriter::start(dir, table, format, |name| names.contains(&name))
    }

    fn start(
        dir: &Path,
        table: Table,
        format: Format,
        keep: impl Fn(&str) -> bool,
    ) -> Result<TableWriter, DataError> {
        fs::create_dir_all(dir).map_err(DataError::io("create directory", dir))?;
        let path = dir.join(format!("{table}.{format}"));
        let there = Format::all()
            .map(|format| dir.join(format!("{table}.{format}")))
            .chain([dir.join(table.name())])
            .find(|other| *other != path && other.exists());
        if let Some(other) = there {
            return Err(DataError::file(
                &other,
                format!("is already there, so {table}.{format} would be a second form of it"),
            ));
        }
        let all = columns_of(table);
        let chosen: Vec<usize> = (0..all.len()).filter(|ix| keep(all[*ix].0)).collect();
        let columns: Vec<_> = chosen.iter().map(|ix| all[*ix]).collect();
        Ok(TableWriter {
            table,
            rows: RowWriter::create(&path, format, &columns)?,
            chosen,
        })
    }

    fn write<T: Record>(&mut self, table: &[Table], row: &T) -> Result<(), DataError> {
        let refuse = |message: String| {
            Err(DataError::Write {
                table: self.table.to_string(),
                message,
            })
        };
        if !table.contains(&self.table) {
            return refuse(format!("a row of {} does not belong there", table[0]));
        }
        if let Err(error) = row.check() {
            return refuse(format!("column {error}"));
        }
        if self.chosen.len() < T::COLUMNS.len() {
            let blank = T::blank();
            for (ix, column) in T::COLUMNS.iter().enumerate() {
                if self.chosen.binary_search(&ix).is_err()
                    && (column.get)(row) != (column.get)(&blank)
                {
                    return refuse(format!(
                        "the row has a {}, which is not among the chosen columns",
                        column.name
                    ));
                }
            }
        }
        let cells: Vec<Cell<'_>> = self
            .chosen
            .iter()
            .map(|ix| (T::COLUMNS[*ix].get)(row))
            .collect();
        self.rows.write(&cells)
    }

    /// Adds a row to `touchpoints` or `held_out`.
    ///
    /// # Errors
    /// Here and in the methods below: the row is wrong (the message names row and column) or of another table, or the
    /// disk refuses.
    pub fn touchpoint(&mut self, row: &Touchpoint) -> Result<(), DataError> {
        self.write(&[Table::Touchpoints, Table::HeldOut], row)
    }

    /// Adds a row to `products`. Repeated ids are not looked for.
    pub fn product(&mut self, row: &Product) -> Result<(), DataError> {
        self.write(&[Table::Products], row)
    }

    /// Adds a row to `customers`. Repeated ids are not looked for.
    pub fn customer(&mut self, row: &Customer) -> Result<(), DataError> {
        self.write(&[Table::Customers], row)
    }

    /// Adds a row to `delights`.
    pub fn delight(&mut self, row: &Delight) -> Result<(), DataError> {
        self.write(&[Table::Delights], row)
    }

    /// Adds a row to `served`.
    pub fn served(&mut self, row: &Served) -> Result<(), DataError> {
        self.write(&[Table::Served], row)
    }

    /// Adds a row to `boxes`.
    pub fn box_order(&mut self, row: &BoxOrder) -> Result<(), DataError> {
        self.write(&[Table::Boxes], row)
    }

    /// Adds a row to `stock`.
    pub fn stock_lot(&mut self, row: &StockLot) -> Result<(), DataError> {
        self.write(&[Table::Stock], row)
    }

    /// How many rows were written.
    pub fn rows(&self) -> u64 {
        self.rows.rows()
    }

    /// Closes the table and gives it its name; returns the number of rows.
    pub fn finish(self) -> Result<u64, DataError> {
        self.rows.finish()
    }
}

/// A whole shop in the making: a directory that appears under its name only when every table is in it.
pub struct ShopWriter {
    new: NewDir,
    format: Format,
}

impl ShopWriter {
    /// Starts a shop that will stand at `target`, with tables in `format`.
    ///
    /// # Errors
    /// There is something at `target` already (an empty directory aside), or the directory beside it cannot be made.
    pub fn create(target: &Path, format: Format) -> Result<ShopWriter, DataError> {
        if target.exists() {
            let mut entries =
                fs::read_dir(target).map_err(DataError::io("use directory", target))?;
            if entries.next().is_some() {
                return Err(DataError::file(
                    target,
                    "is not empty; name another directory or remove it first",
                ));
            }
        }
        let target = std::path::absolute(target).map_err(DataError::io("use", target))?;
        let new = NewDir::create(&target).map_err(DataError::io("create directory", &target))?;
        Ok(ShopWriter { new, format })
    }

    /// Where files can be put until [`ShopWriter::finish`].
    pub fn dir(&self) -> &Path {
        self.new.dir()
    }

    /// Starts a table with all its columns.
    pub fn table(&self, table: Table) -> Result<TableWriter, DataError> {
        TableWriter::create(self.new.dir(), table, self.format)
    }

    /// Starts a table with only the named columns.
    pub fn table_with(&self, table: Table, columns: &[&str]) -> Result<TableWriter, DataError> {
        TableWriter::with_columns(self.new.dir(), table, self.format, columns)
    }

    pub fn shop(&self, shop: &ShopInfo) -> Result<(), DataError> {
        let path = self.new.dir().join("shop.json");
        let mut text = serde_json::to_vec_pretty(shop)
            .map_err(|error| DataError::file(&path, error.to_string()))?;
        text.push(b'\n');
        publish::write(&path, &text).map_err(DataError::io("write", &path))
    }

    /// Gives the directory its name. Tables must be finished before.
    pub fn finish(self) -> Result<(), DataError> {
        let target = self.new.path().to_path_buf();
        self.new.publish().map_err(DataError::io("write", &target))
    }
}
