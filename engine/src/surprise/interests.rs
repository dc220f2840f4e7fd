//! Clusters of what a customer has bought, and how far a product lies from the nearest.

use std::collections::BTreeMap;

use super::Topics;
use serendib_shop::ProductIx;

/// Clusters kept per customer: the heaviest.
const MOST: usize = 5;

/// A customer's interests: centroids of the vectors of what they have, one per topic, and their mix of topics.
#[derive(Debug, Clone, Default)]
pub struct Interests {
    centroids: Vec<(f32, Vec<f32>)>,
    /// Times each topic was bought, ascending by topic.
    mix: BTreeMap<u32, f32>,
    total: f32,
}

impl Interests {
    /// From what the customer has (`owned`: product, times bought). Products without a vector count for the mix only.
    pub fn of<'v>(
        owned: &[(ProductIx, f32)],
        topics: &Topics,
        vector: &dyn Fn(ProductIx) -> Option<&'v [f32]>,
    ) -> Interests {
        let mut sums: BTreeMap<u32, (f32, Vec<f32>)> = BTreeMap::new();
        let mut mix: BTreeMap<u32, f32> = BTreeMap::new();
        for (product, times) in owned {
            let Some(topic) = topics.of(*product) else {
                continue;
            };
            *mix.entry(topic).or_default() += times;
            if let Some(vector) = vector(*product) {
                let slot = sums
                    .entry(topic)
                    .or_insert_with(|| (0.0, vec![0.0; vector.len()]));
                // Buying one thing ten times is one interest, not ten.
                let weight = 1.0 + times.max(0.0).ln_1p();
                slot.0 += weight;
                for (sum, x) in slot.1.iter_mut().zip(vector) {
                    *sum += weight * x;
                }
            }
        }
        let mut centroids: Vec<(f32, Vec<f32>)> = sums
            .into_values()
            .filter_map(|(weight, mut sum)| {
                let norm = sum.iter().map(|x| x * x).sum::<f32>().sqrt();
                (norm > 1e-6).then(|| {
                    sum.iter_mut().for_each(|x| *x /= norm);
                    (weight, sum)
                })
            })
            .collect();
        centroids.sort_by(|a, b| b.0.total_cmp(&a.0));
        centroids.truncate(MOST);
        Interests {
            centroids,
            total: mix.values().sum(),
            mix,
        }
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.mix.is_empty()
    }

    /// 1 − the largest cosine of `vector` (unit length) to an interest, 0…1; `None` without vectors to compare.
    pub fn distance(&self, vector: &[f32]) -> Option<f32> {
        self.centroids
            .iter()
            .map(|(_, centroid)| centroid.iter().zip(vector).map(|(a, b)| a * b).sum::<f32>())
            .reduce(f32::max)
            .map(|cosine| (1.0 - cosine).clamp(0.0, 1.0))
    }

    /// How often the customer bought from `topic`.
    pub fn bought_from(&self, topic: u32) -> f32 {
        self.mix.get(&topic).copied().unwrap_or(0.0)
    }

    /// Share of `topic` in what the customer bought, 0…1.
    pub fn share(&self, topic: u32) -> f32 {
        self.bought_from(topic) / self.total.max(1e-9)
    }

    /// How often the customer bought at all.
    pub fn total(&self) -> f32 {
        self.total
    }

    /// The share of each topic in what the customer bought, ascending by topic.
    pub fn mix(&self) -> impl Iterator<Item = (u32, f32)> + '_ {
        let total = self.total.max(1e-9);
        self.mix.iter().map(move |(t, n)| (*t, n / total))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_is_to_the_nearest_interest() {
        let vectors: [[f32; 2]; 3] = [[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]];
        let topics = Topics::from_numbers(vec![0, 1, 1, 2]);
        let vector = |p: ProductIx| vectors.get(p.index()).map(|v| &v[..]);
        let interests = Interests::of(
            &[
                (ProductIx(0), 1.0),
                (ProductIx(1), 3.0),
                (ProductIx(9), 1.0),
            ],
            &topics,
            &vector,
        );
        assert!(interests.distance(&[1.0, 0.0]).unwrap() < 1e-6);
        assert!((interests.distance(&vectors[2]).unwrap() - 0.2).abs() < 1e-6);
        assert_eq!(interests.bought_from(1), 3.0);
        let share: f32 = interests.mix().map(|(_, s)| s).sum();
        assert!((share - 1.0).abs() < 1e-6);
    }

    #[test]
    fn nobody_has_no_distance() {
        let interests = Interests::of(&[], &Topics::default(), &|_| None);
        assert!(interests.is_empty() && interests.distance(&[1.0]).is_none());
    }
}
