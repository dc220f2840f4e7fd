//! Touchpoints as rows, exactly as recorded.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{check_id, IdError};

/// One contact between a customer and the shop, as in the `touchpoints` table; `customer_id` and `kind` are required.
///
/// An empty `customer_id` with a `basket_id` is an anonymous basket. Times are milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Touchpoint {
    /// Who; empty for an anonymous basket.
    pub customer_id: String,
    /// What happened, see [`Kind`](crate::Kind).
    pub kind: String,
    pub product_id: Option<String>,
    /// Where (`web`, `app`, `store`, `phone`, …).
    pub channel: Option<String>,
    /// When; absent in a table without times, where the order of rows counts.
    pub at: Option<i64>,
    /// Packs, finite; 1 when absent; negative only for returns and cancellations, where the sign is dropped.
    pub quantity: f64,
    /// Money paid for the whole line, finite.
    pub value: Option<f64>,
    /// Rows of one order share it.
    pub basket_id: Option<String>,
    /// Depth: seconds, ≥ 0.
    pub duration_s: Option<f64>,
    /// Depth: pages, ≥ 0.
    pub pages: Option<u32>,
    pub campaign_id: Option<String>,
    /// Stars, 1 to 5.
    pub rating: Option<f64>,
    /// Product line a contact was about.
    pub product_line: Option<String>,
    /// The response that led here.
    pub request_id: Option<String>,
    /// Where on the page.
    pub placement: Option<String>,
    /// The recorder's own id, for idempotence.
    pub touchpoint_id: Option<String>,
    pub attributes: BTreeMap<String, serde_json::Value>,
}

/// Which field of a touchpoint is wrong, and how.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TouchpointError {
    /// An id field is not an id.
    #[error("{field}: {source}")]
    Id {
        /// Name of the field.
        field: &'static str,
        /// What is wrong with it.
        source: IdError,
    },
    /// Neither a customer nor a basket.
    #[error("customer_id is empty and there is no basket_id: an anonymous row needs a basket")]
    Nobody,
    /// A number is out of its range.
    #[error("{field} is {found}, expected {expected}")]
    Range {
        /// Name of the field.
        field: &'static str,
        found: String,
        expected: &'static str,
    },
}

/// 1901-01-01 and 2100-01-01 UTC in milliseconds: a time outside is a mistake. 1900 is what spreadsheets make of an empty
/// date, 2100 what programs write for "never".
pub const PLAUSIBLE_MS: std::ops::Range<i64> = -2_177_452_800_000..4_102_444_800_000;

impl Touchpoint {
    /// A touchpoint of `kind` by `customer_id`, quantity 1, everything else absent.
    pub fn new(customer_id: impl Into<String>, kind: impl Into<String>) -> Touchpoint {
        Touchpoint {
            customer_id: customer_id.into(),
            kind: kind.into(),
            quantity: 1.0,
            ..Touchpoint::default()
        }
    }

    /// Checks every field by itself: ids, ranges, finiteness, plausible time (1901 to 2099).
    pub fn check(&self) -> Result<(), TouchpointError> {
        if self.customer_id.is_empty() {
            if self.basket_id.is_none() {
                return Err(TouchpointError::Nobody);
            }
        } else {
            id("customer_id", Some(&self.customer_id))?;
        }
        id("kind", Some(&self.kind))?;
        id("product_id", self.product_id.as_deref())?;
        id("channel", self.channel.as_deref())?;
        id("basket_id", self.basket_id.as_deref())?;
        id("campaign_id", self.campaign_id.as_deref())?;
        id("product_line", self.product_line.as_deref())?;
        id("request_id", self.request_id.as_deref())?;
        id("placement", self.placement.as_deref())?;
        id("touchpoint_id", self.touchpoint_id.as_deref())?;
        let takes_back =
            crate::Kinds::known_by_name(&self.kind).is_some_and(crate::Kind::takes_back);
        if !self.quantity.is_finite() || (self.quantity < 0.0 && !takes_back) {
            return range(
                "quantity",
                self.quantity,
                "a finite number ≥ 0 (negative only for returns)",
            );
        }
        if let Some(value) = self.value.filter(|v| !v.is_finite()) {
            return range("value", value, "a finite number");
        }
        if let Some(seconds) = self.duration_s.filter(|s| !(s.is_finite() && *s >= 0.0)) {
            return range("duration_s", seconds, "a finite number ≥ 0");
        }
        if let Some(stars) = self.rating.filter(|r| !(1.0..=5.0).contains(r)) {
            return range("rating", stars, "1 to 5");
        }
        if let Some(at) = self.at.filter(|at| !PLAUSIBLE_MS.contains(at)) {
            return range("at", at, "a time from 1901 to 2099");
        }
        Ok(())
    }
}

fn id(field: &'static str, value: Option<&str>) -> Result<(), TouchpointError> {
    value.map_or(Ok(()), |value| {
        check_id(value).map_err(|source| TouchpointError::Id { field, source })
    })
}

fn range<T>(
    field: &'static str,
    found: impl std::fmt::Display,
    expected: &'static str,
) -> Result<T, TouchpointError> {
    Err(TouchpointError::Range {
        field,
        found: found.to_string(),
        expected,
    })
}

/// What a customer said of a surprise, as in the `delights` table; answers are 1 to 5.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Delight {
    pub customer_id: String,
    /// What was rated.
    pub product_id: String,
    pub at: i64,
    /// The response in which it was shown.
    pub request_id: Option<String>,
    /// Did it surprise?
    pub surprised: Option<f64>,
    /// Did it inspire?
    pub inspired: Option<f64>,
    /// Want one again?
    pub again: Option<f64>,
    /// How good they expected it to be.
    pub expected: Option<f64>,
    /// How good it was.
    pub actual: Option<f64>,
    /// Did it suit?
    pub relevant: Option<f64>,
    /// Was it unexpected?
    pub unexpected: Option<f64>,
    /// Was it new?
    pub novel: Option<f64>,
    /// Did it come at the right time?
    pub timely: Option<f64>,
}

/// One recommended item, as in the `served` table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Served {
    pub request_id: String,
    /// To whom; absent for a visitor nobody knows.
    pub customer_id: Option<String>,
    pub at: Option<i64>,
    /// Model that answered.
    pub model: Option<String>,
    /// Kind of list.
    pub list: Option<String>,
    /// Rank from 1.
    pub rank: Option<u32>,
    pub product_id: Option<String>,
    /// Probability of the draw, for a sampled slot.
    pub propensity: Option<f64>,
    /// The candidates of the draw with their propensities, JSON.
    pub candidates: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_names_the_field() {
        let mut row = Touchpoint::new("ada", "purchase");
        assert_eq!(row.check(), Ok(()));
        row.quantity = f64::NAN;
        assert!(row
            .check()
            .unwrap_err()
            .to_string()
            .starts_with("quantity is NaN"));
        row.quantity = -2.0;
        assert!(row.check().is_err());
        row.kind = "return".into();
        assert_eq!(row.check(), Ok(()));
        row.at = Some(-3_000_000_000_000);
        assert!(row.check().unwrap_err().to_string().starts_with("at is"));
        let nobody = Touchpoint::new("", "purchase");
        assert_eq!(nobody.check(), Err(TouchpointError::Nobody));
    }
}
