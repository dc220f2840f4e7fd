//! Everybody's baskets for lists of the next basket: a cache of (store, generation) in memory.

use std::sync::atomic::{AtomicBool, Ordering};

use serendib_engine::repeat::NeighbourIndex;
use serendib_shop::Purpose;

use crate::answer::keeping::Keeping;
use crate::snapshot::customers::Encoded;
use crate::store::{CustomerQuery, StoreError};
use crate::workers::idle::Quiet;

/// Whether the baskets on the shelves hold somebody who is gone.
#[derive(Debug, Default)]
pub struct Baskets {
    stale: AtomicBool,
}

impl Baskets {
    /// Takes the baskets off the shelves at once, until they are gathered again without whoever has gone.
    pub async fn forget(&self, keeping: &Keeping) {
        self.stale.store(true, Ordering::Release);
        let model = keeping.model_id();
        keeping.views.put_neighbours(&model, None).await;
    }

    /// Whether they must be gathered again.
    pub fn is_stale(&self) -> bool {
        self.stale.load(Ordering::Acquire)
    }

    /// Gathers the baskets of everybody who allows their data to be learned from and puts them on the shelves; stops
    /// when another generation answers, when somebody goes meanwhile, or when `budget` bytes are used.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn gather(
        &self,
        keeping: &Keeping,
        quiet: &Quiet,
        budget: usize,
    ) -> Result<(), StoreError> {
        let view = keeping.views.get();
        let model = view.generation.id().to_owned();
        let Some(next) = &view.model.next_basket else {
            return Ok(());
        };
        self.stale.store(false, Ordering::Release);
        let timed = view.model.manifest.data.timed;
        let mut rates = Vec::new();
        let mut bytes = 0;
        let mut after = None;
        loop {
            let ids = keeping.store.customer_ids(after.take(), 256).await?;
            let last = ids.last().cloned();
            for id in ids {
                if keeping.views.get().generation.id() != model || self.is_stale() {
                    return Ok(());
                }
                let query = CustomerQuery::all(id);
                let Some(state) = keeping.store.customer(query).await? else {
                    continue;
                };
                let said = state.profile.consents;
                if !said.allows(Purpose::Train, &keeping.config.consent) {
                    continue;
                }
                let history = Encoded::new(&state, &view).history;
                let row = NeighbourIndex::row(next, &history, timed);
                bytes += 16 * row.len() + 32;
                rates.push(row);
            }
            if last.is_none() || bytes >= budget {
                break;
            }
            after = last;
            tokio::task::yield_now().await;
        }
        let index = quiet
            .run({
                let view = view.clone();
                move || {
                    let next = view.model.next_basket.as_ref();
                    next.and_then(|next| NeighbourIndex::of_rows(next, rates))
                }
            })
            .await
            .map_err(|error| StoreError::Io {
                attempt: "gathering baskets".into(),
                detail: error.to_string(),
            })?;
        if !self.is_stale() {
            let index = index.map(std::sync::Arc::new);
            keeping.views.put_neighbours(&model, index).await;
        }
        Ok(())
    }
}
