//! Recording: what customers did, and what they said of surprises.

use std::sync::Arc;

use serendib_shop::{Delight, Touchpoint};

use super::boxes::{follow, Packer};
use super::keeping::Keeping;
use super::refusal::{Invalid, Refusal};
use super::served_products::{fill_products, product_of};
use super::unknown::{doubtful_rows, CodedNote};
use crate::clock::now_ms;
use crate::config::FutureTimes;
use crate::metrics::Metrics;
use crate::snapshot::customers_like_you::SimilarCustomers;
use crate::store::{Future, RecordOptions, Recorded, Status, UnknownId};

/// What is told of a row that was recorded.
#[derive(Debug)]
pub struct Recording {
    pub keeping: Keeping,
    /// Whose boxes are followed.
    pub packer: Arc<Packer>,
    pub similar: Arc<SimilarCustomers>,
    pub metrics: Arc<Metrics>,
}

impl Recording {
    fn options(&self, now: i64) -> RecordOptions {
        let rules = &self.keeping.config.touchpoints;
        let unknown = |accept| {
            if accept {
                UnknownId::Accept
            } else {
                UnknownId::Refuse
            }
        };
        let keep = self.keeping.config.store.keep_touchpoints_ms;
        RecordOptions {
            now,
            assign_time: true,
            future_ms: rules.future_ms,
            future: match rules.future {
                FutureTimes::Refuse => Future::Refuse,
                FutureTimes::Clamp => Future::Clamp,
            },
            unknown_customers: unknown(rules.accept_unknown_customers),
            unknown_products: unknown(rules.accept_unknown_products),
            keep_from: keep.map(|age| now - age),
        }
    }

    /// Records `batch`, all of it or nothing, and lets everything that depends on it follow; with notes on what was probably
    /// not meant so.
    ///
    /// # Errors
    /// A row that the store refuses, or a store that does not write.
    pub async fn record(
        &self,
        mut batch: Vec<Touchpoint>,
    ) -> Result<(Recorded, Vec<CodedNote>), Refusal> {
        fill_products(&*self.keeping.store, &mut batch).await;
        // before they are recorded: what is recorded is known by then
        let notes = {
            let view = self.keeping.views.get();
            let kinds = &view.model.encoder.kinds;
            doubtful_rows(&batch, kinds, &view.live.catalogue)
        };
        if !self.keeping.config.touchpoints.accept_unknown_products {
            let mut products: Vec<String> =
                batch.iter().filter_map(|r| r.product_id.clone()).collect();
            products.sort_unstable();
            products.dedup();
            self.keeping.adopt(&products, now_ms()).await?;
        }
        let for_boxes = if self.packer.spoilers.is_empty() {
            Vec::new()
        } else {
            batch.clone()
        };
        let mut customers: Vec<String> = batch.iter().map(|r| r.customer_id.clone()).collect();
        customers.dedup();
        customers.retain(|id| !id.is_empty());
        let options = self.options(now_ms());
        let recorded = self.keeping.store.record(batch, options).await?;
        self.metrics.recorded(recorded.outcomes.len());
        follow(&self.packer, &for_boxes).await;
        self.similar.changed(customers);
        Ok((recorded, notes))
    }

    /// Records ratings given at `now`, all of them or none.
    ///
    /// # Errors
    /// As [`Recording::record`].
    pub async fn rate(&self, ratings: Vec<Delight>, now: i64) -> Result<Vec<Status>, Refusal> {
        let options = self.options(now);
        Ok(self.keeping.store.record_delights(ratings, options).await?)
    }

    /// The product that `customer` rates: as `said`, else as the serve log says of the item `served`.
    ///
    /// # Errors
    /// The two contradict each other, neither is known, or the item was served to another person.
    pub async fn rated_product(
        &self,
        customer: &str,
        said: Option<String>,
        served: Option<&str>,
    ) -> Result<String, Refusal> {
        let wrong = |field, what: &str| Refusal::from(Invalid::new(field, what));
        let Some(served) = served else {
            let what = "is empty, and there is no served_id";
            return said.ok_or_else(|| wrong("product_id", what));
        };
        let (product, shown_to) = match (said, product_of(&*self.keeping.store, served).await?) {
            (Some(said), Some((logged, _))) if said != logged => {
                let what = "is not the product that served_id was given for";
                return Err(wrong("product_id", what));
            }
            (_, Some(logged)) => logged,
            (Some(product), None) => (product, None),
            (None, None) => {
                let what =
                    "is empty, and the answer that served_id belongs to is not known any more";
                return Err(wrong("product_id", what));
            }
        };
        if let Some(other) = shown_to.filter(|id| *id != customer) {
            if !self.same_person(&other, customer).await? {
                return Err(wrong("served_id", "was given to another customer"));
            }
        }
        Ok(product)
    }

    /// Whether both ids are those of one person.
    async fn same_person(&self, one: &str, other: &str) -> Result<bool, Refusal> {
        if other.is_empty() {
            // refused for what it lacks
            return Ok(true);
        }
        let state = self.keeping.customer(other, None).await?;
        Ok(state.is_some_and(|state| state.ids().any(|id| id == one)))
    }
}
