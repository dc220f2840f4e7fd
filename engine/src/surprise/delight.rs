//! Predicted probability that a recommendation is felt as a pleasant surprise.
//!
//! Logistic in standardised terms. Without ratings it is the prior: equal positive weights on relevance, unexpectedness,
//! novelty, timeliness, price comfort, and on what tells whether the customer has a use for the kind of thing: its reach, its
//! kinship with what they buy, and how it fits their life; the same with the other sign on fatigue. The signs follow the
//! published survey of Taobao's customers (Chen et al., WWW 2019: all four raise serendipity, likeness to earlier recommendations lowers it; clicks
//! are no label). With ratings it is the maximum a posteriori around that prior, found by Newton's method.

use faer::linalg::solvers::Solve;
use faer::Mat;
use serde::{Deserialize, Serialize};

use super::terms::FEATURES;
use serendib_shop::Delight as Answers;

/// Weight of each standardised term before any rating.
const PRIOR_WEIGHT: f64 = 0.5;
/// Curious customers like the unexpected more, by half a term.
const PRIOR_CURIOSITY: f64 = 0.25;
/// Right after a disappointment little delights.
const PRIOR_LET_DOWN: f64 = -1.0;
/// Fewer than half of well-chosen surprises delight; a weak opinion, soon overruled.
const PRIOR_INTERCEPT: f64 = -0.5;
/// Precision (1/variance) of the prior on weights, and on the intercept.
const PRECISION: f64 = 8.0;
const INTERCEPT_PRECISION: f64 = 0.25;
const NEWTON_STEPS: usize = 50;

/// The delight model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DelightModel {
    pub intercept: f64,
    /// One weight per feature.
    #[serde(deserialize_with = "known_weights")]
    pub weights: [f64; FEATURES],
    /// Ratings it was fitted on; 0 = the prior.
    pub ratings: usize,
}

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
    /// Newton's method met a matrix that is not positive definite.
    #[error("fit the delight model: the curvature is not positive definite")]
    Curvature,
}

/// `first` weights, and none on the features after them.
fn known(first: &[f64]) -> [f64; FEATURES] {
    let mut weights = [0.0; FEATURES];
    for (slot, weight) in weights.iter_mut().zip(first) {
        *slot = *weight;
    }
    weights
}

/// Reads weights; a model that was fitted on fewer features has none on the others.
fn known_weights<'de, D: serde::Deserializer<'de>>(from: D) -> Result<[f64; FEATURES], D::Error> {
    let found = Vec::<f64>::deserialize(from)?;
    if found.len() > FEATURES {
        let expected = format!("at most {FEATURES} weights");
        return Err(serde::de::Error::invalid_length(
            found.len(),
            &expected.as_str(),
        ));
    }
    Ok(known(&found))
}

impl Default for DelightModel {
    fn default() -> Self {
        DelightModel::prior()
    }
}

impl DelightModel {
    /// The model without ratings.
    pub fn prior() -> DelightModel {
        let w = PRIOR_WEIGHT;
        DelightModel {
            intercept: PRIOR_INTERCEPT,
            weights: known(&[
                w,
                w,
                w,
                w,
                w,
                -w,
                0.0,
                0.0,
                PRIOR_CURIOSITY,
                PRIOR_LET_DOWN,
                // Unexpectedness and novelty both hold the newness of the kind of thing: without reach, kinship and fit beside
                // them, what the customer has no use for would come first. Of need and newness apart nothing is known.
                w,
                0.0,
                0.0,
                w,
                w,
            ]),
            ratings: 0,
        }
    }

    /// Log-odds of delight.
    pub fn log_odds(&self, features: &[f32; FEATURES]) -> f64 {
        self.intercept
            + self
                .weights
                .iter()
                .zip(features)
                .map(|(w, x)| w * f64::from(*x))
                .sum::<f64>()
    }

    /// Probability of delight, 0…1.
    pub fn probability(&self, features: &[f32; FEATURES]) -> f64 {
        sigmoid(self.log_odds(features))
    }

