//! Source "next in life": what the customer's life situations make likely in the coming weeks.

use crate::life::{Ahead, Life};
use crate::rank::{Query, Source};
use serendib_shop::ProductIx;

/// Days over which needs are compared, each at its pace.
const NEEDS_DAYS: f32 = 60.0;
/// A need that is less likely within those days is noise: in a shop without life situations the list is empty.
const NEED_LEAST: f32 = 0.004;
/// What a need counts of which something was bought already: it is no news, and buying again knows its rhythm.
const KNOWN: f32 = 0.25;
/// Products proposed for one need.
const PER_NEED: usize = 20;
/// Of the candidates that a source proposes, the part that is of one need at most.
const NEEDS_AT_LEAST: usize = 15;

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
        let timely = life.model.in_lists.next;
        for need in &mut needs {
            let clock = &view.state.clocks[need.clock];
            let usual = clock.probability as f32 * life.model.share[need.profile as usize];
            let is_known = view.state.bought.binary_search(&need.profile).is_ok();
            let known = if is_known { KNOWN } else { 1.0 };
            need.probability = known * need.probability.powf(timely) * usual.powf(1.0 - timely);
        }
        let admits = query.admits();
        // what has no finite appeal is not proposed
        let appeal = |product: ProductIx| match admits(product) {
            true => 0.05 + query.model.popularity_share(product),
            false => f32::NAN,
        };
        // a long list of few needs has more of each
        let per_need = PER_NEED.max(query.list.count);
        let per_need = per_need.max(query.scope.breadth / NEEDS_AT_LEAST);
        let mut found =
            life.model
                .products_for(query.live.profiles(life), &needs, per_need, &appeal);
        found.truncate(query.scope.breadth);
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
        let enters = |life: &Life| life.model.in_lists.for_you > 0.0;
        query.model.life.as_ref().is_some_and(enters)
            && query.life.is_some_and(|view| !view.is_silent())
    }

    fn propose(&self, query: &Query) -> Result<Vec<(ProductIx, f32)>, &'static str> {
        NextInLife.propose(query)
    }
}
