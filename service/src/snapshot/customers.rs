//! Customers as the engine reads them: encoded once per change.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serendib_engine::rank::{Allowed, CustomerState};
use serendib_shop::{Budget, Consents, Fact, Touch};

use crate::snapshot::views::View;
use crate::store;
use crate::workers::held::held;

/// One customer in the numbers of one view.
#[derive(Debug, Default)]
pub struct Encoded {
    /// Touches in order of time, within [`Budget::KEPT`].
    pub history: Vec<Touch>,
    pub facts: Vec<Fact>,
    /// What they said about the use of their data.
    pub consents: Consents,
    pub locale: Option<String>,
    version: u64,
    numbering: u64,
}

impl Encoded {
    /// `state` in the numbers of `view`.
    pub fn new(state: &store::CustomerState, view: &View) -> Encoded {
        let mut encoder = view.generation.encoder();
        let mut history = encoder.history(state.touchpoints.iter(), &view.live.catalogue);
        let kept = match Budget::KEPT.cut(&history, &encoder.kinds) {
            Cow::Owned(kept) => Some(kept),
            Cow::Borrowed(_) => None,
        };
        history = kept.unwrap_or(history);
        drop(encoder);
        Encoded {
            history,
            facts: state.profile.facts.clone(),
            consents: state.profile.consents,
            locale: state.profile.locale.clone(),
            version: state.version,
            numbering: view.numbering,
        }
    }

    /// What the engine is given, `history` being this customer's own or one with a running visit added.
    pub fn state<'a>(&'a self, history: &'a [Touch], defaults: &Consents) -> CustomerState<'a> {
        CustomerState {
            history,
            facts: &self.facts,
            allowed: Allowed::of(&self.consents, defaults),
        }
    }
}

const SHARDS: usize = 16;

/// A bounded cache of encoded customers.
///
/// Each shard has a young and an old half; when the young half is full it becomes the old one, and what was not asked
/// for since is forgotten.
#[derive(Debug)]
pub struct EncodedCache {
    shards: Vec<Mutex<Shard>>,
    touches_per_half: usize,
}

#[derive(Debug, Default)]
struct Shard {
    young: HashMap<String, Arc<Encoded>>,
    old: HashMap<String, Arc<Encoded>>,
    young_touches: usize,
}

impl EncodedCache {
    /// A cache of about `bytes`.
    pub fn new(bytes: u64) -> EncodedCache {
        let touches = bytes as usize / std::mem::size_of::<Touch>();
        EncodedCache {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            touches_per_half: (touches / SHARDS / 2).max(1),
        }
    }

    fn shard(&self, id: &str) -> std::sync::MutexGuard<'_, Shard> {
        let ix = serendib_shop::stable_hash(id.as_bytes()) as usize % SHARDS;
        held(self.shards[ix].lock())
    }

    /// `state` in the numbers of `view`, from the cache where it is there.
    pub fn get(&self, state: &store::CustomerState, view: &View) -> Arc<Encoded> {
        let fits = |e: &Arc<Encoded>| e.version == state.version && e.numbering == view.numbering;
        {
            let mut shard = self.shard(&state.customer_id);
            if let Some(found) = shard.young.get(&state.customer_id).filter(|e| fits(e)) {
                return found.clone();
            }
            if let Some(found) = shard.old.remove(&state.customer_id).filter(&fits) {
                self.put(&mut shard, &state.customer_id, &found);
                return found;
            }
        }
        let fresh = Arc::new(Encoded::new(state, view));
        self.put(
            &mut self.shard(&state.customer_id),
            &state.customer_id,
            &fresh,
        );
        fresh
    }

    fn put(&self, shard: &mut Shard, id: &str, encoded: &Arc<Encoded>) {
        // A customer without touches takes room too.
        let size = encoded.history.len() + 8;
        if shard.young_touches + size > self.touches_per_half {
            shard.old = std::mem::take(&mut shard.young);
            shard.young_touches = 0;
        }
        shard.young_touches += size;
        shard.young.insert(id.to_owned(), encoded.clone());
    }

    /// Forgets a customer.
    pub fn forget(&self, id: &str) {
        let mut shard = self.shard(id);
        shard.young.remove(id);
        shard.old.remove(id);
    }

    pub fn clear(&self) {
        for shard in &self.shards {
            *held(shard.lock()) = Shard::default();
        }
    }

    /// Customers in the cache.
    pub fn len(&self) -> usize {
        let count = |shard: &Mutex<Shard>| {
            let shard = held(shard.lock());
            shard.young.len() + shard.old.len()
        };
        self.shards.iter().map(count).sum()
    }

    /// Whether nobody is in the cache.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
