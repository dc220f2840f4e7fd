//! From a request to its answer, stage by stage.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use super::filters::{Excluded, Hidden, OnSale};
use super::query::Scope;
use super::query::{before, owned, owned_kin};
use super::scope::{breadths, Bounds, FURTHER};
use super::sources::completes_basket;
use super::{
    Allowed, Answer, Appraiser, Averse, Beside, Contact, Context, CustomerState, Filter, Item,
    ListAnswer, ListKind, ListRequest, Live, Note, Plan, Pool, Query, Reason, ReasonCode,
    RelevanceView, Removed, Request, RequestError,
};
use crate::explain::items;
use crate::index::LikeYou;
use crate::life::{LifeState, LifeView, StateOptions};
use crate::model::Model;
use crate::rank::list_plan::plan;
use crate::represent::Folded;
use serendib_shop::{Budget, Fact, Owned, ProductIx, Standing, Touch, NO_PRODUCT};

/// Answers `request` for `customer` from one model and one view of the shop.
///
/// `stop` is asked between stages; once it says true, what is there is the answer and its lists are marked
/// [`Note::Partial`].
///
/// # Errors
/// Counts, a dial, shares or caps out of range.
///
/// ```
/// use std::sync::Arc;
///
/// use serendib_engine::bundle::Manifest;
/// use serendib_engine::model::Model;
/// use serendib_engine::rank::{recommend, CustomerState, ListKind, Live, Request};
/// use serendib_engine::represent::Representation;
/// use serendib_shop::{Catalogue, Encoder, Product, ProductIx};
///
/// let catalogue = Arc::new(Catalogue::new(vec![Product::bare("tea"), Product::bare("cup")])?);
/// let buyers = Representation::of_popularity(vec![2.0, 7.0]);
/// let model = Model::new(Manifest::default(), catalogue.clone(), Encoder::default(), buyers);
/// let live = Live::of_catalogue(catalogue);
/// let request = Request::one(ListKind::Popular, 1, 0);
/// let answer = recommend(&model, &live, CustomerState::NOBODY, &request, &|| false)?;
/// assert_eq!(answer.lists[0].items[0].product, ProductIx(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn recommend(
    model: &Model,
    live: &Live,
    customer: CustomerState,
    request: &Request,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Answer, RequestError> {
    recommend_like(model, live, customer, LikeYou::Absent, request, stop)
}

