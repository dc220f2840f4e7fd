//! English: every sentence and word that customers and operators read of an answer.

use super::isolate::isolated;
use super::Situation;
use crate::explain::counterfactual::{Counterfactual, Tie};
use crate::rank::{ListKind, Note, ReasonCode};

/// Months, January first, as they stand after "in".
pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The sentence of a reason: `product` is the title that it may name, `occasion` the end that says what it is timely for.
pub(super) fn reason(code: ReasonCode, product: Option<&str>, occasion: Option<&str>) -> String {
    match (code, product) {
        (ReasonCode::BecauseYouBought, Some(p)) => format!("Because you bought {p}"),
        (ReasonCode::BecauseYouBought, None) => "Suits what you bought before".into(),
        (ReasonCode::BecauseYouRated, Some(p)) => format!("Because you rated {p}"),
        (ReasonCode::BecauseYouRated, None) => "Suits what you rated".into(),
        (ReasonCode::BecauseOfInterest, Some(p)) => {
            format!("Because you showed interest in {p}")
        }
        (ReasonCode::BecauseOfInterest, None) => "Suits what you showed interest in".into(),
        (ReasonCode::SimilarTo, Some(p)) => format!("Similar to {p}"),
        (ReasonCode::SimilarTo, None) => "Similar to what you looked at".into(),
        (ReasonCode::GoesWith, Some(p)) => format!("Goes with {p}"),
        (ReasonCode::GoesWith, None) => "Goes with what you have".into(),
        (ReasonCode::BuyAgain, Some(p)) => format!("You bought {p} before; it may be time again"),
        (ReasonCode::BuyAgain, None) => "You bought this before; it may be time again".into(),
        (ReasonCode::NextInLife, _) => match occasion {
            Some(occasion) => format!("Often useful at this time{occasion}"),
            None => "Many customers find this useful around this time".into(),
        },
        (ReasonCode::Popular, _) => "Popular with other customers".into(),
        (ReasonCode::New, _) => "New in the shop".into(),
        (ReasonCode::Pinned, _) => "Recommended by the shop".into(),
        (ReasonCode::Surprise, Some(p)) => {
            format!("Something different: customers with {p} often buy such things")
        }
        (ReasonCode::Surprise, None) => "Something different that we think you will like".into(),
        (ReasonCode::Season, _) => "In season now".into(),
        (ReasonCode::InsteadOf, Some(p)) => format!("Instead of {p}"),
        (ReasonCode::InsteadOf, None) => "An alternative to what is not available".into(),
        (ReasonCode::CustomersLikeYou, _) => "Customers with similar taste chose this".into(),
        (ReasonCode::Upgrade, Some(p)) => format!("A step up from {p}"),
        (ReasonCode::Upgrade, None) => "A step up from what you have".into(),
        (ReasonCode::AvailableAgain, _) => "You asked for it, and it is in stock".into(),
        (ReasonCode::YourTaste, _) => "Fits your taste as a whole".into(),
    }
}

/// What a life situation of a supplied type makes timely, as the end of a sentence.
pub(super) fn occasion(clock: &str) -> Option<&'static str> {
    Some(match clock {
        "child" => " for your child's age",
        "pet" => " for your pet",
        "trip" => " for your trip",
        "home_move" => " for your new home",
        "wedding" => " for the wedding",
        "contract" => " for your contract",
        _ => return None,
    })
}

/// The sentence behind a need, of the life situation that may be named.
pub(super) fn need(situation: Option<&Situation>) -> String {
    let Some(situation) = situation else {
        return "Often needed about now".into();
    };
    let what = match situation.name {
        Some(name) => isolated(name),
        None => format!("your {}", situation.title),
    };
    match situation.stage {
        Some(stage) => format!("Timely for {what} ({stage})"),
        None => format!("Timely for {what}"),
    }
}

/// The sentence of a counterfactual about `product`, which was touched in the month `when`.
pub(super) fn counterfactual(found: &Counterfactual, product: &str, when: Option<&str>) -> String {
    let how = match found.tie {
        Tie::Bought => ", bought",
        Tie::Rated => ", rated",
        Tie::Noticed => ", looked at",
        Tie::InBasket => " in the basket",
    };
    let when = when.map_or(String::new(), |when| format!(" in {when}"));
    let place = match found.rank_without {
        Some(rank) => format!(
            "would rank {} instead of {}",
            ordinal(rank),
            ordinal(found.rank)
        ),
        None => "would not be in the list".to_owned(),
    };
    format!("Without {product}{how}{when}, this {place}")
}

fn ordinal(rank: usize) -> String {
    let end = match (rank % 10, rank % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{rank}{end}")
}

/// What a note of a list of `kind` means.
pub(super) fn note(note: &Note, kind: ListKind) -> String {
    match note {
        Note::NotPersonal => "nothing personal went into this list".into(),
        Note::Short => "fewer items than asked for were worth showing".into(),
        Note::Partial => "the deadline ran out: this is the best so far".into(),
        Note::Unsupported => format!("this server cannot make {} lists", kind.as_str()),
        Note::SourceSkipped(source) => format!("the source {source} was not ready and was skipped"),
        Note::OpenComplaint => "surprises and promotions pause while a complaint is open".into(),
        Note::ComplaintJustResolved => {
            "surprises pause for a while after a complaint was resolved".into()
        }
        Note::CancelIntent => {
            "no offers: the customer thinks of leaving, and a person should talk to them".into()
        }
        Note::OfferBudget => {
            "the customer got all offers that what the shop gave them allows".into()
        }
        Note::NoContact => "the customer has not agreed to be contacted".into(),
        Note::Floor => "the floor of relevance left fewer surprises than asked for".into(),
        Note::AfterDisappointment => "surprises pause for a while after a disappointment".into(),
        Note::Capped => {
            "the caps on categories or brands left fewer products than asked for".into()
        }
    }
}
