//! Numbers for given products, without making a list.

use super::pipeline::{life_of, prepare};
use super::surprise::{Appraiser, POOL};
use super::{CustomerState, Live};
use crate::life::LifeView;
use crate::model::Model;
use crate::rank::Context;
use crate::shop::ProductIx;
use crate::surprise::Terms;

/// How one product stands to one customer; absent = the model has no part that knows.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PairScore {
    /// How well it suits, 0 to 1.
    pub relevance: f32,
    /// How far from what the customer would expect, 0 to 1.
    pub unexpectedness: Option<f32>,
    /// How little known, 0 to 1.
    pub novelty: Option<f32>,
    /// How well it fits the moment, 0 to 1.
    pub timeliness: Option<f32>,
    /// Predicted probability of a pleasant surprise.
    pub delight: Option<f32>,
}

/// Scores each of `products` (numbers of `live.catalogue`) for `customer` as of `now`, in the order given.
pub fn score_pairs(
    model: &Model,
    live: &Live,
    customer: CustomerState,
    now: i64,
    products: &[ProductIx],
) -> Vec<PairScore> {
    let prepared = prepare(model, customer, &Context::default(), now);
    let life = life_of(model, &prepared.customer, now);
    let view = model
        .life
        .as_ref()
        .zip(life.as_ref())
        .map(|(part, state)| LifeView::new(&part.model, &part.products, state));
    let need = |product: ProductIx| view.as_ref().map_or(0.0, |v| v.product(product).current);
    let best = prepared.best_score(model);
    let share = |score: f32| {
        if best > 0.0 {
            (score / best).clamp(0.0, 1.0)
        } else {
            0.0
        }
    };
    let rows: Vec<(ProductIx, f32, f32)> = products
        .iter()
        .zip(prepared.relevance(model, live, products))
        .map(|(product, score)| (*product, share(score), need(*product)))
        .collect();
    let pool: Vec<(ProductIx, f32, f32)> = prepared
        .best(model, POOL)
        .into_iter()
        .map(|(product, score)| (product, share(score), need(product)))
        .collect();
    let appraiser = Appraiser::new(model, live, &prepared.customer, now, &pool);
    let appraised = appraiser.map(|a| a.appraise(&rows));
    rows.iter()
        .enumerate()
        .map(|(ix, (_, relevance, _))| {
            let appraised = appraised.as_ref().map(|rows| rows[ix]);
            let term = |take: fn(&Terms) -> f32| appraised.map(|a| take(&a.terms));
            PairScore {
                relevance: *relevance,
                unexpectedness: term(|t| t.unexpectedness),
                novelty: term(|t| t.novelty),
                timeliness: term(|t| t.timeliness),
                delight: appraised.map(|a| a.delight),
            }
        })
        .collect()
}
