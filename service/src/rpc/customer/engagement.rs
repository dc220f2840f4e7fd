//! Engagement, care and the budget of offers of customers.

use std::borrow::Cow;
use std::sync::Arc;

use serendib_engine::engagement::{care, days_out_of_sight, pressure, EngagementModel, IndexModel};
use serendib_proto::v1;
use serendib_proto::v1::{
    GetEngagementRequest, GetEngagementResponse, ListEngagementRequest, ListEngagementResponse,
};
use serendib_shop::{Purpose, Touch};
use tonic::Status;

use crate::answer::call::Call;
use crate::answer::Answering;
use crate::clock::now_ms;
use crate::config::Config;
use crate::rpc::customer::convert_engagement::{
    care_to_proto, engagement_to_proto, offers_to_proto, EFFECTS,
};
use crate::rpc::fields::{bounded, id, optional_id, time, within};
use crate::rpc::pages::Page;
use crate::rpc::recommendation::answer::note;
use crate::snapshot::customers::Encoded;
use crate::snapshot::views::View;
use crate::store::CustomerState;

/// Customers read between two looks at the deadline.
const PAGE: usize = 256;
/// Touchpoints in memory at one time, and one customer's more.
const TOUCHPOINTS: usize = 100_000;
/// Customers looked at in one call at most, however few of them fit.
const MOST_LOOKED_AT: usize = 20_000;

/// What the card and the calls show of one customer.
pub(super) struct Shown {
    /// Whether the customer does not allow personal answers.
    pub no_consent: bool,
    /// Whether the shop may reach out to them.
    pub may_contact: bool,
    /// Touches without a time, which are left out of the engagement.
    pub untimed: usize,
    /// `None` = the customer does not allow it, or nothing of them has a time.
    pub engagement: Option<v1::Engagement>,
    /// What contacts ask for, whatever the customer allows.
    pub care: v1::Care,
    /// Offers against those allowed.
    pub offers: v1::OfferBudget,
}

/// Computes `state` as of `now`, seeing what happened strictly before.
pub(super) fn show(answering: &Answering, view: &View, state: &CustomerState, now: i64) -> Shown {
    let encoded = answering.customers.get(state, view);
    show_encoded(&answering.keeping.config, view, &encoded, now)
}

fn show_encoded(config: &Config, view: &View, encoded: &Encoded, now: i64) -> Shown {
    let seen = encoded.history.partition_point(|touch| touch.at < now);
    let history = &encoded.history[..seen];
    let rules = &config.contact.rules;
    let may = encoded
        .consents
        .allows(Purpose::Personalise, &config.consent);
    let timed = with_times(history);
    let untimed = history.len() - timed.len();
    let known = !timed.is_empty() || untimed == 0;
    let engagement = (may && known).then(|| engagement(config, view, &timed, now));
    // in a shop without times, what nothing ended holds, as in its lists
    let at = view.generation.ranked_at(now);
    let at = if at == now { now - 1 } else { at };
    Shown {
        no_consent: !may,
        may_contact: encoded.consents.allows(Purpose::Contact, &config.consent),
        untimed,
        engagement,
        care: care_to_proto(&care(history, at, &rules.care), &view.live.catalogue),
        offers: offers_to_proto(&pressure(history, at, &rules.pressure)),
    }
}

/// The touches of `history` that say when they were: engagement is about how long ago that is.
fn with_times(history: &[Touch]) -> Cow<'_, [Touch]> {
    if history.iter().all(|touch| touch.at != 0) {
        return Cow::Borrowed(history);
    }
    let timed = history.iter().filter(|touch| touch.at != 0);
    Cow::Owned(timed.copied().collect())
}

fn engagement(config: &Config, view: &View, history: &[Touch], now: i64) -> v1::Engagement {
    let encoder = view.generation.encoder();
    let first;
    let model = match &view.model.engagement {
        Some(model) => model,
        None => {
            first = EngagementModel::first(IndexModel::first(&encoder.kinds));
            &first
        }
    };
    let until = view.model.manifest.data.to;
    let out_of_sight = days_out_of_sight(until, history, now - 1);
    let foretelling = view.model.engagement.as_ref();
    let outlook = foretelling
        .filter(|_| out_of_sight.is_none())
        .map(|model| model.outlook(history, now - 1, EFFECTS));
    let minimum = config.contact.minimum_touches;
    let shown = engagement_to_proto(
        &model.engagement(history, now - 1),
        outlook.as_ref(),
        minimum.unwrap_or(model.index.minimum_touches),
        model.index.learned,
        &encoder,
    );
    v1::Engagement {
        days_out_of_sight: out_of_sight.filter(|_| foretelling.is_some()),
        ..shown
    }
}

