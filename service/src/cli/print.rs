//! Answers for people.

use std::fmt::Write;

use serendib_proto::v1::{
    GetEngagementResponse, ListEngagementResponse, ListKind, Note, RecommendResponse,
    RecommendedList,
};

use super::contact;
use super::date::date;

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
    if answer.hand_over.is_some() {
        out.push_str("  a person should talk to this customer\n");
    }
    let model = if answer.model_id.is_empty() {
        "no model"
    } else {
        &answer.model_id
    };
    let personal = if answer.holdout {
        "holdout, not personal"
    } else if answer.personal {
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

/// A packed box as text.
pub fn packed_box(out: &mut String, packed: &serendib_proto::v1::PackedBox) {
    for line in &packed.lines {
        let title = match (line.title.is_empty(), line.surprise) {
            (true, true) => "(a surprise)",
            _ => line.title.as_str(),
        };
        let reason = line.reasons.first().map_or("", |r| r.sentence.as_str());
        let mark = if line.surprise { "?" } else { "·" };
        let _ = write!(out, "  {mark} {title:<40}  {:>7.3}  {reason}", line.value);
        let stand_ins: Vec<&str> = line.stand_ins.iter().map(|s| s.title.as_str()).collect();
        if !stand_ins.is_empty() {
            let _ = write!(out, "  (else {})", stand_ins.join(", or "));
        }
        out.push('\n');
    }
    if let Some(short) = &packed.shortfall {
        let empty = short.regular + short.surprise;
        let _ = writeln!(out, "  {empty} slots empty: {}", short.fault);
    }
}

/// The word for how far a box is.
fn box_state_word(state: i32) -> &'static str {
    use serendib_proto::v1::BoxState;
    match BoxState::try_from(state) {
        Ok(BoxState::Packed) => "packed",
        Ok(BoxState::Shipped) => "shipped",
        Ok(BoxState::Delivered) => "delivered",
        Ok(BoxState::Cancelled) => "cancelled",
        Ok(BoxState::Lapsed) => "lapsed",
        Ok(BoxState::Unspecified) | Err(_) => "?",
    }
}

/// Boxes as text.
pub fn boxes(boxes: &[serendib_proto::v1::PackedBox]) -> String {
    let mut out = String::new();
    for packed in boxes {
        let _ = writeln!(
            out,
            "box {} {}{}{}{}",
            packed.box_id,
            box_state_word(packed.state),
            if packed.locked { ", locked" } else { "" },
            packed
                .ship_at_ms
                .map_or_else(String::new, |at| format!(", leaves {}", date(at))),
            match (packed.hand_over.is_some(), &*packed.surprises_paused) {
                (true, _) => ", for a person to look at first".into(),
                (false, "") => String::new(),
                (false, why) => format!(", no surprise: {}", why.replace('_', " ")),
            },
        );
        packed_box(&mut out, packed);
    }
    if boxes.is_empty() {
        out.push_str("no boxes\n");
    }
    out
}

/// Boxes for programs.
pub fn boxes_json(boxes: &[serendib_proto::v1::PackedBox]) -> serde_json::Value {
    boxes
        .iter()
        .map(|packed| {
            serde_json::json!({
                "box_id": packed.box_id,
                "customer_id": packed.customer_id,
                "pack_id": packed.pack_id,
                "state": box_state_word(packed.state),
                "locked": packed.locked,
                "ship_at_ms": packed.ship_at_ms,
                "value": packed.value,
                "empty_slots": packed.shortfall.as_ref().map_or(0, |s| s.regular + s.surprise),
                "fault": packed.shortfall.as_ref().map(|s| s.fault.clone()),
                "hand_over": packed.hand_over,
                "surprises_paused": packed.surprises_paused,
                "lines": packed.lines.iter().map(|line| serde_json::json!({
                    "product_id": line.product_id,
                    "title": line.title,
                    "surprise": line.surprise,
                    "fixed": line.fixed,
                    "value": line.value,
                    "propensity": line.propensity,
                    "served_id": line.served_id,
                    "stand_ins": line.stand_ins.iter().map(|s| s.product_id.clone()).collect::<Vec<_>>(),
                    "reasons": line.reasons.iter().map(|r| r.sentence.clone()).collect::<Vec<_>>(),
                })).collect::<Vec<_>>(),
            })
        })
        .collect()
}

