//! The terms of delight, standardised over the candidates of one request.

/// How many numbers describe one candidate to the delight model.
pub const FEATURES: usize = 13;
/// How many terms are standardised.
const STANDARDISED: usize = 9;

/// What is known of one candidate surprise; all in 0…1.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Terms {
    /// How well it suits.
    pub relevance: f32,
    /// How far it is from what the customer expects.
    pub unexpectedness: f32,
    /// How little known it is.
    pub novelty: f32,
    /// How well it fits the moment.
    pub timeliness: f32,
    /// How comfortable its price is.
    pub comfort: f32,
    /// How tired the customer is of things like it.
    pub fatigue: f32,
    /// How many customers have a use for its kind of thing.
    pub reach: f32,
    /// How surely the customer's life needs it about now; a part of timeliness.
    pub need: f32,
    /// How new its kind of thing is to the customer; a part of novelty.
    pub new_kind: f32,
}

impl Terms {
    /// Log-odds of relevance and the other terms as they are: what is standardised.
    fn raw(&self) -> [f32; STANDARDISED] {
        let p = self.relevance.clamp(0.001, 0.999);
        [
            (p / (1.0 - p)).ln(),
            self.unexpectedness,
            self.novelty,
            self.timeliness,
            self.comfort,
            self.fatigue,
            self.reach,
            self.need,
            self.new_kind,
        ]
    }
}

/// Mean and spread of each term over a pool of candidates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standard {
    mean: [f32; STANDARDISED],
    spread: [f32; STANDARDISED],
}

impl Standard {
    /// Of `pool`. A term that hardly varies there tells nothing and becomes 0 everywhere.
    pub fn of(pool: &[Terms]) -> Standard {
        let mut mean = [0.0f64; STANDARDISED];
        let mut squares = [0.0f64; STANDARDISED];
        for terms in pool {
            for (slot, x) in mean.iter_mut().zip(terms.raw()) {
                *slot += f64::from(x);
            }
        }
        let n = pool.len().max(1) as f64;
        mean.iter_mut().for_each(|m| *m /= n);
        for terms in pool {
            for ((slot, x), m) in squares.iter_mut().zip(terms.raw()).zip(mean) {
                let away = f64::from(x) - m;
                *slot += away * away;
            }
        }
        Standard {
            mean: mean.map(|m| m as f32),
            spread: squares.map(|s| (s / n).sqrt() as f32),
        }
    }

    /// Standard scores of `terms`, at most 3 in size.
    fn scores(&self, terms: &Terms) -> [f32; STANDARDISED] {
        let mut out = [0.0; STANDARDISED];
        for (ix, x) in terms.raw().into_iter().enumerate() {
            if self.spread[ix] > 1e-4 {
                out[ix] = ((x - self.mean[ix]) / self.spread[ix]).clamp(-3.0, 3.0);
            }
        }
        out
    }

    /// What the delight model sees of a candidate, for a customer whose curiosity is `curiosity` above what is usual
    /// (−1…1) and who was just disappointed or not: six standard scores, relevance × unexpectedness, relevance × timeliness,
    /// curiosity × unexpectedness, disappointment, and the standard scores of reach, need and newness of the kind.
    pub fn features(&self, terms: &Terms, curiosity: f32, let_down: bool) -> [f32; FEATURES] {
        let [relevance, unexpectedness, novelty, timeliness, comfort, fatigue, reach, need, new_kind] =
            self.scores(terms);
        [
            relevance,
            unexpectedness,
            novelty,
            timeliness,
            comfort,
            fatigue,
            relevance * unexpectedness,
            relevance * timeliness,
            curiosity.clamp(-1.0, 1.0) * unexpectedness,
            f32::from(u8::from(let_down)),
            reach,
            need,
            new_kind,
        ]
    }
}

/// Names of the features, for reports.
pub const FEATURE_NAMES: [&str; FEATURES] = [
    "relevance",
    "unexpectedness",
    "novelty",
    "timeliness",
    "price comfort",
    "fatigue",
    "relevance × unexpectedness",
    "relevance × timeliness",
    "curiosity × unexpectedness",
    "disappointment",
    "reach",
    "need",
    "new kind",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_that_does_not_vary_tells_nothing() {
        let pool: Vec<Terms> = (0..10)
            .map(|i| Terms {
                relevance: 0.1 * i as f32,
                timeliness: 0.5,
                ..Terms::default()
            })
            .collect();
        let standard = Standard::of(&pool);
        let features = standard.features(&pool[9], 0.5, false);
        assert!(features[0] > 1.0 && features[0] <= 3.0);
        assert_eq!(features[3], 0.0);
        let mean: f32 = pool
            .iter()
            .map(|t| standard.features(t, 0.0, false)[0])
            .sum::<f32>();
        assert!(mean.abs() < 1e-3);
        assert_eq!(
            Standard::of(&[]).features(&Terms::default(), 0.0, false),
            [0.0; FEATURES]
        );
    }
}
