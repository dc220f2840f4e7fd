//! Products, stock and reservations.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension};

use serendib_shop::{Check, Product};

use crate::store::authority::Stamp;

use crate::store::check::{invalid, new_id};
use crate::store::profile::Merged;
use crate::store::types::*;
use crate::store::{canonical, Heard, Said, StoreError};

use super::clock::Moment;
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

/// One product's row as stored, and when it and its stock were stated.
struct Shelved {
    pid: i64,
    stock: Option<i64>,
    removed: bool,
    seen_only: bool,
    body: String,
    said: Option<Stamp>,
    stock_said: Option<Stamp>,
    /// When the stock was taken over, ms.
    stock_noted: i64,
}

/// The stamp in a column; `None` for none.
fn stamp_of(text: Option<String>) -> Option<Stamp> {
    text.and_then(|text| serde_json::from_str(&text).ok())
}

/// A stamp as a column holds it.
fn text_of(stamp: Stamp) -> String {
    serde_json::to_string(&stamp).unwrap_or_default()
}

fn shelved(conn: &Connection, id: &str) -> rusqlite::Result<Option<Shelved>> {
    conn.prepare_cached(
        "SELECT pid, stock, removed, seen_only, body, said, stock_said, stock_noted FROM product WHERE id = ?1",
    )?
    .query_row([id], |r| {
        Ok(Shelved {
            pid: r.get(0)?,
            stock: r.get(1)?,
            removed: r.get(2)?,
            seen_only: r.get(3)?,
            body: r.get(4)?,
            said: stamp_of(r.get(5)?),
            stock_said: stamp_of(r.get(6)?),
            stock_noted: r.get::<_, Option<i64>>(7)?.unwrap_or(i64::MIN),
        })
    })
    .optional()
}

pub(super) fn upsert(
    tx: &mut Tx<'_>,
    products: Vec<Product>,
    said: Said,
) -> Result<(u64, Heard), Fault> {
    let version = tx.touch_catalogue();
    let stamp = said.stamp(None);
    let mut heard = Heard::default();
    for product in products {
        let id = product.product_id.clone();
        let stock = product.stock;
        let Some(old) = shelved(tx.conn, &id)? else {
            tx.conn
                .prepare_cached(
                    "INSERT INTO product(id, version, body, said) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute((
                    &id,
                    version,
                    canonical::product_body(&product),
                    text_of(stamp),
                ))?;
            tx.note_product(&id);
            heard.changed += 1;
            level(tx, &id, stock, said, stamp)?;
            continue;
        };
        if old.seen_only || stamp.outranks(old.said) {
            let body = canonical::product_body(&product);
            let same = body == old.body && !old.removed && !old.seen_only;
            let version = match same {
                true => old_version(tx.conn, old.pid)?,
                false => version,
            };
            tx.conn
                .prepare_cached(
                    "UPDATE product SET removed = 0, seen_only = 0, version = ?2, body = ?3, said = ?4 WHERE id = ?1",
                )?
                .execute((&id, version, body, text_of(stamp)))?;
            let stocked = level(tx, &id, stock, said, stamp)?;
            heard.changed += u64::from(!same || stocked.changed);
            heard.kept += u64::from(stocked.kept);
            continue;
        }
        // said later, or by a call: only what nobody has said is taken
        let mut standing = read(&old.body)?;
        let (filled, left_out) = match old.removed {
            true => (false, false),
            false => fill_blanks(&mut standing, &product),
        };
        let other = canonical::product_body(&standing) != canonical::product_body(&product);
        if filled {
            tx.conn
                .prepare_cached("UPDATE product SET version = ?2, body = ?3 WHERE id = ?1")?
                .execute((&id, version, canonical::product_body(&standing)))?;
        }
        let stocked = match old.removed {
            true => Merged::default(),
            false => level(tx, &id, stock, said, stamp)?,
        };
        heard.changed += u64::from(filled || stocked.changed);
        heard.filled += u64::from(filled);
        heard.kept += u64::from(other || old.removed || stocked.kept);
        heard.left_out += u64::from(left_out);
    }
    Ok((version as u64, heard))
}

/// Takes over from `given` what nobody has said of `standing`, as far as the row then passes the check; whether there was
/// anything, and whether something was left out.
///
/// Each row passes by itself, but a day on which sale ends may lie before the one on which it begins in the other, and
/// attributes add up.
fn fill_blanks(standing: &mut Product, given: &Product) -> (bool, bool) {
    let mut given = given.clone();
    let mut left_out = false;
    loop {
        let mut then = standing.clone();
        let filled = then.fill_blanks(&given);
        match then.check() {
            Err(error) if standing.check().is_ok() => {
                left_out = true;
                let before = given.clone();
                match error.column() {
                    "available_until" => {
                        (given.available_from, given.available_until) = (None, None)
                    }
                    "attributes" => given.attributes.clear(),
                    _ => {}
                }
                if given == before {
                    return (false, true);
                }
            }
            _ => {
                *standing = then;
                return (filled, left_out);
            }
        }
    }
}

