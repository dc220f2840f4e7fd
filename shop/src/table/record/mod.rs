//! Rows of the tables as typed records: which columns there are, how a cell becomes a field and back.

mod boxes;
mod customer;
mod product;
mod touchpoint;

use serde_json::Value;

use crate::table::cell::Cell;

use crate::directory::Erasures;
/// Attributes: unknown columns by name.
pub use crate::row::Attributes;
use crate::row::Check;

/// What a column holds, for formats that must know before the first row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnType {
    Text,
    /// Whole numbers of 64 bits.
    Int,
    /// Decimal numbers of 64 bits.
    Float,
    /// True or false.
    Bool,
    /// Instants in milliseconds.
    Time,
    /// Lists and objects; nested in JSONL, JSON text elsewhere.
    Json,
}

/// Whether a column must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// May be absent.
    Optional,
    /// The column must be there, a cell may be empty.
    Column,
    /// Column and cell must be there.
    Cell,
}

/// One column of a record.
pub struct Column<T: 'static> {
    /// Name in the header.
    pub name: &'static str,
    /// What it holds.
    pub holds: ColumnType,
    /// Whether it must be there.
    pub need: Need,
    /// What it says, with unit and range.
    pub about: &'static str,
    /// Puts a cell that is not empty into the record, a time as a [`Cell::Time`]; the message says what is wrong with it.
    pub set: fn(&mut T, &Cell<'_>) -> Result<(), String>,
    /// Takes the cell out of the record.
    pub get: for<'a> fn(&'a T) -> Cell<'a>,
}

/// A row of a table.
pub trait Record: Check + Sized + Send + 'static {
    /// The columns, at most 64.
    const COLUMNS: &'static [Column<Self>];

    /// Attributes that mean something, and may be columns of their own.
    const ATTRIBUTES: &'static [&'static str] = &[];

    /// A row in which every column is absent.
    fn blank() -> Self;

    /// Where unknown columns go; `None` when the record keeps none.
    fn attributes_mut(&mut self) -> Option<&mut Attributes> {
        None
    }

    /// Takes out what the row says of customers who were erased after it; whether anything of it is left.
    fn forget(&mut self, _: &Erasures) -> bool {
        true
    }

    /// When what the row tells of happened, where that must not lie ahead.
    fn happened_at(&self) -> Option<i64> {
        None
    }
}

/// Builds a [`Column`] from its name, type, need, field, meaning and conversion.
macro_rules! column {
    ($name:literal, Text, Cell, $field:ident, $about:literal) => {
        column!(@ $name, Text, Cell, $about,
            |row, cell| { row.$field = cell.to_text()?; Ok(()) },
            |row| $crate::table::cell::Cell::from(row.$field.as_str()))
    };
    ($name:literal, Text, Column, $field:ident, $about:literal) => {
        column!(@ $name, Text, Column, $about,
            |row, cell| { row.$field = cell.to_text()?; Ok(()) },
            |row| $crate::table::cell::Cell::from(row.$field.as_str()))
    };
    ($name:literal, Text, Optional, $field:ident, $about:literal) => {
        column!(@ $name, Text, Optional, $about,
            |row, cell| { row.$field = Some(cell.to_text()?); Ok(()) },
            |row| $crate::table::cell::Cell::from(row.$field.as_deref()))
    };
    ($name:literal, Time, Optional, $field:ident, $about:literal) => {
        column!(@ $name, Time, Optional, $about,
            |row, cell| { row.$field = Some(cell.to_time()?); Ok(()) },
            |row| $crate::table::cell::Cell::time(row.$field))
    };
    ($name:literal, Float, Optional, $field:ident, $about:literal) => {
        column!(@ $name, Float, Optional, $about,
            |row, cell| { row.$field = Some(cell.to_number()?); Ok(()) },
            |row| $crate::table::cell::Cell::float(row.$field))
    };
    ($name:literal, Int, Optional, $field:ident, $about:literal) => {
        column!(@ $name, Int, Optional, $about,
            |row, cell| { row.$field = Some(cell.to_count()?); Ok(()) },
            |row| $crate::table::cell::Cell::int(row.$field.map(i64::from)))
    };
    ($name:literal, List, Optional, $field:ident, $about:literal) => {
        column!(@ $name, Json, Optional, $about,
            |row, cell| { row.$field = cell.to_list()?; Ok(()) },
            |row| if row.$field.is_empty() {
                $crate::table::cell::Cell::Null
            } else {
                $crate::table::cell::Cell::Json(std::borrow::Cow::Owned(serde_json::Value::from(row.$field.as_slice())))
            })
    };
    ($name:literal, Attributes, Optional, $field:ident, $about:literal) => {
        column!(@ $name, Json, Optional, $about,
            |row, cell| $crate::table::record::extend_attributes(&mut row.$field, cell),
            |row| if row.$field.is_empty() {
                $crate::table::cell::Cell::Null
            } else {
                $crate::table::cell::Cell::Json(std::borrow::Cow::Owned(serde_json::Value::Object(
                    row.$field.iter().map(|(key, value)| (key.clone(), value.clone())).collect())))
            })
    };
    (@ $name:literal, $holds:ident, $need:ident, $about:literal, $set:expr, $get:expr) => {
        $crate::table::record::Column {
            name: $name,
            holds: $crate::table::record::ColumnType::$holds,
            need: $crate::table::record::Need::$need,
            about: $about,
            set: $set,
            get: $get,
        }
    };
}
pub(crate) use column;

fn extend_attributes(attributes: &mut Attributes, cell: &Cell<'_>) -> Result<(), String> {
    match cell.to_json()? {
        Value::Object(map) => {
            attributes.extend(map);
            Ok(())
        }
        Value::Null => Ok(()),
        _ => Err("attributes must be a JSON object".to_owned()),
    }
}

/// The field name of `column`, for looking it up in a fault.
pub fn column_index<T: Record>(name: &str) -> Option<usize> {
    T::COLUMNS.iter().position(|column| column.name == name)
}
