//! From a history of touches to one weight per product: the same code in training and in serving.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use serendib_shop::{
    kept_despite, Cause, Kind, LetDown, ProductIx, Standing, Touch, DAY_MS, NO_PRODUCT,
};

/// How much each touch on a product says about the customer's taste.
///
/// A touch weighs kind × depth × age. A product weighs as its heaviest touch, times (number of acquisitions)^`repeats`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Weighting {
    /// Days after which a touch counts half; absent = age does not matter. Ignored for touches without a time.
    pub half_life_days: Option<f32>,
    /// Factor per step back in order, 0 < x ≤ 1. A step is a basket, or a moment, or a row where there is neither.
    pub order_decay: f32,
    /// Only the last so many distinct products count; 0 = all.
    pub last: usize,
    /// What a touch that acquires nothing (a view, a wish) weighs against one that does, on top of its kind's own
    /// weight; 0 = only acquisitions count.
    pub browse: f32,
    /// Power of the number of acquisitions of one product.
    pub repeats: f32,
}

impl Default for Weighting {
    fn default() -> Self {
        Weighting {
            half_life_days: None,
            order_decay: 1.0,
            last: 0,
            browse: 1.0,
            repeats: 0.0,
        }
    }
}

/// What a touch of `kind` says beside an acquisition, 0 to 1; 0 for what was merely shown, given up, or not about taste.
fn kind_weight(kind: Kind) -> f32 {
    match kind {
        Kind::PURCHASE | Kind::RATING | Kind::BOX_KEPT => 1.0,
        Kind::ADD_TO_CART | Kind::WISHLIST => 0.5,
        Kind::REVIEW | Kind::SHARE | Kind::STOCK_ENQUIRY | Kind::COUPON_REDEEMED => 0.4,
        Kind::PRODUCT_SCAN | Kind::EMAIL_CLICK | Kind::SMS_CLICK | Kind::ADVICE => 0.3,
        Kind::EVENT_ATTENDED | Kind::CONTENT_READ => 0.3,
        Kind::VIEW | Kind::SEARCH => 0.2,
        _ => 0.0,
    }
}

/// How deep a touch that acquires nothing went, 1/2 to 1: a minute or ten pages count in full; 1 where nobody measured.
fn depth(touch: &Touch) -> f32 {
    if touch.duration_s <= 0.0 && touch.pages == 0 {
        return 1.0;
    }
    let time = touch.duration_s.max(0.0).ln_1p() / 60f32.ln_1p();
    let pages = f32::from(touch.pages).ln_1p() / 10f32.ln_1p();
    0.5 + 0.5 * time.max(pages).clamp(0.0, 1.0)
}

/// How much a rating says that the product fitted: 1 at four stars and more and without a rating, less below; what was rated
/// two or fewer is not weighed at all.
fn liking(touch: &Touch) -> f32 {
    match touch.rating {
        0 => 1.0,
        tenths => ((f32::from(tenths) - 10.0) / 30.0 * 0.8 + 0.2).clamp(0.2, 1.0),
    }
}

