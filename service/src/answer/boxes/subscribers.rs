//! Subscribers as the store has them.

use rayon::prelude::*;
use tokio::runtime::Handle;

use crate::answer::boxes::subscriber::{Subscriber, Subscribers};
use crate::answer::boxes::BoxAsk;
use crate::answer::keeping::Keeping;
use crate::answer::refusal::Refusal;
use crate::snapshot::customers::Encoded;
use crate::snapshot::views::View;
use crate::store::{BoxQuery, BoxState, CustomerState, StoreError, StoredBox};

/// Boxes of a customer that are looked at for repeats.
const EARLIER: usize = 64;

/// Reads subscribers from the store, in the numbers of `view`.
#[derive(Debug)]
pub struct OfStore<'a> {
    pub keeping: &'a Keeping,
    pub view: &'a View,
    pub now: i64,
    /// Where the store is waited for.
    pub runtime: Handle,
}

impl Subscribers for OfStore<'_> {
    fn read(&self, asks: &[BoxAsk], earlier: bool) -> Result<Vec<Subscriber>, Refusal> {
        let read = self.runtime.block_on(async {
            let mut read = Vec::with_capacity(asks.len());
            for ask in asks {
                let state = self.keeping.customer(&ask.customer_id, None).await?;
                let boxes = if earlier {
                    got(self.keeping, ask, self.now).await?
                } else {
                    Vec::new()
                };
                read.push((state, boxes));
            }
            Ok::<_, StoreError>(read)
        })?;
        let encoded = read
            .into_par_iter()
            .map(|(state, boxes)| subscriber(state.as_deref(), self.view, boxes));
        Ok(encoded.collect())
    }
}

/// What was in the boxes that the customer of `ask` got before this one, latest first.
pub async fn got(
    keeping: &Keeping,
    ask: &BoxAsk,
    now: i64,
) -> Result<Vec<Vec<String>>, StoreError> {
    let query = BoxQuery::Customer(ask.customer_id.clone(), EARLIER);
    let boxes = keeping.store.boxes(query, now).await?;
    let got = |b: &StoredBox| {
        b.box_id != ask.box_id && !matches!(b.state, BoxState::Cancelled | BoxState::Lapsed)
    };
    let products = |b: StoredBox| b.lines.into_iter().map(|line| line.product_id).collect();
    Ok(boxes.into_iter().filter(got).map(products).collect())
}

/// Whoever is in `state`, in the numbers of `view`.
pub fn subscriber(
    state: Option<&CustomerState>,
    view: &View,
    earlier: Vec<Vec<String>>,
) -> Subscriber {
    let Some(state) = state else {
        return Subscriber {
            earlier,
            ..Subscriber::default()
        };
    };
    let encoded = Encoded::new(state, view);
    Subscriber {
        known: true,
        history: encoded.history,
        facts: encoded.facts,
        consents: encoded.consents,
        locale: encoded.locale,
        delights: state.delights.clone(),
        earlier,
    }
}
