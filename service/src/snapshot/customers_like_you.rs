//! Customers like a customer: vectors folded in from everybody's own touchpoints, kept in memory as a cache of
//! (store, generation).
//!
//! A background task folds everybody in anew for each generation, then whoever changed since, and replaces the graph when
//! the side buffer has grown. Requests read.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};

use serendib_engine::index::{LikeYou, Neighbourhood};
use serendib_shop::{Budget, Purpose, Touch};

use crate::answer::keeping::Keeping;
use crate::clock::now_ms;
use crate::snapshot::customers::Encoded;
use crate::snapshot::views::View;
use crate::store::{CustomerQuery, CustomerState, StoreError};
use crate::workers::held::held;
use crate::workers::idle::Quiet;

/// Customers read between two looks at what else there is to do.
const PAGE: usize = 256;
/// Changed customers that are remembered one by one; beyond that everybody is folded in again.
const CHANGED: usize = 100_000;

/// Everybody's vectors for one generation.
#[derive(Debug)]
pub struct People {
    /// The generation that they were folded in with.
    pub model: String,
    /// Whether everybody that the store knew is in.
    pub complete: bool,
    hood: Neighbourhood,
    /// Root ids by key; empty for one that has gone.
    ids: Vec<Arc<str>>,
    keys: HashMap<Arc<str>, u64>,
}

impl Default for People {
    fn default() -> Self {
        People::of(String::new(), 0, 0)
    }
}

impl People {
    fn of(model: String, dim: usize, products: usize) -> People {
        People {
            model,
            complete: false,
            hood: Neighbourhood::new(dim, products),
            ids: Vec::new(),
            keys: HashMap::new(),
        }
    }

    /// How many customers there are to compare with.
    pub fn len(&self) -> usize {
        self.hood.len()
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.hood.is_empty()
    }

    /// Bytes held, about.
    pub fn bytes(&self) -> usize {
        self.hood.bytes() + self.ids.len() * 100
    }

    fn put(&mut self, id: &str, vector: &[f32], history: &[Touch]) {
        let key = self.keys.get(id).copied().unwrap_or(self.ids.len() as u64);
        if self.hood.put(key, vector, history).is_ok() && key as usize == self.ids.len() {
            let id: Arc<str> = id.into();
            self.ids.push(id.clone());
            self.keys.insert(id, key);
        }
    }

    fn remove(&mut self, id: &str) {
        if let Some(key) = self.keys.remove(id) {
            self.hood.remove(key);
            self.ids[key as usize] = "".into();
        }
    }
}

#[derive(Debug, Default)]
pub struct SimilarCustomers {
    people: RwLock<People>,
    changed: Mutex<HashSet<String>>,
    gone: Mutex<HashSet<String>>,
    /// Held by whoever brings the cache up to date.
    keeping: tokio::sync::Mutex<()>,
}

/// Somebody like the customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbour {
    pub customer_id: String,
    /// Cosine of the two vectors, -1 to 1.
    pub similarity: f32,
}

/// Whom a search found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// Best first, ties by id.
    pub neighbours: Vec<Neighbour>,
    /// How many customers they were compared with.
    pub compared: usize,
    /// Whether that was everybody.
    pub complete: bool,
}

/// The touches of `state` that the view's model knows, and the customer's unit vector; `None` where there is nothing to go by,
/// or no consent.
fn folded(keeping: &Keeping, view: &View, state: &CustomerState) -> Option<(Vec<f32>, Vec<Touch>)> {
    let said = state.profile.consents;
    if !said.allows(Purpose::Personalise, &keeping.config.consent) {
        return None;
    }
    let budget = Budget::RANKED.at_most(keeping.config.recommend.history);
    let encoded = Encoded::new(state, view);
    // as much as their own lists look at
    let cut = budget.cut(&encoded.history, &view.model.encoder.kinds);
    let mut history = cut.into_owned();
    let known = view.model.catalogue.len();
    history.retain(|touch| touch.product.index() < known);
    let now = view.generation.ranked_at(now_ms());
    let vector = view.model.representation.fold_in(&history, now).vector()?;
    Some((vector, history))
}