/// [`recommend`] with what the caller knows of customers like this one.
///
/// # Errors
/// Counts, a dial, shares or caps out of range.
pub fn recommend_like(
    model: &Model,
    live: &Live,
    customer: CustomerState,
    like_you: LikeYou,
    request: &Request,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Answer, RequestError> {
    request.check()?;
    // a list may look at less, but a complaint counts however much was seen since
    let contacts = Budget::KEPT.cut(before(customer.history, request.now), &model.encoder.kinds);
    let contact = Contact::of(model, live, &contacts, customer.allowed, request);
    let (context, now) = (&request.context, request.now);
    let prepared = prepare(model, customer, context, now, &request.history);
    let life = life_of(model, live, &prepared.customer(), now);
    let view = view_of(model, live, life.as_ref());
    let relevance = prepared.relevance(model, live, view.as_ref(), request.now);
    let surprises = request.lists.iter().any(|list| {
        list.kind == ListKind::Surprise && contact.withholds(list.kind, request).is_none()
    });
    let appraiser = surprises
        .then(|| Appraiser::new(model, live, &prepared.customer(), now))
        .flatten();
    let like_you = match context.occasion {
        None => like_you,
        Some(_) => LikeYou::Absent,
    };
    let query = Query {
        like_you,
        contact: &contact,
        appraiser: appraiser.as_ref(),
        ..prepared.query(&relevance, request, &request.lists[0])
    };
    let mut listed: HashSet<ProductIx> = HashSet::new();
    let lists = request
        .lists
        .iter()
        .map(|list| answer_list(&query.for_list(list), &mut listed, stop))
        .collect();
    Ok(Answer {
        personal: query.personal,
        hand_over: contact.hand_over(),
        lists,
    })
}

/// The list of `query`, or an empty one with the note that says why.
fn answer_list(
    query: &Query,
    listed: &mut HashSet<ProductIx>,
    stop: &(dyn Fn() -> bool + Sync),
) -> ListAnswer {
    let kind = query.list.kind;
    let empty = |note| ListAnswer {
        kind,
        items: Vec::new(),
        removed: Vec::new(),
        notes: vec![note],
        draw: Vec::new(),
    };
    if let Some(why) = query.contact.withholds(kind, query.request) {
        return empty(why);
    }
    let beside = (kind == ListKind::Surprise && query.dial() > 0.0).then(|| beside(query, stop));
    let query = &Query {
        beside: beside.as_ref(),
        ..*query
    };
    match plan(kind, query) {
        None => empty(Note::Unsupported),
        Some(_) if stop() => empty(Note::Partial),
        Some(plan) => build_list(&plan, query, listed, stop),
    }
}

/// What is no surprise to the customer of `query`: their list for-you as it would be served now, without limits and without
/// what they own, and what popularity and habit alone would say.
fn beside(query: &Query, stop: &(dyn Fn() -> bool + Sync)) -> Beside {
    let (live, now) = (query.live, query.request.now);
    let count = Beside::count(live.catalogue.len());
    let mut list = ListRequest::new(ListKind::ForYou, count.max(1));
    list.filters.exclude_owned = true;
    let query = query.for_list(&list);
    let plain = match plan(ListKind::ForYou, &query) {
        Some(plan) if count > 0 => {
            let bounds = Bounds::default();
            let (breadth, _) = breadths(&list);
            let scope = Scope {
                bounds: Some(&bounds),
                listed: None,
                filters: &plan.filters,
                breadth,
            };
            let query = Query {
                scope: &scope,
                ..query
            };
            let selected = select(&plan, &query, stop);
            selected.items.iter().map(|item| item.product).collect()
        }
        _ => Vec::new(),
    };
    let new = |product: ProductIx| live.sells(product, now) && !query.owned.contains_key(&product);
    let said = query
        .appraiser
        .map_or_else(Vec::new, |a| a.appraisal().expected(count, &new));
    Beside::new(plain, said)
}

/// The customer's life situations at `now`: inferred where they allow it, else as they declared them.
pub(crate) fn life_of(
    model: &Model,
    live: &Live,
    customer: &CustomerState,
    now: i64,
) -> Option<LifeState> {
    let life = model.life.as_ref().filter(|_| now != i64::MAX)?;
    let infer = customer.allowed.infer_life_stage && customer.allowed.personalise;
    let options = StateOptions::serving(infer);
    let products = live.profiles(life);
    let (history, facts) = (customer.history, customer.facts);
    Some(life.model.state(products, history, facts, now, options))
}

/// What `state` says of each product on the shelves.
pub(crate) fn view_of<'a>(
    model: &'a Model,
    live: &'a Live,
    state: Option<&'a LifeState>,
) -> Option<LifeView<'a>> {
    let (life, state) = model.life.as_ref().zip(state)?;
    Some(LifeView::new(&life.model, live.profiles(life), state))
}

/// A customer as the stages see them: cut to what consent, time and the budget allow, and folded in.
pub(crate) struct Prepared<'a> {
    history: Cow<'a, [Touch]>,
    facts: &'a [Fact],
    allowed: Allowed,
    folded: Folded,
    owned: HashMap<ProductIx, Owned>,
    owned_kin: OnceLock<HashSet<ProductIx>>,
    standing: Standing,
    averse: OnceLock<Averse>,
}

