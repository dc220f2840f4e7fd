//! Columns of `products`.

use crate::{ItemType, Product};

use super::{column, Attributes, Column, Record};
use crate::noise::NON_PRODUCT;
use crate::table::cell::Cell;

impl Record for Product {
    const COLUMNS: &'static [Column<Self>] = &[
        column!("product_id", Text, Cell, product_id, "The shop's id, kept byte for byte."),
        column!("title", Text, Optional, title, "Title that customers read, at most 2,048 bytes."),
        column!("category", Text, Optional, category, "Category path from the root, `a/b/c`."),
        column!("brand", Text, Optional, brand, "Brand."),
        column!("price", Float, Optional, price, "Price of one pack, ≥ 0."),
        column!("cost", Float, Optional, cost, "What one pack costs the shop, ≥ 0."),
        column!("currency", Text, Optional, currency, "ISO 4217 code; absent = the shop's."),
        column!(@ "stock", Int, Optional, "Units in stock, ≥ 0; absent = not tracked, always available.",
            |row, cell| { row.stock = Some(cell.to_whole()?); Ok(()) },
            |row| Cell::int(row.stock)),
        column!(@ "item_type", Text, Optional, "`product` (also when absent), `service`, `content` or `event`.",
            |row, cell| {
                let word = cell.to_text()?;
                row.item_type = ItemType::parse(&word).ok_or_else(|| {
                    format!("{word:?} is not one of product, service, content, event")
                })?;
                Ok(())
            },
            |row| Cell::from(row.item_type.as_str())),
        column!("parent_id", Text, Optional, parent_id, "The product of which this is a variant."),
        column!("variant", Text, Optional, variant, "Size or colour among the variants."),
        column!("pack_quantity", Float, Optional, pack_quantity, "Units of use in one pack, > 0."),
        column!(@ "durable", Bool, Optional, "Whether owning one removes the need for another.",
            |row, cell| { row.durable = Some(cell.to_bool()?); Ok(()) },
            |row| row.durable.map_or(Cell::Null, Cell::Bool)),
        column!("launched_at", Time, Optional, launched_at, "When it was first sold."),
        column!("available_from", Time, Optional, available_from, "Sold from then on."),
        column!("available_until", Time, Optional, available_until, "Sold until then, after `available_from`."),
        column!("expires_at", Time, Optional, expires_at, "Perishes then."),
        column!("weight_g", Float, Optional, weight_g, "Weight of one pack, grams, ≥ 0."),
        column!("volume_ml", Float, Optional, volume_ml, "Volume of one pack, millilitres, ≥ 0."),
        column!("allergens", List, Optional, allergens, "Allergens, at most 100 words; `none` = it has none."),
        column!(@ "limited", Bool, Optional, "Whether it is a limited edition.",
            |row, cell| { row.limited = cell.to_bool()?; Ok(()) },
            |row| if row.limited { Cell::Bool(true) } else { Cell::Null }),
        column!("description", Text, Optional, description, "Text of at most 32,768 bytes."),
        column!("attributes", Attributes, Optional, attributes, "Anything else, a JSON object of at most 64 KiB; `non_product` says whether the entry is postage, a fee and the like, where its words do not tell or tell wrongly."),
    ];

    const ATTRIBUTES: &'static [&'static str] = &[NON_PRODUCT];

    fn blank() -> Self {
        Product::default()
    }

    fn attributes_mut(&mut self) -> Option<&mut Attributes> {
        Some(&mut self.attributes)
    }
}
