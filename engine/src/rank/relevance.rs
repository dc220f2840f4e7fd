//! Relevance: one number for every product, whatever proposed it.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::purchase::{features, Signals};
use super::recent_purchases::recent_purchases;
use super::{CustomerState, Live};
use crate::life::LifeView;
use crate::model::Model;
use crate::rank::stage_fit::by_stage;
use crate::represent::Folded;
use crate::surprise::Prospect;
use serendib_shop::{acquisitions, order_key, Owned, ProductIx};

/// The customer's best products by the representation: where a score stands is told by them, and the terms of delight are
/// standardised over them.
pub const POOL: usize = 300;
/// Further best products that are fetched at once, so that filters seldom make a second search necessary.
const SPARE: usize = 100;
/// Complements of recent purchases that are looked at.
const COMPLEMENTS: usize = 300;

/// A product that life makes so many times likelier has a lift of 1.
const LIFT: f32 = 50.0;
/// Popularity, as a share of the most popular product's, of what nobody bought yet, where life asks for it.
const LEAST_SHARE: f32 = 1e-3;
const LEAST_LIFT: f32 = -1.0;
const MOST_LIFT: f32 = 1.5;

/// What the customer's history says beside the representation.
#[derive(Debug, Default)]
struct Habits {
    baskets: u32,
    last_basket: i64,
    complements: HashMap<ProductIx, f32>,
}

/// How products stand to one customer or session, prepared once per request and shared by its lists.
///
/// With a purchase model relevance is the calibrated probability that the customer buys the product within the model's
/// horizon; for somebody of whom nothing is known it is that of an average customer. Without one (a shop without times,
/// or with too few purchases to learn from) it is the score as a share of the customer's best, or the product's
/// popularity as a share of the most popular one's.
pub struct RelevanceView<'a> {
    model: &'a Model,
    live: &'a Live,
    customer: CustomerState<'a>,
    folded: &'a Folded,
    owned: &'a HashMap<ProductIx, Owned>,
    life: Option<&'a LifeView<'a>>,
    now: i64,
    best: OnceLock<Vec<(ProductIx, f32)>>,
    habits: OnceLock<Habits>,
}

