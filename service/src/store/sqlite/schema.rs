//! Tables, their versions, and the checks made before a file is trusted.
//!
//! `store.db`
//!
//! | table | row | notes |
//! |---|---|---|
//! | `identity` | one id of a customer | `id` is NULL once erased; `parent` is the identity it is linked to; `profile` is JSON, NULL if never declared; `stamps` says when each of its fields was stated; `version` is the commit that last changed it; `arm` is the arm of the holdout and `arm_at` when it was decided; number 0 is "nobody" (anonymous baskets) |
//! | `touchpoint` | one touchpoint | `at` in ms, -2^63 for none; `tid` is the keyed hash of `touchpoint_id`; `body` is the canonical JSON as sent, without the customer; indexed by its kind too |
//! | `delight` | what was said of a surprise | `did` is the keyed hash of the row |
//! | `product` | one product | `stock` NULL = not tracked; `said` and `stock_said` say when row and count were stated (JSON), `stock_noted` when the count was taken over |
//! | `unlinked` | a link that a call took away | `hash` is the keyed hash of both ids; a file of before does not link them again |
//! | `stock_move` | units that left the stock | so that a count of an earlier time can be brought up to date |
//! | `reservation`, `reservation_line` | units set aside | `state` 0 held, 1 released, 2 taken, 3 expired |
//! | `pack`, `box` | packs and their boxes | `rid` is the reservation that holds all units of a pack's boxes that have not left; `state` 0 packed, 1 shipped, 2 delivered, 3 cancelled; `body` is JSON |
//! | `document` | small documents of other parts of the service | |
//! | `audit` | what was done to whom | `subject` is a keyed hash |
//! | `erasing` | identities whose rows are still to be deleted | |
//! | `applied` | receipts of the erase ledger that this file has seen | |
//! | `meta` | `change` (last commit), `catalogue` (catalogue version), `key` (fingerprint), `seen` (when it was last swept); while the clock is doubted `doubted_since` (the last time that was believed) and `doubted_beyond` (how far ahead of it the clock may be) | |
//!
//! `erasures.db` is the erase ledger: receipts and keyed hashes only. It is a file of its own so that restoring an older
//! `store.db` cannot lose it. `served.db` is the serve log: `body` holds the lists, `asked` what they were answered for (both
//! JSON; NULL = nothing), `surprise` says whether a list of surprises is among them.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::store::StoreError;

use super::errors::classify;

/// Marks our files ("SrdB").
const APPLICATION_ID: i64 = 0x5372_6442;

/// How long a statement waits for another process or thread to let go of the file.
pub(super) const BUSY: Duration = Duration::from_secs(10);

/// One kind of file: its migrations, the first from nothing to version 1.
pub(super) struct Schema {
    pub name: &'static str,
    pub migrations: &'static [&'static str],
    pub synchronous: &'static str,
}

