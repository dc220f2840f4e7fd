//! Checks of what comes in, the same for every store.

use serendib_engine::shop::{
    check_id, Customer, Delight, Fact, Product, Touchpoint, TouchpointError, PLAUSIBLE_MS,
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
        row.check().map_err(|error| match error {
            TouchpointError::Id { field, source } => invalid("touchpoint", index, field, source),
            TouchpointError::Nobody => invalid(
                "touchpoint",
                index,
                "customer_id",
                "is empty and there is no basket_id: an anonymous row needs a basket",
            ),
            TouchpointError::Range {
                field,
                found,
                expected,
            } => invalid(
                "touchpoint",
                index,
                field,
                format!("is {found}, expected {expected}"),
            ),
        })?;
        let at = effective_time("touchpoint", index, row.at, options)?;
        sort_attributes(&mut row.attributes);
        let touchpoint_id = row.touchpoint_id.take().unwrap_or_else(new_touchpoint_id);
        let body = canonical::touchpoint_body(&row, &touchpoint_id);
        if body.len() > limits.row_bytes {
            return Err(invalid(
                "touchpoint",
                index,
                "attributes",
                format!(
                    "make the row {} bytes, at most {} are allowed",
                    body.len(),
                    limits.row_bytes
                ),
            ));
        }
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

fn plausible(
    what: &'static str,
    index: usize,
    field: &'static str,
    at: Option<i64>,
) -> Result<(), StoreError> {
    match at {
        Some(at) if !PLAUSIBLE_MS.contains(&at) => Err(invalid(
            what,
            index,
            field,
            format!("is {at}, expected a time from 1901 to 2099"),
        )),
        _ => Ok(()),
    }
}

pub(crate) fn delights(
    batch: &[Delight],
    options: &RecordOptions,
    limits: &Limits,
) -> Result<(), StoreError> {
    const WHAT: &str = "delight";
    at_most("delights", batch.len(), limits.batch_rows)?;
    for (index, row) in batch.iter().enumerate() {
        id(WHAT, index, "customer_id", &row.customer_id)?;
        id(WHAT, index, "product_id", &row.product_id)?;
        if let Some(request) = &row.request_id {
            id(WHAT, index, "request_id", request)?;
        }
        plausible(WHAT, index, "at", Some(row.at))?;
        effective_time(WHAT, index, Some(row.at), options)?;
        let answers = [
            ("surprised", row.surprised),
            ("inspired", row.inspired),
            ("again", row.again),
            ("expected", row.expected),
            ("actual", row.actual),
            ("relevant", row.relevant),
            ("unexpected", row.unexpected),
            ("novel", row.novel),
            ("timely", row.timely),
        ];
        if answers.iter().all(|(_, answer)| answer.is_none()) {
            return Err(invalid(WHAT, index, "surprised", "no question is answered"));
        }
        for (field, answer) in answers {
            if let Some(stars) = answer.filter(|stars| !(1.0..=5.0).contains(stars)) {
                return Err(invalid(
                    WHAT,
                    index,
                    field,
                    format!("is {stars}, expected 1 to 5"),
                ));
            }
        }
    }
    Ok(())
}

pub(crate) fn customers(batch: &[Customer], limits: &Limits) -> Result<(), StoreError> {
    const WHAT: &str = "customer";
    at_most("customers", batch.len(), limits.batch_rows)?;
    for (index, row) in batch.iter().enumerate() {
        id(WHAT, index, "customer_id", &row.customer_id)?;
        for identity in &row.identities {
            id(WHAT, index, "identities", identity)?;
        }
        plausible(WHAT, index, "registered_at", row.registered_at)?;
        if let Some(locale) = &row.locale {
            id(WHAT, index, "locale", locale)?;
        }
        at_most("facts", row.facts.len(), limits.facts)?;
        at_most("identities", row.identities.len(), limits.identities)?;
        for fact in &row.facts {
            match fact {
                Fact::Clock {
                    clock,
                    anchor,
                    name,
                    kind,
                } => {
                    id(WHAT, index, "facts", clock)?;
                    for text in [name, kind].into_iter().flatten() {
                        id(WHAT, index, "facts", text)?;
                    }
                    if !is_date(anchor) {
                        return Err(invalid(
                            WHAT,
                            index,
                            "facts",
                            "an anchor is a date (2024-05-01) or a time (RFC 3339)",
                        ));
                    }
                }
                Fact::Free { key, .. } => id(WHAT, index, "facts", key)?,
            }
        }
        let bytes = canonical::profile_body(row).len();
        if bytes > limits.row_bytes {
            return Err(invalid(
                WHAT,
                index,
                "attributes",
                format!(
                    "make the row {bytes} bytes, at most {} are allowed",
                    limits.row_bytes
                ),
            ));
        }
    }
    Ok(())
}

fn is_date(text: &str) -> bool {
    chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
        || chrono::DateTime::parse_from_rfc3339(text).is_ok()
}

pub(crate) fn products(batch: &[Product], limits: &Limits) -> Result<(), StoreError> {
    const WHAT: &str = "product";
    at_most("products", batch.len(), limits.batch_rows)?;
    for (index, row) in batch.iter().enumerate() {
        id(WHAT, index, "product_id", &row.product_id)?;
        if let Some(parent) = &row.parent_id {
            id(WHAT, index, "parent_id", parent)?;
        }
        let amounts = [
            ("price", row.price),
            ("cost", row.cost),
            ("pack_quantity", row.pack_quantity),
            ("weight_g", row.weight_g),
            ("volume_ml", row.volume_ml),
        ];
        for (field, amount) in amounts {
            if let Some(x) = amount.filter(|x| !(x.is_finite() && *x >= 0.0)) {
                return Err(invalid(
                    WHAT,
                    index,
                    field,
                    format!("is {x}, expected a finite number ≥ 0"),
                ));
            }
        }
        if let Some(stock) = row.stock.filter(|stock| *stock < 0) {
            return Err(invalid(
                WHAT,
                index,
                "stock",
                format!("is {stock}, expected ≥ 0"),
            ));
        }
        let times = [
            ("launched_at", row.launched_at),
            ("available_from", row.available_from),
            ("available_until", row.available_until),
            ("expires_at", row.expires_at),
        ];
        for (field, at) in times {
            plausible(WHAT, index, field, at)?;
        }
        let bytes = canonical::product_body(row).len();
        if bytes > limits.row_bytes {
            return Err(invalid(
                WHAT,
                index,
                "attributes",
                format!(
                    "make the row {bytes} bytes, at most {} are allowed",
                    limits.row_bytes
                ),
            ));
        }
    }
    Ok(())
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
        if line.quantity <= 0 {
            return Err(invalid(
                "line",
                index,
                "quantity",
                format!("is {}, expected > 0", line.quantity),
            ));
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
    plausible(WHAT, index, "ship_at", packed.ship_at)?;
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