    /// Probability of delight of the usual candidate of a customer of usual curiosity, 0…1.
    pub fn usual(&self) -> f64 {
        sigmoid(self.intercept)
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
        const N: usize = FEATURES + 1;
        let prior = DelightModel::prior();
        let centre: Vec<f64> = std::iter::once(prior.intercept)
            .chain(prior.weights)
            .collect();
        let precision = |ix: usize| {
            if ix == 0 {
                INTERCEPT_PRECISION
            } else {
                PRECISION
            }
        };
        let row = |rating: &Rated| -> [f64; N] {
            let mut out = [1.0; N];
            for (slot, x) in out[1..].iter_mut().zip(rating.features) {
                *slot = f64::from(x);
            }
            out
        };
        let loss = |beta: &[f64]| -> f64 {
            let fit: f64 = rated
                .iter()
                .map(|r| {
                    let z: f64 = row(r).iter().zip(beta).map(|(x, b)| x * b).sum();
                    r.weight * (softplus(z) - r.label * z)
                })
                .sum();
            let away: f64 = beta
                .iter()
                .zip(&centre)
                .enumerate()
                .map(|(ix, (b, c))| 0.5 * precision(ix) * (b - c) * (b - c))
                .sum();
            fit + away
        };
        let mut beta = centre.clone();
        let mut current = loss(&beta);
        for _ in 0..NEWTON_STEPS {
            let mut gradient = Mat::<f64>::zeros(N, 1);
            let mut curvature = Mat::<f64>::zeros(N, N);
            for ix in 0..N {
                gradient[(ix, 0)] = precision(ix) * (beta[ix] - centre[ix]);
                curvature[(ix, ix)] = precision(ix);
            }
            for rating in rated {
                let x = row(rating);
                let p = sigmoid(x.iter().zip(&beta).map(|(x, b)| x * b).sum());
                let slope = rating.weight * (p - rating.label);
                let bend = rating.weight * p * (1.0 - p);
                for i in 0..N {
                    gradient[(i, 0)] += slope * x[i];
                    for j in 0..N {
                        curvature[(i, j)] += bend * x[i] * x[j];
                    }
                }
            }
            let step = curvature
                .llt(faer::Side::Lower)
                .map_err(|_| DelightError::Curvature)?
                .solve(&gradient);
            // Halve the step until it helps: Newton overshoots far from the optimum.
            let mut size = 1.0;
            let mut moved = false;
            for _ in 0..30 {
                let next: Vec<f64> = (0..N).map(|ix| beta[ix] - size * step[(ix, 0)]).collect();
                let value = loss(&next);
                if value <= current {
                    moved = (current - value) > 1e-10 * current.abs().max(1.0);
                    beta = next;
                    current = value;
                    break;
                }
                size *= 0.5;
            }
            if !moved {
                break;
            }
        }
        let mut weights = [0.0; FEATURES];
        weights.copy_from_slice(&beta[1..]);
        Ok(DelightModel {
            intercept: beta[0],
            weights,
            ratings: rated.len(),
        })
    }
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

fn softplus(z: f64) -> f64 {
    z.max(0.0) + (-z.abs()).exp().ln_1p()
}

/// Whether what a customer said of a surprise is delight: 1, 0, or ½ where they met exactly what they expected; `None` where
/// nothing of it tells.
///
/// `surprised` decides where it was answered, from 4 on. Otherwise the difference of `actual` and `expected` decides, and only
/// then the mean of `inspired` and `again`, from 4 on. Answers outside 1 to 5 are not used.
pub fn label(answers: &Answers) -> Option<f64> {
    let valid = |x: Option<f64>| x.filter(|x| (1.0..=5.0).contains(x));
    if let Some(surprised) = valid(answers.surprised) {
        return Some(f64::from(u8::from(surprised >= 4.0)));
    }
    if let Some(gap) = gap(answers) {
        return Some(if gap > 0.0 {
            1.0
        } else if gap < 0.0 {
            0.0
        } else {
            0.5
        });
    }
    let said: Vec<f64> = [answers.inspired, answers.again]
        .into_iter()
        .filter_map(valid)
        .collect();
    if said.is_empty() {
        return None;
    }
    let mean = said.iter().sum::<f64>() / said.len() as f64;
    Some(f64::from(u8::from(mean >= 4.0)))
}

/// How far what came exceeded what was expected, −4 to 4; `None` unless both were answered with 1 to 5.
pub fn gap(answers: &Answers) -> Option<f64> {
    let valid = |x: Option<f64>| x.filter(|x| (1.0..=5.0).contains(x));
    Some(valid(answers.actual)? - valid(answers.expected)?)
}

/// Whether what a customer said of a surprise tells of a disappointment: less came than was expected, it was bad with nothing
/// said of what was expected (`actual` of 2 or less), or they do not want one again (`again` of 2 or less).
pub fn lets_down(answers: &Answers) -> bool {
    let low = |x: Option<f64>| x.is_some_and(|x| (1.0..=2.0).contains(&x));
    match gap(answers) {
        Some(gap) if gap < 0.0 => true,
        None if low(answers.actual) => true,
        _ => low(answers.again),
    }
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
        assert_eq!(DelightModel::fit(&[]).unwrap(), DelightModel::prior());
        let mut features = [0.0; FEATURES];
        features[0] = 1.0;
        let one = Rated {
            features,
            label: 0.0,
            weight: 1.0,
        };
        let fitted = DelightModel::fit(&[one]).unwrap();
        assert!((fitted.weights[0] - 0.5).abs() < 0.1 && fitted.weights[0] < 0.5);
        assert_eq!(fitted.ratings, 1);
    }

