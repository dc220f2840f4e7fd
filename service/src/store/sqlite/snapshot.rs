//! Backups beside a running server, and putting them back without bringing erased customers back.
//!
//! A backup is a directory: `backup.json` with the length and SHA-256 of every file, `store.db`, `served.db`,
//! `erasures.db` and the key, readable by its owner only. It holds what was stored then, customers erased later
//! included: keep it as you keep the store, and no longer than you must.
//!
//! A restore is prepared in a folder `restore` inside the store's directory, with the ledger that is there now applied
//! and scrubbed, and put in place by renames once it is complete; a restore that was cut short is finished or dropped
//! when the store is opened.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serendib_shop::publish::{sync_dir, write_private, NewDir};
use sha2::{Digest, Sha256};

use crate::store::keyed::read_key;
use crate::store::{Store, StoreError};
use serendib_shop::ledger::ledger_of;

use super::errors::classify;
use super::lock::lock;
use super::said_since::{carry_over, SaidSince};
use super::schema::{Schema, StartCheck, LEDGER, SERVED, STORE};
use super::{has_store, SqliteConfig, SqliteStore, KEY_FILE};

const MANIFEST: &str = "backup.json";
const FORMAT: u32 = 1;
const STAGE: &str = "restore";
const READY: &str = "READY";

/// Length and hash of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupFile {
    pub bytes: u64,
    pub sha256: String,
}

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupManifest {
    /// Version of this format.
    pub format: u32,
    /// When it was made, ms.
    pub created_at: i64,
    /// Schema version of the store.
    pub schema: i64,
    /// Files by name.
    pub files: BTreeMap<String, BackupFile>,
}

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// When the backup was made, ms.
    pub created_at: i64,
    /// Identities that had been erased since and were erased again.
    pub erased_again: u64,
    /// Touchpoints in the restored store.
    pub touchpoints: u64,
    /// What was said since and carried over; `None` where no store was replaced.
    pub said_since: Option<SaidSince>,
}

fn io(attempt: &str, path: &Path) -> impl Fn(std::io::Error) -> StoreError {
    let attempt = format!("{attempt} {}", path.display());
    move |error| StoreError::Io {
        attempt: attempt.clone(),
        detail: error.to_string(),
    }
}

/// Copies one consistent state of `from` into the new file `to`.
fn copy_database(
    from: &Connection,
    to: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), StoreError> {
    let error = |error: rusqlite::Error| classify("backing up", to, &error);
    // An open read holds the state still while pages are copied; writers go on.
    from.execute_batch("BEGIN").map_err(error)?;
    let _: i64 = from
        .query_row("SELECT count(*) FROM meta", [], |r| r.get(0))
        .map_err(error)?;
    let mut target = Connection::open(to).map_err(error)?;
    {
        let backup = Backup::new(from, &mut target).map_err(error)?;
        loop {
            let step = backup.step(4_096).map_err(error)?;
            let at = backup.progress();
            progress(
                (at.pagecount - at.remaining).max(0) as u64,
                at.pagecount.max(0) as u64,
            );
            match step {
                StepResult::Done => break,
                StepResult::More => {}
                _ => std::thread::sleep(std::time::Duration::from_millis(20)),
            }
        }
    }
    from.execute_batch("COMMIT").map_err(error)?;
    // One file without a log beside it.
    target
        .pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))
        .map_err(error)?;
    target.close().map_err(|(_, e)| error(e))?;
    private(to)?;
    std::fs::File::open(to)
        .and_then(|file| file.sync_all())
        .map_err(io("syncing", to))
}

/// Lets only the owner read `path`.
fn private(path: &Path) -> Result<(), StoreError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
            .map_err(io("protecting", path))?;
    }
    Ok(())
}

fn digest(path: &Path) -> Result<BackupFile, StoreError> {
    let mut file = std::fs::File::open(path).map_err(io("reading", path))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer).map_err(io("reading", path))?;
        if read == 0 {
            break;
        }
        bytes += read as u64;
        hash.update(&buffer[..read]);
    }
    Ok(BackupFile {
        bytes,
        sha256: hex::encode(hash.finalize()),
    })
}

