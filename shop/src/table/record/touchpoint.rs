//! Columns of `touchpoints` (and `held_out`), `delights` and `served`.

use crate::directory::Erasures;
use crate::{Delight, Served, Touchpoint};

use super::{column, Attributes, Column, Record};
use crate::money::CURRENCY;
use crate::noise::POOLED;
use crate::row::{GIFT, OCCASION, REASON};
use crate::table::cell::Cell;

impl Record for Touchpoint {
    const COLUMNS: &'static [Column<Self>] = &[
        column!("customer_id", Text, Column, customer_id, "Who; empty in an anonymous basket, which needs a `basket_id`. Id of 1 to 256 bytes without control characters, as all ids."),
        column!("kind", Text, Cell, kind, "What happened: a known kind or a common synonym, whatever the case (see touchpoint kinds), or one of the shop's own."),
        column!("product_id", Text, Optional, product_id, "What it was about."),
        column!("channel", Text, Optional, channel, "Where: `web`, `app`, `store`, `phone`, …"),
        column!("at", Time, Optional, at, "When, 1901 to 2099 and not in the future; in all rows of the table or in none. In one form in the whole column, see times."),
        column!(@ "quantity", Float, Optional, "Packs, ≥ 0; 1 when absent; below 0 only for returns and cancellations, and for purchases, which are returns then.",
            |row, cell| { row.quantity = cell.to_number()?; Ok(()) },
            |row| Cell::Float(row.quantity)),
        column!("value", Float, Optional, value, "Money paid for the whole line, in the shop's currency unless a column `currency` says otherwise."),
        column!("basket_id", Text, Optional, basket_id, "Shared by the rows of one order."),
        column!("duration_s", Float, Optional, duration_s, "How long it lasted, seconds, ≥ 0."),
        column!("pages", Int, Optional, pages, "How many pages were looked at, ≥ 0."),
        column!("campaign_id", Text, Optional, campaign_id, "The campaign that it belongs to."),
        column!("rating", Float, Optional, rating, "Stars, 1 to 5."),
        column!("product_line", Text, Optional, product_line, "The product line that a contact was about."),
        column!("request_id", Text, Optional, request_id, "The answer that led here."),
        column!("placement", Text, Optional, placement, "Where on the page."),
        column!("touchpoint_id", Text, Optional, touchpoint_id, "The recorder's own id: rows of one id are one touchpoint, the first of them."),
        column!("attributes", Attributes, Optional, attributes, "Anything else, a JSON object of at most 64 KiB; columns of other names are added to it. `reason` says why something was given back, cancelled or complained about, `gift` or `occasion` (`gift`, `birthday`) that it was for somebody else."),
    ];

    const ATTRIBUTES: &'static [&'static str] = &[POOLED, CURRENCY, REASON, GIFT, OCCASION];

    fn forget(&mut self, erasures: &Erasures) -> bool {
        !erasures.gone(&self.customer_id, self.at)
    }

    fn blank() -> Self {
        Touchpoint::new("", "")
    }

    fn attributes_mut(&mut self) -> Option<&mut Attributes> {
        Some(&mut self.attributes)
    }

    fn happened_at(&self) -> Option<i64> {
        self.at
    }
}

impl Record for Delight {
    const COLUMNS: &'static [Column<Self>] = &[
        column!("customer_id", Text, Cell, customer_id, "Who rated."),
        column!("product_id", Text, Cell, product_id, "What was rated."),
        column!(@ "at", Time, Cell, "When, not in the future.",
            |row, cell| { row.at = cell.to_time()?; Ok(()) },
            |row| Cell::Time(row.at)),
        column!(
            "request_id",
            Text,
            Optional,
            request_id,
            "The answer in which it was shown."
        ),
        column!(
            "surprised",
            Float,
            Optional,
            surprised,
            "Did it surprise? 1 to 5; at least one of the questions is answered."
        ),
        column!(
            "inspired",
            Float,
            Optional,
            inspired,
            "Did it inspire? 1 to 5."
        ),
        column!("again", Float, Optional, again, "Want one again? 1 to 5."),
        column!(
            "expected",
            Float,
            Optional,
            expected,
            "How good it was expected to be, 1 to 5."
        ),
        column!(
            "actual",
            Float,
            Optional,
            actual,
            "How good it was, 1 to 5."
        ),
        column!(
            "relevant",
            Float,
            Optional,
            relevant,
            "Did it suit? 1 to 5."
        ),
        column!(
            "unexpected",
            Float,
            Optional,
            unexpected,
            "Was it unexpected? 1 to 5."
        ),
        column!("novel", Float, Optional, novel, "Was it new? 1 to 5."),
        column!(
            "timely",
            Float,
            Optional,
            timely,
            "Did it come at the right time? 1 to 5."
        ),
    ];

    fn forget(&mut self, erasures: &Erasures) -> bool {
        !erasures.gone(&self.customer_id, Some(self.at))
    }

    fn blank() -> Self {
        Delight::default()
    }
    fn happened_at(&self) -> Option<i64> {
        Some(self.at)
    }
}

impl Record for Served {
    const COLUMNS: &'static [Column<Self>] = &[
        column!("request_id", Text, Cell, request_id, "The answer."),
        column!(
            "customer_id",
            Text,
            Optional,
            customer_id,
            "To whom; absent for a visitor nobody knows."
        ),
        column!("at", Time, Optional, at, "When."),
        column!("model", Text, Optional, model, "The model that answered."),
        column!("list", Text, Optional, list, "The kind of list."),
        column!("rank", Int, Optional, rank, "Rank in the list, from 1."),
        column!("product_id", Text, Optional, product_id, "What was shown."),
        column!(
            "propensity",
            Float,
            Optional,
            propensity,
            "Probability of the draw, 0 to 1, of a slot that was drawn."
        ),
        column!(@ "candidates", Text, Optional, "The candidates of the draw with their probabilities, JSON.",
            |row, cell| {
                row.candidates = Some(match cell {
                    Cell::Json(value) => value.to_string(),
                    other => other.to_text()?,
                });
                Ok(())
            },
            |row| Cell::from(row.candidates.as_deref())),
        column!(
            "arm",
            Text,
            Optional,
            arm,
            "The customer's arm when it was decided: personal or holdout."
        ),
    ];

    fn forget(&mut self, erasures: &Erasures) -> bool {
        let customer = self.customer_id.as_deref();
        customer.is_none_or(|id| !erasures.gone(id, self.at))
    }

    fn blank() -> Self {
        Served::default()
    }
}
