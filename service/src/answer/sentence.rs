//! Reasons as sentences that customers read, in English and Hebrew.

use serendib_engine::explain::{self, Sensitivity};
use serendib_engine::rank::Reason;
use serendib_shop::{Catalogue, ProductIx};

pub use serendib_engine::explain::{note_text, Language};

/// `reason` as a sentence; what is too sensitive to name is not named.
pub fn sentence(reason: &Reason, catalogue: &Catalogue, language: Language) -> String {
    explain::sentence(reason, catalogue, language, &Sensitivity::default())
}

/// Whether `product` may be named, in words or by its id: a storefront draws what it gets the id of.
pub fn may_name(catalogue: &Catalogue, product: ProductIx) -> bool {
    !Sensitivity::default().hides(catalogue, product)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serendib_engine::rank::ReasonCode;
    use serendib_shop::Product;

    #[test]
    fn a_title_is_isolated_from_the_sentence() {
        let catalogue = Catalogue::new(vec![Product {
            title: Some("LEGO 10-in-1".into()),
            ..Product::bare("p")
        }])
        .unwrap();
        let reason = Reason::about(ReasonCode::BecauseYouBought, ProductIx(0), 1.0);
        assert_eq!(
            sentence(&reason, &catalogue, Language::of(Some("he-IL"))),
            "כי קניתם \u{2068}LEGO 10-in-1\u{2069}"
        );
        assert_eq!(
            sentence(&reason, &catalogue, Language::of(Some("fr"))),
            "Because you bought \u{2068}LEGO 10-in-1\u{2069}"
        );
        let stray = Reason::about(ReasonCode::SimilarTo, ProductIx(9), 1.0);
        assert_eq!(
            sentence(&stray, &catalogue, Language::English),
            "Similar to what you looked at"
        );
    }
}