impl SimilarCustomers {
    fn read(&self) -> RwLockReadGuard<'_, People> {
        held(self.people.read())
    }

    fn write(&self) -> RwLockWriteGuard<'_, People> {
        held(self.people.write())
    }

    /// Customers and bytes in the cache, and whether it is complete.
    pub fn figures(&self) -> (usize, usize, bool) {
        let people = self.read();
        (people.len(), people.bytes(), people.complete)
    }

    /// Leaves a customer out from now on.
    pub fn forget(&self, customer_id: &str) {
        held(self.gone.lock()).insert(customer_id.to_owned());
        self.changed([customer_id.to_owned()]);
    }

    /// Notes that these customers, by any of their ids, are to be folded in again.
    pub fn changed(&self, ids: impl IntoIterator<Item = String>) {
        let mut changed = held(self.changed.lock());
        // One more than is remembered says that there were too many.
        for id in ids {
            if changed.len() > CHANGED {
                break;
            }
            changed.insert(id);
        }
    }

    /// The `count` customers most like `state`, as far as they are known to the view's model.
    pub fn nearest(
        &self,
        keeping: &Keeping,
        view: &View,
        state: &CustomerState,
        count: usize,
    ) -> Found {
        let people = self.read();
        if people.model != view.generation.id() {
            return Found::default();
        }
        let mut found = Found {
            neighbours: Vec::new(),
            compared: people.len(),
            complete: people.complete,
        };
        let Some((vector, _)) = folded(keeping, view, state) else {
            return found;
        };
        let gone = held(self.gone.lock()).clone();
        let eligible = |key: u64| {
            let id = &*people.ids[key as usize];
            id != state.customer_id && !gone.contains(id)
        };
        let nearest = people.hood.nearest(&vector, count, &eligible);
        found.neighbours = nearest
            .unwrap_or_default()
            .into_iter()
            .map(|neighbour| Neighbour {
                customer_id: people.ids[neighbour.key as usize].to_string(),
                similarity: neighbour.cosine,
            })
            .collect();
        found.neighbours.sort_by(|a, b| {
            let by_id = || a.customer_id.cmp(&b.customer_id);
            b.similarity.total_cmp(&a.similarity).then_with(by_id)
        });
        found
    }

    /// Lets `work` see the customers like `customer_id`, if they are all there for the model `model`.
    pub fn like_you<T>(
        &self,
        model: &str,
        customer_id: &str,
        work: impl FnOnce(LikeYou) -> T,
    ) -> T {
        let people = self.read();
        if people.model != model || !people.complete {
            return work(LikeYou::NotReady);
        }
        let gone: HashSet<u64> = held(self.gone.lock())
            .iter()
            .filter_map(|id| people.keys.get(id.as_str()).copied())
            .collect();
        work(LikeYou::Ready {
            people: &people.hood,
            own: people.keys.get(customer_id).copied(),
            gone: &gone,
        })
    }

    /// Brings the cache up to date: everybody where the generation is a new one, else whoever changed. `budget` = bytes it may
    /// hold; what does not fit is left out, and the cache stays incomplete.
    ///
    /// # Errors
    /// The store cannot be read; the next call tries again.
    pub async fn keep(
        self: &Arc<Self>,
        keeping: &Keeping,
        quiet: &Quiet,
        budget: usize,
    ) -> Result<(), StoreError> {
        let _keeping = self.keeping.lock().await;
        let view = keeping.views.get();
        let anew = self.read().model != view.generation.id();
        let changed = std::mem::take(&mut *held(self.changed.lock()));
        if anew || changed.len() > CHANGED {
            return self.everybody(keeping, quiet, &view, budget).await;
        }
        let mut waiting: Vec<String> = changed.into_iter().collect();
        waiting.sort_unstable();
        for page in waiting.chunks(PAGE) {
            if let Err(error) = self.page(keeping, &view, page, budget).await {
                self.changed(waiting);
                return Err(error);
            }
        }
        self.rebuild(quiet).await
    }

    async fn everybody(
        self: &Arc<Self>,
        keeping: &Keeping,
        quiet: &Quiet,
        view: &Arc<View>,
        budget: usize,
    ) -> Result<(), StoreError> {
        let dim = view.model.representation.dim();
        let model = view.generation.id().to_owned();
        let products = view.model.catalogue.len();
        *self.write() = People::of(model.clone(), dim, products);
        let mut after = None;
        loop {
            if dim == 0 || !view.generation.is_some() {
                break;
            }
            let ids = match keeping.store.customer_ids(after.take(), PAGE).await {
                Ok(ids) => ids,
                Err(error) => {
                    // Not this generation's yet: the next call begins again.
                    self.write().model.clear();
                    return Err(error);
                }
            };
            let Some(last) = ids.last().cloned() else {
                break;
            };
            if keeping.views.get().generation.id() != model {
                return Ok(());
            }
            if let Err(error) = self.page(keeping, view, &ids, budget).await {
                self.write().model.clear();
                return Err(error);
            }
            if self.read().bytes() >= budget {
                tracing::warn!(budget, "not all customers fit into the customer index");
                return self.rebuild(quiet).await;
            }
            after = Some(last);
            tokio::task::yield_now().await;
        }
        self.rebuild(quiet).await?;
        self.write().complete = true;
        Ok(())
    }

    /// Folds in the customers behind `ids`, as the store has them now.
    async fn page(
        &self,
        keeping: &Keeping,
        view: &View,
        ids: &[String],
        budget: usize,
    ) -> Result<(), StoreError> {
        let mut there = Vec::with_capacity(ids.len());
        let mut away: Vec<&str> = Vec::new();
        for id in ids {
            let query = CustomerQuery::all(id);
            let state = keeping.store.customer(query).await?;
            let root = state.as_ref().map(|s| s.customer_id.clone());
            // An id that has become part of another customer is nobody of its own any more.
            if root.as_ref() != Some(id) {
                away.push(id);
            }
            if let (Some(state), Some(root)) = (state, root) {
                there.push((root, folded(keeping, view, &state)));
            }
        }
        let mut people = self.write();
        for id in away {
            people.remove(id);
            held(self.gone.lock()).remove(id);
        }
        for (id, folded) in there {
            match folded {
                Some((vector, history)) if people.bytes() < budget => {
                    people.put(&id, &vector, &history);
                }
                Some(_) => people.complete = false,
                None => people.remove(&id),
            }
            // Whoever was erased and came back new counts again.
            held(self.gone.lock()).remove(&id);
        }
        Ok(())
    }

    /// Makes the graph anew where that pays, off the async threads; requests go on meanwhile.
    async fn rebuild(self: &Arc<Self>, quiet: &Quiet) -> Result<(), StoreError> {
        if !self.read().hood.wants_rebuild() {
            return Ok(());
        }
        let similar = self.clone();
        let made = quiet.run(move || {
            // Only one keeps at a time: what is read here is what is replaced below.
            let index = similar.read().hood.rebuilt();
            similar.write().hood.replace_index(index);
        });
        made.await.map_err(|error| StoreError::Io {
            attempt: "building the customer index".into(),
            detail: error.to_string(),
        })
    }
}
