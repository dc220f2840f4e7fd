//! Answers for people.

use std::fmt::Write;

use serendib_proto::v1::{ListKind, RecommendResponse, RecommendedList};

/// The word for a kind of list.
pub fn kind_word(kind: i32) -> &'static str {
    match ListKind::try_from(kind) {
        Ok(ListKind::Unspecified | ListKind::ForYou) => "for you",
        Ok(ListKind::Similar) => "similar",
        Ok(ListKind::GoesWith) => "goes with",
        Ok(ListKind::NextInLife) => "next in life",
        Ok(ListKind::BuyAgain) => "buy again",
        Ok(ListKind::NextBasket) => "next basket",
        Ok(ListKind::Surprise) => "surprise",
        Ok(ListKind::Popular) => "popular",
        Err(_) => "?",
    }
}

/// An answer as text.
pub fn response(answer: &RecommendResponse) -> String {
    let mut out = String::new();
    for list in &answer.lists {
        self::list(&mut out, list);
    }
    for note in &answer.notes {
        let _ = writeln!(out, "  note: {}", note.text);
    }
    let model = if answer.model_id.is_empty() {
        "no model"
    } else {
        &answer.model_id
    };
    let personal = if answer.personal {
        "personal"
    } else {
        "not personal"
    };
    let _ = writeln!(
        out,
        "  model {model} · request {} · {personal}",
        answer.request_id
    );
    out
}

/// One list as text.
pub fn list(out: &mut String, list: &RecommendedList) {
    let _ = writeln!(out, "{}", kind_word(list.kind));
    let width = list
        .items
        .iter()
        .map(|item| item.title.chars().count())
        .max()
        .unwrap_or(0)
        .clamp(10, 48);
    for item in &list.items {
        let title: String = item.title.chars().take(width).collect();
        let reason = item.reasons.first().map_or("", |r| r.sentence.as_str());
        let _ = write!(
            out,
            "  {:>3}. {title:<width$}  {:>8.4}",
            item.rank, item.score
        );
        for (name, value) in [
            ("unexpected", item.unexpectedness),
            ("delight", item.delight),
            ("drawn", item.propensity),
        ] {
            if let Some(value) = value {
                let _ = write!(out, "  {name} {value:.2}");
            }
        }
        let _ = writeln!(out, "  {reason}");
    }
    if list.items.is_empty() {
        let _ = writeln!(out, "  (nothing)");
    }
    for note in &list.notes {
        let _ = writeln!(out, "  note: {}", note.text);
    }
}

/// A time as a date, UTC.
#[allow(dead_code)]
pub fn date(at_ms: i64) -> String {
    chrono::DateTime::from_timestamp_millis(at_ms)
        .map_or_else(|| at_ms.to_string(), |at| at.format("%Y-%m-%d").to_string())
}
