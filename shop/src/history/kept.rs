//! What of a history was kept: returns and cancellations matched with what they take back, and the orders that are left.

use std::borrow::Cow;
use std::collections::HashMap;

use super::touch::{is_in_order, sort_history, Touch};
use crate::{Kind, ProductIx, DAY_MS, NO_PRODUCT};

/// What is left of one acquiring touch.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Kept {
    /// Packs that were not given back; 0 for a touch that acquires nothing.
    pub packs: f32,
    /// Money paid for them, ≥ 0.
    pub value: f64,
}

/// What of each touch of a time-ordered `history` is left at its end, in its order.
///
/// A return or cancellation takes packs off the lines of its product: those of its own basket first, then the latest. It
/// takes the money that it names, else the line's share. Without a product it takes the whole order of its basket, or, where
/// it names an amount, that much of it. What came back from a box takes lines of that box, or without a basket what was kept of
/// boxes: nothing that was bought otherwise. A rating goes with the last pack of its product. Nothing that comes later than the
/// history is seen, so that an earlier time still sees the purchase.
///
/// ```
/// use serendib_shop::{kept, Kind, ProductIx, Touch, DAY_MS};
///
/// let bought = Touch::new(Kind::PURCHASE, ProductIx(0), DAY_MS);
/// let back = Touch::new(Kind::RETURN, ProductIx(0), 3 * DAY_MS);
/// assert_eq!(kept(&[bought])[0].packs, 1.0);
/// assert_eq!(kept(&[bought, back])[0].packs, 0.0);
/// ```
pub fn kept(history: &[Touch]) -> Vec<Kept> {
    kept_despite(history, |_| true)
}

/// As [`kept`], but only what `counts` among the returns and cancellations takes something back.
pub fn kept_despite(history: &[Touch], counts: impl Fn(&Touch) -> bool) -> Vec<Kept> {
    let mut out: Vec<Kept> = history
        .iter()
        .map(|touch| match touch.kind.acquires() {
            true => Kept {
                packs: touch.packs(),
                value: money(touch.value).max(0.0),
            },
            false => Kept::default(),
        })
        .collect();
    if !history.iter().any(|touch| touch.kind.takes_back()) {
        return out;
    }
    let mut lines: HashMap<ProductIx, Vec<usize>> = HashMap::new();
    let mut ratings: HashMap<ProductIx, Vec<usize>> = HashMap::new();
    let mut baskets: HashMap<u64, Vec<usize>> = HashMap::new();
    for (row, touch) in history.iter().enumerate() {
        if touch.kind == Kind::RATING {
            ratings.entry(touch.product).or_default().push(row);
        } else if touch.kind.acquires() {
            lines.entry(touch.product).or_default().push(row);
            if touch.basket != 0 {
                baskets.entry(touch.basket).or_default().push(row);
            }
        } else if touch.kind.takes_back() && counts(touch) {
            if touch.product == NO_PRODUCT && touch.basket != 0 {
                let of_order = baskets.get(&touch.basket).map_or(&[][..], Vec::as_slice);
                take_order(&mut out, of_order, money(touch.value).abs());
                continue;
            }
            let of_product = lines.entry(touch.product).or_default();
            take_packs(&mut out, history, of_product, touch);
            of_product.retain(|row| out[*row].packs > 0.0);
            if of_product.is_empty() {
                for rating in ratings.remove(&touch.product).unwrap_or_default() {
                    out[rating] = Kept::default();
                }
            }
        }
    }
    out
}

/// Share of a line that is no pack but what arithmetic with parts of packs leaves.
const RESIDUE: f32 = 1e-4;

fn money(value: f32) -> f64 {
    if value.is_finite() {
        f64::from(value)
    } else {
        0.0
    }
}

/// Takes the packs of `back` off `lines` of its product, in order of time.
fn take_packs(out: &mut [Kept], history: &[Touch], lines: &[usize], back: &Touch) {
    let same = |row: &usize| back.basket != 0 && history[*row].basket == back.basket;
    let of_box = back.kind == Kind::BOX_RETURNED;
    let may = |row: &usize| !of_box || (back.basket == 0 && history[*row].kind == Kind::BOX_KEPT);
    let own = lines.iter().rev().filter(|row| same(row));
    let others = lines.iter().rev().filter(|row| !same(row) && may(row));
    let named = money(back.value).abs();
    let mut left = back.packs();
    for row in own.chain(others) {
        if left <= RESIDUE * back.packs() {
            return;
        }
        let line = &mut out[*row];
        let taken = left.min(line.packs);
        let value = if named > 0.0 {
            named * f64::from(taken / back.packs())
        } else if line.packs > 0.0 {
            line.value * f64::from(taken / line.packs)
        } else {
            0.0
        };
        line.packs -= taken;
        left -= taken;
        line.value = (line.value - value).max(0.0);
        if line.packs <= RESIDUE * history[*row].packs() {
            *line = Kept::default();
        }
    }
}

