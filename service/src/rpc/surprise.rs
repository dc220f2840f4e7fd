//! `SurpriseMe` and `Explain`.

use std::sync::Arc;

use serendib_proto::v1;
use serendib_proto::v1::{
    ExplainRequest, ExplainResponse, ListKind, ListRequest, RecommendRequest, SurpriseMeRequest,
    SurpriseMeResponse,
};
use tonic::Status;

use crate::app::{new_id, App};
use crate::clock::now_ms;
use crate::convert::{id, store_status, Ask, Invalid};
use crate::deadline::Deadline;
use crate::store::parse_served_id;

/// Served answers that are looked through for earlier surprises.
const LOOK_BACK: usize = 200;
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
    let days = match request.not_again_days {
        0 => 30,
        days if days <= 3_650 => i64::from(days),
        days => {
            let what = format!("is {days}, expected at most 3650");
            return Err(Invalid::new("not_again_days", what).into());
        }
    };
    let mut exclude = request.exclude_product_ids.clone();
    if let Some(customer) = &customer {
        app.store
            .flush_served()
            .await
            .map_err(|e| store_status(&e))?;
        let since = now_ms() - days * serendib_engine::shop::DAY_MS;
        let served = app
            .store
            .served(customer.clone(), LOOK_BACK)
            .await
            .map_err(|e| store_status(&e))?;
        for outcome in served.into_iter().filter(|o| o.request.at >= since) {
            let surprises = outcome
                .request
                .lists
                .into_iter()
                .filter(|l| l.kind == "surprise");
            exclude.extend(surprises.flat_map(|l| l.items).map(|item| item.product_id));
        }
        exclude.sort_unstable();
        exclude.dedup();
        exclude.truncate(10_000);
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
        exclude_product_ids: exclude,
        seed: request.seed,
        include_products: request.include_products,
        ..RecommendRequest::default()
    };
    let answer = app
        .recommend(Ask::from_proto(&ask, app.ask_limits())?, deadline)
        .await?;
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

/// Why an item was shown, computed again as of when it was shown.
pub(super) async fn explain(
    app: &Arc<App>,
    request: &ExplainRequest,
    deadline: Deadline,
) -> Result<ExplainResponse, Status> {
    let served = id("served_id", &request.served_id)?;
    let Some((served_request, list, rank)) = parse_served_id(&served) else {
        return Err(Invalid::new("served_id", "was not given by a recommendation").into());
    };
    app.store
        .flush_served()
        .await
        .map_err(|e| store_status(&e))?;
    let logged = app
        .store
        .served_request(served_request.to_owned())
        .await
        .map_err(|e| store_status(&e))?
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
    let kind = serendib_engine::rank::ListKind::parse(&shown_list.kind)
        .map_or(v1::ListKind::ForYou, crate::convert::list_kind_to_proto);
    let product_id = shown_item.product_id.clone();
    let mut again = RecommendRequest {
        customer_id: logged.customer_id.clone().unwrap_or_default(),
        lists: vec![ListRequest {
            kind: kind.into(),
            count: Some(app.config.recommend.max_count as u32),
            ..ListRequest::default()
        }],
        context: Some(v1::Context {
            at_ms: Some(logged.at + 1),
            locale: request.locale.clone(),
            placement: Some("explain".into()),
            ..v1::Context::default()
        }),
        seed: Some(0),
        ..RecommendRequest::default()
    };
    let ask = Ask::from_proto(&again, app.ask_limits())?
        .unlogged()
        .one_by_one();
    let answer = app.recommend(ask, deadline).await?;
    let found = |answer: &v1::RecommendResponse| {
        answer.lists[0]
            .items
            .iter()
            .find(|item| item.product_id == product_id)
            .cloned()
    };
    let item = found(&answer);
    // The counterfactual: the same question, had the product behind the strongest reason never been touched.
    let behind = item
        .iter()
        .flat_map(|item| &item.reasons)
        .find_map(|reason| reason.product_id.clone());
    let mut counterfactual = None;
    if let (Some(behind), Some(item)) = (behind, &item) {
        again.seed = Some(0);
        let ask = Ask::from_proto(&again, app.ask_limits())?
            .unlogged()
            .one_by_one()
            .without_product(behind.clone());
        let without = app.recommend(ask, deadline).await?;
        counterfactual = Some(v1::Counterfactual {
            without_product_id: behind,
            rank_with: item.rank,
            rank_without: found(&without).map(|item| item.rank),
        });
    }
    Ok(ExplainResponse {
        request_id: new_id(),
        model_id: answer.model_id,
        product_id,
        list: kind.into(),
        shown_rank: rank as u32,
        shown_at_ms: logged.at,
        shown_by_model_id: logged.model,
        reasons: item.as_ref().map(|i| i.reasons.clone()).unwrap_or_default(),
        rank_now: item.map(|i| i.rank),
        counterfactual,
    })
}