/// Prepares `customer` for a request at `now` with its own `context`; of a long history what `budget` keeps.
pub(crate) fn prepare<'a>(
    model: &Model,
    customer: CustomerState<'a>,
    context: &Context,
    now: i64,
    budget: &Budget,
) -> Prepared<'a> {
    let allowed = customer.allowed;
    // a list for somebody else is not made of what the customer did for themselves
    let own = allowed.personalise && context.occasion.is_none();
    let (history, facts): (Cow<[Touch]>, &[Fact]) = if own {
        let history = before(customer.history, now);
        (budget.cut(history, &model.encoder.kinds), customer.facts)
    } else {
        (Cow::Borrowed(&[]), &[])
    };
    let seen = CustomerState {
        history: &history,
        facts,
        allowed,
    };
    Prepared {
        folded: fold(model, &seen, context, now),
        owned: owned(&history),
        owned_kin: OnceLock::new(),
        standing: standing(&customer, context, now),
        averse: OnceLock::new(),
        history,
        facts,
        allowed,
    }
}

/// What `customer` said and did against products before `now`: of however long a history, and what they hid also where answers
/// may not be personal.
fn standing(customer: &CustomerState, context: &Context, now: i64) -> Standing {
    let regretted = context.regretted.iter().filter(|(_, at)| *at < now);
    let regretted: Vec<(ProductIx, i64)> = regretted.copied().collect();
    let mut standing = Standing::of(before(customer.history, now), &regretted);
    if !customer.allowed.personalise {
        standing.let_down.clear();
    }
    standing
}

impl<'a> Prepared<'a> {
    /// What is seen of the customer.
    pub(crate) fn customer(&self) -> CustomerState<'_> {
        CustomerState {
            history: &self.history,
            facts: self.facts,
            allowed: self.allowed,
        }
    }

    /// What the stages of `list` look at.
    pub(crate) fn query<'q>(
        &'q self,
        relevance: &'q RelevanceView<'q>,
        request: &'q Request,
        list: &'q super::ListRequest,
    ) -> Query<'q>
    where
        'a: 'q,
    {
        Query {
            model: relevance.model(),
            live: relevance.live(),
            request,
            list,
            customer: self.customer(),
            folded: &self.folded,
            relevance,
            appraiser: None,
            owned: &self.owned,
            owned_kin: self
                .owned_kin
                .get_or_init(|| owned_kin(relevance.model(), relevance.live(), &self.owned)),
            standing: &self.standing,
            averse: self.averse.get_or_init(|| {
                Averse::of(
                    relevance.model(),
                    relevance.live(),
                    &self.standing,
                    &self.owned,
                )
            }),
            life: relevance.life(),
            scope: &Scope::OPEN,
            beside: None,
            like_you: LikeYou::Absent,
            contact: Contact::none(),
            personal: self.personal() || relevance.speaks(),
        }
    }

    /// What the customer owns.
    pub(crate) fn owned(&self) -> &HashMap<ProductIx, Owned> {
        &self.owned
    }

    /// Whether anything that the customer or session touched went in.
    fn personal(&self) -> bool {
        !self.folded.is_empty()
    }

    /// How products stand to the customer at `now`, with what their life says.
    pub(crate) fn relevance<'v>(
        &'v self,
        model: &'v Model,
        live: &'v Live,
        life: Option<&'v LifeView<'v>>,
        now: i64,
    ) -> RelevanceView<'v> {
        let owned = &self.owned;
        RelevanceView::new(model, live, self.customer(), &self.folded, owned, life, now)
    }
}

/// The customer's history and the request's own context as one folded state.
fn fold(model: &Model, customer: &CustomerState, context: &Context, now: i64) -> Folded {
    let known = model.catalogue.len();
    let mut session: Vec<(ProductIx, f32)> = Vec::new();
    session.extend(context.viewed.map(|product| (product, 1.0)));
    session.extend(context.basket.iter().map(|(product, _)| (*product, 1.0)));
    session.retain(|(product, _)| product.index() < known);
    let representation = &model.representation;
    let stays = |t: &&Touch| t.product.index() < known || t.product == NO_PRODUCT;
    // Products that came after the model have numbers that its vectors do not know.
    let folded = if customer.history.iter().all(|t| stays(&t)) {
        representation.fold_in(customer.history, now)
    } else {
        let history: Vec<_> = customer.history.iter().filter(stays).copied().collect();
        representation.fold_in(&history, now)
    };
    if !folded.is_empty() || session.is_empty() {
        folded
    } else {
        representation.fold_in_products(&session)
    }
}

