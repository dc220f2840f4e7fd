//! The server's parts, put together.

use std::sync::Arc;

use crate::answer::ask::AskLimits;
use crate::answer::boxes::{Packer, Spoilers};
use crate::answer::keeping::Keeping;
use crate::answer::refusal::Refusal;
use crate::answer::Answering;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::snapshot::baskets::Baskets;
use crate::snapshot::customers_like_you::SimilarCustomers;
use crate::snapshot::model_swap::Models;
use crate::snapshot::views::Views;
use crate::store::{CustomerState, Store};
use crate::workers::customer_turns::Turns;
use crate::workers::idle::Quiet;

/// Everything that handlers share; each use case takes the part it needs.
#[derive(Debug)]
pub struct App {
    pub config: Arc<Config>,
    pub store: Arc<dyn Store>,
    /// What requests see.
    pub views: Arc<Views>,
    /// The three above, for use cases.
    pub keeping: Keeping,
    /// What answers are made with.
    pub answering: Arc<Answering>,
    /// What boxes are packed with.
    pub packer: Arc<Packer>,
    /// Models and their directory.
    pub models: Models,
    /// Vectors of customers.
    pub similar: Arc<SimilarCustomers>,
    /// Baskets of customers.
    pub baskets: Baskets,
    /// Where indexes over customers are built.
    pub quiet: Quiet,
    /// Surprises on their way.
    pub spoilers: Arc<Spoilers>,
    /// Whose surprise is being chosen.
    pub surprising: Turns,
    pub metrics: Arc<Metrics>,
}

impl App {
    /// Limits of a request, as configured.
    pub fn ask_limits(&self) -> AskLimits {
        AskLimits {
            default_count: self.config.recommend.default_count,
            max_count: self.config.recommend.max_count,
            max_reasons: self.config.recommend.max_reasons,
            together: self.config.recommend.together,
        }
    }

    /// The id of the model that answers now; empty without one.
    pub fn model_id(&self) -> String {
        self.keeping.model_id()
    }

    /// The person behind `customer_id`, as of `before` where one is given.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn customer(
        &self,
        customer_id: &str,
        before: Option<i64>,
    ) -> Result<Option<Arc<CustomerState>>, Refusal> {
        Ok(self.keeping.customer(customer_id, before).await?)
    }
}