/// Takes `amount` off the lines of one order, the whole order where it is 0 or no less than what is left.
fn take_order(out: &mut [Kept], lines: &[usize], amount: f64) {
    let all: f64 = lines.iter().map(|row| out[*row].value).sum();
    for row in lines {
        let line = &mut out[*row];
        if amount <= 0.0 || amount >= all {
            *line = Kept::default();
        } else {
            line.value *= 1.0 - amount / all;
        }
    }
}

/// What makes touches one order: their basket, else their day, else (in a shop without times) the row alone.
///
/// In a shop that names its time zone the [`Encoder`](crate::Encoder) has already made a basket of what was acquired on one local
/// day without one; what is left are UTC days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrderKey {
    Basket(u64),
    Day(i64),
    Row(usize),
}

/// The order that `touch`, row number `row` of its history, belongs to.
pub fn order_key(touch: &Touch, timed: bool, row: usize) -> OrderKey {
    match (touch.basket, timed) {
        (0, true) => OrderKey::Day(touch.at.div_euclid(DAY_MS)),
        (0, false) => OrderKey::Row(row),
        (basket, _) => OrderKey::Basket(basket),
    }
}

/// One order of which something was kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KeptOrder {
    /// Time of its first line.
    pub at: i64,
    /// Lines of which something was kept.
    pub lines: u32,
    /// Money paid for what was kept, ≥ 0.
    pub value: f64,
}

/// The touches of `history` up to `until` (ms) in order of time.
pub fn in_order(history: &[Touch], until: i64) -> Cow<'_, [Touch]> {
    if is_in_order(history) {
        return Cow::Borrowed(&history[..history.partition_point(|touch| touch.at <= until)]);
    }
    let mut sorted: Vec<Touch> = history.iter().filter(|t| t.at <= until).copied().collect();
    sort_history(&mut sorted);
    Cow::Owned(sorted)
}

