//! Reasons for the items of a list, found only for those that are shown.

use super::sources::{completes_basket, recent, unit_basket};
use super::{Item, ListKind, Plan, Query, Reason, ReasonCode};
use crate::shop::ProductIx;

/// Adds reasons to `item`, strongest first, at most as many as the request wants.
pub(super) fn explain(query: &Query, _plan: &Plan, item: &mut Item) {
    let known = (item.product as usize) < query.live.known;
    let limit = query.request.max_reasons;
    match query.list.kind {
        ListKind::GoesWith => goes_with(query, item, limit),
        ListKind::Surprise => surprise(query, item, limit, known),
        ListKind::NextInLife => {
            item.reasons
                .push(super::life::reason(query, item.product, item.score));
        }
        ListKind::BuyAgain | ListKind::NextBasket if query.owned.contains_key(&item.product) => {
            let again = Reason::about(ReasonCode::BuyAgain, item.product, item.score);
            item.reasons.push(again);
        }
        ListKind::Similar => {
            for anchor in query.anchors() {
                let gone = !query.live.sells(anchor, query.request.now);
                let code = if gone && replaces(query, anchor, item.product) {
                    ReasonCode::InsteadOf
                } else {
                    ReasonCode::SimilarTo
                };
                item.reasons.push(Reason::about(code, anchor, item.score));
            }
            item.reasons.truncate(1);
        }
        _ if query.personal && known => {
            let behind =
                query
                    .model
                    .representation
                    .contributions(query.folded, item.product, limit);
            item.reasons.extend(
                behind
                    .into_iter()
                    .filter(|(product, share)| *product != item.product && *share > 0.0)
                    .map(|(product, share)| {
                        Reason::about(ReasonCode::BecauseYouBought, product, share)
                    }),
            );
        }
        _ => {}
    }
    if !known {
        item.reasons.push(Reason::plain(ReasonCode::New, 0.0));
    }
    if item.reasons.is_empty() {
        let share = query.model.popularity_share(item.product);
        let contribution = if query.personal { 0.0 } else { share };
        item.reasons
            .push(Reason::plain(ReasonCode::Popular, contribution));
    }
    let mut said = std::collections::HashSet::new();
    item.reasons
        .retain(|reason| said.insert((reason.code, reason.product)));
    item.reasons.truncate(limit);
}

/// Says that customers like this one bought the item: where there is room, or where nothing better is said than that most
/// customers bought it.
pub(super) fn add_like_you(item: &mut Item, limit: usize) {
    match &mut item.reasons[..] {
        [only] if only.code == ReasonCode::Popular => only.code = ReasonCode::CustomersLikeYou,
        some if some.len() < limit => {
            let reason = Reason::plain(ReasonCode::CustomersLikeYou, 0.0);
            item.reasons.push(reason);
        }
        _ => {}
    }
}

/// Explains what delight leaves of a surprise's score by the purchases behind its relevance.
fn surprise(query: &Query, item: &mut Item, limit: usize, known: bool) {
    if !known || !query.personal {
        return;
    }
    let explained: f32 = item.reasons.iter().map(|r| r.contribution).sum();
    let by_relevance = (item.score - explained).max(0.0);
    let representation = &query.model.representation;
    let behind = representation.contributions(query.folded, item.product, limit);
    let shares = representation_share(query, item, &behind);
    for ((product, _), share) in behind.iter().zip(shares) {
        if *product != item.product && share > 0.0 {
            let contribution = share * by_relevance;
            item.reasons.push(Reason::about(
                ReasonCode::BecauseYouBought,
                *product,
                contribution,
            ));
        }
    }
}

/// The contributions as shares of the product's whole score, each 0 to 1.
fn representation_share(query: &Query, item: &Item, behind: &[(ProductIx, f32)]) -> Vec<f32> {
    let score = query
        .model
        .representation
        .score(query.folded, &[item.product])
        .first()
        .copied()
        .unwrap_or(0.0);
    let share = |part: f32| {
        if score > 0.0 {
            (part / score).clamp(0.0, 1.0)
        } else {
            0.0
        }
    };
    behind.iter().map(|(_, part)| share(*part)).collect()
}

fn replaces(query: &Query, anchor: ProductIx, product: ProductIx) -> bool {
    let complements = query.model.complements.as_ref();
    complements.is_some_and(|c| c.replaces(anchor, product))
}

/// The products of the basket, or the purchases, that an item goes with, with their parts of its score.
fn goes_with(query: &Query, item: &mut Item, limit: usize) {
    let Some(complements) = &query.model.complements else {
        return;
    };
    let parts: Vec<(ProductIx, f32)> = if completes_basket(query) {
        complements
            .completion()
            .contributions(&unit_basket(query), item.product)
    } else {
        complements.contributions(&recent(query), item.product)
    };
    let about = |(product, share)| Reason::about(ReasonCode::GoesWith, product, share);
    let positive = parts.into_iter().filter(|(_, share)| *share > 0.0);
    item.reasons.extend(positive.take(limit).map(about));
}
