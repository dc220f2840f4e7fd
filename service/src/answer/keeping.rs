//! What every use case reads: the settings, the store, and the shop as requests see it.

use std::sync::Arc;

use serendib_shop::Product;

use crate::config::Config;
use crate::snapshot::views::Views;
use crate::store::{CustomerQuery, CustomerState, Said, Store, StoreError};

/// The server's settings, its store and its views of the shop; cheap to clone.
#[derive(Debug, Clone)]
pub struct Keeping {
    pub config: Arc<Config>,
    pub store: Arc<dyn Store>,
    /// What requests see.
    pub views: Arc<Views>,
}

impl Keeping {
    /// The id of the model that answers now; empty without one.
    pub fn model_id(&self) -> String {
        self.views.get().generation.id().to_owned()
    }

    /// The person behind `customer_id`, as of `before` where one is given.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn customer(
        &self,
        customer_id: &str,
        before: Option<i64>,
    ) -> Result<Option<Arc<CustomerState>>, StoreError> {
        let query = CustomerQuery {
            before,
            ..CustomerQuery::all(customer_id)
        };
        self.store.customer(query).await
    }

    /// Puts products into the store's catalogue that only the model's knows: their stock can be kept from now on.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub async fn adopt(&self, product_ids: &[String], now: i64) -> Result<(), StoreError> {
        let view = self.views.get();
        let catalogue = &view.generation.model.catalogue;
        let stored = self.store.products(product_ids.to_vec(), now).await?;
        let mut missing: Vec<Product> = product_ids
            .iter()
            .zip(&stored)
            .filter(|(_, entry)| entry.as_ref().is_none_or(|e| e.seen_only))
            .filter_map(|(id, _)| catalogue.find(id))
            .map(|ix| catalogue.product(ix).clone())
            .collect();
        missing.sort_by(|a, b| a.product_id.cmp(&b.product_id));
        missing.dedup_by(|a, b| a.product_id == b.product_id);
        if !missing.is_empty() {
            // the model was fitted on a file: whatever a call said later stands
            let said = Said::file(now, None);
            self.store.upsert_products(missing, said).await?;
        }
        Ok(())
    }
}
