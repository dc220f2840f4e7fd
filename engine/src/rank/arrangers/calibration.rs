//! Lists that mirror a customer's mix, and caps on how much of a list one category or brand may take.

use std::collections::HashMap;

use crate::rank::together::Caps;

/// Weight of the customer's mix inside the list's own: keeps the divergence finite where the list lacks a topic.
const SMOOTH: f64 = 0.01;

/// The mix of topics of a list in the making, against the mix that its customer has.
///
/// The divergence is Kullback–Leibler's of the smoothed list mix from the wanted one: Steck, "Calibrated recommendations",
/// RecSys 2018, with q̃ = (1 − α)·q + α·p.
#[derive(Debug, Clone, Default)]
pub struct Mix {
    /// Share of each topic, summing to 1; empty where nothing is known, and nothing is wanted then.
    wanted: HashMap<u32, f64>,
    listed: HashMap<u32, f64>,
    total: f64,
}

impl Mix {
    /// An empty list for a customer with `weights` of topics, ≥ 0.
    pub fn new(weights: HashMap<u32, f64>) -> Mix {
        let total: f64 = weights.values().sum();
        let wanted = weights
            .into_iter()
            .filter(|(_, weight)| *weight > 0.0)
            .map(|(topic, weight)| (topic, weight / total))
            .collect();
        Mix {
            wanted,
            ..Mix::default()
        }
    }

    /// Puts one item into the list; one without a topic is in no one's mix.
    pub fn take(&mut self, topic: Option<u32>) {
        if let Some(topic) = topic {
            *self.listed.entry(topic).or_default() += 1.0;
        }
        self.total += 1.0;
    }

    fn term(wanted: f64, share: f64) -> f64 {
        wanted * (wanted / ((1.0 - SMOOTH) * share + SMOOTH * wanted)).ln()
    }

    /// How much nearer to the customer's mix an item of `topic` would bring the list than one of a topic that the customer
    /// does not have, ≥ 0.
    pub fn gain(&self, topic: Option<u32>) -> f64 {
        let Some((topic, wanted)) = topic.and_then(|t| Some((t, *self.wanted.get(&t)?))) else {
            return 0.0;
        };
        let listed = self.listed.get(&topic).copied().unwrap_or(0.0);
        let share = |count: f64| count / (self.total + 1.0);
        Mix::term(wanted, share(listed)) - Mix::term(wanted, share(listed + 1.0))
    }
}

/// Counts what a list holds against its caps.
#[derive(Debug, Clone, Default)]
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

    /// The cap that an item would break; one without category or brand breaks neither.
    pub fn refuses(&self, category: Option<u32>, brand: Option<&str>) -> Option<&'static str> {
        let full = |held: Option<&usize>, cap: Option<usize>| {
            cap.is_some_and(|cap| held.copied().unwrap_or(0) >= cap)
        };
        if category.is_some_and(|c| full(self.categories.get(&c), self.caps.category)) {
            Some("category_cap")
        } else if brand.is_some_and(|b| full(self.brands.get(b), self.caps.brand)) {
            Some("brand_cap")
        } else {
            None
        }
    }

    /// Counts an item in, whether its caps are full or not.
    pub fn take(&mut self, category: Option<u32>, brand: Option<&'a str>) {
        if let Some(category) = category {
            *self.categories.entry(category).or_default() += 1;
        }
        if let Some(brand) = brand {
            *self.brands.entry(brand).or_default() += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Mix {
        /// The divergence of the list so far; 0 for one that mirrors the customer.
        fn divergence(&self) -> f64 {
            let share = |topic: &u32| {
                let listed = self.listed.get(topic).copied().unwrap_or(0.0);
                listed / self.total.max(1.0)
            };
            self.wanted
                .iter()
                .map(|(topic, wanted)| Mix::term(*wanted, share(topic)))
                .sum()
        }
    }

    fn mix(shares: &[(u32, f64)]) -> Mix {
        Mix::new(shares.iter().copied().collect())
    }

    #[test]
    fn a_list_that_mirrors_the_customer_diverges_by_nothing() {
        let mut mirrors = mix(&[(1, 3.0), (2, 1.0)]);
        for topic in [1, 1, 1, 2] {
            mirrors.take(Some(topic));
        }
        assert!(mirrors.divergence().abs() < 1e-12);
        let mut other = mix(&[(1, 0.75), (2, 0.25)]);
        assert!(other.divergence().is_finite());
        (0..4).for_each(|_| other.take(Some(1)));
        assert!(other.divergence() > 0.5);
        assert_eq!(mix(&[]).divergence(), 0.0);
        assert_eq!(mix(&[]).gain(Some(1)), 0.0);
    }

    #[test]
    fn a_gain_is_the_difference_of_divergences() {
        let mut list = mix(&[(1, 0.5), (2, 0.3), (3, 0.2)]);
        list.take(Some(1));
        let after = |topic: u32| {
            let mut list = list.clone();
            list.take(Some(topic));
            list.divergence()
        };
        for topic in [1, 2, 3] {
            let gain = list.gain(Some(topic));
            assert!((after(9) - after(topic) - gain).abs() < 1e-12, "{topic}");
        }
        assert!(list.gain(Some(2)) > list.gain(Some(1)));
        assert_eq!(list.gain(Some(9)), 0.0);
        assert_eq!(list.gain(None), 0.0);
    }

    #[test]
    fn caps_hold_per_category_and_brand() {
        let mut counter = CapCounter::new(Caps {
            category: Some(1),
            brand: Some(2),
        });
        let mut take = |category: Option<u32>, brand: Option<&'static str>| {
            let refused = counter.refuses(category, brand);
            if refused.is_none() {
                counter.take(category, brand);
            }
            refused
        };
        assert_eq!(take(Some(1), Some("x")), None);
        assert_eq!(take(Some(1), Some("y")), Some("category_cap"));
        assert_eq!(take(Some(2), Some("x")), None);
        assert_eq!(take(Some(3), Some("x")), Some("brand_cap"));
        assert_eq!(take(None, None), None);
    }
}
