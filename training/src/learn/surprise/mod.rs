//! Fitting surprises: topics, the primitive model, season; delight from what customers said, wanting from what they came back to
//! or kept, and prices that keep surprises apart.

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
    curiosity, DelightModel, Prices, Standard, Surprises, Terms, Topics, KIND_DELIGHTS, KIND_KEPT,
    KIND_SOUGHT,
};
use serendib_shop::{acquisitions, CustomerIx, Delight, Log, ProductIx, Touch};

/// From so many ratings on, they alone say what delights; with fewer, what was kept says it beside them, and counts less.
const ENOUGH_RATINGS: usize = 200;
const KEPT_WEIGHT: f64 = 0.3;
/// Lines of boxes, or things shown, and of either outcome, from which on they are learned from.
const ENOUGH_LINES: usize = 300;
const ENOUGH_OF_EACH: usize = 50;
/// Features of a line, by position in [`FEATURE_NAMES`], that are computed from who has what, which a line that was kept is a part
/// of and one that was given back is not: they know the answer.
///
/// [`FEATURE_NAMES`]: serendib_engine::surprise::FEATURE_NAMES
const TOLD_BY_KEEPING: [usize; 13] = [0, 1, 2, 6, 7, 8, 10, 15, 21, 22, 23, 27, 35];
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

/// Learns what `model`, whole but for that, can be felt to know: how often kinds of things delight, are kept and are come back
/// to, what is usual of each term, delight, keeping, coming back, and the prices of surprises. Answers how concentrated surprises
/// are then; `None` where the model knows nothing of surprises.
///
/// # Errors
/// Features that are not numbers.
pub fn feel(
    model: &mut Model,
    log: &Log,
    delights: &[Delight],
) -> Result<Option<Concentration>, DelightError> {
    let Some(part) = &mut model.surprises else {
        return Ok(None);
    };
    let (kept, came_back) = (felt::kept(log), felt::came_back(log));
    let said = felt::said(log, delights);
    let rates = Rates::new(log, &part.topics, [&said, &kept, &came_back]);
    part.kinds.delights = rates.delight.all().to_vec();
    part.kinds.kept = rates.keeping.all().to_vec();
    part.kinds.sought = rates.coming_back.all().to_vec();
    part.prices = Prices::default();
    let standard = standard(model, log);
    if let Some(part) = &mut model.surprises {
        part.standard = standard;
    }
    let delight = delight::fit(&about_delight(model, log, &said, &kept, &rates))?;
    let learned = |felt: &[Felt],
                   of_kind: usize,
                   left_out: &[usize]|
     -> Result<Option<DelightModel>, DelightError> {
        if !tells(felt) {
            return Ok(None);
        }
        let prior = DelightModel::of_share(felt::share(felt), of_kind);
        let mut rated = seen(model, log, felt, 1.0, Some(&rates));
        for rating in &mut rated {
            left_out.iter().for_each(|ix| rating.features[*ix] = 0.0);
        }
        delight::fit_around(&prior, &rated).map(Some)
    };
    let keeping = learned(&kept, KIND_KEPT, &TOLD_BY_KEEPING)?;
    let coming_back = learned(&came_back, KIND_SOUGHT, &[])?;
    if let Some(part) = &mut model.surprises {
        part.delight = delight;
        part.kept = keeping;
        part.sought = coming_back;
        part.rank_by_appeal();
    }
    Ok(Some(prices::learn(model, log)))
}

/// Rates of kinds, for what is predicted of customers by what others felt.
struct Rates {
    delight: KindRates,
    keeping: KindRates,
    coming_back: KindRates,
}

impl Rates {
    /// Of what was said, kept and come back to.
    fn new(log: &Log, topics: &Topics, felt: [&[Felt]; 3]) -> Rates {
        let [delight, keeping, coming_back] =
            felt.map(|felt| KindRates::new(&log.catalogue, topics, felt));
        Rates {
            delight,
            keeping,
            coming_back,
        }
    }
}

/// Whether there are enough answers of either kind in `felt` to learn from.
fn tells(felt: &[Felt]) -> bool {
    let yes = felt.iter().filter(|f| f.label > 0.5).count();
    felt.len() >= ENOUGH_LINES && yes >= ENOUGH_OF_EACH && felt.len() - yes >= ENOUGH_OF_EACH
}

