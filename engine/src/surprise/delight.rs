//! Predicted probability that a recommendation is felt as a pleasant surprise.
//!
//! Logistic in standardised terms. Without ratings it is the prior: equal positive weights on relevance, unexpectedness,
//! novelty, timeliness, price comfort, and on what tells whether the customer has a use for the kind of thing: its reach, its
//! kinship with what they buy, and how it fits their life; the same with the other sign on fatigue. The signs follow the
//! published survey of Taobao's customers (Chen et al., WWW 2019: all four raise serendipity, likeness to earlier recommendations lowers it; clicks
//! are no label). With ratings it is the maximum a posteriori around that prior, found by Newton's method.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::terms::{FEATURES, KIND_DELIGHTS};
use crate::stats::sigmoid;
use serendib_shop::Delight as Answers;

/// Weight of each standardised term before any rating.
const PRIOR_WEIGHT: f64 = 0.5;
/// Curious customers like the unexpected more, by half a term.
const PRIOR_CURIOSITY: f64 = 0.25;
/// Right after a disappointment little delights.
const PRIOR_LET_DOWN: f64 = -1.0;
/// Fewer than half of well-chosen surprises delight; a weak opinion, soon overruled.
const PRIOR_INTERCEPT: f64 = -0.5;

/// The delight model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DelightModel {
    pub intercept: f64,
    /// One weight per feature.
    #[serde(serialize_with = "write_weights", deserialize_with = "read_weights")]
    pub weights: [f64; FEATURES],
    /// Ratings it was fitted on; 0 = the prior.
    pub ratings: usize,
}

/// serde knows no arrays of more than 32.
fn write_weights<S: Serializer>(weights: &[f64; FEATURES], to: S) -> Result<S::Ok, S::Error> {
    weights.as_slice().serialize(to)
}

fn read_weights<'de, D: Deserializer<'de>>(from: D) -> Result<[f64; FEATURES], D::Error> {
    let weights = Vec::<f64>::deserialize(from)?;
    let found = weights.len();
    weights
        .try_into()
        .map_err(|_| D::Error::invalid_length(found, &"one weight per feature"))
}

/// `first` weights, and none on the features after them.
fn known(first: &[f64]) -> [f64; FEATURES] {
    let mut weights = [0.0; FEATURES];
    for (slot, weight) in weights.iter_mut().zip(first) {
        *slot = *weight;
    }
    weights
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
        let mut prior = DelightModel {
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
        };
        // nothing where nobody rated any of its kind
        prior.weights[KIND_DELIGHTS] = 1.0;
        prior
    }

    /// What is known before anything was felt but that `share` of it was (0…1) and how its kinds were, by the feature
    /// `of_kind`.
    pub fn of_share(share: f64, of_kind: usize) -> DelightModel {
        let share = share.clamp(0.001, 0.999);
        let mut weights = [0.0; FEATURES];
        if let Some(weight) = weights.get_mut(of_kind) {
            *weight = 1.0;
        }
        DelightModel {
            intercept: (share / (1.0 - share)).ln(),
            weights,
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
