//! Reasons for the items of a list, found only for those that are shown.

use super::{Item, ListKind, Plan, Query, Reason, ReasonCode};

/// Adds reasons to `item`, strongest first, at most as many as the request wants.
pub(super) fn explain(query: &Query, _plan: &Plan, item: &mut Item) {
    let known = (item.product as usize) < query.live.known;
    let limit = query.request.max_reasons;
    match query.list.kind {
        ListKind::Similar => {
            for anchor in query.anchors() {
                item.reasons
                    .push(Reason::about(ReasonCode::SimilarTo, anchor, item.score));
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
    item.reasons.truncate(limit);
}
