//! What a customer would expect anyway, and how unexpected a product is for them.
//!
//! Unexpected is what a *primitive* recommender would not have said (Ge, Delgado & Jannach, RecSys 2010). The primitive model
//! here knows only popularity and habit: P(i | u) = (n_u,topic + α·share(topic)) / (n_u + α) · P(i | topic). To this comes the
//! distance to the nearest interest with an activation that is highest at a moderate distance (after Li et al., "PURS",
//! RecSys 2020), and whether the topic is new to the customer.

use super::{Interests, Topics};
use serendib_shop::ProductIx;

/// Purchases by which a customer's habit is shrunk to the shop's.
const ALPHA: f32 = 5.0;
/// A product expected a thousand times less than the most expected one is not expected at all.
const SPAN: f32 = 6.907_755;
/// Distance of the highest activation.
pub const BEST_DISTANCE: f32 = 0.45;

/// Popularity by topic: all that the primitive model knows of the shop.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Popularity {
    /// Share of each topic in all purchases.
    topic_share: Vec<f32>,
    /// Share of each product in its topic's purchases.
    share_in_topic: Vec<f32>,
    /// Largest share in each topic.
    best_in_topic: Vec<f32>,
    /// How little known each product is, 0 (the most bought) to 1.
    novelty: Vec<f32>,
}

impl Popularity {
    /// From how many customers bought each product. One imagined buyer per product keeps shares above 0.
    pub fn new(buyers: &[f32], topics: &Topics) -> Popularity {
        let mut by_topic = vec![0.0f32; topics.count()];
        let mut total = 0.0f32;
        for (product, topic) in topics.numbers().iter().enumerate() {
            let count = buyers.get(product).copied().unwrap_or(0.0) + 1.0;
            by_topic[*topic as usize] += count;
            total += count;
        }
        let share_in_topic: Vec<f32> = topics
            .numbers()
            .iter()
            .enumerate()
            .map(|(product, topic)| {
                let count = buyers.get(product).copied().unwrap_or(0.0) + 1.0;
                count / by_topic[*topic as usize].max(1.0)
            })
            .collect();
        let mut best_in_topic = vec![0.0f32; topics.count()];
        for (share, topic) in share_in_topic.iter().zip(topics.numbers()) {
            let best = &mut best_in_topic[*topic as usize];
            *best = best.max(*share);
        }
        let most = buyers.iter().copied().fold(0.0f32, f32::max).ln_1p();
        let novelty = (0..topics.numbers().len())
            .map(|product| {
                let known = buyers.get(product).copied().unwrap_or(0.0).max(0.0).ln_1p();
                if most > 0.0 {
                    (1.0 - known / most).clamp(0.0, 1.0)
                } else {
                    1.0
                }
            })
            .collect();
        Popularity {
            topic_share: by_topic.iter().map(|n| n / total.max(1.0)).collect(),
            share_in_topic,
            best_in_topic,
            novelty,
        }
    }

    /// How little known `product` is among all customers, 0…1; 1 for one the model does not know.
    pub fn novelty(&self, product: ProductIx) -> f32 {
        self.novelty.get(product.index()).copied().unwrap_or(1.0)
    }

    /// The share of `product` in what is bought of its topic, 0…1; 0 for one the model does not know.
    pub fn leading(&self, product: ProductIx) -> f32 {
        let share = self.share_in_topic.get(product.index());
        share.copied().unwrap_or(0.0)
    }

    /// How many of all purchases are of the product's topic, 0…1: 1 for the topic bought most, ½ for one bought thirty times
    /// less.
    pub fn reach(&self, topics: &Topics, product: ProductIx) -> f32 {
        let most = self.topic_share.iter().copied().fold(1e-9f32, f32::max);
        let share = topics
            .of(product)
            .and_then(|topic| self.topic_share.get(topic as usize))
            .copied()
            .unwrap_or(0.0);
        (1.0 + (share / most).max(1e-9).ln() / SPAN).clamp(0.0, 1.0)
    }

    fn habit(&self, interests: &Interests, topic: u32) -> f32 {
        let share = self.topic_share.get(topic as usize).copied().unwrap_or(0.0);
        (interests.bought_from(topic) + ALPHA * share) / (interests.total() + ALPHA)
    }
}

