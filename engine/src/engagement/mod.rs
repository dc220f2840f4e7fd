//! Engagement between purchases, purchase propensity, and care before sales.
//!
//! | file | job |
//! |---|---|
//! | `index` | the engagement index, 0 to 100, with its exact decomposition |
//! | `decayed` | its state, kept up to date touch by touch |
//! | `learn` | its weights, from data |
//! | `features` | what of a history predicts a purchase |
//! | `propensity` | P(purchase) within a horizon, calibrated |
//! | `mbgnbd`, `value` | expected orders and the value of an order |
//! | `care` | what contacts ask of the shop before anything is sold |
//! | `fatigue` | what was seen often sinks; offers in proportion to what is given |
//! | `contact` | care, fatigue and the budget of offers under one configuration |
//! | `model` | all of it as one part of a model |
//!
//! The index and the propensity are two numbers: the index has no negative weight, so another active touch, also a
//! complaint voiced, never lowers it; the propensity has signed effects and is a calibrated probability.

mod aversion;
mod care;
mod contact;
mod decayed;
mod fatigue;
mod features;
mod index;
mod mbgnbd;
mod model;
mod numeric;
mod propensity;
mod state_updates;
#[cfg(test)]
mod tests;
mod value;

pub use aversion::Aversion;
pub use care::{care, CarePolicy, CareReason, CareRules, HandOver, Hold};
pub use contact::{ContactRules, ContactState};
pub use decayed::{EngagementState, Pushed, Source, TREND_DAYS};
pub use fatigue::{fatigue, pressure, FatigueRules, Pressure, PressureRules};
pub use features::{
    feature_name, features, is_known, order_gaps, GapPrior, FEATURES, HALF_LIVES, PLAIN,
};
pub use index::{Engagement, IndexModel, KindWeight, Part, Role};
pub use mbgnbd::{MbgNbd, Orders};
pub use model::{days_ms, days_out_of_sight, silence_days, spending, EngagementModel, Outlook};
pub use propensity::{Propensity, STRANGER};
pub use value::GammaGamma;
