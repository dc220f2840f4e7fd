//! Histories of all customers in one block of memory.

use super::touch::is_in_order;
use crate::{sort_history, CustomerIx, Touch};

/// Touches grouped by customer, each customer's in order of time.
#[derive(Debug, Clone, Default)]
pub struct Histories {
    /// One more than there are customers.
    offsets: Vec<usize>,
    touches: Vec<Touch>,
}

impl Histories {
    /// Groups `touches`, of which number i belongs to customer `owners[i]`, in place.
    ///
    /// Touches of one customer are sorted by time and keep their order where times are equal. Customers that are not
    /// below `customers` are left out together with touches beyond the shorter of the two lists.
    pub fn group(customers: usize, owners: Vec<CustomerIx>, touches: Vec<Touch>) -> Histories {
        let (mut owners, mut touches) = (owners, touches);
        let len = owners.len().min(touches.len());
        owners.truncate(len);
        touches.truncate(len);
        if owners.iter().any(|owner| owner.index() >= customers) {
            let kept: Vec<bool> = owners.iter().map(|o| o.index() < customers).collect();
            let mut keep = kept.iter();
            owners.retain(|_| *keep.next().unwrap_or(&false));
            let mut keep = kept.iter();
            touches.retain(|_| *keep.next().unwrap_or(&false));
        }
        let mut offsets = vec![0usize; customers + 1];
        for owner in &owners {
            offsets[owner.index() + 1] += 1;
        }
        for ix in 1..offsets.len() {
            offsets[ix] += offsets[ix - 1];
        }
        // each touch's place, then a walk along the cycles of that permutation: no second copy of the touches
        let mut next = offsets.clone();
        let mut target: Vec<usize> = Vec::with_capacity(owners.len());
        for owner in &owners {
            let slot = &mut next[owner.index()];
            target.push(*slot);
            *slot += 1;
        }
        drop((next, owners));
        for start in 0..target.len() {
            while target[start] != start {
                let to = target[start];
                touches.swap(start, to);
                target.swap(start, to);
            }
        }
        drop(target);
        let mut histories = Histories { offsets, touches };
        for customer in 0..customers {
            let range = histories.offsets[customer]..histories.offsets[customer + 1];
            let history = &mut histories.touches[range];
            if !is_in_order(history) {
                sort_history(history);
            }
        }
        histories
    }

    /// The history of `customer`; empty for a number that was never given.
    pub fn of(&self, customer: CustomerIx) -> &[Touch] {
        let customer = customer.index();
        match (self.offsets.get(customer), self.offsets.get(customer + 1)) {
            (Some(&from), Some(&to)) => &self.touches[from..to],
            _ => &[],
        }
    }

    /// How many customers there are.
    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Whether there are no customers.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The histories of customers 0, 1, ….
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[Touch]> + '_ {
        self.offsets
            .windows(2)
            .map(|ends| &self.touches[ends[0]..ends[1]])
    }

    /// The customers with their histories, in order of their numbers.
    pub fn numbered(&self) -> impl ExactSizeIterator<Item = (CustomerIx, &[Touch])> + '_ {
        CustomerIx::all(self.len()).zip(self.iter())
    }

    /// All touches, customer after customer.
    pub fn touches(&self) -> &[Touch] {
        &self.touches
    }

    /// Rewrites every touch in place; `change` leaves times as they are, so that histories stay in order.
    pub fn renumber(&mut self, change: impl FnMut(&mut Touch)) {
        self.touches.iter_mut().for_each(change);
    }

    /// Returns the same customers with only the touches that `keep` accepts.
    pub fn filter(&self, mut keep: impl FnMut(&Touch) -> bool) -> Histories {
        self.filter_map(|touch| keep(&touch).then_some(touch))
    }

    /// Returns the same customers with what `change` makes of their touches; it leaves times as they are.
    pub fn filter_map(&self, mut change: impl FnMut(Touch) -> Option<Touch>) -> Histories {
        let mut offsets = Vec::with_capacity(self.offsets.len());
        let mut touches = Vec::new();
        offsets.push(0);
        for history in self.iter() {
            touches.extend(history.iter().filter_map(|touch| change(*touch)));
            offsets.push(touches.len());
        }
        Histories { offsets, touches }
    }
}
