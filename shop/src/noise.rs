//! Attributes by which importers and shops mark rows that say nothing about taste.
//!
//! - Touchpoint attribute `pooled`: the row belongs to a pooled order, that is many people's orders booked as one.
//! - Product attribute `non_product`: the entry is no thing that is sold, but postage, a fee, a correction.
//!
//! True is `true`, 1, `"true"`, `"yes"` or `"1"`.

use crate::{Product, Touchpoint};
use serde_json::Value;

use crate::row::Attributes;

/// Name of the touchpoint attribute.
pub const POOLED: &str = "pooled";
/// Name of the product attribute.
pub const NON_PRODUCT: &str = "non_product";

fn flag(attributes: &Attributes, name: &str) -> bool {
    match attributes.get(name) {
        Some(Value::Bool(yes)) => *yes,
        Some(Value::Number(number)) => number.as_f64() == Some(1.0),
        Some(Value::String(text)) => matches!(text.as_str(), "true" | "True" | "yes" | "1"),
        _ => false,
    }
}

/// Whether the row belongs to a pooled order.
pub fn is_pooled(row: &Touchpoint) -> bool {
    flag(&row.attributes, POOLED)
}

/// Whether the product is no thing that is sold.
pub fn is_non_product(product: &Product) -> bool {
    flag(&product.attributes, NON_PRODUCT)
}