/// At most `most` of the customers who acquired anything, evenly over all of them.
fn sample(log: &Log, most: usize) -> Vec<CustomerIx> {
    let who: Vec<CustomerIx> = CustomerIx::all(log.histories.len())
        .filter(|customer| acquisitions(log.histories.of(*customer)).next().is_some())
        .collect();
    let stride = who.len().div_ceil(most).max(1);
    who.into_iter().step_by(stride).collect()
}

/// What is usual of each term among what sources propose to customers at the end of `log`; the default where there are none.
fn standard(model: &Model, log: &Log) -> Standard {
    let live = Live::of_catalogue(model.catalogue.clone());
    let now = log.span.map_or(i64::MAX, |(_, last)| last + 1);
    let pool: Vec<Terms> = sample(log, STANDARD_CUSTOMERS)
        .into_par_iter()
        .flat_map_iter(|customer| {
            let state = crate::learn::state(log, customer, log.histories.of(customer));
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

/// Each of `felt` with its features at that moment, computed by the code that serves; it counts `weight` times. With `rates`
/// those of kinds are of other customers than who is predicted. Products that the model does not know are left out.
fn seen(model: &Model, log: &Log, felt: &[Felt], weight: f64, rates: Option<&Rates>) -> Vec<Rated> {
    let Some(part) = &model.surprises else {
        return Vec::new();
    };
    let live = Live::of_catalogue(model.catalogue.clone());
    let known = ProductIx::of_index(part.topics.numbers().len());
    let moments: Vec<&[Felt]> = felt.chunk_by(felt::same_moment).collect();
    moments
        .into_par_iter()
        .flat_map_iter(|moment| {
            let Felt { customer, at, .. } = moment[0];
            let history = log.histories.of(customer);
            let end = history.partition_point(|t| t.at < at);
            let history: &[Touch] = if log.timed { &history[..end] } else { history };
            let state = crate::learn::state(log, customer, history);
            let felt: Vec<&Felt> = moment.iter().filter(|f| f.product < known).collect();
            let products: Vec<ProductIx> = felt.iter().map(|f| f.product).collect();
            let features = pair_features(model, &live, state, at, &products);
            felt.into_iter()
                .zip(features)
                .map(|(felt, (_, mut features))| {
                    if let Some(rates) = rates {
                        let topic = part.topics.of(felt.product);
                        features[KIND_DELIGHTS] = rates.delight.beside(topic, customer);
                        features[KIND_KEPT] = rates.keeping.beside(topic, customer);
                        features[KIND_SOUGHT] = rates.coming_back.beside(topic, customer);
                    }
                    Rated {
                        customer,
                        features,
                        label: felt.label,
                        weight,
                    }
                })
                .collect::<Vec<Rated>>()
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
    rates: &Rates,
) -> Vec<Rated> {
    let mut rated = seen(model, log, said, 1.0, Some(rates));
    if said.len() < ENOUGH_RATINGS {
        rated.extend(seen(model, log, kept, KEPT_WEIGHT, Some(rates)));
    }
    rated
}

/// What customers said, alone, with the features of that moment: to judge by. What was kept is no word about delight.
///
/// Ratings of customers or products that the log does not know, and answers that tell nothing, are left out.
pub fn said(model: &Model, log: &Log, delights: &[Delight]) -> Vec<Rated> {
    seen(model, log, &felt::said(log, delights), 1.0, None)
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
    let came_back = felt::came_back(log);
    let rates = Rates::new(log, &part.topics, [&said, &kept, &came_back]);
    delight::fit(&about_delight(model, log, &said, &kept, &rates))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serendib_engine::surprise::FEATURE_NAMES;

    #[test]
    fn what_a_kept_line_is_a_part_of_does_not_predict_it() {
        let names = TOLD_BY_KEEPING.map(|ix| FEATURE_NAMES[ix]);
        let of = [
            "relevance",
            "unexpected",
            "novelty",
            "reach",
            "stars",
            "given back",
            "leading",
            "little",
        ];
        assert!(
            names
                .iter()
                .all(|name| of.iter().any(|word| name.contains(word))),
            "{names:?}"
        );
        let others = (0..FEATURE_NAMES.len()).filter(|ix| !TOLD_BY_KEEPING.contains(ix));
        let missed: Vec<&str> = others
            .map(|ix| FEATURE_NAMES[ix])
            .filter(|name| of.iter().any(|word| name.contains(word)))
            .collect();
        assert!(missed.is_empty(), "{missed:?}");
    }
}
