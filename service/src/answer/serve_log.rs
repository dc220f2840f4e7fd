//! What was served, as the serve log keeps it.

use serendib_engine::rank::{Answer, Item, ListAnswer, Reason, ReasonCode};
use serendib_shop::{Catalogue, ProductIx};

use crate::snapshot::views::View;
use crate::store::{ServedItem, ServedList, ServedReason};

/// The items of `list` that leave: one whose numbers are not finite does not.
pub fn leaving(list: &ListAnswer) -> impl Iterator<Item = &Item> {
    list.items
        .iter()
        .filter(|item| item.score.is_finite() && item.relevance.is_finite())
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
