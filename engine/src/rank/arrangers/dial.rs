//! The surprise list: appraisal and delight of candidates, the dial above the floor, the drawn slot.

use std::collections::{HashMap, HashSet};

use crate::explain::life::Outgrown;
use crate::explain::surprises::Explained;
use crate::model::Model;
use crate::rank::arrangers::by_score::sort;
use crate::rank::arrangers::list_quality::Whole;
use crate::rank::{
    Arranged, Arranger, Candidate, CustomerState, Filter, Live, Note, Query, Reason, RelevanceView,
    Removed, Scorer,
};
use crate::shop::ProductIx;
use crate::surprise::dial::{choose, floor, quantise, spreads, Dial};
use crate::surprise::{
    explore, Appraisal, Dialled, Drivers, ExploreOptions, FloorOptions, Prospect, Standard,
    Surprises, Terms,
};

/// What the surprise model says of one product.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Appraised {
    /// The terms.
    pub terms: Terms,
    /// Predicted probability of a pleasant surprise, 0…1.
    pub delight: f32,
    /// What it rests on.
    pub drivers: Drivers,
}

/// One customer prepared for appraisal against a pool of candidates.
pub struct Appraiser<'a> {
    model: &'a Model,
    surprises: &'a Surprises,
    appraisal: Appraisal<'a>,
    standard: Standard,
}

impl<'a> Appraiser<'a> {
    /// For `customer` at `now`, whose best products by `view` are what terms are standardised over. `None` where the model knows
    /// nothing of surprises.
    pub fn new(
        model: &'a Model,
        live: &'a Live,
        customer: &CustomerState,
        now: i64,
        view: &RelevanceView,
    ) -> Option<Appraiser<'a>> {
        let surprises = model.surprises.as_ref()?;
        let vector = |p: ProductIx| vector(model, p);
        let appraisal = Appraisal::new(surprises, &live.catalogue, customer.history, now, &vector);
        let pool: Vec<_> = view
            .best()
            .iter()
            .map(|&(product, score)| view.prospect(product, view.relevance(product, score)))
            .collect();
        let standard = Standard::of(&appraisal.terms(&pool, &vector));
        Some(Appraiser {
            model,
            surprises,
            appraisal,
            standard,
        })
    }

    /// The customer as the surprise model sees them.
    pub fn appraisal(&self) -> &Appraisal<'a> {
        &self.appraisal
    }

    /// What the delight model sees of each of `products`.
    pub fn features(
        &self,
        products: &[Prospect],
    ) -> Vec<(Terms, [f32; crate::surprise::FEATURES])> {
        let model = self.model;
        let curiosity = self.appraisal.curiosity();
        let let_down = self.appraisal.let_down();
        self.appraisal
            .terms(products, &|p| vector(model, p))
            .into_iter()
            .map(|terms| (terms, self.standard.features(&terms, curiosity, let_down)))
            .collect()
    }

    /// Appraises each of `products`.
    pub fn appraise(&self, products: &[Prospect]) -> Vec<Appraised> {
        self.features(products)
            .into_iter()
            .map(|(terms, features)| Appraised {
                terms,
                delight: quantise(self.surprises.delight.probability(&features) as f32),
                drivers: Drivers::of(&self.surprises.delight, &terms, &features),
            })
            .collect()
    }
}

impl Appraiser<'_> {
    /// What `product` of this `relevance` is a surprise for, whatever delight counts in the score.
    pub(crate) fn reasons(&self, query: &Query, product: ProductIx, relevance: f32) -> Vec<Reason> {
        let prospect = query.relevance.prospect(product, relevance);
        let drivers = self.appraise(&[prospect]).first().map(|a| a.drivers);
        Explained::new(query, self.surprises).reasons(product, drivers.unwrap_or_default(), 0.0)
    }
}

fn vector(model: &Model, product: ProductIx) -> Option<&[f32]> {
    ((product as usize) < model.catalogue.len())
        .then(|| model.representation.vector(product))
        .flatten()
}

/// Fills in unexpectedness, novelty, timeliness and delight.
pub struct Delighting;

