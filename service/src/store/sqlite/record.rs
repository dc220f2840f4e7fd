//! Writing touchpoints and delights.

use serendib_shop::{Delight, Product};

use crate::store::canonical;
use crate::store::check::{Ready, UNTIMED};
use crate::store::types::*;
use crate::store::StoreError;
use serendib_shop::keyed::Domain;

use super::hides;
use super::writer::{Fault, Tx};

pub(super) fn touchpoints(
    tx: &mut Tx<'_>,
    batch: Vec<Ready>,
    options: &RecordOptions,
) -> Result<Recorded, Fault> {
    let mut outcomes = Vec::with_capacity(batch.len());
    for (index, ready) in batch.into_iter().enumerate() {
        let status = touchpoint(tx, index, &ready, options)?;
        if status == Status::Stored {
            tx.changes.reported.extend(ready.row.request_id);
        }
        outcomes.push(Outcome {
            touchpoint_id: ready.touchpoint_id,
            status,
        });
    }
    Ok(Recorded { outcomes })
}

fn touchpoint(
    tx: &mut Tx<'_>,
    index: usize,
    ready: &Ready,
    options: &RecordOptions,
) -> Result<Status, Fault> {
    let tid = ready.tid;
    if tx.was_erased(&tid)? {
        return Ok(Status::IgnoredErased);
    }
    let row = &ready.row;
    if tx.is_before_erasure(&row.customer_id, ready.at) {
        return Ok(Status::IgnoredErased);
    }
    let known = tx.ident(&row.customer_id)?;
    // The common case is a new row: try it first, look only when the id is taken.
    let expired = ready.at != crate::store::check::UNTIMED
        && options.keep_from.is_some_and(|from| ready.at < from)
        && !hides::is_statement(&row.kind);
    if !expired {
        let ident = match known {
            Some(ident) => ident,
            None if options.unknown_customers == UnknownId::Accept => {
                // Not before it is certain that the row is new: a duplicate of an erased customer's row whose deletion is
                // still going on must not bring the customer back.
                if let Some(status) = existing(tx, index, ready, &tid, None)? {
                    return Ok(status);
                }
                tx.ident_or_new(&row.customer_id)?
            }
            None => {
                if let Some(status) = existing(tx, index, ready, &tid, None)? {
                    return Ok(status);
                }
                return Err(StoreError::Unknown {
                    what: "touchpoint",
                    index,
                    field: "customer_id",
                    id: row.customer_id.clone(),
                }
                .into());
            }
        };
        let seq = tx.next_seq();
        let inserted = tx
            .conn
            .prepare_cached(
                "INSERT INTO touchpoint(seq, ident, at, tid, body) VALUES (?1, ?2, ?3, ?4, ?5) \
                 ON CONFLICT(tid) DO NOTHING",
            )?
            .execute((seq, ident, ready.at, &tid[..], &ready.body))?;
        if inserted == 1 {
            if let Some(product) = &row.product_id {
                product_seen(tx, "touchpoint", index, product, options)?;
            }
            tx.touch(ident, &row.customer_id, 1);
            return Ok(Status::Stored);
        }
    }
    match existing(tx, index, ready, &tid, known)? {
        Some(status) => Ok(status),
        None => Ok(Status::IgnoredExpired),
    }
}

/// What the row stored under this id makes of `ready`; `None` when there is none.
fn existing(
    tx: &mut Tx<'_>,
    index: usize,
    ready: &Ready,
    tid: &[u8],
    ident: Option<i64>,
) -> Result<Option<Status>, Fault> {
    use rusqlite::OptionalExtension;
    let found: Option<(i64, bool, bool)> = tx
        .conn
        .prepare_cached(
            "SELECT t.ident, t.body = ?2, i.id IS NULL FROM touchpoint t \
             LEFT JOIN identity i ON i.ident = t.ident WHERE t.tid = ?1",
        )?
        .query_row((tid, &ready.body), |r| {
            Ok((r.get(0)?, r.get(1)?, r.get(2)?))
        })
        .optional()?;
    match found {
        None => Ok(None),
        Some((_, _, true)) => Ok(Some(Status::IgnoredErased)),
        Some((stored, true, _)) if ident == Some(stored) => Ok(Some(Status::Duplicate)),
        Some(_) => Err(StoreError::AlreadyExists {
            index,
            id: ready.touchpoint_id.clone(),
        }
        .into()),
    }
}

fn product_seen(
    tx: &mut Tx<'_>,
    what: &'static str,
    index: usize,
    product_id: &str,
    options: &RecordOptions,
) -> Result<(), Fault> {
    if tx.knows_product(product_id)? {
        return Ok(());
    }
    if options.unknown_products == UnknownId::Refuse {
        return Err(StoreError::Unknown {
            what,
            index,
            field: "product_id",
            id: product_id.into(),
        }
        .into());
    }
    let version = tx.touch_catalogue();
    tx.conn
        .prepare_cached("INSERT INTO product(id, seen_only, version, body) VALUES (?1, 1, ?2, ?3)")?
        .execute((
            product_id,
            version,
            canonical::product_body(&Product::bare(product_id)),
        ))?;
    tx.note_product(product_id);
    Ok(())
}