/// Makes one list: sources, filters, scorers, arranger, eligibility once more, reasons.
fn build_list(
    plan: &Plan,
    query: &Query,
    listed: &mut HashSet<ProductIx>,
    stop: &(dyn Fn() -> bool + Sync),
) -> ListAnswer {
    let bounds = Bounds::of(&query.list.filters, &query.live.catalogue);
    let (mut breadth, most) = breadths(query.list);
    let answer = loop {
        let scope = Scope {
            bounds: Some(&bounds),
            listed: Some(listed),
            filters: &plan.filters,
            breadth,
        };
        let query = Query {
            scope: &scope,
            ..*query
        };
        let (answer, cut) = try_list(plan, &query, stop);
        // what caps, variants and other lists took away may be made up for by what lies further off; what is not relevant
        // enough may not
        let gains = cut && breadth < most && !answer.notes.contains(&Note::Floor);
        if !answer.notes.contains(&Note::Short) || !gains || stop() {
            break answer;
        }
        breadth *= FURTHER;
    };
    listed.extend(answer.items.iter().map(|item| item.product));
    answer
}

/// A list before its reasons are told.
struct Selected {
    items: Vec<Item>,
    removed: Vec<Removed>,
    notes: Vec<Note>,
    draw: Vec<(ProductIx, f64)>,
    /// Whether a source had more than it proposed.
    cut: bool,
}

/// The list as far as its sources look now, and whether one of them had more.
fn try_list(plan: &Plan, query: &Query, stop: &(dyn Fn() -> bool + Sync)) -> (ListAnswer, bool) {
    let Selected {
        mut items,
        removed,
        mut notes,
        draw,
        cut,
    } = select(plan, query, stop);
    if !plan.tells_relevance {
        add_relevance(query, &mut items);
    }
    explain(plan, query, &mut items);
    if items.len() < query.list.count {
        notes.push(Note::Short);
    }
    let answer = ListAnswer {
        kind: query.list.kind,
        items,
        removed,
        notes,
        draw,
    };
    (answer, cut)
}

/// What the stages of `plan` choose as far as its sources look now.
fn select(plan: &Plan, query: &Query, stop: &(dyn Fn() -> bool + Sync)) -> Selected {
    let mut notes = plan.notes.clone();
    if !query.personal && plan.needs_customer {
        notes.push(Note::NotPersonal);
    }
    let mut removed = Vec::new();
    let (mut candidates, cut) = propose(plan, query, &mut notes, stop);
    let pins = pins_of_list(query, &mut notes);
    filter(query, &mut candidates, &pins, &mut removed);
    for scorer in plan.scorers.iter().filter(|s| s.enabled(query)) {
        scorer.score(query, &mut candidates);
        debug_assert!(candidates.iter().all(|c| c.score.is_finite()));
    }
    let slots = query.list.count.saturating_sub(pins.len());
    let arranged = plan.arranger.arrange(query, candidates, &pins, slots);
    removed.extend(arranged.removed);
    notes.extend(arranged.notes);

    let mut items = pinned_items(plan, query, &pins);
    items.extend(arranged.chosen);
    check_again(query, &mut items, &mut removed);
    items.truncate(query.list.count);
    Selected {
        items,
        removed,
        notes,
        draw: arranged.draw,
        cut,
    }
}

/// What the sources of `plan` propose, each product once, and whether one of them may have had more; what was skipped or cut
/// short is noted.
fn propose(
    plan: &Plan,
    query: &Query,
    notes: &mut Vec<Note>,
    stop: &(dyn Fn() -> bool + Sync),
) -> (Vec<Item>, bool) {
    let mut pool = Pool::default();
    let mut cut = false;
    for (ix, source) in plan.sources.iter().enumerate() {
        if !source.enabled(query) {
            continue;
        }
        match source.propose(query) {
            Ok(proposals) => {
                cut |= proposals.len() >= query.scope.breadth;
                pool.add(ix, &proposals);
            }
            Err(_) => notes.push(Note::SourceSkipped(source.name())),
        }
        if stop() {
            notes.push(Note::Partial);
            break;
        }
    }
    (pool.into_candidates(), cut)
}

