//! Answers.

use std::collections::BTreeMap;

use serendib_engine::explain::{counterfactual_sentence, Counterfactual};
use serendib_engine::rank::{Item, ListAnswer, Note, Reason};
use serendib_proto::v1;
use serendib_shop::Catalogue;

use crate::answer::recommend::{Answer, Lists};
use crate::answer::sentence::{may_name, note_text, sentence, Language};
use crate::answer::serve_log::leaving;
use crate::answer::unknown::unknown_limits;
use crate::rpc::catalog::convert::product_to_proto;
use crate::rpc::customer::convert_engagement::hand_over_to_proto;
use crate::rpc::recommendation::request::list_kind_to_proto;
use crate::store::served_id;

pub fn note(code: &str, text: impl Into<String>) -> v1::Note {
    v1::Note {
        code: code.into(),
        text: text.into(),
    }
}

/// The message for an answer.
pub fn answer_to_proto(answer: Answer<Vec<v1::RecommendedList>>) -> v1::RecommendResponse {
    let partial = answer
        .lists
        .iter()
        .any(|list| list.notes.iter().any(|n| n.code == "partial"));
    v1::RecommendResponse {
        request_id: answer.request_id,
        model_id: answer.model_id,
        lists: answer.lists,
        partial,
        personal: answer.personal,
        notes: answer
            .notes
            .into_iter()
            .map(|(code, words)| note(code, words))
            .collect(),
        at_ms: answer.at,
        seed: answer.seed,
        hand_over: hand_over_to_proto(answer.hand_over),
        holdout: answer.holdout,
    }
}

/// The lists as messages; an item whose numbers are not finite does not leave.
pub fn lists_to_proto(lists: Lists) -> Vec<v1::RecommendedList> {
    lists
        .answer
        .lists
        .iter()
        .enumerate()
        .map(|(ix, list)| list_to_proto(ix, list, &lists))
        .collect()
}

fn list_to_proto(ix: usize, list: &ListAnswer, lists: &Lists) -> v1::RecommendedList {
    let items = leaving(list)
        .enumerate()
        .map(|(place, item)| item_to_proto(ix, place + 1, item, lists))
        .collect();
    let mut removed: BTreeMap<&str, u64> = BTreeMap::new();
    if lists.ask.include_accounting {
        for candidate in &list.removed {
            *removed.entry(candidate.by).or_default() += 1;
        }
    }
    v1::RecommendedList {
        kind: list_kind_to_proto(list.kind).into(),
        items,
        notes: notes(ix, list, lists),
        candidates: lists
            .ask
            .include_accounting
            .then_some((list.items.len() + list.removed.len()) as u64),
        removed: removed
            .into_iter()
            .map(|(filter, removed)| v1::FilterCount {
                filter: filter.into(),
                removed,
            })
            .collect(),
    }
}

fn notes(ix: usize, list: &ListAnswer, lists: &Lists) -> Vec<v1::Note> {
    let mut seen: Vec<&Note> = Vec::new();
    for note in &list.notes {
        if !seen.contains(&note) {
            seen.push(note);
        }
    }
    let asked = lists.ask.lists.get(ix);
    let unknown = asked.map_or(Vec::new(), |asked| {
        unknown_limits(&asked.filters, &lists.view.live.catalogue)
    });
    let unknown = unknown.into_iter().map(|(code, words)| note(code, words));
    let seen = seen.into_iter();
    seen.map(|n| note(n.as_str(), note_text(n, list.kind)))
        .chain(unknown)
        .collect()
}

fn item_to_proto(list: usize, rank: usize, item: &Item, lists: &Lists) -> v1::Item {
    let catalogue = &lists.view.live.catalogue;
    let product = catalogue.product(item.product);
    let finite = |value: Option<f32>| value.filter(|v| v.is_finite()).map(f64::from);
    v1::Item {
        served_id: served_id(lists.request_id, list, rank),
        product_id: product.product_id.clone(),
        rank: rank as u32,
        score: f64::from(item.score),
        relevance: finite(Some(item.relevance)),
        wanted: finite(item.wanted),
        unexpectedness: finite(item.unexpectedness),
        novelty: finite(item.novelty),
        timeliness: finite(item.timeliness),
        delight: finite(item.delight),
        floor: finite(item.floor),
        propensity: item.propensity.filter(|p| p.is_finite()),
        pinned: item.pinned,
        reasons: item
            .reasons
            .iter()
            .map(|reason| reason_to_proto(reason, catalogue, lists.language))
            .collect(),
        title: product.label().to_owned(),
        product: lists.ask.include_products.then(|| {
            let mut message = product_to_proto(product);
            // What it costs the shop is nobody's business at the storefront.
            message.cost = None;
            message.stock = lists.view.live.stock[item.product.index()];
            message
        }),
    }
}

/// A reason as a message; a product that is too sensitive to name is not in it.
pub fn reason_to_proto(reason: &Reason, catalogue: &Catalogue, language: Language) -> v1::Reason {
    let contribution = Some(reason.contribution).filter(|part| part.is_finite());
    v1::Reason {
        code: reason.code.as_str().into(),
        product_id: reason
            .product
            .filter(|product| may_name(catalogue, *product))
            .map(|product| catalogue.product(product).product_id.clone()),
        clock: reason.clock.clone(),
        contribution: contribution.map_or(0.0, f64::from),
        sentence: sentence(reason, catalogue, language),
    }
}

/// A counterfactual for readers at `now` as a message; `None` where its product is too sensitive to name.
pub fn counterfactual_to_proto(
    found: &Counterfactual,
    catalogue: &Catalogue,
    language: Language,
    now: i64,
) -> Option<v1::Counterfactual> {
    may_name(catalogue, found.without).then(|| v1::Counterfactual {
        without_product_id: catalogue.product(found.without).product_id.clone(),
        rank_with: found.rank as u32,
        rank_without: found.rank_without.map(|rank| rank as u32),
        sentence: counterfactual_sentence(found, catalogue, language, now),
        touched_at_ms: found.touched_at,
    })
}
