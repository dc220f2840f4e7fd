//! A question in numbers of one view: what the engine is asked, and of whom.

use std::sync::Arc;

use serendib_engine::rank::{Allowed, CustomerState, Request};
use serendib_shop::{sort_history, Consents, Touch};

use super::ask::Ask;
use super::sentence::Language;
use super::Answering;
use crate::snapshot::customers::Encoded;
use crate::snapshot::views::View;
use crate::store;

/// What an answer depends on beside customer, view and request.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    pub now: i64,
    pub seed: u64,
    /// Products that the customer must not see yet.
    pub secret: &'a [String],
    /// Whether the customer gets answers that are not personal; care holds all the same.
    pub holdout: bool,
}

/// See the module.
#[derive(Debug)]
pub struct Scene {
    pub request: Request,
    /// Products named in the request that the shop does not know.
    pub unknown: Vec<String>,
    pub encoded: Arc<Encoded>,
    /// The customer's history with the running visit, where there is one.
    visit: Option<Vec<Touch>>,
    /// Whether the answer must not be personal, by the arm of the holdout.
    pub holdout: bool,
}

impl Scene {
    /// Sets `ask` of the person in `state` into numbers of `view`.
    pub fn set(
        answering: &Answering,
        ask: &Ask,
        state: Option<&store::CustomerState>,
        view: &View,
        moment: Moment,
    ) -> Scene {
        let config = &answering.keeping.config;
        let generation = &view.generation;
        let now = moment.now;
        let mut resolved = ask.resolve(
            &view.live,
            &mut generation.encoder(),
            now,
            generation.ranked_at(now),
            moment.seed,
            &config.contact,
        );
        let delights = state.map_or(&[][..], |state| &state.delights);
        let context = &mut resolved.request.context;
        context.hear(delights, &view.live.catalogue, now);
        resolved.request.surprise_floor = config.recommend.surprise_floor;
        let history = &mut resolved.request.history;
        *history = history.at_most(config.recommend.history);
        let find = |id: &String| view.live.catalogue.find(id);
        resolved
            .request
            .exclusions
            .extend(moment.secret.iter().filter_map(find));
        let encoded = match state {
            // A state as of an earlier time is not the one that the next request will want.
            Some(state) if ask.at.is_some() => Arc::new(Encoded::new(state, view)),
            Some(state) => answering.customers.get(state, view),
            None => Arc::default(),
        };
        let visit = (!resolved.session.is_empty()).then(|| {
            let mut visit = encoded.history.clone();
            visit.extend_from_slice(&resolved.session);
            sort_history(&mut visit);
            visit
        });
        Scene {
            request: resolved.request,
            unknown: resolved.unknown,
            encoded,
            visit,
            holdout: moment.holdout,
        }
    }

    /// The customer as the engine sees them; `defaults` hold for who said nothing.
    pub fn customer(&self, defaults: &Consents) -> CustomerState<'_> {
        let history = self.visit.as_ref().unwrap_or(&self.encoded.history);
        let mut customer = self.encoded.state(history, defaults);
        if self.holdout {
            customer.allowed = Allowed {
                personalise: false,
                infer_life_stage: false,
                ..customer.allowed
            };
        }
        customer
    }

    /// The language of the sentences: as asked for, else the customer's, else the shop's.
    pub fn language(&self, ask: &Ask, of_shop: &str) -> Language {
        let own = self.encoded.locale.as_deref();
        let tag = ask.locale.as_deref().or(own);
        Language::of(Some(tag.unwrap_or(of_shop)))
    }
}
