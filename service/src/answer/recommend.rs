//! One `Recommend`, top to bottom.

use std::sync::Arc;

use rand::Rng;
use serendib_engine::engagement::HandOver;
use serendib_engine::index::LikeYou;
use serendib_engine::rank::{self, ListKind, RequestError};

use super::ask::Ask;
use super::call::Call;
use super::refusal::Refusal;
use super::scene::{Moment, Scene};
use super::sentence::Language;
use super::serve_log::lists_to_log;
use super::unknown::{unknown_products, unsupported_locale, CodedNote};
use super::who::Who;
use super::Answering;
use crate::clock::now_ms;
use crate::metrics::AnswerKind;
use crate::snapshot::views::View;
use crate::store::{CustomerState, ServedList, ServedRequest};

/// What the engine answered, for whoever puts it into a message; used on the threads that compute.
#[derive(Debug)]
pub struct Lists<'a> {
    pub answer: &'a rank::Answer,
    pub view: &'a View,
    pub request_id: &'a str,
    pub language: Language,
    pub ask: &'a Ask,
}

/// An answer, its lists as `M`.
#[derive(Debug)]
pub struct Answer<M> {
    pub request_id: String,
    pub model_id: String,
    pub lists: M,
    /// Whether it is about this customer.
    pub personal: bool,
    /// The time that it was computed for, ms.
    pub at: i64,
    pub seed: u64,
    pub hand_over: Option<HandOver>,
    pub holdout: bool,
    /// What whoever asked should know of it: code and words.
    pub notes: Vec<CodedNote>,
}

/// What the pool gives back.
struct Computed<M> {
    lists: M,
    log: Vec<ServedList>,
    personal: bool,
    hand_over: Option<HandOver>,
    unknown: Vec<String>,
}

