//! Erasing a customer: first out of sight, then out of the tables, then out of the files.
//!
//! 1. The ledger outside the store gets the keyed hashes of the identities, then the receipts inside do (both synced). From
//!    here on the erasure will happen, even if the process dies now, an older store is put back or a new one is made:
//!    opening applies what the ledger has and the store lacks.
//! 2. The serve log drops their requests; the identities lose their ids, profiles and links in one commit. Nothing finds
//!    them any more.
//! 3. The scrub moves the hashes of their touchpoint ids to the ledger and deletes the rows, a chunk at a time between
//!    other writes, and then clears the files of old bytes: see [`super::scrub`].

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use rusqlite::{Connection, OptionalExtension};

use serendib_shop::keyed::{Domain, Hash16};
use serendib_shop::ledger::Erased;

use crate::store::types::*;
use crate::store::StoreError;

use super::customers::{member, person, Member};
use super::errors::classify;
use super::schema::{LEDGER, SERVED, STORE};
use super::writer::{Fault, Tx, Writer};
use super::{boxes, ledger, served, Point};

/// Who did it, in the audit log, where it was somebody who is erased now.
const THEMSELVES: &str = "the customer";

/// Rows deleted per commit.
const CHUNK: i64 = 4_096;

fn read_receipt(row: &rusqlite::Row<'_>) -> rusqlite::Result<Erasure> {
    let scrubbed_at: Option<i64> = row.get(2)?;
    Ok(Erasure {
        receipt_id: row.get(0)?,
        erased_at: row.get(1)?,
        state: if scrubbed_at.is_some() {
            ErasureState::Scrubbed
        } else {
            ErasureState::Erased
        },
        scrubbed_at,
        identities: row.get::<_, i64>(3)? as u64,
        touchpoints: row.get::<_, i64>(4)? as u64,
    })
}

const RECEIPT: &str =
    "SELECT e.receipt, e.erased_at, e.scrubbed_at, e.identities, e.touchpoints FROM erasure e";

/// The receipt called `id`.
pub(super) fn receipt(ledger: &Connection, id: &str) -> Result<Option<Erasure>, Fault> {
    Ok(ledger
        .prepare_cached(&format!("{RECEIPT} WHERE e.receipt = ?1"))?
        .query_row([id], read_receipt)
        .optional()?)
}

/// The newest receipt of an erasure that took identity hash `hash` with it.
fn receipt_of(ledger: &Connection, hash: &Hash16) -> rusqlite::Result<Option<Erasure>> {
    ledger
        .prepare_cached(&format!(
            "{RECEIPT} JOIN erased_identity i ON i.receipt = e.receipt WHERE i.hash = ?1 \
             ORDER BY e.erased_at DESC LIMIT 1"
        ))?
        .query_row([&hash[..]], read_receipt)
        .optional()
}

/// Hash of every erased identity with the time of its last erasure.
pub(super) fn erased_hashes(ledger: &Connection) -> rusqlite::Result<HashMap<Hash16, i64>> {
    let mut all = ledger.prepare(
        "SELECT i.hash, max(e.erased_at) FROM erased_identity i \
         JOIN erasure e ON e.receipt = i.receipt GROUP BY i.hash",
    )?;
    let rows = all.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?;
    rows.collect()
}

impl Writer {
    pub(super) fn ledger_error(&self, error: &rusqlite::Error) -> StoreError {
        self.stop_if_needed(error);
        classify(
            "writing the erase ledger",
            &self.shared.path(&LEDGER),
            error,
        )
    }

