//! What was seen often without an answer sinks, and offers are kept in proportion to contacts that give something.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use serendib_shop::{Kind, KindClass, Kinds, ProductIx, Touch, DAY_MS, NO_PRODUCT};

/// How fast interest tires and recovers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FatigueRules {
    /// Impressions without an answer that cost nothing.
    pub free: f64,
    /// Share of the score that each further one takes, 0…1.
    pub share: f64,
    /// Days in which an impression is half forgotten, > 0.
    pub half_life_days: f64,
}

impl Default for FatigueRules {
    /// Two are free, each further one takes 15 %, half forgotten in a week.
    fn default() -> Self {
        FatigueRules {
            free: 2.0,
            share: 0.15,
            half_life_days: 7.0,
        }
    }
}

/// Factor in 0…1 by which the score of each tired product sinks; products not in the map keep theirs.
///
/// What the customer does with a product forgives its impressions before, unless it says that they do not want it (a
/// return, a complaint): that is no interest. `kinds` says in which kinds the customer acts. The factor is
/// (1 − share)^(n − free) for n faded impressions: never higher for one more impression, never lower for a later `now`.
/// `now` = `i64::MAX` (a shop without times): nothing is forgotten.
pub fn fatigue(
    history: &[Touch],
    now: i64,
    rules: &FatigueRules,
    kinds: &Kinds,
) -> HashMap<ProductIx, f32> {
    let mut seen: HashMap<ProductIx, f64> = HashMap::new();
    let interest = |kind: Kind| kinds.class(kind) == KindClass::Active && !kind.displeased();
    for touch in history
        .iter()
        .filter(|t| t.at <= now && t.product != NO_PRODUCT)
    {
        if touch.kind == Kind::IMPRESSION {
            let days = if now == i64::MAX {
                0.0
            } else {
                now.saturating_sub(touch.at) as f64 / DAY_MS as f64
            };
            let fade = (-days * std::f64::consts::LN_2 / rules.half_life_days.max(1e-3)).exp();
            *seen.entry(touch.product).or_insert(0.0) += fade;
        } else if interest(touch.kind) {
            seen.remove(&touch.product);
        }
    }
    let keep = (1.0 - rules.share).clamp(0.0, 1.0);
    seen.into_iter()
        .filter(|(_, n)| *n > rules.free)
        .map(|(product, n)| (product, keep.powf(n - rules.free) as f32))
        .collect()
}

/// How many offers a customer may get.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PressureRules {
    /// Days that count, > 0.
    pub window_days: f64,
    /// Offers allowed without anything given.
    pub base: f64,
    /// Further offers allowed per contact that gave something.
    pub per_value_contact: f64,
}

impl Default for PressureRules {
    /// Four offers in 30 days, and one more per contact that gave something.
    fn default() -> Self {
        PressureRules {
            window_days: 30.0,
            base: 4.0,
            per_value_contact: 1.0,
        }
    }
}

/// Where a customer stands.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Pressure {
    /// E-mails, messages, pushes, mailers and invitations in the window.
    pub offers: u32,
    /// Advice, content, events, service and help in the window.
    pub value_contacts: u32,
    pub budget: f64,
    /// Whether no further offer is allowed now.
    pub exhausted: bool,
}

/// The offers that a customer got, against those allowed. `now` = `i64::MAX` (a shop without times) looks at no window, so
/// that nothing counts.
pub fn pressure(history: &[Touch], now: i64, rules: &PressureRules) -> Pressure {
    let from = now as f64 - rules.window_days * DAY_MS as f64;
    let mut out = Pressure::default();
    for touch in history.iter().filter(|t| t.at <= now && t.at as f64 > from) {
        match touch.kind {
            Kind::EMAIL_SENT
            | Kind::SMS_SENT
            | Kind::PUSH_SENT
            | Kind::MAILER
            | Kind::EVENT_INVITED => {
                out.offers += 1;
            }
            Kind::ADVICE
            | Kind::CONTENT_READ
            | Kind::EVENT_ATTENDED
            | Kind::CALL
            | Kind::CHAT
            | Kind::TECHNICIAN_VISIT
            | Kind::ASSEMBLY
            | Kind::COMPLAINT_RESOLVED
            | Kind::STOCK_ENQUIRY => out.value_contacts += 1,
            _ => {}
        }
    }
    out.budget = (rules.base + rules.per_value_contact * f64::from(out.value_contacts)).max(0.0);
    out.exhausted = f64::from(out.offers) >= out.budget;
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_interest_in_a_product_forgives_its_impressions() {
        let mut kinds = Kinds::default();
        kinds.declare_passive("billboard");
        let (board, tasting) = (
            kinds.get("billboard").unwrap(),
            kinds.intern("tasting").unwrap(),
        );
        let factor = |kind| {
            let mut history = vec![Touch::new(Kind::IMPRESSION, ProductIx(5), DAY_MS); 10];
            history.push(Touch::new(kind, ProductIx(5), DAY_MS + 1));
            let tired = fatigue(&history, DAY_MS + 2, &FatigueRules::default(), &kinds);
            tired.get(&ProductIx(5)).copied().unwrap_or(1.0)
        };
        for kind in [Kind::VIEW, Kind::PURCHASE, Kind::ADVICE, tasting] {
            assert_eq!(factor(kind), 1.0, "{}", kinds.name(kind));
        }
        let no_interest = [
            board,
            Kind::EMAIL_SENT,
            Kind::DELIVERY_LATE,
            Kind::COMPLAINT,
            Kind::RETURN,
            Kind::BOX_RETURNED,
            Kind::CANCEL_INTENT,
        ];
        for kind in no_interest {
            assert!(factor(kind) < 0.5, "{}", kinds.name(kind));
        }
    }
}
