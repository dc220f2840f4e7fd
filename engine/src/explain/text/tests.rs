use super::*;
use crate::explain::Tie;
use crate::rank::ReasonCode;
use serendib_shop::{Product, DAY_MS};

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
        &Sensitivity::default(),
    )
}

#[test]
fn english_and_hebrew_snapshots() {
    let about = |code| Reason::about(code, ProductIx(0), 1.0);
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
            let text = say(
                Reason::about(ReasonCode::GoesWith, ProductIx(product), 1.0),
                locale,
            );
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
fn what_is_sensitive_is_not_named() {
    let text = say(
        Reason::about(ReasonCode::BecauseYouBought, ProductIx(1), 1.0),
        "en",
    );
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

/// 15 March 2026, ms.
const MARCH: i64 = 1_773_532_800_000;

#[test]
fn it_is_said_with_what_and_when() {
    let catalogue = Catalogue::new(vec![Product {
        title: Some("pram".into()),
        ..Product::bare("p")
    }])
    .unwrap();
    let mut found = Counterfactual {
        without: ProductIx(0),
        tie: Tie::Bought,
        touched_at: Some(MARCH),
        rank: 2,
        rank_without: Some(14),
    };
    let say = |found: &Counterfactual, language, days: i64| {
        counterfactual_sentence(found, &catalogue, language, MARCH + days * DAY_MS)
    };
    assert_eq!(
        say(&found, Language::English, 30),
        "Without \u{2068}pram\u{2069}, bought in March, this would rank 14th instead of 2nd"
    );
    assert_eq!(
        say(&found, Language::Hebrew, 30),
        "בלי \u{2068}pram\u{2069}, שקניתם במרץ, זה היה במקום 14 במקום 2"
    );
    assert!(say(&found, Language::English, 400).contains("in March 2026,"));
    found.rank_without = None;
    found.tie = Tie::InBasket;
    found.touched_at = None;
    assert_eq!(
        say(&found, Language::English, 30),
        "Without \u{2068}pram\u{2069} in the basket, this would not be in the list"
    );
}