/// Declared facts, one a line.
pub fn facts(out: &mut String, facts: &[serendib_proto::v1::Fact]) {
    use serendib_proto::v1::fact::Fact;
    for fact in facts {
        let _ = match &fact.fact {
            Some(Fact::Clock(clock)) => {
                let name = clock.name.as_deref().unwrap_or_default();
                let kind = clock.kind.as_deref().unwrap_or(&clock.clock);
                writeln!(out, "  {kind} {name} since {}", clock.anchor)
            }
            Some(Fact::Free(free)) => {
                let value = free
                    .value
                    .as_ref()
                    .and_then(|v| crate::rpc::value::value_to_json("value", v).ok())
                    .unwrap_or_default();
                writeln!(out, "  {}: {value}", free.key)
            }
            None => Ok(()),
        };
    }
}

/// Notes for programs.
pub fn notes_json(notes: &[Note]) -> Vec<serde_json::Value> {
    notes
        .iter()
        .map(|n| serde_json::json!({"code": n.code, "text": n.text}))
        .collect()
}

/// One customer's engagement as text.
pub fn engagement(customer: &str, answer: &GetEngagementResponse) -> String {
    let mut out = format!("customer {customer}\n");
    let (engagement, care) = (answer.engagement.as_ref(), answer.care.as_ref());
    contact::text(&mut out, engagement, care, answer.offers.as_ref());
    for note in &answer.notes {
        let _ = writeln!(out, "  note: {}", note.text);
    }
    out
}

/// One customer's engagement for programs.
pub fn engagement_json(customer: &str, answer: &GetEngagementResponse) -> serde_json::Value {
    serde_json::json!({
        "request_id": answer.request_id,
        "model_id": answer.model_id,
        "customer_id": customer,
        "at_ms": answer.at_ms,
        "engagement": answer.engagement.as_ref().map(contact::engagement_json),
        "care": answer.care.as_ref().map(contact::care_json),
        "offers": answer.offers.as_ref().map(contact::offers_json),
        "notes": notes_json(&answer.notes),
    })
}

/// Customers by their engagement as text.
pub fn engagements(answer: &ListEngagementResponse) -> String {
    let mut out = String::new();
    for customer in &answer.customers {
        contact::line(&mut out, customer);
    }
    if answer.customers.is_empty() {
        out.push_str("nobody so far\n");
    }
    if !answer.next.is_empty() {
        let _ = writeln!(out, "go on with --after {:?}", answer.next);
    }
    out
}

/// Customers by their engagement for programs.
pub fn engagements_json(answer: &ListEngagementResponse) -> serde_json::Value {
    serde_json::json!({
        "request_id": answer.request_id,
        "model_id": answer.model_id,
        "customers": answer.customers.iter().map(|customer| serde_json::json!({
            "customer_id": customer.customer_id,
            "engagement": customer.engagement.as_ref().map(contact::engagement_json),
            "care": customer.care.as_ref().map(contact::care_json),
        })).collect::<Vec<_>>(),
        "next": answer.next,
    })
}

