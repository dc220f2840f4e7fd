//! Scrubbing: nothing of an erased customer stays in the files, and nobody waits for it.
//!
//! What is deleted is overwritten with zeros, and so is a page that is freed (`secure_delete`). But a page whose rows were once
//! shared out anew with its neighbours may hold old bytes between its rows. So after the rows of erased customers are gone
//! every table that can hold something of a customer is rewritten, a few rows at a time between other writes: a stretch of rows
//! is deleted, which frees and zeroes its pages, and put back into clean ones. The pages at the ends of a stretch are shared
//! with others and may stay; a second pass, half a stretch further on, frees those. Rows that are stored meanwhile are of
//! nobody who is to be scrubbed. The serve log is rewritten by its own thread, and at last the write-ahead logs are emptied.

use rusqlite::types::Value;
use rusqlite::Connection;

use crate::store::types::*;
use crate::store::StoreError;

use super::erase::{emptied, erased_hashes};
use super::errors::classify;
use super::schema::{SERVED, STORE};
use super::writer::{Fault, Tx, Writer};
use super::{served, Point, SqliteStore};

/// Rows of one stretch.
const STRETCH: usize = 512;

/// An order in which the rows of a table are rewritten, so that the pages of the table or of one index are freed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    table: &'static str,
    primary: &'static [&'static str],
    key: &'static [&'static str],
}

const fn order(
    table: &'static str,
    primary: &'static [&'static str],
    key: &'static [&'static str],
) -> Order {
    Order {
        table,
        primary,
        key,
    }
}

/// The tables with anything of a customer in their rows or keys, and their indexes with text.
const ORDERS: [Order; 8] = [
    order("identity", &["ident"], &["ident"]),
    order("identity", &["ident"], &["id"]),
    order("touchpoint", &["seq"], &["seq"]),
    order("delight", &["seq"], &["seq"]),
    order("document", &["area", "key"], &["area", "key"]),
    order("document", &["area", "key"], &["ident", "area", "key"]),
    order("box", &["box"], &["box"]),
    order("audit", &["seq"], &["seq"]),
];

impl SqliteStore {
    /// Removes erased customers from the files; returns how many receipts became scrubbed, 0 also when a long read still
    /// holds an old state.
    pub(super) async fn scrub_files(&self, now: i64) -> Result<usize, StoreError> {
        while self.alone(Writer::purge).await? {}
        let receipts = self.alone(|writer| writer.unscrubbed()).await?;
        if receipts.is_empty() {
            return Ok(0);
        }
        if !self.scrub_served().await? || !self.alone(Writer::emptied).await? {
            return Ok(0);
        }
        for order in ORDERS {
            for first in [STRETCH, STRETCH / 2] {
                let mut from: Option<Vec<Value>> = None;
                let mut rows = first;
                loop {
                    let after = from.take();
                    let stretch = move |writer: &mut Writer| writer.rewrite(order, after, rows);
                    from = self.alone(stretch).await?;
                    if from.is_none() {
                        break;
                    }
                    rows = STRETCH;
                }
            }
        }
        self.alone(move |writer| writer.scrubbed(&receipts, now))
            .await
    }

    /// Drops from the serve log what was served to the erased and rewrites it, on its own thread; false while a reader holds
    /// an older state.
    async fn scrub_served(&self) -> Result<bool, StoreError> {
        // A request that was being answered while its customer was erased may have been logged after.
        let erased = self
            .alone(|writer| {
                erased_hashes(&writer.ledger).map_err(|error| writer.ledger_error(&error))
            })
            .await?;
        let (key, path) = (self.shared.key.clone(), self.shared.path(&SERVED));
        let work = move |conn: &mut Connection| -> rusqlite::Result<bool> {
            served::erase_hashes(conn, &key, &erased)?;
            // while somebody reads an older state there is no point in rewriting
            if !emptied(conn)? {
                return Ok(false);
            }
            conn.execute_batch("VACUUM")?;
            emptied(conn)
        };
        let done = self.shared.served.run(work)?;
        done.await
            .map_err(|_| StoreError::Closed)?
            .map_err(|error| classify("scrubbing the serve log", &path, &error))
    }
}