impl Weighting {
    /// One weight > 0 per product of a time-ordered `history`, the latest product first.
    ///
    /// `now`: ms; touches after it are not seen in a shop with times. A product whose acquisitions were all taken back
    /// counts no more, unless for a reason that says nothing against it (its size, damage, lateness); what is hidden, rated
    /// two stars or fewer or complained about says nothing of taste, nor does a present for somebody else; a touch that is not
    /// about a product never counts.
    pub fn weigh(&self, history: &[Touch], now: i64) -> Vec<(ProductIx, f32)> {
        let mut slots: HashMap<ProductIx, usize> = HashMap::with_capacity(history.len().min(512));
        let mut out: Vec<(ProductIx, f32, u32, f32)> = Vec::with_capacity(history.len().min(512));
        let mut step = Steps::default();
        let seen = history.partition_point(|touch| touch.at == 0 || touch.at <= now);
        let history = &history[..seen];
        let standing = Standing::of(history, &[]);
        // of what had the wrong size or came late the wish was there
        let speaks_against = |back: &Touch| matches!(back.cause, Cause::Unsaid | Cause::Product);
        let kept = kept_despite(history, speaks_against);
        for (row, touch) in history.iter().enumerate().rev() {
            if touch.product == NO_PRODUCT || touch.gift {
                continue;
            }
            if standing.unlikes(touch.product) || is_taken_out(&standing, touch) {
                continue;
            }
            let acquires = touch.kind.acquires();
            let mut weight = kind_weight(touch.kind);
            if !acquires {
                weight *= self.browse * depth(touch);
            }
            if weight <= 0.0 {
                continue;
            }
            if acquires {
                if kept[row].packs <= 0.0 {
                    continue;
                }
                weight *= liking(touch);
                step.see(row, touch);
            }
            weight *= self.order_decay.powi(step.back.max(0));
            if let (Some(half_life), true) = (self.half_life_days, touch.at != 0) {
                let days = (now - touch.at).max(0) as f32 / DAY_MS as f32;
                weight *= (-days / half_life.max(1e-3)).exp2();
            }
            if weight.is_nan() || weight <= f32::MIN_POSITIVE {
                continue;
            }
            match slots.get(&touch.product) {
                Some(&slot) => {
                    out[slot].1 = out[slot].1.max(weight);
                    out[slot].2 += u32::from(acquires);
                }
                None if self.last == 0 || out.len() < self.last => {
                    slots.insert(touch.product, out.len());
                    out.push((touch.product, weight, u32::from(acquires), 0.0));
                }
                None => {}
            }
        }
        out.into_iter()
            .map(|(product, weight, times, _)| match self.repeats {
                r if r > 0.0 && times > 1 => (product, weight * (times as f32).powf(r)),
                _ => (product, weight),
            })
            .collect()
    }
}

/// Whether `touch` put into the cart what was taken out of it.
fn is_taken_out(standing: &Standing, touch: &Touch) -> bool {
    touch.kind == Kind::ADD_TO_CART
        && standing.let_down.get(&touch.product) == Some(&LetDown::TakenOut)
}

/// Counts steps back through baskets, moments or rows.
#[derive(Default)]
struct Steps {
    last: Option<(u64, i64, usize)>,
    back: i32,
}

