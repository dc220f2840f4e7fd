//! Answers.

use std::collections::BTreeMap;

use serendib_engine::explain::{counterfactual_sentence, Counterfactual};
use serendib_engine::rank::{Answer, Item, ListAnswer, Note, Reason, ReasonCode};
use serendib_proto::v1;
use serendib_shop::{Catalogue, ProductIx};

use crate::answer::sentence::{may_name, note_text, sentence, Language};
use crate::rpc::catalog::convert::product_to_proto;
use crate::rpc::recommendation::request::list_kind_to_proto;
use crate::snapshot::views::View;
use crate::store::{served_id, ServedItem, ServedList, ServedReason};

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
            .map(|reason| reason_to_proto(reason, catalogue, wording.language))
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

/// Reasons for the serve log.
fn reason_to_log(reason: &Reason, catalogue: &Catalogue) -> ServedReason {
    ServedReason {
        code: reason.code.as_str().into(),
        product_id: reason
            .product
            .map(|product| catalogue.product(product).product_id.clone()),
        clock: reason.clock.clone(),
        contribution: Some(reason.contribution)
            .filter(|part| part.is_finite())
            .unwrap_or(0.0),
    }
}

/// A reason of the serve log; what it refers to is left out where the shop does not know it any more. `None` for a kind of
/// reason that is not known any more.
pub fn reason_from_log(reason: &ServedReason, view: &View) -> Option<Reason> {
    let product = reason.product_id.as_ref();
    let life = view.model.life.as_ref().map(|life| &life.model);
    let clock = life.and_then(|life| Some(&life.clocks[life.clock(reason.clock.as_ref()?)?]));
    Some(Reason {
        code: ReasonCode::parse(&reason.code)?,
        product: product.and_then(|id| view.live.catalogue.find(id)),
        clock: reason.clock.clone(),
        clock_title: clock
            .map(|clock| clock.kind.title.clone())
            .unwrap_or_default(),
        contribution: reason.contribution,
    })
}

/// The lists of `answer` for the serve log.
pub fn lists_to_log(answer: &Answer, view: &View) -> Vec<ServedList> {
    let catalogue = &view.live.catalogue;
    let id = |product: ProductIx| catalogue.product(product).product_id.clone();
    answer
        .lists
        .iter()
        .map(|list| ServedList {
            kind: list.kind.as_str().into(),
            items: leaving(list)
                .map(|item| ServedItem {
                    product_id: id(item.product),
                    propensity: item.propensity,
                    reasons: item
                        .reasons
                        .iter()
                        .map(|reason| reason_to_log(reason, catalogue))
                        .collect(),
                })
                .collect(),
            candidates: list
                .draw
                .iter()
                .map(|(product, propensity)| ServedItem {
                    product_id: id(*product),
                    propensity: Some(*propensity),
                    ..ServedItem::default()
                })
                .collect(),
        })
        .collect()
}
