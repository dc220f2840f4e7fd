//! Who asks, and what that means for the answer: decided once for each request.

use std::sync::Arc;

use serendib_engine::rank::Allowed;
use serendib_shop::{Arm, Consents};

use super::keeping::Keeping;
use crate::store::{CustomerState, StoreError};

/// Whoever an answer is for.
#[derive(Debug)]
pub struct Who {
    /// What is kept of the person; `None` for a visitor, or somebody of whom nothing is known.
    pub state: Option<Arc<CustomerState>>,
    /// An id was given, and nothing is known of it.
    pub unknown: bool,
    /// Whether answers may be personal, and remembered under their name.
    pub personalise: bool,
    /// Whether they get answers that are personal; `None` for a visitor without an id.
    pub arm: Option<Arm>,
}

/// The arm of who asks under `id`: as it was decided, else by the id that was known first. Without a holdout there is nothing to
/// decide: everybody's answers are personal, whatever was decided before.
fn arm(state: Option<&CustomerState>, id: &str, percent: f64) -> Arm {
    let decided = state.and_then(|state| state.arm);
    match decided.filter(|_| percent > 0.0) {
        Some(arm) => arm,
        None => Arm::of(state.map_or(id, |state| &state.first_id), percent),
    }
}

impl Who {
    /// The person with `customer_id`, as of `before` where one is given.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn find(
        keeping: &Keeping,
        customer_id: Option<&str>,
        before: Option<i64>,
    ) -> Result<Who, StoreError> {
        let state = match customer_id {
            Some(id) => keeping.customer(id, before).await?,
            None => None,
        };
        let said = state
            .as_ref()
            .map_or(Consents::default(), |s| s.profile.consents);
        let percent = keeping.config.recommend.holdout_percent;
        let arm = customer_id.map(|id| arm(state.as_deref(), id, percent));
        Ok(Who {
            unknown: customer_id.is_some() && state.is_none(),
            personalise: Allowed::of(&said, &keeping.config.consent).personalise,
            arm,
            state,
        })
    }

    /// The arm to be written down with this answer: of somebody who is known and for whom none is written down yet.
    pub fn new_arm(&self, percent: f64) -> Option<Arm> {
        let state = self.state.as_ref()?;
        let due = state.undecided && self.personalise && percent > 0.0;
        self.arm.filter(|_| due)
    }

    /// Whether they get answers that are not personal, so that what the others are worth can be told.
    pub fn in_holdout(&self) -> bool {
        self.arm == Some(Arm::Holdout)
    }

    /// Every id of theirs, that of the request included.
    pub fn ids<'a>(&'a self, asked: Option<&'a str>) -> impl Iterator<Item = &'a str> {
        self.state.iter().flat_map(|s| s.ids()).chain(asked)
    }
}
