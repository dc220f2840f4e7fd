//! What two products of different kinds share: a brand, or a rare word of their titles such as the name of a model.

use std::collections::{HashMap, HashSet};

use serendib_engine::complement::variants::title_words;
use serendib_shop::{Catalogue, ProductIx};

/// A word that names a model is in at most this share of titles, and in a few whatever the catalogue.
const RARE_SHARE: f64 = 0.005;
const RARE_LEAST: usize = 5;
/// A brand of more products than this says nothing about two of them.
const LARGEST_BRAND: usize = 1_000;
/// Pairs by which the lift of a shared trait between two kinds is shrunk to that between any two.
const SHRINK: f32 = 5.0;
/// Pairs by which that is shrunk to 1.
const SHRINK_ALL: f32 = 20.0;

/// Ways of sharing: a rare word (1), a brand (2), both (3).
const WAYS: usize = 4;

/// The products of each brand and of each rare word.
pub(super) struct Traits {
    groups: Vec<Vec<ProductIx>>,
    /// Groups of each product with the way of sharing that each is.
    of: Vec<Vec<(u32, u8)>>,
}

impl Traits {
    /// Reads the brands and titles of `catalogue`.
    pub fn new(catalogue: &Catalogue) -> Traits {
        let products = catalogue.len();
        let rare = (products as f64 * RARE_SHARE) as usize + RARE_LEAST;
        let mut words: HashMap<String, Vec<ProductIx>> = HashMap::new();
        let mut brands: HashMap<u32, Vec<ProductIx>> = HashMap::new();
        for ix in ProductIx::all(products) {
            let product = catalogue.product(ix);
            let brand = product.brand.as_deref().map(title_words);
            let brand: HashSet<String> = brand.into_iter().flatten().collect();
            let own = product.title.as_deref().map(title_words);
            let own: HashSet<String> = own.into_iter().flatten().collect();
            for word in own.difference(&brand) {
                words.entry(word.clone()).or_default().push(ix);
            }
            if let Some(brand) = catalogue.brand(ix) {
                brands.entry(brand.0).or_default().push(ix);
            }
        }
        let mut words: Vec<_> = words.into_iter().collect();
        words.retain(|(_, group)| (2..=rare).contains(&group.len()));
        words.sort_unstable();
        let mut brands: Vec<_> = brands.into_iter().collect();
        brands.retain(|(_, group)| (2..=LARGEST_BRAND).contains(&group.len()));
        brands.sort_unstable();
        let mut out = Traits {
            groups: Vec::new(),
            of: vec![Vec::new(); products],
        };
        let words = words.into_iter().map(|(_, group)| (group, 1));
        let brands = brands.into_iter().map(|(_, group)| (group, 2));
        for (group, way) in words.chain(brands) {
            for product in &group {
                out.of[product.index()].push((out.groups.len() as u32, way));
            }
            out.groups.push(group);
        }
        out
    }

    /// The products that share something with `product`, ascending, with the way in which they do.
    pub fn shared(&self, product: ProductIx) -> Vec<(ProductIx, u8)> {
        let mut out: Vec<(ProductIx, u8)> = Vec::new();
        for (group, way) in &self.of[product.index()] {
            let others = self.groups[*group as usize].iter();
            out.extend(others.filter(|p| **p != product).map(|p| (*p, *way)));
        }
        out.sort_unstable();
        out.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 |= next.1;
            }
            same
        });
        out
    }
}

/// How often what follows shares something with what it follows, against what would if nobody cared.
#[derive(Default)]
pub(super) struct Shared {
    /// By kinds and way: seen and expected.
    counts: HashMap<(u32, u32, u8), (f32, f32)>,
}

impl Shared {
    /// Adds a product of the kind `to` that was seen `seen` times after one of the kind `from`, and expected so often.
    pub fn add(&mut self, from: u32, to: u32, way: u8, seen: f32, expected: f32) {
        let slot = self.counts.entry((from, to, way)).or_default();
        slot.0 += seen;
        slot.1 += expected;
    }

    /// How much more is bought, of what follows, of that which shares something.
    pub fn lifts(&self) -> Lifts {
        let mut pairs: Vec<_> = self.counts.iter().collect();
        pairs.sort_unstable_by_key(|(key, _)| **key);
        let mut all = [(SHRINK_ALL, SHRINK_ALL); WAYS];
        for ((_, _, way), (seen, expected)) in &pairs {
            if let Some(slot) = all.get_mut(*way as usize) {
                slot.0 += seen;
                slot.1 += expected;
            }
        }
        let overall = all.map(|(seen, expected)| seen / expected);
        let of = |way: u8| overall.get(way as usize).copied().unwrap_or(1.0);
        Lifts {
            between: pairs
                .into_iter()
                .map(|(key, (seen, expected))| {
                    (*key, (seen + SHRINK * of(key.2)) / (expected + SHRINK))
                })
                .collect(),
            overall,
        }
    }
}

/// Lifts of what is shared, by kinds and way.
pub(super) struct Lifts {
    between: HashMap<(u32, u32, u8), f32>,
    overall: [f32; WAYS],
}

impl Lifts {
    /// The lift of sharing in this `way` between two kinds, > 0; 1 = nobody cares.
    pub fn of(&self, from: u32, to: u32, way: u8) -> f32 {
        let overall = self.overall.get(way as usize).copied().unwrap_or(1.0);
        let own = self.between.get(&(from, to, way)).copied();
        own.unwrap_or(overall)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serendib_shop::Product;

    #[test]
    fn a_model_and_a_brand_are_shared_and_common_words_are_not() {
        let product = |id: usize, title: &str, brand: Option<&str>| Product {
            title: Some(title.into()),
            brand: brand.map(Into::into),
            ..Product::bare(format!("p{id}"))
        };
        let mut products = vec![
            product(0, "Oris printer OR107", Some("Oris")),
            product(1, "Ink for OR107", Some("Oris")),
            product(2, "Ink for OR114", Some("Oris")),
            product(3, "Case for OR107", None),
        ];
        products.extend((4..40).map(|id| product(id, "Ink for all", None)));
        let traits = Traits::new(&Catalogue::new(products).unwrap());
        assert_eq!(
            traits.shared(ProductIx(0)),
            [(ProductIx(1), 3), (ProductIx(2), 2), (ProductIx(3), 1)]
        );
        assert!(traits.shared(ProductIx(20)).is_empty());
    }

    #[test]
    fn lifts_are_learned_between_kinds_and_shrunk_to_all() {
        let mut shared = Shared::default();
        shared.add(0, 1, 2, 60.0, 20.0);
        shared.add(0, 2, 2, 200.0, 200.0);
        let lifts = shared.lifts();
        assert!(lifts.of(0, 1, 2) > 2.5);
        assert!((lifts.of(5, 6, 2) - 1.0).abs() < 0.3);
        assert_eq!(lifts.of(0, 1, 3), 1.0);
    }
}
