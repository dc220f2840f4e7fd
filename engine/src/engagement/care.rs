//! Care before sales: what a customer's contacts ask of the shop before anything is sold.
//!
//! Pure functions of a history: links and unlinks of identities, late rows and replays need nothing special.

use serde::{Deserialize, Serialize};

use crate::shop::{Kind, ProductIx, Touch, DAY_MS, NO_PRODUCT};

/// For how long each rule holds, in days.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CareRules {
    /// An unresolved complaint pauses surprises and promotions.
    pub complaint_days: f64,
    /// After a complaint is resolved, surprises stay away for so long.
    pub resolved_days: f64,
    /// An intent to cancel stops offers and asks for a person.
    pub cancel_intent_days: f64,
    /// A technician's visit favours upgrades and complements of the thing at hand.
    pub technician_days: f64,
    /// So does advice.
    pub advice_days: f64,
    /// An enquiry about stock favours a substitute that is in stock.
    pub enquiry_days: f64,
}

impl Default for CareRules {
    /// 30, 0, 30, 30, 14 and 14 days.
    fn default() -> Self {
        CareRules {
            complaint_days: 30.0,
            resolved_days: 0.0,
            cancel_intent_days: 30.0,
            technician_days: 30.0,
            advice_days: 14.0,
            enquiry_days: 14.0,
        }
    }
}

/// Why a rule holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CareReason {
    /// A complaint is open.
    OpenComplaint,
    /// A complaint was resolved a short while ago.
    ComplaintJustResolved,
    /// The customer thought of leaving.
    CancelIntent,
    /// A technician was there.
    TechnicianVisit,
    /// The customer asked for advice.
    Advice,
    /// The customer asked whether something is in stock.
    StockEnquiry,
}

/// Who takes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandOver {
    /// A person of the shop.
    Person,
}

/// What the shop does, and does not do, for one customer now.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CarePolicy {
    /// No surprises.
    pub pause_surprises: bool,
    /// No promotions.
    pub pause_promotions: bool,
    /// No offers of any kind.
    pub no_offers: bool,
    /// Who takes over.
    pub hand_over: Option<HandOver>,
    /// Products whose upgrades and complements come first, latest first.
    pub favour_beside: Vec<ProductIx>,
    /// Products for which a substitute in stock comes first, latest first.
    pub favour_substitute_of: Vec<ProductIx>,
    /// Which rules hold, with the time of the touch that set each, in order of time.
    pub reasons: Vec<(CareReason, i64)>,
}

/// The policy that `rules` make of a time-ordered `history` at `now`; later touches are not seen.
///
/// A resolution closes the complaints before it: all of them, or those about its product if it names one. A purchase or
/// a kept box ends an intent to cancel; a purchase of the product ends an enquiry about it.
pub fn care(history: &[Touch], now: i64, rules: &CareRules) -> CarePolicy {
    let mut policy = CarePolicy::default();
    let seen: Vec<&Touch> = history.iter().filter(|touch| touch.at <= now).collect();
    let fresh = |at: i64, days: f64| now.saturating_sub(at) as f64 <= days * DAY_MS as f64;
    for (place, touch) in seen.iter().enumerate() {
        let later = &seen[place + 1..];
        let same = |other: &Touch| other.product == NO_PRODUCT || other.product == touch.product;
        let mut hold = |reason| policy.reasons.push((reason, touch.at));
        match touch.kind {
            Kind::COMPLAINT if fresh(touch.at, rules.complaint_days) => {
                let closes = |t: &&&Touch| {
                    t.kind == Kind::COMPLAINT_RESOLVED && (same(t) || touch.product == NO_PRODUCT)
                };
                if later.iter().find(closes).is_none() {
                    hold(CareReason::OpenComplaint);
                    policy.pause_surprises = true;
                    policy.pause_promotions = true;
                }
            }
            Kind::COMPLAINT_RESOLVED
                if rules.resolved_days > 0.0 && fresh(touch.at, rules.resolved_days) =>
            {
                hold(CareReason::ComplaintJustResolved);
                policy.pause_surprises = true;
            }
            Kind::CANCEL_INTENT if fresh(touch.at, rules.cancel_intent_days) => {
                let stays = |t: &&Touch| matches!(t.kind, Kind::PURCHASE | Kind::BOX_KEPT);
                if !later.iter().any(stays) {
                    hold(CareReason::CancelIntent);
                    policy.no_offers = true;
                    policy.pause_promotions = true;
                    policy.pause_surprises = true;
                    policy.hand_over = Some(HandOver::Person);
                }
            }
            Kind::TECHNICIAN_VISIT if fresh(touch.at, rules.technician_days) => {
                hold(CareReason::TechnicianVisit);
                policy.favour_beside.insert(0, touch.product);
            }
            Kind::ADVICE if fresh(touch.at, rules.advice_days) => {
                hold(CareReason::Advice);
                policy.favour_beside.insert(0, touch.product);
            }
            Kind::STOCK_ENQUIRY if fresh(touch.at, rules.enquiry_days) => {
                let bought = |t: &&Touch| t.kind == Kind::PURCHASE && t.product == touch.product;
                if !later.iter().any(bought) {
                    hold(CareReason::StockEnquiry);
                    policy.favour_substitute_of.insert(0, touch.product);
                }
            }
            _ => {}
        }
    }
    for list in [&mut policy.favour_beside, &mut policy.favour_substitute_of] {
        let mut known = std::collections::HashSet::new();
        list.retain(|product| *product != NO_PRODUCT && known.insert(*product));
    }
    policy
}
