//! Columns of `products`.

use crate::{ItemType, Product};

use super::{column, Attributes, Column, Record};
use crate::table::cell::Cell;

impl Record for Product {
    const COLUMNS: &'static [Column<Self>] = &[
        column!("product_id", Text, Cell, product_id),
        column!("title", Text, Optional, title),
        column!("category", Text, Optional, category),
        column!("brand", Text, Optional, brand),
        column!("price", Float, Optional, price),
        column!("cost", Float, Optional, cost),
        column!("currency", Text, Optional, currency),
        column!(@ "stock", Int, Optional,
            |row, cell, _| { row.stock = Some(cell.to_whole()?); Ok(()) },
            |row| Cell::int(row.stock)),
        column!(@ "item_type", Text, Optional,
            |row, cell, _| {
                let word = cell.to_text()?;
                row.item_type = ItemType::parse(&word).ok_or_else(|| {
                    format!("{word:?} is not one of product, service, content, event")
                })?;
                Ok(())
            },
            |row| Cell::from(row.item_type.as_str())),
        column!("parent_id", Text, Optional, parent_id),
        column!("variant", Text, Optional, variant),
        column!("pack_quantity", Float, Optional, pack_quantity),
        column!(@ "durable", Bool, Optional,
            |row, cell, _| { row.durable = Some(cell.to_bool()?); Ok(()) },
            |row| row.durable.map_or(Cell::Null, Cell::Bool)),
        column!("launched_at", Time, Optional, launched_at),
        column!("available_from", Time, Optional, available_from),
        column!("available_until", Time, Optional, available_until),
        column!("expires_at", Time, Optional, expires_at),
        column!("weight_g", Float, Optional, weight_g),
        column!("volume_ml", Float, Optional, volume_ml),
        column!("allergens", List, Optional, allergens),
        column!(@ "limited", Bool, Optional,
            |row, cell, _| { row.limited = cell.to_bool()?; Ok(()) },
            |row| if row.limited { Cell::Bool(true) } else { Cell::Null }),
        column!("description", Text, Optional, description),
        column!("attributes", Attributes, Optional, attributes),
    ];

    fn blank() -> Self {
        Product::default()
    }

    fn attributes_mut(&mut self) -> Option<&mut Attributes> {
        Some(&mut self.attributes)
    }
}
