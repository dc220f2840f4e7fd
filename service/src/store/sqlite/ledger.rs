//! The ledger outside the store and the receipts inside: brought to the same state whenever the store is opened.

use std::collections::HashSet;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension};
use serendib_shop::keyed::{Hash16, Key};
use serendib_shop::ledger::{Erased, Ledger, LedgerError};

use crate::store::StoreError;

use super::errors::classify;
use super::schema::LEDGER;

/// What kept the ledger outside from being used.
pub(super) fn refused(error: LedgerError) -> StoreError {
    match error {
        LedgerError::Wrong { path, detail } => StoreError::Key { path, detail },
        LedgerError::Io {
            action,
            path,
            source,
        } => StoreError::Io {
            attempt: format!(
                "trying to {action} the ledger of erasures {}",
                path.display()
            ),
            detail: format!(
                "{source}; name a place that can be written to with store.erasures, or --erasures"
            ),
        },
    }
}

/// Opens the ledger at `path` and brings it and the receipts in `conn` (of the store in `dir`) to the same state.
///
/// # Errors
/// The store had one before and it is gone, or it was written with another key, or the disk refuses.
pub(super) fn join(
    path: &Path,
    dir: &Path,
    conn: &Connection,
    key: &Key,
) -> Result<Ledger, StoreError> {
    let inside = dir.join(LEDGER.name);
    let reading = |error: rusqlite::Error| classify("reading the receipts", &inside, &error);
    let mut ledger = match Ledger::read(path).map_err(refused)? {
        Some(ledger) if ledger.key().fingerprint() == key.fingerprint() => ledger,
        Some(_) => {
            return Err(StoreError::Key {
                path: path.into(),
                detail: "the ledger of erasures was written with another key: it is of another store".into(),
            })
        }
        None if had_one(conn).map_err(reading)? => {
            return Err(StoreError::Key {
                path: path.into(),
                detail: "the ledger of erasures is missing, without which erased customers could come back; put it \
                         back, or say where it is with store.erasures or --erasures"
                    .into(),
            })
        }
        None => Ledger::create(path, key).map_err(refused)?,
    };
    let receipts = receipts(conn).map_err(reading)?;
    let inside: HashSet<&Erased> = receipts.iter().collect();
    let outside: HashSet<&Erased> = ledger.entries().iter().collect();
    take_in(conn, outside.difference(&inside).copied()).map_err(reading)?;
    let missing: Vec<Erased> = inside.difference(&outside).copied().cloned().collect();
    ledger.append(missing).map_err(refused)?;
    conn.execute(
        "INSERT OR REPLACE INTO meta(key, value) VALUES ('ledger', 'outside')",
        [],
    )
    .map_err(reading)?;
    Ok(ledger)
}

/// Whether the store was ever opened with a ledger outside.
fn had_one(conn: &Connection) -> rusqlite::Result<bool> {
    let noted: Option<String> = conn
        .query_row("SELECT value FROM meta WHERE key = 'ledger'", [], |r| {
            r.get(0)
        })
        .optional()?;
    Ok(noted.is_some())
}

fn receipts(conn: &Connection) -> rusqlite::Result<Vec<Erased>> {
    let mut all = conn.prepare(
        "SELECT e.erased_at, i.hash, e.receipt FROM erasure e \
         JOIN erased_identity i ON i.receipt = e.receipt ORDER BY e.erased_at",
    )?;
    let rows = all.query_map([], |r| {
        Ok(Erased {
            at: r.get(0)?,
            hash: r.get::<_, Hash16>(1)?,
            receipt: r.get(2)?,
        })
    })?;
    rows.collect()
}

/// Makes receipts of erasures that only the ledger outside knows: the store is younger, older or another copy.
fn take_in<'a>(
    conn: &Connection,
    erased: impl Iterator<Item = &'a Erased>,
) -> rusqlite::Result<()> {
    let tx = conn.unchecked_transaction()?;
    for Erased { at, hash, receipt } in erased {
        tx.execute(
            "INSERT INTO erasure(receipt, erased_at, identities, touchpoints) VALUES (?1, ?2, 1, 0) \
             ON CONFLICT(receipt) DO UPDATE SET identities = identities + 1",
            (receipt, at),
        )?;
        tx.execute(
            "INSERT OR IGNORE INTO erased_identity(hash, receipt) VALUES (?1, ?2)",
            (&hash[..], receipt),
        )?;
    }
    tx.commit()
}
