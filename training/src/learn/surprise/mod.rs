//! Fitting surprises: topics, the primitive model, season; delight from what customers said, wanting from what they kept, and
//! prices that keep surprises apart.

mod delight;
mod felt;
mod kind_rates;
pub mod kinds;
mod moment;
mod prices;
pub mod topics;

pub use delight::{DelightError, Rated};
pub use prices::Found as Concentration;

use self::felt::Felt;
use self::kind_rates::KindRates;

use rayon::prelude::*;
use serendib_engine::model::Model;
use serendib_engine::rank::{pair_features, purchase_signals, Live};
use serendib_engine::represent::Representation;
use serendib_engine::surprise::{
    curiosity, DelightModel, Standard, Surprises, Terms, Topics, KIND_DELIGHTS, KIND_KEPT,
};
use serendib_shop::{acquisitions, Delight, Log, ProductIx, Touch};

/// From so many ratings on, they alone say what delights; with fewer, what was kept says it beside them, and counts less.
const ENOUGH_RATINGS: usize = 200;
const KEPT_WEIGHT: f64 = 0.3;
/// Lines of boxes, and of either outcome, from which on they say what is wanted.
const ENOUGH_LINES: usize = 300;
const ENOUGH_OF_EACH: usize = 50;
/// Customers by whose candidates it is told what is usual of each term.
const STANDARD_CUSTOMERS: usize = 200;

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

/// Everything but what [`feel`] learns, which stays at its prior.
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

/// Learns what `model`, whole but for that, can be felt to know: how often kinds of things delight and are kept, what is usual
/// of each term, delight, wanting, and the prices of surprises. Answers how concentrated surprises are then; `None` where the
/// model knows nothing of surprises.
///
/// # Errors
/// Features that are not numbers.
pub fn feel(
    model: &mut Model,
    log: &Log,
    delights: &[Delight],
) -> Result<Option<Concentration>, DelightError> {
    let Some(part) = &model.surprises else {
        return Ok(None);
    };
    let (said, kept) = (felt::said(log, delights), felt::kept(log));
    let of_delight = KindRates::new(&log.catalogue, &part.topics, &said);
    let of_keeping = KindRates::new(&log.catalogue, &part.topics, &kept);
    if let Some(part) = &mut model.surprises {
        part.kinds.delights = of_delight.all().to_vec();
        part.kinds.kept = of_keeping.all().to_vec();
        part.prices.clear();
    }
    let standard = standard(model, log);
    if let Some(part) = &mut model.surprises {
        part.standard = standard;
    }
    let rates = (&of_delight, &of_keeping);
    let delight = delight::fit(&about_delight(model, log, &said, &kept, rates))?;
    let wanted = if tells_wanting(&kept) {
        let share = felt::share(&kept);
        let prior = DelightModel::of_share(share, KIND_KEPT);
        Some(delight::fit_around(
            &prior,
            &seen(model, log, &kept, 1.0, rates),
        )?)
    } else {
        None
    };
    if let Some(part) = &mut model.surprises {
        part.delight = delight;
        part.wanted = wanted;
        part.rank_by_appeal();
    }
    let found = prices::learn(model, log);
    if let Some(part) = &mut model.surprises {
        part.prices.clone_from(&found.prices);
    }
    Ok(Some(found))
}

fn tells_wanting(kept: &[Felt]) -> bool {
    let yes = kept.iter().filter(|f| f.label > 0.5).count();
    kept.len() >= ENOUGH_LINES && yes >= ENOUGH_OF_EACH && kept.len() - yes >= ENOUGH_OF_EACH
}

/// What is usual of each term among what sources propose to customers at the end of `log`; the default where there are none.
fn standard(model: &Model, log: &Log) -> Standard {
    let live = Live::of_catalogue(model.catalogue.clone());
    let now = log.span.map_or(i64::MAX, |(_, last)| last + 1);
    let who: Vec<u32> = (0..log.histories.len() as u32)
        .filter(|customer| acquisitions(log.histories.of(*customer)).next().is_some())
        .collect();
    let stride = who.len().div_ceil(STANDARD_CUSTOMERS).max(1);
    let who: Vec<u32> = who.into_iter().step_by(stride).collect();
    let pool: Vec<Terms> = who
        .par_iter()
        .flat_map_iter(|customer| {
            let state = crate::learn::state(log, *customer, log.histories.of(*customer));
            let proposed = purchase_signals(model, &live, state, now, None, &[]);
            let products: Vec<ProductIx> = proposed.into_iter().map(|(p, _)| p).collect();
            pair_features(model, &live, state, now, &products)
        })
        .map(|(terms, _)| terms)
        .collect();
    if pool.is_empty() {
        return Standard::default();
    }
    Standard::of(&pool)
}

