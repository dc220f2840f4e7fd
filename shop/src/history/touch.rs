//! The compact form of touchpoints that every computation reads, and what follows from a history of them.

use super::cause::Cause;
use crate::{stable_hash, Interner, Kind, ProductIx};

/// Most tenths of a star that say that a product let its customer down.
const LOW_RATING: u8 = 20;
/// Least tenths of a star that say that it pleased them.
const HIGH_RATING: u8 = 40;

/// One touchpoint as numbers. 48 bytes; absent numbers are 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Touch {
    /// Milliseconds since 1970-01-01 UTC; 0 in a shop without times, where the order of touches counts.
    pub at: i64,
    /// [`stable_hash`] of the basket id; 0 = none.
    pub basket: u64,
    /// Product number, or [`NO_PRODUCT`](crate::NO_PRODUCT).
    pub product: ProductIx,
    /// Packs, ≥ 0 (the sign of a return is dropped).
    pub quantity: f32,
    /// Money paid for the line.
    pub value: f32,
    pub duration_s: f32,
    pub kind: Kind,
    /// Channel number in [`Channels`]; 0 = none.
    pub channel: u16,
    /// Product line number in [`Channels`]; 0 = none.
    pub line: u16,
    pub pages: u16,
    /// Tenths of a star, 10 to 50; 0 = none.
    pub rating: u8,
    /// What the reason that was given is about.
    pub cause: Cause,
    /// Whether it was for somebody else.
    pub gift: bool,
}

impl Touch {
    /// One pack of `product` touched at `at`, everything else absent.
    pub fn new(kind: Kind, product: ProductIx, at: i64) -> Touch {
        Touch {
            at,
            basket: 0,
            product,
            quantity: 1.0,
            value: 0.0,
            duration_s: 0.0,
            kind,
            channel: 0,
            line: 0,
            pages: 0,
            rating: 0,
            cause: Cause::Unsaid,
            gift: false,
        }
    }

    /// Whether it rates its product two stars or fewer.
    pub fn is_low(&self) -> bool {
        let of_product = matches!(
            self.kind,
            Kind::RATING | Kind::REVIEW | Kind::PURCHASE | Kind::BOX_KEPT | Kind::BOX_RETURNED
        );
        of_product && (1..=LOW_RATING).contains(&self.rating)
    }

    /// Whether it gives its product four stars or more.
    pub fn is_high(&self) -> bool {
        self.rating >= HIGH_RATING
    }

    /// Whether the customer acquires something by it that they want for themselves: no gift, and nothing rated low.
    pub fn welcomes(&self) -> bool {
        self.kind.acquires() && !self.gift && !self.is_low()
    }

    /// Packs, > 0: one where the row says none.
    pub fn packs(&self) -> f32 {
        if self.quantity > 0.0 {
            self.quantity
        } else {
            1.0
        }
    }
}

/// Names of channels (or product lines) as small numbers; 0 = none, the last number collects everything beyond 65,534.
#[derive(Debug, Clone)]
pub struct Channels(Interner);

impl Default for Channels {
    fn default() -> Self {
        let mut names = Interner::default();
        names.intern("");
        Channels(names)
    }
}

impl Channels {
    /// The number of `name`, given now if it has none.
    pub fn intern(&mut self, name: Option<&str>) -> u16 {
        match name {
            None => 0,
            Some(name) if self.0.len() < usize::from(u16::MAX) => self.0.intern(name) as u16,
            Some(name) => self.0.get(name).map_or(u16::MAX, |ix| ix as u16),
        }
    }

    /// The name with number `ix`; empty for none.
    pub fn name(&self, ix: u16) -> &str {
        if usize::from(ix) < self.0.len() {
            self.0.name(u32::from(ix))
        } else {
            "other"
        }
    }

    /// All names in order, without "none".
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.names().iter().skip(1).map(|name| &**name)
    }

    /// How many names there are, "none" included.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Never true: "none" is always there.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Returns the hash by which a basket is known in [`Touch::basket`]; never 0, which is no basket.
pub fn basket_hash(basket_id: &str) -> u64 {
    stable_hash(basket_id.as_bytes()).max(1)
}

/// When `touch` happened among those of its history: at one known time, what takes back comes after what was acquired.
fn moment(touch: &Touch) -> (i64, bool) {
    (touch.at, touch.at != 0 && touch.kind.takes_back())
}

/// Whether a history is in the order that [`sort_history`] puts it in.
pub(super) fn is_in_order(history: &[Touch]) -> bool {
    history.is_sorted_by_key(moment)
}

/// Puts a history in order of time; touches at one time keep their order, except that a return or cancellation comes after
/// the purchase that it takes back, however late that was told: many logs know only the day.
pub fn sort_history(history: &mut [Touch]) {
    history.sort_by_key(moment);
}
