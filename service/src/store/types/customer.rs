//! Customers as the store gives them back.

use serendib_shop::{Arm, Budget, Customer, Delight, Touchpoint};

/// How an upsert treats what is stored already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpsertMode {
    /// Given fields replace stored ones, absent fields stay: a fact replaces the one with the same clock and name (or
    /// the same key), attributes are replaced by key, consents that were said are set, identities are linked.
    Merge,
    /// The row becomes exactly what is given, but for consents: what was said stays until something else is said.
    /// Identities are linked; none is unlinked.
    Replace,
}

/// What to read of one customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerQuery {
    /// Any id of the customer.
    pub customer_id: String,
    /// Most touchpoints of each class, the newest; the shop's own kinds are a class of their own.
    pub budget: Budget,
    /// Only touchpoints and delights before this time, ms.
    pub before: Option<i64>,
}

impl CustomerQuery {
    /// All that is looked at of `customer_id`, whatever its time.
    pub fn all(customer_id: impl Into<String>) -> CustomerQuery {
        CustomerQuery {
            customer_id: customer_id.into(),
            budget: Budget::KEPT,
            before: None,
        }
    }

    /// The newest `newest` touchpoints of each class of `customer_id`, whatever their time.
    pub fn newest(customer_id: impl Into<String>, newest: usize) -> CustomerQuery {
        CustomerQuery {
            budget: Budget::each(newest),
            ..CustomerQuery::all(customer_id)
        }
    }
}

/// One linked identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedIdentity {
    /// The identity's id.
    pub identity: String,
    /// The id it is linked to: the customer's own, or another identity of theirs.
    pub linked_to: String,
    /// Time, milliseconds since 1970-01-01 UTC.
    pub linked_at: i64,
}

/// One person: everything their identities have, merged at read.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomerState {
    /// The id at the root of the links.
    pub customer_id: String,
    /// The linked identities, by time of linking, then by id.
    pub identities: Vec<LinkedIdentity>,
    /// The id by which they were known first: what was decided for it holds for the person.
    pub first_id: String,
    /// The arm of the holdout that was decided for them first; `None` = none was yet.
    pub arm: Option<Arm>,
    /// Whether one of their ids has no arm of its own yet.
    pub undecided: bool,
    /// Grows with every change to the person, linking and unlinking included; never repeats for other contents.
    pub version: u64,
    /// Profile merged over the identities: the earliest registration, facts of all (the root's first, equal ones
    /// once), the root's locale and attributes before the others', and for consents an explicit no wins. `identities`
    /// holds the linked ids.
    pub profile: Customer,
    /// The newest touchpoints of each class, oldest first; equal times in order of arrival. Each has the `customer_id`
    /// under which it was recorded and the time at which it counts (assigned or clamped); a row loaded without a time has
    /// none.
    pub touchpoints: Vec<Touchpoint>,
    /// How many touchpoints there are in all (before `before`, where one is given and they can be counted cheaply;
    /// otherwise all).
    pub total: u64,
    /// What the customer said of surprises, oldest first; at most the newest 1,000.
    pub delights: Vec<Delight>,
}

impl CustomerState {
    /// All ids of the person, the root's first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        let linked = self
            .identities
            .iter()
            .map(|linked| linked.identity.as_str());
        std::iter::once(self.customer_id.as_str()).chain(linked)
    }

    /// Whether older touchpoints were left out.
    pub fn truncated(&self) -> bool {
        (self.touchpoints.len() as u64) < self.total
    }
}