/// The shop's pins that keep their places.
fn pins_of_list(query: &Query, notes: &mut Vec<Note>) -> Vec<ProductIx> {
    let mut pins = eligible_pins(query);
    if let Some(why) = query.contact.unpins().filter(|_| !pins.is_empty()) {
        // they may still come in on their own merit
        pins.clear();
        notes.push(why);
    }
    pins
}

/// Takes out of `candidates` the pins, which have their places, what is in another list, and what a filter refuses.
fn filter(
    query: &Query,
    candidates: &mut Vec<Item>,
    pins: &[ProductIx],
    removed: &mut Vec<Removed>,
) {
    candidates.retain(|candidate| {
        let product = candidate.product;
        if pins.contains(&product) {
            return false;
        }
        let by = if query.is_listed(product) {
            Some("in_another_list")
        } else {
            query.refusal(product)
        };
        removed.extend(by.map(|by| Removed { product, by }));
        by.is_none()
    });
}

/// Takes out of `items` what is not eligible any more: stock and consent may be checked against a newer state than the
/// sources saw, and nothing leaves unchecked.
fn check_again(query: &Query, items: &mut Vec<Item>, removed: &mut Vec<Removed>) {
    items.retain(|item| {
        let product = item.product;
        let by = query.refusal(product).filter(|_| !item.pinned);
        removed.extend(by.map(|by| Removed { product, by }));
        by.is_none()
    });
}

/// Fills in the relevance of what is shown.
fn add_relevance(query: &Query, items: &mut [Item]) {
    let shown: Vec<ProductIx> = items.iter().map(|item| item.product).collect();
    for (item, score) in items.iter_mut().zip(query.relevance.scores(&shown)) {
        item.relevance = query.relevance.relevance(item.product, score);
    }
}

/// Says of each item that is not pinned why it is shown.
fn explain(plan: &Plan, query: &Query, items: &mut [Item]) {
    let like_you = |source: usize| plan.sources[source].name() == "customers_like_you";
    for item in items.iter_mut().filter(|item| !item.pinned) {
        items::explain(query, item);
        if item.sources.iter().any(|(ix, _)| like_you(*ix)) {
            items::add_like_you(item, query.request.max_reasons);
        }
    }
}

/// Pins that are on sale and not hidden, excluded, in the basket or on the page, each once and of its variants the first: a pin
/// overrides score and ownership, not the customer's safety.
fn eligible_pins(query: &Query) -> Vec<ProductIx> {
    let mut pins: Vec<ProductIx> = Vec::new();
    let every_variant = query.list.kind == ListKind::GoesWith && completes_basket(query);
    let again = |one: ProductIx, other: ProductIx| {
        one == other || (!every_variant && query.family(one) == query.family(other))
    };
    for &product in &query.list.pins {
        let fine = OnSale.keeps(query, product)
            && Hidden.keeps(query, product)
            && Excluded.keeps(query, product)
            && !query.is_listed(product)
            && !pins.iter().any(|pin| again(*pin, product));
        if fine && pins.len() < query.list.count {
            pins.push(product);
        }
    }
    pins
}

/// The items of `pins` in their order, with the numbers that the list tells of every item. What the list is ordered by says
/// nothing of them, and they pass no floor.
fn pinned_items(plan: &Plan, query: &Query, pins: &[ProductIx]) -> Vec<Item> {
    let mut pinned: Vec<Item> = pins.iter().map(|pin| Item::new(*pin)).collect();
    if plan.tells_relevance && !pinned.is_empty() {
        for scorer in plan.scorers.iter().filter(|s| s.enabled(query)) {
            scorer.score(query, &mut pinned);
        }
    }
    pinned
        .into_iter()
        .map(|candidate| Item {
            score: 0.0,
            pinned: true,
            reasons: vec![Reason::plain(ReasonCode::Pinned, 0.0)],
            ..candidate
        })
        .collect()
}
