//! Reasons from the customer's life situations.

use crate::explain::Discretion;
use crate::rank::{Item, Query, Reason, ReasonCode};
use serendib_shop::ProductIx;

/// How many times likelier life must make an item for it to be the reason.
const FIT_TOLD: f32 = 1.5;
/// How surely a life situation must need a product before that is the reason for it.
const NEEDED: f32 = 0.3;

/// Says of an item for somebody who bought nothing yet that it is what comes next in the life they told of, where it is.
pub(crate) fn explain(query: &Query, item: &mut Item) {
    let view = query.life.filter(|view| !view.is_silent());
    if view.is_some_and(|view| view.stage_fit(item.product) >= FIT_TOLD) {
        item.reasons.push(reason(query, item.product, item.score));
    }
}

/// The reason behind an item of next-in-life; it names the clock only where [`Discretion`] allows.
pub(crate) fn reason(query: &Query, product: ProductIx, contribution: f32) -> Reason {
    let mut reason = Reason::plain(ReasonCode::NextInLife, contribution);
    if let (Some(life), Some(view)) = (&query.model.life, query.life) {
        let profile = view.profile_of(product);
        let named = view.product(product).clock.filter(|&clock| {
            Discretion::default().may_name_for(&life.model, view.state, clock, profile)
        });
        if let Some(clock) = named {
            let kind = &life.model.clocks[view.state.clocks[clock].clock].kind;
            reason.clock = Some(kind.name.clone());
            reason.clock_title = kind.title.clone();
        }
    }
    reason
}

/// Whether the customer's life surely needs `product` about now.
pub(crate) fn needs(query: &Query, product: ProductIx) -> bool {
    query
        .life
        .is_some_and(|view| view.product(product).current >= NEEDED)
}
