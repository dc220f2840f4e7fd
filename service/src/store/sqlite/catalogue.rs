//! Products, stock and reservations.

use rusqlite::{Connection, OptionalExtension};

use serendib_shop::Product;

use crate::store::check::{invalid, new_id};
use crate::store::types::*;
use crate::store::{canonical, StoreError};

use super::writer::{Fault, Tx};

const HELD: i64 = 0;

fn state_of(number: i64) -> ReservationState {
    match number {
        HELD => ReservationState::Held,
        1 => ReservationState::Released,
        2 => ReservationState::Taken,
        _ => ReservationState::Expired,
    }
}

pub(super) fn upsert(tx: &mut Tx<'_>, products: Vec<Product>) -> Result<u64, Fault> {
    let version = tx.touch_catalogue();
    for product in products {
        tx.conn
            .prepare_cached(
                "INSERT INTO product(id, stock, version, body) VALUES (?1, ?2, ?3, ?4) \
                 ON CONFLICT(id) DO UPDATE SET stock = ifnull(excluded.stock, stock), removed = 0, \
                 seen_only = 0, version = excluded.version, body = excluded.body",
            )?
            .execute((
                &product.product_id,
                product.stock,
                version,
                canonical::product_body(&product),
            ))?;
        tx.note_product(&product.product_id);
    }
    Ok(version as u64)
}

pub(super) fn remove(tx: &mut Tx<'_>, ids: &[String]) -> Result<usize, Fault> {
    let version = tx.version();
    let mut removed = 0;
    for id in ids {
        removed += tx
            .conn
            .prepare_cached(
                "UPDATE product SET removed = 1, version = ?2 WHERE id = ?1 AND removed = 0",
            )?
            .execute((id, version))?;
    }
    if removed > 0 {
        tx.touch_catalogue();
    }
    Ok(removed)
}

pub(super) fn set_stock(tx: &mut Tx<'_>, levels: &[StockLevel]) -> Result<u64, Fault> {
    let version = tx.touch_catalogue();
    for (index, level) in levels.iter().enumerate() {
        if let Some(stock) = level.stock.filter(|stock| *stock < 0) {
            return Err(invalid(
                "stock level",
                index,
                "stock",
                format!("is {stock}, expected ≥ 0"),
            )
            .into());
        }
        let changed = tx
            .conn
            .prepare_cached("UPDATE product SET stock = ?2, version = ?3 WHERE id = ?1")?
            .execute((&level.product_id, level.stock, version))?;
        if changed == 0 {
            return Err(
                invalid("stock level", index, "product_id", "is not a known product").into(),
            );
        }
    }
    Ok(version as u64)
}

/// Units of product `pid` set aside at `now`.
pub(super) fn reserved(conn: &Connection, pid: i64, now: i64) -> rusqlite::Result<i64> {
    conn.prepare_cached(
        "SELECT ifnull(sum(l.quantity), 0) FROM reservation_line l JOIN reservation r ON r.rid = l.rid \
         WHERE l.pid = ?1 AND r.state = 0 AND r.expires_at > ?2",
    )?
    .query_row((pid, now), |r| r.get(0))
}

