//! What is answered.

use serde::de::value::{Error as ValueError, StrDeserializer};
use serde::de::IntoDeserializer;
use serde::Deserialize;

use super::ListKind;
use crate::engagement::HandOver;
use crate::life::Titles;
use crate::surprise::Drivers;
use serendib_shop::ProductIx;

/// Why an item is in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// The customer bought the referred product and has it; customers who did also bought this.
    BecauseYouBought,
    /// The customer rated the referred product, and is not known to have bought it.
    BecauseYouRated,
    /// The customer looked at the referred product, asked about it or put it aside, and is not known to have bought it.
    BecauseOfInterest,
    /// Like the referred product.
    SimilarTo,
    /// Completes the referred product.
    GoesWith,
    /// The customer bought it before and may be about to run out.
    BuyAgain,
    /// A life situation makes it likely now.
    NextInLife,
    /// Many customers bought it lately.
    Popular,
    /// New in the shop.
    New,
    /// Put there by the shop.
    Pinned,
    /// Unexpected for this customer, and relevant.
    Surprise,
    /// Much more is bought of its kind at this time of the year than at others.
    Season,
    /// Replaces the referred product, which is not available.
    InsteadOf,
    /// Customers like this one bought it.
    CustomersLikeYou,
    /// A step up from the referred product, which a visit or advice was about.
    Upgrade,
    /// The customer asked whether there is any, and there is.
    AvailableAgain,
    /// What the other reasons leave of the score: the rest of what is known of the customer.
    YourTaste,
}

impl ReasonCode {
    /// Reads the word of [`ReasonCode::as_str`].
    pub fn parse(word: &str) -> Option<ReasonCode> {
        let word: StrDeserializer<ValueError> = word.into_deserializer();
        ReasonCode::deserialize(word).ok()
    }

    /// The word in tables and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            ReasonCode::BecauseYouBought => "because_you_bought",
            ReasonCode::BecauseYouRated => "because_you_rated",
            ReasonCode::BecauseOfInterest => "because_of_interest",
            ReasonCode::SimilarTo => "similar_to",
            ReasonCode::GoesWith => "goes_with",
            ReasonCode::BuyAgain => "buy_again",
            ReasonCode::NextInLife => "next_in_life",
            ReasonCode::Popular => "popular",
            ReasonCode::New => "new",
            ReasonCode::Pinned => "pinned",
            ReasonCode::Surprise => "surprise",
            ReasonCode::Season => "season",
            ReasonCode::InsteadOf => "instead_of",
            ReasonCode::CustomersLikeYou => "customers_like_you",
            ReasonCode::Upgrade => "upgrade",
            ReasonCode::AvailableAgain => "available_again",
            ReasonCode::YourTaste => "your_taste",
        }
    }
}

/// One part of an item's explanation.
#[derive(Debug, Clone, PartialEq)]
pub struct Reason {
    /// Kind of reason.
    pub code: ReasonCode,
    /// The product it refers to.
    pub product: Option<ProductIx>,
    /// The life situation it refers to, by clock type.
    pub clock: Option<String>,
    /// What that clock type is called, by language; empty where it has no name for people.
    pub clock_title: Titles,
    /// Share of the item's score that it explains; an item's contributions sum to at most its score.
    pub contribution: f32,
}

impl Reason {
    /// A reason without reference.
    pub fn plain(code: ReasonCode, contribution: f32) -> Reason {
        Reason {
            code,
            product: None,
            clock: None,
            clock_title: Titles::new(),
            contribution,
        }
    }

    /// A reason that refers to `product`.
    pub fn about(code: ReasonCode, product: ProductIx, contribution: f32) -> Reason {
        Reason {
            product: Some(product),
            ..Reason::plain(code, contribution)
        }
    }
}

