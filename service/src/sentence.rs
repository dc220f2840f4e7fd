//! Reasons as sentences that customers read, in English and Hebrew.

use serendib_engine::rank::{ListKind, Note, Reason, ReasonCode};
use serendib_engine::shop::Catalogue;

/// A language that sentences are spoken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// Hebrew.
    Hebrew,
}

impl Language {
    /// The language of a BCP 47 tag; English where it is one that nobody here speaks.
    pub fn of(tag: &str) -> Language {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        if primary.eq_ignore_ascii_case("he") || primary.eq_ignore_ascii_case("iw") {
            Language::Hebrew
        } else {
            Language::English
        }
    }
}

/// Keeps a title from mixing its direction of writing with the sentence around it.
fn isolated(title: &str) -> String {
    format!("\u{2068}{title}\u{2069}")
}

/// `reason` as a sentence.
pub fn sentence(reason: &Reason, catalogue: &Catalogue, language: Language) -> String {
    let title = reason
        .product
        .filter(|ix| (*ix as usize) < catalogue.len())
        .map(|ix| isolated(catalogue.product(ix).label()));
    let (english, hebrew) = match (reason.code, title) {
        (ReasonCode::BecauseYouBought, Some(t)) => {
            (format!("Because you bought {t}"), format!("כי קנית {t}"))
        }
        (ReasonCode::BecauseYouBought, None) => (
            "Because of what you bought".into(),
            "בזכות הקניות שלך".into(),
        ),
        (ReasonCode::SimilarTo, Some(t)) => (format!("Similar to {t}"), format!("דומה ל{t}")),
        (ReasonCode::SimilarTo, None) => ("Similar".into(), "דומה".into()),
        (ReasonCode::GoesWith, Some(t)) => (format!("Goes with {t}"), format!("מתאים ל{t}")),
        (ReasonCode::GoesWith, None) => ("Goes with your basket".into(), "מתאים לסל שלך".into()),
        (ReasonCode::BuyAgain, _) => ("Time to buy it again".into(), "הגיע הזמן לקנות שוב".into()),
        (ReasonCode::NextInLife, _) => ("For what comes next".into(), "למה שבא בהמשך".into()),
        (ReasonCode::Popular, _) => ("Many customers buy it".into(), "לקוחות רבים קונים".into()),
        (ReasonCode::New, _) => ("New in the shop".into(), "חדש בחנות".into()),
        (ReasonCode::Pinned, _) => ("Picked by the shop".into(), "נבחר על ידי החנות".into()),
        (ReasonCode::Surprise, Some(t)) => (
            format!("Something different for you, who liked {t}"),
            format!("משהו אחר בשבילך, בהשראת {t}"),
        ),
        (ReasonCode::Surprise, None) => (
            "Something different for you".into(),
            "משהו אחר בשבילך".into(),
        ),
        (ReasonCode::Season, _) => ("In season".into(), "בעונה".into()),
        (ReasonCode::InsteadOf, Some(t)) => (format!("Instead of {t}"), format!("במקום {t}")),
        (ReasonCode::InsteadOf, None) => ("In its place".into(), "במקומו".into()),
        (ReasonCode::Upgrade, Some(t)) => (format!("A step up from {t}"), format!("שדרוג של {t}")),
        (ReasonCode::Upgrade, None) => ("A step up".into(), "שדרוג".into()),
        (ReasonCode::AvailableAgain, _) => (
            "You asked for it, and it is in stock".into(),
            "ביקשת, והוא במלאי".into(),
        ),
        (ReasonCode::CustomersLikeYou, _) => (
            "Customers like you buy it".into(),
            "לקוחות כמוך קונים".into(),
        ),
    };
    match language {
        Language::English => english,
        Language::Hebrew => hebrew,
    }
}

/// What a note means, in English.
pub fn note_text(note: &Note, kind: ListKind) -> String {
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
        Note::Floor => "the floor of relevance left fewer surprises than asked for".into(),
        Note::AfterDisappointment => "surprises pause after a disappointment".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serendib_engine::shop::Product;

    #[test]
    fn a_title_is_isolated_from_the_sentence() {
        let catalogue = Catalogue::new(vec![Product {
            title: Some("LEGO 10-in-1".into()),
            ..Product::bare("p")
        }])
        .unwrap();
        let reason = Reason::about(ReasonCode::BecauseYouBought, 0, 1.0);
        assert_eq!(
            sentence(&reason, &catalogue, Language::of("he-IL")),
            "כי קנית \u{2068}LEGO 10-in-1\u{2069}"
        );
        assert_eq!(
            sentence(&reason, &catalogue, Language::of("fr")),
            "Because you bought \u{2068}LEGO 10-in-1\u{2069}"
        );
        let stray = Reason::about(ReasonCode::SimilarTo, 9, 1.0);
        assert_eq!(sentence(&stray, &catalogue, Language::English), "Similar");
    }
}
