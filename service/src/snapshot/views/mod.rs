//! What one request sees: one model generation and one state of the shelves, from start to end.

mod build;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use serendib_engine::model::Model;
use serendib_engine::rank::Live;
use serendib_engine::repeat::NeighbourIndex;

use crate::snapshot::generation::Generation;
use crate::store::{CatalogueSnapshot, Store, StoreError};
use crate::workers::blocking::blocking;
use crate::workers::held::held;

/// What failed where a view was not made.
const BUILDING: &str = "building the view of the catalogue";

/// A generation and the shelves, as one.
#[derive(Debug)]
pub struct View {
    pub generation: Arc<Generation>,
    /// The model that ranks: the generation's, or without one, the catalogue alone.
    pub model: Arc<Model>,
    /// What the shop sells.
    pub live: Live,
    /// Changes whenever a product number means another product.
    pub numbering: u64,
    /// Version of the store's catalogue that it shows.
    pub catalogue_version: u64,
}

/// The current view, and the one place where it changes.
#[derive(Debug)]
pub struct Views {
    current: ArcSwap<View>,
    store: Arc<dyn Store>,
    changing: tokio::sync::Mutex<()>,
    waiting: Mutex<Vec<String>>,
    numbering: AtomicU64,
}

impl Views {
    /// The view of `generation` over the store's catalogue.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn open(
        store: Arc<dyn Store>,
        generation: Arc<Generation>,
        now: i64,
    ) -> Result<Views, StoreError> {
        let snapshot = store.catalogue(now).await?;
        let view = blocking(BUILDING, move || {
            build::from_snapshot(generation, snapshot, 1)
        })
        .await?;
        Ok(Views {
            current: ArcSwap::from_pointee(view),
            store,
            changing: tokio::sync::Mutex::new(()),
            waiting: Mutex::default(),
            numbering: AtomicU64::new(2),
        })
    }

    /// What a request that starts now sees.
    pub fn get(&self) -> Arc<View> {
        self.current.load_full()
    }

    /// Makes `generation` answer from now on. The old one is freed off the request path.
    ///
    /// # Errors
    /// The store cannot be read; then the old one goes on.
    pub async fn activate(&self, generation: Arc<Generation>, now: i64) -> Result<(), StoreError> {
        let _changing = self.changing.lock().await;
        self.rebuild(generation, now).await
    }

    /// Puts the customers' baskets on the shelves of model `model`, or takes them off; nothing happens if another model
    /// answers by now.
    pub async fn put_neighbours(&self, model: &str, neighbours: Option<Arc<NeighbourIndex>>) {
        let _changing = self.changing.lock().await;
        let before = self.get();
        if before.generation.id() == model {
            self.publish(View {
                generation: before.generation.clone(),
                model: before.model.clone(),
                live: Live {
                    neighbours,
                    ..before.live.clone()
                },
                numbering: before.numbering,
                catalogue_version: before.catalogue_version,
            });
        }
    }

    /// Shows the store's catalogue as it is at `now`: for reservations that expired meanwhile.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn refresh(&self, now: i64) -> Result<(), StoreError> {
        let _changing = self.changing.lock().await;
        let snapshot = self.store.catalogue(now).await?;
        let before = self.get();
        let (snapshot, shown) = blocking(BUILDING, {
            let before = before.clone();
            move || {
                let shown = build::shows(&before, &snapshot);
                (snapshot, shown)
            }
        })
        .await?;
        if shown {
            return Ok(());
        }
        self.show(before.generation.clone(), snapshot).await
    }

    async fn rebuild(&self, generation: Arc<Generation>, now: i64) -> Result<(), StoreError> {
        let snapshot = self.store.catalogue(now).await?;
        self.show(generation, snapshot).await
    }

    async fn show(
        &self,
        generation: Arc<Generation>,
        snapshot: CatalogueSnapshot,
    ) -> Result<(), StoreError> {
        let before = self.get();
        let numbering = self.numbering.fetch_add(1, Ordering::Relaxed);
        let view = blocking(BUILDING, move || {
            let mut view = build::from_snapshot(generation, snapshot, numbering);
            if view.generation.id() == before.generation.id() {
                view.live.neighbours = before.live.neighbours.clone();
            }
            build::keep_numbering(&mut view, &before);
            view
        })
        .await?;
        self.publish(view);
        Ok(())
    }

    /// Shows what the store now says of these products.
    ///
    /// Calls that come while another one works are taken together.
    ///
    /// # Errors
    /// The store cannot be read; the next change or refresh catches up.
    pub async fn apply(&self, product_ids: Vec<String>, now: i64) -> Result<(), StoreError> {
        self.waiting_ids().extend(product_ids);
        let _changing = self.changing.lock().await;
        let mut ids = std::mem::take(&mut *self.waiting_ids());
        if ids.is_empty() {
            return Ok(());
        }
        ids.sort_unstable();
        ids.dedup();
        let entries = match self.store.products(ids.clone(), now).await {
            Ok(entries) => entries,
            Err(error) => {
                self.waiting_ids().extend(ids);
                return Err(error);
            }
        };
        let before = self.get();
        let numbering = self.numbering.fetch_add(1, Ordering::Relaxed);
        let entries = entries.into_iter().flatten().collect();
        let view = blocking(BUILDING, move || {
            build::with_changes(&before, entries, numbering)
        })
        .await?;
        self.publish(view);
        Ok(())
    }

    fn waiting_ids(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        held(self.waiting.lock())
    }

    fn publish(&self, view: View) {
        let old = self.current.swap(Arc::new(view));
        // Freeing a model takes a while: the last request that sees it should not pay for that.
        tokio::task::spawn_blocking(move || {
            for _ in 0..12_000 {
                if Arc::strong_count(&old) == 1 {
                    break;
                }
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        });
    }
}