impl Scorer for Delighting {
    fn name(&self) -> &'static str {
        "delight"
    }

    fn score(&self, query: &Query, candidates: &mut [Candidate]) {
        let appraiser = Appraiser::new(
            query.model,
            query.live,
            &query.customer,
            query.request.now,
            query.relevance,
        );
        let Some(appraiser) = appraiser else { return };
        let row = |c: &Candidate| query.relevance.prospect(c.product, c.relevance);
        let rows: Vec<_> = candidates.iter().map(row).collect();
        for (candidate, appraised) in candidates.iter_mut().zip(appraiser.appraise(&rows)) {
            candidate.relevance = quantise(candidate.relevance);
            candidate.unexpectedness = Some(appraised.terms.unexpectedness);
            candidate.novelty = Some(appraised.terms.novelty);
            candidate.timeliness = Some(appraised.terms.timeliness);
            candidate.delight = Some(appraised.delight);
            candidate.drivers = Some(appraised.drivers);
        }
    }
}

/// Chooses by the dial above the floor, and draws the last slot where the request explores.
pub struct ByDial;

impl Arranger for ByDial {
    fn arrange(
        &self,
        query: &Query,
        mut candidates: Vec<Candidate>,
        pins: &[ProductIx],
        slots: usize,
    ) -> Arranged {
        let mut arranged = Arranged::default();
        let Some(surprises) = &query.model.surprises else {
            arranged.notes.push(Note::Unsupported);
            return arranged;
        };
        sort(&mut candidates);
        // Relevance follows the plain ranking but for rounding; from here on it does so exactly.
        let mut above = 1.0f32;
        for candidate in &mut candidates {
            above = above.min(quantise(candidate.relevance));
            candidate.relevance = above;
        }
        let dial = query
            .request
            .dial
            .unwrap_or_else(|| usual_dial(query, surprises));
        let floor = floor_of(query, surprises);
        let rows: Vec<Dialled> = candidates
            .iter()
            .map(|c| Dialled {
                relevance: c.relevance,
                delight: c.delight.unwrap_or(0.0),
                unexpectedness: c.unexpectedness.unwrap_or(1.0),
                family: query.family(c.product),
            })
            .collect();
        let least = surprises.least_delight();
        let (relevance_spread, delight_spread) = spreads(&rows, floor);
        let scale = candidates.first().map_or(1.0, |c| c.relevance).max(1e-4);
        let dialled = Dial {
            dial,
            scale,
            relevance_spread,
            delight_spread,
            floor,
            least_delight: least,
            least_unexpectedness: surprises.settings.least_unexpectedness,
        }
        .settled(&rows, slots);
        // What may come in, best first; everything in it is above the floor.
        let order = choose(&rows, &dialled, candidates.len());
        let ranked: Vec<(ProductIx, f32)> = order
            .iter()
            .map(|ix| (candidates[*ix].product, dialled.value(&rows[*ix])))
            .collect();
        let movable = order
            .iter()
            .take_while(|ix| !dialled.comes_last(&rows[**ix]))
            .count();
        // At dial 0 the list is the plain ranking: nothing is moved then.
        let mut whole = Whole::new(query, pins, true, dial);
        let mut composed = whole.compose(&ranked, movable, slots);
        let mut propensity = None;
        let draws = if slots == 1 {
            query.request.draw_lone
        } else {
            dial > 0.0 && composed.chosen.len() >= 2
        };
        if query.request.explore && draws && !composed.chosen.is_empty() {
            // The last slot is drawn among what is left: its best candidate keeps the largest chance.
            let mut before = Whole::new(query, pins, true, dial);
            let mut open = vec![true; ranked.len()];
            for at in &composed.chosen[..composed.chosen.len() - 1] {
                before.take(ranked[*at].0);
                open[*at] = false;
            }
            let fits = |at: &usize| open[*at] && before.refuses(ranked[*at].0).is_none();
            let mut left: Vec<usize> = (0..movable)
                .filter(|at| fits(at) && !before.is_crowded(ranked[*at].0))
                .collect();
            if left.is_empty() {
                left = (0..ranked.len()).filter(fits).collect();
            }
            let pool: Vec<(ProductIx, f64)> = left
                .iter()
                .map(|at| (ranked[*at].0, f64::from(ranked[*at].1)))
                .collect();
            let slot = composed.chosen.len() as u32;
            let options = ExploreOptions::default();
            if let Some(draw) = explore::draw(&pool, query.request.seed, slot, &options) {
                composed.chosen.pop();
                composed.chosen.push(left[draw.chosen]);
                propensity = Some(draw.propensity());
                arranged.draw = draw.candidates;
            }
        }
        if composed.chosen.len() < slots {
            if composed.capped() {
                arranged.notes.push(Note::Capped);
            }
            if candidates.iter().any(|c| c.relevance < floor) {
                arranged.notes.push(Note::Floor);
            }
        }
        let last = composed.chosen.last().map(|at| order[*at]);
        let mut place = vec![usize::MAX; candidates.len()];
        for (rank, at) in composed.chosen.iter().enumerate() {
            place[order[*at]] = rank;
        }
        let taken: HashSet<ProductIx> = composed
            .chosen
            .iter()
            .map(|at| rows[order[*at]].family)
            .chain(pins.iter().map(|pin| query.family(*pin)))
            .collect();
        let refused: HashMap<usize, &'static str> = composed
            .refused
            .iter()
            .map(|(at, by)| (order[*at], *by))
            .collect();
        let explained = Explained::new(query, surprises);
        let mut out: Vec<(usize, Candidate)> = Vec::with_capacity(composed.chosen.len());
        for (ix, mut candidate) in candidates.into_iter().enumerate() {
            if place[ix] == usize::MAX {
                let by = if candidate.relevance < floor {
                    "floor"
                } else if taken.contains(&rows[ix].family) {
                    "variant"
                } else {
                    refused.get(&ix).copied().unwrap_or("count")
                };
                arranged.removed.push(Removed {
                    product: candidate.product,
                    by,
                });
                continue;
            }
            candidate.floor = Some(floor);
            let delight = candidate.delight.unwrap_or(0.0);
            candidate.score = dialled.value(&rows[ix]);
            if dial > 0.0 {
                let part = dialled.delight_part(delight);
                let drivers = candidate.drivers.unwrap_or_default();
                let reasons = explained.reasons(candidate.product, drivers, part);
                candidate.reasons.extend(reasons);
            }
            if Some(ix) == last {
                candidate.propensity = propensity;
            }
            out.push((place[ix], candidate));
        }
        out.sort_by_key(|(rank, _)| *rank);
        arranged.chosen = out.into_iter().map(|(_, candidate)| candidate).collect();
        arranged
    }
}

