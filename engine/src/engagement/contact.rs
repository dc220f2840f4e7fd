//! How contacts act on what is recommended: care, fatigue and the budget of offers, under one configuration.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{
    care, fatigue, pressure, CarePolicy, CareRules, FatigueRules, Pressure, PressureRules,
};
use serendib_shop::{Kinds, ProductIx, Touch};

/// All rules by which contacts act on lists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ContactRules {
    /// What contacts ask of the shop before anything is sold.
    pub care: CareRules,
    /// How fast interest tires and recovers.
    pub fatigue: FatigueRules,
    /// How many offers a customer may get.
    pub pressure: PressureRules,
}

/// What the contacts of one customer ask for at one time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ContactState {
    /// What the shop does and does not do.
    pub care: CarePolicy,
    /// Factors in 0…1 by which tired products sink.
    pub fatigue: HashMap<ProductIx, f32>,
    /// Offers against those allowed.
    pub pressure: Pressure,
}

impl ContactState {
    /// Of a time-ordered `history` at `now`, whose kinds are those of `kinds`; later touches are not seen. A pure
    /// function: links and unlinks of identities, late rows and replays need nothing special.
    pub fn of(history: &[Touch], now: i64, rules: &ContactRules, kinds: &Kinds) -> ContactState {
        ContactState {
            care: care(history, now, &rules.care),
            fatigue: fatigue(history, now, &rules.fatigue, kinds),
            pressure: pressure(history, now, &rules.pressure),
        }
    }
}