impl Steps {
    fn see(&mut self, row: usize, touch: &Touch) {
        let key = match (touch.basket, touch.at) {
            (0, 0) => (0, 0, row),
            (0, at) => (0, at, 0),
            (basket, _) => (basket, 0, 0),
        };
        if self.last.is_some_and(|last| last != key) {
            self.back += 1;
        }
        self.last = Some(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(kind: Kind, product: u32, at: i64) -> Touch {
        Touch::new(kind, ProductIx(product), at)
    }

    #[test]
    fn age_halves_and_the_future_is_not_seen() {
        let weighting = Weighting {
            half_life_days: Some(10.0),
            ..Weighting::default()
        };
        let history = [
            touch(Kind::PURCHASE, 1, DAY_MS),
            touch(Kind::PURCHASE, 2, 11 * DAY_MS),
            touch(Kind::PURCHASE, 3, 40 * DAY_MS),
        ];
        let weights = weighting.weigh(&history, 11 * DAY_MS);
        assert_eq!(weights, [(ProductIx(2), 1.0), (ProductIx(1), 0.5)]);
    }

    #[test]
    fn order_decays_by_row_without_times_and_by_basket_with_them() {
        let weighting = Weighting {
            order_decay: 0.5,
            ..Weighting::default()
        };
        let mut history = [1, 2, 3].map(|p| touch(Kind::PURCHASE, p, 0));
        assert_eq!(
            weighting.weigh(&history, 0),
            [
                (ProductIx(3), 1.0),
                (ProductIx(2), 0.5),
                (ProductIx(1), 0.25)
            ]
        );
        history[1].basket = 9;
        history[2].basket = 9;
        assert_eq!(
            weighting.weigh(&history, 0),
            [
                (ProductIx(3), 1.0),
                (ProductIx(2), 1.0),
                (ProductIx(1), 0.5)
            ]
        );
    }

    #[test]
    fn what_was_given_back_or_merely_shown_does_not_count() {
        let history = [
            touch(Kind::PURCHASE, 1, 0),
            touch(Kind::RETURN, 1, 0),
            touch(Kind::IMPRESSION, 2, 0),
            touch(Kind::VIEW, 3, 0),
            touch(Kind::PURCHASE, NO_PRODUCT.0, 0),
        ];
        assert_eq!(
            Weighting::default().weigh(&history, 0),
            [(ProductIx(3), 0.2)]
        );
        let strict = Weighting {
            browse: 0.0,
            ..Weighting::default()
        };
        assert!(strict.weigh(&history, 0).is_empty());
    }

    #[test]
    fn what_was_rated_low_hidden_or_complained_about_is_no_liking() {
        let weighed = |history: &[Touch]| -> Vec<ProductIx> {
            let weights = Weighting::default().weigh(history, 9);
            weights.into_iter().map(|weight| weight.0).collect()
        };
        let low = Touch {
            rating: 20,
            ..touch(Kind::RATING, 1, 2)
        };
        let bought = touch(Kind::PURCHASE, 1, 1);
        for no in [low, touch(Kind::HIDE, 1, 2), touch(Kind::COMPLAINT, 1, 2)] {
            assert!(weighed(&[bought, no]).is_empty());
            // a later no is not seen yet
            assert_eq!(weighed(&[bought, Touch { at: 10, ..no }]), [ProductIx(1)]);
        }
        assert_eq!(
            weighed(&[bought, low, touch(Kind::PURCHASE, 1, 3)]),
            [ProductIx(1)]
        );
        let gift = Touch {
            gift: true,
            ..bought
        };
        assert!(weighed(&[gift]).is_empty());
        // what came in the wrong size or broken was wanted
        for cause in [Cause::Size, Cause::Elsewhere] {
            let back = Touch {
                cause,
                ..touch(Kind::RETURN, 1, 2)
            };
            assert_eq!(weighed(&[bought, back]), [ProductIx(1)]);
        }
        let cart = [
            touch(Kind::ADD_TO_CART, 2, 1),
            touch(Kind::REMOVE_FROM_CART, 2, 2),
        ];
        assert!(weighed(&cart).is_empty());
    }

    #[test]
    fn only_the_last_products_count_where_asked() {
        let weighting = Weighting {
            last: 2,
            ..Weighting::default()
        };
        let history = [1, 2, 3, 2].map(|p| touch(Kind::PURCHASE, p, 0));
        let products: Vec<_> = weighting
            .weigh(&history, 0)
            .into_iter()
            .map(|w| w.0)
            .collect();
        assert_eq!(products, [2, 3].map(ProductIx));
    }

    #[test]
    fn deeper_views_and_better_ratings_weigh_more() {
        let mut long = touch(Kind::VIEW, 1, 0);
        long.duration_s = 120.0;
        let mut short = touch(Kind::VIEW, 2, 0);
        short.duration_s = 1.0;
        let mut bad = touch(Kind::RATING, 3, 0);
        bad.rating = 25;
        let mut good = touch(Kind::RATING, 4, 0);
        good.rating = 50;
        let weights: HashMap<_, _> = Weighting::default()
            .weigh(&[long, short, bad, good], 0)
            .into_iter()
            .collect();
        assert!(weights[&ProductIx(1)] > weights[&ProductIx(2)]);
        assert!(weights[&ProductIx(4)] > weights[&ProductIx(3)]);
    }
}
