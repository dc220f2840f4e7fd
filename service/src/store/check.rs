//! Checks of what comes in, the same for every store.

use serendib_shop::{
    check_id, check_time, Check, Customer, Delight, FieldError, Product, Touchpoint, MAX_UNITS,
};

use super::canonical::{self, sort_attributes};
use super::types::*;
use super::StoreError;

/// The time of a row that has none: before all others.
pub(crate) const UNTIMED: i64 = i64::MIN;

pub(crate) fn invalid(
    what: &'static str,
    index: usize,
    field: impl Into<String>,
    reason: impl std::fmt::Display,
) -> StoreError {
    StoreError::Invalid {
        what,
        index,
        field: field.into(),
        reason: reason.to_string(),
    }
}

/// The verdict on row `index` of a batch.
fn row(what: &'static str, index: usize, row: &impl Check) -> Result<(), StoreError> {
    row.check()
        .map_err(|FieldError { field, message }| invalid(what, index, field, message))
}

/// A touchpoint that passed all checks, ready to store.
#[derive(Debug)]
pub(crate) struct Ready {
    pub row: Touchpoint,
    /// As sent, or new.
    pub touchpoint_id: String,
    /// When it counts; [`UNTIMED`] for none.
    pub at: i64,
    pub body: String,
    /// Keyed hash of the id, for stores that keep one.
    pub tid: [u8; 16],
}

/// Checks a batch and gives ids to rows without.
pub(crate) fn touchpoints(
    batch: Vec<Touchpoint>,
    options: &RecordOptions,
    limits: &Limits,
) -> Result<Vec<Ready>, StoreError> {
    at_most("touchpoints", batch.len(), limits.batch_rows)?;
    let mut ready = Vec::with_capacity(batch.len());
    for (index, mut row) in batch.into_iter().enumerate() {
        self::row("touchpoint", index, &row)?;
        let at = effective_time("touchpoint", index, row.at, options)?;
        sort_attributes(&mut row.attributes);
        let touchpoint_id = row.touchpoint_id.take().unwrap_or_else(new_touchpoint_id);
        let body = canonical::touchpoint_body(&row, &touchpoint_id);
        ready.push(Ready {
            row,
            touchpoint_id,
            at,
            body,
            tid: [0; 16],
        });
    }
    Ok(ready)
}

fn effective_time(
    what: &'static str,
    index: usize,
    sent: Option<i64>,
    options: &RecordOptions,
) -> Result<i64, StoreError> {
    match sent {
        None if options.assign_time => Ok(options.now),
        None => Ok(UNTIMED),
        Some(at) if at > options.now.saturating_add(options.future_ms) => match options.future {
            Future::Clamp => Ok(options.now),
            Future::Refuse => Err(invalid(
                what,
                index,
                "at",
                format!(
                    "is {} s ahead of this server's clock, at most {} s are allowed",
                    (at - options.now) / 1000,
                    options.future_ms / 1000
                ),
            )),
        },
        Some(at) => Ok(at),
    }
}

fn new_touchpoint_id() -> String {
    format!("sd-{:032x}", rand::random::<u128>())
}

pub(crate) fn new_id(prefix: &str) -> String {
    format!("{prefix}-{:032x}", rand::random::<u128>())
}

pub(crate) fn at_most(field: &'static str, found: usize, limit: usize) -> Result<(), StoreError> {
    if found > limit {
        return Err(StoreError::TooMany {
            field,
            found,
            limit,
        });
    }
    Ok(())
}

pub(crate) fn id(
    what: &'static str,
    index: usize,
    field: &'static str,
    id: &str,
) -> Result<(), StoreError> {
    check_id(id).map_err(|error| invalid(what, index, field, error))
}

pub(crate) fn delights(
    batch: &[Delight],
    options: &RecordOptions,
    limits: &Limits,
) -> Result<(), StoreError> {
    const WHAT: &str = "delight";
    at_most("delights", batch.len(), limits.batch_rows)?;
    for (index, row) in batch.iter().enumerate() {
        self::row(WHAT, index, row)?;
        effective_time(WHAT, index, Some(row.at), options)?;
    }
    Ok(())
}

