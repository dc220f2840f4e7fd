//! Small versioned documents and the audit log.

use rusqlite::{Connection, OptionalExtension};

use crate::store::types::*;
use crate::store::StoreError;

use super::writer::{Fault, Tx};

const DOCUMENT: &str = "SELECT d.area, d.key, i.id, d.version, d.at, d.body FROM document d \
    LEFT JOIN identity i ON i.ident = d.ident";

fn read(row: &rusqlite::Row<'_>) -> Result<Document, Fault> {
    let body: String = row.get(5)?;
    Ok(Document {
        area: row.get(0)?,
        key: row.get(1)?,
        customer_id: row.get(2)?,
        version: row.get::<_, i64>(3)? as u64,
        at: row.get(4)?,
        body: serde_json::from_str(&body).map_err(|_| StoreError::Io {
            attempt: "reading a document".into(),
            detail: "it is not JSON".into(),
        })?,
    })
}

pub(super) fn put(
    tx: &mut Tx<'_>,
    document: &Document,
    expected: Option<u64>,
) -> Result<u64, Fault> {
    let found = tx
        .conn
        .prepare_cached("SELECT version FROM document WHERE area = ?1 AND key = ?2")?
        .query_row((&document.area, &document.key), |r| r.get::<_, i64>(0))
        .optional()?
        .unwrap_or(0) as u64;
    if let Some(expected) = expected.filter(|expected| *expected != found) {
        return Err(StoreError::VersionMismatch { expected, found }.into());
    }
    let ident = match &document.customer_id {
        Some(id) => {
            let ident = tx.ident_or_new(id)?;
            tx.touch(ident, id, 0);
            Some(ident)
        }
        None => None,
    };
    tx.conn
        .prepare_cached(
            "INSERT INTO document(area, key, ident, version, at, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
             ON CONFLICT(area, key) DO UPDATE SET ident = excluded.ident, version = excluded.version, \
             at = excluded.at, body = excluded.body",
        )?
        .execute((
            &document.area,
            &document.key,
            ident,
            found as i64 + 1,
            document.at,
            document.body.to_string(),
        ))?;
    Ok(found + 1)
}

pub(super) fn get(conn: &Connection, area: &str, key: &str) -> Result<Option<Document>, Fault> {
    let mut one = conn.prepare_cached(&format!("{DOCUMENT} WHERE d.area = ?1 AND d.key = ?2"))?;
    let mut rows = one.query((area, key))?;
    rows.next()?.map(read).transpose()
}

/// Documents about identity `ident`.
pub(super) fn about(conn: &Connection, ident: i64) -> Result<Vec<Document>, Fault> {
    let mut all = conn.prepare_cached(&format!(
        "{DOCUMENT} WHERE d.ident = ?1 ORDER BY d.area, d.key"
    ))?;
    let mut rows = all.query([ident])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

pub(super) fn audit(
    conn: &Connection,
    after: u64,
    limit: usize,
    subject: Option<&[u8]>,
) -> Result<Vec<AuditEntry>, Fault> {
    let mut page = conn.prepare_cached(
        "SELECT seq, at, action, subject, caller, detail FROM audit \
         WHERE seq > ?1 AND (?2 IS NULL OR subject = ?2) ORDER BY seq LIMIT ?3",
    )?;
    let rows = page.query_map((after as i64, subject, limit as i64), |r| {
        Ok((
            r.get::<_, i64>(0)?,
            r.get::<_, i64>(1)?,
            r.get::<_, String>(2)?,
            r.get::<_, Vec<u8>>(3)?,
            r.get::<_, String>(4)?,
            r.get::<_, String>(5)?,
        ))
    })?;
    let mut entries = Vec::new();
    for row in rows {
        let (seq, at, action, subject, by, detail) = row?;
        let action = AuditAction::parse(&action).ok_or_else(|| StoreError::Io {
            attempt: "reading the audit log".into(),
            detail: format!("{action:?} is not an action"),
        })?;
        entries.push(AuditEntry {
            seq: seq as u64,
            at,
            action,
            subject: hex::encode(subject),
            by,
            detail,
        });
    }
    Ok(entries)
}
