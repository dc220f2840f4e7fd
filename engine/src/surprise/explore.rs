//! One slot drawn at random with exact propensities, so that what was not shown can be evaluated later.

use rand::prelude::*;
use rand_chacha::ChaCha8Rng;

use serendib_shop::{stable_hash, ProductIx};

/// How the slot is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExploreOptions {
    /// Candidates of the draw: the best so many; 30.
    pub width: usize,
    /// Temperature of the softmax over values in 0…1; .1.
    pub temperature: f64,
    /// Share of the draw that is uniform, so that no propensity is near 0; .2.
    pub uniform: f64,
}

impl Default for ExploreOptions {
    fn default() -> Self {
        ExploreOptions {
            width: 30,
            temperature: 0.1,
            uniform: 0.2,
        }
    }
}

/// What was drawn, from what, and how likely each was.
#[derive(Debug, Clone, PartialEq)]
pub struct Draw {
    /// Position of the drawn one in `candidates`.
    pub chosen: usize,
    /// Every candidate with its probability; they sum to 1.
    pub candidates: Vec<(ProductIx, f64)>,
}

impl Draw {
    /// The drawn product.
    pub fn product(&self) -> ProductIx {
        self.candidates[self.chosen].0
    }

    /// The probability of the drawn product.
    pub fn propensity(&self) -> f64 {
        self.candidates[self.chosen].1
    }
}

/// The probabilities of `values`: a softmax mixed with the uniform distribution.
pub fn propensities(values: &[f64], options: &ExploreOptions) -> Vec<f64> {
    if values.is_empty() {
        return Vec::new();
    }
    let n = values.len() as f64;
    let value = |x: f64| if x.is_finite() { x } else { 0.0 };
    let best = values
        .iter()
        .map(|x| value(*x))
        .fold(f64::NEG_INFINITY, f64::max);
    let temperature = options.temperature.max(1e-6);
    let weights: Vec<f64> = values
        .iter()
        .map(|x| ((value(*x) - best) / temperature).exp())
        .collect();
    let total: f64 = weights.iter().sum();
    let uniform = options.uniform.clamp(0.0, 1.0);
    weights
        .iter()
        .map(|w| (1.0 - uniform) * w / total + uniform / n)
        .collect()
}

/// Draws one of `candidates` (product and value, best first; all have passed every filter and the floor) for `slot` of the request
/// with `seed`. The same seed and slot draw the same. `None` without candidates.
pub fn draw(
    candidates: &[(ProductIx, f64)],
    seed: u64,
    slot: u32,
    options: &ExploreOptions,
) -> Option<Draw> {
    let pool = &candidates[..candidates.len().min(options.width.max(1))];
    let values: Vec<f64> = pool.iter().map(|(_, value)| *value).collect();
    let propensities = propensities(&values, options);
    if propensities.is_empty() {
        return None;
    }
    let mut key = seed.to_le_bytes().to_vec();
    key.extend(slot.to_le_bytes());
    let mut rng = ChaCha8Rng::seed_from_u64(stable_hash(&key));
    let point: f64 = rng.gen();
    let mut sum = 0.0;
    let mut chosen = propensities.len() - 1;
    for (ix, p) in propensities.iter().enumerate() {
        sum += p;
        if point < sum {
            chosen = ix;
            break;
        }
    }
    Some(Draw {
        chosen,
        candidates: pool
            .iter()
            .map(|(product, _)| *product)
            .zip(propensities)
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn propensities_sum_to_one_and_stay_above_the_uniform_share(
            values in prop::collection::vec(-1.0f64..2.0, 1..60)
        ) {
            let options = ExploreOptions::default();
            let p = propensities(&values, &options);
            prop_assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            let least = options.uniform / values.len() as f64;
            prop_assert!(p.iter().all(|p| *p >= least - 1e-12));
        }
    }

    #[test]
    fn frequencies_match_propensities() {
        let candidates: Vec<(ProductIx, f64)> = ProductIx::all(6)
            .map(|ix| (ix, 0.6 - 0.1 * f64::from(ix.0)))
            .collect();
        let draws = 20_000u64;
        let mut counts = [0u32; 6];
        let mut expected = Vec::new();
        for seed in 0..draws {
            let draw = draw(&candidates, seed, 3, &ExploreOptions::default()).unwrap();
            counts[draw.product().index()] += 1;
            expected = draw.candidates.iter().map(|(_, p)| *p).collect();
        }
        let chi: f64 = counts
            .iter()
            .zip(&expected)
            .map(|(n, p)| {
                let want = p * draws as f64;
                (f64::from(*n) - want).powi(2) / want
            })
            .sum();
        // 99.9 % of χ² with five degrees of freedom.
        assert!(chi < 20.5, "{chi}");
    }

    #[test]
    fn one_seed_one_draw_and_no_candidates_none() {
        let candidates = [(ProductIx(4), 0.5), (ProductIx(9), f64::NAN)];
        let options = ExploreOptions::default();
        assert_eq!(
            draw(&candidates, 7, 0, &options),
            draw(&candidates, 7, 0, &options)
        );
        assert!(draw(&[], 7, 0, &options).is_none());
        let one = draw(&candidates[..1], 1, 2, &options).unwrap();
        assert_eq!((one.product(), one.propensity()), (ProductIx(4), 1.0));
    }
}