impl<'a> RelevanceView<'a> {
    /// Of `customer` (cut to what is seen at `now`), folded in, with what they own and what their life says.
    pub fn new(
        model: &'a Model,
        live: &'a Live,
        customer: CustomerState<'a>,
        folded: &'a Folded,
        owned: &'a HashMap<ProductIx, Owned>,
        life: Option<&'a LifeView<'a>>,
        now: i64,
    ) -> RelevanceView<'a> {
        RelevanceView {
            model,
            live,
            customer,
            folded,
            owned,
            life,
            now,
            best: OnceLock::new(),
            habits: OnceLock::new(),
        }
    }

    /// The model of the request.
    pub fn model(&self) -> &'a Model {
        self.model
    }

    /// The shelves of the request.
    pub fn live(&self) -> &'a Live {
        self.live
    }

    /// What the customer's life says.
    pub fn life(&self) -> Option<&'a LifeView<'a>> {
        self.life
    }

    /// Whether lists of new things are ordered by relevance instead of the representation's score.
    pub fn orders(&self) -> bool {
        !self.folded.is_empty() && self.model.purchase.as_ref().is_some_and(|p| p.orders)
    }

    fn fetched(&self) -> &[(ProductIx, f32)] {
        self.best.get_or_init(|| {
            let wanted = POOL + SPARE + self.owned.len();
            if self.folded.is_empty() {
                let by_popularity = self.model.by_popularity().iter();
                let scored = by_popularity.map(|&product| (product, self.of_nobody(product)));
                if !self.speaks() {
                    return scored.take(wanted).collect();
                }
                // What a life needs now is seldom among what most people buy.
                let mut best: Vec<(ProductIx, f32)> = scored.collect();
                best.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
                best.truncate(wanted);
                return best;
            }
            let representation = &self.model.representation;
            let mut best = representation.candidates(self.folded, wanted, &|_| true);
            if self.speaks() {
                for (product, score) in &mut best {
                    *score = self.by_stage(*product, *score);
                }
                best.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            }
            best
        })
    }

    /// How far the customer's life enters what is for them, 0 to 1.
    fn life_strength(&self) -> f32 {
        let life = self.model.life.as_ref();
        life.map_or(0.0, |life| life.model.in_lists.for_you)
    }

    /// Whether the customer's life says anything.
    pub(crate) fn speaks(&self) -> bool {
        self.life.is_some_and(|view| !view.is_silent())
    }

    /// The score of `product` for somebody whose purchases say nothing: its popularity as a share of the most popular
    /// one's, times how much likelier their life makes it, of which no purchase has said a part already.
    fn of_nobody(&self, product: ProductIx) -> f32 {
        let share = self.model.lately_share(product);
        match self.life.filter(|view| !view.is_silent()) {
            Some(view) => share.max(LEAST_SHARE) * view.stage_fit(product),
            None => share,
        }
    }

    fn by_stage(&self, product: ProductIx, score: f32) -> f32 {
        match self.life.filter(|view| !view.is_silent()) {
            Some(view) => by_stage(view, self.life_strength(), product, score),
            None => score,
        }
    }

    /// The customer's [`POOL`] best products with their scores, best first, owned ones included.
    pub fn best(&self) -> &[(ProductIx, f32)] {
        let fetched = self.fetched();
        &fetched[..fetched.len().min(POOL)]
    }

    /// The best `k` products that `allowed` lets through, from the one search of this request where it reaches far enough.
    pub fn candidates(
        &self,
        k: usize,
        allowed: &(dyn Fn(ProductIx) -> bool + Sync),
    ) -> Vec<(ProductIx, f32)> {
        let fetched = self.fetched();
        let kept = fetched.iter().filter(|(product, _)| allowed(*product));
        let kept: Vec<(ProductIx, f32)> = kept.take(k).copied().collect();
        if kept.len() >= k || fetched.len() >= self.model.catalogue.len() {
            return kept;
        }
        let representation = &self.model.representation;
        representation.candidates(self.folded, k, allowed)
    }

    /// The representation's score of `products`, by how they fit the stage of life, for somebody known; their popularity for
    /// somebody whose purchases say nothing, times how much likelier their life makes them; finite.
    pub fn scores(&self, products: &[ProductIx]) -> Vec<f32> {
        let finite = |score: f32| if score.is_finite() { score } else { 0.0 };
        if self.folded.is_empty() {
            let score = |product: &ProductIx| finite(self.of_nobody(*product));
            return products.iter().map(score).collect();
        }
        let live = self.live;
        let representation = &self.model.representation;
        let is_known = |product: &ProductIx| product.index() < live.known;
        let known: Vec<_> = products.iter().copied().filter(is_known).collect();
        let mut scores = representation.score(self.folded, &known).into_iter();
        products
            .iter()
            .map(|product| {
                let score = finite(if is_known(product) {
                    scores.next().unwrap_or(0.0)
                } else {
                    live.cold
                        .get(product.index() - live.known)
                        .and_then(Option::as_ref)
                        .map_or(0.0, |cold| representation.score_cold(self.folded, cold))
                });
                self.by_stage(*product, score)
            })
            .collect()
    }

    /// How surely a life situation of the customer needs `product` about now, 0…1.
    pub fn need(&self, product: ProductIx) -> f32 {
        self.life
            .filter(|view| !view.is_silent())
            .map_or(0.0, |view| view.product(product).current)
    }

    /// `product` of this `relevance` with what the customer's life says of it.
    pub fn prospect(&self, product: ProductIx, relevance: f32) -> Prospect {
        Prospect {
            product,
            relevance,
            need: self.need(product),
            fit: self.lift(product),
        }
    }

    /// How much likelier life makes `product`, in powers of [`LIFT`], [`LEAST_LIFT`] to [`MOST_LIFT`]; 0 = no difference.
    fn lift(&self, product: ProductIx) -> f32 {
        self.life
            .filter(|view| !view.is_silent())
            .map_or(0.0, |view| {
                let fit = view.product(product).fit;
                (fit.ln() / LIFT.ln()).clamp(LEAST_LIFT, MOST_LIFT)
            })
    }

    /// What the purchase model sees of `product` with its [`RelevanceView::scores`].
    pub fn signals(&self, product: ProductIx, score: f32) -> Signals {
        let best = self.best();
        let habits = self.habits();
        let owned = self.owned.get(&product);
        let moment = self
            .model
            .surprises
            .as_ref()
            .map_or(0.0, |s| s.moment.timeliness(&s.topics, product, self.now));
        Signals {
            score: self.share(score),
            rank: best.partition_point(|(_, other)| *other > score) as u32 + 1,
            popularity: self.model.popularity_share(product),
            times: owned.map_or(0, |o| o.times),
            last_at: owned.map_or(0, |o| o.last_at),
            complement: habits.complements.get(&product).copied().unwrap_or(0.0),
            need: self.life_strength() * self.lift(product),
            moment,
            baskets: habits.baskets,
            last_basket: habits.last_basket,
        }
    }

    /// Relevance of `product` with its [`RelevanceView::scores`], 0…1.
    pub fn relevance(&self, product: ProductIx, score: f32) -> f32 {
        match &self.model.purchase {
            None => self.share(score),
            Some(model) if self.folded.is_empty() => {
                (model.nobody * self.of_nobody(product)).clamp(0.0, 1.0)
            }
            Some(model) => model.probability(&features(&self.signals(product, score), self.now)),
        }
    }

    /// `score` as a share of the customer's best, 0…1.
    fn share(&self, score: f32) -> f32 {
        match self.best().first() {
            Some((_, best)) if *best > 0.0 => (score / best).clamp(0.0, 1.0),
            _ => 0.0,
        }
    }

    /// Complements of recent purchases with their strength as a share of the best, 0…1.
    pub fn complements(&self) -> &HashMap<ProductIx, f32> {
        &self.habits().complements
    }

    fn habits(&self) -> &Habits {
        self.habits.get_or_init(|| {
            let mut habits = Habits::default();
            let mut last = None;
            for touch in acquisitions(self.customer.history) {
                let order = order_key(touch, true, 0);
                habits.baskets += u32::from(last != Some(order));
                habits.last_basket = touch.at;
                last = Some(order);
            }
            // A model that does not look at complements is not made to wait for them.
            let looks = self.model.purchase.as_ref().is_none_or(|p| p.orders);
            if let (Some(complements), true) = (&self.model.complements, looks) {
                let bought = recent_purchases(self.customer.history, self.owned, self.now);
                let found = complements.goes_with(&bought, COMPLEMENTS, &|_| true);
                let best = found.first().map_or(1.0, |(_, score, _)| *score).max(1e-9);
                let share = |(product, score, _)| (product, score / best);
                habits.complements = found.into_iter().map(share).collect();
            }
            habits
        })
    }
}
