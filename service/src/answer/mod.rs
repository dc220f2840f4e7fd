//! Use cases: what the server does with a request once it is checked, and before it becomes a message.

use std::sync::Arc;

use crate::metrics::Metrics;
use crate::snapshot::customers::EncodedCache;
use crate::snapshot::customers_like_you::SimilarCustomers;
use crate::workers::customer_turns::Turns;
use crate::workers::pool::Pool;

pub mod ask;
pub mod boxes;
pub mod call;
pub mod catalogue;
pub mod customers;
pub mod default_consents;
pub mod explain;
pub mod keeping;
pub mod recommend;
pub mod record;
pub mod refusal;
mod scene;
pub mod sentence;
pub mod serve_log;
pub mod served_products;
pub mod surprise;
pub mod unknown;
pub mod who;

use boxes::Spoilers;
use keeping::Keeping;

/// What answers are made with.
#[derive(Debug)]
pub struct Answering {
    pub keeping: Keeping,
    pub customers: EncodedCache,
    /// Vectors of customers.
    pub similar: Arc<SimilarCustomers>,
    /// Threads that compute.
    pub pool: Pool,
    /// Surprises on their way.
    pub spoilers: Arc<Spoilers>,
    /// Whose surprise is being chosen.
    pub surprising: Turns,
    pub metrics: Arc<Metrics>,
}
