//! Products.

use serendib_proto::v1;
use serendib_shop::{ItemType, Product};

use crate::rpc::fields::{checked, given, in_milliseconds, Invalid};
use crate::rpc::value::{struct_from_map, struct_to_map};

/// Checks and converts a product; the error's field is relative to the product.
pub fn product_from_proto(product: &v1::Product) -> Result<Product, Invalid> {
    in_milliseconds([
        ("launched_at_ms", product.launched_at_ms),
        ("available_from_ms", product.available_from_ms),
        ("available_until_ms", product.available_until_ms),
        ("expires_at_ms", product.expires_at_ms),
    ])?;
    let row = Product {
        product_id: product.product_id.clone(),
        title: product.title.clone(),
        category: product.category.clone(),
        brand: product.brand.clone(),
        price: product.price,
        cost: product.cost,
        currency: product.currency.clone(),
        stock: product.stock,
        item_type: item_type(product.item_type)?,
        parent_id: given(&product.parent_id),
        variant: product.variant.clone(),
        pack_quantity: product.pack_quantity,
        durable: product.durable,
        launched_at: product.launched_at_ms,
        available_from: product.available_from_ms,
        available_until: product.available_until_ms,
        expires_at: product.expires_at_ms,
        weight_g: product.weight_g,
        volume_ml: product.volume_ml,
        allergens: product.allergens.clone(),
        limited: product.limited,
        description: product.description.clone(),
        attributes: struct_to_map("attributes", product.attributes.as_ref())?,
    };
    checked(row)
}

fn item_type(value: i32) -> Result<ItemType, Invalid> {
    Ok(match v1::ItemType::try_from(value) {
        Ok(v1::ItemType::Unspecified | v1::ItemType::Product) => ItemType::Product,
        Ok(v1::ItemType::Service) => ItemType::Service,
        Ok(v1::ItemType::Content) => ItemType::Content,
        Ok(v1::ItemType::Event) => ItemType::Event,
        Err(_) => {
            return Err(Invalid::new(
                "item_type",
                format!("{value} is not a kind of entry"),
            ))
        }
    })
}

/// The message for a product.
pub fn product_to_proto(product: &Product) -> v1::Product {
    let item_type = match product.item_type {
        ItemType::Product => v1::ItemType::Product,
        ItemType::Service => v1::ItemType::Service,
        ItemType::Content => v1::ItemType::Content,
        ItemType::Event => v1::ItemType::Event,
    };
    v1::Product {
        product_id: product.product_id.clone(),
        title: product.title.clone(),
        category: product.category.clone(),
        brand: product.brand.clone(),
        price: product.price,
        cost: product.cost,
        currency: product.currency.clone(),
        stock: product.stock,
        item_type: item_type.into(),
        parent_id: product.parent_id.clone(),
        variant: product.variant.clone(),
        pack_quantity: product.pack_quantity,
        durable: product.durable,
        launched_at_ms: product.launched_at,
        available_from_ms: product.available_from,
        available_until_ms: product.available_until,
        expires_at_ms: product.expires_at,
        weight_g: product.weight_g,
        volume_ml: product.volume_ml,
        allergens: product.allergens.clone(),
        limited: product.limited,
        description: product.description.clone(),
        attributes: struct_from_map(&product.attributes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_survives_the_way_there_and_back() {
        let product = Product {
            title: Some("מטרייה".into()),
            category: Some("a/b".into()),
            price: Some(9.9),
            stock: Some(0),
            durable: Some(true),
            allergens: vec!["nuts".into()],
            attributes: [("size".to_owned(), serde_json::json!(3))].into(),
            ..Product::bare("p")
        };
        assert_eq!(product_from_proto(&product_to_proto(&product)), Ok(product));
    }

    #[test]
    fn wrong_fields_are_named() {
        let good = product_to_proto(&Product::bare("p"));
        type Spoil = fn(&mut v1::Product);
        let cases: [(&str, Spoil); 6] = [
            ("product_id", |p| p.product_id.clear()),
            ("price", |p| p.price = Some(f64::NAN)),
            ("cost", |p| p.cost = Some(-1.0)),
            ("item_type", |p| p.item_type = 99),
            ("pack_quantity", |p| p.pack_quantity = Some(0.0)),
            ("available_from_ms", |p| {
                p.available_from_ms = Some(i64::MIN)
            }),
        ];
        for (field, spoil) in cases {
            let mut bad = good.clone();
            spoil(&mut bad);
            assert_eq!(product_from_proto(&bad).unwrap_err().field, field);
        }
    }
}
