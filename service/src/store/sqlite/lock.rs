//! One process writes a store.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use super::errors::classify;
use super::LOCK_FILE;
use crate::store::StoreError;

/// Keeps other processes from writing the store in `dir` for as long as the value lives.
pub(super) fn lock(dir: &Path) -> Result<Connection, StoreError> {
    let path = dir.join(LOCK_FILE);
    let error = |error: rusqlite::Error| classify("locking the store", &path, &error);
    let conn = Connection::open(&path).map_err(error)?;
    conn.busy_timeout(Duration::from_millis(100))
        .map_err(error)?;
    match conn.execute_batch("BEGIN EXCLUSIVE") {
        Ok(()) => Ok(conn),
        Err(e) if e.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => {
            Err(StoreError::InUse { path: dir.into() })
        }
        Err(e) => Err(error(e)),
    }
}
