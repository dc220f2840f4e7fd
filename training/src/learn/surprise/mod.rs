//! Fitting surprises: topics, the primitive model, season, and delight from what customers said and kept.

mod delight;
pub mod kinds;
mod moment;
pub mod topics;

pub use delight::{DelightError, Rated};

use rayon::prelude::*;
use serendib_engine::model::Model;
use serendib_engine::rank::{pair_features, Live};
use serendib_engine::represent::Representation;
use serendib_engine::surprise::{curiosity, label, DelightModel, Surprises, Topics};
use serendib_shop::{acquisitions, Delight, Kind, Log, ProductIx, Touch};

/// Ratings that are fitted on: the latest.
const MOST_RATINGS: usize = 6_000;
/// How much keeping or giving back a box's surprise counts against a rating.
const KEPT_WEIGHT: f64 = 0.3;
/// From so many ratings on, they alone say how often things delight: almost everything is kept, and few things delight.
const ENOUGH_RATINGS: usize = 200;

/// How far a line that was kept delighted, where `kept` were kept, `returned` given back and ratings are `rated` on
/// average: boxes then delight as often as what was rated, and say only what delights more than what.
fn kept_label(rated: f64, kept: usize, returned: usize) -> f64 {
    let all = (kept + returned) as f64;
    (rated * all / (kept as f64).max(1.0)).clamp(0.0, 1.0)
}

/// The topics of the products of `log`.
pub fn topics(log: &Log, representation: &Representation, seed: u64) -> Topics {
    topics::learn(&log.catalogue, &|p| representation.vector(p), seed)
}

/// What `purchases` (product, ms; none in a shop without times) and the `buyers` of each product, customers, tell by
/// themselves: everything but kinds, which are learned from histories, and delight.
pub fn of_sales(topics: Topics, buyers: &[f32], purchases: &[(ProductIx, i64)]) -> Surprises {
    let moment = moment::learn(purchases, &topics);
    Surprises::new(topics, buyers, moment)
}

/// Everything but delight, which stays at its prior until [`rated`] and [`delight`](delight()) is fitted.
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
    let mut surprises = of_sales(topics, representation.popularity(), &purchases);
    surprises.kinds = kinds::learn(&log.catalogue, &surprises.topics, log.histories.iter());
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
                customer: log.customer(&row.customer_id)?,
                product: log.catalogue.find(&row.product_id)?,
                at: row.at,
                label: label(row)?,
                weight: 1.0,
            })
        })
        .collect();
    let said = out.len();
    let kept = if said < ENOUGH_RATINGS {
        1.0
    } else {
        let of = |kind| {
            let all = log.histories.iter();
            all.flat_map(|history| history.iter())
                .filter(|touch| touch.kind == kind)
                .count()
        };
        let rated = out.iter().map(|f| f.label).sum::<f64>() / said as f64;
        kept_label(rated, of(Kind::BOX_KEPT), of(Kind::BOX_RETURNED))
    };
    for (customer, history) in log.histories.iter().enumerate() {
        for touch in history.iter() {
            let label = match touch.kind {
                Kind::BOX_KEPT => kept,
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
    // where there are too many, boxes go before ratings, and the oldest first
    out.sort_by_key(|f| (f.weight >= 1.0, f.at, f.customer, f.product));
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
            let customer = crate::learn::state(log, felt.customer, history);
            let seen = pair_features(model, &live, customer, felt.at, &[felt.product]);
            Some(Rated {
                features: seen.first()?.1,
                label: felt.label,
                weight: felt.weight,
            })
        })
        .collect()
}

/// What customers said, alone, with the features of that moment: to judge by. What was kept is no word about delight.
///
/// Left out as in [`rated`].
pub fn said(model: &Model, log: &Log, delights: &[Delight]) -> Vec<Rated> {
    let live = Live::of_catalogue(model.catalogue.clone());
    delights
        .par_iter()
        .filter_map(|row| {
            let customer = log.customer(&row.customer_id)?;
            let product = log.catalogue.find(&row.product_id)?;
            let label = label(row)?;
            let history = log.histories.of(customer);
            let end = history.partition_point(|t| t.at < row.at);
            let history: &[Touch] = if log.timed { &history[..end] } else { history };
            let state = crate::learn::state(log, customer, history);
            let seen = pair_features(model, &live, state, row.at, &[product]);
            Some(Rated {
                features: seen.first()?.1,
                label,
                weight: 1.0,
            })
        })
        .collect()
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
    delight::fit(&rated(model, log, delights))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_delight_as_often_as_what_was_rated() {
        let label = kept_label(0.3, 90, 10);
        assert!((label * 90.0 / 100.0 - 0.3).abs() < 1e-12);
        assert_eq!(kept_label(0.9, 1, 9), 1.0, "no more than certain");
        assert_eq!(kept_label(0.3, 0, 0), 0.0);
        assert!(kept_label(0.0, 5, 5) == 0.0 && kept_label(0.2, 5, 0) == 0.2);
    }
}
