//! Customers like a customer: vectors folded in from everybody's own touchpoints, kept in memory as a cache of
//! (store, generation).

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use serendib_engine::index::{dot_rows, top_of};

use crate::app::App;
use crate::clock::now_ms;
use crate::customers::{allowed, Encoded};
use crate::store::{CustomerState, StoreError};
use crate::views::View;

/// Vectors between two looks of a search at what there is.
const PUBLISH_EVERY: usize = 2_000;

/// Everybody's vectors for one generation.
#[derive(Debug, Default)]
pub struct Vectors {
    /// The generation that they were folded in with.
    pub model: String,
    /// Root ids, in order of their bytes.
    ids: Vec<String>,
    rows: Vec<f32>,
    dim: usize,
    /// Whether everybody that the store knew when it began is in.
    pub complete: bool,
}

/// The cache.
#[derive(Debug, Default)]
pub struct SimilarCustomers {
    current: ArcSwap<Vectors>,
    gone: Mutex<HashSet<String>>,
}

/// Somebody like the customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbour {
    /// Who.
    pub customer_id: String,
    /// Cosine of the two vectors, -1 to 1.
    pub similarity: f32,
}

/// The unit vector of `state` in the view's representation; `None` where there is nothing to go by, or no consent.
pub fn vector_of(app: &App, view: &View, state: &CustomerState) -> Option<Vec<f32>> {
    if !allowed(&state.profile.consents, &app.config.consent).personalise {
        return None;
    }
    let encoded = Encoded::new(state, view);
    let known = view.model.catalogue.len();
    let history: Vec<_> = encoded
        .history
        .iter()
        .filter(|touch| (touch.product as usize) < known)
        .copied()
        .collect();
    let now = view.generation.ranked_at(now_ms());
    view.model.representation.fold_in(&history, now).vector()
}

impl SimilarCustomers {
    /// What there is to compare with.
    pub fn get(&self) -> Arc<Vectors> {
        self.current.load_full()
    }

    /// Leaves a customer out from now on.
    pub fn forget(&self, customer_id: &str) {
        self.gone().insert(customer_id.to_owned());
    }

    fn gone(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.gone
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The `count` customers of `vectors` most like `vector`, best first, ties by id; not `own`.
    pub fn nearest(
        &self,
        vectors: &Vectors,
        vector: &[f32],
        own: &str,
        count: usize,
    ) -> Vec<Neighbour> {
        if vectors.dim != vector.len() || vectors.ids.is_empty() {
            return Vec::new();
        }
        let gone = self.gone().clone();
        let mut scores = vec![0.0; vectors.ids.len()];
        dot_rows(vector, &vectors.rows, &mut scores);
        let eligible = |ix: u32| {
            let id = &vectors.ids[ix as usize];
            id != own && !gone.contains(id)
        };
        top_of(&scores, count, &eligible)
            .into_iter()
            .map(|(ix, score)| Neighbour {
                customer_id: vectors.ids[ix as usize].clone(),
                similarity: score.clamp(-1.0, 1.0),
            })
            .collect()
    }

    /// Folds everybody in, page by page; what is ready can be searched meanwhile. Stops when another generation answers
    /// or `budget` bytes are used.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn build(&self, app: &Arc<App>, budget: usize) -> Result<(), StoreError> {
        let view = app.views.get();
        let dim = view.model.representation.dim();
        let model = view.generation.id().to_owned();
        let mut next = Vectors {
            model: model.clone(),
            dim,
            ..Vectors::default()
        };
        if dim == 0 || !view.generation.is_some() {
            next.complete = true;
            self.current.store(Arc::new(next));
            return Ok(());
        }
        let gone_before = self.gone().clone();
        let replacing = self.get().model != model;
        let mut after = None;
        let mut published = 0;
        loop {
            let ids = app.store.customer_ids(after.take(), 256).await?;
            let last = ids.last().cloned();
            for id in ids {
                if app.views.get().generation.id() != model {
                    return Ok(());
                }
                let query = crate::store::CustomerQuery::newest(id, app.config.recommend.history);
                let Some(state) = app.store.customer(query).await? else {
                    continue;
                };
                if let Some(vector) = vector_of(app, &view, &state) {
                    next.rows.extend_from_slice(&vector);
                    next.ids.push(state.customer_id.clone());
                }
            }
            let full = next.rows.len() * size_of::<f32>() >= budget;
            if last.is_none() || full {
                break;
            }
            after = last;
            // The first vectors of a new generation are of use before the last ones are there.
            if replacing && next.ids.len() >= published + PUBLISH_EVERY {
                published = next.ids.len();
                self.current.store(Arc::new(Vectors {
                    model: model.clone(),
                    ids: next.ids.clone(),
                    rows: next.rows.clone(),
                    dim,
                    complete: false,
                }));
            }
            tokio::task::yield_now().await;
        }
        next.complete = next.rows.len() * size_of::<f32>() < budget;
        self.current.store(Arc::new(next));
        // Whoever was gone before this pass began is not in its result.
        self.gone().retain(|id| !gone_before.contains(id));
        Ok(())
    }
}

impl Vectors {
    /// How many customers there are to compare with.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}
