//! Hebrew: every sentence and word that customers read of an answer.

use super::isolate::isolated;
use super::Situation;
use crate::explain::counterfactual::{Counterfactual, Tie};
use crate::rank::ReasonCode;

/// Months, January first, as they stand after "in".
pub(super) const MONTHS: [&str; 12] = [
    "ינואר",
    "פברואר",
    "מרץ",
    "אפריל",
    "מאי",
    "יוני",
    "יולי",
    "אוגוסט",
    "ספטמבר",
    "אוקטובר",
    "נובמבר",
    "דצמבר",
];

/// The sentence of a reason: `product` is the title that it may name, `occasion` the end that says what it is timely for.
pub(super) fn reason(code: ReasonCode, product: Option<&str>, occasion: Option<&str>) -> String {
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

/// What a life situation of a supplied type makes timely, as the end of a sentence.
pub(super) fn occasion(clock: &str) -> Option<&'static str> {
    Some(match clock {
        "child" => ", בהתאם לגיל של הילד או הילדה שלכם",
        "pet" => ", בהתאם לחיית המחמד שלכם",
        "trip" => ", בהתאם לנסיעה שלכם",
        "home_move" => ", בהתאם לבית החדש שלכם",
        "wedding" => ", בהתאם לחתונה",
        "contract" => ", בהתאם לחוזה שלכם",
        _ => return None,
    })
}

/// The sentence behind a need, of the life situation that may be named.
pub(super) fn need(situation: Option<&Situation>) -> String {
    let Some(situation) = situation else {
        return "לקוחות רבים צריכים את זה בקרוב".into();
    };
    let what = match situation.name {
        Some(name) => isolated(name),
        None => situation.title.to_owned(),
    };
    match situation.stage {
        Some(stage) => format!("מתאים עכשיו: {what} ({stage})"),
        None => format!("מתאים בקרוב: {what}"),
    }
}

/// The sentence of a counterfactual about `product`, which was touched in the month `when`.
pub(super) fn counterfactual(found: &Counterfactual, product: &str, when: Option<&str>) -> String {
    let when = when.map_or(String::new(), |when| format!(" ב{when}"));
    let without = match found.tie {
        Tie::Bought => format!("בלי {product}, שקניתם{when}"),
        Tie::Rated => format!("בלי {product}, שדירגתם{when}"),
        Tie::Noticed => format!("בלי ההתעניינות שלכם ב־{product}{when}"),
        Tie::InBasket => format!("בלי {product} שבסל"),
    };
    let place = match found.rank_without {
        Some(rank) => format!("זה היה במקום {rank} במקום {}", found.rank),
        None => "זה לא היה ברשימה".to_owned(),
    };
    format!("{without}, {place}")
}
