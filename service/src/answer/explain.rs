//! One `Explain`: the reasons of then, and what would have been.

use std::sync::Arc;

use serendib_engine::explain::{counterfactual, Counterfactual, Place};
use serendib_engine::rank::{self, Reason};

use super::ask::Ask;
use super::refusal::{Invalid, Refusal};
use super::scene::{Moment, Scene};
use super::sentence::{may_name, Language};
use super::serve_log::reason_from_log;
use super::who::Who;
use super::Answering;
use crate::clock::now_ms;
use crate::snapshot::views::View;
use crate::store::{parse_served_id, Asked, ServedItem, ServedReason};
use crate::workers::deadline::Deadline;

/// Reasons that are looked through for products behind an item.
const REASONS_BEHIND: usize = 6;

/// An item as the serve log has it.
#[derive(Debug)]
pub struct Shown {
    pub item: ServedItem,
    /// Kind of its list (`for-you`, `surprise`, …).
    pub kind: String,
    /// Where in the list, from 1.
    pub rank: usize,
    /// To whom; `None` = nobody by name.
    pub customer_id: Option<String>,
    /// When it was answered, ms.
    pub at: i64,
    /// The id of the model that chose it.
    pub model: String,
    pub asked: Asked,
}

/// What is said again of an item that was served.
#[derive(Debug)]
pub struct Explained {
    /// What it was explained in.
    pub view: Arc<View>,
    /// Where it ranks, from 1; `None` = beyond the longest list.
    pub rank: Option<usize>,
    /// The reasons that were logged; where none were, those that it would have now.
    pub reasons: Vec<Reason>,
    /// What would have been without one of the products behind it.
    pub counterfactual: Option<Counterfactual>,
    pub language: Language,
    /// The time that it was explained for, ms.
    pub now: i64,
}

impl Answering {
    /// The item that was served as `served_id`.
    ///
    /// # Errors
    /// No answer gives such an id, the serve log does not hold it any more, or it cannot be read.
    pub async fn shown(&self, served_id: &str) -> Result<Shown, Refusal> {
        let Some((request_id, list, rank)) = parse_served_id(served_id) else {
            return Err(Invalid::new("served_id", "was not given by a recommendation").into());
        };
        let gone = |what: &str| Refusal::NotFound(format!("served_id: {what}"));
        let store = &self.keeping.store;
        store.flush_served().await?;
        let logged = store.served_request(request_id.to_owned()).await?;
        let logged = logged.ok_or_else(|| gone("the answer is not in the serve log any more"))?;
        let list = logged.lists.into_iter().nth(list);
        let shown = list.and_then(|list| {
            let item = list.items.into_iter().nth(rank.checked_sub(1)?)?;
            Some((list.kind, item))
        });
        let (kind, item) = shown.ok_or_else(|| gone("the answer holds no such item"))?;
        Ok(Shown {
            item,
            kind,
            rank,
            customer_id: logged.customer_id,
            at: logged.at,
            model: logged.model,
            asked: logged.asked,
        })
    }

    /// What `ask` (a single list) says of an item that was `shown` in it.
    ///
    /// # Errors
    /// As [`Answering::recommend`].
    pub async fn explain(
        self: &Arc<Self>,
        ask: Ask,
        shown: &Shown,
        deadline: Deadline,
    ) -> Result<Explained, Refusal> {
        let now = ask.at.unwrap_or_else(now_ms);
        let who = Who::find(&self.keeping, ask.customer_id.as_deref(), ask.at).await?;
        let ask = if who.in_holdout() {
            ask.of_nobody()
        } else {
            ask
        };
        let view = self.keeping.views.get();
        let answering = self.clone();
        let ServedItem {
            product_id: product,
            reasons: logged,
            ..
        } = shown.item.clone();
        let explain = move |stop: &(dyn Fn() -> bool + Sync)| {
            let moment = Moment {
                now,
                seed: ask.seed.unwrap_or_default(),
                secret: &[],
                holdout: who.in_holdout(),
            };
            let scene = Scene::set(&answering, &ask, who.state.as_deref(), &view, moment);
            let language = scene.language(&ask, &answering.keeping.config.recommend.locale);
            answering.explain_in(scene, view, &product, &logged, (language, now), stop)
        };
        Ok(self.pool.run(deadline, explain).await??)
    }

    fn explain_in(
        &self,
        mut scene: Scene,
        view: Arc<View>,
        product: &str,
        logged: &[ServedReason],
        (language, now): (Language, i64),
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Explained, rank::RequestError> {
        let config = &self.keeping.config;
        let catalogue = &view.live.catalogue;
        scene.request.max_reasons = scene.request.max_reasons.max(REASONS_BEHIND);
        scene.request.explore = false;
        for list in &mut scene.request.lists {
            list.count = rank::MAX_COUNT.min(catalogue.len().max(1));
        }
        let (request, customer) = (&scene.request, scene.customer(&config.consent));
        let answer = rank::recommend(&view.model, &view.live, customer, request, stop)?;
        let items = answer.lists.iter().flat_map(|list| &list.items);
        let ix = catalogue.find(product);
        let again = items
            .enumerate()
            .find(|(_, item)| Some(item.product) == ix)
            .map(|(place, item)| (place + 1, &item.reasons));
        let mut reasons: Vec<Reason> = logged
            .iter()
            .filter_map(|reason| reason_from_log(reason, &view))
            .collect();
        let mut behind: Vec<_> = reasons.iter().filter_map(|reason| reason.product).collect();
        if let Some((_, now)) = again {
            behind.extend(now.iter().filter_map(|reason| reason.product));
            if reasons.is_empty() {
                reasons.extend(now.iter().take(config.recommend.max_reasons).cloned());
            }
        }
        behind.retain(|product| may_name(catalogue, *product));
        let (model, live) = (&view.model, &view.live);
        let found = match ix.filter(|_| again.is_some()) {
            Some(item) => {
                let place = Place {
                    customer,
                    request,
                    list: 0,
                    item,
                };
                counterfactual(model, live, &place, &behind, stop)?
            }
            None => None,
        };
        let rank = again.map(|(rank, _)| rank);
        Ok(Explained {
            view,
            rank,
            reasons,
            counterfactual: found,
            language,
            now,
        })
    }
}
