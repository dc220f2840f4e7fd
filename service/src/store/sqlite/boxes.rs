//! Packs and boxes. The units of a pack's boxes that have not left are one reservation, so that boxes and the storefront
//! draw on the same count, and its size does not grow with the number of boxes.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};

use crate::store::check::invalid;
use crate::store::types::*;
use crate::store::StoreError;

use super::catalogue::{leave, reserved};
use super::clock::Moment;
use super::customers::person;
use super::writer::{Fault, Tx};

const PACKED: i64 = 0;
const SHIPPED: i64 = 1;
const DELIVERED: i64 = 2;
const CANCELLED: i64 = 3;

#[derive(Serialize, Deserialize)]
struct Body {
    lines: Vec<BoxLine>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    short: Option<BoxShortfall>,
    #[serde(default, skip_serializing_if = "BoxCare::is_nothing")]
    care: BoxCare,
    ask: serde_json::Value,
}

fn body_of(packed: &StoredBox) -> String {
    let body = serde_json::to_string(&Body {
        lines: packed.lines.clone(),
        short: packed.short.clone(),
        care: packed.care.clone(),
        ask: packed.ask.clone(),
    });
    // plain data with text keys always has a JSON form
    body.unwrap_or_default()
}

const BOX: &str =
    "SELECT b.id, i.id, p.id, b.state, b.locked, b.ship_at, b.version, b.at, b.body, \
    r.state = 0 AND r.expires_at > ?1, r.expires_at FROM box b JOIN pack p ON p.pack = b.pack \
    JOIN reservation r ON r.rid = p.rid LEFT JOIN identity i ON i.ident = b.ident";

fn row(row: &rusqlite::Row<'_>) -> Result<StoredBox, Fault> {
    let text: String = row.get(8)?;
    let body: Body = serde_json::from_str(&text).map_err(|_| StoreError::Io {
        attempt: "reading a box".into(),
        detail: "it is not in its canonical form".into(),
    })?;
    let held: bool = row.get(9)?;
    Ok(StoredBox {
        box_id: row.get(0)?,
        customer_id: row.get::<_, Option<String>>(1)?.unwrap_or_default(),
        pack_id: row.get(2)?,
        state: match row.get::<_, i64>(3)? {
            PACKED if !held => BoxState::Lapsed,
            PACKED => BoxState::Packed,
            SHIPPED => BoxState::Shipped,
            DELIVERED => BoxState::Delivered,
            _ => BoxState::Cancelled,
        },
        locked: row.get(4)?,
        ship_at: row.get(5)?,
        version: row.get::<_, i64>(6)? as u64,
        at: row.get(7)?,
        lines: body.lines,
        short: body.short,
        care: body.care,
        ask: body.ask,
    })
}

fn one(conn: &Connection, id: &str, expiry: i64) -> Result<Option<StoredBox>, Fault> {
    let mut found = conn.prepare_cached(&format!("{BOX} WHERE b.id = ?2"))?;
    let mut rows = found.query((expiry, id))?;
    rows.next()?.map(row).transpose()
}

fn collect(mut rows: rusqlite::Rows<'_>) -> Result<Vec<StoredBox>, Fault> {
    let mut found = Vec::new();
    while let Some(next) = rows.next()? {
        found.push(row(next)?);
    }
    Ok(found)
}

