//! Fits the probability of delight to ratings: the maximum a posteriori around the prior.

use crate::stats::logistic::{self, Observations, Prior};
use serendib_engine::surprise::{DelightModel, FEATURES};

/// Precision (1/variance) of the prior on weights, and on the intercept.
const PRECISION: f64 = 8.0;
const INTERCEPT_PRECISION: f64 = 0.25;

/// One rating: what was known when it was shown, and how it was felt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rated {
    pub features: [f32; FEATURES],
    /// 1 = delighted, 0 = not; anything between counts for both.
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

/// The maximum a posteriori given `rated`, around the prior; the prior itself without ratings.
///
/// # Errors
/// A feature that is not finite, a label outside 0…1, a weight that is not above 0.
pub fn fit(rated: &[Rated]) -> Result<DelightModel, DelightError> {
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
    let prior = DelightModel::prior();
    let mut priors = vec![Prior::normal(prior.intercept, INTERCEPT_PRECISION)];
    priors.extend(prior.weights.map(|weight| Prior::normal(weight, PRECISION)));
    let mut rows = Observations::default();
    for rating in rated {
        let features = rating.features.iter().map(|x| f64::from(*x));
        let terms = std::iter::once(1.0).chain(features).enumerate();
        rows.push(terms, rating.label, rating.weight);
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
            assert!((got - want).abs() < 0.2, "{got} is not {want}");
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
