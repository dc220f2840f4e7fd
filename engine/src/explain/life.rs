//! Life situations in lists: what is needed next, what runs out, the next basket, and what is outgrown.

use crate::life::{Ahead, LifeView, Tact};
use crate::rank::sources::breadth;
use crate::rank::{Filter, Item, Query, Reason, ReasonCode, Source};
use crate::shop::ProductIx;

/// Days over which needs are compared, each at its pace.
const NEEDS_DAYS: f32 = 60.0;
/// A need that is less likely within those days is noise: in a shop without life situations the list is empty.
const NEED_LEAST: f32 = 0.02;
/// Days ahead that buy-again looks.
const AGAIN_DAYS: f32 = 14.0;
/// Less likely than this within those days is no reason to offer it: after years of silence the list is short or empty.
const AGAIN_LEAST: f32 = 0.001;
/// How much of the stage's fit counts beside relevance, which has seen part of it in the customer's purchases.
const FIT_POWER: f32 = 0.5;
/// Largest factor by which fit moves relevance.
const MOST_FIT: f32 = 8.0;
/// Products proposed for one need.
const PER_NEED: usize = 20;

/// What the customer's life situations make likely in the coming weeks.
pub struct NextInLife;

impl Source for NextInLife {
    fn name(&self) -> &'static str {
        "next_in_life"
    }

    fn propose(&self, query: &Query) -> Result<Vec<(ProductIx, f32)>, &'static str> {
        let (Some(life), Some(view)) = (&query.model.life, query.life) else {
            return Err("no life situations");
        };
        let mut needs = life.model.needs_seen(view, Ahead::Stage);
        for need in &mut needs {
            need.probability = need.at_pace(NEEDS_DAYS);
        }
        needs.retain(|need| need.probability >= NEED_LEAST);
        let appeal = |product: ProductIx| 0.05 + query.model.popularity_share(product);
        let mut found =
            life.model
                .products_for(query.live.profiles(life), &needs, PER_NEED, &appeal);
        found.truncate(breadth(query));
        Ok(found)
    }
}

/// The same beside other sources: silent where no life situation is known.
pub struct Upcoming;

impl Source for Upcoming {
    fn name(&self) -> &'static str {
        "upcoming"
    }

    fn enabled(&self, query: &Query) -> bool {
        query.life.is_some_and(|view| !view.is_silent())
    }

    fn propose(&self, query: &Query) -> Result<Vec<(ProductIx, f32)>, &'static str> {
        NextInLife.propose(query)
    }
}

/// What the customer is about to run out of.
pub struct BuyAgain;

impl Source for BuyAgain {
    fn name(&self) -> &'static str {
        "buy_again"
    }

    fn propose(&self, query: &Query) -> Result<Vec<(ProductIx, f32)>, &'static str> {
        let Some(model) = &query.model.buy_again else {
            return Err("no rhythms");
        };
        let due = model.due(
            query.customer.history,
            query.request.now,
            AGAIN_DAYS,
            query.life,
            &|a, b| query.model.replaces(a, b),
        );
        Ok(due
            .into_iter()
            .filter(|due| due.probability >= AGAIN_LEAST)
            .map(|due| (due.product, due.probability))
            .take(breadth(query))
            .collect())
    }
}

/// Repeats and new things that the customer's next basket is likely to hold; scores are probabilities.
pub struct NextBasket;

impl Source for NextBasket {
    fn name(&self) -> &'static str {
        "next_basket"
    }

    fn propose(&self, query: &Query) -> Result<Vec<(ProductIx, f32)>, &'static str> {
        let Some(model) = &query.model.next_basket else {
            return Err("no baskets");
        };
        let timed = query.model.manifest.data.timed;
        let profile = model.profile(query.customer.history, timed);
        let index = query.live.neighbours.as_ref();
        let near = index.map(|index| index.mean(&profile.rates));
        Ok(model
            .recommend(&profile, near.as_deref(), breadth(query), &|_| true)
            .into_iter()
            .map(|item| (item.product, item.score))
            .collect())
    }
}

/// Takes away what the customer's life has outgrown.
pub struct Outgrown;

impl Filter for Outgrown {
    fn name(&self) -> &'static str {
        "outgrown"
    }

    fn enabled(&self, query: &Query) -> bool {
        query.life.is_some_and(|view| !view.is_silent())
    }

    fn keeps(&self, query: &Query, product: ProductIx) -> bool {
        query
            .life
            .is_none_or(|view| !view.product(product).is_ended())
    }
}

/// What a score is multiplied by for how well `product` fits the stage of life that `view` speaks of: within a factor of
/// [`MOST_FIT`], the same way for scores below zero.
pub(crate) fn by_stage(view: &LifeView, product: ProductIx, score: f32) -> f32 {
    let fit = view
        .stage_fit(product)
        .powf(FIT_POWER)
        .clamp(1.0 / MOST_FIT, MOST_FIT);
    // A score below zero is made worse by dividing.
    if score >= 0.0 {
        score * fit
    } else {
        score / fit
    }
}

/// How many times likelier life must make an item for it to be the reason.
const FIT_TOLD: f32 = 1.5;

/// Says of an item for somebody who bought nothing yet that it is what comes next in the life they told of, where it is.
pub(crate) fn explain(query: &Query, item: &mut Item) {
    let view = query.life.filter(|view| !view.is_silent());
    if view.is_some_and(|view| view.stage_fit(item.product) >= FIT_TOLD) {
        item.reasons.push(reason(query, item.product, item.score));
    }
}

/// The reason behind an item of next-in-life; it names the clock only where tact allows.
pub(crate) fn reason(query: &Query, product: ProductIx, contribution: f32) -> Reason {
    let mut reason = Reason::plain(ReasonCode::NextInLife, contribution);
    if let (Some(life), Some(view)) = (&query.model.life, query.life) {
        let profile = view.profile_of(product);
        let named = view
            .product(product)
            .clock
            .filter(|&clock| Tact::default().may_name_for(&life.model, view.state, clock, profile));
        if let Some(clock) = named {
            let kind = &life.model.clocks[view.state.clocks[clock].clock].kind;
            reason.clock = Some(kind.name.clone());
            reason.clock_title = kind.title.clone();
        }
    }
    reason
}
