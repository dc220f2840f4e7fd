//! `SurpriseMe`.

use serendib_proto::v1::{
    ListKind, ListRequest, RecommendRequest, RecommendedList, SurpriseMeRequest, SurpriseMeResponse,
};

use crate::answer::ask::{Ask, AskLimits};
use crate::answer::recommend::Answer;
use crate::answer::surprise::MOST_DAYS;
use crate::rpc::fields::{bounded, optional_id, Invalid};
use crate::rpc::recommendation::{answer, request};

/// Where the placement says nothing: what the serve log keeps the surprises apart by.
const PLACEMENT: &str = "surprise_me";

/// A list of one surprise, and the days in which it must not come again.
pub fn ask_from_proto(
    message: &SurpriseMeRequest,
    limits: AskLimits,
) -> Result<(Ask, u32), Invalid> {
    optional_id("customer_id", Some(&message.customer_id))?;
    let days = bounded("not_again_days", message.not_again_days, 0, MOST_DAYS)?;
    let mut context = message.context.clone().unwrap_or_default();
    context.placement.get_or_insert_with(|| PLACEMENT.into());
    let ask = RecommendRequest {
        customer_id: message.customer_id.clone(),
        lists: vec![ListRequest {
            kind: ListKind::Surprise.into(),
            count: Some(1),
            filters: message.filters.clone(),
            ..ListRequest::default()
        }],
        dial: message.dial,
        context: Some(context),
        exclude_product_ids: message.exclude_product_ids.clone(),
        seed: message.seed,
        include_products: message.include_products,
        ..RecommendRequest::default()
    };
    Ok((request::ask_from_proto(&ask, limits)?, days))
}

/// The message for the surprise; with `reveal_later` it says nothing of why.
pub fn answer_to_proto(
    answer: Answer<Vec<RecommendedList>>,
    reveal_later: bool,
) -> SurpriseMeResponse {
    let answer = answer::answer_to_proto(answer);
    let list = answer.lists.into_iter().next().unwrap_or_default();
    let mut item = list.items.into_iter().next();
    if let Some(item) = item.as_mut().filter(|_| reveal_later) {
        item.reasons.clear();
    }
    SurpriseMeResponse {
        request_id: answer.request_id,
        model_id: answer.model_id,
        item,
        notes: answer.notes.into_iter().chain(list.notes).collect(),
        partial: answer.partial,
        seed: answer.seed,
        hand_over: answer.hand_over,
    }
}
