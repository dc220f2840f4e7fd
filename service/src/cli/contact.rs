//! Engagement, care and offers, for people and for programs.

use std::fmt::Write;

use serde_json::{json, Value};
use serendib_proto::v1;

use super::date::date;

/// Parts of the index and effects that people are shown.
const SHOWN: usize = 3;

/// What is known of one customer's contact, as text.
pub fn text(
    out: &mut String,
    engagement: Option<&v1::Engagement>,
    care: Option<&v1::Care>,
    offers: Option<&v1::OfferBudget>,
) {
    if let Some(engagement) = engagement {
        engagement_text(out, engagement);
    }
    if let Some(care) = care {
        care_text(out, care);
    }
    if let Some(offers) = offers {
        let _ = writeln!(
            out,
            "  offers: {} of {:.0} allowed, {} contacts gave something{}",
            offers.offers,
            offers.budget,
            offers.value_contacts,
            if offers.exhausted {
                "; no further offer now"
            } else {
                ""
            },
        );
    }
}

/// What a customer's contact is worth knowing in one line.
pub fn line(out: &mut String, customer: &v1::CustomerEngagement) {
    let engagement = customer.engagement.clone().unwrap_or_default();
    let chance = engagement.p_purchase_30d.map_or_else(String::new, |p| {
        format!(", buys within 30 days: {:.0} %", 100.0 * p)
    });
    let mut marks = String::new();
    if engagement.below_minimum {
        marks.push_str(", below the minimum");
    }
    if let Some(care) = &customer.care {
        if care.hand_over.is_some() {
            marks.push_str(", for a person to talk to");
        } else if care.pause_promotions {
            marks.push_str(", promotions paused");
        }
    }
    let _ = writeln!(
        out,
        "{:<24} {:>5.1}  {} touches since the last purchase{chance}{marks}",
        customer.customer_id, engagement.index, engagement.touches_since_purchase
    );
}

fn engagement_text(out: &mut String, engagement: &v1::Engagement) {
    let days = |days: Option<f64>| {
        days.map_or_else(|| "never".into(), |days| format!("{days:.0} days ago"))
    };
    let _ = writeln!(
        out,
        "  engagement {:.1} of 100 ({:+.1} in four weeks), active {}, bought {}",
        engagement.index,
        engagement.trend,
        days(engagement.days_since_active),
        days(engagement.days_since_purchase),
    );
    let _ = writeln!(
        out,
        "    {} touches since the last purchase, {} wanted{}",
        engagement.touches_since_purchase,
        engagement.minimum_touches,
        if engagement.below_minimum {
            ": below the minimum"
        } else {
            ""
        },
    );
    for part in engagement.parts.iter().take(SHOWN) {
        let mut source = part.kind.clone();
        for (mark, name) in [('@', &part.channel), ('#', &part.product_line)] {
            if !name.is_empty() {
                source.push(mark);
                source.push_str(name);
            }
        }
        let _ = writeln!(out, "    {:>5.1} from {source}", part.index);
    }
    if let Some(days) = engagement.days_out_of_sight {
        let _ = writeln!(
            out,
            "  purchases are not foretold: all that is known ends {days:.0} days before"
        );
    }
    if let Some(p) = engagement.p_purchase_30d {
        let _ = write!(out, "  buys within 30 days: {:.0} %", 100.0 * p);
        if let Some(p) = engagement.p_purchase_90d {
            let _ = write!(out, ", within 90: {:.0} %", 100.0 * p);
        }
        if let Some(alive) = engagement.p_alive {
            let _ = write!(out, ", still a customer: {:.0} %", 100.0 * alive);
        }
        if let Some(value) = engagement.value_per_year {
            let _ = write!(out, ", worth {value:.2} a year");
        }
        out.push('\n');
        for effect in engagement.effects.iter().take(SHOWN) {
            let _ = writeln!(out, "    {:+.2} by {}", effect.effect, effect.feature);
        }
    }
}

fn care_text(out: &mut String, care: &v1::Care) {
    let asks = [
        (care.hand_over.is_some(), "for a person to talk to"),
        (care.no_offers, "no offers"),
        (care.pause_promotions, "no promotions"),
        (care.pause_surprises, "no surprises"),
    ];
    let asks: Vec<&str> = asks
        .iter()
        .filter(|(holds, _)| *holds)
        .map(|(_, ask)| *ask)
        .collect();
    if !asks.is_empty() {
        let _ = writeln!(out, "  care: {}", asks.join(", "));
    }
    for hold in &care.holds {
        let about = hold
            .product_id
            .as_deref()
            .map_or_else(String::new, |id| format!(" about {id}"));
        let _ = writeln!(
            out,
            "    {}{about}, since {} until {}",
            hold.reason.replace('_', " "),
            date(hold.at_ms),
            date(hold.until_ms)
        );
    }
}

