//! Fitting surprises: topics, the primitive model, season, and delight from what customers said and kept.

use rayon::prelude::*;
use serendib_datasets::Log;
use serendib_engine::model::Model;
use serendib_engine::rank::{Appraiser, CustomerState, Live};
use serendib_engine::represent::Representation;
use serendib_engine::shop::{acquisitions, Delight, Kind, ProductIx, Touch};
use serendib_engine::surprise::{
    curiosity, label, DelightError, DelightModel, Rated, Surprises, Topics,
};

/// Candidates over which the terms of a rated product are standardised, as in serving.
const POOL: usize = 300;
/// Ratings that are fitted on: the latest.
const MOST_RATINGS: usize = 6_000;
/// How much keeping or giving back a box's surprise counts against a rating.
const KEPT_WEIGHT: f64 = 0.3;
/// From so many ratings on, what was kept is not looked at: almost everything is kept, and few things delight.
const ENOUGH_RATINGS: usize = 200;

/// The topics of the products of `log`.
pub fn topics(log: &Log, representation: &Representation, seed: u64) -> Topics {
    Topics::learn(&log.catalogue, &|p| representation.vector(p), seed)
}

/// Everything but delight, which stays at its prior until [`rated`] and [`DelightModel::fit`].
pub fn fit(log: &Log, topics: Topics, representation: &Representation) -> Surprises {
    let mut purchases: Vec<(ProductIx, i64)> = Vec::new();
    if log.timed {
        for history in log.histories.iter() {
            purchases.extend(acquisitions(history).map(|t| (t.product, t.at)));
        }
        for basket in log.anonymous_single() {
            purchases.extend(
                basket
                    .lines
                    .iter()
                    .map(|(product, _)| (*product, basket.at)),
            );
        }
    }
    let mut surprises = Surprises::fit(topics, representation.popularity(), &purchases);
    let curious: Vec<f32> = log
        .histories
        .iter()
        .filter(|history| acquisitions(history).nth(2).is_some())
        .map(|history| curiosity(history, &surprises.topics, 0.4))
        .collect();
    if curious.len() >= 20 {
        surprises.settings.curiosity = curious.iter().sum::<f32>() / curious.len() as f32;
    }
    surprises
}

/// One thing that was felt: who, what, when, how.
#[derive(Debug, Clone, Copy)]
struct Felt {
    customer: u32,
    product: ProductIx,
    at: i64,
    label: f64,
    weight: f64,
}

fn felt(log: &Log, delights: &[Delight]) -> Vec<Felt> {
    let mut out: Vec<Felt> = delights
        .iter()
        .filter_map(|row| {
            Some(Felt {
                customer: log.customer_ids.get(&row.customer_id)?,
                product: log.catalogue.find(&row.product_id)?,
                at: row.at,
                label: label(row)?,
                weight: 1.0,
            })
        })
        .collect();
    let histories = log.histories.iter().enumerate();
    let said = out.len();
    for (customer, history) in histories.filter(|_| said < ENOUGH_RATINGS) {
        for touch in history.iter() {
            let label = match touch.kind {
                Kind::BOX_KEPT => 1.0,
                Kind::BOX_RETURNED => 0.0,
                _ => continue,
            };
            if (touch.product as usize) < log.catalogue.len() {
                out.push(Felt {
                    customer: customer as u32,
                    product: touch.product,
                    at: touch.at,
                    label,
                    weight: KEPT_WEIGHT,
                });
            }
        }
    }
    out.sort_by_key(|f| (f.at, f.customer, f.product));
    if out.len() > MOST_RATINGS {
        out.drain(..out.len() - MOST_RATINGS);
    }
    out
}

/// What the delight model learns from: each thing felt with its features at that moment, computed by the code that serves.
///
/// Ratings of customers or products that the log does not know, and answers that tell nothing, are left out.
pub fn rated(model: &Model, log: &Log, delights: &[Delight]) -> Vec<Rated> {
    let live = Live::of_catalogue(model.catalogue.clone());
    let felt = felt(log, delights);
    felt.par_iter()
        .filter_map(|felt| {
            let history = log.histories.of(felt.customer);
            let end = history.partition_point(|t| t.at < felt.at);
            let history: &[Touch] = if log.timed { &history[..end] } else { history };
            let features = features_at(model, &live, history, felt.at, felt.product)?;
            Some(Rated {
                features,
                label: felt.label,
                weight: felt.weight,
            })
        })
        .collect()
}

/// What the delight model sees of `product` for a customer with `history` at `now`.
fn features_at(
    model: &Model,
    live: &Live,
    history: &[Touch],
    now: i64,
    product: ProductIx,
) -> Option<[f32; serendib_engine::surprise::FEATURES]> {
    let customer = CustomerState {
        history,
        ..CustomerState::NOBODY
    };
    let representation = &model.representation;
    let folded = representation.fold_in(history, now);
    let (pool, own) = if folded.is_empty() {
        let pool = model.by_popularity().iter().take(POOL);
        let pool: Vec<(ProductIx, f32)> = pool.map(|p| (*p, model.popularity_share(*p))).collect();
        (pool, model.popularity_share(product))
    } else {
        let pool = representation.candidates(&folded, POOL, &|_| true);
        let own = representation.score(&folded, &[product]);
        (pool, own.first().copied().unwrap_or(0.0))
    };
    let best = pool.first().map_or(0.0, |(_, score)| *score);
    let share = |score: f32| {
        if best > 0.0 {
            (score / best).clamp(0.0, 1.0)
        } else {
            0.0
        }
    };
    let pool: Vec<(ProductIx, f32, f32)> = pool
        .into_iter()
        .map(|(p, score)| (p, share(score), 0.0))
        .collect();
    let appraiser = Appraiser::new(model, live, &customer, now, &pool)?;
    let features = appraiser.features(&[(product, share(own), 0.0)]);
    features.first().map(|(_, features)| *features)
}

/// Refits delight from what customers said and kept; the prior where they said nothing.
///
/// # Errors
/// Features that are not numbers.
pub fn delight(
    model: &Model,
    log: &Log,
    delights: &[Delight],
) -> Result<DelightModel, DelightError> {
    DelightModel::fit(&rated(model, log, delights))
}