pub(super) async fn get(
    answering: &Arc<Answering>,
    message: &GetEngagementRequest,
    call: Call,
) -> Result<GetEngagementResponse, Status> {
    let customer = id("customer_id", &message.customer_id)?;
    let at = time("at_ms", message.at_ms)?;
    let now = at.unwrap_or_else(|| now_ms() + 1);
    let state = answering.known(&customer, at).await?;
    let view = answering.keeping.views.get();
    let (worker, seen) = (answering.clone(), view.clone());
    let shown = answering
        .pool
        .run(call.deadline, move |_| match at {
            // a state as of an earlier time is not the one that the next request will want
            Some(_) => show_encoded(
                &worker.keeping.config,
                &seen,
                &Encoded::new(&state, &seen),
                now,
            ),
            None => show(&worker, &seen, &state, now),
        })
        .await?;
    let mut notes = Vec::new();
    if shown.no_consent {
        notes.push(note(
            "no_consent",
            "the customer does not allow personal answers",
        ));
    }
    if shown.untimed > 0 {
        notes.push(note(
            "no_times",
            format!(
                "{} touchpoints have no time and are left out of the engagement",
                shown.untimed
            ),
        ));
    }
    let days = shown.engagement.as_ref().and_then(|e| e.days_out_of_sight);
    if let Some(days) = days {
        notes.push(note(
            "out_of_sight",
            format!(
                "all that is known ends {days:.0} days before: purchases are not foretold so far"
            ),
        ));
    }
    if view.model.engagement.is_none() {
        notes.push(note(
            "no_model",
            "no model of engagement yet: the index has the weights of the first day, and purchases are not foretold",
        ));
    }
    Ok(GetEngagementResponse {
        request_id: call.request_id,
        model_id: view.generation.id().to_owned(),
        engagement: shown.engagement,
        care: Some(shown.care),
        offers: Some(shown.offers),
        at_ms: now,
        notes,
    })
}

/// Answers `ListEngagement`: looks at customers in order of id until enough fit, time runs out or there are no more.
pub(super) async fn list(
    answering: &Arc<Answering>,
    message: ListEngagementRequest,
    call: Call,
) -> Result<ListEngagementResponse, Status> {
    let count = bounded("count", message.count, 100, 1_000)? as usize;
    within("max_index", message.max_index, 100.0)?;
    within("min_p_purchase_30d", message.min_p_purchase_30d, 1.0)?;
    let mut after = optional_id("after", Some(&message.after))?;
    let (keeping, deadline) = (&answering.keeping, call.deadline);
    // what was found must still be sent
    let reserve = deadline.left() / 4;
    let (view, now) = (keeping.views.get(), now_ms() + 1);
    let mut customers = Vec::new();
    let (mut looked_at, mut page_of_answer, mut full) = (0, Page::default(), false);
    while !full
        && customers.len() < count
        && looked_at < MOST_LOOKED_AT
        && deadline.left() > reserve
    {
        let page = PAGE.min(MOST_LOOKED_AT - looked_at);
        let ids = keeping.store.customer_ids(after.clone(), page).await?;
        if ids.is_empty() {
            after = None;
            break;
        }
        let mut shown: Vec<Option<v1::CustomerEngagement>> = Vec::with_capacity(ids.len());
        let (mut states, mut rows) = (Vec::new(), 0);
        for (place, id) in ids.iter().enumerate() {
            let state = keeping.customer(id, None).await?;
            rows += state.as_ref().map_or(0, |state| state.touchpoints.len());
            states.push(state);
            if rows >= TOUCHPOINTS || place + 1 == ids.len() {
                let states = std::mem::take(&mut states);
                rows = 0;
                let (config, seen, wanted) =
                    (keeping.config.clone(), view.clone(), message.clone());
                let of_these = answering
                    .pool
                    .run(deadline, move |_| {
                        look(&config, &seen, &wanted, &states, now)
                    })
                    .await?;
                shown.extend(of_these);
            }
        }
        looked_at += ids.len();
        for (id, found) in ids.into_iter().zip(shown) {
            full = customers.len() == count
                || found.as_ref().is_some_and(|one| !page_of_answer.takes(one));
            if full {
                break;
            }
            customers.extend(found);
            after = Some(id);
        }
    }
    Ok(ListEngagementResponse {
        request_id: call.request_id,
        model_id: view.generation.id().to_owned(),
        customers,
        next: after.unwrap_or_default(),
    })
}

/// Each of `states` that is among those `wanted`.
fn look(
    config: &Config,
    view: &View,
    wanted: &ListEngagementRequest,
    states: &[Option<Arc<CustomerState>>],
    now: i64,
) -> Vec<Option<v1::CustomerEngagement>> {
    let look = |state: &Option<Arc<CustomerState>>| {
        let state = state.as_deref()?;
        let shown = show_encoded(config, view, &Encoded::new(state, view), now);
        fits(wanted, &shown).then(|| v1::CustomerEngagement {
            customer_id: state.customer_id.clone(),
            engagement: shown.engagement,
            care: Some(shown.care),
        })
    };
    states.iter().map(look).collect()
}

/// Whether a customer is among those `wanted`; nobody is who does not allow personal answers or contact, or of whom nothing
/// has a time.
fn fits(wanted: &ListEngagementRequest, shown: &Shown) -> bool {
    let Some(engagement) = &shown.engagement else {
        return false;
    };
    let paused = shown.care.pause_promotions;
    shown.may_contact
        && (!wanted.below_minimum || engagement.below_minimum)
        && wanted.max_index.is_none_or(|most| engagement.index <= most)
        && wanted
            .min_p_purchase_30d
            .is_none_or(|least| engagement.p_purchase_30d.is_some_and(|p| p >= least))
        && wanted.promotions_paused.is_none_or(|p| p == paused)
}
