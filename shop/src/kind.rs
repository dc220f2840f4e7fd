//! Kinds of touchpoints: those known by name, and any other that a shop uses.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use crate::nearest::nearest;

/// The number of a touchpoint kind in a [`Kinds`] table; known kinds have the same number everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kind(pub u16);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KindClass {
    /// The customer did something.
    Active,
    /// The shop did something that the customer felt (a late delivery).
    ByShop,
    /// The customer was merely shown something: it earns no engagement.
    Passive,
}

macro_rules! known_kinds {
    ($($constant:ident = $name:literal $class:ident;)*) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        #[repr(u16)]
        enum Number { $($constant),* }
        impl Kind {
            $(#[doc = concat!("`", $name, "`")] pub const $constant: Kind = Kind(Number::$constant as u16);)*
        }
        const KNOWN: &[(&str, KindClass)] = &[$(($name, KindClass::$class)),*];
    };
}

known_kinds! {
    PURCHASE = "purchase" Active;
    RETURN = "return" Active;
    CANCEL = "cancel" Active;
    VIEW = "view" Active;
    SEARCH = "search" Active;
    ADD_TO_CART = "add_to_cart" Active;
    REMOVE_FROM_CART = "remove_from_cart" Active;
    WISHLIST = "wishlist" Active;
    RATING = "rating" Active;
    REVIEW = "review" Active;
    SHARE = "share" Active;
    REFERRAL = "referral" Active;
    REGISTRATION = "registration" Active;
    LEAD = "lead" Active;
    SITE_VISIT = "site_visit" Active;
    APP_OPEN = "app_open" Active;
    STORE_VISIT = "store_visit" Active;
    CHECK_IN = "check_in" Active;
    PRODUCT_SCAN = "product_scan" Active;
    CONTENT_READ = "content_read" Active;
    CONTEST = "contest" Active;
    EMAIL_OPEN = "email_open" Active;
    EMAIL_CLICK = "email_click" Active;
    SMS_CLICK = "sms_click" Active;
    PUSH_OPEN = "push_open" Active;
    CALL = "call" Active;
    CHAT = "chat" Active;
    ADVICE = "advice" Active;
    STOCK_ENQUIRY = "stock_enquiry" Active;
    COMPLAINT = "complaint" Active;
    COMPLAINT_RESOLVED = "complaint_resolved" Active;
    CANCEL_INTENT = "cancel_intent" Active;
    EVENT_ATTENDED = "event_attended" Active;
    SURVEY = "survey" Active;
    DELIVERY_SLOT_CHOSEN = "delivery_slot_chosen" Active;
    DELIVERY = "delivery" Active;
    DELIVERY_FEEDBACK = "delivery_feedback" Active;
    PICKUP = "pickup" Active;
    TECHNICIAN_VISIT = "technician_visit" Active;
    ASSEMBLY = "assembly" Active;
    COUPON_REDEEMED = "coupon_redeemed" Active;
    BOX_KEPT = "box_kept" Active;
    BOX_RETURNED = "box_returned" Active;
    DELIVERY_LATE = "delivery_late" ByShop;
    CALLBACK_MISSED = "callback_missed" ByShop;
    IMPRESSION = "impression" Passive;
    EMAIL_SENT = "email_sent" Passive;
    SMS_SENT = "sms_sent" Passive;
    PUSH_SENT = "push_sent" Passive;
    MAILER = "mailer" Passive;
    EVENT_INVITED = "event_invited" Passive;
    NOT_INTERESTED = "not_interested" Active;
    HIDE = "hide" Active;
    DISLIKE = "dislike" Active;
    INTERESTED = "interested" Active;
    UNHIDE = "unhide" Active;
}