fn old_version(conn: &Connection, pid: i64) -> rusqlite::Result<i64> {
    conn.prepare_cached("SELECT version FROM product WHERE pid = ?1")?
        .query_row([pid], |r| r.get(0))
}

/// What a count of stock came to.
///
/// A call says what lies there now. A file says what lay there at its time: what left since is taken off. One that does not
/// say its time counts where nobody counted, and where nothing has left since an earlier file was read.
fn level(
    tx: &mut Tx<'_>,
    id: &str,
    stock: Option<i64>,
    said: Said,
    stamp: Stamp,
) -> Result<Merged, Fault> {
    let mut merged = Merged::default();
    let (Some(count), Some(old)) = (stock, shelved(tx.conn, id)?) else {
        return Ok(merged);
    };
    let left_since = |at: i64| -> rusqlite::Result<i64> {
        tx.conn
            .prepare_cached(
                "SELECT CAST(total(quantity) AS INTEGER) FROM stock_move WHERE pid = ?1 AND at > ?2",
            )?
            .query_row((old.pid, at), |r| r.get(0))
    };
    let count = if !said.is_file() {
        Some(count)
    } else if !stamp.outranks(old.stock_said) {
        None
    } else if let Some(at) = stamp.at {
        Some((count - left_since(at)?).max(0))
    } else if old.stock_said.is_none() {
        // nobody counted: what left before says nothing of what this file saw
        Some(count)
    } else {
        (left_since(old.stock_noted)? == 0).then_some(count)
    };
    let Some(count) = count else {
        merged.kept = stock != old.stock;
        return Ok(merged);
    };
    set_level(tx, &old, Some(count), said, stamp)?;
    merged.changed = Some(count) != old.stock;
    Ok(merged)
}

fn set_level(
    tx: &mut Tx<'_>,
    old: &Shelved,
    stock: Option<i64>,
    said: Said,
    stamp: Stamp,
) -> Result<(), Fault> {
    let version = tx.touch_catalogue();
    tx.conn
        .prepare_cached(
            "UPDATE product SET stock = ?2, version = ?3, stock_said = ?4, stock_noted = ?5 WHERE pid = ?1",
        )?
        .execute((old.pid, stock, version, text_of(stamp), said.now))?;
    Ok(())
}

/// Notes that units of a product left the stock at `at`, and takes them off; a stock set lower meanwhile does not become
/// negative.
pub(super) fn leave(tx: &mut Tx<'_>, pid: i64, quantity: i64, at: i64) -> Result<(), Fault> {
    let version = tx.touch_catalogue();
    tx.conn
        .prepare_cached(
            "UPDATE product SET version = ?3, stock = max(0, stock - ?2) WHERE pid = ?1 AND stock IS NOT NULL",
        )?
        .execute((pid, quantity, version))?;
    tx.conn
        .prepare_cached("INSERT INTO stock_move(pid, at, quantity) VALUES (?1, ?2, ?3)")?
        .execute((pid, at, quantity))?;
    Ok(())
}

pub(super) fn remove(tx: &mut Tx<'_>, ids: &[String], said: Said) -> Result<usize, Fault> {
    let version = tx.version();
    let stamp = said.stamp(None);
    let mut removed = 0;
    for id in ids {
        let Some(old) = shelved(tx.conn, id)? else {
            continue;
        };
        if !stamp.outranks(old.said) {
            continue;
        }
        tx.conn
            .prepare_cached(
                "UPDATE product SET removed = 1, version = ?2, said = ?3 WHERE id = ?1",
            )?
            .execute((id, version, text_of(stamp)))?;
        removed += usize::from(!old.removed);
    }
    if removed > 0 {
        tx.touch_catalogue();
    }
    Ok(removed)
}

/// Removes every product that is not among `listed` and was last stated before; those known from touchpoints alone are left.
pub(super) fn remove_absent(
    tx: &mut Tx<'_>,
    listed: &HashSet<String>,
    said: Said,
) -> Result<usize, Fault> {
    let absent: Vec<String> = {
        let mut all = tx
            .conn
            .prepare("SELECT id FROM product WHERE removed = 0 AND seen_only = 0")?;
        let ids = all.query_map([], |r| r.get::<_, String>(0))?;
        let ids = ids.collect::<Result<Vec<_>, _>>()?;
        ids.into_iter().filter(|id| !listed.contains(id)).collect()
    };
    remove(tx, &absent, said)
}

