//! Surprises: what a customer did not expect and will love, with a promise about relevance.
//!
//! [`Surprises`] is the part of a model. For one customer it prepares an [`Appraisal`], which says of any product how unexpected,
//! novel, timely and comfortable it is; from these terms the [`delight`] model predicts the probability of a pleasant surprise.
//! A surprise is worth that probability times the probability that it is wanted once it is met. The [`dial`] chooses among what
//! passes the floor, at prices that keep one product from being the surprise of everybody, and [`explore`] draws one slot with
//! exact propensities.

mod appraisal;
pub mod delight;
pub mod dial;
mod drivers;
mod expectation;
pub mod explore;
mod floor;
mod interests;
mod kinds;
mod moment;
mod prices;
mod quantise;
mod receptivity;
mod said;
mod terms;
mod topic_history;
mod topics;

pub use appraisal::{Appraisal, Prospect, SurpriseSettings, Surprises};
pub use delight::{gap, label, lets_down, DelightModel};
pub use dial::Dialled;
pub use drivers::Drivers;
pub use expectation::{activation, Expectation, Popularity};
pub use explore::{Draw, ExploreOptions};
pub use floor::{floor, FloorOptions};
pub use interests::Interests;
pub use kinds::Kinds;
pub use moment::{either, season_at, Moment, SEASONS};
pub use prices::{Price, Prices};
pub use quantise::quantise;
pub use receptivity::{curiosity, disappointed, fatigue, hurt, shown, PriceRange};
pub use said::Said;
pub use terms::{Standard, Terms, FEATURES, FEATURE_NAMES, KIND_DELIGHTS, KIND_KEPT, KIND_SOUGHT};
pub use topic_history::{looks_for, TopicHistory};
pub use topics::Topics;
