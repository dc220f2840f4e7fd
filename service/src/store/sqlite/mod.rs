//! The store on SQLite: one file written by one thread with group commit, read by a pool of readers.

mod boxes;
mod catalogue;
mod clock;
mod customers;
mod documents;
mod erase;
mod errors;
mod export;
mod hides;
mod ledger;
mod lock;
mod readers;
mod record;
mod said_since;
mod schema;
mod scrub;
mod served;
mod snapshot;
mod store;
#[cfg(test)]
mod tests;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex};

pub use said_since::SaidSince;
pub use schema::StartCheck;
pub use snapshot::{
    backup, restore, restore_heeding, verify as verify_backup, BackupFile, BackupManifest, Restored,
};

pub use store::{document_in, export_dir, Answer, Prepared};

use super::cache::StateCache;
use super::types::*;
use super::StoreError;
use crate::workers::held::held;
use serendib_shop::keyed::Key;
use serendib_shop::ledger::ledger_of;

use self::clock::Clock;
use self::readers::Readers;
use self::served::ServedLog;

/// A moment in the life of a write, for crash tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Point {
    /// A group is about to be written.
    BeforeWrite,
    /// All rows of the group are written, not committed.
    BeforeCommit,
    /// The group is committed and synced, nobody has been told.
    AfterCommit,
    /// An erasure is in the ledger, not yet in the store.
    ErasureInLedger,
    /// An erasure is in effect, its rows are not yet deleted.
    ErasureInEffect,
    /// Some of the erased rows are deleted.
    PurgingErased,
    /// Files are scrubbed, the receipt does not say so yet.
    Scrubbed,
}

/// Called at every [`Point`] on the writer's thread.
#[derive(Clone)]
pub struct Hook(pub Arc<dyn Fn(Point) + Send + Sync>);

impl std::fmt::Debug for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hook(…)")
    }
}

/// How a [`SqliteStore`] is opened.
#[derive(Debug, Clone)]
pub struct SqliteConfig {
    /// Directory of the files; made if it is not there.
    pub dir: PathBuf,
    /// The ledger of erasures, outside `dir`; made for a store that never had one.
    pub ledger: PathBuf,
    /// Bounds on calls.
    pub limits: Limits,
    /// Bytes for cached customer states; 0 = no cache.
    pub cache_bytes: usize,
    pub readers: usize,
    /// Rows after which a group is committed even if more is waiting.
    pub group_rows: usize,
    /// Served requests that may wait for the log.
    pub served_queue: usize,
    /// How thoroughly files are read at start.
    pub check: StartCheck,
    /// A registered SQLite VFS to use instead of the default; for tests of failing disks.
    pub vfs: Option<String>,
    /// Most pages of 4 KiB the file may have; for tests of full disks.
    pub max_pages: Option<u64>,
    /// Called at every [`Point`]; for crash tests.
    pub hook: Option<Hook>,
    /// Whether a person says that the clock is right, however far ahead it is; otherwise nothing is deleted and nothing expires by
    /// a clock that jumped.
    pub trust_clock: bool,
}

impl SqliteConfig {
    /// Defaults for the store in `dir`.
    pub fn new(dir: impl Into<PathBuf>) -> SqliteConfig {
        let dir = dir.into();
        SqliteConfig {
            ledger: ledger_of(&dir),
            dir,
            limits: Limits::default(),
            cache_bytes: 64 << 20,
            readers: 4,
            group_rows: 16_384,
            served_queue: 8_192,
            check: StartCheck::Auto,
            vfs: None,
            max_pages: None,
            hook: None,
            trust_clock: true,
        }
    }
}

/// What the writer, the readers and the callers share.
#[derive(Debug)]
pub(super) struct Shared {
    dir: PathBuf,
    limits: Limits,
    group_rows: usize,
    key: Key,
    cache: StateCache,
    hook: Option<Hook>,
    served: ServedLog,
    state: Mutex<StoreState>,
    waiting: AtomicUsize,
    commits: AtomicU64,
    rows: AtomicU64,
    commit_micros: AtomicU64,
    unscrubbed: AtomicU64,
    erased_again: AtomicU64,
    clock: Clock,
}

impl Shared {
    fn path(&self, schema: &schema::Schema) -> PathBuf {
        self.dir.join(schema.name)
    }

    fn hook(&self, point: Point) {
        if let Some(hook) = &self.hook {
            (hook.0)(point);
        }
    }

    fn state(&self) -> StoreState {
        held(self.state.lock()).clone()
    }

    fn set_state(&self, state: StoreState) {
        *held(self.state.lock()) = state;
    }

    /// Why nothing is written now, if so.
    fn refusal(&self) -> Option<StoreError> {
        match self.state() {
            StoreState::Ready => None,
            StoreState::Stopped { detail } => Some(StoreError::Stopped { detail }),
            StoreState::Closed => Some(StoreError::Closed),
        }
    }

    /// Lets nothing more be written until the store is reopened.
    fn stop(&self, error: &rusqlite::Error) {
        let detail = error.sqlite_error().map_or_else(
            || "the file did not take a write".to_string(),
            |code| rusqlite::ffi::code_to_str(code.extended_code).to_string(),
        );
        let mut state = held(self.state.lock());
        if matches!(*state, StoreState::Ready) {
            tracing::error!(%detail, "writing is stopped until the store is reopened and checked");
            *state = StoreState::Stopped { detail };
        }
    }
}

/// A store in a directory of SQLite files. One process writes it at a time; others may export and back up meanwhile.
pub struct SqliteStore {
    shared: Arc<Shared>,
    readers: Arc<Readers>,
    served_readers: Arc<Readers>,
    ledger_readers: Arc<Readers>,
    queue: tokio::sync::mpsc::UnboundedSender<writer::Work>,
    config: SqliteConfig,
    /// Held as long as the store is open.
    _lock: Mutex<rusqlite::Connection>,
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore")
            .field("dir", &self.config.dir)
            .finish_non_exhaustive()
    }
}

/// Name of the key file beside the databases.
const KEY_FILE: &str = "erase.key";

/// Name of the file that is locked while the store is open.
const LOCK_FILE: &str = "LOCK";

/// Whether `dir` holds a store.
pub fn has_store(dir: &Path) -> bool {
    dir.join(schema::STORE.name).is_file()
}