    #[test]
    fn many_ratings_find_other_weights_and_are_calibrated() {
        let truth = DelightModel {
            intercept: -1.0,
            weights: known(&[1.0, 0.2, -0.5, 1.5, 0.0, 0.0, 0.6, 0.0, 0.3, -0.8]),
            ratings: 0,
        };
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let fitted = DelightModel::fit(&draw(&mut rng, &truth, 4000)).unwrap();
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
        let fitted = DelightModel::fit(&rated).unwrap();
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
            DelightModel::fit(&[Rated {
                features: [x; FEATURES],
                label,
                weight,
            }])
        };
        assert!(bad(1.5, 0.0, 1.0).is_err());
        assert!(bad(1.0, f32::NAN, 1.0).is_err());
        assert!(bad(1.0, 0.0, 0.0).is_err());
    }

    #[test]
    fn surprise_decides_then_the_expectation_gap() {
        let said = |surprised: f64| Answers {
            surprised: Some(surprised),
            ..Answers::default()
        };
        assert_eq!(label(&said(5.0)), Some(1.0));
        assert_eq!(label(&said(3.0)), Some(0.0));
        assert_eq!(label(&said(9.0)), None);
        let gap = |expected: f64, actual: f64| Answers {
            expected: Some(expected),
            actual: Some(actual),
            inspired: Some(5.0),
            ..Answers::default()
        };
        assert_eq!(label(&gap(3.0, 4.0)), Some(1.0));
        assert_eq!(label(&gap(5.0, 4.0)), Some(0.0));
        assert_eq!(label(&gap(4.0, 4.0)), Some(0.5));
        assert_eq!(label(&Answers::default()), None);
    }

    #[test]
    fn less_than_expected_bad_or_not_again_lets_down() {
        let said = |expected: Option<f64>, actual: Option<f64>, again: Option<f64>| {
            lets_down(&Answers {
                expected,
                actual,
                again,
                ..Answers::default()
            })
        };
        assert!(said(Some(5.0), Some(4.0), None));
        assert!(said(None, Some(1.0), None));
        assert!(said(None, None, Some(2.0)));
        assert!(said(Some(3.0), Some(5.0), Some(1.0)));
        assert!(!said(Some(1.0), Some(2.0), None), "more than was expected");
        assert!(!said(None, Some(3.0), Some(3.0)));
        assert!(!said(None, None, None));
        assert!(!lets_down(&Answers {
            surprised: Some(1.0),
            inspired: Some(1.0),
            ..Answers::default()
        }));
    }
}
