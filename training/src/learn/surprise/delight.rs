//! Fits the probability of delight to ratings: the maximum a posteriori around the prior, by Newton's method.

use faer::linalg::solvers::Solve;
use faer::Mat;
use serendib_engine::stats::sigmoid;
use serendib_engine::surprise::{DelightModel, FEATURES};

/// Precision (1/variance) of the prior on weights, and on the intercept.
const PRECISION: f64 = 8.0;
const INTERCEPT_PRECISION: f64 = 0.25;
const NEWTON_STEPS: usize = 50;

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

fn softplus(z: f64) -> f64 {
    z.max(0.0) + (-z.abs()).exp().ln_1p()
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