pub(super) fn delights(
    tx: &mut Tx<'_>,
    batch: Vec<Delight>,
    options: &RecordOptions,
) -> Result<Vec<Status>, Fault> {
    let mut statuses = Vec::with_capacity(batch.len());
    for (index, row) in batch.into_iter().enumerate() {
        let body = canonical::delight_body(&row);
        let did = tx.shared.key.hash(Domain::Delight, &body);
        if tx.was_erased(&did)? || tx.is_before_erasure(&row.customer_id, row.at) {
            statuses.push(Status::IgnoredErased);
            continue;
        }
        if options.keep_from.is_some_and(|from| row.at < from) {
            statuses.push(Status::IgnoredExpired);
            continue;
        }
        let known = tx.ident(&row.customer_id)?;
        if known.is_none() && options.unknown_customers == UnknownId::Refuse {
            return Err(StoreError::Unknown {
                what: "delight",
                index,
                field: "customer_id",
                id: row.customer_id,
            }
            .into());
        }
        let ident = tx.ident_or_new(&row.customer_id)?;
        let seq = tx.next_delight();
        let stored = tx
            .conn
            .prepare_cached(
                "INSERT INTO delight(seq, ident, at, did, body) VALUES (?1, ?2, ?3, ?4, ?5) \
                 ON CONFLICT(did) DO NOTHING",
            )?
            .execute((seq, ident, row.at, &did[..], &body))?;
        if stored == 1 {
            product_seen(tx, "delight", index, &row.product_id, options)?;
            tx.touch(ident, &row.customer_id, 0);
            tx.changes.reported.extend(row.request_id);
            statuses.push(Status::Stored);
        } else {
            statuses.push(Status::Duplicate);
        }
    }
    Ok(statuses)
}

/// Rows looked at per commit of a sweep.
const SWEEP_ROWS: i64 = 10_000;

/// Deletes touchpoints before time `before` among the next rows from number `from`; how many, and where to go on.
///
/// What somebody last said of hiding a product stays: it holds until it is undone, and what undid it says so as long.
pub(super) fn delete_old(
    tx: &mut Tx<'_>,
    before: i64,
    from: i64,
) -> Result<(u64, Option<i64>), Fault> {
    type Old = (i64, i64, i64, Option<String>, Option<String>);
    let rows: Vec<Old> = tx
        .conn
        .prepare_cached(
            "SELECT t.seq, t.at, t.ident, i.id, CASE WHEN t.at < ?3 THEN json_extract(t.body, '$.kind') END \
             FROM touchpoint t \
             LEFT JOIN identity i ON i.ident = t.ident WHERE t.seq >= ?1 ORDER BY t.seq LIMIT ?2",
        )?
        .query_map((from, SWEEP_ROWS, before), |r| {
            Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?))
        })?
        .collect::<Result<_, _>>()?;
    let mut deleted = 0;
    let mut delete = tx
        .conn
        .prepare_cached("DELETE FROM touchpoint WHERE seq = ?1")?;
    for (seq, at, ident, id, kind) in &rows {
        // Rows of erased customers are the scrub's.
        if let (Some(id), true) = (id, *at != UNTIMED && *at < before) {
            let statement = kind.as_deref().is_some_and(hides::is_statement);
            if statement && holds(tx, *seq, *ident, *at)? {
                continue;
            }
            delete.execute([seq])?;
            tx.touch(*ident, id, -1);
            deleted += 1;
        }
    }
    let more = rows.len() as i64 == SWEEP_ROWS;
    Ok((deleted, rows.last().filter(|_| more).map(|row| row.0 + 1)))
}

/// Whether the statement of number `seq` is the last that the customer made of hiding its product.
fn holds(tx: &Tx<'_>, seq: i64, ident: i64, at: i64) -> rusqlite::Result<bool> {
    let product: Option<String> = tx
        .conn
        .prepare_cached("SELECT json_extract(body, '$.product_id') FROM touchpoint WHERE seq = ?1")?
        .query_row([seq], |r| r.get(0))?;
    match product {
        Some(product) if ident != 0 => Ok(!hides::overtaken(tx.conn, ident, &product, at)?),
        _ => Ok(false),
    }
}

/// Deletes delights before time `before`.
pub(super) fn delete_old_delights(tx: &mut Tx<'_>, before: i64) -> Result<u64, Fault> {
    let owners: Vec<(i64, String)> = tx
        .conn
        .prepare_cached(
            "SELECT DISTINCT i.ident, i.id FROM delight d JOIN identity i ON i.ident = d.ident \
             WHERE d.at < ?1 AND i.id IS NOT NULL",
        )?
        .query_map([before], |r| Ok((r.get(0)?, r.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let mut deleted = 0;
    for (ident, id) in owners {
        deleted += tx
            .conn
            .prepare_cached("DELETE FROM delight WHERE ident = ?1 AND at < ?2")?
            .execute((ident, before))?;
        tx.touch(ident, &id, 0);
    }
    Ok(deleted as u64)
}
