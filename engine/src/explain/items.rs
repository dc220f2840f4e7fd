//! Reasons for the items of a list, found only for those that are shown.

use crate::explain::balance;
use crate::index::dot;
use crate::rank::sources::{about, completes_basket, recent, unit_basket};
use crate::rank::{Item, ListKind, Query, Reason, ReasonCode};
use serendib_shop::{Kind, ProductIx};

/// A product with so large a share of the most popular one's buyers lately is popular.
const LEAST_POPULAR: f32 = 0.1;

/// Adds reasons to `item`, strongest first, at most as many as the request wants; their contributions add up to its score.
pub(crate) fn explain(query: &Query, item: &mut Item) {
    let limit = query.request.max_reasons;
    if limit == 0 {
        item.reasons.clear();
        return;
    }
    let known = item.product.index() < query.live.known;
    match query.list.kind {
        ListKind::GoesWith => goes_with(query, item, limit),
        ListKind::NextInLife => {
            item.reasons.push(crate::explain::life::reason(
                query,
                item.product,
                item.score,
            ));
        }
        ListKind::BuyAgain | ListKind::NextBasket if query.owned.contains_key(&item.product) => {
            let again = Reason::about(ReasonCode::BuyAgain, item.product, item.score);
            item.reasons.push(again);
        }
        ListKind::Similar => similar(query, item),
        ListKind::Popular => {}
        _ if query.folded.is_empty() => crate::explain::life::explain(query, item),
        _ if known => because(query, item, limit),
        _ => {}
    }
    if !known {
        item.reasons.push(Reason::plain(ReasonCode::New, 0.0));
    }
    if item.reasons.is_empty() {
        let code = if query.list.kind == ListKind::Popular
            || query.folded.is_empty()
            || is_popular(query, item.product)
        {
            ReasonCode::Popular
        } else {
            ReasonCode::YourTaste
        };
        item.reasons.push(Reason::plain(code, item.score));
    }
    let mut said = std::collections::HashSet::new();
    item.reasons
        .retain(|reason| said.insert((reason.code, reason.product)));
    balance(&mut item.reasons, item.score, limit);
}

/// Whether many customers bought `product` lately.
fn is_popular(query: &Query, product: ProductIx) -> bool {
    query.model.lately_share(product) >= LEAST_POPULAR
}

/// Says that customers like this one bought the item: where there is room, or where nothing better is said than that most
/// customers bought it.
pub(crate) fn add_like_you(item: &mut Item, limit: usize) {
    match &mut item.reasons[..] {
        [only] if only.code == ReasonCode::Popular => only.code = ReasonCode::CustomersLikeYou,
        some if some.len() < limit => {
            let reason = Reason::plain(ReasonCode::CustomersLikeYou, 0.0);
            item.reasons.push(reason);
        }
        _ => {}
    }
}

/// The products behind what other reasons leave of the score, each by its share of the representation's score.
fn because(query: &Query, item: &mut Item, limit: usize) {
    let explained: f32 = item.reasons.iter().map(|r| r.contribution).sum();
    let rest = (item.score - explained).max(0.0);
    let representation = &query.model.representation;
    let behind = representation.contributions(query.folded, item.product, limit);
    let spoken: f32 = behind.iter().map(|(_, part)| part.max(0.0)).sum();
    let whole = query.relevance.scores(&[item.product]);
    // Parts that speak against a product may leave less than those that speak for it.
    let whole = whole.first().copied().unwrap_or(0.0).max(spoken);
    for (product, part) in behind {
        let causes = || query.model.may_cause(product, item.product);
        if product != item.product && part > 0.0 && whole > 0.0 && causes() {
            let reason = Reason::about(tie(query, product), product, rest * part / whole);
            item.reasons.push(reason);
        }
    }
}

