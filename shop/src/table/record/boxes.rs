//! Rows and columns of `boxes` and `stock`.

use super::{column, Attributes, Column, Record};
use crate::directory::Erasures;
use crate::table::cell::Cell;
use crate::{BoxOrder, StockLot};

impl Record for BoxOrder {
    const COLUMNS: &'static [Column<Self>] = &[
        column!("box_id", Text, Cell, box_id, "The parcel."),
        column!("customer_id", Text, Cell, customer_id, "For whom."),
        column!("ship_at", Time, Optional, ship_at, "When it leaves."),
        column!("slots", Int, Optional, slots, "Lines in it."),
        column!(
            "surprise_slots",
            Int,
            Optional,
            surprise_slots,
            "How many of them are surprises, at most `slots`."
        ),
        column!(
            "budget",
            Float,
            Optional,
            budget,
            "Most that its lines may cost together, ≥ 0."
        ),
        column!(
            "max_weight_g",
            Float,
            Optional,
            max_weight_g,
            "Most that they may weigh, grams, ≥ 0."
        ),
        column!(
            "max_volume_ml",
            Float,
            Optional,
            max_volume_ml,
            "Most that they may take, millilitres, ≥ 0."
        ),
        column!(
            "exclusions",
            List,
            Optional,
            exclusions,
            "Products, categories (a path or the end of one) or allergens that must not be in it."
        ),
        column!(
            "attributes",
            Attributes,
            Optional,
            attributes,
            "Anything else, a JSON object of at most 64 KiB."
        ),
    ];

    fn forget(&mut self, erasures: &Erasures) -> bool {
        !erasures.gone_as_of(&self.customer_id, self.ship_at)
    }

    fn blank() -> Self {
        BoxOrder::default()
    }

    fn attributes_mut(&mut self) -> Option<&mut Attributes> {
        Some(&mut self.attributes)
    }
}

impl Record for StockLot {
    const COLUMNS: &'static [Column<Self>] = &[
        column!("product_id", Text, Cell, product_id, "What it holds."),
        column!(@ "quantity", Int, Cell, "Units, ≥ 0.",
            |row, cell| { row.quantity = cell.to_whole()?; Ok(()) },
            |row| Cell::Int(row.quantity)),
        column!("warehouse", Text, Optional, warehouse, "Where it is."),
        column!("lot", Text, Optional, lot, "The lot's own name."),
        column!("expires_at", Time, Optional, expires_at, "Perishes then."),
        column!(
            "inbound_at",
            Time,
            Optional,
            inbound_at,
            "Arrives then; absent = is there."
        ),
        column!(
            "attributes",
            Attributes,
            Optional,
            attributes,
            "Anything else, a JSON object of at most 64 KiB."
        ),
    ];

    fn blank() -> Self {
        StockLot::default()
    }

    fn attributes_mut(&mut self) -> Option<&mut Attributes> {
        Some(&mut self.attributes)
    }
}