/// Each of `felt` with its features at that moment, computed by the code that serves; the rates of kinds are those of other
/// customers. It counts `weight` times.
fn seen(
    model: &Model,
    log: &Log,
    felt: &[Felt],
    weight: f64,
    (of_delight, of_keeping): (&KindRates, &KindRates),
) -> Vec<Rated> {
    let Some(part) = &model.surprises else {
        return Vec::new();
    };
    let live = Live::of_catalogue(model.catalogue.clone());
    felt.par_iter()
        .filter_map(|felt| {
            let history = log.histories.of(felt.customer);
            let end = history.partition_point(|t| t.at < felt.at);
            let history: &[Touch] = if log.timed { &history[..end] } else { history };
            let state = crate::learn::state(log, felt.customer, history);
            let seen = pair_features(model, &live, state, felt.at, &[felt.product]);
            let mut features = seen.first()?.1;
            let topic = part.topics.of(felt.product);
            features[KIND_DELIGHTS] = of_delight.beside(topic, felt.customer);
            features[KIND_KEPT] = of_keeping.beside(topic, felt.customer);
            Some(Rated {
                customer: felt.customer,
                features,
                label: felt.label,
                weight,
            })
        })
        .collect()
}

/// What the delight model learns from: ratings, and where there are few of them also what was kept, so that it delights as often
/// as what was rated and says only what delights more than what.
fn about_delight(
    model: &Model,
    log: &Log,
    said: &[Felt],
    kept: &[Felt],
    rates: (&KindRates, &KindRates),
) -> Vec<Rated> {
    let mut rated = seen(model, log, said, 1.0, rates);
    if said.len() < ENOUGH_RATINGS {
        rated.extend(seen(model, log, kept, KEPT_WEIGHT, rates));
    }
    rated
}

/// What customers said, alone, with the features of that moment: to judge by. What was kept is no word about delight.
///
/// Ratings of customers or products that the log does not know, and answers that tell nothing, are left out.
pub fn said(model: &Model, log: &Log, delights: &[Delight]) -> Vec<Rated> {
    let Some(part) = &model.surprises else {
        return Vec::new();
    };
    let live = Live::of_catalogue(model.catalogue.clone());
    let said = felt::said(log, delights);
    let known = part.topics.numbers().len() as ProductIx;
    said.par_iter()
        .filter(|felt| felt.product < known)
        .filter_map(|felt| {
            let history = log.histories.of(felt.customer);
            let end = history.partition_point(|t| t.at < felt.at);
            let history: &[Touch] = if log.timed { &history[..end] } else { history };
            let state = crate::learn::state(log, felt.customer, history);
            let seen = pair_features(model, &live, state, felt.at, &[felt.product]);
            Some(Rated {
                customer: felt.customer,
                features: seen.first()?.1,
                label: felt.label,
                weight: 1.0,
            })
        })
        .collect()
}

/// Delight as `delights` alone would have it fitted, all else as it stands in `model`.
///
/// # Errors
/// Features that are not numbers.
pub fn delight(
    model: &Model,
    log: &Log,
    delights: &[Delight],
) -> Result<DelightModel, DelightError> {
    let Some(part) = &model.surprises else {
        return Ok(DelightModel::prior());
    };
    let (said, kept) = (felt::said(log, delights), felt::kept(log));
    let of_delight = KindRates::new(&log.catalogue, &part.topics, &said);
    let of_keeping = KindRates::new(&log.catalogue, &part.topics, &kept);
    let rates = (&of_delight, &of_keeping);
    delight::fit(&about_delight(model, log, &said, &kept, rates))
}
