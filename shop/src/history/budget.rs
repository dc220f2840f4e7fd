//! How much of a long history is looked at: so many touches of each class, so that what a customer was shown, or a robot's
//! visits, never push out what they bought or complained of.

use std::borrow::Cow;

use crate::{Kind, KindClass, Kinds, Touch};

/// Touches that share a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TouchClass {
    /// What is owned, given back, asked of the shop, or the shop's own fault: few, and true for long.
    Lasting,
    /// Anything else that the customer did.
    Active,
    /// The shop's own kinds, unless they are declared passive.
    Own,
    /// Offers that were sent: they are counted against a budget.
    Sent,
    /// What was merely shown.
    Shown,
}

impl TouchClass {
    pub const ALL: [TouchClass; 5] = [
        TouchClass::Lasting,
        TouchClass::Active,
        TouchClass::Own,
        TouchClass::Sent,
        TouchClass::Shown,
    ];

    fn of_known(kind: Kind, class: KindClass) -> TouchClass {
        match kind {
            Kind::EMAIL_SENT
            | Kind::SMS_SENT
            | Kind::PUSH_SENT
            | Kind::MAILER
            | Kind::EVENT_INVITED => TouchClass::Sent,
            Kind::COMPLAINT
            | Kind::COMPLAINT_RESOLVED
            | Kind::CANCEL_INTENT
            | Kind::STOCK_ENQUIRY
            | Kind::TECHNICIAN_VISIT
            | Kind::ADVICE => TouchClass::Lasting,
            kind if kind.acquires() || kind.takes_back() => TouchClass::Lasting,
            kind if kind.hides() || kind.unhides() => TouchClass::Lasting,
            _ => match class {
                KindClass::Active => TouchClass::Active,
                KindClass::ByShop => TouchClass::Lasting,
                KindClass::Passive => TouchClass::Shown,
            },
        }
    }

    /// The class of touches of `kind`.
    pub fn of(kind: Kind, kinds: &Kinds) -> TouchClass {
        let class = kinds.class(kind);
        if usize::from(kind.0) < Kinds::known() {
            return TouchClass::of_known(kind, class);
        }
        match class {
            KindClass::Passive => TouchClass::Shown,
            _ => TouchClass::Own,
        }
    }

    /// The class of touches of the kind called `name`; [`TouchClass::Own`] for one that is not known, as nothing here says
    /// which of the shop's own kinds are passive.
    pub fn of_name(name: &str) -> TouchClass {
        Kinds::known_by_name(name).map_or(TouchClass::Own, |kind| {
            TouchClass::of_known(kind, Kinds::known_class(kind))
        })
    }
}

/// Most touches of each class that are looked at, the newest of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    pub lasting: usize,
    /// Of [`TouchClass::Active`], and as many again of [`TouchClass::Own`].
    pub active: usize,
    pub sent: usize,
    pub shown: usize,
}

impl Budget {
    /// What is kept of a customer in memory, online and in batch alike: no person comes near it, and a robot with a
    /// million visits costs a few megabytes.
    pub const KEPT: Budget = Budget {
        lasting: 50_000,
        active: 50_000,
        sent: 1_000,
        shown: 5_000,
    };

    /// What the lists of one request look at, so that a request costs bounded time.
    pub const RANKED: Budget = Budget {
        lasting: 5_000,
        active: 5_000,
        sent: 500,
        shown: 2_000,
    };

    /// The newest `limit` of each class.
    pub fn each(limit: usize) -> Budget {
        Budget {
            lasting: limit,
            active: limit,
            sent: limit,
            shown: limit,
        }
    }

    /// The same with at most `limit` of each class.
    pub fn at_most(self, limit: usize) -> Budget {
        Budget {
            lasting: self.lasting.min(limit),
            active: self.active.min(limit),
            sent: self.sent.min(limit),
            shown: self.shown.min(limit),
        }
    }

    /// Most touches of `class`.
    pub fn of(&self, class: TouchClass) -> usize {
        match class {
            TouchClass::Lasting => self.lasting,
            TouchClass::Active | TouchClass::Own => self.active,
            TouchClass::Sent => self.sent,
            TouchClass::Shown => self.shown,
        }
    }

    /// A history of so many touches fits whatever they are.
    pub fn least(&self) -> usize {
        self.lasting.min(self.active).min(self.sent).min(self.shown)
    }

