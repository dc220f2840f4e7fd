//! Reasons as sentences that customers read, in English and Hebrew.

use serendib_engine::explain::{self, Tact};
use serendib_engine::rank::{ListKind, Note, Reason};
use serendib_engine::shop::{Catalogue, ProductIx};

/// A language that sentences are spoken in.
pub use serendib_engine::explain::Language;

/// `reason` as a sentence; what tact forbids to name is not named.
pub fn sentence(reason: &Reason, catalogue: &Catalogue, language: Language) -> String {
    explain::sentence(reason, catalogue, language, &Tact::default())
}

/// Whether tact allows to name `product`, in words or by its id: a storefront draws what it gets the id of.
pub fn may_name(catalogue: &Catalogue, product: ProductIx) -> bool {
    !Tact::default().hides(catalogue, product)
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
        Note::AfterDisappointment => "surprises pause for a while after a disappointment".into(),
        Note::Capped => {
            "the caps on categories or brands left fewer products than asked for".into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serendib_engine::rank::ReasonCode;
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
            sentence(&reason, &catalogue, Language::of(Some("he-IL"))),
            "כי קניתם \u{2068}LEGO 10-in-1\u{2069}"
        );
        assert_eq!(
            sentence(&reason, &catalogue, Language::of(Some("fr"))),
            "Because you bought \u{2068}LEGO 10-in-1\u{2069}"
        );
        let stray = Reason::about(ReasonCode::SimilarTo, 9, 1.0);
        assert_eq!(
            sentence(&stray, &catalogue, Language::English),
            "Similar to what you looked at"
        );
    }
}
