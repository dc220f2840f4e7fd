//! Typed rows of one table, streamed over its parts.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::marker::PhantomData;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use super::files::Part;
use crate::error::{DataError, Place};
use crate::row::FieldError;
use crate::table::read::{open, RowFault, Source};
use crate::table::record::{column_index, Need, Record};
use crate::time::Zone;

/// The ids of the `products` table.
pub(crate) type ProductIds = HashSet<Box<str>>;

/// A streaming iterator over the rows of a table.
///
/// Every item is a row or what is wrong with one. After a wrong row or cell the next call goes on with the next row;
/// after an error that concerns a whole file it goes on with the next part. With `lenient` wrong rows are skipped and
/// counted instead.
pub struct Rows<T: Record> {
    parts: VecDeque<Part>,
    current: Option<Open<T>>,
    place: Option<Place>,
    zone: Zone,
    /// What happened later than this is a mistake, ms.
    latest: i64,
    lenient: bool,
    skipped: Arc<AtomicU64>,
    products: Option<Arc<ProductIds>>,
    /// Columns of the headers so far that the format does not know.
    extra: BTreeSet<String>,
}

struct Open<T> {
    source: Box<dyn Source>,
    file: Arc<Path>,
    /// The record's column for each column of the file; `None` = an attribute.
    binding: Vec<Option<usize>>,
    record: PhantomData<T>,
}

impl<T: Record> Open<T> {
    fn new(part: &Part) -> Result<Open<T>, DataError> {
        let source = open(&part.path, part.format)?;
        if source.has_header() {
            let missing: Vec<_> = T::COLUMNS
                .iter()
                .filter(|column| column.need != Need::Optional)
                .map(|column| column.name)
                .filter(|name| !source.columns().iter().any(|column| column == name))
                .collect();
            if !missing.is_empty() {
                let hint = match source.columns() {
                    [only] if only.contains([';', '\t']) => "; columns must be separated by commas",
                    _ => "",
                };
                return Err(DataError::file(
                    &part.path,
                    format!(
                        "column {} is missing, the header has: {}{hint}",
                        missing.join(", "),
                        crate::table::cell::shorten(&source.columns().join(", ")),
                    ),
                ));
            }
        }
        Ok(Open {
            source,
            file: part.path.as_path().into(),
            binding: Vec::new(),
            record: PhantomData,
        })
    }

    fn place(&self) -> Place {
        Place {
            file: self.file.clone(),
            row: self.source.row(),
            line: self.source.line(),
        }
    }

    fn decode(&mut self, zone: Zone, latest: i64) -> Result<T, DataError> {
        let known = self.source.columns();
        for name in &known[self.binding.len()..] {
            self.binding.push(column_index::<T>(name));
        }
        let mut record = T::blank();
        let mut filled = 0u64;
        for ix in 0..self.source.cells() {
            let (column, cell) = self.source.cell(ix);
            let name = &known[column];
            let wrong = |message: String| DataError::cell(&self.place(), name, message);
            let cell = cell.map_err(wrong)?;
            if cell.is_empty() {
                continue;
            }
            match self.binding[column] {
                Some(field) => {
                    (T::COLUMNS[field].set)(&mut record, &cell, zone).map_err(wrong)?;
                    filled |= 1 << field;
                }
                None => {
                    if let Some(attributes) = record.attributes_mut() {
                        attributes.insert(name.clone(), cell.to_value().map_err(wrong)?);
                    }
                }
            }
        }
        for (field, column) in T::COLUMNS.iter().enumerate() {
            if column.need == Need::Cell && filled & (1 << field) == 0 {
                return Err(DataError::cell(&self.place(), column.name, "is empty"));
            }
        }
        record
            .check()
            .map_err(|error| DataError::cell(&self.place(), error.column(), said_of(&error)))?;
        // one such row would make everything else look as old as it is ahead
        if record.happened_at().is_some_and(|at| at > latest) {
            return Err(DataError::cell(&self.place(), "at", "is in the future"));
        }
        Ok(record)
    }
}

/// What is wrong, with the place inside the cell where it holds several things.
fn said_of(error: &FieldError) -> String {
    match &error.field[error.column().len()..] {
        "" => error.message.clone(),
        inside => format!("{} {}", inside.trim_start_matches('.'), error.message),
    }
}

pub struct Distinct<T: Record> {
    rows: Rows<T>,
    column: &'static str,
    id: fn(&T) -> &str,
    /// The row of each id.
    seen: HashMap<Box<str>, u64>,
}

