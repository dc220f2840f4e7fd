//! The terms of delight, standardised over what is usual in the shop, so that they compare between customers.

use serde::{Deserialize, Serialize};

/// How many numbers describe one candidate to the delight model.
pub const FEATURES: usize = 37;
/// How many terms are standardised.
const STANDARDISED: usize = 11;

/// What is known of one candidate surprise; in 0…1 where nothing else is said.
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
    /// How surely the customer has a use for its kind by the other kinds they buy.
    pub kinship: f32,
    /// How much likelier the customer's life makes it, in powers of fifty, −1…1.5; 0 = no difference.
    pub fit: f32,
    /// How much the customer looked for its kind lately, ≥ 0.
    pub sought: f32,
    /// How often the customer was shown its kind lately, ≥ 0.
    pub shown_kind: f32,
    /// 1 where it is a durable thing of a kind that the customer has.
    pub settled: f32,
    /// 1 where the customer has had the thing itself.
    pub has: f32,
    /// Its stars above the shop's mean, −4…4.
    pub stars: f32,
    /// How much more often than usual it is given back, −1…1.
    pub returned: f32,
    /// How much dearer among its kind it is than what the customer buys, in standard deviations, −6…6.
    pub dearer: f32,
    /// Its share of what is bought of its kind.
    pub leading: f32,
    /// How much went wrong for the customer lately, 0…3.
    pub mishaps: f32,
    /// How much more things of its kind delight those who rated them than others do, log-odds, −3…3.
    pub kind_delights: f32,
    /// How much more often than usual things of its kind are kept from boxes, log-odds, −3…3.
    pub kind_kept: f32,
    /// How much more often than usual customers come back to things of its kind that they were shown, log-odds, −3…3.
    pub kind_sought: f32,
    /// How dear it is among all products, standard deviations of log prices, −3…3.
    pub price_level: f32,
    /// Square root of its kind's share in what the customer buys, 0…1.
    pub familiar: f32,
    /// How few customers bought it, 0 (the most bought) to 1.
    pub little_known: f32,
}

impl Terms {
    /// Log-odds of relevance and the other terms as they are: what is standardised.
    fn raw(&self) -> [f32; STANDARDISED] {
        [
            self.log_odds(),
            self.unexpectedness,
            self.novelty,
            self.timeliness,
            self.comfort,
            self.fatigue,
            self.reach,
            self.need,
            self.new_kind,
            self.kinship,
            self.fit,
        ]
    }

    /// Log-odds of relevance.
    fn log_odds(&self) -> f32 {
        let p = self.relevance.clamp(0.001, 0.999);
        (p / (1.0 - p)).ln()
    }
}

/// Log-odds of a usual relevance, and how much they usually differ: relevance compares between customers, too.
const USUAL_LOG_ODDS: f32 = -5.0;
const LOG_ODDS_SPREAD: f32 = 2.0;
/// How much kinship usually differs.
const KINSHIP_SPREAD: f32 = 0.2;

/// Mean and spread of each term among the candidates of many customers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Standard {
    mean: [f32; STANDARDISED],
    spread: [f32; STANDARDISED],
}

impl Default for Standard {
    /// What is usual where no shop was looked at.
    fn default() -> Self {
        Standard {
            mean: [
                USUAL_LOG_ODDS,
                0.6,
                0.6,
                0.3,
                0.7,
                0.1,
                0.5,
                0.1,
                0.5,
                0.1,
                0.0,
            ],
            spread: [
                LOG_ODDS_SPREAD,
                0.2,
                0.25,
                0.25,
                0.3,
                0.2,
                0.2,
                0.2,
                0.4,
                KINSHIP_SPREAD,
                0.3,
            ],
        }
    }
}

impl Standard {
    /// Whether every number is one.
    pub fn is_finite(&self) -> bool {
        self.mean.iter().chain(&self.spread).all(|x| x.is_finite())
    }

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

    /// What the models of delight and of wanting see of a candidate, for a customer whose curiosity is `curiosity` above what is
    /// usual (−1…1) and who was just disappointed or not: in the order of [`FEATURE_NAMES`], first the standardised terms
    /// with their products, then the others as they are.
    pub fn features(&self, terms: &Terms, curiosity: f32, let_down: bool) -> [f32; FEATURES] {
        let [relevance, unexpectedness, novelty, timeliness, comfort, fatigue, reach, need, new_kind, kinship, fit] =
            self.scores(terms);
        let curiosity = curiosity.clamp(-1.0, 1.0);
        let own_kinship = (terms.kinship / KINSHIP_SPREAD).clamp(0.0, 3.0);
        [
            relevance,
            unexpectedness,
            novelty,
            timeliness,
            comfort,
            fatigue,
            relevance * unexpectedness,
            relevance * timeliness,
            curiosity * unexpectedness,
            f32::from(u8::from(let_down)),
            reach,
            need,
            new_kind,
            kinship,
            fit,
            ((terms.log_odds() - USUAL_LOG_ODDS) / LOG_ODDS_SPREAD).clamp(-3.0, 3.0),
            own_kinship,
            terms.fit,
            terms.sought.min(3.0),
            terms.settled,
            terms.has,
            terms.stars,
            terms.has * terms.stars,
            terms.returned,
            terms.dearer.clamp(-3.0, 3.0),
            terms.mishaps,
            terms.shown_kind.min(3.0),
            terms.leading,
            curiosity,
            terms.new_kind * own_kinship,
            terms.kind_delights,
            terms.kind_kept,
            terms.price_level,
            terms.dearer.clamp(0.0, 3.0),
            terms.familiar,
            terms.little_known,
            terms.kind_sought,
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
    "kinship",
    "life's fit",
    "relevance as it is",
    "kinship as it is",
    "life's fit as it is",
    "sought lately",
    "durable and had",
    "had itself",
    "stars",
    "stars of what was had",
    "given back",
    "dearer than usual",
    "mishaps",
    "kind shown lately",
    "leading its kind",
    "curiosity",
    "new kind × kinship",
    "delight of its kind",
    "keeping of its kind",
    "price level",
    "dearer, not cheaper",
    "familiar kind",
    "little known",
    "coming back to its kind",
];

/// Position of the delight of a product's kind among the features.
pub const KIND_DELIGHTS: usize = 30;
/// Position of how a product's kind is kept from boxes.
pub const KIND_KEPT: usize = 31;
/// Position of how customers come back to a product's kind after it was shown.
pub const KIND_SOUGHT: usize = 36;

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
        // of an empty pool nothing is standard, and only relevance compares between customers by itself
        let alone = Standard::of(&[]).features(&Terms::default(), 0.0, false);
        for (name, feature) in FEATURE_NAMES.iter().zip(alone) {
            assert_eq!(feature == 0.0, *name != "relevance as it is", "{name}");
        }
    }
}
