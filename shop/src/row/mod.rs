//! Rows of a shop as they were recorded: products, customers, touchpoints.

use std::collections::BTreeMap;

use serde_json::Value;

mod boxes;
mod check;
mod customer;
mod product;
mod touchpoint;

pub use boxes::{BoxOrder, StockLot, MAX_EXCLUSIONS, MAX_EXCLUSION_BYTES, MAX_SLOTS};
pub use check::{
    check_amount, check_identities, check_identity, check_scale, check_text, check_time,
    check_units, Check, FieldError, MAX_IDENTITIES, MAX_UNITS, PLAUSIBLE_MS,
};
pub use customer::{Consents, Customer, Fact, Purpose};
pub use product::{ItemType, Product};
pub use touchpoint::{Delight, Served, Touchpoint};
#[cfg(feature = "tables")]
pub use touchpoint::{GIFT, OCCASION, REASON};

/// Columns of other names, by name.
pub type Attributes = BTreeMap<String, Value>;

/// Whether the attribute `name` says yes.
pub(crate) fn flag(attributes: &Attributes, name: &str) -> bool {
    match attributes.get(name) {
        Some(Value::Bool(yes)) => *yes,
        Some(Value::Number(number)) => number.as_f64() == Some(1.0),
        Some(Value::String(text)) => matches!(text.as_str(), "true" | "True" | "yes" | "1"),
        _ => false,
    }
}
