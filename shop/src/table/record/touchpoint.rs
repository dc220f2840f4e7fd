//! Columns of `touchpoints` (and `held_out`), `delights` and `served`.

use crate::{Delight, Served, Touchpoint};

use super::{column, Attributes, Column, Record};
use crate::table::cell::Cell;

impl Record for Touchpoint {
    const COLUMNS: &'static [Column<Self>] = &[
        column!("customer_id", Text, Column, customer_id),
        column!("kind", Text, Cell, kind),
        column!("product_id", Text, Optional, product_id),
        column!("channel", Text, Optional, channel),
        column!("at", Time, Optional, at),
        column!(@ "quantity", Float, Optional,
            |row, cell, _| { row.quantity = cell.to_number()?; Ok(()) },
            |row| Cell::Float(row.quantity)),
        column!("value", Float, Optional, value),
        column!("basket_id", Text, Optional, basket_id),
        column!("duration_s", Float, Optional, duration_s),
        column!("pages", Int, Optional, pages),
        column!("campaign_id", Text, Optional, campaign_id),
        column!("rating", Float, Optional, rating),
        column!("product_line", Text, Optional, product_line),
        column!("request_id", Text, Optional, request_id),
        column!("placement", Text, Optional, placement),
        column!("touchpoint_id", Text, Optional, touchpoint_id),
        column!("attributes", Attributes, Optional, attributes),
    ];

    fn blank() -> Self {
        Touchpoint::new("", "")
    }

    fn attributes_mut(&mut self) -> Option<&mut Attributes> {
        Some(&mut self.attributes)
    }

    fn product_reference(&self) -> Option<&str> {
        self.product_id.as_deref()
    }

    fn happened_at(&self) -> Option<i64> {
        self.at
    }
}

impl Record for Delight {
    const COLUMNS: &'static [Column<Self>] = &[
        column!("customer_id", Text, Cell, customer_id),
        column!("product_id", Text, Cell, product_id),
        column!(@ "at", Time, Cell,
            |row, cell, zone| { row.at = cell.to_time(zone)?; Ok(()) },
            |row| Cell::Time(row.at)),
        column!("request_id", Text, Optional, request_id),
        column!("surprised", Float, Optional, surprised),
        column!("inspired", Float, Optional, inspired),
        column!("again", Float, Optional, again),
        column!("expected", Float, Optional, expected),
        column!("actual", Float, Optional, actual),
        column!("relevant", Float, Optional, relevant),
        column!("unexpected", Float, Optional, unexpected),
        column!("novel", Float, Optional, novel),
        column!("timely", Float, Optional, timely),
    ];

    fn blank() -> Self {
        Delight::default()
    }
    fn happened_at(&self) -> Option<i64> {
        Some(self.at)
    }
}

impl Record for Served {
    const COLUMNS: &'static [Column<Self>] = &[
        column!("request_id", Text, Cell, request_id),
        column!("customer_id", Text, Optional, customer_id),
        column!("at", Time, Optional, at),
        column!("model", Text, Optional, model),
        column!("list", Text, Optional, list),
        column!("rank", Int, Optional, rank),
        column!("product_id", Text, Optional, product_id),
        column!("propensity", Float, Optional, propensity),
        column!(@ "candidates", Text, Optional,
            |row, cell, _| {
                row.candidates = Some(match cell {
                    Cell::Json(value) => value.to_string(),
                    other => other.to_text()?,
                });
                Ok(())
            },
            |row| Cell::from(row.candidates.as_deref())),
    ];

    fn blank() -> Self {
        Served::default()
    }
}
