//! Everything that handlers share.

use std::sync::Arc;

use rand::Rng;
use serendib_engine::engagement::HandOver;
use serendib_engine::explain::{counterfactual, Counterfactual};
use serendib_engine::index::LikeYou;
use serendib_engine::rank::{self, Allowed, Answer, CustomerState, ListKind, Reason};
use serendib_engine::surprise::lets_down;
use serendib_proto::v1;
use serendib_shop::{in_holdout, sort_history, Consents, Touch};
use tonic::Status;

use crate::answer::boxes::Spoilers;
use crate::answer::sentence::{may_name, Language};
use crate::clock::now_ms;
use crate::config::Config;
use crate::metrics::{AnswerKind, Metrics};
use crate::rpc::customer::convert_engagement::hand_over_to_proto;
use crate::rpc::recommendation::answer::{
    counterfactual_to_proto, lists_to_log, lists_to_proto, note, reason_from_log, reason_to_proto,
    Wording,
};
use crate::rpc::recommendation::request::{Ask, AskLimits};
use crate::rpc::status::{pool_status, store_status};
use crate::snapshot::baskets::Baskets;
use crate::snapshot::customers::{Encoded, EncodedCache};
use crate::snapshot::customers_like_you::SimilarCustomers;
use crate::snapshot::model_swap::Models;
use crate::snapshot::views::{View, Views};
use crate::store::{self, CustomerQuery, ServedReason, ServedRequest, Store};
use crate::workers::customer_turns::Turns;
use crate::workers::deadline::Deadline;
use crate::workers::idle::Quiet;
use crate::workers::pool::Pool;

/// The server's parts.
#[derive(Debug)]
pub struct App {
    pub config: Config,
    pub store: Arc<dyn Store>,
    /// What requests see.
    pub views: Arc<Views>,
    /// Models and their directory.
    pub models: Models,
    pub customers: EncodedCache,
    /// Vectors of customers.
    pub similar: SimilarCustomers,
    /// Baskets of customers.
    pub baskets: Baskets,
    /// Threads that compute.
    pub pool: Pool,
    /// Threads that pack boxes, apart from those that answer.
    pub packing: rayon::ThreadPool,
    /// Where indexes over customers are built.
    pub quiet: Quiet,
    /// Surprises on their way.
    pub spoilers: Spoilers,
    /// Whose surprise is being chosen.
    pub surprising: Turns,
    pub metrics: Metrics,
}

/// A new opaque id: 128 random bits in hexadecimal.
pub fn new_id() -> String {
    format!("{:032x}", rand::thread_rng().gen::<u128>())
}

/// What an answer depends on beside customer, view and request.
struct Moment<'a> {
    now: i64,
    seed: u64,
    /// Products that the customer must not see yet.
    secret: &'a [String],
    /// Whether the customer gets answers that are not personal; care holds all the same.
    holdout: bool,
}

/// A question in numbers of one view: what the engine is asked, and of whom.
struct Scene {
    request: rank::Request,
    unknown: usize,
    encoded: Arc<Encoded>,
    /// The customer's history with the running visit, where there is one.
    visit: Option<Vec<Touch>>,
    holdout: bool,
}

impl Scene {
    fn customer(&self, defaults: &Consents) -> CustomerState<'_> {
        let history = self.visit.as_ref().unwrap_or(&self.encoded.history);
        let mut customer = self.encoded.state(history, defaults);
        if self.holdout {
            customer.allowed = Allowed {
                personalise: false,
                infer_life_stage: false,
            };
        }
        customer
    }
}

/// What is said again of an item that was served.
#[derive(Debug)]
pub struct Explained {
    /// The model that says it.
    pub model_id: String,
    /// Where it ranks, from 1; `None` = beyond the longest list.
    pub rank: Option<usize>,
    /// The reasons that were logged; where none were, those that it would have now.
    pub reasons: Vec<v1::Reason>,
    /// What would have been without one of the products behind it.
    pub counterfactual: Option<v1::Counterfactual>,
}