/// Writes a backup of the store in `dir` to the new directory `out`, also while a server writes the store.
///
/// `progress` is told pages copied and pages in all of the file being copied.
///
/// # Errors
/// `out` exists; no store in `dir`; reading or writing fails. Then nothing is left at `out`.
pub fn backup(
    dir: &Path,
    out: &Path,
    now: i64,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<BackupManifest, StoreError> {
    if !has_store(dir) {
        return Err(StoreError::NotFound { what: "store" });
    }
    if out.symlink_metadata().is_ok() {
        return Err(StoreError::Io {
            attempt: format!("backing up to {}", out.display()),
            detail: "it exists already".into(),
        });
    }
    let new = NewDir::create(out).map_err(io("making", out))?;
    let manifest = fill(dir, new.dir(), now, progress)?;
    new.publish().map_err(io("naming", out))?;
    Ok(manifest)
}

fn fill(
    dir: &Path,
    out: &Path,
    now: i64,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<BackupManifest, StoreError> {
    // The ledger last: what it has and the store lacks is applied at restore, never the other way round.
    for schema in [&STORE, &SERVED, &LEDGER] {
        copy_database(
            &schema.open_reader(dir, None)?,
            &out.join(schema.name),
            progress,
        )?;
    }
    let key = dir.join(KEY_FILE);
    let text = std::fs::read(&key).map_err(io("reading", &key))?;
    write_private(&out.join(KEY_FILE), &text).map_err(io("writing", &out.join(KEY_FILE)))?;
    let mut files = BTreeMap::new();
    for name in [STORE.name, SERVED.name, LEDGER.name, KEY_FILE] {
        files.insert(name.to_string(), digest(&out.join(name))?);
    }
    let manifest = BackupManifest {
        format: FORMAT,
        created_at: now,
        schema: STORE.version(),
        files,
    };
    let text = serde_json::to_string_pretty(&manifest).unwrap_or_default();
    write_private(&out.join(MANIFEST), text.as_bytes())
        .map_err(io("writing", &out.join(MANIFEST)))?;
    Ok(manifest)
}

/// Reads a backup's manifest and checks every file against it.
pub fn verify(backup: &Path) -> Result<BackupManifest, StoreError> {
    let path = backup.join(MANIFEST);
    let text = std::fs::read(&path).map_err(io("reading", &path))?;
    let damaged = |path: PathBuf, detail: String| StoreError::Io {
        attempt: format!("verifying {}", path.display()),
        detail,
    };
    let manifest: BackupManifest = serde_json::from_slice(&text)
        .map_err(|error| damaged(path.clone(), format!("not a backup's manifest: {error}")))?;
    if manifest.format > FORMAT || manifest.schema > STORE.version() {
        return Err(StoreError::Newer {
            path,
            found: manifest.schema,
            known: STORE.version(),
        });
    }
    for name in [STORE.name, SERVED.name, LEDGER.name, KEY_FILE] {
        let file = backup.join(name);
        let Some(expected) = manifest.files.get(name) else {
            return Err(damaged(file, "the manifest does not list it".into()));
        };
        if digest(&file)? != *expected {
            return Err(damaged(
                file,
                "its SHA-256 is not the manifest's; take another backup".into(),
            ));
        }
    }
    Ok(manifest)
}

/// Puts `backup` in place of the store in `dir` (`replace` = even if there is one), with the consents and hides that the store there
/// heard since, then erases again and scrubs whoever was erased since. Everything else is as of the backup.
///
/// # Errors
/// A damaged or newer backup, a store in use or in the way, a ledger that was written with another key. The store that
/// was there is then untouched.
pub async fn restore(
    backup: &Path,
    dir: &Path,
    replace: bool,
    now: i64,
) -> Result<Restored, StoreError> {
    restore_heeding(backup, dir, &ledger_of(dir), replace, now).await
}

/// As [`restore`], with the ledger of erasures at `ledger`.
///
/// # Errors
/// As [`restore`].
pub async fn restore_heeding(
    backup: &Path,
    dir: &Path,
    ledger: &Path,
    replace: bool,
    now: i64,
) -> Result<Restored, StoreError> {
    let manifest = verify(backup)?;
    std::fs::create_dir_all(dir).map_err(io("making", dir))?;
    let held = lock(dir)?;
    if has_store(dir) && !replace {
        return Err(StoreError::Io {
            attempt: format!("restoring to {}", dir.display()),
            detail: "there is a store already; say that it may be replaced".into(),
        });
    }
    let stage = dir.join(STAGE);
    clear(&stage)?;
    let prepared = prepare(&manifest, backup, dir, ledger, &stage, now).await;
    let restored = match prepared {
        Ok(restored) => restored,
        Err(error) => {
            clear(&stage)?;
            return Err(error);
        }
    };
    write_private(&stage.join(READY), b"").map_err(io("writing", &stage.join(READY)))?;
    finish(dir)?;
    drop(held);
    Ok(restored)
}

fn clear(stage: &Path) -> Result<(), StoreError> {
    match std::fs::remove_dir_all(stage) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(io("removing", stage)(error))
        }
        _ => Ok(()),
    }
}

