//! What a customer said and did against products.

use std::collections::{HashMap, HashSet};

use super::cause::Cause;
use super::touch::Touch;
use crate::{Catalogue, Delight, Kind, ProductIx, NO_PRODUCT};

/// How a product let a customer down, the gravest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LetDown {
    /// Taken out of the cart, and neither put back nor bought since.
    TakenOut,
    /// Given back, and nobody said why.
    GivenBackUnsaid,
    /// Given back because of its size.
    WrongSize,
    /// Complained about, and the complaint is not resolved.
    Complained,
    /// Given back for a reason that is about the product.
    GivenBack,
    /// Rated two stars or fewer, or a surprise that is not wanted again.
    RatedLow,
}

impl LetDown {
    pub const ALL: [LetDown; 6] = [
        LetDown::TakenOut,
        LetDown::GivenBackUnsaid,
        LetDown::WrongSize,
        LetDown::Complained,
        LetDown::GivenBack,
        LetDown::RatedLow,
    ];
}

/// The products that speak, or do not speak, to a customer for the worse.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Standing {
    /// Never to be shown until that is undone.
    pub hidden: HashSet<ProductIx>,
    /// What let them down.
    pub let_down: HashMap<ProductIx, LetDown>,
}

impl Standing {
    /// Of a time-ordered `history`, and of the surprises (product, time in ms) that the customer does not want again.
    ///
    /// Of one moment a no beats a yes, in a shop without times the later row. What a product did is forgotten once it is
    /// acquired again without a word against it; a hide only by what undoes it.
    pub fn of(history: &[Touch], regretted: &[(ProductIx, i64)]) -> Standing {
        let mut standing = Standing::default();
        if regretted.is_empty() && !history.iter().any(Touch::objects) {
            return standing;
        }
        let mut hidden_at: HashMap<ProductIx, i64> = HashMap::new();
        let mut owned: HashMap<ProductIx, Bought> = HashMap::new();
        for touch in history {
            let product = touch.product;
            if product == NO_PRODUCT {
                if touch.kind == Kind::COMPLAINT_RESOLVED {
                    standing
                        .let_down
                        .retain(|_, how| *how != LetDown::Complained);
                }
                continue;
            }
            if touch.kind.hides() {
                hidden_at.insert(product, touch.at);
                standing.hidden.insert(product);
            } else if touch.kind.unhides() {
                let before = hidden_at
                    .get(&product)
                    .is_some_and(|at| *at < touch.at || touch.at == 0);
                if before {
                    standing.hidden.remove(&product);
                }
            }
            let bought = owned.entry(product).or_default();
            bought.see(touch);
            if let Some(how) = bought.complains(touch) {
                let known = standing.let_down.entry(product).or_insert(how);
                *known = (*known).max(how);
            } else if touch.welcomes() {
                standing.let_down.remove(&product);
            } else {
                let ended = match touch.kind {
                    Kind::REVIEW if touch.is_high() => Some(LetDown::RatedLow),
                    Kind::ADD_TO_CART => Some(LetDown::TakenOut),
                    Kind::COMPLAINT_RESOLVED => Some(LetDown::Complained),
                    _ => None,
                };
                if ended.is_some() && standing.let_down.get(&product).copied() == ended {
                    standing.let_down.remove(&product);
                }
            }
        }
        for (product, at) in regretted {
            let since = owned.get(product).and_then(|bought| bought.last_at);
            if since.is_none_or(|last| last <= *at) {
                standing.let_down.insert(*product, LetDown::RatedLow);
            }
        }
        standing
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.hidden.is_empty() && self.let_down.is_empty()
    }

    /// Whether what the customer did with `product` before says nothing of their taste any more: it is hidden, or let them
    /// down by itself.
    pub fn unlikes(&self, product: ProductIx) -> bool {
        self.hidden.contains(&product)
            || matches!(
                self.let_down.get(&product),
                Some(
                    LetDown::RatedLow
                        | LetDown::GivenBack
                        | LetDown::GivenBackUnsaid
                        | LetDown::Complained
                )
            )
    }
}

/// How each touch of a time-ordered `history` says that its product let the customer down, in its order; `None` where it does
/// not, or for a reason that is not the product's.
pub fn let_downs(history: &[Touch]) -> Vec<Option<LetDown>> {
    if !history.iter().any(Touch::objects) {
        return vec![None; history.len()];
    }
    let mut owned: HashMap<ProductIx, Bought> = HashMap::new();
    let said = history.iter().map(|touch| {
        let bought = owned.entry(touch.product).or_default();
        bought.see(touch);
        bought.complains(touch)
    });
    said.collect()
}

/// The surprises among `said` of which the customer wants no other, with the time when they said so.
pub fn regretted<'a>(
    said: impl IntoIterator<Item = &'a Delight>,
    catalogue: &Catalogue,
) -> Vec<(ProductIx, i64)> {
    let regretted = said.into_iter().filter(|delight| delight.regrets());
    regretted
        .filter_map(|delight| Some((catalogue.find(&delight.product_id)?, delight.at)))
        .collect()
}

/// What a customer has of one product.
#[derive(Default)]
struct Bought {
    packs: f32,
    gift: bool,
    last_at: Option<i64>,
}

impl Bought {
    fn see(&mut self, touch: &Touch) {
        if touch.kind.acquires() {
            if touch.kind != Kind::RATING {
                self.packs += touch.packs();
            }
            self.gift = touch.gift;
            self.last_at = Some(touch.at);
        } else if touch.kind.takes_back() {
            self.packs = (self.packs - touch.packs()).max(0.0);
        }
    }