/// Reasons that are looked through for products behind an item.
const REASONS_BEHIND: usize = 6;

/// What the pool gives back.
struct Computed {
    lists: Vec<v1::RecommendedList>,
    log: Vec<store::ServedList>,
    personal: bool,
    hand_over: Option<HandOver>,
    unknown: usize,
}

impl App {
    /// Limits of a request, as configured.
    pub fn ask_limits(&self) -> AskLimits {
        AskLimits {
            default_count: self.config.recommend.default_count,
            max_count: self.config.recommend.max_count,
            max_reasons: self.config.recommend.max_reasons,
            together: self.config.recommend.together,
        }
    }

    /// The id of the model that answers now; empty without one.
    pub fn model_id(&self) -> String {
        self.views.get().generation.id().to_owned()
    }

    /// The person behind `customer_id`, as of `before` where one is given.
    pub async fn customer(
        &self,
        customer_id: &str,
        before: Option<i64>,
    ) -> Result<Option<Arc<store::CustomerState>>, Status> {
        let query = CustomerQuery {
            before,
            ..CustomerQuery::all(customer_id)
        };
        self.store
            .customer(query)
            .await
            .map_err(|error| store_status(&error))
    }

    /// Whether who asks belongs to the holdout: by the person's own id, and by the id of the request where nobody is known.
    fn holds_out(&self, ask: &Ask, state: Option<&store::CustomerState>) -> bool {
        state
            .map(|state| state.customer_id.as_str())
            .or(ask.customer_id.as_deref())
            .is_some_and(|id| in_holdout(id, self.config.recommend.holdout_percent))
    }

    /// Answers one request.
    pub async fn recommend(
        self: &Arc<App>,
        ask: Ask,
        deadline: Deadline,
    ) -> Result<v1::RecommendResponse, Status> {
        let clock = now_ms();
        // Only what happened strictly before is seen, and that includes what was recorded in this very millisecond.
        let now = ask.at.unwrap_or(clock + 1);
        let seed = ask.seed.unwrap_or_else(|| rand::thread_rng().gen());
        let request_id = new_id();
        let state = match &ask.customer_id {
            Some(id) => self.customer(id, ask.at).await?,
            None => None,
        };
        let unknown_customer = ask.customer_id.is_some() && state.is_none();
        let view = self.views.get();
        let may_log = state
            .as_ref()
            .map_or(Consents::default(), |s| s.profile.consents);
        let may_log = Allowed::of(&may_log, &self.config.consent).personalise;
        // Somebody of whom nothing is kept stays nameless in the log too: they may have been erased a moment ago. What
        // comes of the answer finds it by its request id.
        let log_as = ask
            .customer_id
            .clone()
            .filter(|_| may_log && !unknown_customer);
        let ids = state
            .iter()
            .flat_map(|s| s.ids())
            .chain(ask.customer_id.as_deref());
        let secret: Vec<String> = self
            .spoilers
            .of(ids, clock)
            .into_iter()
            .map(|s| s.0)
            .collect();
        let holdout = self.holds_out(&ask, state.as_deref());
        let ask = if holdout { ask.of_nobody() } else { ask };
        let placement = ask.placement.clone();
        let asked = ask.asked(may_log);
        let logged = self.config.recommend.log_served;

        let computed = {
            let (app, view, request_id) = (self.clone(), view.clone(), request_id.clone());
            self.pool
                .run(deadline, move |stop| {
                    let moment = Moment {
                        now,
                        seed,
                        secret: &secret,
                        holdout,
                    };
                    app.compute(&ask, state.as_deref(), &view, &request_id, moment, stop)
                })
                .await
                .map_err(pool_status)?
                .map_err(|error| Status::invalid_argument(error.to_string()))?
        };
        let personal = computed.personal && !holdout;
        let kind = match (holdout, personal) {
            (true, _) => AnswerKind::Holdout,
            (false, true) => AnswerKind::Personal,
            (false, false) => AnswerKind::General,
        };
        self.metrics.answered(view.generation.id(), kind);
        if logged && computed.log.iter().any(|l| !l.items.is_empty()) {
            self.store.log_served(ServedRequest {
                request_id: request_id.clone(),
                customer_id: log_as,
                at: clock,
                model: view.generation.id().to_owned(),
                placement,
                asked,
                lists: computed.log,
            });
        }
        let mut notes = Vec::new();
        if !view.generation.is_some() {
            notes.push(note(
                "no_model",
                "this server has no model yet: lists come from its catalogue alone",
            ));
        }
        if unknown_customer {
            notes.push(note(
                "unknown_customer",
                "nothing is known of this customer: the answer is the best that is not personal",
            ));
        } else if !may_log {
            notes.push(note(
                "no_consent",
                "the customer does not allow personal answers",
            ));
        }
        if holdout {
            notes.push(note(
                "holdout",
                "this customer belongs to the holdout: the answer is the best that is not personal",
            ));
        }
        if computed.unknown > 0 {
            notes.push(note(
                "unknown_products",
                format!("{} products of the request are not known", computed.unknown),
            ));
        }
        let partial = computed
            .lists
            .iter()
            .any(|list| list.notes.iter().any(|n| n.code == "partial"));
        Ok(v1::RecommendResponse {
            request_id,
            model_id: view.generation.id().to_owned(),
            lists: computed.lists,
            partial,
            personal,
            notes,
            at_ms: now,
            seed,
            hand_over: hand_over_to_proto(computed.hand_over),
            holdout,
        })
    }

