//! Engagement, care and the budget of offers.

use serendib_engine::engagement::{CarePolicy, Engagement, HandOver, Outlook, Pressure};
use serendib_proto::v1;
use serendib_shop::{Catalogue, Encoder};

/// Effects that are sent along.
pub const EFFECTS: usize = 5;

/// The message for an engagement; `outlook` where purchases are foretold, `minimum` = touches wanted between two.
pub fn engagement_to_proto(
    engagement: &Engagement,
    outlook: Option<&Outlook>,
    minimum: u32,
    learned: bool,
    encoder: &Encoder,
) -> v1::Engagement {
    let mut parts: Vec<v1::EngagementPart> = engagement
        .parts
        .iter()
        .map(|part| v1::EngagementPart {
            kind: encoder.kinds.name(part.source.kind).into(),
            channel: encoder.channels.name(part.source.channel).into(),
            product_line: encoder.lines.name(part.source.line).into(),
            index: part.index,
        })
        .collect();
    parts.sort_by(|a, b| b.index.total_cmp(&a.index));
    let finite = |value: Option<f64>| value.filter(|v| v.is_finite());
    v1::Engagement {
        index: engagement.index,
        parts,
        trend: engagement.trend,
        confidence: engagement.confidence,
        days_since_active: engagement.days_since_active,
        days_since_purchase: engagement.days_since_purchase,
        touches_since_purchase: engagement.touches_since_purchase,
        minimum_touches: minimum,
        below_minimum: engagement.touches_since_purchase < minimum,
        p_purchase_30d: finite(outlook.map(|o| o.p_purchase_30d)),
        p_purchase_90d: finite(outlook.map(|o| o.p_purchase_90d)),
        p_alive: finite(outlook.and_then(|o| o.p_alive)),
        orders_per_year: finite(outlook.and_then(|o| o.orders_per_year)),
        order_value: finite(outlook.and_then(|o| o.order_value)),
        value_per_year: finite(outlook.and_then(|o| o.value_per_year)),
        effects: outlook
            .map_or(&[][..], |o| &o.effects)
            .iter()
            .map(|(feature, effect)| v1::PurchaseEffect {
                feature: feature.clone(),
                effect: *effect,
            })
            .collect(),
        learned,
        days_out_of_sight: None,
    }
}

/// The message for what care asks.
pub fn care_to_proto(care: &CarePolicy, catalogue: &Catalogue) -> v1::Care {
    v1::Care {
        pause_surprises: care.pause_surprises,
        pause_promotions: care.pause_promotions,
        no_offers: care.no_offers,
        hand_over: hand_over_to_proto(care.hand_over),
        holds: care
            .holds
            .iter()
            .map(|hold| v1::CareHold {
                reason: hold.reason.as_str().into(),
                at_ms: hold.at,
                until_ms: hold.until,
                product_id: (hold.product.index() < catalogue.len())
                    .then(|| catalogue.product(hold.product).product_id.clone()),
            })
            .collect(),
    }
}

/// The API's word for who takes over.
pub fn hand_over_to_proto(hand_over: Option<HandOver>) -> Option<String> {
    hand_over.map(|HandOver::Person| "person".into())
}

/// The message for a budget of offers.
pub fn offers_to_proto(pressure: &Pressure) -> v1::OfferBudget {
    v1::OfferBudget {
        offers: pressure.offers,
        value_contacts: pressure.value_contacts,
        budget: pressure.budget,
        exhausted: pressure.exhausted,
    }
}
