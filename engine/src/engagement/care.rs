//! Care before sales: what a customer's contacts ask of the shop before anything is sold.
//!
//! Pure functions of a history: links and unlinks of identities, late rows and replays need nothing special.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use serendib_shop::{Kind, ProductIx, Touch, DAY_MS, NO_PRODUCT};

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

impl CareReason {
    /// The word in the API and in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            CareReason::OpenComplaint => "open_complaint",
            CareReason::ComplaintJustResolved => "complaint_just_resolved",
            CareReason::CancelIntent => "cancel_intent",
            CareReason::TechnicianVisit => "technician_visit",
            CareReason::Advice => "advice",
            CareReason::StockEnquiry => "stock_enquiry",
        }
    }
}

/// Who takes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandOver {
    /// A person of the shop.
    Person,
}

/// One rule that holds, and what set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    pub reason: CareReason,
    /// When the touch was that set it, ms.
    pub at: i64,
    /// Until when it holds if nothing ends it sooner, ms.
    pub until: i64,
    /// The product it is about; `NO_PRODUCT` = about none.
    pub product: ProductIx,
}

/// What the shop does, and does not do, for one customer now.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CarePolicy {
    pub pause_surprises: bool,
    pub pause_promotions: bool,
    /// No offers of any kind.
    pub no_offers: bool,
    /// Who takes over.
    pub hand_over: Option<HandOver>,
    /// Products whose upgrades and complements come first, latest first.
    pub favour_beside: Vec<ProductIx>,
    /// Products for which a substitute in stock comes first, latest first.
    pub favour_substitute_of: Vec<ProductIx>,
    /// Which rules hold, in order of time.
    pub holds: Vec<Hold>,
}

impl CarePolicy {
    /// Whether a rule of `reason` holds.
    pub fn holds(&self, reason: CareReason) -> bool {
        self.holds.iter().any(|hold| hold.reason == reason)
    }
}

/// What later touches of a history ended.
#[derive(Default)]
struct Ended {
    complaints: bool,
    /// Complaints about these products.
    complaints_about: HashSet<ProductIx>,
    /// An intent to cancel.
    intent: bool,
    /// Enquiries about these products.
    enquiries: HashSet<ProductIx>,
}

/// The policy that `rules` make of a time-ordered `history` at `now`; later touches are not seen.
///
/// A resolution closes the complaints before it: those about its product if it names one, else all of them. A purchase or
/// a kept box ends an intent to cancel; a purchase of the product ends an enquiry about it. `now` = `i64::MAX` (a shop
/// without times): what nothing ended holds.
pub fn care(history: &[Touch], now: i64, rules: &CareRules) -> CarePolicy {
    let mut policy = CarePolicy::default();
    let mut ended = Ended::default();
    // from the latest to the first: what comes later is known when what it ends is met
    for touch in history.iter().rev().filter(|touch| touch.at <= now) {
        let rule = match touch.kind {
            Kind::PURCHASE | Kind::BOX_KEPT => {
                ended.intent = true;
                if touch.kind == Kind::PURCHASE {
                    ended.enquiries.insert(touch.product);
                }
                continue;
            }
            Kind::COMPLAINT if !ended.complaints => {
                let resolved = ended.complaints_about.contains(&touch.product);
                (!resolved).then_some((CareReason::OpenComplaint, rules.complaint_days))
            }
            Kind::COMPLAINT_RESOLVED => {
                if touch.product == NO_PRODUCT {
                    ended.complaints = true;
                } else {
                    ended.complaints_about.insert(touch.product);
                }
                (rules.resolved_days > 0.0)
                    .then_some((CareReason::ComplaintJustResolved, rules.resolved_days))
            }
            Kind::CANCEL_INTENT if !ended.intent => {
                Some((CareReason::CancelIntent, rules.cancel_intent_days))
            }
            Kind::TECHNICIAN_VISIT => Some((CareReason::TechnicianVisit, rules.technician_days)),
            Kind::ADVICE => Some((CareReason::Advice, rules.advice_days)),
            Kind::STOCK_ENQUIRY if !ended.enquiries.contains(&touch.product) => {
                Some((CareReason::StockEnquiry, rules.enquiry_days))
            }
            _ => None,
        };
        let Some((reason, days)) = rule else { continue };
        let until = touch
            .at
            .saturating_add((days.max(0.0) * DAY_MS as f64) as i64);
        if now != i64::MAX && now > until {
            continue;
        }
        policy.set(Hold {
            reason,
            at: touch.at,
            until,
            product: touch.product,
        });
    }
    policy.holds.reverse();
    for list in [&mut policy.favour_beside, &mut policy.favour_substitute_of] {
        let mut known = HashSet::new();
        list.retain(|product| *product != NO_PRODUCT && known.insert(*product));
    }
    policy
}

impl CarePolicy {
    /// Adds a rule that holds.
    fn set(&mut self, hold: Hold) {
        match hold.reason {
            CareReason::OpenComplaint => {
                self.pause_surprises = true;
                self.pause_promotions = true;
            }
            CareReason::ComplaintJustResolved => self.pause_surprises = true,
            CareReason::CancelIntent => {
                self.no_offers = true;
                self.pause_promotions = true;
                self.pause_surprises = true;
                self.hand_over = Some(HandOver::Person);
            }
            CareReason::TechnicianVisit | CareReason::Advice => {
                self.favour_beside.push(hold.product);
            }
            CareReason::StockEnquiry => self.favour_substitute_of.push(hold.product),
        }
        self.holds.push(hold);
    }
}
