//! What an error of SQLite means for a store.

use std::path::Path;

use rusqlite::ffi;

use crate::store::StoreError;

/// The store's error for `error` of the file at `path`.
pub(super) fn classify(attempt: &str, path: &Path, error: &rusqlite::Error) -> StoreError {
    let Some(code) = error.sqlite_error() else {
        return match error {
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::Utf8Error(..) => StoreError::Damaged {
                path: path.into(),
                detail: format!("{attempt}: a column has the wrong type"),
            },
            _ => StoreError::Io {
                attempt: attempt.into(),
                detail: "the statement could not be run".into(),
            },
        };
    };
    let detail = ffi::code_to_str(code.extended_code).to_string();
    match code.extended_code & 0xff {
        ffi::SQLITE_FULL => StoreError::Full { detail },
        ffi::SQLITE_READONLY | ffi::SQLITE_PERM => StoreError::ReadOnly {
            path: path.into(),
            detail,
        },
        ffi::SQLITE_CANTOPEN if path.exists() || path.parent().is_some_and(Path::exists) => {
            StoreError::ReadOnly {
                path: path.into(),
                detail,
            }
        }
        ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB => StoreError::Damaged {
            path: path.into(),
            detail,
        },
        ffi::SQLITE_IOERR if code.extended_code == ffi::SQLITE_IOERR_WRITE => {
            StoreError::Full { detail }
        }
        _ => StoreError::Io {
            attempt: attempt.into(),
            detail: format!("{detail} ({})", code.extended_code),
        },
    }
}

/// Whether a failed commit leaves it open what is on the disk: then nothing more may be written before a check.
pub(super) fn stops_writing(error: &rusqlite::Error) -> bool {
    match error.sqlite_error() {
        Some(code) => {
            let class = code.extended_code & 0xff;
            matches!(class, ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB)
                || (class == ffi::SQLITE_IOERR && code.extended_code != ffi::SQLITE_IOERR_WRITE)
        }
        None => false,
    }
}
