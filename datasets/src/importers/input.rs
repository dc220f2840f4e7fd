//! Finding and reading the sources of importers.

use std::collections::HashMap;
use std::fs;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serendib_shop::{
    table::cell::{shorten, Cell},
    table::format::Packing,
    table::read::{open_text, read_line, CsvSource, RowFault, Source, MAX_RECORD_BYTES},
    time::{date_ms, parse_time, Zone},
    DataError, Place,
};

/// Endings that only say how a file is packed.
const PACKED: [&str; 3] = ["", ".zst", ".gz"];

/// The file name without the ending that says how it is packed.
pub(super) fn unpacked_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".zst").or(name.strip_suffix(".gz"));
    name.map_or_else(
        || {
            path.file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()
        },
        str::to_owned,
    )
}

/// Files at `from` (itself, or those in the directory) whose name without packing `wanted` accepts, in order of names.
fn find_all(from: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>, DataError> {
    if !from.is_dir() {
        let found = wanted(&unpacked_name(from)).then(|| from.to_path_buf());
        return Ok(found.into_iter().collect());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(from).map_err(DataError::io("open directory", from))? {
        let path = entry.map_err(DataError::io("list", from))?.path();
        let name = unpacked_name(&path);
        if path.is_file() && !name.starts_with('.') && wanted(&name) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The one file at `from` whose name without packing `wanted` accepts.
///
/// # Errors
/// There are several.
pub(super) fn find_optional(
    from: &Path,
    what: &str,
    wanted: impl Fn(&str) -> bool,
) -> Result<Option<PathBuf>, DataError> {
    let mut found = find_all(from, wanted)?;
    if found.len() > 1 {
        let names: Vec<_> = found.iter().map(|path| unpacked_name(path)).collect();
        return Err(DataError::file(
            from,
            format!(
                "holds {} files that could be {what}: {}",
                names.len(),
                names.join(", ")
            ),
        ));
    }
    Ok(found.pop())
}

/// The same, where it is an error that there is none.
pub(super) fn find(
    from: &Path,
    what: &str,
    wanted: impl Fn(&str) -> bool,
) -> Result<PathBuf, DataError> {
    find_optional(from, what, wanted)?.ok_or_else(|| {
        DataError::file(
            from,
            format!("holds no {what} (plain, {} or {})", PACKED[1], PACKED[2]),
        )
    })
}

/// Opens a file whose packing is found by its content.
pub(super) fn open(path: &Path) -> Result<Box<dyn BufRead + Send>, DataError> {
    open_text(path, Packing::Plain)
}

/// Lines of a text file with their numbers.
pub(super) struct Lines {
    reader: Box<dyn BufRead + Send>,
    file: Arc<Path>,
    buffer: Vec<u8>,
    line: u64,
}

impl Lines {
    pub(super) fn open(path: &Path) -> Result<Lines, DataError> {
        Ok(Lines {
            reader: open(path)?,
            file: path.into(),
            buffer: Vec::new(),
            line: 0,
        })
    }

    pub(super) fn place(&self) -> Place {
        Place {
            file: self.file.clone(),
            row: self.line,
            line: Some(self.line),
        }
    }

    /// An error about the line given last.
    pub(super) fn wrong(&self, message: impl Into<String>) -> DataError {
        DataError::row(&self.place(), message)
    }

    fn advance(&mut self) -> Result<bool, DataError> {
        let more = read_line(&mut *self.reader, &mut self.buffer, MAX_RECORD_BYTES)
            .map_err(DataError::io("read", &self.file))?;
        self.line += u64::from(more);
        Ok(more)
    }

    /// The next line as UTF-8; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<String>, DataError> {
        if !self.advance()? {
            return Ok(None);
        }
        let bytes = match self.buffer.as_slice() {
            [0xef, 0xbb, 0xbf, rest @ ..] if self.line == 1 => rest,
            bytes => bytes,
        };
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Some(text.to_owned())),
            Err(_) => Err(self.wrong("not UTF-8 text")),
        }
    }

    /// The next line as UTF-8, or else as Latin-1.
    pub(super) fn next_latin(&mut self) -> Result<Option<String>, DataError> {
        if !self.advance()? {
            return Ok(None);
        }
        Ok(Some(match std::str::from_utf8(&self.buffer) {
            Ok(text) => text.to_owned(),
            Err(_) => self.buffer.iter().map(|byte| char::from(*byte)).collect(),
        }))
    }

    /// The next line that is not blank, split at blanks into a user and the items.
    pub(super) fn next_sequence(&mut self) -> Result<Option<(String, Vec<String>)>, DataError> {
        while let Some(line) = self.next()? {
            let mut ids = line.split_ascii_whitespace();
            let Some(user) = ids.next() else { continue };
            let items: Vec<String> = ids.map(str::to_owned).collect();
            for id in std::iter::once(user).chain(items.iter().map(String::as_str)) {
                if id.contains([',', ';', '\t', '"', '{', '}', ':']) {
                    return Err(self.wrong(format!(
                        "{:?} is not an id, expected `user item item …` separated by blanks",
                        shorten(id)
                    )));
                }
            }
            return Ok(Some((user.to_owned(), items)));
        }
        Ok(None)
    }
}

/// A delimited file with a header, read by names of columns.
pub(super) struct Delimited {
    source: CsvSource,
    file: Arc<Path>,
    /// The file's column for each wanted one.
    columns: Vec<Option<usize>>,
    names: Vec<&'static str>,
}

/// A column that an importer wants: its names in different editions, and whether it may be missing.
pub(super) struct Wanted {
    pub(super) names: &'static [&'static str],
    pub(super) optional: bool,
}

