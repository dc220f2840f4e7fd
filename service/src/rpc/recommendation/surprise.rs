//! `SurpriseMe` and `Explain`.

use std::sync::Arc;

use serendib_proto::v1;
use serendib_proto::v1::{
    ExplainRequest, ExplainResponse, ListKind, ListRequest, RecommendRequest, SurpriseMeRequest,
    SurpriseMeResponse,
};
use tonic::Status;

use crate::answer::new_id;
use crate::answer::refusal::Refusal;
use crate::answer::who::Who;
use crate::app::App;
use crate::clock::now_ms;
use crate::rpc::fields::{id, Invalid};
use crate::rpc::recommendation::answer::{
    answer_to_proto, counterfactual_to_proto, lists_to_proto, reason_to_proto,
};
use crate::rpc::recommendation::request::ask_from_proto;
use crate::store::parse_served_id;
use crate::workers::deadline::Deadline;
use crate::workers::pool::PoolError;

/// Most days in which a surprise may be asked not to come again.
const MOST_DAYS: u32 = 3_650;
/// Where the placement says nothing: what the serve log keeps the surprises apart by.
const PLACEMENT: &str = "surprise_me";

/// One surprise, never one of those of the last days.
pub(super) async fn surprise_me(
    app: &Arc<App>,
    request: &SurpriseMeRequest,
    deadline: Deadline,
) -> Result<SurpriseMeResponse, Status> {
    let customer = match request.customer_id.as_str() {
        "" => None,
        customer => Some(id("customer_id", customer)?),
    };
    if request.not_again_days > MOST_DAYS {
        let what = format!(
            "is {}, expected at most {MOST_DAYS}",
            request.not_again_days
        );
        return Err(Invalid::new("not_again_days", what).into());
    }
    let mut context = request.context.clone().unwrap_or_default();
    context.placement.get_or_insert_with(|| PLACEMENT.into());
    let ask = RecommendRequest {
        customer_id: request.customer_id.clone(),
        lists: vec![ListRequest {
            kind: ListKind::Surprise.into(),
            count: Some(1),
            filters: request.filters.clone(),
            ..ListRequest::default()
        }],
        dial: request.dial,
        context: Some(context),
        exclude_product_ids: request.exclude_product_ids.clone(),
        seed: request.seed,
        include_products: request.include_products,
        ..RecommendRequest::default()
    };
    let ask = ask_from_proto(&ask, app.ask_limits())?;
    let who = Who::find(&app.keeping, customer.as_deref(), None)
        .await
        .map_err(Refusal::from)?;
    // whether what they are shown is remembered under their name
    let remembered = who.personalise && app.config.recommend.log_served;
    let answer = match who.state.filter(|_| remembered) {
        Some(state) => {
            // One after the other, and the next looks once this one is in the log: pressed twice at once, it still gives two.
            let turn = app.surprising.take(&state.customer_id);
            let _turn = tokio::time::timeout(deadline.left(), turn)
                .await
                .map_err(|_| Refusal::from(PoolError::TooLate))?;
            let before = shown_before(app, &state.customer_id, request.not_again_days).await?;
            let ask = ask.without_products(before);
            app.answering
                .recommend(ask, deadline, lists_to_proto)
                .await?
        }
        None => {
            let ask = ask.draw_lone();
            app.answering
                .recommend(ask, deadline, lists_to_proto)
                .await?
        }
    };
    let answer = answer_to_proto(answer);
    let list = answer.lists.into_iter().next().unwrap_or_default();
    let mut item = list.items.into_iter().next();
    if let Some(item) = item.as_mut().filter(|_| request.reveal_later) {
        item.reasons.clear();
    }
    Ok(SurpriseMeResponse {
        request_id: answer.request_id,
        model_id: answer.model_id,
        item,
        notes: answer.notes.into_iter().chain(list.notes).collect(),
        partial: answer.partial,
        seed: answer.seed,
        hand_over: answer.hand_over,
    })
}

/// Products that were surprises of `customer` in the last `days`; 0 = as many as the model says.
async fn shown_before(app: &App, customer: &str, days: u32) -> Result<Vec<String>, Refusal> {
    let days = match days {
        0 => {
            let view = app.views.get();
            let surprises = view.model.surprises.as_ref();
            surprises.map_or(0, |s| s.settings.again_days.clamp(0, i64::from(MOST_DAYS)))
        }
        days => i64::from(days),
    };
    let since = now_ms() - days * serendib_shop::DAY_MS;
    app.store.flush_served().await?;
    Ok(app
        .store
        .surprises_served(customer.to_owned(), since)
        .await?)
}

/// Why an item was shown: the reasons of then, and what would have been, computed again for what was asked then.
pub(super) async fn explain(
    app: &Arc<App>,
    request: &ExplainRequest,
    deadline: Deadline,
) -> Result<ExplainResponse, Status> {
    let served = id("served_id", &request.served_id)?;
    let Some((served_request, list, rank)) = parse_served_id(&served) else {
        return Err(Invalid::new("served_id", "was not given by a recommendation").into());
    };
    app.store.flush_served().await.map_err(Refusal::from)?;
    let logged = app
        .store
        .served_request(served_request.to_owned())
        .await
        .map_err(Refusal::from)?
        .ok_or_else(|| {
            Status::not_found("served_id: the answer is not in the serve log any more")
        })?;
    let shown = logged
        .lists
        .get(list)
        .and_then(|l| Some((l, l.items.get(rank.checked_sub(1)?)?)));
    let Some((shown_list, shown_item)) = shown else {
        return Err(Status::not_found(
            "served_id: the answer holds no such item",
        ));
    };
    let kind = serendib_engine::rank::ListKind::parse(&shown_list.kind).map_or(
        v1::ListKind::ForYou,
        crate::rpc::recommendation::request::list_kind_to_proto,
    );
    let product_id = shown_item.product_id.clone();
    let again = RecommendRequest {
        customer_id: logged.customer_id.clone().unwrap_or_default(),
        lists: vec![ListRequest {
            kind: kind.into(),
            ..ListRequest::default()
        }],
        context: Some(v1::Context {
            at_ms: Some(logged.asked.at.unwrap_or(logged.at + 1)),
            locale: request.locale.clone(),
            placement: Some("explain".into()),
            ..v1::Context::default()
        }),
        seed: Some(0),
        ..RecommendRequest::default()
    };
    let ask = ask_from_proto(&again, app.ask_limits())?
        .one_by_one()
        .asked_again(logged.asked);
    let why = shown_item.reasons.clone();
    let explained = app
        .answering
        .explain(ask, product_id.clone(), why, deadline)
        .await?;
    let (catalogue, language) = (&explained.view.live.catalogue, explained.language);
    Ok(ExplainResponse {
        request_id: new_id(),
        model_id: explained.view.generation.id().to_owned(),
        product_id,
        list: kind.into(),
        shown_rank: rank as u32,
        shown_at_ms: logged.at,
        shown_by_model_id: logged.model,
        reasons: explained
            .reasons
            .iter()
            .map(|reason| reason_to_proto(reason, catalogue, language))
            .collect(),
        rank_now: explained.rank.map(|rank| rank as u32),
        counterfactual: explained
            .counterfactual
            .and_then(|found| counterfactual_to_proto(&found, catalogue, language, explained.now)),
    })
}