pub(crate) fn customers(batch: &[Customer], limits: &Limits) -> Result<(), StoreError> {
    at_most("customers", batch.len(), limits.batch_rows)?;
    let mut rows = batch.iter().enumerate();
    rows.try_for_each(|(index, customer)| row("customer", index, customer))
}

pub(crate) fn products(batch: &[Product], limits: &Limits) -> Result<(), StoreError> {
    at_most("products", batch.len(), limits.batch_rows)?;
    let mut rows = batch.iter().enumerate();
    rows.try_for_each(|(index, product)| row("product", index, product))
}

pub(crate) fn reservation(reservation: &Reservation, now: i64) -> Result<(), StoreError> {
    const WHAT: &str = "reservation";
    if !reservation.reservation_id.is_empty() {
        id(WHAT, 0, "reservation_id", &reservation.reservation_id)?;
    }
    if reservation.lines.is_empty() {
        return Err(invalid(WHAT, 0, "lines", "there are none"));
    }
    at_most("lines", reservation.lines.len(), 10_000)?;
    if reservation.expires_at <= now {
        return Err(invalid(WHAT, 0, "expires_at", "is not in the future"));
    }
    let mut seen = std::collections::HashSet::new();
    for (index, line) in reservation.lines.iter().enumerate() {
        id("line", index, "product_id", &line.product_id)?;
        if line.quantity <= 0 || line.quantity > MAX_UNITS {
            let wrong = format!("is {}, expected 1 to {MAX_UNITS}", line.quantity);
            return Err(invalid("line", index, "quantity", wrong));
        }
        if !seen.insert(&line.product_id) {
            return Err(invalid("line", index, "product_id", "appears twice"));
        }
    }
    Ok(())
}

pub(crate) fn document(document: &Document, limits: &Limits) -> Result<(), StoreError> {
    const WHAT: &str = "document";
    id(WHAT, 0, "area", &document.area)?;
    id(WHAT, 0, "key", &document.key)?;
    if let Some(customer) = &document.customer_id {
        id(WHAT, 0, "customer_id", customer)?;
    }
    let bytes = document.body.to_string().len();
    if bytes > limits.document_bytes {
        return Err(invalid(
            WHAT,
            0,
            "body",
            format!(
                "has {bytes} bytes, at most {} are allowed",
                limits.document_bytes
            ),
        ));
    }
    Ok(())
}

pub(crate) fn pack(
    pack: &StoredPack,
    boxes: &[StoredBox],
    limits: &Limits,
    now: i64,
) -> Result<(), StoreError> {
    id("pack", 0, "pack_id", &pack.pack_id)?;
    if pack.hold_until <= now {
        return Err(invalid("pack", 0, "hold_until", "is not in the future"));
    }
    let mut seen = std::collections::HashSet::new();
    for (index, packed) in boxes.iter().enumerate() {
        packed_box(index, packed, limits)?;
        if !seen.insert(&packed.box_id) {
            return Err(invalid("box", index, "box_id", "appears twice"));
        }
    }
    Ok(())
}

pub(crate) fn packed_box(
    index: usize,
    packed: &StoredBox,
    limits: &Limits,
) -> Result<(), StoreError> {
    const WHAT: &str = "box";
    id(WHAT, index, "box_id", &packed.box_id)?;
    id(WHAT, index, "customer_id", &packed.customer_id)?;
    check_time("ship_at", packed.ship_at)
        .map_err(|FieldError { field, message }| invalid(WHAT, index, field, message))?;
    for line in &packed.lines {
        id(WHAT, index, "lines", &line.product_id)?;
    }
    let bytes = packed.ask.to_string().len() + 64 * packed.lines.len();
    if bytes > limits.row_bytes {
        let reason = format!(
            "makes the box {bytes} bytes, at most {} are allowed",
            limits.row_bytes
        );
        return Err(invalid(WHAT, index, "ask", reason));
    }
    Ok(())
}
