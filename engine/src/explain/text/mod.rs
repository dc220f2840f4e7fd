//! Sentences for reasons, in English and Hebrew.
//!
//! Titles are put between Unicode isolates (U+2068, U+2069), so that an English title inside a Hebrew sentence, or the other way
//! round, cannot reorder the words around it.

use crate::explain::Tact;
use crate::isolated;
use crate::life::title_in;
use crate::rank::{Reason, ReasonCode};
use crate::shop::{Catalogue, ProductIx};

/// A language that reasons are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// Hebrew.
    Hebrew,
}

impl Language {
    /// Of a BCP 47 tag: Hebrew for `he` and the old `iw`, English for anything else or nothing.
    pub fn of(locale: Option<&str>) -> Language {
        let primary = locale
            .and_then(|tag| tag.split(['-', '_']).next())
            .unwrap_or("");
        if primary.eq_ignore_ascii_case("he") || primary.eq_ignore_ascii_case("iw") {
            Language::Hebrew
        } else {
            Language::English
        }
    }

    /// Its BCP 47 tag.
    fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Hebrew => "he",
        }
    }
}

/// The end of a sentence that says when something is useful: what for.
///
/// The supplied types have phrases; a shop's own is called by its title.
fn occasion(reason: &Reason, language: Language) -> Option<String> {
    let phrase = match (reason.clock.as_deref()?, language) {
        ("child", Language::English) => " for your child's age",
        ("child", Language::Hebrew) => ", בהתאם לגיל של הילד או הילדה שלכם",
        ("pet", Language::English) => " for your pet",
        ("pet", Language::Hebrew) => ", בהתאם לחיית המחמד שלכם",
        ("trip", Language::English) => " for your trip",
        ("trip", Language::Hebrew) => ", בהתאם לנסיעה שלכם",
        ("home_move", Language::English) => " for your new home",
        ("home_move", Language::Hebrew) => ", בהתאם לבית החדש שלכם",
        ("wedding", Language::English) => " for the wedding",
        ("wedding", Language::Hebrew) => ", בהתאם לחתונה",
        ("contract", Language::English) => " for your contract",
        ("contract", Language::Hebrew) => ", בהתאם לחוזה שלכם",
        (_, language) => {
            let title = title_in(&reason.clock_title, language.tag(), "");
            return (!title.is_empty()).then(|| format!(": {}", isolated(title)));
        }
    };
    Some(phrase.to_owned())
}

/// The sentence of `reason` in `language`.
///
/// What `tact` forbids to name is left out: the sentence then says the same without the product.
pub fn sentence(reason: &Reason, catalogue: &Catalogue, language: Language, tact: &Tact) -> String {
    let named = |product: ProductIx| {
        ((product as usize) < catalogue.len() && !tact.hides(catalogue, product))
            .then(|| isolated(catalogue.product(product).label()))
    };
    let product = reason.product.and_then(named);
    let occasion = occasion(reason, language);
    match language {
        Language::English => english(reason.code, product.as_deref(), occasion.as_deref()),
        Language::Hebrew => hebrew(reason.code, product.as_deref(), occasion.as_deref()),
    }
}