    /// Erases the person behind `id`, effective at once.
    pub(super) fn erase(&mut self, id: &str, by: &str, now: i64) -> Result<Erasure, StoreError> {
        if let Some(error) = self.shared.refusal() {
            return Err(error);
        }
        let path = self.shared.path(&STORE);
        let members = person(&self.conn, id)
            .map_err(|error| classify("reading the customer", &path, &error))?;
        let Some(members) = members else {
            let hash = self.shared.key.hash(Domain::Identity, id);
            return receipt_of(&self.ledger, &hash)
                .map_err(|error| self.ledger_error(&error))?
                .ok_or(StoreError::NotFound { what: "customer" });
        };
        let erasure = Erasure {
            receipt_id: crate::store::check::new_id("erasure"),
            state: ErasureState::Erased,
            erased_at: now,
            scrubbed_at: None,
            identities: members.len() as u64,
            touchpoints: members.iter().map(|m| m.touchpoints as u64).sum(),
        };
        self.enter_outside(&erasure, &members)?;
        self.enter(&erasure, &members)
            .map_err(|error| self.ledger_error(&error))?;
        self.shared.hook(Point::ErasureInLedger);
        let ids: Vec<String> = members.iter().map(|m| m.id.clone()).collect();
        self.erase_served(ids.clone())?;
        let receipt = erasure.receipt_id.clone();
        let by = if ids.iter().any(|id| id == by) {
            THEMSELVES
        } else {
            by
        };
        self.alone(|tx| {
            hide(tx, &members, &receipt)?;
            tx.audit(now, AuditAction::Erase, id, by, "")?;
            Ok(())
        })?;
        for id in &ids {
            self.forget(id, now);
        }
        self.shared.unscrubbed.fetch_add(1, Ordering::SeqCst);
        self.shared.hook(Point::ErasureInEffect);
        Ok(erasure)
    }

    /// Enters the erasure in the ledger outside, which is read even where this store is lost.
    fn enter_outside(&mut self, erasure: &Erasure, members: &[Member]) -> Result<(), StoreError> {
        let entry = |member: &Member| Erased {
            at: erasure.erased_at,
            hash: self.shared.key.hash(Domain::Identity, &member.id),
            receipt: erasure.receipt_id.clone(),
        };
        let entries = members.iter().map(entry).collect();
        self.outside.append(entries).map_err(ledger::refused)
    }

    fn enter(&self, erasure: &Erasure, members: &[Member]) -> rusqlite::Result<()> {
        let tx = self.ledger.unchecked_transaction()?;
        tx.execute(
            "INSERT INTO erasure(receipt, erased_at, identities, touchpoints) VALUES (?1, ?2, ?3, ?4)",
            (
                &erasure.receipt_id,
                erasure.erased_at,
                erasure.identities as i64,
                erasure.touchpoints as i64,
            ),
        )?;
        for member in members {
            let hash = self.shared.key.hash(Domain::Identity, &member.id);
            tx.execute(
                "INSERT INTO erased_identity(hash, receipt) VALUES (?1, ?2)",
                (&hash[..], &erasure.receipt_id),
            )?;
        }
        tx.commit()
    }

    fn erase_served(&self, ids: Vec<String>) -> Result<(), StoreError> {
        let path = self.shared.path(&SERVED);
        self.shared
            .served
            .run_here(move |conn| served::erase(conn, &ids))?
            .map_err(|error| classify("erasing from the serve log", &path, &error))
    }

    /// Applies the ledger's receipts that this store has not seen: it crashed in between, or is an older copy. Returns
    /// how many identities were erased again.
    pub(super) fn reapply(&mut self, now: i64) -> Result<usize, StoreError> {
        let pending = self.pending().map_err(|error| self.ledger_error(&error))?;
        if pending.is_empty() {
            return Ok(0);
        }
        let path = self.shared.path(&STORE);
        let reading = |error: rusqlite::Error| classify("applying the erase ledger", &path, &error);
        let mut by_hash: HashMap<Hash16, (&str, i64)> = HashMap::new();
        for (receipt, erased_at, hash) in &pending {
            let newest = by_hash.entry(*hash).or_insert((receipt, *erased_at));
            if *erased_at > newest.1 {
                *newest = (receipt, *erased_at);
            }
        }
        let mut found: Vec<(Member, String)> = Vec::new();
        {
            let mut ids = self
                .conn
                .prepare("SELECT id FROM identity WHERE id IS NOT NULL AND ident > 0")
                .map_err(reading)?;
            let mut rows = ids.query([]).map_err(reading)?;
            while let Some(row) = rows.next().map_err(reading)? {
                let id: String = row.get(0).map_err(reading)?;
                let hash = self.shared.key.hash(Domain::Identity, &id);
                if let Some((receipt, _)) = by_hash.get(&hash) {
                    if let Some(member) = member(&self.conn, &id).map_err(reading)? {
                        found.push((member, receipt.to_string()));
                    }
                }
            }
        }
        // Found or not, the serve log may hold them, and their rows are in files again.
        let receipts: std::collections::BTreeSet<&str> = pending
            .iter()
            .map(|(receipt, ..)| receipt.as_str())
            .collect();
        for receipt in &receipts {
            self.ledger
                .execute(
                    "UPDATE erasure SET scrubbed_at = NULL WHERE receipt = ?1",
                    [receipt],
                )
                .map_err(|error| self.ledger_error(&error))?;
        }
        self.erase_served_by_hash()?;
        let count = found.len();
        self.alone(|tx| {
            for (member, receipt) in &found {
                hide(tx, std::slice::from_ref(member), receipt)?;
                tx.audit(now, AuditAction::Reapply, &member.id, "", "")?;
            }
            for receipt in &receipts {
                tx.conn
                    .prepare_cached("INSERT OR IGNORE INTO applied(receipt) VALUES (?1)")?
                    .execute([receipt])?;
            }
            Ok(())
        })?;
        for (member, receipt) in &found {
            let erased_at = pending.iter().find(|(of, ..)| of == receipt);
            self.forget(&member.id, erased_at.map_or(now, |(_, at, _)| *at));
        }
        Ok(count)
    }

