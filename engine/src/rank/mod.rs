//! The request path: sources, filters, scorers, re-ranking, reasons.
//!
//! [`recommend`] is the only way from a customer's state to lists, for the service and for batch answers alike. One call
//! sees one [`Model`](crate::model::Model) and one [`Live`] view of the shop from start to end, and reads neither clock
//! nor environment: the request carries its time and seed.
//!
//! For each list: sources propose candidates, filters take some away (each is accounted for by name), scorers fill in
//! numbers without dropping or reordering, the list is cut and arranged, and eligibility is checked once more as the
//! very last step.

mod admission;
pub(crate) mod answer;
pub(crate) mod appraiser;
pub(crate) mod arrangers;
pub(crate) mod aversion;
mod beside;
pub(crate) mod contact;
pub(crate) mod filters;
mod kin;
mod list_defaults;
pub(crate) mod list_plan;
pub(crate) mod live;
pub(crate) mod pipeline;
pub(crate) mod pool;
pub mod purchase;
pub(crate) mod query;
pub(crate) mod recent_purchases;
pub(crate) mod relevance;
pub(crate) mod replacements;
pub(crate) mod request;
pub(crate) mod scope;
pub(crate) mod score_pairs;
pub(crate) mod scorers;
pub mod sources;
pub(crate) mod stage_fit;
pub(crate) mod stages;
mod together;

pub use answer::{Answer, Item, ListAnswer, Note, Reason, ReasonCode, Removed};
pub use appraiser::{Appraised, Appraiser};
pub use aversion::Averse;
pub use beside::Beside;
pub use contact::Contact;
pub use kin::kin;
pub use list_defaults::{SURPRISE_DIVERSITY, SURPRISE_PER_CATEGORY};
pub use live::Live;
pub use pipeline::{recommend, recommend_like};
pub use pool::Pool;
pub use query::{Filter, Query};
pub use relevance::{RelevanceView, POOL};
pub use request::{
    Allowed, Context, CustomerState, Filters, ListKind, ListRequest, Occasion, Request,
    RequestError, MAX_COUNT, MAX_LISTS,
};
pub use score_pairs::{pair_features, purchase_signals, score_pairs, PairScore};
pub use stages::{Arranged, Arranger, Plan, Scorer, Source};
pub use together::{Caps, Together};

#[cfg(test)]
mod contact_tests;
#[cfg(test)]
mod goes_with_tests;
#[cfg(test)]
mod similar_tests;
#[cfg(test)]
mod standing_tests;
#[cfg(test)]
mod tests;
