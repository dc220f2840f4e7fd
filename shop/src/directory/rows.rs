//! Typed rows of one table, streamed over its parts.

use std::collections::{HashMap, VecDeque};
use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;

use super::files::Part;
use super::findings::Findings;
use super::forms::decide;
use super::Erasures;
use crate::error::{DataError, Place};
use crate::row::FieldError;
use crate::table::names::meant;
use crate::table::read::{open, RowFault, Source};
use crate::table::record::{column_index, ColumnType, Need, Record};
use crate::time::{TimeForm, Zone};

/// What becomes of a row that is right by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Counts,
    /// It says again what an earlier row said: left out.
    Repeats,
}

/// A verdict that needs the rows before.
pub(super) type Judge<T> = Box<dyn FnMut(&T, &Place) -> Result<Standing, FieldError> + Send>;

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
    findings: Arc<Findings>,
    erasures: Option<Erasures>,
    judge: Option<Judge<T>>,
}

struct Open<T> {
    source: Box<dyn Source>,
    file: Arc<Path>,
    /// The record's column for each column of the file; `None` = an attribute.
    binding: Vec<Option<usize>>,
    /// The form of the times in each of the record's columns.
    forms: Vec<TimeForm>,
    record: PhantomData<T>,
}

impl<T: Record> Open<T> {
    fn new(part: &Part, findings: &Findings) -> Result<Open<T>, DataError> {
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
                let guesses: Vec<_> = source
                    .columns()
                    .iter()
                    .filter_map(|name| Some((name, meant::<T>(name, source.columns())?)))
                    .filter(|(_, meant)| missing.contains(meant))
                    .map(|(name, meant)| format!("; is {name} the {meant}?"))
                    .collect();
                return Err(DataError::file(
                    &part.path,
                    format!(
                        "column {} is missing, the header has: {}{hint}{}",
                        missing.join(", "),
                        crate::table::cell::shorten(&source.columns().join(", ")),
                        guesses.concat()
                    ),
                ));
            }
        }
        let forms = findings.forms(&part.path, || decide::<T>(part))?;
        let form = |column: &'static str| forms.get(column).copied();
        let forms = T::COLUMNS
            .iter()
            .map(|column| form(column.name).unwrap_or(TimeForm::Written))
            .collect();
        let mut open = Open {
            source,
            file: part.path.as_path().into(),
            binding: Vec::new(),
            forms,
            record: PhantomData,
        };
        open.bind(findings);
        Ok(open)
    }

    /// Finds what the columns mean that were not there before: all at once with a header, else as they appear.
    fn bind(&mut self, findings: &Findings) {
        let known = self.source.columns();
        for name in &known[self.binding.len()..] {
            let column = column_index::<T>(name);
            if column.is_none() && !T::ATTRIBUTES.contains(&name.as_str()) {
                findings.unknown_column(name, meant::<T>(name, known));
            }
            self.binding.push(column);
        }
    }

    fn place(&self) -> Place {
        Place {
            file: self.file.clone(),
            row: self.source.row(),
            line: self.source.line(),
        }
    }

    fn decode(&mut self, zone: Zone, latest: i64, findings: &Findings) -> Result<T, DataError> {
        self.bind(findings);
        let known = self.source.columns();
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
                    let column = &T::COLUMNS[field];
                    let cell = match column.holds {
                        ColumnType::Time => cell.in_form(self.forms[field], zone).map_err(wrong)?,
                        _ => cell,
                    };
                    (column.set)(&mut record, &cell).map_err(wrong)?;
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
        findings: Arc<Findings>,
    ) -> Result<Rows<T>, DataError> {
        let mut rows = Rows {
            parts: parts.iter().cloned().collect(),
            current: None,
            place: None,
            zone,
            latest: crate::time::latest(),
            lenient,
            findings,
            erasures: None,
            judge: None,
        };
        // a wrong header shows at once, not at the first row
        rows.open_next()?;
        Ok(rows)
    }

    fn open_next(&mut self) -> Result<(), DataError> {
        self.current = None;
        if let Some(part) = self.parts.pop_front() {
            self.current = Some(Open::new(&part, &self.findings)?);
        }
        Ok(())
    }

    /// Where the row given last stands.
    pub fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// The same rows without those of customers who were erased after them.
    pub(super) fn without(mut self, erasures: Option<Erasures>) -> Rows<T> {
        self.erasures = erasures;
        self
    }

    /// The same rows, with what `judge` makes of each that counts so far.
    pub(super) fn judged(mut self, mut judge: Judge<T>) -> Rows<T> {
        self.judge = Some(match self.judge.take() {
            None => judge,
            Some(mut before) => Box::new(move |row, place| match before(row, place)? {
                Standing::Counts => judge(row, place),
                Standing::Repeats => Ok(Standing::Repeats),
            }),
        });
        self
    }

    /// Passes judgement on the row given last: counted as skipped when reading leniently, an error otherwise.
    ///
    /// For checks that need more than the row: repeated ids, references.
    ///
    /// # Errors
    /// Always, unless lenient.
    pub fn reject(&self, column: &str, message: impl Into<String>) -> Result<(), DataError> {
        let error = match &self.place {
            Some(place) => DataError::cell(place, column, message),
            None => DataError::file(Path::new(column), message),
        };
        if self.lenient {
            self.findings.skip(&error);
            return Ok(());
        }
        Err(error)
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
                    let mut row = open.decode(self.zone, self.latest, &self.findings);
                    let place = open.place();
                    self.place = Some(place.clone());
                    if let (Ok(row), Some(erasures)) = (&mut row, &self.erasures) {
                        if !row.forget(erasures) {
                            self.findings.erased(&place);
                            continue;
                        }
                    }
                    let standing = match (&row, &mut self.judge) {
                        (Ok(row), Some(judge)) => judge(row, &place),
                        _ => return Some(row),
                    };
                    match standing {
                        Ok(Standing::Counts) => return Some(row),
                        Ok(Standing::Repeats) => self.findings.repeat(&place),
                        Err(error) => {
                            let said = said_of(&error);
                            return Some(Err(DataError::cell(&place, error.column(), said)));
                        }
                    }
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
                Err(error) if self.lenient && error.is_row() => self.findings.skip(error),
                _ => return Some(item),
            }
        }
    }
}