/// What one customer would expect, prepared once per request.
pub struct Expectation<'a> {
    popularity: &'a Popularity,
    topics: &'a Topics,
    interests: &'a Interests,
    most: f32,
}

impl<'a> Expectation<'a> {
    /// Of the customer with these `interests`.
    pub fn new(
        popularity: &'a Popularity,
        topics: &'a Topics,
        interests: &'a Interests,
    ) -> Expectation<'a> {
        let most = (0..popularity.topic_share.len() as u32)
            .map(|t| popularity.habit(interests, t) * popularity.best_in_topic[t as usize])
            .fold(1e-12f32, f32::max);
        Expectation {
            popularity,
            topics,
            interests,
            most,
        }
    }

    /// How expected `product` is, 0…1: 1 for what the primitive model would say first.
    pub fn expected(&self, product: ProductIx) -> f32 {
        let Some(topic) = self.topics.of(product) else {
            return 0.0;
        };
        let share = self
            .popularity
            .share_in_topic
            .get(product.index())
            .copied()
            .unwrap_or(0.0);
        let p = self.popularity.habit(self.interests, topic) * share;
        (1.0 + (p / self.most).max(1e-12).ln() / SPAN).clamp(0.0, 1.0)
    }

    /// How new the topic of `product` is to the customer, 0…1: 1 never bought from, ½ once, ⅓ twice.
    pub fn new_topic(&self, product: ProductIx) -> f32 {
        self.topics
            .of(product)
            .map_or(1.0, |t| 1.0 / (1.0 + self.interests.bought_from(t)))
    }

    /// How unexpected `product` with unit `vector` is for the customer, 0…1: the mean of what the primitive model would not
    /// say, the activated distance to the nearest interest, and the newness of the topic. A product without a vector is
    /// judged by the other two.
    pub fn unexpectedness(&self, product: ProductIx, vector: Option<&[f32]>) -> f32 {
        let unsaid = 1.0 - self.expected(product);
        let new = self.new_topic(product);
        match vector.and_then(|v| self.interests.distance(v)) {
            Some(distance) => (unsaid + new + activation(distance)) / 3.0,
            None => (unsaid + new) / 2.0,
        }
    }
}

/// (d/δ)·e^(1 − d/δ): 0 at no distance, 1 at the best distance δ, falling slowly beyond.
pub fn activation(distance: f32) -> f32 {
    let x = distance.clamp(0.0, 1.0) / BEST_DISTANCE;
    x * (1.0 - x).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activation_is_highest_at_a_moderate_distance() {
        assert_eq!(activation(0.0), 0.0);
        assert!((activation(BEST_DISTANCE) - 1.0).abs() < 1e-6);
        assert!(activation(0.2) < 0.8 && activation(1.0) < 0.8);
    }

    #[test]
    fn popular_and_habitual_is_expected() {
        // Topic 0: products 0 (popular), 1; topic 1: products 2 (popular), 3.
        let topics = Topics::from_numbers(vec![0, 0, 1, 1]);
        let popularity = Popularity::new(&[100.0, 5.0, 80.0, 5.0], &topics);
        let interests = Interests::of(&[(ProductIx(1), 4.0)], &topics, &|_| None);
        let expectation = Expectation::new(&popularity, &topics, &interests);
        assert_eq!(expectation.expected(ProductIx(0)), 1.0);
        assert!(expectation.expected(ProductIx(0)) > expectation.expected(ProductIx(2)));
        assert!(expectation.expected(ProductIx(2)) > expectation.expected(ProductIx(3)));
        assert_eq!(expectation.new_topic(ProductIx(2)), 1.0);
        assert!(expectation.new_topic(ProductIx(0)) < 0.3);
        assert!(
            expectation.unexpectedness(ProductIx(3), None)
                > expectation.unexpectedness(ProductIx(0), None)
        );
        assert!((0.0..=1.0).contains(&expectation.unexpectedness(ProductIx(77), None)));
        assert!(popularity.novelty(ProductIx(1)) > popularity.novelty(ProductIx(0)));
    }
}