/// How the customer stands to a product that speaks for another: what was not bought is not called so.
fn tie(query: &Query, product: ProductIx) -> ReasonCode {
    let owned = query.owned.contains_key(&product);
    let touches = query.customer.history.iter().rev();
    let mut rated = false;
    for touch in touches.filter(|touch| touch.product == product) {
        match touch.kind {
            Kind::PURCHASE | Kind::BOX_KEPT if owned => return ReasonCode::BecauseYouBought,
            Kind::RATING if !touch.is_low() => rated = true,
            _ => {}
        }
    }
    if rated {
        ReasonCode::BecauseYouRated
    } else {
        ReasonCode::BecauseOfInterest
    }
}

/// The anchor that brought the item into the list: what it replaces, or what it is most like.
fn similar(query: &Query, item: &mut Item) {
    let anchors = query.anchors();
    let replaced = anchors.iter().find(|&&anchor| {
        !query.live.sells(anchor, query.request.now) && takes_place(query, anchor, item.product)
    });
    let found = match replaced {
        Some(anchor) => Some((ReasonCode::InsteadOf, *anchor)),
        None => nearest(query, &anchors, item.product).map(|a| (ReasonCode::SimilarTo, a)),
    };
    if let Some((code, anchor)) = found {
        item.reasons.push(Reason::about(code, anchor, item.score));
    }
}

/// The one of `anchors` that `product` is most like, the first of equals.
fn nearest(query: &Query, anchors: &[ProductIx], product: ProductIx) -> Option<ProductIx> {
    let representation = &query.model.representation;
    let own = representation.vector(product);
    let likeness = |anchor: ProductIx| match (own, representation.vector(anchor)) {
        (Some(own), Some(other)) => dot(own, other),
        _ => f32::NEG_INFINITY,
    };
    anchors
        .iter()
        .map(|&anchor| (anchor, likeness(anchor)))
        .reduce(|best, next| if next.1 > best.1 { next } else { best })
        .map(|(anchor, _)| anchor)
}

/// Whether `product` may stand for `anchor`: it replaces it, or is of its leaf category.
fn takes_place(query: &Query, anchor: ProductIx, product: ProductIx) -> bool {
    let catalogue = &query.live.catalogue;
    let leaf = catalogue.leaf(anchor);
    replaces(query, anchor, product) || (leaf.is_some() && leaf == catalogue.leaf(product))
}

fn replaces(query: &Query, anchor: ProductIx, product: ProductIx) -> bool {
    let complements = query.model.complements.as_ref();
    complements.is_some_and(|c| c.replaces(anchor, product))
}

/// The products of the basket, or the purchases, that an item goes with, with their parts of its score. A basket may well be
/// completed by what replaces something in it (a second colour), but that does not go with it: it is like it. What is listed for
/// want of better is not told to go with anything.
fn goes_with(query: &Query, item: &mut Item, limit: usize) {
    let Some(complements) = &query.model.complements else {
        return;
    };
    let parts: Vec<(ProductIx, f32)> = if completes_basket(query) {
        let parts = complements
            .completion()
            .contributions(&unit_basket(query), item.product);
        let proven = |(product, _): &(ProductIx, f32)| {
            query.model.may_cause(*product, item.product)
                || complements.is_proven(*product, item.product)
        };
        parts.into_iter().filter(proven).collect()
    } else {
        let parts = complements.contributions(&recent(query), item.product);
        let proven =
            |(product, _): &(ProductIx, f32)| complements.is_proven(*product, item.product);
        // told of the product on the page, whatever stood for it
        let told = |(product, share)| (about(query).unwrap_or(product), share);
        parts.into_iter().filter(proven).map(told).collect()
    };
    let reason = |(product, share)| {
        let code = if complements.replaces(product, item.product) {
            ReasonCode::SimilarTo
        } else {
            ReasonCode::GoesWith
        };
        Reason::about(code, product, share)
    };
    let positive = parts.into_iter().filter(|(_, share)| *share > 0.0);
    item.reasons.extend(positive.take(limit).map(reason));
}
