//! Answers.

use std::collections::BTreeMap;

use serendib_engine::rank::{Answer, Item, ListAnswer, Note};
use serendib_proto::v1;

use super::{list_kind_to_proto, product_to_proto};
use crate::sentence::{note_text, sentence, Language};
use crate::store::{served_id, ServedItem, ServedList};
use crate::views::View;

/// How an answer is put into a message.
#[derive(Debug, Clone, Copy)]
pub struct Wording<'a> {
    /// The answer's id.
    pub request_id: &'a str,
    /// Language of the sentences.
    pub language: Language,
    /// Send products along.
    pub include_products: bool,
    /// Send counts of removed candidates along.
    pub include_accounting: bool,
}

/// A remark.
pub fn note(code: &str, text: impl Into<String>) -> v1::Note {
    v1::Note {
        code: code.into(),
        text: text.into(),
    }
}

/// The lists of `answer` as messages; an item whose numbers are not finite does not leave.
pub fn lists_to_proto(answer: &Answer, view: &View, wording: Wording) -> Vec<v1::RecommendedList> {
    answer
        .lists
        .iter()
        .enumerate()
        .map(|(ix, list)| list_to_proto(ix, list, view, wording))
        .collect()
}

fn list_to_proto(
    ix: usize,
    list: &ListAnswer,
    view: &View,
    wording: Wording,
) -> v1::RecommendedList {
    let items = leaving(list)
        .enumerate()
        .map(|(place, item)| item_to_proto(ix, place + 1, item, view, wording))
        .collect();
    let mut removed: BTreeMap<&str, u64> = BTreeMap::new();
    if wording.include_accounting {
        for candidate in &list.removed {
            *removed.entry(candidate.by).or_default() += 1;
        }
    }
    v1::RecommendedList {
        kind: list_kind_to_proto(list.kind).into(),
        items,
        notes: notes(list),
        candidates: wording
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

fn leaving(list: &ListAnswer) -> impl Iterator<Item = &Item> {
    list.items
        .iter()
        .filter(|item| item.score.is_finite() && item.relevance.is_finite())
}

fn notes(list: &ListAnswer) -> Vec<v1::Note> {
    let mut seen: Vec<&Note> = Vec::new();
    for note in &list.notes {
        if !seen.contains(&note) {
            seen.push(note);
        }
    }
    seen.into_iter()
        .map(|n| note(n.as_str(), note_text(n, list.kind)))
        .collect()
}

fn item_to_proto(list: usize, rank: usize, item: &Item, view: &View, wording: Wording) -> v1::Item {
    let catalogue = &view.live.catalogue;
    let product = catalogue.product(item.product);
    let finite = |value: Option<f32>| value.filter(|v| v.is_finite()).map(f64::from);
    v1::Item {
        served_id: served_id(wording.request_id, list, rank),
        product_id: product.product_id.clone(),
        rank: rank as u32,
        score: f64::from(item.score),
        relevance: finite(Some(item.relevance)),
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
            .map(|reason| v1::Reason {
                code: reason.code.as_str().into(),
                product_id: reason
                    .product
                    .map(|ix| catalogue.product(ix).product_id.clone()),
                clock: reason.clock.clone(),
                contribution: finite(Some(reason.contribution)).unwrap_or(0.0),
                sentence: sentence(reason, catalogue, wording.language),
            })
            .collect(),
        title: product.label().to_owned(),
        product: wording.include_products.then(|| {
            let mut message = product_to_proto(product);
            // What it costs the shop is nobody's business at the storefront.
            message.cost = None;
            message.stock = view.live.stock[item.product as usize];
            message
        }),
    }
}

/// The lists of `answer` for the serve log.
pub fn lists_to_log(answer: &Answer, view: &View) -> Vec<ServedList> {
    answer
        .lists
        .iter()
        .map(|list| ServedList {
            kind: list.kind.as_str().into(),
            items: leaving(list)
                .map(|item| ServedItem {
                    product_id: view.live.catalogue.product(item.product).product_id.clone(),
                    propensity: item.propensity,
                })
                .collect(),
            candidates: list
                .draw
                .iter()
                .map(|(product, propensity)| ServedItem {
                    product_id: view.live.catalogue.product(*product).product_id.clone(),
                    propensity: Some(*propensity),
                })
                .collect(),
        })
        .collect()
}
