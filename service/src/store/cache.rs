//! A bounded cache of customer states, dropped when any of their identities changes.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use serendib_shop::{stable_hash, Budget, TouchClass, Touchpoint};

use super::types::{CustomerQuery, CustomerState};
use crate::workers::held::held;

const SHARDS: usize = 4096;

#[derive(Debug)]
struct Entry {
    state: Arc<CustomerState>,
    /// How many touchpoints were asked for when it was read.
    budget: Budget,
    bytes: usize,
    /// Use number at the last use; an older place in the queue is stale.
    used: u64,
}

#[derive(Debug, Default)]
struct Inner {
    by_root: HashMap<String, Entry>,
    root_of: HashMap<String, String>,
    queue: VecDeque<(String, u64)>,
    bytes: usize,
    uses: u64,
}

/// States by any of the person's ids, least recently used out first.
#[derive(Debug)]
pub(crate) struct StateCache {
    inner: Mutex<Inner>,
    capacity: usize,
    /// Number of the last change that touched an id of the shard.
    changed: Vec<AtomicU64>,
    changes: AtomicU64,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl StateCache {
    /// A cache of about `capacity` bytes; 0 = none.
    pub(crate) fn new(capacity: usize) -> StateCache {
        StateCache {
            inner: Mutex::default(),
            capacity,
            changed: (0..SHARDS).map(|_| AtomicU64::new(0)).collect(),
            changes: AtomicU64::new(0),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        held(self.inner.lock())
    }

    fn shard(&self, id: &str) -> &AtomicU64 {
        &self.changed[stable_hash(id.as_bytes()) as usize % SHARDS]
    }

    /// To be read before the snapshot from which a state for [`StateCache::put`] comes.
    pub(crate) fn ticket(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    /// The cached answer to `query`, if what is cached suffices for it.
    pub(crate) fn get(&self, query: &CustomerQuery) -> Option<Arc<CustomerState>> {
        let answer = self.find(query);
        let counter = if answer.is_some() {
            &self.hits
        } else {
            &self.misses
        };
        counter.fetch_add(1, Ordering::Relaxed);
        answer
    }

    fn find(&self, query: &CustomerQuery) -> Option<Arc<CustomerState>> {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let root = inner.root_of.get(&query.customer_id)?.clone();
        inner.uses += 1;
        let used = inner.uses;
        let entry = inner.by_root.get_mut(&root)?;
        let complete = !entry.state.truncated();
        let cut = query.before.is_some_and(|before| {
            let late = |row: &Touchpoint| row.at.is_some_and(|at| at >= before);
            entry.state.touchpoints.last().is_some_and(late)
                || entry.state.delights.last().is_some_and(|d| d.at >= before)
        });
        if !complete && (!query.budget.within(&entry.budget) || cut) {
            return None;
        }
        entry.used = used;
        inner.queue.push_back((root, used));
        let (state, entry_budget) = (entry.state.clone(), entry.budget);
        if inner.queue.len() > 4 * inner.by_root.len() + 64 {
            let by_root = &inner.by_root;
            inner
                .queue
                .retain(|(root, used)| by_root.get(root).is_some_and(|e| e.used == *used));
        }
        if !cut && entry_budget.within(&query.budget) {
            return Some(state);
        }
        Some(Arc::new(narrowed(&state, query)))
    }

    /// Keeps `state`, read within `budget` after `ticket` was drawn, unless one of its ids changed since.
    pub(crate) fn put(&self, state: &Arc<CustomerState>, budget: Budget, ticket: u64) {
        if self.capacity == 0 {
            return;
        }
        let bytes = estimate(state);
        if bytes > self.capacity / 4 {
            return;
        }
        let mut inner = self.lock();
        let ids = || {
            std::iter::once(&state.customer_id).chain(state.identities.iter().map(|i| &i.identity))
        };
        if ids().any(|id| self.shard(id).load(Ordering::SeqCst) > ticket) {
            return;
        }
        inner.remove(&state.customer_id);
        inner.uses += 1;
        let used = inner.uses;
        for id in ids() {
            inner.root_of.insert(id.clone(), state.customer_id.clone());
        }
        inner.bytes += bytes;
        inner.by_root.insert(
            state.customer_id.clone(),
            Entry {
                state: state.clone(),
                budget,
                bytes,
                used,
            },
        );
        inner.queue.push_back((state.customer_id.clone(), used));
        while inner.bytes > self.capacity {
            let Some((root, used)) = inner.queue.pop_front() else {
                break;
            };
            if inner.by_root.get(&root).is_some_and(|e| e.used == used) {
                inner.remove(&root);
            }
        }
    }

    /// Drops the states of the persons behind `ids`; to be called after the change is committed, before it is answered.
    pub(crate) fn changed<'a>(&self, ids: impl Iterator<Item = &'a str>) {
        if self.capacity == 0 {
            return;
        }
        let mut inner = self.lock();
        let change = self.changes.fetch_add(1, Ordering::SeqCst) + 1;
        for id in ids {
            self.shard(id).store(change, Ordering::SeqCst);
            if let Some(root) = inner.root_of.get(id).cloned() {
                inner.remove(&root);
            }
        }
    }

    pub(crate) fn clear(&self) {
        let mut inner = self.lock();
        let change = self.changes.fetch_add(1, Ordering::SeqCst) + 1;
        for shard in &self.changed {
            shard.store(change, Ordering::SeqCst);
        }
        *inner = Inner::default();
    }

    /// States, bytes, hits and misses.
    pub(crate) fn figures(&self) -> (usize, usize, u64, u64) {
        let inner = self.lock();
        (
            inner.by_root.len(),
            inner.bytes,
            self.hits.load(Ordering::Relaxed),
            self.misses.load(Ordering::Relaxed),
        )
    }
}

impl Inner {
    fn remove(&mut self, root: &str) {
        if let Some(entry) = self.by_root.remove(root) {
            self.bytes -= entry.bytes;
            self.root_of.remove(root);
            for identity in &entry.state.identities {
                self.root_of.remove(&identity.identity);
            }
        }
    }
}

/// `state` as `query` asks for it, given that it holds enough.
pub(crate) fn narrowed(state: &CustomerState, query: &CustomerQuery) -> CustomerState {
    let mut state = state.clone();
    if let Some(before) = query.before {
        let truncated = state.truncated();
        state
            .touchpoints
            .retain(|row| row.at.is_none_or(|at| at < before));
        state.delights.retain(|d| d.at < before);
        if !truncated {
            state.total = state.touchpoints.len() as u64;
        }
    }
    let rows = &state.touchpoints;
    let keep = query
        .budget
        .keeps(rows.iter().map(|row| TouchClass::of_name(&row.kind)));
    if let Some(keep) = keep {
        let mut keep = keep.into_iter();
        state.touchpoints.retain(|_| keep.next().unwrap_or(false));
    }
    state
}

fn estimate(state: &CustomerState) -> usize {
    let text = |text: &Option<String>| text.as_ref().map_or(0, |text| text.len() + 16);
    let row = |row: &Touchpoint| {
        std::mem::size_of::<Touchpoint>()
            + row.customer_id.len()
            + row.kind.len()
            + 32
            + text(&row.product_id)
            + text(&row.channel)
            + text(&row.basket_id)
            + text(&row.campaign_id)
            + text(&row.request_id)
            + text(&row.touchpoint_id)
            + row
                .attributes
                .iter()
                .map(|(k, v)| k.len() + 96 + value(v))
                .sum::<usize>()
    };
    fn value(json: &serde_json::Value) -> usize {
        match json {
            serde_json::Value::String(text) => text.len(),
            serde_json::Value::Array(items) => items.iter().map(|v| 72 + value(v)).sum(),
            serde_json::Value::Object(map) => {
                map.iter().map(|(k, v)| k.len() + 120 + value(v)).sum()
            }
            _ => 0,
        }
    }
    1024 + state.touchpoints.iter().map(row).sum::<usize>()
        + state.delights.len() * 300
        + state.identities.len() * 400
        + state.profile.facts.len() * 200
        + state
            .profile
            .attributes
            .iter()
            .map(|(k, v)| k.len() + 96 + value(v))
            .sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::LinkedIdentity;
    use serendib_shop::Customer;

    fn state(id: &str, linked: &[&str], rows: usize) -> Arc<CustomerState> {
        Arc::new(CustomerState {
            customer_id: id.into(),
            identities: linked
                .iter()
                .map(|l| LinkedIdentity {
                    identity: (*l).into(),
                    linked_to: id.into(),
                    linked_at: 0,
                })
                .collect(),
            first_id: id.into(),
            arm: None,
            undecided: true,
            version: 1,
            profile: Customer::default(),
            touchpoints: (0..rows)
                .map(|i| Touchpoint {
                    at: Some(i as i64),
                    ..Touchpoint::new(id, "view")
                })
                .collect(),
            total: rows as u64,
            delights: vec![],
        })
    }

    #[test]
    fn a_change_of_any_identity_drops_the_person() {
        let cache = StateCache::new(1 << 20);
        cache.put(
            &state("ada", &["card"], 2),
            Budget::each(10),
            cache.ticket(),
        );
        assert!(cache.get(&CustomerQuery::newest("card", 10)).is_some());
        cache.changed(["card"].into_iter());
        assert!(cache.get(&CustomerQuery::newest("ada", 10)).is_none());
        assert_eq!(cache.figures().1, 0);
    }

    #[test]
    fn a_state_read_before_a_change_is_not_kept_after_it() {
        let cache = StateCache::new(1 << 20);
        let ticket = cache.ticket();
        cache.changed(["ada"].into_iter());
        cache.put(&state("ada", &[], 2), Budget::each(10), ticket);
        assert!(cache.get(&CustomerQuery::newest("ada", 10)).is_none());
        cache.put(&state("ada", &[], 2), Budget::each(10), cache.ticket());
        assert!(cache.get(&CustomerQuery::newest("ada", 10)).is_some());
    }

    #[test]
    fn answers_are_narrowed_to_the_query() {
        let cache = StateCache::new(1 << 20);
        cache.put(&state("ada", &[], 6), Budget::each(10), cache.ticket());
        let query = CustomerQuery {
            customer_id: "ada".into(),
            budget: Budget::each(2),
            before: Some(4),
        };
        let found = cache.get(&query).unwrap();
        let times: Vec<_> = found.touchpoints.iter().map(|t| t.at).collect();
        assert_eq!((times, found.total), (vec![Some(2), Some(3)], 4));
    }

    #[test]
    fn it_stays_inside_its_budget() {
        let one = estimate(&state("c000", &[], 20));
        let cache = StateCache::new(one * 8);
        for i in 0..100 {
            cache.put(
                &state(&format!("c{i:03}"), &[], 20),
                Budget::each(20),
                cache.ticket(),
            );
            cache.get(&CustomerQuery::newest("c000", 20));
        }
        let (states, bytes, ..) = cache.figures();
        assert!(
            bytes <= one * 8 && states == 8,
            "{states} states, {bytes} bytes"
        );
        assert!(cache.get(&CustomerQuery::newest("c000", 20)).is_some());
    }
}