pub(super) fn set_stock(
    tx: &mut Tx<'_>,
    levels: &[StockLevel],
    said: Said,
) -> Result<(u64, Heard), Fault> {
    let version = tx.touch_catalogue();
    let stamp = said.stamp(None);
    let mut heard = Heard::default();
    for (index, given) in levels.iter().enumerate() {
        if let Some(stock) = given.stock.filter(|stock| *stock < 0) {
            return Err(invalid(
                "stock level",
                index,
                "stock",
                format!("is {stock}, expected ≥ 0"),
            )
            .into());
        }
        let Some(old) = shelved(tx.conn, &given.product_id)? else {
            return Err(
                invalid("stock level", index, "product_id", "is not a known product").into(),
            );
        };
        if said.is_file() {
            let stocked = level(tx, &given.product_id, given.stock, said, stamp)?;
            heard.changed += u64::from(stocked.changed);
            heard.kept += u64::from(stocked.kept);
        } else {
            set_level(tx, &old, given.stock, said, stamp)?;
            heard.changed += u64::from(old.stock != given.stock);
        }
    }
    Ok((version as u64, heard))
}

/// Units of product `pid` set aside beyond `expiry`. `total` adds as real numbers: `sum` of whole ones fails where they overflow, and
/// with it every reading of the catalogue.
pub(super) fn reserved(conn: &Connection, pid: i64, expiry: i64) -> rusqlite::Result<i64> {
    conn.prepare_cached(
        "SELECT CAST(total(l.quantity) AS INTEGER) FROM reservation_line l JOIN reservation r ON r.rid = l.rid \
         WHERE l.pid = ?1 AND r.state = 0 AND r.expires_at > ?2",
    )?
    .query_row((pid, expiry), |r| r.get(0))
}

fn find(conn: &Connection, id: &str, expiry: i64) -> Result<Option<(i64, Reservation)>, Fault> {
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
        ReservationState::Held if expires_at <= expiry => ReservationState::Expired,
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
    expiry: i64,
) -> Result<Reservation, Fault> {
    if wanted.reservation_id.is_empty() {
        wanted.reservation_id = new_id("res");
    } else if let Some((_, found)) = find(tx.conn, &wanted.reservation_id, expiry)? {
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
            Some(stock) => (stock - reserved(tx.conn, pid, expiry)?).max(0),
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
    moment: Moment,
) -> Result<Reservation, Fault> {
    let (rid, mut found) = find(tx.conn, id, moment.expiry)?.ok_or(StoreError::NotFound {
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
    tx.touch_catalogue();
    tx.conn
        .prepare_cached("UPDATE reservation SET state = ?2 WHERE rid = ?1")?
        .execute((rid, number))?;
    if as_state == ReservationState::Taken {
        let lines: Vec<(i64, i64)> = tx
            .conn
            .prepare_cached("SELECT pid, quantity FROM reservation_line WHERE rid = ?1")?
            .query_map([rid], |r| Ok((r.get(0)?, r.get(1)?)))?
            .collect::<Result<_, _>>()?;
        for (pid, quantity) in lines {
            leave(tx, pid, quantity, moment.now)?;
        }
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

fn read(body: &str) -> Result<Product, StoreError> {
    serde_json::from_str(body).map_err(|_| StoreError::Io {
        attempt: "reading the catalogue".into(),
        detail: "a product is not in its canonical form".into(),
    })
}

const ENTRY: &str = "SELECT p.id, p.stock, p.removed, p.seen_only, p.version, p.body, \
    (SELECT CAST(total(l.quantity) AS INTEGER) FROM reservation_line l JOIN reservation r ON r.rid = l.rid \
     WHERE l.pid = p.pid AND r.state = 0 AND r.expires_at > ?1) FROM product p";

fn entry(row: &rusqlite::Row<'_>) -> Result<CatalogueEntry, Fault> {
    let body: String = row.get(5)?;
    let mut product = read(&body)?;
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
    expiry: i64,
) -> Result<Vec<Option<CatalogueEntry>>, Fault> {
    let mut by_id = conn.prepare_cached(&format!("{ENTRY} WHERE p.id = ?2"))?;
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        let mut rows = by_id.query((expiry, id))?;
        found.push(rows.next()?.map(entry).transpose()?);
    }
    Ok(found)
}

/// Calls `take` with every product in order of first appearance.
pub(super) fn each<E: From<Fault> + From<rusqlite::Error>>(
    conn: &Connection,
    expiry: i64,
    mut take: impl FnMut(CatalogueEntry) -> Result<(), E>,
) -> Result<(), E> {
    let mut all = conn.prepare_cached(&format!("{ENTRY} ORDER BY p.pid"))?;
    let mut rows = all.query([expiry])?;
    while let Some(row) = rows.next()? {
        take(entry(row)?)?;
    }
    Ok(())
}

pub(super) fn snapshot(conn: &Connection, expiry: i64) -> Result<CatalogueSnapshot, Fault> {
    let version: i64 =
        conn.query_row("SELECT value FROM meta WHERE key = 'catalogue'", [], |r| {
            r.get(0)
        })?;
    let mut entries = Vec::new();
    each::<Fault>(conn, expiry, |entry| {
        entries.push(entry);
        Ok(())
    })?;
    Ok(CatalogueSnapshot {
        version: version as u64,
        entries,
    })
}
