//! The request path: sources, filters, scorers, re-ranking, reasons.
//!
//! [`recommend`] is the only way from a customer's state to lists, for the service and for batch answers alike. One call
//! sees one [`Model`](crate::model::Model) and one [`Live`] view of the shop from start to end, and reads neither clock
//! nor environment: the request carries its time and seed.
//!
//! For each list: sources propose candidates, filters take some away (each is accounted for by name), scorers fill in
//! numbers without dropping or reordering, the list is cut and arranged, and eligibility is checked once more as the
//! very last step.

mod answer;
mod arrange;
mod calibrate;
mod candidate;
mod contact;
mod dpp;
mod explain;
mod filters;
pub mod isotonic;
mod life;
mod lines;
mod live;
mod neighbourhood;
mod outlook;
mod pipeline;
mod plans;
pub mod purchase;
mod query;
pub mod reasons;
mod relevance;
mod request;
mod score;
mod scorers;
pub mod sources;
mod stages;
mod surprise;
mod surprise_reasons;
mod whole;

pub use answer::{Answer, Item, ListAnswer, Note, Reason, ReasonCode, Removed};
pub use calibrate::Caps;
pub use candidate::{Candidate, Pool};
pub use contact::Contact;
pub use lines::{line_reasons, LineKind};
pub use live::Live;
pub use neighbourhood::{LikeYou, Neighbourhood};
pub use outlook::{outlook, Outlook, OutlookRequest, Wanted};
pub use pipeline::{recommend, recommend_like};
pub use query::Query;
pub use relevance::{RelevanceView, POOL};
pub use request::{
    Allowed, Context, CustomerState, Filters, ListKind, ListRequest, Request, RequestError,
    MAX_COUNT, MAX_LISTS,
};
pub use score::{pair_features, purchase_signals, score_pairs, PairScore};
pub use stages::{Arranged, Arranger, Filter, Plan, Scorer, Source};
pub use surprise::{Appraised, Appraiser};
pub use whole::{Together, SURPRISE_DIVERSITY, SURPRISE_PER_CATEGORY};

#[cfg(test)]
mod contact_tests;
#[cfg(test)]
mod life_tests;
#[cfg(test)]
mod similar_tests;
#[cfg(test)]
mod surprise_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod whole_tests;
