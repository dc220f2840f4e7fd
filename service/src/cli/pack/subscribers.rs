//! Subscribers as shop data has them.

use std::collections::HashMap;

use serendib_training::batch::Batch;

use crate::answer::boxes::{BoxAsk, Subscriber, Subscribers};
use crate::answer::refusal::Refusal;

/// Reads subscribers from a shop's data.
pub struct OfData<'a> {
    pub batch: &'a Batch,
    /// Products of boxes that have left, by customer, latest first.
    pub earlier: &'a HashMap<String, Vec<Vec<String>>>,
}

impl Subscribers for OfData<'_> {
    fn read(&self, asks: &[BoxAsk], earlier: bool) -> Result<Vec<Subscriber>, Refusal> {
        let subscriber = |ask: &BoxAsk| {
            let boxes = self.earlier.get(&ask.customer_id).filter(|_| earlier);
            let nobody = Subscriber {
                earlier: boxes.cloned().unwrap_or_default(),
                ..Subscriber::default()
            };
            let Some(customer) = self.batch.log().customer(&ask.customer_id) else {
                return nobody;
            };
            Subscriber {
                known: true,
                history: self.batch.history(customer).to_vec(),
                facts: self.batch.facts(customer).to_vec(),
                consents: self.batch.log().consents(customer),
                locale: self.batch.locale(customer).map(str::to_owned),
                delights: self.batch.delights(Some(customer)).to_vec(),
                ..nobody
            }
        };
        Ok(asks.iter().map(subscriber).collect())
    }
}