/// A 360° card as text.
pub fn card(card: &serendib_proto::v1::GetCustomerResponse) -> String {
    let mut out = String::new();
    let id = card
        .customer
        .as_ref()
        .map_or("?", |c| c.customer_id.as_str());
    let _ = writeln!(out, "customer {id}: {} touchpoints", card.touchpoints);
    for linked in &card.identities {
        let _ = writeln!(
            out,
            "  also {} (since {})",
            linked.identity,
            date(linked.linked_at_ms)
        );
    }
    if let Some(profile) = &card.customer {
        facts(&mut out, &profile.facts);
    }
    if let Some(consents) = &card.effective_consents {
        let word = |said: Option<bool>| if said == Some(false) { "no" } else { "yes" };
        let _ = writeln!(
            out,
            "  consents: personalise {}, infer life stage {}, contact {}, train {}",
            word(consents.personalise),
            word(consents.infer_life_stage),
            word(consents.contact),
            word(consents.train)
        );
    }
    let (engagement, care) = (card.engagement.as_ref(), card.care.as_ref());
    contact::text(&mut out, engagement, care, card.offers.as_ref());
    for year in &card.years {
        let _ = writeln!(
            out,
            "  {}: {} orders, {:.2} spent, {:.2} given back",
            year.year, year.orders, year.value, year.returned
        );
    }
    for complaint in &card.open_complaints {
        let about = complaint
            .product_id
            .as_deref()
            .unwrap_or("nothing in particular");
        let when = complaint.at_ms.map(date).unwrap_or_default();
        let _ = writeln!(out, "  open complaint of {when} about {about}");
    }
    for channel in &card.channels {
        let name = if channel.channel.is_empty() {
            "(no channel)"
        } else {
            &channel.channel
        };
        let last = channel.last_at_ms.map(date).unwrap_or_default();
        let _ = writeln!(
            out,
            "{name}: {} touchpoints, last {last}",
            channel.touchpoints
        );
        for touch in &channel.recent {
            let when = touch.at_ms.map(date).unwrap_or_default();
            let product = touch.product_id.as_deref().unwrap_or_default();
            let _ = writeln!(out, "  {when}  {:<16} {product}", touch.kind);
        }
    }
    for served in &card.recommendations {
        let _ = writeln!(
            out,
            "recommended on {} by {}{}",
            date(served.at_ms),
            served.model_id,
            if served.reported {
                ""
            } else {
                " (nothing came back)"
            }
        );
        for item in &served.items {
            let _ = writeln!(
                out,
                "  {} {:>2}. {}  {}",
                item.list,
                item.rank,
                item.product_id,
                item.came_of_it.join(", ")
            );
        }
    }
    out
}

/// A 360° card for programs.
pub fn card_json(card: &serendib_proto::v1::GetCustomerResponse) -> serde_json::Value {
    use serde_json::json;
    let profile = card.customer.clone().unwrap_or_default();
    let profile = crate::rpc::customer::convert::customer_from_proto(&profile)
        .map(|customer| json!(customer))
        .unwrap_or_default();
    let touch = |touch: &serendib_proto::v1::Touchpoint| {
        crate::rpc::touchpoint::convert::touchpoint_from_proto(touch)
            .map(|row| json!(row))
            .unwrap_or_default()
    };
    json!({
        "request_id": card.request_id,
        "model_id": card.model_id,
        "customer": profile,
        "identities": card.identities.iter().map(|linked| json!({
            "identity": linked.identity,
            "linked_to": linked.linked_to,
            "linked_at_ms": linked.linked_at_ms,
        })).collect::<Vec<_>>(),
        "effective_consents": card.effective_consents.map(|c| json!({
            "personalise": c.personalise,
            "infer_life_stage": c.infer_life_stage,
            "contact": c.contact,
            "train": c.train,
        })),
        "touchpoints": card.touchpoints,
        "truncated": card.truncated,
        "first_at_ms": card.first_at_ms,
        "last_at_ms": card.last_at_ms,
        "channels": card.channels.iter().map(|c| json!({
            "channel": c.channel,
            "touchpoints": c.touchpoints,
            "last_at_ms": c.last_at_ms,
            "recent": c.recent.iter().map(touch).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "years": card.years.iter().map(|y| json!({
            "year": y.year,
            "orders": y.orders,
            "packs": y.packs,
            "value": y.value,
            "returned": y.returned,
        })).collect::<Vec<_>>(),
        "open_complaints": card.open_complaints.iter().map(|c| json!({
            "at_ms": c.at_ms,
            "product_id": c.product_id,
            "channel": c.channel,
        })).collect::<Vec<_>>(),
        "engagement": card.engagement.as_ref().map(contact::engagement_json),
        "care": card.care.as_ref().map(contact::care_json),
        "offers": card.offers.as_ref().map(contact::offers_json),
        "recommendations": card.recommendations.iter().map(|r| json!({
            "request_id": r.request_id,
            "at_ms": r.at_ms,
            "model_id": r.model_id,
            "placement": r.placement,
            "reported": r.reported,
            "items": r.items.iter().map(|i| json!({
                "list": i.list,
                "rank": i.rank,
                "product_id": i.product_id,
                "came_of_it": i.came_of_it,
            })).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    })
}
