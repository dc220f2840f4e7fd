//! What histories say was acquired: things owned, liked and had, and baskets.

use std::collections::HashMap;

use super::kept::{kept, order_key};
use super::touch::Touch;
use crate::{Kind, ProductIx, NO_PRODUCT};

/// One product that a customer owns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Owned {
    pub product: ProductIx,
    /// Packs bought and not given back, > 0; 1 for a product that was only rated.
    pub quantity: f32,
    /// Last time it was acquired.
    pub last_at: i64,
    /// How many baskets or ratings acquired it.
    pub times: u32,
    /// Whether nothing was said against it when it was last acquired or rated.
    pub liked: bool,
}

/// What of a time-ordered `history` the customer owns: purchased or rated, and not returned, cancelled or given to somebody.
///
/// What a return takes back is by [`kept`]; a product that was only rated is owned until it is returned. In order of first
/// acquisition.
pub fn net_acquisitions(history: &[Touch]) -> Vec<Owned> {
    let mut owned: Vec<Owned> = Vec::new();
    let mut places: HashMap<ProductIx, usize> = HashMap::new();
    for (touch, kept) in history.iter().zip(kept(history)) {
        if kept.packs <= 0.0 || touch.product == NO_PRODUCT || touch.gift {
            continue;
        }
        let place = *places.entry(touch.product).or_insert_with(|| {
            owned.push(Owned {
                product: touch.product,
                quantity: 0.0,
                last_at: touch.at,
                times: 0,
                liked: true,
            });
            owned.len() - 1
        });
        let own = &mut owned[place];
        if touch.kind != Kind::RATING {
            own.quantity += kept.packs;
        }
        own.last_at = touch.at;
        own.times += 1;
        own.liked = !touch.is_low();
    }
    for own in &mut owned {
        if own.quantity <= 0.0 {
            own.quantity = 1.0;
        }
    }
    owned
}

/// What of a time-ordered `history` the customer owns and said nothing against.
pub fn likings(history: &[Touch]) -> impl Iterator<Item = Owned> {
    net_acquisitions(history).into_iter().filter(|o| o.liked)
}

/// The touches on known products that [welcome](Touch::welcomes) them, in order.
pub fn acquisitions(history: &[Touch]) -> impl DoubleEndedIterator<Item = &Touch> {
    history
        .iter()
        .filter(|touch| touch.welcomes() && touch.product != NO_PRODUCT)
}

/// The known products that were ever acquired, liked or not, in order.
pub fn had(history: &[Touch]) -> impl Iterator<Item = ProductIx> + '_ {
    history
        .iter()
        .filter(|touch| touch.kind.acquires() && touch.product != NO_PRODUCT)
        .map(|touch| touch.product)
}

/// One order of one customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Basket {
    /// Time of its first line.
    pub at: i64,
    /// Distinct products with the packs of each, in order of first line.
    pub lines: Vec<(ProductIx, f32)>,
}

/// Groups the acquisitions of a time-ordered `history` that were kept into baskets.
///
/// Touches with one basket id make one basket; those without an id make one per UTC day, or one each in a shop without
/// times (`timed` = false).
pub fn baskets(history: &[Touch], timed: bool) -> Vec<Basket> {
    let mut index = std::collections::HashMap::new();
    let mut out: Vec<Basket> = Vec::new();
    for (row, (touch, kept)) in history.iter().zip(kept(history)).enumerate() {
        if !touch.welcomes() || touch.product == NO_PRODUCT || kept.packs <= 0.0 {
            continue;
        }
        let slot = *index
            .entry(order_key(touch, timed, row))
            .or_insert_with(|| {
                out.push(Basket {
                    at: touch.at,
                    lines: Vec::new(),
                });
                out.len() - 1
            });
        let lines = &mut out[slot].lines;
        match lines
            .iter_mut()
            .find(|(product, _)| *product == touch.product)
        {
            Some((_, quantity)) => *quantity += kept.packs,
            None => lines.push((touch.product, kept.packs)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DAY_MS;

    fn touch(kind: Kind, product: u32, at: i64, quantity: f32) -> Touch {
        Touch {
            quantity,
            ..Touch::new(kind, ProductIx(product), at)
        }
    }

    #[test]
    fn a_low_rating_and_a_gift_are_no_acquisition_that_says_anything_of_taste() {
        let rated = |product, rating| Touch {
            rating,
            ..touch(Kind::RATING, product, 1, 1.0)
        };
        let gift = Touch {
            gift: true,
            ..touch(Kind::PURCHASE, 4, 2, 1.0)
        };
        let history = [rated(1, 10), rated(2, 20), rated(3, 30), gift];
        let products: Vec<_> = acquisitions(&history).map(|t| t.product).collect();
        assert_eq!(products, [ProductIx(3)]);
        assert_eq!(
            likings(&history).map(|o| o.product).collect::<Vec<_>>(),
            [ProductIx(3)]
        );
        // who rated a thing knows it all the same, and who gave one away has none
        let owned = net_acquisitions(&history);
        let owned: Vec<_> = owned.iter().map(|o| o.product).collect();
        assert_eq!(owned, [1, 2, 3].map(ProductIx));
        assert_eq!(
            had(&history).collect::<Vec<_>>(),
            [1, 2, 3, 4].map(ProductIx)
        );
    }

    #[test]
    fn a_touch_has_48_bytes() {
        assert_eq!(std::mem::size_of::<Touch>(), 48);
    }

    #[test]
    fn owned_is_bought_or_rated_and_not_given_back() {
        let history = [
            touch(Kind::RETURN, 1, 0, 1.0),
            touch(Kind::PURCHASE, 1, 1, 2.0),
            touch(Kind::PURCHASE, 2, 2, 1.0),
            touch(Kind::RETURN, 2, 3, 1.0),
            touch(Kind::RATING, 3, 4, 1.0),
            touch(Kind::PURCHASE, 4, 5, 3.0),
            touch(Kind::CANCEL, 4, 6, 1.0),
            touch(Kind::VIEW, 5, 7, 1.0),
            touch(Kind::RATING, 6, 8, 1.0),
            touch(Kind::RETURN, 6, 9, 1.0),
        ];
        let owned: Vec<_> = net_acquisitions(&history)
            .into_iter()
            .map(|o| (o.product, o.quantity))
            .collect();
        assert_eq!(
            owned,
            [
                (ProductIx(1), 2.0),
                (ProductIx(3), 1.0),
                (ProductIx(4), 2.0)
            ]
        );
    }

    #[test]
    fn baskets_follow_ids_then_days_then_rows() {
        let mut with_id = touch(Kind::PURCHASE, 1, 0, 1.0);
        with_id.basket = 7;
        let mut later = touch(Kind::PURCHASE, 2, 3 * DAY_MS, 1.0);
        later.basket = 7;
        let history = [
            with_id,
            touch(Kind::PURCHASE, 3, 5, 1.0),
            touch(Kind::PURCHASE, 3, 6, 1.0),
            later,
        ];
        let timed = baskets(&history, true);
        assert_eq!(timed.len(), 2);
        assert_eq!(timed[0].lines, [(ProductIx(1), 1.0), (ProductIx(2), 1.0)]);
        assert_eq!(timed[1].lines, [(ProductIx(3), 2.0)]);
        assert_eq!(baskets(&history, false).len(), 3);
        // what was given back is in no basket, from then on
        let mut back = history.to_vec();
        back.push(touch(Kind::RETURN, 3, 4 * DAY_MS, 2.0));
        assert_eq!(baskets(&back, true), timed[..1]);
    }
}