fn find(conn: &Connection, id: &str, now: i64) -> Result<Option<(i64, Reservation)>, Fault> {
    let found: Option<(i64, i64, i64)> = conn
        .prepare_cached("SELECT rid, expires_at, state FROM reservation WHERE id = ?1")?
        .query_row([id], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
        .optional()?;
    let Some((rid, expires_at, state)) = found else {
        return Ok(None);
    };
    let mut lines = conn.prepare_cached(
        "SELECT p.id, l.quantity FROM reservation_line l JOIN product p ON p.pid = l.pid \
         WHERE l.rid = ?1 ORDER BY p.id",
    )?;
    let lines = lines
        .query_map([rid], |r| {
            Ok(ReservationLine {
                product_id: r.get(0)?,
                quantity: r.get(1)?,
            })
        })?
        .collect::<Result<Vec<_>, _>>()?;
    let state = match state_of(state) {
        ReservationState::Held if expires_at <= now => ReservationState::Expired,
        state => state,
    };
    Ok(Some((
        rid,
        Reservation {
            reservation_id: id.into(),
            lines,
            expires_at,
            state,
        },
    )))
}

pub(super) fn reserve(
    tx: &mut Tx<'_>,
    mut wanted: Reservation,
    now: i64,
) -> Result<Reservation, Fault> {
    if wanted.reservation_id.is_empty() {
        wanted.reservation_id = new_id("res");
    } else if let Some((_, found)) = find(tx.conn, &wanted.reservation_id, now)? {
        let mut lines = wanted.lines.clone();
        lines.sort_by(|a, b| a.product_id.cmp(&b.product_id));
        if lines == found.lines {
            return Ok(found);
        }
        return Err(StoreError::AlreadyExists {
            index: 0,
            id: wanted.reservation_id,
        }
        .into());
    }
    let mut numbers = Vec::with_capacity(wanted.lines.len());
    for (index, line) in wanted.lines.iter().enumerate() {
        let found: Option<(i64, Option<i64>, bool)> = tx
            .conn
            .prepare_cached("SELECT pid, stock, removed FROM product WHERE id = ?1")?
            .query_row([&line.product_id], |r| {
                Ok((r.get(0)?, r.get(1)?, r.get(2)?))
            })
            .optional()?;
        let Some((pid, stock, removed)) = found else {
            return Err(invalid("line", index, "product_id", "is not a known product").into());
        };
        let available = match stock {
            _ if removed => 0,
            Some(stock) => (stock - reserved(tx.conn, pid, now)?).max(0),
            None => i64::MAX,
        };
        if line.quantity > available {
            return Err(StoreError::OutOfStock {
                product_id: line.product_id.clone(),
                wanted: line.quantity,
                available,
            }
            .into());
        }
        numbers.push((pid, line.quantity));
    }
    tx.conn
        .prepare_cached("INSERT INTO reservation(id, expires_at, state) VALUES (?1, ?2, 0)")?
        .execute((&wanted.reservation_id, wanted.expires_at))?;
    let rid = tx.conn.last_insert_rowid();
    for (pid, quantity) in numbers {
        tx.conn
            .prepare_cached("INSERT INTO reservation_line(rid, pid, quantity) VALUES (?1, ?2, ?3)")?
            .execute((rid, pid, quantity))?;
    }
    tx.touch_catalogue();
    wanted.state = ReservationState::Held;
    wanted.lines.sort_by(|a, b| a.product_id.cmp(&b.product_id));
    Ok(wanted)
}

/// Ends a held reservation as `released` or `taken`.
pub(super) fn end(
    tx: &mut Tx<'_>,
    id: &str,
    as_state: ReservationState,
    now: i64,
) -> Result<Reservation, Fault> {
    let (rid, mut found) = find(tx.conn, id, now)?.ok_or(StoreError::NotFound {
        what: "reservation",
    })?;
    let number = match (found.state, as_state) {
        (ReservationState::Held, ReservationState::Taken) => 2,
        (ReservationState::Held, _) => 1,
        (ReservationState::Expired, ReservationState::Released) => return Ok(found),
        (state, wanted) if state == wanted => return Ok(found),
        (state, _) => {
            return Err(StoreError::ReservationClosed {
                state: state.as_str(),
            }
            .into())
        }
    };
    let version = tx.touch_catalogue();
    tx.conn
        .prepare_cached("UPDATE reservation SET state = ?2 WHERE rid = ?1")?
        .execute((rid, number))?;
    if as_state == ReservationState::Taken {
        // Stock set lower meanwhile does not become negative.
        tx.conn
            .prepare_cached(
                "UPDATE product SET version = ?2, stock = max(0, stock - \
                 (SELECT quantity FROM reservation_line l WHERE l.rid = ?1 AND l.pid = product.pid)) \
                 WHERE stock IS NOT NULL AND pid IN (SELECT pid FROM reservation_line WHERE rid = ?1)",
            )?
            .execute((rid, version))?;
    }
    found.state = as_state;
    Ok(found)
}

/// Marks reservations whose time is over.
pub(super) fn expire(tx: &mut Tx<'_>, now: i64) -> Result<u64, Fault> {
    let expired = tx
        .conn
        .prepare_cached("UPDATE reservation SET state = 3 WHERE state = 0 AND expires_at <= ?1")?
        .execute([now])?;
    if expired > 0 {
        tx.touch_catalogue();
    }
    Ok(expired as u64)
}

const ENTRY: &str = "SELECT p.id, p.stock, p.removed, p.seen_only, p.version, p.body, \
    (SELECT ifnull(sum(l.quantity), 0) FROM reservation_line l JOIN reservation r ON r.rid = l.rid \
     WHERE l.pid = p.pid AND r.state = 0 AND r.expires_at > ?1) FROM product p";

fn entry(row: &rusqlite::Row<'_>) -> Result<CatalogueEntry, Fault> {
    let body: String = row.get(5)?;
    let mut product: Product = serde_json::from_str(&body).map_err(|_| StoreError::Io {
        attempt: "reading the catalogue".into(),
        detail: "a product is not in its canonical form".into(),
    })?;
    product.product_id = row.get(0)?;
    product.stock = row.get(1)?;
    let reserved: i64 = row.get(6)?;
    Ok(CatalogueEntry {
        available: product.stock.map(|stock| (stock - reserved).max(0)),
        product,
        removed: row.get(2)?,
        seen_only: row.get(3)?,
        version: row.get::<_, i64>(4)? as u64,
    })
}

pub(super) fn entries(
    conn: &Connection,
    ids: &[String],
    now: i64,
) -> Result<Vec<Option<CatalogueEntry>>, Fault> {
    let mut by_id = conn.prepare_cached(&format!("{ENTRY} WHERE p.id = ?2"))?;
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        let mut rows = by_id.query((now, id))?;
        found.push(rows.next()?.map(entry).transpose()?);
    }
    Ok(found)
}

/// Calls `take` with every product in order of first appearance.
pub(super) fn each<E: From<Fault> + From<rusqlite::Error>>(
    conn: &Connection,
    now: i64,
    mut take: impl FnMut(CatalogueEntry) -> Result<(), E>,
) -> Result<(), E> {
    let mut all = conn.prepare_cached(&format!("{ENTRY} ORDER BY p.pid"))?;
    let mut rows = all.query([now])?;
    while let Some(row) = rows.next()? {
        take(entry(row)?)?;
    }
    Ok(())
}

pub(super) fn snapshot(conn: &Connection, now: i64) -> Result<CatalogueSnapshot, Fault> {
    let version: i64 =
        conn.query_row("SELECT value FROM meta WHERE key = 'catalogue'", [], |r| {
            r.get(0)
        })?;
    let mut entries = Vec::new();
    each::<Fault>(conn, now, |entry| {
        entries.push(entry);
        Ok(())
    })?;
    Ok(CatalogueSnapshot {
        version: version as u64,
        entries,
    })
}
