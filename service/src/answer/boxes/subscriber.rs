//! Whoever gets a box.

use serendib_engine::rank::{Allowed, CustomerState};
use serendib_shop::{Consents, Delight, Fact, Touch};

use crate::answer::boxes::BoxAsk;
use crate::answer::refusal::Refusal;

/// Whoever gets a box, in the numbers of what is packed from.
#[derive(Debug, Default)]
pub struct Subscriber {
    /// Whether anything is known of them.
    pub known: bool,
    /// Touches in order of time.
    pub history: Vec<Touch>,
    pub facts: Vec<Fact>,
    /// What they said about the use of their data.
    pub consents: Consents,
    pub locale: Option<String>,
    /// What they said of surprises.
    pub delights: Vec<Delight>,
    /// Products of the boxes that they got, latest first, as far as more than their touches tells of them.
    pub earlier: Vec<Vec<String>>,
}

impl Subscriber {
    /// What the engine is given; `defaults` hold for who said nothing.
    pub fn customer(&self, defaults: &Consents) -> CustomerState<'_> {
        CustomerState {
            history: &self.history,
            facts: &self.facts,
            allowed: Allowed::of(&self.consents, defaults),
        }
    }
}

/// Where subscribers are read.
pub trait Subscribers {
    /// The subscribers of `asks`, one for each; `earlier` = with the boxes that they got. Blocking.
    ///
    /// # Errors
    /// They cannot be read.
    fn read(&self, asks: &[BoxAsk], earlier: bool) -> Result<Vec<Subscriber>, Refusal>;
}
