//! What is asked, and what is known of who asks.

use crate::engagement::ContactRules;
use crate::rank::together::Together;
use crate::surprise::Said;
use serendib_shop::{Budget, Catalogue, Consents, Delight, Fact, ProductIx, Purpose, Touch};

/// Most items in one list.
pub const MAX_COUNT: usize = 1_000;
/// Most lists in one request.
pub const MAX_LISTS: usize = 16;

/// What a list is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ListKind {
    /// What suits this customer.
    ForYou,
    /// Like the viewed product.
    Similar,
    /// Completes the basket, the viewed product or recent purchases.
    GoesWith,
    /// What the customer's life situations make likely soon.
    NextInLife,
    /// What is about to run out.
    BuyAgain,
    /// The next basket, repeats and new things together.
    NextBasket,
    /// Unexpected, relevant and timely.
    Surprise,
    /// What most customers bought lately.
    Popular,
}

impl ListKind {
    pub const ALL: [ListKind; 8] = [
        ListKind::ForYou,
        ListKind::Similar,
        ListKind::GoesWith,
        ListKind::NextInLife,
        ListKind::BuyAgain,
        ListKind::NextBasket,
        ListKind::Surprise,
        ListKind::Popular,
    ];

    /// The word on command lines, in tables and in the serve log.
    pub fn as_str(self) -> &'static str {
        match self {
            ListKind::ForYou => "for-you",
            ListKind::Similar => "similar",
            ListKind::GoesWith => "goes-with",
            ListKind::NextInLife => "next-in-life",
            ListKind::BuyAgain => "buy-again",
            ListKind::NextBasket => "next-basket",
            ListKind::Surprise => "surprise",
            ListKind::Popular => "popular",
        }
    }

    /// Reads one of the words.
    pub fn parse(text: &str) -> Option<ListKind> {
        ListKind::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Limits on the products of a list; an empty list of values means no limit.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filters {
    /// Category paths, however they are written; a product below one of them passes.
    pub categories: Vec<String>,
    /// Brands, however they are written.
    pub brands: Vec<String>,
    /// Lowest price; products without a price pass only if both bounds are absent.
    pub min_price: Option<f64>,
    /// Highest price, in the currency of the catalogue.
    pub max_price: Option<f64>,
    /// Drop everything that the customer owns, consumables included.
    pub exclude_owned: bool,
}

/// One list of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct ListRequest {
    /// What the list is for.
    pub kind: ListKind,
    /// How many, 1 to [`MAX_COUNT`].
    pub count: usize,
    /// Limits on its products.
    pub filters: Filters,
    /// Products put first in this order whatever their score, if they are eligible.
    pub pins: Vec<ProductIx>,
    /// How its items go together.
    pub together: Together,
}

impl ListRequest {
    /// A list of `count` without limits or pins, its items together as is usual for the kind.
    pub fn new(kind: ListKind, count: usize) -> ListRequest {
        ListRequest {
            kind,
            count,
            filters: Filters::default(),
            pins: Vec::new(),
            together: Together::default_for(kind),
        }
    }

    fn check(&self, list: usize) -> Result<(), RequestError> {
        if self.count == 0 || self.count > MAX_COUNT {
            let found = self.count;
            return Err(RequestError::Count { list, found });
        }
        let together = &self.together;
        for (field, found) in [
            ("diversity", together.diversity),
            ("calibration", together.calibration),
        ] {
            if !(0.0..=1.0).contains(&found) {
                return Err(RequestError::Share { list, field, found });
            }
        }
        let caps = &together.caps;
        for (field, cap) in [
            ("max_per_category", caps.category),
            ("max_per_brand", caps.brand),
        ] {
            if cap == Some(0) {
                return Err(RequestError::Cap { list, field });
            }
        }
        Ok(())
    }
}

/// What surrounds the request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Context {
    /// Products in the basket, with packs.
    pub basket: Vec<(ProductIx, f32)>,
    /// The product on the page.
    pub viewed: Option<ProductIx>,
    /// For whom else the list is; the customer's own history says nothing of what suits then.
    pub occasion: Option<Occasion>,
    /// When the customer last said that something fell short of what they expected, ms.
    pub let_down_at: Option<i64>,
    /// Surprises of which the customer wants no other, with the time when they said so, ms.
    pub regretted: Vec<(ProductIx, i64)>,
}

impl Context {
    /// Heeds what the customer said of surprises before `now`, ms: their `delights`, in the numbers of `catalogue`.
    pub fn hear(&mut self, delights: &[Delight], catalogue: &Catalogue, now: i64) {
        let said = Said::before(delights, catalogue, now);
        self.let_down_at = said.let_down_at;
        self.regretted = said.regretted;
    }
}

/// Why somebody looks for things that are not for themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    Gift,
    /// Somebody else's birthday.
    Birthday,
}

