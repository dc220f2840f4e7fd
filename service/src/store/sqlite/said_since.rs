//! What people said after a backup was made, carried over from the store that its restore replaces: consents, and what they hide or
//! do not hide any more. Erasures since hold by their ledger.

use rusqlite::{Connection, Row};
use serde::Serialize;
use serendib_shop::keyed::Domain;
use serendib_shop::{Customer, Purpose, Touchpoint};

use crate::store::authority::Stamp;
use crate::store::check::Ready;
use crate::store::profile::Stamps;
use crate::store::types::*;
use crate::store::StoreError;

use super::writer::{Fault, Tx};
use super::{clock, customers, hides, record, SqliteStore};

/// What was carried over from the store that was replaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SaidSince {
    /// Consents that are other than in the backup.
    pub consents: u64,
    /// Touchpoints that hide a product, or undo that.
    pub hides: u64,
    /// Whether everything that was said could be read.
    pub whole: bool,
}

/// What was said of each purpose, and when.
pub(super) type Stated = Vec<(Purpose, Option<bool>, Stamp)>;

/// Carries over into `store`, a backup that is being restored, what the store in `replaced` heard and it did not. A store that cannot
/// be read to its end gives what could be read: it may well be why there is a restore.
///
/// # Errors
/// `store` does not write.
pub(super) async fn carry_over(
    store: &SqliteStore,
    replaced: Connection,
    now: i64,
) -> Result<SaidSince, StoreError> {
    let carried = store.alone(move |writer| {
        writer.alone(|tx| {
            let mut said = SaidSince::default();
            let consents = each(&replaced, CONSENTS, stated, |(id, stated)| {
                said.consents += customers::restate(tx, &id, stated, "restore", now)?;
                Ok(())
            })?;
            let hides = each(&replaced, HIDES, hidden, |hidden| {
                said.hides += hide(tx, hidden, now)?;
                Ok(())
            })?;
            // a clock that was doubted is no better by an older store
            let clock = clock::take_over(tx.conn, &replaced).is_ok();
            said.whole = consents && hides && clock;
            Ok(said)
        })
    });
    carried.await
}

/// Hands what `read` makes of every row of `sql` to `take`; whether all could be read.
fn each<T>(
    replaced: &Connection,
    sql: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    mut take: impl FnMut(T) -> Result<(), Fault>,
) -> Result<bool, Fault> {
    let Ok(mut statement) = replaced.prepare(sql) else {
        return Ok(false);
    };
    let Ok(rows) = statement.query_map([], read) else {
        return Ok(false);
    };
    for row in rows {
        match row {
            Ok(row) => take(row)?,
            Err(_) => return Ok(false),
        }
    }
    Ok(true)
}

const CONSENTS: &str = "SELECT id, profile, stamps FROM identity \
    WHERE id IS NOT NULL AND profile IS NOT NULL AND stamps IS NOT NULL ORDER BY ident";

/// What an identity said of consents.
fn stated(row: &Row<'_>) -> rusqlite::Result<(String, Stated)> {
    let json = |error| rusqlite::Error::ToSqlConversionFailure(Box::new(error));
    let profile: Customer = serde_json::from_str(&row.get::<_, String>(1)?).map_err(json)?;
    let stamps: Stamps = serde_json::from_str(&row.get::<_, String>(2)?).map_err(json)?;
    let of = |purpose: Purpose| {
        let stamp = stamps.consents.get(purpose.as_str())?;
        Some((purpose, profile.consents.said(purpose), *stamp))
    };
    Ok((
        row.get(0)?,
        Purpose::ALL.into_iter().filter_map(of).collect(),
    ))
}

const HIDES: &str = "SELECT i.id, t.at, t.body, json_extract(t.body, '$.kind') FROM touchpoint t \
    JOIN identity i ON i.ident = t.ident WHERE i.id IS NOT NULL AND i.ident > 0 ORDER BY t.seq";

/// Time, text and row of a touchpoint that hides a product or undoes that; `None` of any other.
fn hidden(row: &Row<'_>) -> rusqlite::Result<Option<(i64, String, Touchpoint)>> {
    if !hides::is_statement(row.get_ref(3)?.as_str()?) {
        return Ok(None);
    }
    let (id, at, body): (String, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let unreadable = |error| rusqlite::Error::ToSqlConversionFailure(Box::new(error));
    let row = customers::touchpoint(&body, at, &id).map_err(unreadable)?;
    Ok(Some((at, body, row)))
}

/// Stores such a touchpoint as it was stored; how many are new.
fn hide(
    tx: &mut Tx<'_>,
    hidden: Option<(i64, String, Touchpoint)>,
    now: i64,
) -> Result<u64, Fault> {
    let Some((at, body, mut row)) = hidden else {
        return Ok(0);
    };
    let touchpoint_id = row.touchpoint_id.take().unwrap_or_default();
    let ready = Ready {
        tid: tx.shared.key.hash(Domain::Touchpoint, &touchpoint_id),
        row,
        touchpoint_id,
        at,
        body,
    };
    match record::touchpoints(tx, vec![ready], &RecordOptions::load(now)) {
        Ok(recorded) => Ok(recorded.count(Status::Stored) as u64),
        // by the backup, which is older, the id is something else
        Err(Fault::Refused(StoreError::AlreadyExists { .. })) => Ok(0),
        Err(fault) => Err(fault),
    }
}
