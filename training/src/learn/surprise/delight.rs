//! Fits the probability of delight, or of being kept, to what was felt: the maximum a posteriori around a prior.
//!
//! Who always says five is told apart from what delights: every customer has an effect of their own, drawn towards none
//! (fitted in turns with the weights). Predictions are of customers at large; how bold they may be is told by customers whom
//! the weights have not seen.

use std::collections::BTreeMap;

use crate::stats::calibration::line;
use crate::stats::logistic::{self, Observations, Prior};
use serendib_engine::surprise::{DelightModel, FEATURES};
use serendib_shop::CustomerIx;

/// Precision (1/variance) of the prior on weights, on those of features that no prior is known of, and on the intercept.
const PRECISION: f64 = 8.0;
const NEW_PRECISION: f64 = 2.0;
const INTERCEPT_PRECISION: f64 = 0.25;
/// Features from here on are those of which no prior is known.
const NEW_FROM: usize = 30;
/// Precision of a customer's own effect.
const EFFECT_PRECISION: f64 = 5.0;
/// With fewer answers customers have no effects, and boldness is left as it is.
const ENOUGH: usize = 400;
/// Turns of weights and effects.
const TURNS: usize = 3;
/// Answers that boldness as it is counts as.
const BOLDNESS_PRIOR: f64 = 25.0;

/// One answer: what was known when it was shown, and how it was felt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rated {
    /// Who answered, by number.
    pub customer: CustomerIx,
    /// What was known.
    pub features: [f32; FEATURES],
    /// 1 = delighted or kept, 0 = not; anything between counts for both.
    pub label: f64,
    /// How much it counts, > 0; 1 for a rating.
    pub weight: f64,
}