    /// Whether nothing that this budget keeps is left out by `other`.
    pub fn within(&self, other: &Budget) -> bool {
        TouchClass::ALL
            .iter()
            .all(|class| self.of(*class) <= other.of(*class))
    }

    /// Which touches of a time-ordered history stay, given the class of each; `None` = all of them.
    pub fn keeps<I>(&self, classes: I) -> Option<Vec<bool>>
    where
        I: ExactSizeIterator<Item = TouchClass> + DoubleEndedIterator,
    {
        if classes.len() <= self.least() {
            return None;
        }
        let mut left = TouchClass::ALL.map(|class| self.of(class));
        let mut keep = vec![true; classes.len()];
        let mut all = true;
        for (slot, class) in keep.iter_mut().rev().zip(classes.rev()) {
            let left = &mut left[class as usize];
            *slot = *left > 0;
            all &= *slot;
            *left = left.saturating_sub(1);
        }
        (!all).then_some(keep)
    }

    /// What of a time-ordered `history` is looked at, in its order.
    pub fn cut<'a>(&self, history: &'a [Touch], kinds: &Kinds) -> Cow<'a, [Touch]> {
        let classes = history.iter().map(|t| TouchClass::of(t.kind, kinds));
        match self.keeps(classes) {
            None => Cow::Borrowed(history),
            Some(keep) => {
                let kept = history.iter().zip(keep).filter(|(_, keep)| *keep);
                Cow::Owned(kept.map(|(touch, _)| *touch).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ProductIx;

    #[test]
    fn what_is_shown_or_looked_at_never_pushes_out_what_lasts() {
        let mut kinds = Kinds::default();
        kinds.declare_passive("billboard");
        let (board, tasting) = (
            kinds.get("billboard").unwrap(),
            kinds.intern("tasting").unwrap(),
        );
        let mut history = vec![
            Touch::new(Kind::PURCHASE, ProductIx(1), 1),
            Touch::new(Kind::COMPLAINT, ProductIx(1), 2),
            Touch::new(Kind::DELIVERY_LATE, ProductIx(1), 3),
            Touch::new(tasting, ProductIx(1), 4),
            Touch::new(Kind::EMAIL_SENT, ProductIx(1), 5),
        ];
        let floods = [Kind::VIEW, Kind::IMPRESSION, board];
        for at in 0..60 {
            history.push(Touch::new(floods[at % 3], ProductIx(2), 10 + at as i64));
        }
        let budget = Budget {
            shown: 7,
            ..Budget::each(10)
        };
        let cut = budget.cut(&history, &kinds);
        assert_eq!(cut[..5], history[..5]);
        let count = |keep: fn(&Kind) -> bool| cut.iter().filter(|t| keep(&t.kind)).count();
        assert_eq!(count(|kind| *kind == Kind::VIEW), 10);
        assert_eq!(cut.len(), 5 + 10 + 7);
        assert_eq!(cut.last(), history.last());
        assert!(cut.windows(2).all(|pair| pair[0].at <= pair[1].at));
        // what fits is not copied
        assert!(matches!(
            Budget::RANKED.cut(&history, &kinds),
            Cow::Borrowed(_)
        ));
    }

    #[test]
    fn names_and_numbers_have_one_class() {
        let kinds = Kinds::default();
        for number in 0..Kinds::known() {
            let kind = Kind(number as u16);
            let by_name = TouchClass::of_name(kinds.name(kind));
            assert_eq!(by_name, TouchClass::of(kind, &kinds));
            // whatever acts on care or on what is owned lasts; whatever was sent or shown is never among what was done
            let passive = kinds.class(kind) == KindClass::Passive;
            let not_done = matches!(by_name, TouchClass::Sent | TouchClass::Shown);
            assert_eq!(passive, not_done, "{}", kinds.name(kind));
        }
        assert_eq!(TouchClass::of_name("tasting"), TouchClass::Own);
    }

    #[test]
    fn a_smaller_budget_is_within_a_larger_one() {
        assert!(Budget::RANKED.within(&Budget::KEPT));
        assert!(!Budget::KEPT.within(&Budget::RANKED));
        assert_eq!(Budget::KEPT.at_most(7), Budget::each(7));
    }
}
