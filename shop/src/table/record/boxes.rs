//! Rows and columns of `boxes` and `stock`.

use serde::{Deserialize, Serialize};

use super::{check_at_least, check_id, column, Attributes, Column, Fault, Record};
use crate::table::cell::Cell;

/// One parcel to pack, as in the `boxes` table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BoxOrder {
    pub box_id: String,
    pub customer_id: String,
    /// When it leaves, milliseconds since 1970-01-01 UTC.
    pub ship_at: Option<i64>,
    /// Lines in it.
    pub slots: Option<u32>,
    /// How many of them are surprises.
    pub surprise_slots: Option<u32>,
    /// Most that its lines may cost together.
    pub budget: Option<f64>,
    /// Weight of one pack, grams.
    pub max_weight_g: Option<f64>,
    /// Volume of one pack, millilitres.
    pub max_volume_ml: Option<f64>,
    /// Products, categories or allergens that must not be in it.
    pub exclusions: Vec<String>,
    pub attributes: Attributes,
}

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

    fn check(&self) -> Result<(), Fault> {
        check_id("box_id", &self.box_id)?;
        check_id("customer_id", &self.customer_id)?;
        check_at_least("budget", self.budget, 0.0)?;
        check_at_least("max_weight_g", self.max_weight_g, 0.0)?;
        check_at_least("max_volume_ml", self.max_volume_ml, 0.0)?;
        match (self.slots, self.surprise_slots) {
            (Some(slots), Some(surprises)) if surprises > slots => Err(Fault {
                column: "surprise_slots",
                message: format!("{surprises} is more than the {slots} slots of the box"),
            }),
            _ => Ok(()),
        }
    }
}

/// What is in one warehouse of one product, as in the `stock` table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StockLot {
    pub product_id: String,
    /// Units, ≥ 0.
    pub quantity: i64,
    pub warehouse: Option<String>,
    pub lot: Option<String>,
    /// Perishes then, milliseconds since 1970-01-01 UTC.
    pub expires_at: Option<i64>,
    /// Arrives then; absent = is there.
    pub inbound_at: Option<i64>,
    pub attributes: Attributes,
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

    fn check(&self) -> Result<(), Fault> {
        check_id("product_id", &self.product_id)?;
        if self.quantity < 0 {
            return Err(Fault {
                column: "quantity",
                message: format!("{} is below 0", self.quantity),
            });
        }
        Ok(())
    }
}