/// What shops and their tools call the known kinds beside the kinds' own names, as [`key`] writes it.
const SYNONYMS: &[(Kind, &str)] = &[
    (
        Kind::PURCHASE,
        "buy bought order ordered orders orderplaced orderpaid ordercompleted completedorder placedorder sale sales sold \
         transaction purchased purchases conversion",
    ),
    (
        Kind::VIEW,
        "pv views viewed pageview pageviews productview productviewed viewedproduct viewproduct viewitem itemview \
         detailview click clicks clicked productclick productclicked",
    ),
    (
        Kind::ADD_TO_CART,
        "cart carts atc addcart cartadd addedtocart addtobasket addedtobasket basketadd addtobag productadded",
    ),
    (
        Kind::REMOVE_FROM_CART,
        "removecart cartremove removedfromcart removefrombasket removedfrombasket removefrombag productremoved",
    ),
    (
        Kind::WISHLIST,
        "fav favs favorite favourite favorites favourites addtowishlist addedtowishlist addtofavorites addtofavourites",
    ),
    (Kind::RATING, "rate rated ratings"),
    (Kind::REVIEW, "reviewed reviews"),
    (
        Kind::RETURN,
        "returned returns refund refunded refunds orderrefunded orderreturned",
    ),
    (
        Kind::CANCEL,
        "canceled cancelled cancels cancellation ordercanceled ordercancelled canceledorder cancelledorder",
    ),
    (
        Kind::SEARCH,
        "searched searches viewsearchresults productssearched",
    ),
    (Kind::IMPRESSION, "impressions imp shown viewitemlist"),
    (Kind::REGISTRATION, "register registered signup signedup"),
    (Kind::SITE_VISIT, "visit visits session sessionstart"),
    (Kind::SHARE, "shared shares"),
    (Kind::EMAIL_SENT, "emailreceived receivedemail sentemail"),
    (Kind::EMAIL_OPEN, "emailopened openedemail"),
    (Kind::EMAIL_CLICK, "emailclicked clickedemail"),
    (Kind::NOT_INTERESTED, "uninterested notforme nothanks"),
    (Kind::HIDE, "hidden hideproduct hideitem dismiss dismissed"),
    (Kind::DISLIKE, "disliked dislikes thumbsdown"),
    (Kind::UNHIDE, "unhidden unhideproduct unhideitem"),
];

/// The known kinds by the [`key`] of their names and synonyms.
static BY_KEY: LazyLock<HashMap<String, Kind>> = LazyLock::new(|| {
    let own = KNOWN
        .iter()
        .zip(0..)
        .map(|((name, _), ix)| (key(name), Kind(ix)));
    let others = SYNONYMS.iter().flat_map(|(kind, words)| {
        words
            .split_whitespace()
            .map(|word| (word.to_owned(), *kind))
    });
    others.chain(own).collect()
});