/// Why a delight model was not fitted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DelightError {
    /// A rating is not a rating.
    #[error("rating {row}: {what}")]
    Rating {
        /// Position from 0.
        row: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// Neither ratings nor prior say anything of a weight.
    #[error("fit the delight model: {0}")]
    Undetermined(#[from] logistic::Undetermined),
}

/// The maximum a posteriori given `rated`, around the prior of delight; the prior itself without ratings.
///
/// # Errors
/// A feature that is not finite, a label outside 0…1, a weight that is not above 0.
pub fn fit(rated: &[Rated]) -> Result<DelightModel, DelightError> {
    fit_around(&DelightModel::prior(), rated)
}

/// The same around `prior`.
///
/// # Errors
/// As [`fit`].
pub fn fit_around(prior: &DelightModel, rated: &[Rated]) -> Result<DelightModel, DelightError> {
    for (row, rating) in rated.iter().enumerate() {
        let what = if rating.features.iter().any(|x| !x.is_finite()) {
            "a feature is not finite"
        } else if !(0.0..=1.0).contains(&rating.label) {
            "the label is not in 0 to 1"
        } else if !(rating.weight.is_finite() && rating.weight > 0.0) {
            "the weight is not above 0"
        } else {
            continue;
        };
        return Err(DelightError::Rating { row, what });
    }
    let mut offsets = vec![0.0; rated.len()];
    let mut model = posterior(prior, rated, &offsets, &|_| true)?;
    if rated.len() >= ENOUGH {
        for _ in 1..TURNS {
            offsets = effects(&model, rated, &offsets);
            model = posterior(prior, rated, &offsets, &|_| true)?;
        }
        let (scale, shift) = boldness(prior, rated, &offsets)?;
        model.intercept = scale * model.intercept + shift;
        model.weights.iter_mut().for_each(|weight| *weight *= scale);
    }
    Ok(model)
}

/// Weights given everybody's own effect, of the answers that `takes` lets in.
fn posterior(
    prior: &DelightModel,
    rated: &[Rated],
    offsets: &[f64],
    takes: &dyn Fn(&Rated) -> bool,
) -> Result<DelightModel, DelightError> {
    let mut priors = vec![Prior::normal(prior.intercept, INTERCEPT_PRECISION)];
    priors.extend(prior.weights.iter().enumerate().map(|(ix, weight)| {
        let precision = if ix < NEW_FROM {
            PRECISION
        } else {
            NEW_PRECISION
        };
        Prior::normal(*weight, precision)
    }));
    let mut rows = Observations::default();
    for (rating, offset) in rated.iter().zip(offsets).filter(|(r, _)| takes(r)) {
        let features = rating.features.iter().map(|x| f64::from(*x));
        let terms = std::iter::once(1.0).chain(features).enumerate();
        rows.push_beside(*offset, terms, rating.label, rating.weight);
    }
    let beta = logistic::fit(&rows, &priors)?;
    let mut weights = [0.0; FEATURES];
    weights.copy_from_slice(&beta[1..]);
    Ok(DelightModel {
        intercept: beta[0],
        weights,
        ratings: rated.len(),
    })
}

/// Everybody's own effect after one more Newton step from `offsets`, log-odds, for each of `rated`.
fn effects(model: &DelightModel, rated: &[Rated], offsets: &[f64]) -> Vec<f64> {
    let mut sums: BTreeMap<CustomerIx, (f64, f64, f64)> = BTreeMap::new();
    for (rating, offset) in rated.iter().zip(offsets) {
        let p = logistic::sigmoid(model.log_odds(&rating.features) + offset);
        let slot = sums.entry(rating.customer).or_default();
        slot.0 += rating.weight * (rating.label - p);
        slot.1 += rating.weight * p * (1.0 - p);
        slot.2 = *offset;
    }
    let of = |customer: &CustomerIx| {
        sums.get(customer).map_or(0.0, |(slope, bend, now)| {
            now + (slope - EFFECT_PRECISION * now) / (bend + EFFECT_PRECISION)
        })
    };
    rated.iter().map(|rating| of(&rating.customer)).collect()
}

/// By how much log-odds are to be scaled and shifted so that they hold for customers whose answers they were not fitted on.
fn boldness(
    prior: &DelightModel,
    rated: &[Rated],
    offsets: &[f64],
) -> Result<(f64, f64), DelightError> {
    let (mut said, mut came) = (Vec::new(), Vec::new());
    for half in 0..2 {
        let others = posterior(prior, rated, offsets, &|r| r.customer.0 % 2 != half)?;
        for rating in rated.iter().filter(|r| r.customer.0 % 2 == half) {
            said.push(others.log_odds(&rating.features));
            came.push((rating.label, rating.weight));
        }
    }
    Ok(line(&said, &came, BOLDNESS_PRIOR))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::prelude::*;
    use rand_chacha::ChaCha8Rng;

    fn draw(rng: &mut ChaCha8Rng, truth: &DelightModel, n: usize) -> Vec<Rated> {
        (0..n)
            .map(|_| {
                let mut features = [0.0f32; FEATURES];
                for x in &mut features {
                    *x = rng.gen_range(-1.7..1.7);
                }
                let p = truth.probability(&features);
                Rated {
                    customer: CustomerIx(rng.gen_range(0..200)),
                    features,
                    label: f64::from(u8::from(rng.gen_bool(p))),
                    weight: 1.0,
                }
            })
            .collect()
    }

    #[test]
    fn without_ratings_it_is_the_prior_and_a_few_move_it_little() {
        assert_eq!(fit(&[]).unwrap(), DelightModel::prior());
        let mut features = [0.0; FEATURES];
        features[0] = 1.0;
        let one = Rated {
            customer: CustomerIx(0),
            features,
            label: 0.0,
            weight: 1.0,
        };
        let fitted = fit(&[one]).unwrap();
        assert!((fitted.weights[0] - 0.5).abs() < 0.1 && fitted.weights[0] < 0.5);
        assert_eq!(fitted.ratings, 1);
    }

    #[test]
    fn many_ratings_find_other_weights_and_are_calibrated() {
        let truth = DelightModel {
            intercept: -1.0,
            weights: {
                let mut weights = [0.0; FEATURES];
                weights[..10]
                    .copy_from_slice(&[1.0, 0.2, -0.5, 1.5, 0.0, 0.0, 0.6, 0.0, 0.3, -0.8]);
                weights
            },
            ratings: 0,
        };
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let fitted = fit(&draw(&mut rng, &truth, 4000)).unwrap();
        for (got, want) in fitted.weights.iter().zip(truth.weights) {
            // as bold as holds for customers who were not fitted on, which is a little less
            assert!((got - want).abs() < 0.25, "{got} is not {want}");
        }
        let test = draw(&mut rng, &truth, 4000);
        let (mut said, mut came) = ([0.0; 5], [0.0; 5]);
        for r in &test {
            let p = fitted.probability(&r.features);
            let bin = ((p * 5.0) as usize).min(4);
            said[bin] += p;
            came[bin] += r.label;
        }
        let error: f64 = said
            .iter()
            .zip(came)
            .map(|(s, c)| (s - c).abs())
            .sum::<f64>()
            / test.len() as f64;
        assert!(error < 0.03, "{error}");
    }

    #[test]
    fn the_gradient_vanishes_at_the_optimum() {
        let mut rng = ChaCha8Rng::seed_from_u64(8);
        let rated = draw(&mut rng, &DelightModel::prior(), 200);
        let fitted = fit(&rated).unwrap();
        let slope: f64 = rated
            .iter()
            .map(|r| (fitted.probability(&r.features) - r.label) * f64::from(r.features[2]))
            .sum();
        let pull = PRECISION * (fitted.weights[2] - 0.5);
        assert!((slope + pull).abs() < 1e-4);
    }

    #[test]
    fn ratings_that_are_none_are_refused() {
        let bad = |label: f64, x: f32, weight: f64| {
            fit(&[Rated {
                customer: CustomerIx(0),
                features: [x; FEATURES],
                label,
                weight,
            }])
        };
        assert!(bad(1.5, 0.0, 1.0).is_err());
        assert!(bad(1.0, f32::NAN, 1.0).is_err());
        assert!(bad(1.0, 0.0, 0.0).is_err());
    }
}
