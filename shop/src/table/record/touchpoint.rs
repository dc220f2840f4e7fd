//! Columns of `touchpoints` (and `held_out`), `delights` and `served`.

use crate::{Delight, Served, Touchpoint, TouchpointError};

use super::{check_id, column, Attributes, Column, Fault, Record};
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

    fn check(&self) -> Result<(), Fault> {
        Touchpoint::check(self).map_err(|error| match error {
            TouchpointError::Id { field, source } => Fault {
                column: field,
                message: source.to_string(),
            },
            TouchpointError::Nobody => Fault {
                column: "customer_id",
                message: "is empty and there is no basket_id: an anonymous row needs a basket"
                    .to_owned(),
            },
            TouchpointError::Range {
                field,
                found,
                expected,
            } => Fault {
                column: field,
                message: format!("{found} is not {expected}"),
            },
        })
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

    fn check(&self) -> Result<(), Fault> {
        check_id("customer_id", &self.customer_id)?;
        check_id("product_id", &self.product_id)?;
        let answers = [
            ("surprised", self.surprised),
            ("inspired", self.inspired),
            ("again", self.again),
            ("expected", self.expected),
            ("actual", self.actual),
            ("relevant", self.relevant),
            ("unexpected", self.unexpected),
            ("novel", self.novel),
            ("timely", self.timely),
        ];
        match answers
            .into_iter()
            .find(|(_, answer)| answer.is_some_and(|answer| !(1.0..=5.0).contains(&answer)))
        {
            Some((column, answer)) => Err(Fault {
                column,
                message: format!("{} is not an answer of 1 to 5", answer.unwrap_or_default()),
            }),
            None => Ok(()),
        }
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

    fn check(&self) -> Result<(), Fault> {
        check_id("request_id", &self.request_id)?;
        for (column, id) in [
            ("customer_id", &self.customer_id),
            ("product_id", &self.product_id),
        ] {
            id.as_deref().map_or(Ok(()), |id| check_id(column, id))?;
        }
        match self.propensity {
            Some(p) if !(0.0..=1.0).contains(&p) => Err(Fault {
                column: "propensity",
                message: format!("{p} is not a probability"),
            }),
            _ => Ok(()),
        }
    }
}
