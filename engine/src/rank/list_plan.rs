//! Which stages make which list.

use crate::rank::arrangers::by_score::{ByScore, EveryVariant};
use crate::rank::arrangers::dial::ByDial;
use crate::rank::filters::{Expected, LetDownBefore, Outgrown};
use crate::rank::scorers::{Aversion, BySource, Delighting, Fatigue, FavourAtHand, Relevance};
use crate::rank::sources::{
    completes_basket, AtHand, BuyAgain, CustomersLikeYou, GoesWith, Instead, NewProducts,
    NextBasket, NextInLife, Popular, Promising, Similar, Upcoming, Vectors,
};
use crate::rank::{ListKind, Plan, Query};

/// The stages of lists of `kind`; `None` where the model has no part for them.
pub(crate) fn plan(kind: ListKind, query: &Query) -> Option<Plan> {
    let plain = Plan {
        kind,
        needs_customer: true,
        sources: vec![],
        filters: vec![],
        scorers: vec![],
        tells_relevance: false,
        arranger: &ByScore,
        notes: vec![],
    };
    match kind {
        ListKind::ForYou => Some(Plan {
            sources: vec![
                &Vectors,
                &NewProducts,
                &Popular,
                &CustomersLikeYou,
                &Upcoming,
                &AtHand,
            ],
            filters: vec![&Outgrown],
            scorers: vec![&Relevance, &Fatigue, &Aversion, &FavourAtHand],
            tells_relevance: true,
            ..plain
        }),
        ListKind::Similar => Some(Plan {
            needs_customer: false,
            sources: vec![&Instead, &Similar],
            scorers: vec![&BySource, &Fatigue, &Aversion],
            ..plain
        }),
        ListKind::Popular => Some(Plan {
            needs_customer: false,
            sources: vec![&Popular],
            scorers: vec![&BySource, &Fatigue, &Aversion],
            ..plain
        }),
        ListKind::GoesWith if query.model.complements.is_some() => Some(Plan {
            needs_customer: false,
            sources: vec![&GoesWith, &AtHand],
            // what is in the basket says what is wanted, whatever the customer's life
            filters: if completes_basket(query) {
                vec![]
            } else {
                vec![&Outgrown]
            },
            scorers: vec![&BySource, &Fatigue, &Aversion, &FavourAtHand],
            arranger: if completes_basket(query) {
                &EveryVariant
            } else {
                &ByScore
            },
            ..plain
        }),
        ListKind::Surprise if query.model.surprises.is_some() => Some(Plan {
            sources: vec![
                &Vectors,
                &NewProducts,
                &Popular,
                &CustomersLikeYou,
                &Promising,
            ],
            filters: vec![&Outgrown, &LetDownBefore, &Expected],
            scorers: vec![&Relevance, &Delighting, &Fatigue, &Aversion],
            tells_relevance: true,
            arranger: &ByDial,
            ..plain
        }),
        ListKind::NextInLife if query.model.life.is_some() => Some(Plan {
            sources: vec![&NextInLife],
            filters: vec![&Outgrown],
            scorers: vec![&BySource, &Fatigue, &Aversion],
            ..plain
        }),
        ListKind::BuyAgain if query.model.buy_again.is_some() => Some(Plan {
            sources: vec![&BuyAgain],
            filters: vec![&Outgrown],
            scorers: vec![&BySource, &Fatigue, &Aversion],
            ..plain
        }),
        ListKind::NextBasket if query.model.next_basket.is_some() => Some(Plan {
            sources: vec![&NextBasket],
            filters: vec![&Outgrown],
            scorers: vec![&BySource, &Fatigue, &Aversion],
            ..plain
        }),
        _ => None,
    }
}