/// A name without case, blanks, dashes and underscores.
fn key(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// Spellings of kinds that are remembered; any other is looked up anew.
const SPELLINGS: usize = 4_096;

/// The kinds of one shop: all known ones, then the shop's own in order of first appearance.
#[derive(Debug, Clone)]
pub struct Kinds {
    names: Vec<Arc<str>>,
    classes: Vec<KindClass>,
    index: HashMap<Arc<str>, Kind>,
}

impl Default for Kinds {
    fn default() -> Self {
        let mut kinds = Kinds {
            names: Vec::new(),
            classes: Vec::new(),
            index: HashMap::new(),
        };
        for (name, class) in KNOWN {
            kinds.push(name, *class);
        }
        kinds
    }
}

impl Kinds {
    /// How many kinds are known by name.
    pub fn known() -> usize {
        KNOWN.len()
    }

    /// The known kind called `name`: by its own name or a common synonym (`buy`, `page view`, `addtocart`), whatever the case.
    pub fn known_by_name(name: &str) -> Option<Kind> {
        KNOWN
            .iter()
            .position(|(known, _)| *known == name)
            .map(|ix| Kind(ix as u16))
            .or_else(|| BY_KEY.get(&key(name)).copied())
    }

    /// The known kind whose name or synonym is written most like `name`, by its own name; `None` where none is near.
    pub fn nearest(name: &str) -> Option<&'static str> {
        let word = key(name);
        let found = nearest(&word, BY_KEY.keys().map(String::as_str))?;
        KNOWN
            .get(usize::from(BY_KEY.get(found)?.0))
            .map(|(name, _)| *name)
    }

    /// Who acts in the known `kind`; active for any other.
    pub fn known_class(kind: Kind) -> KindClass {
        KNOWN
            .get(usize::from(kind.0))
            .map_or(KindClass::Active, |(_, class)| *class)
    }

    fn push(&mut self, name: &str, class: KindClass) -> Kind {
        let kind = Kind(u16::try_from(self.names.len()).unwrap_or(u16::MAX));
        let folded = name.trim().to_lowercase();
        let name: Arc<str> = name.into();
        self.names.push(name.clone());
        self.classes.push(class);
        self.index.entry(folded.into()).or_insert(kind);
        self.index.insert(name, kind);
        kind
    }

    /// The kind called `name`, whatever the case, added as active if it is new; `None` once 65,535 kinds exist. A synonym of a
    /// known kind is that kind, unless the shop declared it as its own.
    pub fn intern(&mut self, name: &str) -> Option<Kind> {
        if let Some(kind) = self.index.get(name) {
            return Some(*kind);
        }
        match self.get(name) {
            Some(kind) => {
                // the next row of this name finds it at once; but names can be written in endless ways
                if self.index.len() < self.names.len() + SPELLINGS {
                    self.index.insert(name.into(), kind);
                }
                Some(kind)
            }
            None => self.declare(name, KindClass::Active),
        }
    }

    /// Adds the shop's own kind `name`, letter for letter: also where a known kind has the synonym.
    pub(crate) fn declare(&mut self, name: &str, class: KindClass) -> Option<Kind> {
        (self.names.len() < usize::from(u16::MAX)).then(|| self.push(name, class))
    }

    /// Declares the shop's own kind `name` passive; a known kind keeps its class.
    pub fn declare_passive(&mut self, name: &str) {
        match self.index.get(name) {
            Some(kind) if usize::from(kind.0) >= KNOWN.len() => {
                self.classes[usize::from(kind.0)] = KindClass::Passive;
            }
            Some(_) => {}
            None => {
                self.declare(name, KindClass::Passive);
            }
        }
    }

    /// The kind called `name`, whatever the case, if there is one.
    pub fn get(&self, name: &str) -> Option<Kind> {
        let exact = self.index.get(name).copied();
        exact
            .or_else(|| self.index.get(name.trim().to_lowercase().as_str()).copied())
            .or_else(|| BY_KEY.get(&key(name)).copied())
    }

    /// The name of `kind`; `"?"` for a number this table never gave.
    pub fn name(&self, kind: Kind) -> &str {
        self.names.get(usize::from(kind.0)).map_or("?", |n| n)
    }

    /// Who acts in `kind`; active for a number this table never gave.
    pub fn class(&self, kind: Kind) -> KindClass {
        self.classes
            .get(usize::from(kind.0))
            .copied()
            .unwrap_or(KindClass::Active)
    }

    /// The shop's own kinds with their class, in order of their numbers.
    pub fn own(&self) -> impl Iterator<Item = (&str, KindClass)> {
        self.names[KNOWN.len()..]
            .iter()
            .zip(&self.classes[KNOWN.len()..])
            .map(|(name, class)| (&**name, *class))
    }

    /// How many kinds there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Never true: known kinds are always there.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

impl Kind {
    /// Whether the kind gives the customer the product: bought, rated or kept from a box.
    pub fn acquires(self) -> bool {
        matches!(self, Kind::PURCHASE | Kind::RATING | Kind::BOX_KEPT)
    }

    /// Whether the kind takes an acquisition back.
    pub fn takes_back(self) -> bool {
        matches!(self, Kind::RETURN | Kind::CANCEL | Kind::BOX_RETURNED)
    }

    /// Whether the customer asks by it never to see the product again.
    pub fn hides(self) -> bool {
        matches!(self, Kind::NOT_INTERESTED | Kind::HIDE | Kind::DISLIKE)
    }

    /// Whether the customer undoes by it whatever [hid](Kind::hides) the product.
    pub fn unhides(self) -> bool {
        matches!(self, Kind::INTERESTED | Kind::UNHIDE)
    }

    /// Whether the customer says by it that they do not want the product, or are not happy with it.
    pub fn displeased(self) -> bool {
        self.takes_back()
            || self.hides()
            || matches!(
                self,
                Kind::COMPLAINT | Kind::CANCEL_INTENT | Kind::REMOVE_FROM_CART
            )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_kinds_have_fixed_numbers_and_classes() {
        let kinds = Kinds::default();
        assert_eq!(kinds.get("purchase"), Some(Kind::PURCHASE));
        assert_eq!(kinds.name(Kind::CALLBACK_MISSED), "callback_missed");
        assert_eq!(kinds.class(Kind::IMPRESSION), KindClass::Passive);
        assert_eq!(kinds.class(Kind::DELIVERY_LATE), KindClass::ByShop);
        assert_eq!(
            Kinds::known_by_name("event_invited"),
            Some(Kind::EVENT_INVITED)
        );
    }

    #[test]
    fn kinds_are_known_without_case_and_by_their_synonyms() {
        let mut kinds = Kinds::default();
        for (name, kind) in [
            ("Purchase", Kind::PURCHASE),
            ("ORDER", Kind::PURCHASE),
            ("Order Completed", Kind::PURCHASE),
            ("pv", Kind::VIEW),
            ("page-view", Kind::VIEW),
            ("click", Kind::VIEW),
            ("addtocart", Kind::ADD_TO_CART),
            ("AddToCart", Kind::ADD_TO_CART),
            (" add to cart ", Kind::ADD_TO_CART),
            ("Refunded", Kind::RETURN),
            ("Email Opened", Kind::EMAIL_OPEN),
            ("Not Interested", Kind::NOT_INTERESTED),
            ("thumbs-down", Kind::DISLIKE),
        ] {
            assert_eq!(Kinds::known_by_name(name), Some(kind), "{name:?}");
            assert_eq!(kinds.intern(name), Some(kind), "{name:?}");
        }
        assert_eq!(kinds.own().count(), 0);
        let own = kinds.intern("Tasting").unwrap();
        assert_eq!(kinds.intern("tasting"), Some(own));
        assert_eq!(kinds.name(own), "Tasting");
    }

    #[test]
    fn a_synonym_that_the_shop_declares_is_its_own() {
        let mut kinds = Kinds::default();
        kinds.declare_passive("click");
        let click = kinds.intern("click").unwrap();
        assert_ne!(click, Kind::VIEW);
        assert_eq!(kinds.class(click), KindClass::Passive);
    }

    #[test]
    fn a_misspelt_kind_points_to_the_nearest() {
        assert_eq!(Kinds::nearest("purchse"), Some("purchase"));
        assert_eq!(Kinds::nearest("add_to_crat"), Some("add_to_cart"));
        assert_eq!(Kinds::nearest("Vieww"), Some("view"));
        assert_eq!(Kinds::nearest("tasting"), None);
    }

    #[test]
    fn other_kinds_are_active_unless_declared_passive() {
        let mut kinds = Kinds::default();
        kinds.declare_passive("billboard");
        kinds.declare_passive("purchase");
        let tasting = kinds.intern("tasting").unwrap();
        assert_eq!(kinds.class(tasting), KindClass::Active);
        assert_eq!(
            kinds.class(kinds.get("billboard").unwrap()),
            KindClass::Passive
        );
        assert_eq!(kinds.class(Kind::PURCHASE), KindClass::Active);
        assert_eq!(kinds.own().count(), 2);
    }
}
