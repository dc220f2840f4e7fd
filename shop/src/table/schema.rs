//! The tables and their columns, from the definitions that reading and checking use.

use std::fmt;

use serde::Serialize;

use super::format::Table;
use super::record::{ColumnType, Need, Record};
use crate::{BoxOrder, Customer, Delight, Product, Served, StockLot, Touchpoint};

/// One column of a table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColumnSchema {
    pub name: &'static str,
    /// What a cell holds: text, whole number, number, true or false, time, JSON.
    pub holds: &'static str,
    /// `yes` = column and cell must be there, `column` = a cell may be empty, `no`.
    pub required: &'static str,
    /// What it says, with unit and range.
    pub about: &'static str,
}

/// One table of shop data.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TableSchema {
    pub table: &'static str,
    /// What a row is.
    pub about: &'static str,
    pub columns: Vec<ColumnSchema>,
}

/// Every table with its columns; writes itself as Markdown.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Schema(pub Vec<TableSchema>);

impl Schema {
    /// The tables of this version.
    pub fn of_shop_data() -> Schema {
        Schema(Table::ALL.into_iter().map(TableSchema::of).collect())
    }
}

impl TableSchema {
    fn of(table: Table) -> TableSchema {
        let (about, columns) = match table {
            Table::Touchpoints => (
                "One contact between a customer and the shop; the only table that must be there.",
                columns::<Touchpoint>(),
            ),
            Table::HeldOut => (
                "Touchpoints that training never reads: the test part of a public split.",
                columns::<Touchpoint>(),
            ),
            Table::Products => (
                "One entry of the catalogue. Where the table is there, a product that only touchpoints name is history and not for sale.",
                columns::<Product>(),
            ),
            Table::Customers => (
                "What a customer declared, allowed and is known by.",
                columns::<Customer>(),
            ),
            Table::Delights => (
                "What a customer said of a surprise.",
                columns::<Delight>(),
            ),
            Table::Served => ("One item that was recommended.", columns::<Served>()),
            Table::Boxes => ("One parcel to pack.", columns::<BoxOrder>()),
            Table::Stock => (
                "What is in one warehouse of one product.",
                columns::<StockLot>(),
            ),
        };
        TableSchema {
            table: table.name(),
            about,
            columns,
        }
    }
}

fn columns<T: Record>() -> Vec<ColumnSchema> {
    let column = |column: &super::record::Column<T>| ColumnSchema {
        name: column.name,
        holds: match column.holds {
            ColumnType::Text => "text",
            ColumnType::Int => "whole number",
            ColumnType::Float => "number",
            ColumnType::Bool => "true or false",
            ColumnType::Time => "time",
            ColumnType::Json => "JSON",
        },
        required: match column.need {
            Need::Optional => "no",
            Need::Column => "column",
            Need::Cell => "yes",
        },
        about: column.about,
    };
    T::COLUMNS.iter().map(column).collect()
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (ix, table) in self.0.iter().enumerate() {
            let gap = if ix > 0 { "\n" } else { "" };
            writeln!(f, "{gap}## `{}`\n\n{}\n", table.table, table.about)?;
            if table.table == Table::HeldOut.name() {
                writeln!(f, "Columns as in `{}`.", Table::Touchpoints)?;
                continue;
            }
            writeln!(f, "| column | holds | required | |\n|---|---|---|---|")?;
            for column in &table.columns {
                let ColumnSchema {
                    name,
                    holds,
                    required,
                    about,
                } = column;
                writeln!(f, "| `{name}` | {holds} | {required} | {about} |")?;
            }
        }
        Ok(())
    }
}