/// Best products of a customer that the floor is told by.
const PLAIN: usize = 20;

/// The customer's own floor. It follows from what the shop sells and they have not, so that neither the list's limits nor
/// what a page, another list or an earlier surprise took away lowers it.
fn floor_of(query: &Query, surprises: &Surprises) -> f32 {
    let own = surprises.floor();
    let options = FloorOptions {
        absolute: own.absolute.max(query.request.surprise_floor),
        ..own
    };
    floor(&plain_top(query), &options)
}

/// Relevances of the customer's plain ranking, best first.
fn plain_top(query: &Query) -> Vec<f32> {
    let (view, live) = (query.relevance, query.live);
    let new = |product: ProductIx| {
        live.sells(product, query.request.now)
            && !query.owned.contains_key(&product)
            && (!Outgrown.enabled(query) || Outgrown.keeps(query, product))
    };
    // Where relevance orders, the best are among the representation's best, but not in its order.
    let looked_at = if view.orders() { 5 * PLAIN } else { PLAIN };
    let mut scored = view.candidates(looked_at, &new);
    if query.personal {
        let came_later = live.known as ProductIx..live.catalogue.len() as ProductIx;
        let came_later: Vec<ProductIx> = came_later.filter(|product| new(*product)).collect();
        let scores = view.scores(&came_later);
        scored.extend(came_later.into_iter().zip(scores));
    }
    let mut top: Vec<(f32, f32)> = scored
        .into_iter()
        .map(|(product, score)| (score, view.relevance(product, score)))
        .map(|(score, relevance)| (if view.orders() { relevance } else { score }, relevance))
        .collect();
    top.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut above = 1.0f32;
    top.iter()
        .take(PLAIN)
        .map(|(_, relevance)| {
            above = above.min(quantise(*relevance));
            above
        })
        .collect()
}

/// The dial that suits the customer where the request names none.
fn usual_dial(query: &Query, surprises: &Surprises) -> f32 {
    let catalogue = &query.live.catalogue;
    let (history, now) = (query.customer.history, query.request.now);
    Appraisal::new(surprises, catalogue, history, now, &|_| None).dial()
}