impl Occasion {
    /// Reads the word of a request.
    pub fn parse(text: &str) -> Option<Occasion> {
        match text {
            "gift" => Some(Occasion::Gift),
            "birthday" => Some(Occasion::Birthday),
            _ => None,
        }
    }
}

/// One request for one or more lists.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Milliseconds since 1970-01-01 UTC; only what happened before is seen. `i64::MAX` in a shop without times.
    pub now: i64,
    /// Same seed and input, same answer.
    pub seed: u64,
    /// The lists, in order; no product appears in two of them.
    pub lists: Vec<ListRequest>,
    /// What surrounds it.
    pub context: Context,
    /// 0 to 1; the customer's own where absent.
    pub dial: Option<f32>,
    /// Products that no list holds.
    pub exclusions: Vec<ProductIx>,
    /// How many reasons an item carries at most.
    pub max_reasons: usize,
    /// Whether the last slot of a surprise list is drawn at random with a logged propensity.
    pub explore: bool,
    /// Whether a surprise list of one is drawn too, at any dial, where the request explores: for callers of whom nobody knows
    /// what they were shown before.
    pub draw_lone: bool,
    /// Whether the lists are sent to the customer unasked (an e-mail, a push): they count as offers then.
    pub outreach: bool,
    /// How the customer's contacts act on the lists.
    pub contact: ContactRules,
    /// How much of a long history the lists look at; contacts are read in full.
    pub history: Budget,
    /// Relevance, 0 to 1, that every surprise needs beside what the model asks for.
    pub surprise_floor: f32,
}

impl Request {
    /// A request for one list at `now`.
    pub fn one(kind: ListKind, count: usize, now: i64) -> Request {
        Request {
            now,
            seed: 0,
            lists: vec![ListRequest::new(kind, count)],
            context: Context::default(),
            dial: None,
            exclusions: Vec::new(),
            max_reasons: 3,
            explore: false,
            draw_lone: false,
            outreach: false,
            contact: ContactRules::default(),
            history: Budget::RANKED,
            surprise_floor: 0.0,
        }
    }

    /// Checks counts, the dial, and how lists are to go together.
    pub fn check(&self) -> Result<(), RequestError> {
        if self.lists.is_empty() || self.lists.len() > MAX_LISTS {
            return Err(RequestError::Lists {
                found: self.lists.len(),
            });
        }
        for (ix, list) in self.lists.iter().enumerate() {
            list.check(ix)?;
        }
        match self.dial {
            Some(dial) if !(0.0..=1.0).contains(&dial) => Err(RequestError::Dial { found: dial }),
            _ => Ok(()),
        }
    }
}

/// Why a request cannot be answered.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RequestError {
    /// No list, or too many.
    #[error("lists has {found} entries, expected 1 to {MAX_LISTS}")]
    Lists { found: usize },
    /// A list asks for nothing, or for too much.
    #[error("lists[{list}].count is {found}, expected 1 to {MAX_COUNT}")]
    Count {
        /// Position of the list.
        list: usize,
        found: usize,
    },
    /// Diversity or calibration is not a share.
    #[error("lists[{list}].{field} is {found}, expected 0 to 1")]
    Share {
        /// Position of the list.
        list: usize,
        /// Which of the two.
        field: &'static str,
        found: f32,
    },
    /// A cap that lets nothing in.
    #[error("lists[{list}].{field} is 0, expected at least 1")]
    Cap {
        /// Position of the list.
        list: usize,
        /// Name of the cap.
        field: &'static str,
    },
    /// The dial is not a share.
    #[error("dial is {found}, expected 0 to 1")]
    Dial { found: f32 },
}

/// What the customer's consents allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowed {
    /// Whether answers may be personal.
    pub personalise: bool,
    /// Whether life situations may be inferred from purchases.
    pub infer_life_stage: bool,
    /// Whether the shop may reach out to them.
    pub contact: bool,
}

impl Allowed {
    pub const ALL: Allowed = Allowed {
        personalise: true,
        infer_life_stage: true,
        contact: true,
    };

    /// What a customer who said `said` allows in a shop with these `defaults`: the one place that decides, for serving,
    /// training and batch answers alike.
    pub fn of(said: &Consents, defaults: &Consents) -> Allowed {
        Allowed {
            personalise: said.allows(Purpose::Personalise, defaults),
            infer_life_stage: said.allows(Purpose::InferLifeStage, defaults),
            contact: said.allows(Purpose::Contact, defaults),
        }
    }
}

/// Everything known of one customer, or of one anonymous session.
#[derive(Debug, Clone, Copy)]
pub struct CustomerState<'a> {
    /// Touches in order of time; those at or after the request's time are not looked at.
    pub history: &'a [Touch],
    /// What the customer declared of their life.
    pub facts: &'a [Fact],
    /// What the customer allows.
    pub allowed: Allowed,
}

impl CustomerState<'_> {
    /// Somebody of whom nothing is known.
    pub const NOBODY: CustomerState<'static> = CustomerState {
        history: &[],
        facts: &[],
        allowed: Allowed::ALL,
    };
}
