//! Products as a shop describes them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What kind of thing a catalogue entry is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemType {
    /// A thing that is sold.
    #[default]
    Product,
    /// Work that is sold.
    Service,
    /// Something to read or watch.
    Content,
    /// Something to attend.
    Event,
}

impl ItemType {
    /// Reads `product`, `service`, `content` or `event`.
    pub fn parse(text: &str) -> Option<ItemType> {
        match text {
            "product" => Some(ItemType::Product),
            "service" => Some(ItemType::Service),
            "content" => Some(ItemType::Content),
            "event" => Some(ItemType::Event),
            _ => None,
        }
    }

    /// The word in tables and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            ItemType::Product => "product",
            ItemType::Service => "service",
            ItemType::Content => "content",
            ItemType::Event => "event",
        }
    }
}

/// Name of the attribute of [`Product::unlisted`].
const UNLISTED: &str = "unlisted";

/// One product, as in the `products` table; only `product_id` is required.
///
/// Times are milliseconds since 1970-01-01 UTC. Money is in units of `currency` (the shop's, if absent).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Product {
    /// The shop's id, byte-exact.
    pub product_id: String,
    /// Title that customers read.
    pub title: Option<String>,
    /// Category path from the root, `a/b/c`.
    pub category: Option<String>,
    pub brand: Option<String>,
    /// Price of one pack, finite and ≥ 0.
    pub price: Option<f64>,
    /// What one pack costs the shop, finite and ≥ 0.
    pub cost: Option<f64>,
    /// ISO 4217 code.
    pub currency: Option<String>,
    /// Units in stock; absent = not tracked, always available.
    pub stock: Option<i64>,
    /// Product, service, content or event.
    pub item_type: ItemType,
    /// The product of which this is a variant.
    pub parent_id: Option<String>,
    /// Size or colour among the parent's variants.
    pub variant: Option<String>,
    /// Units of use in one pack.
    pub pack_quantity: Option<f64>,
    /// Whether owning one removes the need for another.
    pub durable: Option<bool>,
    /// First day of sale.
    pub launched_at: Option<i64>,
    /// Not sold before.
    pub available_from: Option<i64>,
    /// Not sold from then on.
    pub available_until: Option<i64>,
    pub expires_at: Option<i64>,
    /// Weight of one pack, grams.
    pub weight_g: Option<f64>,
    /// Volume of one pack, millilitres.
    pub volume_ml: Option<f64>,
    /// Names of allergens.
    pub allergens: Vec<String>,
    /// Whether it is a limited edition.
    pub limited: bool,
    pub description: Option<String>,
    /// Everything else the shop says, unknown columns included.
    pub attributes: BTreeMap<String, serde_json::Value>,
}

impl Product {
    /// A product known only by its id.
    pub fn bare(product_id: impl Into<String>) -> Product {
        Product {
            product_id: product_id.into(),
            ..Product::default()
        }
    }

    /// A product that touchpoints name and the shop's products table does not: it is history, and not for sale.
    pub fn unlisted(product_id: impl Into<String>) -> Product {
        Product {
            attributes: [(UNLISTED.to_owned(), true.into())].into(),
            ..Product::bare(product_id)
        }
    }

    /// Whether the product was missing from the shop's products table.
    pub fn is_unlisted(&self) -> bool {
        self.attributes.get(UNLISTED) == Some(&serde_json::Value::Bool(true))
    }

    /// Whether the product is on sale at `now`, by its dates alone: `available_from ≤ now < available_until`, and not expired.
    pub fn in_season(&self, now: i64) -> bool {
        self.available_from.is_none_or(|from| from <= now)
            && self.available_until.is_none_or(|until| now < until)
            && self.expires_at.is_none_or(|expiry| now < expiry)
    }

    /// Takes over from `other` what is absent here; whether there was anything.
    pub fn fill_blanks(&mut self, other: &Product) -> bool {
        let mut filled = false;
        macro_rules! fill {
            ($($field:ident),*) => {$(
                if self.$field.is_none() && other.$field.is_some() {
                    self.$field.clone_from(&other.$field);
                    filled = true;
                }
            )*};
        }
        fill!(
            title,
            category,
            brand,
            price,
            cost,
            currency,
            parent_id,
            variant,
            pack_quantity,
            durable,
            launched_at,
            available_from,
            available_until,
            expires_at,
            weight_g,
            volume_ml,
            description
        );
        if self.allergens.is_empty() && !other.allergens.is_empty() {
            self.allergens.clone_from(&other.allergens);
            filled = true;
        }
        for (key, value) in &other.attributes {
            if !self.attributes.contains_key(key) {
                self.attributes.insert(key.clone(), value.clone());
                filled = true;
            }
        }
        filled
    }

    /// The title, or the id where there is none.
    pub fn label(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.product_id)
    }
}
