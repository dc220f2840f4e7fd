//! Lists that mirror a customer's mix, and caps on how much of a list one category or brand may take.

use std::collections::HashMap;

/// Weight of the list's own mix against the customer's where the list lacks a topic: keeps the divergence finite.
const SMOOTH: f64 = 0.01;

/// Kullback–Leibler divergence of the smoothed list mix from the customer's mix `wanted`; 0 for a list that mirrors it.
///
/// Steck, "Calibrated recommendations", RecSys 2018, with q̃ = (1 − α)·q + α·p.
pub fn divergence(wanted: &HashMap<u32, f64>, listed: &HashMap<u32, f64>) -> f64 {
    let total: f64 = listed.values().sum();
    wanted
        .iter()
        .filter(|(_, p)| **p > 0.0)
        .map(|(topic, p)| {
            let q = if total > 0.0 {
                listed.get(topic).copied().unwrap_or(0.0) / total
            } else {
                0.0
            };
            p * (p / ((1.0 - SMOOTH) * q + SMOOTH * p)).ln()
        })
        .sum()
}

/// Orders candidates so that scores and mix are balanced: greedily maximises (1 − λ)·Σ score − λ·divergence.
///
/// `scores` in 0…1 and `topics` per candidate, `wanted` the customer's mix (shares that sum to 1). λ = 0 is the order of scores;
/// ties go to the earlier candidate. Returns the first `count` as indices.
pub fn calibrated(
    scores: &[f32],
    topics: &[u32],
    wanted: &HashMap<u32, f64>,
    lambda: f64,
    count: usize,
) -> Vec<usize> {
    let lambda = if lambda.is_nan() {
        0.0
    } else {
        lambda.clamp(0.0, 1.0)
    };
    let mut listed: HashMap<u32, f64> = HashMap::new();
    let mut open: Vec<usize> = (0..scores.len().min(topics.len())).collect();
    let mut chosen = Vec::with_capacity(count.min(open.len()));
    while chosen.len() < count && !open.is_empty() {
        // The divergence after adding depends on the topic alone.
        let mut after: HashMap<u32, f64> = HashMap::new();
        let mut best = 0usize;
        let mut best_value = f64::NEG_INFINITY;
        for (at, ix) in open.iter().enumerate() {
            let topic = topics[*ix];
            let gap = *after.entry(topic).or_insert_with(|| {
                *listed.entry(topic).or_default() += 1.0;
                let value = divergence(wanted, &listed);
                *listed.entry(topic).or_default() -= 1.0;
                value
            });
            let score = f64::from(scores[*ix]);
            let value = (1.0 - lambda) * if score.is_finite() { score } else { 0.0 } - lambda * gap;
            if value > best_value {
                (best, best_value) = (at, value);
            }
        }
        let ix = open.remove(best);
        *listed.entry(topics[ix]).or_default() += 1.0;
        chosen.push(ix);
    }
    chosen
}

/// How many items of one list may share a category or a brand; absent = any number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Caps {
    /// Per leaf category (or topic).
    pub category: Option<usize>,
    /// Per brand.
    pub brand: Option<usize>,
}

/// Counts what a list holds against its caps.
#[derive(Debug, Default)]
pub struct CapCounter<'a> {
    caps: Caps,
    categories: HashMap<u32, usize>,
    brands: HashMap<&'a str, usize>,
}

impl<'a> CapCounter<'a> {
    /// An empty list under `caps`.
    pub fn new(caps: Caps) -> CapCounter<'a> {
        CapCounter {
            caps,
            ..CapCounter::default()
        }
    }

    /// Takes an item in, or names the cap that it would break. An item without category or brand breaks neither.
    pub fn take(
        &mut self,
        category: Option<u32>,
        brand: Option<&'a str>,
    ) -> Result<(), &'static str> {
        let full = |count: usize, cap: Option<usize>| cap.is_some_and(|cap| count >= cap);
        if let Some(c) = category {
            if full(
                self.categories.get(&c).copied().unwrap_or(0),
                self.caps.category,
            ) {
                return Err("category_cap");
            }
        }
        if let Some(b) = brand {
            if full(self.brands.get(b).copied().unwrap_or(0), self.caps.brand) {
                return Err("brand_cap");
            }
        }
        if let Some(c) = category {
            *self.categories.entry(c).or_default() += 1;
        }
        if let Some(b) = brand {
            *self.brands.entry(b).or_default() += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mix(shares: &[(u32, f64)]) -> HashMap<u32, f64> {
        shares.iter().copied().collect()
    }

    #[test]
    fn a_list_that_mirrors_the_customer_diverges_by_nothing() {
        let wanted = mix(&[(1, 0.75), (2, 0.25)]);
        assert!(divergence(&wanted, &mix(&[(1, 3.0), (2, 1.0)])).abs() < 1e-12);
        assert!(divergence(&wanted, &mix(&[(1, 4.0)])) > 0.5);
        assert!(divergence(&wanted, &HashMap::new()).is_finite());
    }

    #[test]
    fn lambda_trades_score_for_mix() {
        let scores = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4];
        let topics = [1, 1, 1, 1, 2, 2];
        let wanted = mix(&[(1, 0.5), (2, 0.5)]);
        assert_eq!(calibrated(&scores, &topics, &wanted, 0.0, 4), [0, 1, 2, 3]);
        let half = calibrated(&scores, &topics, &wanted, 0.9, 4);
        assert_eq!(half.iter().filter(|ix| topics[**ix] == 2).count(), 2);
        assert_eq!(half[0], 0);
        assert!(calibrated(&[], &[], &wanted, 0.5, 4).is_empty());
    }

    #[test]
    fn caps_hold_per_category_and_brand() {
        let mut counter = CapCounter::new(Caps {
            category: Some(1),
            brand: Some(2),
        });
        assert_eq!(counter.take(Some(1), Some("x")), Ok(()));
        assert_eq!(counter.take(Some(1), Some("y")), Err("category_cap"));
        assert_eq!(counter.take(Some(2), Some("x")), Ok(()));
        assert_eq!(counter.take(Some(3), Some("x")), Err("brand_cap"));
        assert_eq!(counter.take(None, None), Ok(()));
    }
}