impl Writer {
    /// Receipts that wait for the scrub.
    fn unscrubbed(&self) -> Result<Vec<String>, StoreError> {
        let read = || {
            let mut open = self
                .ledger
                .prepare("SELECT receipt FROM erasure WHERE scrubbed_at IS NULL")?;
            let rows = open.query_map([], |r| r.get(0))?;
            rows.collect::<rusqlite::Result<_>>()
        };
        read().map_err(|error| self.ledger_error(&error))
    }

    /// Rewrites the next `rows` rows after the key `after` (`None` = from the start). Returns the key of the last of them;
    /// `None` when none is left.
    fn rewrite(
        &mut self,
        order: Order,
        after: Option<Vec<Value>>,
        rows: usize,
    ) -> Result<Option<Vec<Value>>, StoreError> {
        self.alone(|tx| rewrite(tx, order, after, rows))
    }

    /// Empties the write-ahead log; false while a reader holds an older state.
    fn emptied(&mut self) -> Result<bool, StoreError> {
        let path = self.shared.path(&STORE);
        emptied(&self.conn).map_err(|error| {
            self.stop_if_needed(&error);
            classify("scrubbing the store", &path, &error)
        })
    }

    /// Empties the log and marks `receipts` as scrubbed; 0 while a reader holds an older state.
    fn scrubbed(&mut self, receipts: &[String], now: i64) -> Result<usize, StoreError> {
        if let Some(error) = self.shared.refusal() {
            return Err(error);
        }
        if !self.emptied()? {
            return Ok(0);
        }
        self.shared.hook(Point::Scrubbed);
        self.alone(|tx| {
            for receipt in receipts {
                tx.audit(now, AuditAction::Scrub, "", "", receipt)?;
            }
            Ok(())
        })?;
        self.mark_scrubbed(receipts, now)?;
        Ok(receipts.len())
    }
}

fn rewrite(
    tx: &mut Tx<'_>,
    order: Order,
    after: Option<Vec<Value>>,
    rows: usize,
) -> Result<Option<Vec<Value>>, Fault> {
    let Order {
        table,
        primary,
        key,
    } = order;
    let marks = |count: usize| vec!["?"; count].join(", ");
    let keys = key.join(", ");
    let beyond = match &after {
        Some(_) => format!("AND ({keys}) > ({})", marks(key.len())),
        None => String::new(),
    };
    let mut stretch = tx.conn.prepare_cached(&format!(
        "SELECT * FROM {table} WHERE {} IS NOT NULL {beyond} ORDER BY {keys} LIMIT {rows}",
        key[0]
    ))?;
    let columns: Vec<String> = stretch.column_names().into_iter().map(Into::into).collect();
    let place = |names: &[&str]| -> Vec<usize> {
        let of = |name: &&str| columns.iter().position(|column| column == name);
        names.iter().filter_map(of).collect()
    };
    let (primary, key) = (place(primary), place(key));
    let values = |row: &rusqlite::Row<'_>| -> rusqlite::Result<Vec<Value>> {
        (0..columns.len()).map(|column| row.get(column)).collect()
    };
    let found = stretch.query_map(
        rusqlite::params_from_iter(after.unwrap_or_default()),
        values,
    )?;
    let found: Vec<Vec<Value>> = found.collect::<Result<_, _>>()?;
    let of = |row: &[Value], places: &[usize]| -> Vec<Value> {
        places.iter().map(|place| row[*place].clone()).collect()
    };
    let named: Vec<&str> = primary.iter().map(|ix| columns[*ix].as_str()).collect();
    let mut delete = tx.conn.prepare_cached(&format!(
        "DELETE FROM {table} WHERE ({}) = ({})",
        named.join(", "),
        marks(named.len())
    ))?;
    for row in &found {
        delete.execute(rusqlite::params_from_iter(of(row, &primary)))?;
    }
    let mut insert = tx.conn.prepare_cached(&format!(
        "INSERT INTO {table}({}) VALUES ({})",
        columns.join(", "),
        marks(columns.len())
    ))?;
    for row in &found {
        insert.execute(rusqlite::params_from_iter(row))?;
    }
    Ok(found.last().map(|row| of(row, &key)))
}