/// An engagement for programs.
pub fn engagement_json(engagement: &v1::Engagement) -> Value {
    json!({
        "index": engagement.index,
        "parts": engagement.parts.iter().map(|part| json!({
            "kind": part.kind,
            "channel": part.channel,
            "product_line": part.product_line,
            "index": part.index,
        })).collect::<Vec<_>>(),
        "trend": engagement.trend,
        "confidence": engagement.confidence,
        "days_since_active": engagement.days_since_active,
        "days_since_purchase": engagement.days_since_purchase,
        "touches_since_purchase": engagement.touches_since_purchase,
        "minimum_touches": engagement.minimum_touches,
        "below_minimum": engagement.below_minimum,
        "p_purchase_30d": engagement.p_purchase_30d,
        "p_purchase_90d": engagement.p_purchase_90d,
        "days_out_of_sight": engagement.days_out_of_sight,
        "p_alive": engagement.p_alive,
        "orders_per_year": engagement.orders_per_year,
        "order_value": engagement.order_value,
        "value_per_year": engagement.value_per_year,
        "effects": engagement.effects.iter().map(|effect| json!({
            "feature": effect.feature,
            "effect": effect.effect,
        })).collect::<Vec<_>>(),
        "learned": engagement.learned,
    })
}

/// Care for programs.
pub fn care_json(care: &v1::Care) -> Value {
    json!({
        "pause_surprises": care.pause_surprises,
        "pause_promotions": care.pause_promotions,
        "no_offers": care.no_offers,
        "hand_over": care.hand_over,
        "holds": care.holds.iter().map(|hold| json!({
            "reason": hold.reason,
            "at_ms": hold.at_ms,
            "until_ms": hold.until_ms,
            "product_id": hold.product_id,
        })).collect::<Vec<_>>(),
    })
}

/// A budget of offers for programs.
pub fn offers_json(offers: &v1::OfferBudget) -> Value {
    json!({
        "offers": offers.offers,
        "value_contacts": offers.value_contacts,
        "budget": offers.budget,
        "exhausted": offers.exhausted,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_who_thinks_of_leaving_is_read_at_a_glance() {
        let engagement = v1::Engagement {
            index: 42.25,
            trend: -3.5,
            days_since_active: Some(2.2),
            touches_since_purchase: 1,
            minimum_touches: 3,
            below_minimum: true,
            parts: vec![v1::EngagementPart {
                kind: "advice".into(),
                channel: "store".into(),
                index: 42.25,
                ..v1::EngagementPart::default()
            }],
            p_purchase_30d: Some(0.125),
            ..v1::Engagement::default()
        };
        let care = v1::Care {
            pause_surprises: true,
            pause_promotions: true,
            no_offers: true,
            hand_over: Some("person".into()),
            holds: vec![v1::CareHold {
                reason: "cancel_intent".into(),
                at_ms: 0,
                until_ms: 30 * 86_400_000,
                product_id: Some("p".into()),
            }],
        };
        let offers = v1::OfferBudget {
            offers: 4,
            budget: 4.0,
            exhausted: true,
            ..v1::OfferBudget::default()
        };
        let mut out = String::new();
        text(&mut out, Some(&engagement), Some(&care), Some(&offers));
        for said in [
            "engagement 42.2 of 100 (-3.5 in four weeks), active 2 days ago, bought never",
            "1 touches since the last purchase, 3 wanted: below the minimum",
            "42.2 from advice@store",
            "buys within 30 days: 12 %",
            "care: for a person to talk to, no offers, no promotions, no surprises",
            "cancel intent about p, since 1970-01-01 until 1970-01-31",
            "offers: 4 of 4 allowed, 0 contacts gave something; no further offer now",
        ] {
            assert!(out.contains(said), "{said:?} is not in\n{out}");
        }
        let mut short = String::new();
        let customer = v1::CustomerEngagement {
            customer_id: "ada".into(),
            engagement: Some(engagement),
            care: Some(care),
        };
        line(&mut short, &customer);
        assert!(short.contains("below the minimum, for a person to talk to"));
    }
}
