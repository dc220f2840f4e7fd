//! Rows and columns of `boxes` and `stock`.

use super::{column, Attributes, Column, Record};
use crate::table::cell::Cell;
use crate::{BoxOrder, StockLot};

impl Record for BoxOrder {
    const COLUMNS: &'static [Column<Self>] = &[
        column!("box_id", Text, Cell, box_id),
        column!("customer_id", Text, Cell, customer_id),
        column!("ship_at", Time, Optional, ship_at),
        column!("slots", Int, Optional, slots),
        column!("surprise_slots", Int, Optional, surprise_slots),
        column!("budget", Float, Optional, budget),
        column!("max_weight_g", Float, Optional, max_weight_g),
        column!("max_volume_ml", Float, Optional, max_volume_ml),
        column!("exclusions", List, Optional, exclusions),
        column!("attributes", Attributes, Optional, attributes),
    ];

    fn blank() -> Self {
        BoxOrder::default()
    }

    fn attributes_mut(&mut self) -> Option<&mut Attributes> {
        Some(&mut self.attributes)
    }
}

impl Record for StockLot {
    const COLUMNS: &'static [Column<Self>] = &[
        column!("product_id", Text, Cell, product_id),
        column!(@ "quantity", Int, Cell,
            |row, cell, _| { row.quantity = cell.to_whole()?; Ok(()) },
            |row| Cell::Int(row.quantity)),
        column!("warehouse", Text, Optional, warehouse),
        column!("lot", Text, Optional, lot),
        column!("expires_at", Time, Optional, expires_at),
        column!("inbound_at", Time, Optional, inbound_at),
        column!("attributes", Attributes, Optional, attributes),
    ];

    fn blank() -> Self {
        StockLot::default()
    }

    fn attributes_mut(&mut self) -> Option<&mut Attributes> {
        Some(&mut self.attributes)
    }
}