impl Answering {
    /// Answers `ask`; `put` puts the lists into a message.
    ///
    /// # Errors
    /// The store cannot be read, nothing was computed in time, or the engine refuses the request.
    pub async fn recommend<M: Send + 'static>(
        self: &Arc<Self>,
        ask: Ask,
        call: &Call,
        put: fn(Lists) -> M,
    ) -> Result<Answer<M>, Refusal> {
        let clock = now_ms();
        // Only what happened strictly before is seen, and that includes what was recorded in this very millisecond.
        let now = ask.at.unwrap_or(clock + 1);
        let seed = ask.seed.unwrap_or_else(|| rand::thread_rng().gen());
        let request_id = call.request_id.clone();
        let who = Who::find(&self.keeping, ask.customer_id.as_deref(), ask.at).await?;
        let view = self.keeping.views.get();
        // Somebody of whom nothing is kept stays nameless in the log too: they may have been erased a moment ago. What
        // comes of the answer finds it by its request id.
        let log_as = ask
            .customer_id
            .clone()
            .filter(|_| who.personalise && !who.unknown);
        let secret = self.secret_of(&who, ask.customer_id.as_deref(), clock);
        let ask = if who.in_holdout() {
            ask.of_nobody()
        } else {
            ask
        };
        let locale = ask.locale.clone();
        let ask_at = ask.at;
        let (placement, asked) = (ask.placement.clone(), ask.asked(who.personalise));

        let computed = {
            let (answering, view, request_id) = (self.clone(), view.clone(), request_id.clone());
            let (state, holdout) = (who.state.clone(), who.in_holdout());
            let compute = move |stop: &(dyn Fn() -> bool + Sync)| {
                let moment = Moment {
                    now,
                    seed,
                    secret: &secret,
                    holdout,
                };
                let scene = Scene::set(&answering, &ask, state.as_deref(), &view, moment);
                let answer = answering.ranked(&scene, &ask, state.as_deref(), &view, stop)?;
                let lists = Lists {
                    answer: &answer,
                    view: &view,
                    request_id: &request_id,
                    language: scene.language(&ask, &answering.keeping.config.recommend.locale),
                    ask: &ask,
                };
                Ok::<_, RequestError>(Computed {
                    lists: put(lists),
                    log: lists_to_log(&answer, &view),
                    personal: answer.personal,
                    hand_over: answer.hand_over,
                    unknown: scene.unknown,
                })
            };
            self.pool.run(call.deadline, compute).await??
        };
        let personal = computed.personal && !who.in_holdout();
        let kind = match (who.in_holdout(), personal) {
            (true, _) => AnswerKind::Holdout,
            (false, true) => AnswerKind::Personal,
            (false, false) => AnswerKind::General,
        };
        self.metrics.answered(view.generation.id(), kind);
        self.write_arm(&who, ask_at, clock);
        let shown = computed.log.iter().any(|l| !l.items.is_empty());
        if self.keeping.config.recommend.log_served && shown {
            self.keeping.store.log_served(ServedRequest {
                request_id: request_id.clone(),
                customer_id: log_as,
                at: clock,
                model: view.generation.id().to_owned(),
                placement,
                asked,
                arm: who.arm,
                lists: computed.log,
            });
        }
        Ok(Answer {
            request_id,
            model_id: view.generation.id().to_owned(),
            lists: computed.lists,
            personal,
            at: now,
            seed,
            hand_over: computed.hand_over,
            holdout: who.in_holdout(),
            notes: notes(&who, &view, &computed.unknown, locale.as_deref()),
        })
    }

    /// Writes down the arm of who was answered at `clock` for the first time, off the path of the answer; not for answers as
    /// of an earlier time.
    fn write_arm(&self, who: &Who, as_of: Option<i64>, clock: i64) {
        let percent = self.keeping.config.recommend.holdout_percent;
        let (None, Some(arm), Some(state)) = (as_of, who.new_arm(percent), &who.state) else {
            return;
        };
        let (store, id) = (self.keeping.store.clone(), state.customer_id.clone());
        tokio::spawn(async move {
            if let Err(error) = store.decide_arm(id, arm, clock).await {
                // the next answer tries again; a store that cannot be written is told of elsewhere
                tracing::debug!(%error, "the arm of a customer was not written down");
            }
        });
    }

    /// Surprises on their way to them, which they must not see before.
    fn secret_of(&self, who: &Who, asked: Option<&str>, now: i64) -> Vec<String> {
        let secrets = self.spoilers.of(who.ids(asked), now);
        secrets.into_iter().map(|(product, _)| product).collect()
    }

    /// The lists of `scene`, which `ask` was set into, for whom `state` is kept of.
    fn ranked(
        &self,
        scene: &Scene,
        ask: &Ask,
        state: Option<&CustomerState>,
        view: &View,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<rank::Answer, RequestError> {
        let customer = scene.customer(&self.keeping.config.consent);
        let answered = |like_you: LikeYou| {
            let (model, live, request) = (&view.model, &view.live, &scene.request);
            rank::recommend_like(model, live, customer, like_you, request, stop)
        };
        // Only these lists ask for customers like this one; nobody waits for the index in vain.
        let asks = ask
            .kinds()
            .any(|kind| matches!(kind, ListKind::ForYou | ListKind::Surprise));
        if asks && !scene.holdout && view.generation.is_some() && ask.at.is_none() {
            let id = state.map_or("", |state| &state.customer_id);
            return self.similar.like_you(view.generation.id(), id, answered);
        }
        answered(LikeYou::Absent)
    }
}

/// What the answer's reader should know, beside the lists.
fn notes(who: &Who, view: &View, products: &[String], locale: Option<&str>) -> Vec<CodedNote> {
    let mut notes = Vec::new();
    let mut say = |code, words: &str| notes.push((code, words.to_owned()));
    if !view.generation.is_some() {
        say(
            "no_model",
            "this server has no model yet: lists come from its catalogue alone",
        );
    }
    if who.unknown {
        say(
            "unknown_customer",
            "nothing is known of this customer: the answer is the best that is not personal",
        );
    } else if !who.personalise {
        say("no_consent", "the customer does not allow personal answers");
    }
    if who.in_holdout() {
        say(
            "holdout",
            "this customer belongs to the holdout: the answer is the best that is not personal",
        );
    }
    notes.extend(unknown_products(products, &view.live.catalogue));
    notes.extend(unsupported_locale(locale));
    notes
}