    /// Whether what `state` is shown is remembered under their name.
    pub fn remembers(&self, state: &store::CustomerState) -> bool {
        let consents = &state.profile.consents;
        self.config.recommend.log_served && Allowed::of(consents, &self.config.consent).personalise
    }

    /// What `ask` (a single list) says of `product`, which it is logged to have held for the reasons `logged`.
    pub async fn explain(
        self: &Arc<App>,
        ask: Ask,
        product: String,
        logged: Vec<ServedReason>,
        deadline: Deadline,
    ) -> Result<Explained, Status> {
        let now = ask.at.unwrap_or_else(now_ms);
        let state = match &ask.customer_id {
            Some(id) => self.customer(id, ask.at).await?,
            None => None,
        };
        let holdout = self.holds_out(&ask, state.as_deref());
        let ask = if holdout { ask.of_nobody() } else { ask };
        let view = self.views.get();
        let app = self.clone();
        self.pool
            .run(deadline, move |stop| {
                let moment = Moment {
                    now,
                    seed: ask.seed.unwrap_or_default(),
                    secret: &[],
                    holdout,
                };
                let scene = app.scene(&ask, state.as_deref(), &view, &moment);
                let language = app.language(&ask, &scene);
                app.explain_in(scene, &view, &product, &logged, (language, now), stop)
            })
            .await
            .map_err(pool_status)?
            .map_err(|error| Status::invalid_argument(error.to_string()))
    }

