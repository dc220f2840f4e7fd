//! Rows that say nothing about taste: what is no product, and orders that are many people's.
//!
//! - Product attribute `non_product`: the entry is no thing that is sold, but postage, a fee, a correction. Where the shop does
//!   not say, gift cards, tips, postage, samples and fees are told by their words ([`words`]).
//! - Touchpoint attribute `pooled`: the row belongs to a pooled order, that is many people's orders booked as one.
//!
//! True is `true`, 1, `"true"`, `"True"`, `"yes"` or `"1"`. Such rows are dropped where histories are encoded, by
//! [`without_noise`], for fitting, batch answers and the server alike.

mod words;

use std::collections::HashSet;

use crate::row::flag;
use crate::{Product, ProductIx, Touch, Touchpoint, NO_PRODUCT};

/// Name of the touchpoint attribute.
pub const POOLED: &str = "pooled";
/// Name of the product attribute.
pub const NON_PRODUCT: &str = "non_product";

/// Whether the row belongs to a pooled order.
pub fn is_pooled(row: &Touchpoint) -> bool {
    flag(&row.attributes, POOLED)
}

impl Product {
    /// Whether the entry is nothing that is sold: as the shop marks it, else as its words tell (a gift card, a tip, postage, a
    /// sample, a fee).
    pub fn is_non_product(&self) -> bool {
        if self.attributes.contains_key(NON_PRODUCT) {
            return flag(&self.attributes, NON_PRODUCT);
        }
        words::tell(self)
    }
}

/// Returns `touch` as it counts: `None` for what was acquired or given back in a pooled order (by [`Touch::basket`]) or of what
/// is no product. Another contact stays: a complaint about a pooled order as it is, one about postage without the product.
pub fn without_noise(
    touch: Touch,
    non_product: impl Fn(ProductIx) -> bool,
    pooled: &HashSet<u64>,
) -> Option<Touch> {
    let no_product = touch.product != NO_PRODUCT && non_product(touch.product);
    let many_people = touch.basket != 0 && pooled.contains(&touch.basket);
    let trade = touch.kind.acquires() || touch.kind.takes_back();
    if trade && (no_product || many_people) {
        return None;
    }
    let product = if no_product {
        NO_PRODUCT
    } else {
        touch.product
    };
    Some(Touch { product, ..touch })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    #[test]
    fn postage_bought_is_dropped_and_a_complaint_about_it_is_heard() {
        let postage = |product| product == ProductIx(1);
        let none = HashSet::new();
        let bought = Touch::new(Kind::PURCHASE, ProductIx(1), 5);
        assert_eq!(without_noise(bought, postage, &none), None);
        let complaint = Touch::new(Kind::COMPLAINT, ProductIx(1), 5);
        let heard = without_noise(complaint, postage, &none).unwrap();
        assert_eq!((heard.kind, heard.product), (Kind::COMPLAINT, NO_PRODUCT));
        let soap = Touch::new(Kind::PURCHASE, ProductIx(0), 5);
        assert_eq!(without_noise(soap, postage, &none), Some(soap));
        let pooled = Touch { basket: 7, ..soap };
        assert_eq!(without_noise(pooled, postage, &[7].into()), None);
        let about_it = Touch {
            basket: 7,
            ..Touch::new(Kind::COMPLAINT, ProductIx(0), 5)
        };
        let heard = without_noise(about_it, postage, &[7].into());
        assert_eq!(heard, Some(about_it), "a complaint about a pooled order");
    }
}
