//! One customer's life as a page draws it: clocks with their stages, needs with products, occasions.

use crate::explain::{need_sentence, Discretion};
use crate::life::{Need, Occasion, Timeline};
use crate::model::Model;
use crate::rank::pipeline::{life_of, prepare};
use crate::rank::{Context, CustomerState, Live};
use serendib_shop::{Budget, ProductIx, DAY_MS};

/// What of a life is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutlookRequest<'a> {
    /// Milliseconds since 1970-01-01 UTC; only what happened before is seen.
    pub now: i64,
    /// Days ahead that needs look, 1 to 3,660.
    pub horizon_days: f64,
    /// Days ahead that occasions are announced; each type's own where absent.
    pub lead_days: Option<f64>,
    /// Needs at most.
    pub needs: usize,
    /// Products named for each need at most.
    pub products: usize,
    /// BCP 47 tag.
    pub locale: &'a str,
    /// What may be named.
    pub discretion: Discretion,
}

/// What may be shown of one customer's life.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlook {
    /// Whether purchases were read for it; without consent only declared facts count.
    pub inferred: bool,
    /// Clocks that may be named, declared ones first, then the likeliest.
    pub clocks: Vec<Timeline>,
    /// How many clocks are believed in but may not be named.
    pub withheld: usize,
    /// Needs, likeliest first.
    pub needs: Vec<Wanted>,
    /// Birthdays, anniversaries and ends of terms that are due, soonest first.
    pub occasions: Vec<Occasion>,
    /// Facts that could not be used, and why.
    pub unusable_facts: Vec<String>,
}

/// A need with what would answer it.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// The need; where its clock may not be named, without stage and stated ages, and with dates in steps of four weeks
    /// from now: an exact one would tell the birthday that nobody declared.
    pub need: Need,
    /// Position of its clock in [`Outlook::clocks`], where that may be named.
    pub clock: Option<usize>,
    /// Why, in words that keep to [`OutlookRequest::discretion`].
    pub sentence: String,
    /// Products on sale that answer it, most popular first.
    pub products: Vec<ProductIx>,
}

/// `need` without what tells the clock behind it.
fn discreet(need: Need, now: i64) -> Need {
    const STEP_DAYS: f32 = 28.0;
    let lead_days = (need.lead_days / STEP_DAYS).ceil() * STEP_DAYS;
    Need {
        from: now.saturating_add(lead_days as i64 * DAY_MS),
        until: None,
        lead_days,
        stage: None,
        ages: None,
        ..need
    }
}

/// The life of `customer`; `None` where the model knows no life situations or the customer allows nothing personal.
pub fn outlook(
    model: &Model,
    live: &Live,
    customer: CustomerState,
    ask: &OutlookRequest,
) -> Option<Outlook> {
    if !customer.allowed.personalise {
        return None;
    }
    let life = model.life.as_ref()?;
    let prepared = prepare(
        model,
        customer,
        &Context::default(),
        ask.now,
        &Budget::RANKED,
    );
    let state = life_of(model, live, &prepared.customer(), ask.now)?;
    let may_name = |clock: usize| ask.discretion.may_name(&life.model, &state, clock);
    let all = life.model.timeline(&state, ask.locale);
    let believed = all.len();
    let clocks: Vec<Timeline> = all.into_iter().filter(|t| may_name(t.clock)).collect();
    let place = |clock: usize| clocks.iter().position(|t| t.clock == clock);
    let profiles = live.profiles(life);
    let needs = life
        .model
        .needs(profiles, &state, ask.horizon_days)
        .into_iter()
        .filter_map(|need| {
            let mut products: Vec<ProductIx> = profiles
                .members(need.profile)
                .iter()
                .copied()
                .filter(|&product| live.sells(product, ask.now))
                .collect();
            if products.is_empty() {
                return None;
            }
            products.sort_by(|a, b| {
                let share = |p: &ProductIx| model.popularity_share(*p);
                share(b).total_cmp(&share(a)).then(a.cmp(b))
            });
            products.truncate(ask.products);
            let named = ask
                .discretion
                .may_name_for(&life.model, &state, need.clock, need.profile)
                .then_some(need.clock);
            let clock = named.and_then(place);
            let sentence = need_sentence(&ask.discretion, &life.model, &state, named, ask.locale);
            let need = match clock {
                Some(_) => need,
                None => discreet(need, ask.now),
            };
            Some(Wanted {
                need,
                clock,
                sentence,
                products,
            })
        })
        .take(ask.needs)
        .collect();
    let occasions = life
        .model
        .occasions(&state, ask.lead_days, ask.locale)
        .into_iter()
        .filter_map(|occasion| place(occasion.clock).map(|clock| Occasion { clock, ..occasion }))
        .collect();
    Some(Outlook {
        inferred: prepared.customer().allowed.infer_life_stage,
        withheld: believed - clocks.len(),
        needs,
        occasions,
        unusable_facts: state.unusable_facts.clone(),
        clocks,
    })
}
