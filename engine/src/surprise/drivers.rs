//! What a predicted delight rests on, in kinds that can be said.

use super::terms::{Terms, FEATURES};
use super::DelightModel;

/// Features of each kind, by position in [`FEATURE_NAMES`](super::FEATURE_NAMES); the others (relevance, price, stars and the
/// like) say nothing of why something surprises.
const LIFE: [usize; 3] = [11, 14, 17];
const TIMELY: [usize; 2] = [3, 7];
const KIN: [usize; 3] = [13, 16, 29];
const DIFFERENT: [usize; 5] = [1, 2, 6, 8, 12];

/// Shares of what can be said for the delight of one product; they sum to 1, or all are 0.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Drivers {
    /// The customer's life needs it.
    pub life: f32,
    /// It is in season or on the rise.
    pub moment: f32,
    /// The customer buys kinds that go with its kind.
    pub kin: f32,
    /// It is not what they would expect.
    pub different: f32,
}

impl Drivers {
    /// Of a product with these `terms` and `features`, by the weights of `model`. What speaks against delight is left out.
    pub fn of(model: &DelightModel, terms: &Terms, features: &[f32; FEATURES]) -> Drivers {
        let part = |of: &[usize]| -> f32 {
            let sum: f64 = of
                .iter()
                .map(|ix| model.weights[*ix] * f64::from(features[*ix]))
                .sum();
            sum.max(0.0) as f32
        };
        let timely = part(&TIMELY);
        let of_life = need_in_timeliness(terms);
        let parts = [
            part(&LIFE) + of_life * timely,
            (1.0 - of_life) * timely,
            part(&KIN),
            part(&DIFFERENT),
        ];
        let all: f32 = parts.iter().sum();
        if !(all.is_finite() && all > 0.0) {
            return Drivers::default();
        }
        let [life, moment, kin, different] = parts.map(|part| part / all);
        Drivers {
            life,
            moment,
            kin,
            different,
        }
    }
}

/// How much of timeliness is the need of the customer's life, 0…1; the rest is the moment.
fn need_in_timeliness(terms: &Terms) -> f32 {
    let need = terms.need.clamp(0.0, 1.0);
    let moment = if need < 1.0 {
        1.0 - (1.0 - terms.timeliness.clamp(0.0, 1.0)) / (1.0 - need)
    } else {
        0.0
    };
    let both = need + moment.max(0.0);
    if both > 0.0 {
        need / both
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surprise::{either, FEATURE_NAMES};

    #[test]
    fn features_are_the_ones_meant() {
        let names = |of: &[usize]| of.iter().map(|ix| FEATURE_NAMES[*ix]).collect::<Vec<_>>();
        assert_eq!(names(&LIFE), ["need", "life's fit", "life's fit as it is"]);
        assert_eq!(names(&TIMELY), ["timeliness", "relevance × timeliness"]);
        assert_eq!(
            names(&KIN),
            ["kinship", "kinship as it is", "new kind × kinship"]
        );
        let different = names(&DIFFERENT);
        assert!(different
            .iter()
            .all(|name| ["unexpected", "novelty", "new kind"]
                .iter()
                .any(|word| name.contains(word))));
    }

    #[test]
    fn shares_follow_the_weights_and_sum_to_one() {
        let model = DelightModel::prior();
        let terms = |need: f32, moment: f32| Terms {
            need,
            timeliness: either(need, moment),
            ..Terms::default()
        };
        let mut features = [0.0f32; FEATURES];
        let none = Drivers::of(&model, &terms(0.5, 0.5), &features);
        assert_eq!(none, Drivers::default());
        features[3] = 2.0;
        features[13] = 1.0;
        features[1] = -2.0;
        let season = Drivers::of(&model, &terms(0.0, 0.8), &features);
        assert!((season.moment - 2.0 / 3.0).abs() < 1e-5 && season.life == 0.0);
        assert!((season.kin - 1.0 / 3.0).abs() < 1e-5 && season.different == 0.0);
        let life = Drivers::of(&model, &terms(0.8, 0.0), &features);
        assert!((life.life - 2.0 / 3.0).abs() < 1e-5 && life.moment.abs() < 1e-5);
        let both = Drivers::of(&model, &terms(0.5, 0.5), &features);
        assert!((both.life - both.moment).abs() < 1e-5);
    }
}