    /// Receipts that the store has not seen, with each identity's hash.
    fn pending(&self) -> rusqlite::Result<Vec<(String, i64, Hash16)>> {
        let mut all = self.ledger.prepare(
            "SELECT e.receipt, e.erased_at, i.hash FROM erasure e \
             JOIN erased_identity i ON i.receipt = e.receipt",
        )?;
        let mut applied = self
            .conn
            .prepare("SELECT 1 FROM applied WHERE receipt = ?1")?;
        let mut rows = all.query([])?;
        let mut pending = Vec::new();
        while let Some(row) = rows.next()? {
            let receipt: String = row.get(0)?;
            if !applied.exists([&receipt])? {
                pending.push((receipt, row.get(1)?, row.get(2)?));
            }
        }
        Ok(pending)
    }

    /// Drops from the serve log what was served to anybody in the ledger up to their erasure.
    fn erase_served_by_hash(&self) -> Result<(), StoreError> {
        let erased = erased_hashes(&self.ledger).map_err(|error| self.ledger_error(&error))?;
        let key = self.shared.key.clone();
        let path = self.shared.path(&SERVED);
        self.shared
            .served
            .run_here(move |conn| served::erase_hashes(conn, &key, &erased))?
            .map_err(|error| classify("erasing from the serve log", &path, &error))
    }

    /// The requests that were not served to somebody before they were erased.
    pub(super) fn not_of_the_erased(&self, requests: Vec<ServedRequest>) -> Vec<ServedRequest> {
        let mut requests = requests;
        requests.retain(|request| {
            let customer = request.customer_id.as_deref().unwrap_or_default();
            !self.is_before_erasure(customer, request.at)
        });
        requests
    }

    /// How many receipts wait for the scrub.
    pub(super) fn count_unscrubbed(&self) -> rusqlite::Result<u64> {
        self.ledger
            .query_row(
                "SELECT count(*) FROM erasure WHERE scrubbed_at IS NULL",
                [],
                |r| r.get::<_, i64>(0),
            )
            .map(|count| count as u64)
    }

    /// Deletes a chunk of erased rows; whether there is more.
    pub(super) fn purge(&mut self) -> Result<bool, StoreError> {
        if let Some(error) = self.shared.refusal() {
            return Err(error);
        }
        let path = self.shared.path(&STORE);
        let reading = |error: rusqlite::Error| classify("reading erased rows", &path, &error);
        let next: Option<i64> = self
            .conn
            .query_row("SELECT ident FROM erasing LIMIT 1", [], |r| r.get(0))
            .optional()
            .map_err(reading)?;
        let Some(ident) = next else {
            return Ok(false);
        };
        for (table, hash) in [("touchpoint", "tid"), ("delight", "did")] {
            let rows = self.chunk(table, hash, ident).map_err(reading)?;
            if rows.is_empty() {
                continue;
            }
            self.remember(&rows)
                .map_err(|error| self.ledger_error(&error))?;
            self.shared.hook(Point::PurgingErased);
            self.alone(|tx| {
                let mut delete = tx
                    .conn
                    .prepare_cached(&format!("DELETE FROM {table} WHERE seq = ?1"))?;
                for (seq, _) in &rows {
                    delete.execute([seq])?;
                }
                Ok(())
            })?;
            return Ok(true);
        }
        self.alone(|tx| {
            tx.conn
                .execute("DELETE FROM identity WHERE ident = ?1", [ident])?;
            tx.conn
                .execute("DELETE FROM erasing WHERE ident = ?1", [ident])?;
            Ok(())
        })?;
        Ok(true)
    }