pub(super) const STORE: Schema = Schema {
    name: "store.db",
    synchronous: "FULL",
    migrations: &[
        "
CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
INSERT INTO meta VALUES ('change', 0), ('catalogue', 0);
CREATE TABLE identity(
    ident INTEGER PRIMARY KEY,
    id TEXT UNIQUE,
    parent INTEGER,
    linked_at INTEGER,
    profile TEXT,
    stamps TEXT,
    version INTEGER NOT NULL DEFAULT 0,
    touchpoints INTEGER NOT NULL DEFAULT 0
);
INSERT INTO identity(ident, id) VALUES (0, '');
CREATE INDEX identity_parent ON identity(parent) WHERE parent IS NOT NULL;
CREATE TABLE touchpoint(
    seq INTEGER PRIMARY KEY,
    ident INTEGER NOT NULL,
    at INTEGER NOT NULL,
    tid BLOB NOT NULL,
    body TEXT NOT NULL
);
CREATE UNIQUE INDEX touchpoint_tid ON touchpoint(tid);
CREATE INDEX touchpoint_ident ON touchpoint(ident, at);
CREATE TABLE delight(
    seq INTEGER PRIMARY KEY,
    ident INTEGER NOT NULL,
    at INTEGER NOT NULL,
    did BLOB NOT NULL,
    body TEXT NOT NULL
);
CREATE UNIQUE INDEX delight_did ON delight(did);
CREATE INDEX delight_ident ON delight(ident, at);
CREATE TABLE product(
    pid INTEGER PRIMARY KEY,
    id TEXT UNIQUE NOT NULL,
    stock INTEGER,
    removed INTEGER NOT NULL DEFAULT 0,
    seen_only INTEGER NOT NULL DEFAULT 0,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    said TEXT,
    stock_said TEXT,
    stock_noted INTEGER
);
CREATE TABLE stock_move(
    pid INTEGER NOT NULL,
    at INTEGER NOT NULL,
    quantity INTEGER NOT NULL
);
CREATE INDEX stock_move_product ON stock_move(pid, at);
CREATE TABLE unlinked(hash BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE reservation(
    rid INTEGER PRIMARY KEY,
    id TEXT UNIQUE NOT NULL,
    expires_at INTEGER NOT NULL,
    state INTEGER NOT NULL
);
CREATE INDEX reservation_held ON reservation(expires_at) WHERE state = 0;
CREATE TABLE reservation_line(
    rid INTEGER NOT NULL,
    pid INTEGER NOT NULL,
    quantity INTEGER NOT NULL,
    PRIMARY KEY(rid, pid)
) WITHOUT ROWID;
CREATE INDEX reservation_line_product ON reservation_line(pid);
CREATE TABLE document(
    area TEXT NOT NULL,
    key TEXT NOT NULL,
    ident INTEGER,
    version INTEGER NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY(area, key)
) WITHOUT ROWID;
CREATE INDEX document_ident ON document(ident) WHERE ident IS NOT NULL;
CREATE TABLE audit(
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    action TEXT NOT NULL,
    subject BLOB NOT NULL,
    caller TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX audit_subject ON audit(subject);
CREATE TABLE erasing(ident INTEGER PRIMARY KEY, receipt TEXT NOT NULL);
CREATE TABLE applied(receipt TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE pack(
    pack INTEGER PRIMARY KEY,
    id TEXT UNIQUE NOT NULL,
    rid INTEGER NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE TABLE box(
    box INTEGER PRIMARY KEY,
    id TEXT UNIQUE NOT NULL,
    pack INTEGER NOT NULL,
    ident INTEGER NOT NULL,
    state INTEGER NOT NULL,
    locked INTEGER NOT NULL,
    ship_at INTEGER,
    version INTEGER NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX box_pack ON box(pack);
CREATE INDEX box_ident ON box(ident);
CREATE INDEX box_open ON box(state) WHERE state < 2;
-- so that a read finds the few complaints and purchases among a million views without passing the views
CREATE INDEX touchpoint_kind ON touchpoint(ident, json_extract(body, '$.kind'), at);
",
        "ALTER TABLE identity ADD COLUMN arm TEXT; ALTER TABLE identity ADD COLUMN arm_at INTEGER",
    ],
};

pub(super) const LEDGER: Schema = Schema {
    name: "erasures.db",
    synchronous: "FULL",
    migrations: &["
CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE erasure(
    receipt TEXT PRIMARY KEY,
    erased_at INTEGER NOT NULL,
    scrubbed_at INTEGER,
    identities INTEGER NOT NULL,
    touchpoints INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE erased_identity(
    hash BLOB NOT NULL,
    receipt TEXT NOT NULL,
    PRIMARY KEY(hash, receipt)
) WITHOUT ROWID;
CREATE TABLE erased_touchpoint(hash BLOB PRIMARY KEY) WITHOUT ROWID;
"],
};

pub(super) const SERVED: Schema = Schema {
    name: "served.db",
    synchronous: "NORMAL",
    migrations: &[
        "
CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE served(
    seq INTEGER PRIMARY KEY,
    request_id TEXT UNIQUE NOT NULL,
    customer_id TEXT,
    at INTEGER NOT NULL,
    model TEXT NOT NULL,
    placement TEXT,
    reported INTEGER NOT NULL DEFAULT 0,
    body TEXT NOT NULL,
    asked TEXT,
    surprise INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX served_customer ON served(customer_id, at) WHERE customer_id IS NOT NULL;
CREATE INDEX served_at ON served(at);
-- what a customer was surprised with is found however much else they were served, and outlives what nobody reported
CREATE INDEX served_surprise ON served(customer_id, at) WHERE surprise = 1 AND customer_id IS NOT NULL;
",
        "ALTER TABLE served ADD COLUMN arm TEXT",
    ],
};

impl Schema {
    /// The newest version this program knows.
    pub(super) fn version(&self) -> i64 {
        self.migrations.len() as i64
    }

    /// Opens `dir/name` for writing, makes or migrates its tables, and sets how it is synced.
    pub(super) fn open(&self, dir: &Path, vfs: Option<&str>) -> Result<Connection, StoreError> {
        let path = dir.join(self.name);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = connect(&path, flags, vfs)?;
        self.prepare(&conn).map_err(|error| error.at(&path))?;
        Ok(conn)
    }

    /// Opens `dir/name` for reading beside a process that writes.
    pub(super) fn open_reader(
        &self,
        dir: &Path,
        vfs: Option<&str>,
    ) -> Result<Connection, StoreError> {
        let path = dir.join(self.name);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = connect(&path, flags, vfs)?;
        (|| {
            conn.pragma_update(None, "query_only", true)?;
            conn.pragma_update(None, "cache_size", -16_384)?;
            self.recognise(&conn)
        })()
        .map_err(|error: OpenError| error.at(&path))?;
        Ok(conn)
    }

    /// The version of the file: 0 for an empty one. Anything that is not ours is refused.
    fn recognise(&self, conn: &Connection) -> Result<i64, OpenError> {
        let application: i64 = conn.pragma_query_value(None, "application_id", |r| r.get(0))?;
        let version: i64 = conn.pragma_query_value(None, "user_version", |r| r.get(0))?;
        let objects: i64 =
            conn.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0))?;
        if application == 0 && version == 0 && objects == 0 {
            return Ok(0);
        }
        if application != APPLICATION_ID {
            return Err(OpenError::Strange);
        }
        if version > self.version() {
            return Err(OpenError::Newer {
                found: version,
                known: self.version(),
            });
        }
        Ok(version)
    }

    fn prepare(&self, conn: &Connection) -> Result<(), OpenError> {
        let version = self.recognise(conn)?;
        let mode: String =
            conn.pragma_update_and_check(None, "journal_mode", "WAL", |r| r.get(0))?;
        if !mode.eq_ignore_ascii_case("wal") {
            return Err(OpenError::NoWal(mode));
        }
        conn.pragma_update(None, "synchronous", self.synchronous)?;
        conn.pragma_update(None, "secure_delete", true)?;
        conn.pragma_update(None, "cache_size", -65_536)?;
        conn.pragma_update(None, "wal_autocheckpoint", 8_192)?;
        for (step, sql) in self.migrations.iter().enumerate().skip(version as usize) {
            conn.execute_batch("BEGIN IMMEDIATE")?;
            conn.execute_batch(sql)?;
            conn.pragma_update(None, "application_id", APPLICATION_ID)?;
            conn.pragma_update(None, "user_version", step as i64 + 1)?;
            conn.execute_batch("COMMIT")?;
        }
        Ok(())
    }
}

fn connect(path: &Path, flags: OpenFlags, vfs: Option<&str>) -> Result<Connection, StoreError> {
    let conn = match vfs {
        Some(vfs) => Connection::open_with_flags_and_vfs(path, flags, vfs),
        None => Connection::open_with_flags(path, flags),
    }
    .map_err(|error| classify("opening the store", path, &error))?;
    conn.busy_timeout(BUSY)
        .map_err(|error| classify("opening the store", path, &error))?;
    conn.set_prepared_statement_cache_capacity(128);
    // else a statement is prepared anew whenever the range that is bound to it is another
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map_err(|error| classify("opening the store", path, &error))?;
    Ok(conn)
}

enum OpenError {
    Sqlite(rusqlite::Error),
    Strange,
    Newer { found: i64, known: i64 },
    NoWal(String),
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        OpenError::Sqlite(error)
    }
}

impl OpenError {
    fn at(self, path: &Path) -> StoreError {
        match self {
            OpenError::Sqlite(error) => classify("opening the store", path, &error),
            OpenError::Strange => StoreError::Damaged {
                path: path.into(),
                detail: "it is a database of another program".into(),
            },
            OpenError::Newer { found, known } => StoreError::Newer {
                path: path.into(),
                found,
                known,
            },
            OpenError::NoWal(mode) => StoreError::Io {
                attempt: format!("switching {} to a write-ahead log", path.display()),
                detail: format!("the file system allows only journal mode {mode:?}"),
            },
        }
    }
}

/// How thoroughly a file is read before it is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartCheck {
    /// Every page up to 1 GiB of file; above that as [`StartCheck::Quick`].
    Auto,
    /// Every page and every index entry, whatever it takes.
    Full,
    /// Header, schema and length only.
    Quick,
}

/// Largest file that is read whole before it is trusted, unless a full check is asked for.
const READ_AT_START: u64 = 1 << 30;

/// Reads the file for damage.
pub(super) fn check(conn: &Connection, path: &Path, how: StartCheck) -> Result<(), StoreError> {
    let damaged = |detail: String| StoreError::Damaged {
        path: path.into(),
        detail,
    };
    let error = |error: rusqlite::Error| classify("checking the store", path, &error);
    // Folding the log into the file makes the file's length comparable with its header.
    let _: i64 = conn
        .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |r| r.get(0))
        .map_err(error)?;
    let number = |pragma: &str| conn.pragma_query_value(None, pragma, |r| r.get::<_, i64>(0));
    let pages = number("page_count").map_err(error)?;
    let size = number("page_size").map_err(error)?;
    let length = std::fs::metadata(path).map_or(0, |m| m.len() as i64);
    let log = std::fs::metadata(path.with_extension("db-wal")).map_or(0, |m| m.len());
    if log == 0 && length < pages * size {
        return Err(damaged(format!(
            "it has {length} bytes, its header says {}",
            pages * size
        )));
    }
    let pragma = match how {
        StartCheck::Full => "PRAGMA integrity_check(1)",
        StartCheck::Auto if length as u64 <= READ_AT_START => "PRAGMA quick_check(1)",
        _ => return Ok(()),
    };
    let verdict: String = conn.query_row(pragma, [], |r| r.get(0)).map_err(error)?;
    if verdict != "ok" {
        // The verdict names pages and tables, never contents.
        return Err(damaged(
            verdict.lines().take(3).collect::<Vec<_>>().join(" "),
        ));
    }
    Ok(())
}

/// Has the system hold the file that [`check`] is about to read: the check visits its pages tree by tree, and a disk that
/// is asked for them one at a time takes many times as long as for the file from end to end.
///
/// Only while this process has no connection to the file: closing a file gives up every lock that the process has on it.
/// What cannot be read the check will name.
pub(super) fn read_ahead(path: &Path, how: StartCheck) {
    let Ok(mut file) = std::fs::File::open(path) else {
        return;
    };
    let length = file.metadata().map_or(0, |m| m.len());
    if how == StartCheck::Quick || length > READ_AT_START {
        return;
    }
    let mut buffer = vec![0; 1 << 20];
    while file.read(&mut buffer).is_ok_and(|read| read > 0) {}
}
