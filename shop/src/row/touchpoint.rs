//! Touchpoints as rows, exactly as recorded.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::row::flag;
use crate::Kind;

/// Name of the attribute that says why something was given back, cancelled or complained about.
pub const REASON: &str = "reason";
/// Name of the attribute that says that a row is about a present.
pub const GIFT: &str = "gift";
/// Name of the attribute that says for which occasion.
pub const OCCASION: &str = "occasion";

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
    /// Packs, finite; 1 when absent; negative only for returns and cancellations, where the sign is dropped, and for
    /// purchases, which are returns then.
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

    /// The kind that the row, whose kind is `named`, is of: a purchase of a negative quantity or value is a return.
    pub fn kind_as_booked(&self, named: Kind) -> Kind {
        let refund = self.quantity < 0.0 || self.value.is_some_and(|value| value < 0.0);
        if named == Kind::PURCHASE && refund {
            Kind::RETURN
        } else {
            named
        }
    }

    /// Why something was given back, cancelled or complained about: attribute [`REASON`].
    pub fn reason(&self) -> Option<&str> {
        self.attributes.get(REASON).and_then(Value::as_str)
    }

    /// Whether the row is about a present for somebody else: attribute [`GIFT`] is true, or [`OCCASION`] is `gift` or `birthday`.
    pub fn is_gift(&self) -> bool {
        let occasion = self.attributes.get(OCCASION).and_then(Value::as_str);
        flag(&self.attributes, GIFT) || occasion.is_some_and(|o| matches!(o, "gift" | "birthday"))
    }
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

impl Delight {
    /// The questions by the names of their columns, with their answers.
    pub fn answers(&self) -> [(&'static str, Option<f64>); 9] {
        [
            ("surprised", self.surprised),
            ("inspired", self.inspired),
            ("again", self.again),
            ("expected", self.expected),
            ("actual", self.actual),
            ("relevant", self.relevant),
            ("unexpected", self.unexpected),
            ("novel", self.novel),
            ("timely", self.timely),
        ]
    }

    /// Whether the customer does not want another one: `again` is 1 or 2.
    pub fn regrets(&self) -> bool {
        self.again.is_some_and(|again| (1.0..=2.0).contains(&again))
    }
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
    /// The arm of the customer when it was decided: `personal` or `holdout`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arm: Option<String>,
}
