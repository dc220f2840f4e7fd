//! What is kept of customers, and what they may say about it: identities, consents, export and erasure.

use std::sync::Arc;

use serendib_shop::{Consents, Customer, Purpose};

use super::call::Call;
use super::refusal::Refusal;
use super::Answering;
use crate::clock::now_ms;
use crate::snapshot::baskets::Baskets;
use crate::snapshot::customers_like_you::Found;
use crate::store::{BoxQuery, CustomerRow, CustomerState, Erasure, Heard, RowStream, UpsertMode};

/// What holds something of customers, and is told when that changes.
#[derive(Debug)]
pub struct Customers {
    pub answering: Arc<Answering>,
    pub baskets: Arc<Baskets>,
}

/// Nobody by the id asked for.
fn unknown() -> Refusal {
    Refusal::NotFound("customer_id: nothing is kept of this customer".into())
}

impl Answering {
    /// The person behind `customer_id`, as of `before` where one is given.
    ///
    /// # Errors
    /// Nothing is kept of them, or the store cannot be read.
    pub async fn known(
        &self,
        customer_id: &str,
        before: Option<i64>,
    ) -> Result<Arc<CustomerState>, Refusal> {
        let state = self.keeping.customer(customer_id, before).await?;
        state.ok_or_else(unknown)
    }
}

impl Customers {
    /// Puts in what the shop says of `customers`, and returns what became of it; `by` is for the audit log.
    ///
    /// # Errors
    /// The store refuses, or does not write.
    pub async fn upsert(
        &self,
        customers: Vec<Customer>,
        mode: UpsertMode,
        by: String,
    ) -> Result<Heard, Refusal> {
        let ids = |c: &Customer| {
            let listed = c.identities.clone();
            std::iter::once(c.customer_id.clone()).chain(listed)
        };
        let changed: Vec<String> = customers.iter().flat_map(ids).collect();
        let store = &self.answering.keeping.store;
        let heard = store
            .upsert_customers(customers, mode, by, now_ms().into())
            .await?;
        self.answering.similar.changed(changed);
        Ok(heard)
    }

    /// Makes `identity` one more id of the customer (`linked`), or none of theirs any more.
    ///
    /// # Errors
    /// The store refuses, or does not write.
    pub async fn link(
        &self,
        customer: String,
        identity: String,
        linked: bool,
        by: String,
    ) -> Result<(), Refusal> {
        let both = [customer.clone(), identity.clone()];
        let store = &self.answering.keeping.store;
        if linked {
            store
                .link_identity(customer, identity, by, now_ms())
                .await?;
        } else {
            store
                .unlink_identity(customer, identity, by, now_ms())
                .await?;
        }
        self.answering.similar.changed(both);
        Ok(())
    }

    /// Keeps what a customer said of each purpose at `said_at` (absent = now), and returns all that they said so far.
    ///
    /// # Errors
    /// The store does not write.
    pub async fn set_consent(
        &self,
        customer: String,
        mut changes: Vec<(Purpose, Option<bool>)>,
        by: String,
        said_at: Option<i64>,
    ) -> Result<Consents, Refusal> {
        // Refusals first: should the store fail half-way, no yes stands without the noes that came with it.
        changes.sort_by_key(|(_, said)| *said != Some(false));
        let keeping = &self.answering.keeping;
        for (purpose, said) in changes {
            keeping
                .store
                .set_consent(
                    customer.clone(),
                    purpose,
                    said,
                    by.clone(),
                    said_at,
                    now_ms(),
                )
                .await?;
        }
        self.answering.similar.changed([customer.clone()]);
        let state = keeping.customer(&customer, None).await?;
        Ok(state.map_or(Consents::default(), |s| s.profile.consents))
    }

    /// The `count` customers most like `customer` who allow to be compared.
    ///
    /// # Errors
    /// Nothing is kept of the customer, the store cannot be read, or nothing was computed in time.
    pub async fn similar(
        &self,
        customer: &str,
        count: usize,
        call: &Call,
    ) -> Result<Found, Refusal> {
        let answering = self.answering.clone();
        let state = answering.known(customer, None).await?;
        let pool = &self.answering.pool;
        let mut found = pool
            .run(call.deadline, move |_| {
                let (keeping, view) = (&answering.keeping, answering.keeping.views.get());
                answering.similar.nearest(keeping, &view, &state, count)
            })
            .await?;
        let keeping = &self.answering.keeping;
        // Consent and erasure count as they are now, not as they were when the vectors were made.
        let mut there = Vec::with_capacity(found.neighbours.len());
        for neighbour in found.neighbours {
            let Some(state) = keeping.customer(&neighbour.customer_id, None).await? else {
                continue;
            };
            let said = state.profile.consents;
            let may = said.allows(Purpose::Personalise, &keeping.config.consent);
            // Somebody who was linked to another customer meanwhile is that customer.
            if may && state.customer_id == neighbour.customer_id {
                there.push(neighbour);
            }
        }
        found.neighbours = there;
        Ok(found)
    }

    /// Everything that is kept of a customer, row by row.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn export(
        &self,
        customer: String,
        by: String,
    ) -> Result<RowStream<CustomerRow>, Refusal> {
        let store = &self.answering.keeping.store;
        // What was shown a moment ago is held too.
        store.flush_served().await?;
        Ok(store.export_customer(customer, by, now_ms()).await?)
    }

    /// Erases a customer from the store, and from everything that was made of it.
    ///
    /// # Errors
    /// The store does not write.
    pub async fn erase(&self, customer: String, by: String) -> Result<Erasure, Refusal> {
        let Answering {
            keeping,
            customers,
            similar,
            spoilers,
            ..
        } = &*self.answering;
        let state = keeping.customer(&customer, None).await?;
        let boxes = BoxQuery::Customer(customer.clone(), usize::MAX >> 1);
        let boxes = keeping.store.boxes(boxes, now_ms()).await?;
        let erasure = keeping.store.erase_customer(customer, by, now_ms()).await?;
        if let Some(state) = state {
            customers.forget(&state.customer_id);
            similar.forget(&state.customer_id);
            spoilers.forget(state.ids());
            self.baskets.forget(keeping).await;
        }
        spoilers.forget(boxes.iter().map(|b| b.customer_id.as_str()));
        let lines = boxes.into_iter().flat_map(|b| b.lines);
        let freed = lines.map(|line| line.product_id).collect();
        keeping.views.apply(freed, now_ms()).await?;
        Ok(erasure)
    }

    /// What became of an erasure.
    ///
    /// # Errors
    /// There is no such receipt, or the store cannot be read.
    pub async fn erasure(&self, receipt: String) -> Result<Erasure, Refusal> {
        let erasure = self.answering.keeping.store.erasure(receipt).await?;
        erasure.ok_or_else(|| Refusal::NotFound("there is no such erasure receipt".into()))
    }
}
