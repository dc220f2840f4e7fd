//! `Explain`.

use serendib_engine::rank::ListKind;
use serendib_proto::v1;
use serendib_proto::v1::{ExplainResponse, ListRequest, RecommendRequest};

use crate::answer::ask::{Ask, AskLimits};
use crate::answer::explain::{Explained, Shown};
use crate::rpc::fields::Invalid;
use crate::rpc::recommendation::answer::{counterfactual_to_proto, reason_to_proto};
use crate::rpc::recommendation::request::{ask_from_proto, list_kind_to_proto};

fn kind(shown: &Shown) -> v1::ListKind {
    ListKind::parse(&shown.kind).map_or(v1::ListKind::ForYou, list_kind_to_proto)
}

/// What the item was shown for, asked again.
pub fn ask_again(shown: &Shown, locale: Option<String>, limits: AskLimits) -> Result<Ask, Invalid> {
    let again = RecommendRequest {
        customer_id: shown.customer_id.clone().unwrap_or_default(),
        lists: vec![ListRequest {
            kind: kind(shown).into(),
            ..ListRequest::default()
        }],
        context: Some(v1::Context {
            at_ms: Some(shown.asked.at.unwrap_or(shown.at + 1)),
            locale,
            placement: Some("explain".into()),
            ..v1::Context::default()
        }),
        seed: Some(0),
        ..RecommendRequest::default()
    };
    let ask = ask_from_proto(&again, limits)?;
    Ok(ask.one_by_one().asked_again(shown.asked.clone()))
}

/// The message for what is said again of an item.
pub fn answer_to_proto(request_id: String, shown: Shown, explained: Explained) -> ExplainResponse {
    let (catalogue, language) = (&explained.view.live.catalogue, explained.language);
    ExplainResponse {
        request_id,
        model_id: explained.view.generation.id().to_owned(),
        list: kind(&shown).into(),
        product_id: shown.item.product_id,
        shown_rank: shown.rank as u32,
        shown_at_ms: shown.at,
        shown_by_model_id: shown.model,
        reasons: explained
            .reasons
            .iter()
            .map(|reason| reason_to_proto(reason, catalogue, language))
            .collect(),
        rank_now: explained.rank.map(|rank| rank as u32),
        counterfactual: explained
            .counterfactual
            .and_then(|found| counterfactual_to_proto(&found, catalogue, language, explained.now)),
    }
}
