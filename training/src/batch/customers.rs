//! Which customers a batch is for.

use std::path::Path;

use serendib_shop::{CustomerIx, DataError, InputTable};

use super::Batch;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Everybody with a touchpoint or a row in the customers table.
    All,
    /// Those listed in a file.
    File(std::path::PathBuf),
}

impl std::str::FromStr for Selection {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Selection, Self::Err> {
        Ok(match text {
            "all" => Selection::All,
            path => Selection::File(path.into()),
        })
    }
}

/// One customer to answer for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    /// Id as asked for.
    pub id: String,
    /// Number in the batch; `None` = nobody of that id is known.
    pub number: Option<CustomerIx>,
}

/// The customers that `selection` means, in order; those in a file each as often as they stand there.
///
/// # Errors
/// A file that does not read or has no `customer_id` column.
pub fn select(batch: &Batch, selection: &Selection) -> Result<Vec<Selected>, DataError> {
    match selection {
        Selection::All => Ok(CustomerIx::all(batch.log().len())
            .map(|number| Selected {
                id: batch.log().customer_id(number).to_owned(),
                number: Some(number),
            })
            .collect()),
        Selection::File(path) => Ok(read_column(path, "customer_id")?
            .into_iter()
            .map(|id| Selected {
                number: batch.log().customer(&id),
                id,
            })
            .collect()),
    }
}

/// One column of a table file; rows where it is empty are left out.
pub fn read_column(path: &Path, column: &str) -> Result<Vec<String>, DataError> {
    let mut out = Vec::new();
    for row in InputTable::open(path, &[column])? {
        out.extend(row?.into_iter().flatten());
    }
    Ok(out)
}

/// Two columns of a table file, both filled in every row.
///
/// # Errors
/// A file that does not read, or a row with an empty cell, by its place.
pub fn read_pairs(path: &Path, columns: [&str; 2]) -> Result<Vec<(String, String)>, DataError> {
    let mut table = InputTable::open(path, &columns)?;
    let mut out = Vec::new();
    while let Some(row) = table.next() {
        match <[Option<String>; 2]>::try_from(row?) {
            Ok([Some(first), Some(second)]) => out.push((first, second)),
            Ok([None, _]) => return Err(table.missing(columns[0])),
            _ => return Err(table.missing(columns[1])),
        }
    }
    Ok(out)
}