pub(super) fn read(
    conn: &Connection,
    query: &BoxQuery,
    expiry: i64,
) -> Result<Vec<StoredBox>, Fault> {
    match query {
        BoxQuery::Ids(ids) => {
            let mut found = Vec::with_capacity(ids.len());
            for id in ids {
                found.extend(one(conn, id, expiry)?);
            }
            Ok(found)
        }
        BoxQuery::Pack(pack, after, limit) => {
            let mut page = conn.prepare_cached(&format!(
                "{BOX} WHERE p.id = ?2 AND b.box > ifnull((SELECT box FROM box WHERE id = ?3), 0) \
                 ORDER BY b.box LIMIT ?4"
            ))?;
            let rows = page.query((expiry, pack, after, *limit as i64))?;
            collect(rows)
        }
        BoxQuery::Customer(id, limit) => {
            let mut found = Vec::new();
            let mut of = conn.prepare_cached(&format!(
                "{BOX} WHERE b.ident = ?2 ORDER BY ifnull(b.ship_at, b.at) DESC, b.box DESC LIMIT ?3"
            ))?;
            for member in person(conn, id)?.unwrap_or_default() {
                found.extend(collect(of.query((expiry, member.ident, *limit as i64))?)?);
            }
            found.sort_by_key(|b| std::cmp::Reverse(b.ship_at.unwrap_or(b.at)));
            found.truncate(*limit);
            Ok(found)
        }
    }
}

/// Calls `take` with every box of somebody who is known and their identity, in order of packing.
pub(super) fn each<E: From<Fault> + From<rusqlite::Error>>(
    conn: &Connection,
    expiry: i64,
    mut take: impl FnMut(i64, StoredBox) -> Result<(), E>,
) -> Result<(), E> {
    let mut all = conn.prepare(&format!("{BOX} WHERE i.id IS NOT NULL ORDER BY b.box"))?;
    let mut idents = conn.prepare("SELECT ident FROM box WHERE id = ?1")?;
    let mut rows = all.query([expiry])?;
    while let Some(next) = rows.next()? {
        let found = row(next)?;
        let ident = idents.query_row([&found.box_id], |r| r.get(0))?;
        take(ident, found)?;
    }
    Ok(())
}

/// Boxes of identity `ident`, called `id`, as documents.
pub(super) fn about(conn: &Connection, ident: i64, id: &str) -> Result<Vec<Document>, Fault> {
    let mut all =
        conn.prepare_cached("SELECT id, version, at, body FROM box WHERE ident = ?1 ORDER BY box")?;
    let mut rows = all.query([ident])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let body: String = row.get(3)?;
        found.push(Document {
            area: "boxes".into(),
            key: row.get(0)?,
            customer_id: Some(id.to_owned()),
            version: row.get::<_, i64>(1)? as u64,
            at: row.get(2)?,
            body: serde_json::from_str(&body).unwrap_or_default(),
        });
    }
    Ok(found)
}