/// The purchases of `history` up to `until` as orders, oldest first, without those that were given back altogether by then.
///
/// One basket id makes one order; lines without one make one per UTC day.
pub fn kept_orders(history: &[Touch], until: i64) -> Vec<KeptOrder> {
    let history = in_order(history, until);
    let mut index: HashMap<OrderKey, usize> = HashMap::new();
    let mut out: Vec<KeptOrder> = Vec::new();
    for (row, (touch, kept)) in history.iter().zip(kept(&history)).enumerate() {
        if touch.kind != Kind::PURCHASE {
            continue;
        }
        let slot = *index.entry(order_key(touch, true, row)).or_insert_with(|| {
            out.push(KeptOrder {
                at: touch.at,
                lines: 0,
                value: 0.0,
            });
            out.len() - 1
        });
        if kept.packs > 0.0 {
            out[slot].lines += 1;
            out[slot].value += kept.value;
        }
    }
    out.retain(|order| order.lines > 0);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(kind: Kind, product: u32, day: i64, packs: f32, value: f32) -> Touch {
        Touch {
            quantity: packs,
            value,
            ..Touch::new(kind, ProductIx(product), day * DAY_MS)
        }
    }

    fn in_basket(basket: u64, touch: Touch) -> Touch {
        Touch { basket, ..touch }
    }

    #[test]
    fn a_return_takes_back_what_was_bought_at_its_own_time_in_whatever_order_they_were_told() {
        let told = [
            line(Kind::RETURN, 1, 1, 1.0, 0.0),
            line(Kind::PURCHASE, 1, 1, 1.0, 9.0),
        ];
        assert!(kept_orders(&told, i64::MAX).is_empty());
        let mut sorted = told;
        sort_history(&mut sorted);
        assert_eq!(sorted, [told[1], told[0]]);
        let mut untimed = told.map(|touch| Touch { at: 0, ..touch });
        let as_told = untimed;
        sort_history(&mut untimed);
        assert_eq!(untimed, as_told, "without times the rows' order counts");
    }

    #[test]
    fn a_partial_return_takes_its_share_or_the_money_it_names() {
        let bought = line(Kind::PURCHASE, 1, 1, 8.0, 120.0);
        for (back, left) in [(0.0, 90.0), (50.0, 70.0), (-50.0, 70.0)] {
            let history = [bought, line(Kind::RETURN, 1, 5, 2.0, back)];
            let orders = kept_orders(&history, i64::MAX);
            assert_eq!(orders.len(), 1);
            assert_eq!(orders[0].value, left, "{back}");
            // before the return nothing of it is seen
            assert_eq!(kept_orders(&history, 4 * DAY_MS)[0].value, 120.0);
        }
    }

    #[test]
    fn an_order_that_was_given_back_altogether_is_none() {
        let history = [
            in_basket(7, line(Kind::PURCHASE, 1, 1, 1.0, 10.0)),
            in_basket(7, line(Kind::PURCHASE, 2, 1, 1.0, 20.0)),
            in_basket(8, line(Kind::PURCHASE, 1, 1, 1.0, 10.0)),
            in_basket(7, line(Kind::RETURN, 1, 3, 1.0, 0.0)),
            in_basket(7, line(Kind::RETURN, 2, 4, 1.0, 0.0)),
        ];
        let values = |until: i64| -> Vec<f64> {
            let orders = kept_orders(&history, until * DAY_MS);
            orders.iter().map(|order| order.value).collect()
        };
        assert_eq!(values(2), [30.0, 10.0]);
        // the return names its basket, so the later purchase of the product stays
        assert_eq!(values(3), [20.0, 10.0]);
        assert_eq!(values(4), [10.0]);
    }

    #[test]
    fn a_cancellation_without_a_product_takes_the_order_or_its_amount() {
        let order = [
            in_basket(7, line(Kind::PURCHASE, 1, 1, 2.0, 30.0)),
            in_basket(7, line(Kind::PURCHASE, 2, 1, 1.0, 10.0)),
        ];
        let with = |value: f32| {
            let mut history = order.to_vec();
            let cancel = line(Kind::CANCEL, NO_PRODUCT.0, 2, 1.0, value);
            history.push(in_basket(7, cancel));
            kept_orders(&history, i64::MAX)
        };
        assert!(with(0.0).is_empty());
        assert!(with(40.0).is_empty());
        assert_eq!(with(10.0)[0].value, 30.0);
    }

    #[test]
    fn what_came_back_from_a_box_takes_nothing_that_was_bought_otherwise() {
        let bought = in_basket(3, line(Kind::PURCHASE, 1, 1, 1.0, 9.0));
        let kept_of_box = in_basket(4, line(Kind::BOX_KEPT, 1, 2, 1.0, 0.0));
        let packs = |basket, history: &[Touch]| -> Vec<f32> {
            let back = in_basket(basket, line(Kind::BOX_RETURNED, 1, 9, 1.0, 0.0));
            let history = [history, &[back]].concat();
            kept(&history).iter().map(|kept| kept.packs).collect()
        };
        assert_eq!(packs(0, &[bought]), [1.0, 0.0]);
        assert_eq!(packs(8, &[bought, kept_of_box]), [1.0, 1.0, 0.0]);
        assert_eq!(packs(4, &[bought, kept_of_box]), [1.0, 0.0, 0.0]);
        assert_eq!(packs(0, &[bought, kept_of_box]), [1.0, 0.0, 0.0]);
    }

    #[test]
    fn parts_of_packs_add_up() {
        let history = [
            line(Kind::PURCHASE, 1, 1, 0.3, 3.0),
            line(Kind::RETURN, 1, 2, 0.1, 0.0),
            line(Kind::RETURN, 1, 3, 0.2, 0.0),
        ];
        assert!(kept_orders(&history, i64::MAX).is_empty());
    }

    #[test]
    fn what_was_never_bought_takes_nothing_back() {
        let history = [
            line(Kind::RETURN, 2, 0, 1.0, 70.0),
            line(Kind::PURCHASE, 1, 1, 1.0, 10.0),
            line(Kind::RETURN, 3, 2, 1.0, 70.0),
        ];
        assert_eq!(kept_orders(&history, i64::MAX).len(), 1);
        assert_eq!(kept(&history)[1].packs, 1.0);
    }
}