/// A column that must be there.
pub(super) const fn must(names: &'static [&'static str]) -> Wanted {
    Wanted {
        names,
        optional: false,
    }
}

/// A column that may be missing.
pub(super) const fn may(names: &'static [&'static str]) -> Wanted {
    Wanted {
        names,
        optional: true,
    }
}

impl Delimited {
    /// Opens `path`; a type after a colon in the header (`user_id:token`) is ignored.
    pub(super) fn open(
        path: &Path,
        delimiter: u8,
        wanted: &[Wanted],
    ) -> Result<Delimited, DataError> {
        let source = CsvSource::with_delimiter(path, Packing::Plain, delimiter)?;
        let header: HashMap<String, usize> = source
            .columns()
            .iter()
            .enumerate()
            .map(|(ix, name)| {
                let name = name.split(':').next().unwrap_or(name);
                (name.to_ascii_lowercase(), ix)
            })
            .collect();
        let mut columns = Vec::new();
        for want in wanted {
            let found = want
                .names
                .iter()
                .find_map(|name| header.get(&name.to_ascii_lowercase()));
            if found.is_none() && !want.optional {
                return Err(DataError::file(
                    path,
                    format!(
                        "column {} is missing, the header has: {}",
                        want.names.join(" or "),
                        shorten(&source.columns().join(", "))
                    ),
                ));
            }
            columns.push(found.copied());
        }
        Ok(Delimited {
            source,
            file: path.into(),
            columns,
            names: wanted.iter().map(|want| want.names[0]).collect(),
        })
    }

    /// Moves to the next row; false at the end.
    pub(super) fn advance(&mut self) -> Result<bool, DataError> {
        self.source.advance().map_err(|fault| match fault {
            RowFault::Row(message) => DataError::row(&self.place(), message),
            RowFault::File(message) => DataError::file(&self.file, message),
        })
    }

    pub(super) fn place(&self) -> Place {
        Place {
            file: self.file.clone(),
            row: self.source.row(),
            line: self.source.line(),
        }
    }

    /// An error about a wanted column in this row.
    pub(super) fn wrong(&self, column: usize, message: impl Into<String>) -> DataError {
        DataError::cell(&self.place(), self.names[column], message)
    }

    /// The trimmed text of a wanted column; `None` when empty or missing.
    pub(super) fn text(&self, column: usize) -> Result<Option<&str>, DataError> {
        let Some(ix) = self.columns[column] else {
            return Ok(None);
        };
        match self.source.field(ix) {
            Ok(text) => Ok(Some(text.trim()).filter(|text| !text.is_empty())),
            Err(message) => Err(self.wrong(column, message)),
        }
    }

    /// The text of a wanted column that must not be empty.
    pub(super) fn required(&self, column: usize) -> Result<&str, DataError> {
        self.text(column)?
            .ok_or_else(|| self.wrong(column, "is empty"))
    }

    /// A finite number.
    pub(super) fn number(&self, column: usize) -> Result<f64, DataError> {
        Cell::from(self.required(column)?)
            .to_number()
            .map_err(|message| self.wrong(column, message))
    }

    /// A time, local to `zone` without an offset.
    pub(super) fn time(&self, column: usize, zone: Zone) -> Result<i64, DataError> {
        let text = self.required(column)?;
        parse_time(text, zone)
            .filter(|_| text.contains('-'))
            .or_else(|| month_first(text, zone))
            .ok_or_else(|| {
                let what = format!(
                    "{:?} is not a time, expected YYYY-MM-DD HH:MM[:SS] or M/D/YYYY H:MM",
                    shorten(text)
                );
                self.wrong(column, what)
            })
    }
}

/// A time as spreadsheets in American English write it: `M/D/YYYY H:MM`.
fn month_first(text: &str, zone: Zone) -> Option<i64> {
    let (date, time) = text.split_once(' ')?;
    let mut date = date.split('/').map(str::parse::<u32>);
    let (month, day, year) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let (hour, minute) = time.split_once(':')?;
    let (hour, minute) = (hour.parse::<u32>().ok()?, minute.parse::<u32>().ok()?);
    if date.next().is_some() || year < 1000 || hour > 23 || minute > 59 {
        return None;
    }
    let minutes = i64::from(hour * 60 + minute);
    zone.to_utc(date_ms(year as i32, month, day)? + minutes * 60_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_spreadsheets_are_read_month_first() {
        let utc = Zone::default();
        assert_eq!(
            month_first("12/1/2010 8:26", utc),
            parse_time("2010-12-01T08:26:00Z", utc)
        );
        for wrong in [
            "13/1/2010 8:26",
            "12/1/10 8:26",
            "12/1/2010",
            "12/1/2010 24:00",
            "1/2/3/2010 1:00",
        ] {
            assert_eq!(month_first(wrong, utc), None, "{wrong}");
        }
    }
}