/// One product on its way into a list, and in it.
///
/// Sources propose it, scorers fill in its numbers, an arranger gives it its place, and what is shown gets its reasons.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The product proposed.
    pub product: ProductIx,
    /// Which sources proposed it, by position in the plan, with the score each gave; empty for a pin.
    pub sources: Vec<(usize, f32)>,
    /// What the list is ordered by; finite.
    pub score: f32,
    /// How well it suits, 0 to 1.
    pub relevance: f32,
    /// How far it is from what this customer would expect, 0 to 1, where computed.
    pub unexpectedness: Option<f32>,
    /// How little known it is, 0 to 1, where computed.
    pub novelty: Option<f32>,
    /// How well it fits the moment, 0 to 1, where computed.
    pub timeliness: Option<f32>,
    /// Predicted probability of a pleasant surprise, where computed.
    pub delight: Option<f32>,
    /// Probability that the customer wants it when they meet it, where computed.
    pub wanted: Option<f32>,
    /// What its delight rests on, where computed.
    pub drivers: Option<Drivers>,
    /// The floor that a surprise passed, 0 to 1: of `wanted`, at dial 0 of `relevance`.
    pub floor: Option<f32>,
    /// Exact probability of the draw, for a sampled slot.
    pub propensity: Option<f64>,
    /// Whether the shop pinned it.
    pub pinned: bool,
    /// Why it is in the list, strongest reason first.
    pub reasons: Vec<Reason>,
}

impl Item {
    /// Returns `product` without sources, scores or reasons.
    pub fn new(product: ProductIx) -> Item {
        Item {
            product,
            sources: Vec::new(),
            score: 0.0,
            relevance: 0.0,
            unexpectedness: None,
            novelty: None,
            timeliness: None,
            delight: None,
            wanted: None,
            drivers: None,
            floor: None,
            propensity: None,
            pinned: false,
            reasons: Vec::new(),
        }
    }
}

/// A candidate that is not in the list, and the filter that took it away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removed {
    /// The product taken away.
    pub product: ProductIx,
    /// Name of the filter; `"count"` = ranked below the cut.
    pub by: &'static str,
}

/// Something that the caller should know of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Note {
    /// Nothing personal went into it.
    NotPersonal,
    /// Fewer items than asked for were worth showing.
    Short,
    /// Cut short by the deadline: the best so far.
    Partial,
    /// The model has no part for this kind of list.
    Unsupported,
    /// A source failed or was not ready and was skipped.
    SourceSkipped(&'static str),
    /// Surprises and promotions pause while a complaint is open.
    OpenComplaint,
    /// Surprises pause for a while after a complaint was resolved.
    ComplaintJustResolved,
    /// No offers: the customer thinks of leaving, and a person takes over.
    CancelIntent,
    /// The customer got all offers that what the shop gave them allows.
    OfferBudget,
    /// The customer does not want to be contacted, and the list is for outreach.
    NoContact,
    /// The relevance floor left fewer surprises than asked for.
    Floor,
    /// Surprises pause for a while after a disappointment.
    AfterDisappointment,
    /// The caps on categories or brands left fewer items than asked for.
    Capped,
}

impl Note {
    /// The word in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Note::NotPersonal => "not_personal",
            Note::Short => "short",
            Note::Partial => "partial",
            Note::Unsupported => "unsupported",
            Note::SourceSkipped(_) => "source_skipped",
            Note::OpenComplaint => "open_complaint",
            Note::ComplaintJustResolved => "complaint_just_resolved",
            Note::CancelIntent => "cancel_intent",
            Note::OfferBudget => "offer_budget",
            Note::NoContact => "no_contact",
            Note::Floor => "floor",
            Note::AfterDisappointment => "after_disappointment",
            Note::Capped => "capped",
        }
    }
}

/// One list of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct ListAnswer {
    /// What the list is for.
    pub kind: ListKind,
    /// Best first; ties by product number.
    pub items: Vec<Item>,
    /// Every other candidate.
    pub removed: Vec<Removed>,
    /// What the caller should know.
    pub notes: Vec<Note>,
    /// What the drawn slot was drawn from, with the probability of each; they sum to 1. Empty where nothing was drawn.
    pub draw: Vec<(ProductIx, f64)>,
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Whether anything of the customer or session went into it.
    pub personal: bool,
    /// Who should talk to the customer rather than sell to them.
    pub hand_over: Option<HandOver>,
    /// One per requested list, in order.
    pub lists: Vec<ListAnswer>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_reasons_are_read_back() {
        for code in [
            ReasonCode::BecauseYouBought,
            ReasonCode::NextInLife,
            ReasonCode::New,
            ReasonCode::YourTaste,
        ] {
            assert_eq!(ReasonCode::parse(code.as_str()), Some(code));
        }
        assert_eq!(ReasonCode::parse("because"), None);
    }
}
