//! The ledger of erasures: who was erased when, in a file outside the store, so that neither an older store nor older
//! files bring anybody back.
//!
//! Text: a line with the key, then a line for each erased id, its time, its keyed hash and its receipt. It is only ever
//! appended to; a last line without an end is of an erasure that a crash broke off before it took effect.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::keyed::{owned, Domain, Hash16, Key};
use crate::publish::write_private;

/// How the first line begins.
const HEAD: &str = "serendib-erasures 1";

/// Why a ledger is of no use.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The operating system refused.
    #[error("could not {action} the ledger of erasures {}: {source}", path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// It is damaged, no ledger, or open to others.
    #[error("{}: {detail}", path.display())]
    Wrong { path: PathBuf, detail: String },
}

/// One erased id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Erased {
    /// When, ms.
    pub at: i64,
    /// The id's keyed hash.
    pub hash: Hash16,
    /// The receipt of the erasure.
    pub receipt: String,
}

/// A ledger as read.
#[derive(Debug, Clone)]
pub struct Ledger {
    path: PathBuf,
    key: Key,
    entries: Vec<Erased>,
    last: HashMap<Hash16, i64>,
}

/// Where the ledger of the store in `store` is unless said otherwise: beside it.
pub fn ledger_of(store: &Path) -> PathBuf {
    beside(store, ".erasures")
}

/// Where the store of the data in `data` is unless said otherwise: beside them, so that two shops never share one.
pub fn store_of(data: &Path) -> PathBuf {
    beside(data, "-store")
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(ending);
    path.with_file_name(name)
}

/// Whether what was said or done at `at` is of before an erasure at `erased`; what has no time is.
pub fn is_before(erased: i64, at: Option<i64>) -> bool {
    at.is_none_or(|at| at <= erased)
}

impl Ledger {
    /// Reads the ledger at `path`; `None` where there is none.
    ///
    /// # Errors
    /// It does not read, is damaged, or others can read the key in it.
    pub fn read(path: &Path) -> Result<Option<Ledger>, LedgerError> {
        let wrong = |detail: String| LedgerError::Wrong {
            path: path.into(),
            detail,
        };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Ledger::refused("read", path)(source)),
        };
        owned(path).map_err(wrong)?;
        // what has no end was never acknowledged
        let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
        let mut lines = whole.lines();
        let key = lines.next().and_then(|line| line.strip_prefix(HEAD));
        let key = key.and_then(Key::parse).ok_or_else(|| {
            wrong("is no ledger of erasures, or its first line is damaged".into())
        })?;
        let mut ledger = Ledger {
            path: path.into(),
            key,
            entries: Vec::new(),
            last: HashMap::new(),
        };
        for (nth, line) in lines.enumerate() {
            let entry = parse(line).ok_or_else(|| wrong(format!("line {} is damaged", nth + 2)))?;
            ledger.note(entry);
        }
        Ok(Some(ledger))
    }

    /// Makes an empty ledger at `path` that hashes with `key`.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn create(path: &Path, key: &Key) -> Result<Ledger, LedgerError> {
        let head = format!("{HEAD} {}\n", key.secret());
        write_private(path, head).map_err(Ledger::refused("make", path))?;
        Ok(Ledger {
            path: path.into(),
            key: key.clone(),
            entries: Vec::new(),
            last: HashMap::new(),
        })
    }

    fn refused(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LedgerError {
        let path = path.to_path_buf();
        move |source| LedgerError::Io {
            action,
            path,
            source,
        }
    }

    /// Adds erasures; they are on the disk when this returns.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn append(&mut self, erased: Vec<Erased>) -> Result<(), LedgerError> {
        if erased.is_empty() {
            return Ok(());
        }
        let mut lines = String::new();
        for Erased { at, hash, receipt } in &erased {
            lines += &format!("{at} {} {receipt}\n", hex::encode(hash));
        }
        let write = || -> io::Result<()> {
            let mut file = OpenOptions::new()
                .read(true)
                .append(true)
                .open(&self.path)?;
            // an entry that was broken off before would run into this one
            let text = std::fs::read(&self.path)?;
            let end = text
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |end| end + 1);
            if end < text.len() {
                file.set_len(end as u64)?;
            }
            file.write_all(lines.as_bytes())?;
            file.sync_all()
        };
        write().map_err(Ledger::refused("write", &self.path))?;
        erased.into_iter().for_each(|entry| self.note(entry));
        Ok(())
    }

    fn note(&mut self, entry: Erased) {
        let last = self.last.entry(entry.hash).or_insert(entry.at);
        *last = (*last).max(entry.at);
        self.entries.push(entry);
    }

    /// When `id` was erased last, ms; `None` where it never was.
    pub fn erased_at(&self, id: &str) -> Option<i64> {
        if self.last.is_empty() || id.is_empty() {
            return None;
        }
        self.last.get(&self.key.hash(Domain::Identity, id)).copied()
    }

    /// Every erased id, in the order of erasure.
    pub fn entries(&self) -> &[Erased] {
        &self.entries
    }

    pub fn key(&self) -> &Key {
        &self.key
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn parse(line: &str) -> Option<Erased> {
    let mut words = line.split(' ');
    let at = words.next()?.parse().ok()?;
    let mut hash = Hash16::default();
    hex::decode_to_slice(words.next()?, &mut hash).ok()?;
    let receipt = words.next()?.to_owned();
    words
        .next()
        .is_none()
        .then_some(Erased { at, hash, receipt })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(ledger: &Ledger, id: &str, at: i64) -> Erased {
        Erased {
            at,
            hash: ledger.key.hash(Domain::Identity, id),
            receipt: format!("r{at}"),
        }
    }

    #[test]
    fn what_was_appended_is_read_back_and_what_broke_off_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger");
        assert!(Ledger::read(&path).unwrap().is_none());
        let mut ledger = Ledger::create(&path, &Key::new(&[7; 32])).unwrap();
        let (early, late) = (entry(&ledger, "ada", 5), entry(&ledger, "ada", 9));
        ledger.append(vec![late, early]).unwrap();
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"12 ab").unwrap();
        let read = Ledger::read(&path).unwrap().unwrap();
        assert_eq!(read.erased_at("ada"), Some(9));
        assert_eq!((read.erased_at("bob"), read.entries().len()), (None, 2));
        ledger.append(vec![entry(&read, "bob", 10)]).unwrap();
        let read = Ledger::read(&path).unwrap().unwrap();
        assert_eq!((read.erased_at("bob"), read.entries().len()), (Some(10), 3));
    }

    #[test]
    fn a_damaged_ledger_and_one_that_others_can_read_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger");
        Ledger::create(&path, &Key::new(&[7; 32])).unwrap();
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"12 zz receipt\n").unwrap();
        let error = Ledger::read(&path).unwrap_err().to_string();
        assert!(error.ends_with("line 2 is damaged"), "{error}");
        std::fs::write(&path, "customer_id\nada\n").unwrap();
        assert!(Ledger::read(&path).is_err());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let open = std::fs::Permissions::from_mode(0o644);
            std::fs::set_permissions(&path, open).unwrap();
            let error = Ledger::read(&path).unwrap_err().to_string();
            assert!(error.contains("other users can read"), "{error}");
        }
    }

    #[test]
    fn what_has_no_time_is_of_before() {
        assert!(is_before(5, None) && is_before(5, Some(5)) && !is_before(5, Some(6)));
    }
}