impl<T: Record> Iterator for Distinct<T> {
    type Item = Result<T, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let row = match self.rows.next()? {
                Ok(row) => row,
                Err(error) => return Some(Err(error)),
            };
            let id = (self.id)(&row);
            if let Some(first) = self.seen.get(id) {
                match self
                    .rows
                    .reject(self.column, format!("{id:?} is already in row {first}"))
                {
                    Ok(()) => continue,
                    Err(error) => return Some(Err(error)),
                }
            }
            let place = self.rows.place().map_or(0, |place| place.row);
            self.seen.insert(id.into(), place);
            return Some(Ok(row));
        }
    }
}

impl<T: Record> Rows<T> {
    pub(super) fn new(
        parts: &[Part],
        zone: Zone,
        lenient: bool,
        skipped: Arc<AtomicU64>,
        products: Option<Arc<ProductIds>>,
    ) -> Result<Rows<T>, DataError> {
        let mut rows = Rows {
            parts: parts.iter().cloned().collect(),
            current: None,
            place: None,
            zone,
            latest: crate::time::latest(),
            lenient,
            skipped,
            products,
            extra: BTreeSet::new(),
        };
        // a wrong header shows at once, not at the first row
        rows.open_next()?;
        Ok(rows)
    }

    fn open_next(&mut self) -> Result<(), DataError> {
        self.current = None;
        if let Some(part) = self.parts.pop_front() {
            let open = Open::new(&part)?;
            if open.source.has_header() {
                let unbound = open.source.columns().iter().zip(&open.binding);
                let unknown = unbound.filter(|(_, field)| field.is_none());
                self.extra.extend(unknown.map(|(name, _)| name.clone()));
            }
            self.current = Some(open);
        }
        Ok(())
    }

    /// Where the row given last stands.
    pub fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// Columns of the tables read so far that the format does not know, by name: they become attributes. Tables without a
    /// header have none.
    pub fn extra_columns(&self) -> impl Iterator<Item = &str> {
        self.extra.iter().map(String::as_str)
    }

    /// Passes judgement on the row given last: counted as skipped when reading leniently, an error otherwise.
    ///
    /// For checks that need more than the row: repeated ids, references.
    ///
    /// # Errors
    /// Always, unless lenient.
    pub fn reject(&self, column: &str, message: impl Into<String>) -> Result<(), DataError> {
        if self.lenient {
            self.skipped.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        Err(match &self.place {
            Some(place) => DataError::cell(place, column, message),
            None => DataError::file(Path::new(column), message),
        })
    }

    /// The rows, of which none has an id that an earlier one had: a second one is rejected as by [`Rows::reject`].
    ///
    /// Keeps all ids in memory.
    pub fn distinct(self, column: &'static str, id: fn(&T) -> &str) -> Distinct<T> {
        Distinct {
            rows: self,
            column,
            id,
            seen: HashMap::new(),
        }
    }

    fn step(&mut self) -> Option<Result<T, DataError>> {
        loop {
            let open = match &mut self.current {
                Some(open) => open,
                None if self.parts.is_empty() => return None,
                None => match self.open_next() {
                    Ok(()) => continue,
                    Err(error) => return Some(Err(error)),
                },
            };
            match open.source.advance() {
                Ok(false) => {
                    self.current = None;
                }
                Ok(true) => {
                    let row = open.decode(self.zone, self.latest);
                    self.place = Some(open.place());
                    if let (Ok(row), Some(products)) = (&row, &self.products) {
                        if let Some(product) = row
                            .product_reference()
                            .filter(|product| !products.contains(*product))
                        {
                            return Some(Err(DataError::cell(
                                &open.place(),
                                "product_id",
                                format!("{product:?} is not in the products table"),
                            )));
                        }
                    }
                    return Some(row);
                }
                Err(RowFault::Row(message)) => {
                    self.place = Some(open.place());
                    return Some(Err(DataError::row(&open.place(), message)));
                }
                Err(RowFault::File(message)) => {
                    let row = open.source.row();
                    let error =
                        DataError::file(&open.file, format!("damaged after row {row}: {message}"));
                    self.current = None;
                    return Some(Err(error));
                }
            }
        }
    }
}

impl<T: Record> Iterator for Rows<T> {
    type Item = Result<T, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let item = self.step()?;
            match &item {
                Err(error) if self.lenient && error.is_row() => {
                    self.skipped.fetch_add(1, Ordering::Relaxed);
                }
                _ => return Some(item),
            }
        }
    }
}