    /// How `touch` says that the product let its customer down; `None` where it does not, or for a reason that is not the
    /// product's.
    fn complains(&self, touch: &Touch) -> Option<LetDown> {
        if touch.is_low() {
            return Some(LetDown::RatedLow);
        }
        let excused = touch.cause == Cause::Elsewhere;
        match touch.kind {
            Kind::REMOVE_FROM_CART => Some(LetDown::TakenOut),
            Kind::COMPLAINT => (!excused).then_some(LetDown::Complained),
            kind if kind.takes_back() => match touch.cause {
                // what a receiver sent back says nothing of who gave it
                _ if excused || touch.gift || self.gift => None,
                Cause::Size => Some(LetDown::WrongSize),
                Cause::Product => Some(LetDown::GivenBack),
                // some of many packs went back, the others stay
                _ if self.packs > 0.0 => None,
                _ => Some(LetDown::GivenBackUnsaid),
            },
            _ => None,
        }
    }
}

impl Touch {
    /// Whether it may say something against its product.
    fn objects(&self) -> bool {
        self.kind.displeased() || self.is_low()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(kind: Kind, at: i64) -> Touch {
        Touch::new(kind, ProductIx(3), at)
    }

    fn how(history: &[Touch]) -> Option<LetDown> {
        Standing::of(history, &[])
            .let_down
            .get(&ProductIx(3))
            .copied()
    }

    fn hidden(history: &[Touch]) -> bool {
        Standing::of(history, &[]).hidden.contains(&ProductIx(3))
    }

    #[test]
    fn a_hide_holds_until_it_is_undone() {
        for hide in [Kind::HIDE, Kind::NOT_INTERESTED, Kind::DISLIKE] {
            assert!(hidden(&[touch(hide, 5)]));
            assert!(hidden(&[touch(hide, 5), touch(Kind::PURCHASE, 6)]));
            for undo in [Kind::UNHIDE, Kind::INTERESTED] {
                assert!(!hidden(&[touch(hide, 5), touch(undo, 6)]));
                assert!(!hidden(&[touch(hide, 0), touch(undo, 0)]));
                assert!(
                    hidden(&[touch(hide, 5), touch(undo, 5)]),
                    "a no beats a yes"
                );
                assert!(hidden(&[touch(undo, 4), touch(hide, 5)]));
                assert!(hidden(&[touch(hide, 3), touch(undo, 4), touch(hide, 5)]));
            }
        }
    }

    #[test]
    fn only_what_is_about_the_product_counts_against_it() {
        let back = |cause| Touch {
            cause,
            ..touch(Kind::RETURN, 9)
        };
        let bought = touch(Kind::PURCHASE, 1);
        for (cause, expected) in [
            (Cause::Product, Some(LetDown::GivenBack)),
            (Cause::Size, Some(LetDown::WrongSize)),
            (Cause::Unsaid, Some(LetDown::GivenBackUnsaid)),
            (Cause::Elsewhere, None),
        ] {
            assert_eq!(how(&[bought, back(cause)]), expected);
        }
        let gift = Touch {
            gift: true,
            ..bought
        };
        assert_eq!(how(&[gift, back(Cause::Product)]), None);
        let many = Touch {
            quantity: 6.0,
            ..bought
        };
        assert_eq!(how(&[many, back(Cause::Unsaid)]), None);
        assert_eq!(how(&[many, back(Cause::Product)]), Some(LetDown::GivenBack));
    }

    #[test]
    fn what_let_down_is_forgiven_by_what_ends_it() {
        let low = Touch {
            rating: 20,
            ..touch(Kind::RATING, 2)
        };
        assert_eq!(how(&[low]), Some(LetDown::RatedLow));
        assert_eq!(how(&[low, touch(Kind::PURCHASE, 3)]), None);
        assert_eq!(
            how(&[touch(Kind::PURCHASE, 1), low]),
            Some(LetDown::RatedLow)
        );
        let review = |stars: u8, at| Touch {
            rating: 10 * stars,
            ..touch(Kind::REVIEW, at)
        };
        assert_eq!(how(&[review(1, 2), review(3, 3)]), Some(LetDown::RatedLow));
        assert_eq!(how(&[review(1, 2), review(5, 3)]), None);
        let out = touch(Kind::REMOVE_FROM_CART, 2);
        assert_eq!(how(&[out]), Some(LetDown::TakenOut));
        for end in [Kind::ADD_TO_CART, Kind::PURCHASE] {
            assert_eq!(how(&[out, touch(end, 3)]), None);
        }
        assert_eq!(how(&[out, touch(Kind::VIEW, 3)]), Some(LetDown::TakenOut));
        let complaint = touch(Kind::COMPLAINT, 2);
        assert_eq!(how(&[complaint]), Some(LetDown::Complained));
        let resolved = |product| Touch::new(Kind::COMPLAINT_RESOLVED, product, 3);
        assert_eq!(how(&[complaint, resolved(ProductIx(3))]), None);
        assert_eq!(how(&[complaint, resolved(NO_PRODUCT)]), None);
        assert_eq!(
            how(&[complaint, resolved(ProductIx(4))]),
            Some(LetDown::Complained)
        );
    }

    #[test]
    fn a_surprise_that_is_not_wanted_again_let_its_customer_down() {
        let kept = [touch(Kind::BOX_KEPT, 5)];
        let standing = |at| Standing::of(&kept, &[(ProductIx(3), at)]);
        assert_eq!(
            standing(6).let_down.get(&ProductIx(3)),
            Some(&LetDown::RatedLow)
        );
        assert!(standing(4).is_empty(), "it came again since, and stayed");
    }
}