pub(super) fn pack(conn: &Connection, id: &str) -> Result<Option<StoredPack>, Fault> {
    let found: Option<(i64, i64, String)> = conn
        .prepare_cached(
            "SELECT p.at, r.expires_at, p.body FROM pack p JOIN reservation r ON r.rid = p.rid \
             WHERE p.id = ?1",
        )?
        .query_row([id], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
        .optional()?;
    let Some((at, hold_until, body)) = found else {
        return Ok(None);
    };
    Ok(Some(StoredPack {
        pack_id: id.into(),
        at,
        hold_until,
        body: serde_json::from_str(&body).map_err(|_| StoreError::Io {
            attempt: "reading a pack".into(),
            detail: "it is not JSON".into(),
        })?,
    }))
}

pub(super) fn open(conn: &Connection, expiry: i64) -> Result<Vec<OpenBox>, Fault> {
    let mut all = conn.prepare(&format!("{BOX} WHERE b.state < 2"))?;
    let mut rows = all.query([expiry])?;
    let mut found = Vec::new();
    while let Some(next) = rows.next()? {
        let packed = row(next)?;
        if matches!(packed.state, BoxState::Packed | BoxState::Shipped) {
            found.push(OpenBox::of(&packed, next.get(10)?));
        }
    }
    Ok(found)
}

/// Number, stock and whether it was removed, of a product.
fn product(conn: &Connection, id: &str) -> Result<(i64, Option<i64>, bool), Fault> {
    let found = conn
        .prepare_cached("SELECT pid, stock, removed FROM product WHERE id = ?1")?
        .query_row([id], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
        .optional()?;
    found.ok_or_else(|| invalid("box", 0, "lines", "name a product that is not known").into())
}

/// Units of the product that are free of what is set aside beyond `expiry`.
fn available(conn: &Connection, id: &str, expiry: i64) -> Result<(i64, i64), Fault> {
    let (pid, stock, removed) = product(conn, id)?;
    let free = match stock {
        _ if removed => 0,
        Some(stock) => (stock - reserved(conn, pid, expiry)?).max(0),
        None => i64::MAX,
    };
    Ok((pid, free))
}

pub(super) fn keep(
    tx: &mut Tx<'_>,
    pack: &StoredPack,
    mut packed: Vec<StoredBox>,
    options: PackOptions,
    moment: Moment,
) -> Result<Vec<(usize, usize)>, Fault> {
    let Moment { now, expiry } = moment;
    let used = tx
        .conn
        .prepare_cached("SELECT 1 FROM pack WHERE id = ?1")?
        .exists([&pack.pack_id])?;
    if used {
        return Err(StoreError::PackExists.into());
    }
    for (index, packed) in packed.iter().enumerate() {
        let Some(old) = one(tx.conn, &packed.box_id, expiry)? else {
            continue;
        };
        match old.state {
            BoxState::Packed if options.replace => free(tx, &old)?,
            BoxState::Cancelled | BoxState::Lapsed => {}
            state => {
                return Err(StoreError::BoxExists {
                    index,
                    state: state.as_str(),
                }
                .into())
            }
        }
        tx.conn
            .prepare_cached("DELETE FROM box WHERE id = ?1")?
            .execute([&packed.box_id])?;
    }
    let mut wanted: BTreeMap<String, i64> = BTreeMap::new();
    for line in packed.iter().flat_map(|b| &b.lines) {
        *wanted.entry(line.product_id.clone()).or_insert(0) += 1;
    }
    let mut left_out = Vec::new();
    let mut numbers: Vec<(i64, i64)> = Vec::with_capacity(wanted.len());
    for (product_id, wanted) in wanted {
        let (pid, free) = available(tx.conn, &product_id, expiry)?;
        let units = if wanted <= free {
            wanted
        } else if options.partial {
            let short = usize::try_from(wanted - free).unwrap_or(usize::MAX);
            leave_out(&packed, &product_id, short, &mut left_out);
            free
        } else {
            return Err(StoreError::OutOfStock {
                product_id,
                wanted,
                available: free,
            }
            .into());
        };
        if units > 0 {
            numbers.push((pid, units));
        }
    }
    left_out.sort_unstable();
    for (at, line) in left_out.iter().rev() {
        packed[*at].lines.remove(*line);
    }
    tx.conn
        .prepare_cached("INSERT INTO reservation(id, expires_at, state) VALUES (?1, ?2, 0)")?
        .execute((
            format!("{PACK_RESERVATION}{}", pack.pack_id),
            pack.hold_until,
        ))?;
    let rid = tx.conn.last_insert_rowid();
    for (pid, units) in numbers {
        tx.conn
            .prepare_cached("INSERT INTO reservation_line(rid, pid, quantity) VALUES (?1, ?2, ?3)")?
            .execute((rid, pid, units))?;
    }
    tx.conn
        .prepare_cached("INSERT INTO pack(id, rid, at, body) VALUES (?1, ?2, ?3, ?4)")?
        .execute((&pack.pack_id, rid, pack.at, pack.body.to_string()))?;
    let number = tx.conn.last_insert_rowid();
    for packed in &packed {
        let ident = tx.ident_or_new(&packed.customer_id)?;
        tx.touch(ident, &packed.customer_id, 0);
        tx.conn
            .prepare_cached(
                "INSERT INTO box(id, pack, ident, state, locked, ship_at, version, at, body) \
                 VALUES (?1, ?2, ?3, 0, ?4, ?5, 1, ?6, ?7)",
            )?
            .execute((
                &packed.box_id,
                number,
                ident,
                packed.locked,
                packed.ship_at,
                now,
                body_of(packed),
            ))?;
    }
    tx.touch_catalogue();
    Ok(left_out)
}

/// Chooses `short` lines of the product to leave out: those that are worth least, none that is fixed while others are
/// left.
fn leave_out(
    packed: &[StoredBox],
    product_id: &str,
    short: usize,
    left_out: &mut Vec<(usize, usize)>,
) {
    let mut lines: Vec<(bool, f64, usize, usize)> = Vec::new();
    for (at, packed) in packed.iter().enumerate() {
        for (n, line) in packed.lines.iter().enumerate() {
            if line.product_id == product_id {
                lines.push((line.fixed, line.value, at, n));
            }
        }
    }
    lines.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
    left_out.extend(lines.into_iter().take(short).map(|(_, _, at, n)| (at, n)));
}

/// The reservation of the box's pack.
fn reservation(conn: &Connection, box_id: &str) -> Result<i64, Fault> {
    Ok(conn
        .prepare_cached("SELECT p.rid FROM box b JOIN pack p ON p.pack = b.pack WHERE b.id = ?1")?
        .query_row([box_id], |r| r.get(0))?)
}

/// Takes the box's units out of the reservation of its pack.
fn free(tx: &mut Tx<'_>, packed: &StoredBox) -> Result<(), Fault> {
    let rid = reservation(tx.conn, &packed.box_id)?;
    for line in &packed.lines {
        let (pid, _, _) = product(tx.conn, &line.product_id)?;
        change_line(tx, rid, pid, -1)?;
    }
    tx.touch_catalogue();
    Ok(())
}

/// Adds `more` units to a line of a reservation; a line without units goes.
fn change_line(tx: &mut Tx<'_>, rid: i64, pid: i64, more: i64) -> Result<(), Fault> {
    if more > 0 {
        tx.conn
            .prepare_cached(
                "INSERT INTO reservation_line(rid, pid, quantity) VALUES (?1, ?2, ?3) \
                 ON CONFLICT(rid, pid) DO UPDATE SET quantity = quantity + excluded.quantity",
            )?
            .execute((rid, pid, more))?;
        return Ok(());
    }
    tx.conn
        .prepare_cached(
            "UPDATE reservation_line SET quantity = quantity + ?3 WHERE rid = ?1 AND pid = ?2",
        )?
        .execute((rid, pid, more))?;
    tx.conn
        .prepare_cached(
            "DELETE FROM reservation_line WHERE rid = ?1 AND pid = ?2 AND quantity <= 0",
        )?
        .execute((rid, pid))?;
    Ok(())
}

pub(super) fn change(tx: &mut Tx<'_>, changed: &StoredBox, moment: Moment) -> Result<u64, Fault> {
    let Moment { now, expiry } = moment;
    let old = one(tx.conn, &changed.box_id, expiry)?.ok_or(StoreError::NotFound { what: "box" })?;
    if old.version != changed.version {
        return Err(StoreError::VersionMismatch {
            expected: changed.version,
            found: old.version,
        }
        .into());
    }
    if old.state != BoxState::Packed {
        return Err(StoreError::BoxClosed {
            state: old.state.as_str(),
        }
        .into());
    }
    let rid = reservation(tx.conn, &changed.box_id)?;
    let mut more: HashMap<&str, i64> = HashMap::new();
    for line in &old.lines {
        *more.entry(&line.product_id).or_insert(0) -= 1;
    }
    for line in &changed.lines {
        *more.entry(&line.product_id).or_insert(0) += 1;
    }
    for (product_id, units) in more {
        if units == 0 {
            continue;
        }
        let (pid, free) = available(tx.conn, product_id, expiry)?;
        if units > free {
            return Err(StoreError::OutOfStock {
                product_id: product_id.into(),
                wanted: units,
                available: free,
            }
            .into());
        }
        change_line(tx, rid, pid, units)?;
    }
    tx.conn
        .prepare_cached(
            "UPDATE box SET version = version + 1, locked = ?2, at = ?3, body = ?4 WHERE id = ?1",
        )?
        .execute((&changed.box_id, changed.locked, now, body_of(changed)))?;
    tx.touch_catalogue();
    Ok(old.version + 1)
}

pub(super) fn lock(
    tx: &mut Tx<'_>,
    ids: &[String],
    locked: bool,
    moment: Moment,
) -> Result<Vec<StoredBox>, Fault> {
    let Moment { now, expiry } = moment;
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        let mut packed = one(tx.conn, id, expiry)?.ok_or(StoreError::NotFound { what: "box" })?;
        if packed.state != BoxState::Packed {
            return Err(StoreError::BoxClosed {
                state: packed.state.as_str(),
            }
            .into());
        }
        if packed.locked != locked {
            tx.conn
                .prepare_cached(
                    "UPDATE box SET locked = ?2, version = version + 1, at = ?3 WHERE id = ?1",
                )?
                .execute((id, locked, now))?;
            packed.locked = locked;
            packed.version += 1;
            packed.at = now;
        }
        found.push(packed);
    }
    Ok(found)
}

pub(super) fn end(
    tx: &mut Tx<'_>,
    ids: &[String],
    end: BoxEnd,
    moment: Moment,
) -> Result<Vec<StoredBox>, Fault> {
    let Moment { now, expiry } = moment;
    let mut ended = Vec::with_capacity(ids.len());
    for id in ids {
        let mut found = one(tx.conn, id, expiry)?.ok_or(StoreError::NotFound { what: "box" })?;
        let (state, number) = match end {
            BoxEnd::Shipped => (BoxState::Shipped, SHIPPED),
            BoxEnd::Delivered => (BoxState::Delivered, DELIVERED),
            BoxEnd::Cancelled => (BoxState::Cancelled, CANCELLED),
        };
        match (found.state, state) {
            // said before, or overtaken
            (now, then) if now == then => {}
            (BoxState::Delivered, BoxState::Shipped) => {}
            (BoxState::Packed | BoxState::Lapsed, _) | (BoxState::Shipped, BoxState::Delivered) => {
                let here = found.state;
                if here == BoxState::Packed {
                    free(tx, &found)?;
                }
                if end != BoxEnd::Cancelled && here != BoxState::Shipped {
                    leave_stock(tx, &found, now)?;
                }
                tx.conn
                    .prepare_cached(
                        "UPDATE box SET state = ?2, version = version + 1, at = ?3 WHERE id = ?1",
                    )?
                    .execute((id, number, now))?;
                found.state = state;
                found.version += 1;
                found.at = now;
            }
            (here, _) => {
                return Err(StoreError::BoxClosed {
                    state: here.as_str(),
                }
                .into())
            }
        }
        ended.push(found);
    }
    Ok(ended)
}

/// Takes the box's units out of the stock for good.
fn leave_stock(tx: &mut Tx<'_>, packed: &StoredBox, now: i64) -> Result<(), Fault> {
    for line in &packed.lines {
        let (pid, _, _) = product(tx.conn, &line.product_id)?;
        leave(tx, pid, 1, now)?;
    }
    Ok(())
}

/// Deletes the boxes of identity `ident`; units of those that have not left are free again.
pub(super) fn erase(tx: &mut Tx<'_>, ident: i64) -> Result<(), Fault> {
    let ids: Vec<String> = tx
        .conn
        .prepare_cached("SELECT id FROM box WHERE ident = ?1")?
        .query_map([ident], |r| r.get(0))?
        .collect::<Result<_, _>>()?;
    for id in ids {
        // whether the reservation has expired makes no difference to what it holds
        if let Some(packed) = one(tx.conn, &id, i64::MIN)? {
            if packed.state == BoxState::Packed {
                free(tx, &packed)?;
            }
        }
        tx.conn
            .prepare_cached("DELETE FROM box WHERE id = ?1")?
            .execute([&id])?;
    }
    Ok(())
}