    fn chunk(&self, table: &str, hash: &str, ident: i64) -> rusqlite::Result<Vec<(i64, Hash16)>> {
        self.conn
            .prepare_cached(&format!(
                "SELECT seq, {hash} FROM {table} WHERE ident = ?1 LIMIT {CHUNK}"
            ))?
            .query_map([ident], |r| Ok((r.get(0)?, r.get(1)?)))?
            .collect()
    }

    fn remember(&self, rows: &[(i64, Hash16)]) -> rusqlite::Result<()> {
        let tx = self.ledger.unchecked_transaction()?;
        {
            let mut insert =
                tx.prepare_cached("INSERT OR IGNORE INTO erased_touchpoint(hash) VALUES (?1)")?;
            for (_, hash) in rows {
                insert.execute([&hash[..]])?;
            }
        }
        tx.commit()
    }

    /// Notes in the receipts that nothing of them is left in the files.
    pub(super) fn mark_scrubbed(
        &mut self,
        receipts: &[String],
        now: i64,
    ) -> Result<(), StoreError> {
        let marked = (|| {
            let tx = self.ledger.unchecked_transaction()?;
            for receipt in receipts {
                tx.execute(
                    "UPDATE erasure SET scrubbed_at = ?2 WHERE receipt = ?1",
                    (receipt, now),
                )?;
            }
            tx.commit()
        })();
        marked.map_err(|error| self.ledger_error(&error))?;
        let left = self
            .count_unscrubbed()
            .map_err(|error| self.ledger_error(&error))?;
        self.shared.unscrubbed.store(left, Ordering::SeqCst);
        Ok(())
    }
}

/// How long emptying a log waits for readers; writing waits as long.
const READERS_MS: u64 = 500;

/// Folds the log into the file and empties it; false while a reader holds an older state.
pub(super) fn emptied(conn: &Connection) -> rusqlite::Result<bool> {
    conn.busy_timeout(std::time::Duration::from_millis(READERS_MS))?;
    let busy: i64 = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |r| r.get(0))?;
    conn.busy_timeout(super::schema::BUSY)?;
    Ok(busy == 0)
}

/// Takes the identities out of sight.
fn hide(tx: &mut Tx<'_>, members: &[Member], receipt: &str) -> Result<(), Fault> {
    for member in members {
        tx.touch(member.ident, &member.id, 0);
        // Whoever was linked to them in an older state and was not erased stands alone again.
        tx.conn
            .prepare_cached(
                "UPDATE identity SET parent = NULL, linked_at = NULL WHERE parent = ?1",
            )?
            .execute([member.ident])?;
        tx.conn
            .prepare_cached(
                "UPDATE identity SET id = NULL, parent = NULL, linked_at = NULL, profile = NULL, \
                 arm = NULL, arm_at = NULL WHERE ident = ?1",
            )?
            .execute([member.ident])?;
        // who did something to themselves is named in the audit log
        tx.conn
            .prepare_cached("UPDATE audit SET caller = ?2 WHERE caller = ?1")?
            .execute((&member.id, THEMSELVES))?;
        tx.conn
            .prepare_cached("DELETE FROM document WHERE ident = ?1")?
            .execute([member.ident])?;
        boxes::erase(tx, member.ident)?;
        tx.conn
            .prepare_cached("INSERT OR IGNORE INTO erasing(ident, receipt) VALUES (?1, ?2)")?
            .execute((member.ident, receipt))?;
    }
    tx.conn
        .prepare_cached("INSERT OR IGNORE INTO applied(receipt) VALUES (?1)")?
        .execute([receipt])?;
    Ok(())
}