fn english(code: ReasonCode, product: Option<&str>, occasion: Option<&str>) -> String {
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

fn hebrew(code: ReasonCode, product: Option<&str>, occasion: Option<&str>) -> String {
    match (code, product) {
        (ReasonCode::BecauseYouBought, Some(p)) => format!("כי קניתם {p}"),
        (ReasonCode::BecauseYouBought, None) => "מתאים למה שקניתם בעבר".into(),
        (ReasonCode::BecauseYouRated, Some(p)) => format!("כי דירגתם את {p}"),
        (ReasonCode::BecauseYouRated, None) => "מתאים למה שדירגתם".into(),
        (ReasonCode::BecauseOfInterest, Some(p)) => format!("כי התעניינתם ב־{p}"),
        (ReasonCode::BecauseOfInterest, None) => "מתאים למה שהתעניינתם בו".into(),
        (ReasonCode::SimilarTo, Some(p)) => format!("דומה ל־{p}"),
        (ReasonCode::SimilarTo, None) => "דומה למה שצפיתם בו".into(),
        (ReasonCode::GoesWith, Some(p)) => format!("משתלב עם {p}"),
        (ReasonCode::GoesWith, None) => "משתלב עם מה שיש לכם".into(),
        (ReasonCode::BuyAgain, Some(p)) => format!("קניתם בעבר {p}; אולי הגיע הזמן שוב"),
        (ReasonCode::BuyAgain, None) => "קניתם את זה בעבר; אולי הגיע הזמן שוב".into(),
        (ReasonCode::NextInLife, _) => match occasion {
            Some(occasion) => format!("שימושי לעתים קרובות בתקופה הזו{occasion}"),
            None => "לקוחות רבים מוצאים בזה תועלת בתקופה הזו".into(),
        },
        (ReasonCode::Popular, _) => "פופולרי בקרב לקוחות אחרים".into(),
        (ReasonCode::New, _) => "חדש בחנות".into(),
        (ReasonCode::Pinned, _) => "מומלץ על ידי החנות".into(),
        (ReasonCode::Surprise, Some(p)) => {
            format!("משהו אחר: לקוחות שיש להם {p} קונים לעתים קרובות דברים כאלה")
        }
        (ReasonCode::Surprise, None) => "משהו אחר שלדעתנו תאהבו".into(),
        (ReasonCode::Season, _) => "עכשיו העונה".into(),
        (ReasonCode::InsteadOf, Some(p)) => format!("במקום {p}"),
        (ReasonCode::InsteadOf, None) => "חלופה למה שאינו זמין".into(),
        (ReasonCode::CustomersLikeYou, _) => "לקוחות עם טעם דומה בחרו בזה".into(),
        (ReasonCode::Upgrade, Some(p)) => format!("שדרוג של {p}"),
        (ReasonCode::Upgrade, None) => "שדרוג של מה שיש לכם".into(),
        (ReasonCode::AvailableAgain, _) => "ביקשתם, והוא במלאי".into(),
        (ReasonCode::YourTaste, _) => "מתאים לטעם שלכם בכללותו".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shop::Product;

    fn catalogue() -> Catalogue {
        Catalogue::new(vec![
            Product {
                title: Some("Tea pot (2 l)".into()),
                ..Product::bare("pot")
            },
            Product {
                title: Some("Pregnancy test".into()),
                category: Some("health/pregnancy".into()),
                ..Product::bare("test")
            },
            Product {
                title: Some("evil\u{202E}\u{2069} \u{2028}ti\u{2029}t\u{061C}le\n".into()),
                ..Product::bare("evil")
            },
        ])
        .unwrap()
    }

    fn say(reason: Reason, locale: &str) -> String {
        sentence(
            &reason,
            &catalogue(),
            Language::of(Some(locale)),
            &Tact::default(),
        )
    }

    #[test]
    fn english_and_hebrew_snapshots() {
        let about = |code| Reason::about(code, 0, 1.0);
        let table = [
            (
                about(ReasonCode::BecauseYouBought),
                "en-GB",
                "Because you bought \u{2068}Tea pot (2 l)\u{2069}",
            ),
            (
                about(ReasonCode::BecauseYouBought),
                "he",
                "כי קניתם \u{2068}Tea pot (2 l)\u{2069}",
            ),
            (
                about(ReasonCode::BecauseYouRated),
                "en",
                "Because you rated \u{2068}Tea pot (2 l)\u{2069}",
            ),
            (
                about(ReasonCode::BecauseYouRated),
                "he",
                "כי דירגתם את \u{2068}Tea pot (2 l)\u{2069}",
            ),
            (
                about(ReasonCode::BecauseOfInterest),
                "en",
                "Because you showed interest in \u{2068}Tea pot (2 l)\u{2069}",
            ),
            (
                about(ReasonCode::BecauseOfInterest),
                "he",
                "כי התעניינתם ב־\u{2068}Tea pot (2 l)\u{2069}",
            ),
            (
                about(ReasonCode::GoesWith),
                "he-IL",
                "משתלב עם \u{2068}Tea pot (2 l)\u{2069}",
            ),
            (
                about(ReasonCode::SimilarTo),
                "iw",
                "דומה ל־\u{2068}Tea pot (2 l)\u{2069}",
            ),
            (
                about(ReasonCode::InsteadOf),
                "he",
                "במקום \u{2068}Tea pot (2 l)\u{2069}",
            ),
            (
                Reason::plain(ReasonCode::Popular, 1.0),
                "he",
                "פופולרי בקרב לקוחות אחרים",
            ),
            (
                Reason::plain(ReasonCode::Surprise, 1.0),
                "he",
                "משהו אחר שלדעתנו תאהבו",
            ),
            (
                Reason::plain(ReasonCode::Season, 1.0),
                "fr",
                "In season now",
            ),
        ];
        for (reason, locale, want) in table {
            assert_eq!(say(reason, locale), want);
        }
    }

    #[test]
    fn isolates_are_balanced_whatever_the_title() {
        for locale in ["en", "he"] {
            for product in 0..4 {
                let text = say(Reason::about(ReasonCode::GoesWith, product, 1.0), locale);
                let count = |c: char| text.chars().filter(|x| *x == c).count();
                assert_eq!(count('\u{2068}'), count('\u{2069}'));
                for breaks_out in ['\u{202E}', '\n', '\u{2028}', '\u{2029}', '\u{061C}'] {
                    assert_eq!(count(breaks_out), 0, "{breaks_out:?}");
                }
                assert!(!text.is_empty());
            }
        }
    }

    #[test]
    fn what_tact_forbids_is_not_named() {
        let text = say(Reason::about(ReasonCode::BecauseYouBought, 1, 1.0), "en");
        assert_eq!(text, "Suits what you bought before");
        let mut life = Reason::plain(ReasonCode::NextInLife, 1.0);
        assert!(!say(life.clone(), "en").contains("child"));
        life.clock = Some("child".into());
        assert!(say(life.clone(), "en").contains("child"));
        assert!(say(life, "he").contains("הילד"));
    }

    #[test]
    fn life_situations_are_named_in_the_grammar_of_the_language() {
        let life = |clock: &str, titles: &[(&str, &str)]| Reason {
            clock: Some(clock.into()),
            clock_title: titles
                .iter()
                .map(|(tag, title)| ((*tag).into(), (*title).into()))
                .collect(),
            ..Reason::plain(ReasonCode::NextInLife, 1.0)
        };
        let school = [("en", "school year"), ("he", "שנת הלימודים")];
        let table = [
            (
                life("trip", &[("en", "journey")]),
                "en",
                "Often useful at this time for your trip",
            ),
            (
                life("trip", &[]),
                "he",
                "שימושי לעתים קרובות בתקופה הזו, בהתאם לנסיעה שלכם",
            ),
            (
                life("home_move", &[]),
                "he",
                "שימושי לעתים קרובות בתקופה הזו, בהתאם לבית החדש שלכם",
            ),
            (
                life("school_year", &school),
                "en",
                "Often useful at this time: \u{2068}school year\u{2069}",
            ),
            (
                life("school_year", &school),
                "he",
                "שימושי לעתים קרובות בתקופה הזו: \u{2068}שנת הלימודים\u{2069}",
            ),
            (
                life("school_year", &[]),
                "en",
                "Many customers find this useful around this time",
            ),
        ];
        for (reason, locale, want) in table {
            assert_eq!(say(reason, locale), want);
        }
    }
}
