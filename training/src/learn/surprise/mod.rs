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
/// Features, by position in [`FEATURE_NAMES`], that are computed from who has what: what was kept or bought after it was shown is
/// a part of them, and what was given back or left is not. Of a model that saw how it ended they know the answer.
///
/// [`FEATURE_NAMES`]: serendib_engine::surprise::FEATURE_NAMES
const TOLD_BY_HAVING: [usize; 13] = [0, 1, 2, 6, 7, 8, 10, 15, 21, 22, 23, 27, 35];
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
/// `before` is a model of what came before a time, ms, beside that time: what was shown from then on is no part of it.
///
/// # Errors
/// Features that are not numbers.
pub fn feel(
    model: &mut Model,
    log: &Log,
    delights: &[Delight],
    before: Option<(Model, i64)>,
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
    let end = log.span.map_or(i64::MAX, |(_, last)| last + 1);
    let standard_at_end = standard(model, log, end);
    if let Some(part) = &mut model.surprises {
        part.standard = standard_at_end;
    }
    let delight = delight::fit(&about_delight(model, log, &said, &kept, &rates))?;
    let keeping = match tells(&kept) {
        true => {
            let prior = DelightModel::of_share(felt::share(&kept), KIND_KEPT);
            let rated = masked(seen(model, log, &kept, 1.0, Some(&rates)));
            Some(delight::fit_around(&prior, &rated)?)
        }
        false => None,
    };
    let coming_back = match tells(&came_back) {
        true => Some(coming_back(model, before, log, &came_back, &rates)?),
        false => None,
    };
    if let Some(part) = &mut model.surprises {
        part.delight = delight;
        part.kept = keeping;
        part.sought = coming_back;
        part.rank_by_appeal();
    }
    Ok(Some(prices::learn(model, log)))
}

/// What of `came_back` tells whether customers come back: what was shown before the time of the model `before` tells it by what
/// having it does not change, and around that what was shown since tells it by everything, as that model had it.
fn coming_back(
    model: &Model,
    before: Option<(Model, i64)>,
    log: &Log,
    came_back: &[Felt],
    rates: &Rates,
) -> Result<DelightModel, DelightError> {
    let cut = before.as_ref().map_or(i64::MAX, |(_, cut)| *cut);
    let (old, new) = came_back.split_at(came_back.partition_point(|felt| felt.at < cut));
    let prior = DelightModel::of_share(felt::share(came_back), KIND_SOUGHT);
    let rated = masked(seen(model, log, old, 1.0, Some(rates)));
    let mut learned = delight::fit_around(&prior, &rated)?;
    if let Some((mut before, cut)) = before {
        let usual = standard(&before, log, cut);
        if let Some(part) = &mut before.surprises {
            part.standard = usual;
        }
        learned = delight::fit_around(&learned, &seen(&before, log, new, 1.0, Some(rates)))?;
        learned.ratings += rated.len();
    }
    Ok(learned)
}

/// `rated` without the features that know how it ended.
fn masked(mut rated: Vec<Rated>) -> Vec<Rated> {
    for rating in &mut rated {
        TOLD_BY_HAVING
            .iter()
            .for_each(|ix| rating.features[*ix] = 0.0);
    }
    rated
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

/// The touches of customer number `customer` before `now`; all of them in a shop without times.
fn past(log: &Log, customer: CustomerIx, now: i64) -> &[Touch] {
    let history = log.histories.of(customer);
    match log.timed {
        true => &history[..history.partition_point(|touch| touch.at < now)],
        false => history,
    }
}

/// What is usual of each term among what sources propose to customers at `now`, ms; the default where there are none.
fn standard(model: &Model, log: &Log, now: i64) -> Standard {
    let live = Live::of_catalogue(model.catalogue.clone());
    let pool: Vec<Terms> = sample(log, STANDARD_CUSTOMERS)
        .into_par_iter()
        .flat_map_iter(|customer| {
            let state = crate::learn::state(log, customer, past(log, customer, now));
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
            let state = crate::learn::state(log, customer, past(log, customer, at));
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
/// as what was rated and says only what delights more than what, and that by nothing that knows whether it was kept.
fn about_delight(
    model: &Model,
    log: &Log,
    said: &[Felt],
    kept: &[Felt],
    rates: &Rates,
) -> Vec<Rated> {
    let mut rated = seen(model, log, said, 1.0, Some(rates));
    if said.len() < ENOUGH_RATINGS {
        rated.extend(masked(seen(model, log, kept, KEPT_WEIGHT, Some(rates))));
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
        let names = TOLD_BY_HAVING.map(|ix| FEATURE_NAMES[ix]);
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
        let others = (0..FEATURE_NAMES.len()).filter(|ix| !TOLD_BY_HAVING.contains(ix));
        let missed: Vec<&str> = others
            .map(|ix| FEATURE_NAMES[ix])
            .filter(|name| of.iter().any(|word| name.contains(word)))
            .collect();
        assert!(missed.is_empty(), "{missed:?}");
    }
}