async fn prepare(
    manifest: &BackupManifest,
    backup: &Path,
    dir: &Path,
    ledger: &Path,
    stage: &Path,
    now: i64,
) -> Result<Restored, StoreError> {
    std::fs::create_dir_all(stage).map_err(io("making", stage))?;
    for name in [STORE.name, SERVED.name, LEDGER.name, KEY_FILE] {
        let to = stage.join(name);
        std::fs::copy(backup.join(name), &to).map_err(io("writing", &to))?;
        private(&to)?;
    }
    let live_key = read_key(&dir.join(KEY_FILE))?;
    let their_key = read_key(&stage.join(KEY_FILE))?;
    if dir.join(LEDGER.name).is_file() {
        if let (Some(ours), Some(theirs)) = (&live_key, &their_key) {
            if ours.fingerprint() != theirs.fingerprint() {
                return Err(StoreError::Key {
                    path: dir.join(KEY_FILE),
                    detail: "the backup was made with another key, so the erase ledger that is here could not be \
                             applied to it; restore to another directory"
                        .into(),
                });
            }
        }
        merge_ledger(dir, stage)?;
    }
    if !has_store(dir) && !ledger.is_file() {
        // whoever lost everything has nothing else to go by
        forget_ledger(stage)?;
    }
    let mut config = SqliteConfig::new(stage);
    config.ledger = ledger.to_path_buf();
    config.check = StartCheck::Full;
    config.trust_clock = false;
    let store = SqliteStore::open_at(config, now)?;
    let erased_again = store.erased_again();
    let said_since = match has_store(dir).then(|| STORE.open_reader(dir, None)) {
        None => None,
        Some(Ok(replaced)) => Some(carry_over(&store, replaced, now).await?),
        Some(Err(error)) => {
            tracing::warn!(%error, "the store that is replaced cannot be read");
            Some(SaidSince::default())
        }
    };
    if store.health().unscrubbed > 0 {
        store.scrub(now).await?;
    }
    let touchpoints = store.counts().await?.touchpoints;
    store.close().await?;
    drop(store);
    remove_if_there(&stage.join(super::LOCK_FILE))?;
    Ok(Restored {
        created_at: manifest.created_at,
        erased_again,
        touchpoints,
        said_since,
    })
}

/// Lets the store in `stage` begin a ledger anew.
fn forget_ledger(stage: &Path) -> Result<(), StoreError> {
    let path = stage.join(LEDGER.name);
    let conn = LEDGER.open(stage, None)?;
    conn.execute("DELETE FROM meta WHERE key = 'ledger'", [])
        .map_err(|error| classify("reading the receipts", &path, &error))?;
    Ok(())
}

/// Adds what the ledger in `dir` knows to the one in `stage`.
fn merge_ledger(dir: &Path, stage: &Path) -> Result<(), StoreError> {
    let path = dir.join(LEDGER.name);
    let live = LEDGER.open_reader(dir, None)?;
    let target = LEDGER.open(stage, None)?;
    let error = |error: rusqlite::Error| classify("reading the erase ledger", &path, &error);
    (|| {
        let tx = target.unchecked_transaction()?;
        let copy = |read: &str, write: &str, columns: usize| -> rusqlite::Result<()> {
            let mut from = live.prepare(read)?;
            let mut to = tx.prepare(write)?;
            let mut rows = from.query([])?;
            while let Some(row) = rows.next()? {
                let values = (0..columns)
                    .map(|i| row.get::<_, rusqlite::types::Value>(i))
                    .collect::<Result<Vec<_>, _>>()?;
                to.execute(rusqlite::params_from_iter(values))?;
            }
            Ok(())
        };
        copy(
            "SELECT receipt, erased_at, scrubbed_at, identities, touchpoints FROM erasure",
            "INSERT OR REPLACE INTO erasure(receipt, erased_at, scrubbed_at, identities, touchpoints) \
             VALUES (?1, ?2, ?3, ?4, ?5)",
            5,
        )?;
        copy(
            "SELECT hash, receipt FROM erased_identity",
            "INSERT OR IGNORE INTO erased_identity(hash, receipt) VALUES (?1, ?2)",
            2,
        )?;
        copy(
            "SELECT hash FROM erased_touchpoint",
            "INSERT OR IGNORE INTO erased_touchpoint(hash) VALUES (?1)",
            1,
        )?;
        tx.commit()
    })()
    .map_err(error)?;
    target.close().map_err(|(_, e)| error(e))
}

fn remove_if_there(path: &Path) -> Result<(), StoreError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(io("removing", path)(error))
        }
        _ => Ok(()),
    }
}

/// Finishes a restore that is complete in its folder, drops one that is not. Call with the lock held.
pub(super) fn finish(dir: &Path) -> Result<(), StoreError> {
    let stage = dir.join(STAGE);
    if !stage.is_dir() {
        return Ok(());
    }
    if stage.join(READY).is_file() {
        for schema in [&STORE, &SERVED, &LEDGER] {
            put_in_place(dir, &stage, schema)?;
        }
        let key = stage.join(KEY_FILE);
        if key.is_file() {
            std::fs::rename(&key, dir.join(KEY_FILE)).map_err(io("naming", &key))?;
        }
        sync_dir(dir).map_err(io("syncing", dir))?;
    }
    clear(&stage)?;
    sync_dir(dir).map_err(io("syncing", dir))
}

fn put_in_place(dir: &Path, stage: &Path, schema: &Schema) -> Result<(), StoreError> {
    let new = stage.join(schema.name);
    if !new.is_file() {
        return Ok(()); // renamed before a crash
    }
    for suffix in ["-wal", "-shm"] {
        remove_if_there(&dir.join(format!("{}{suffix}", schema.name)))?;
    }
    std::fs::rename(&new, dir.join(schema.name)).map_err(io("naming", &new))
}
