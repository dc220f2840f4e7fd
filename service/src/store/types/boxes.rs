//! Packed boxes and what they were packed in.

use serde::{Deserialize, Serialize};

/// Before the id of a pack, the id of the reservation that holds the units of its boxes.
pub const PACK_RESERVATION: &str = "box-pack:";

/// How far a box is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoxState {
    /// Packed on paper: its units are set aside, its lines may still change.
    Packed,
    /// It left: its units are out of the stock.
    Shipped,
    /// The customer has it.
    Delivered,
    /// Given up: its units are free again.
    Cancelled,
    /// Never shipped, and the time for which its units were set aside is over.
    Lapsed,
}

impl BoxState {
    /// The word in texts.
    pub fn as_str(self) -> &'static str {
        match self {
            BoxState::Packed => "packed",
            BoxState::Shipped => "shipped",
            BoxState::Delivered => "delivered",
            BoxState::Cancelled => "cancelled",
            BoxState::Lapsed => "lapsed",
        }
    }
}

/// Why a line is in a box.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BoxReason {
    pub code: String,
    /// The product it refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_id: Option<String>,
    /// Its part of the line's relevance.
    pub contribution: f64,
    pub sentence: String,
}

/// One line of a box: one unit of a product.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BoxLine {
    pub product_id: String,
    /// Whether it is a surprise.
    pub surprise: bool,
    /// Whether it was pinned, kept or locked.
    pub fixed: bool,
    /// What it is worth to this subscriber.
    pub value: f64,
    /// Products that could take its place, best first.
    pub stand_ins: Vec<String>,
    /// Probability of the draw, where it was drawn at random.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub propensity: Option<f64>,
    /// What ratings and touchpoints bring back, for a surprise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub served_id: Option<String>,
    /// The lot to take it from, where lots are told apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lot: Option<String>,
    /// Why it is there.
    pub reasons: Vec<BoxReason>,
}

/// What a box lacks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BoxShortfall {
    /// Empty regular slots.
    pub regular: u32,
    /// Empty surprise slots.
    pub surprise: u32,
    /// The constraint at fault.
    pub fault: String,
    pub details: Vec<String>,
}

/// What care asked when a box was packed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BoxCare {
    /// Whether a person should look at it before it leaves.
    pub hand_over: bool,
    /// The rule for which no surprise was drawn; `None` = none held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<String>,
}

impl BoxCare {
    /// Whether care asked for nothing.
    pub fn is_nothing(&self) -> bool {
        *self == BoxCare::default()
    }
}

/// A box as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredBox {
    /// Id, unique in the store.
    pub box_id: String,
    /// The subscriber, under the id that the box was packed for.
    pub customer_id: String,
    /// The pack that it belongs to.
    pub pack_id: String,
    /// How far it is.
    pub state: BoxState,
    /// Whether its contents are to stay.
    pub locked: bool,
    /// When it leaves, ms.
    pub ship_at: Option<i64>,
    /// 1 when packed, one more with every change.
    pub version: u64,
    /// When it was last changed, ms.
    pub at: i64,
    pub lines: Vec<BoxLine>,
    /// What it lacks; `None` for a full box.
    pub short: Option<BoxShortfall>,
    /// What care asked when it was packed.
    pub care: BoxCare,
    /// How it was asked for, in the words of whoever packs.
    pub ask: serde_json::Value,
}

/// A pack as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredPack {
    /// Id, unique in the store.
    pub pack_id: String,
    /// When it was packed, ms.
    pub at: i64,
    /// Until when its units are set aside, ms.
    pub hold_until: i64,
    /// Prices, rules and summary, in the words of whoever packs; names no customer and no box.
    pub body: serde_json::Value,
}

/// How a pack meets what is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PackOptions {
    /// Boxes with these ids that are packed and have not left are packed anew; their units are free again in the same
    /// moment. Otherwise they are refused.
    pub replace: bool,
    /// Lines of which there is not enough any more are left out instead of refusing the whole.
    pub partial: bool,
}

/// Which boxes to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BoxQuery {
    /// These, in any order; unknown ones are left out.
    Ids(Vec<String>),
    /// Those of a pack, in the order packed, after the box with this id, at most so many.
    Pack(String, Option<String>, usize),
    /// The newest so many of the person behind any of their ids, latest ship date first.
    Customer(String, usize),
}

/// What becomes of a packed box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoxEnd {
    /// It left: its units leave the stock.
    Shipped,
    /// The customer has it; a box that was not said to have left has left too.
    Delivered,
    /// It is given up: its units are free again.
    Cancelled,
}

/// A box that is packed or on its way: nobody should see its surprises before it is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenBox {
    pub box_id: String,
    /// Whose, under the id that it was packed for.
    pub customer_id: String,
    pub surprises: Vec<String>,
    /// It has lapsed from then on unless it left, ms.
    pub until: i64,
}

impl OpenBox {
    /// That of `stored`, whose units are set aside until `hold_until`.
    pub fn of(stored: &StoredBox, hold_until: i64) -> OpenBox {
        let surprises = stored.lines.iter().filter(|line| line.surprise);
        OpenBox {
            box_id: stored.box_id.clone(),
            customer_id: stored.customer_id.clone(),
            surprises: surprises.map(|line| line.product_id.clone()).collect(),
            until: match stored.state {
                BoxState::Packed => hold_until,
                _ => i64::MAX,
            },
        }
    }
}
