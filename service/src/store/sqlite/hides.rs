//! What a customer asks never to see again: it holds until they undo it, however long ago they said so.

use rusqlite::Connection;
use serendib_shop::Kinds;

use super::customers::kinds_of;

/// Whether a touchpoint of this kind hides its product, or undoes that.
pub(super) fn is_statement(kind: &str) -> bool {
    Kinds::known_by_name(kind).is_some_and(|kind| kind.hides() || kind.unhides())
}

/// Whether the identity said something later than `at` of hiding the product: then what it said before counts for nothing.
///
/// Of one moment everything counts, since a no beats a yes there.
pub(super) fn overtaken(
    conn: &Connection,
    ident: i64,
    product_id: &str,
    at: i64,
) -> rusqlite::Result<bool> {
    let mut later = conn.prepare_cached(
        "SELECT 1 FROM touchpoint WHERE ident = ?1 AND json_extract(body, '$.kind') = ?2 AND at > ?3 \
         AND json_extract(body, '$.product_id') = ?4 LIMIT 1",
    )?;
    for kind in kinds_of(conn, ident)? {
        if is_statement(&kind) && later.exists((ident, &kind, at, product_id))? {
            return Ok(true);
        }
    }
    Ok(false)
}
