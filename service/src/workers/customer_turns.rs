//! Taking turns: what is done for one customer one after the other, so that each step knows of the one before.

use serendib_shop::stable_hash;
use tokio::sync::{Mutex, MutexGuard};

/// Customers share so many places; two that share one wait for each other, no more.
const PLACES: usize = 256;

#[derive(Debug)]
pub struct Turns(Vec<Mutex<()>>);

impl Default for Turns {
    fn default() -> Turns {
        Turns((0..PLACES).map(|_| Mutex::new(())).collect())
    }
}

impl Turns {
    /// Waits for the turn of `customer`, which lasts until the guard is dropped.
    pub async fn take(&self, customer: &str) -> MutexGuard<'_, ()> {
        let place = stable_hash(customer.as_bytes()) as usize % PLACES;
        self.0[place].lock().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_customer_waits_for_themselves() {
        let turns = Turns::default();
        let first = turns.take("ada").await;
        let soon = std::time::Duration::from_millis(20);
        let second = tokio::time::timeout(soon, turns.take("ada")).await;
        assert!(second.is_err());
        drop(first);
        drop(turns.take("ada").await);
    }
}
