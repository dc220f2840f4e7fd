//! One `SurpriseMe`: a surprise, and never one of those of the last days.

use std::sync::Arc;

use super::ask::Ask;
use super::call::Call;
use super::recommend::{Answer, Lists};
use super::refusal::Refusal;
use super::who::Who;
use super::Answering;
use crate::clock::now_ms;
use crate::workers::pool::PoolError;

/// Most days in which a surprise may be asked not to come again.
pub const MOST_DAYS: u32 = 3_650;

impl Answering {
    /// Answers `ask`, a list of one surprise, with none of those of the last `not_again_days`; 0 = as many as the model says.
    ///
    /// # Errors
    /// As [`Answering::recommend`].
    pub async fn surprise<M: Send + 'static>(
        self: &Arc<Self>,
        ask: Ask,
        not_again_days: u32,
        call: &Call,
        put: fn(Lists) -> M,
    ) -> Result<Answer<M>, Refusal> {
        let who = Who::find(&self.keeping, ask.customer_id.as_deref(), None).await?;
        // whether what they are shown is remembered under their name
        let remembered = who.personalise && self.keeping.config.recommend.log_served;
        let Some(state) = who.state.filter(|_| remembered) else {
            return self.recommend(ask.draw_lone(), call, put).await;
        };
        // One after the other, and the next looks once this one is in the log: pressed twice at once, it still gives two.
        let turn = self.surprising.take(&state.customer_id);
        let _turn = tokio::time::timeout(call.deadline.left(), turn)
            .await
            .map_err(|_| PoolError::TooLate)?;
        let before = self
            .surprises_before(&state.customer_id, not_again_days)
            .await?;
        self.recommend(ask.without_products(before), call, put)
            .await
    }

    /// Products that were surprises of `customer` in the last `days`; 0 = as many as the model says.
    async fn surprises_before(&self, customer: &str, days: u32) -> Result<Vec<String>, Refusal> {
        let days = match days {
            0 => {
                let view = self.keeping.views.get();
                let surprises = view.model.surprises.as_ref();
                surprises.map_or(0, |s| s.settings.again_days.clamp(0, i64::from(MOST_DAYS)))
            }
            days => i64::from(days),
        };
        let since = now_ms() - days * serendib_shop::DAY_MS;
        let store = &self.keeping.store;
        store.flush_served().await?;
        Ok(store.surprises_served(customer.to_owned(), since).await?)
    }
}