    fn explain_in(
        &self,
        mut scene: Scene,
        view: &View,
        product: &str,
        logged: &[ServedReason],
        (language, now): (Language, i64),
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Explained, rank::RequestError> {
        let catalogue = &view.live.catalogue;
        scene.request.max_reasons = scene.request.max_reasons.max(REASONS_BEHIND);
        scene.request.explore = false;
        for list in &mut scene.request.lists {
            list.count = rank::MAX_COUNT.min(catalogue.len().max(1));
        }
        let (request, customer) = (&scene.request, scene.customer(&self.config.consent));
        let answer = rank::recommend(&view.model, &view.live, customer, request, stop)?;
        let items = answer.lists.iter().flat_map(|list| &list.items);
        let ix = catalogue.find(product);
        let again = items
            .enumerate()
            .find(|(_, item)| Some(item.product) == ix)
            .map(|(place, item)| (place + 1, &item.reasons));
        let mut reasons: Vec<Reason> = logged
            .iter()
            .filter_map(|reason| reason_from_log(reason, view))
            .collect();
        let mut behind: Vec<_> = reasons.iter().filter_map(|reason| reason.product).collect();
        if let Some((_, now)) = again {
            behind.extend(now.iter().filter_map(|reason| reason.product));
            if reasons.is_empty() {
                reasons.extend(now.iter().take(self.config.recommend.max_reasons).cloned());
            }
        }
        behind.retain(|product| may_name(catalogue, *product));
        let found: Option<Counterfactual> = match ix.filter(|_| again.is_some()) {
            Some(ix) => counterfactual(
                &view.model,
                &view.live,
                customer,
                request,
                0,
                ix,
                &behind,
                stop,
            )?,
            None => None,
        };
        Ok(Explained {
            model_id: view.generation.id().to_owned(),
            rank: again.map(|(rank, _)| rank),
            reasons: reasons
                .iter()
                .map(|reason| reason_to_proto(reason, catalogue, language))
                .collect(),
            counterfactual: found
                .and_then(|found| counterfactual_to_proto(&found, catalogue, language, now)),
        })
    }

    /// The language of the sentences: as asked for, else the customer's, else the shop's.
    fn language(&self, ask: &Ask, scene: &Scene) -> Language {
        let own = scene.encoded.locale.as_deref();
        let tag = ask.locale.as_deref().or(own);
        Language::of(Some(tag.unwrap_or(&self.config.recommend.locale)))
    }

    fn scene(
        &self,
        ask: &Ask,
        state: Option<&store::CustomerState>,
        view: &View,
        moment: &Moment,
    ) -> Scene {
        let generation = &view.generation;
        let now = moment.now;
        let mut resolved = ask.resolve(
            &view.live,
            &mut generation.encoder(),
            now,
            generation.ranked_at(now),
            moment.seed,
            &self.config.contact,
        );
        resolved.request.context.let_down_at = state.and_then(|state| {
            let said = state.delights.iter().filter(|said| said.at < now);
            said.filter(|said| lets_down(said))
                .map(|said| said.at)
                .max()
        });
        resolved.request.surprise_floor = self.config.recommend.surprise_floor;
        let history = &mut resolved.request.history;
        *history = history.at_most(self.config.recommend.history);
        let find = |id: &String| view.live.catalogue.find(id);
        resolved
            .request
            .exclusions
            .extend(moment.secret.iter().filter_map(find));
        let encoded = match state {
            // A state as of an earlier time is not the one that the next request will want.
            Some(state) if ask.at.is_some() => Arc::new(Encoded::new(state, view)),
            Some(state) => self.customers.get(state, view),
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

    fn compute(
        &self,
        ask: &Ask,
        state: Option<&store::CustomerState>,
        view: &View,
        request_id: &str,
        moment: Moment,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Computed, rank::RequestError> {
        let generation = &view.generation;
        let scene = self.scene(ask, state, view, &moment);
        let customer = scene.customer(&self.config.consent);
        let model = generation.id();
        let id = state.map_or("", |state| &state.customer_id);
        // Only these lists ask for customers like this one; nobody waits for the index in vain.
        let asks = ask
            .kinds()
            .any(|kind| matches!(kind, ListKind::ForYou | ListKind::Surprise));
        let answered = |like_you: LikeYou| {
            let (model, live, request) = (&view.model, &view.live, &scene.request);
            rank::recommend_like(model, live, customer, like_you, request, stop)
        };
        let asks = asks && !scene.holdout;
        let answer: Answer = if asks && generation.is_some() && ask.at.is_none() {
            self.similar.like_you(model, id, answered)?
        } else {
            answered(LikeYou::Absent)?
        };
        let wording = Wording {
            request_id,
            language: self.language(ask, &scene),
            include_products: ask.include_products,
            include_accounting: ask.include_accounting,
        };
        Ok(Computed {
            lists: lists_to_proto(&answer, view, wording),
            log: lists_to_log(&answer, view),
            personal: answer.personal,
            hand_over: answer.hand_over,
            unknown: scene.unknown,
        })
    }
}
