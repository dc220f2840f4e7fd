//! Goods that come in sizes: only the size that the subscriber is known to have goes into their box.
//!
//! A product comes in sizes where the variants of its parent differ by size (see [`size_of`]). What a subscriber has bought of
//! the parent tells their size of it; else what they have bought in its leaf category does; else it stays out.

use std::collections::{HashMap, HashSet};

use super::problem::BoxRequest;
use serendib_shop::{size_of, Catalogue, Owned, ProductIx, DAY_MS};

/// Sizes bought so shortly before the latest are known too: households have more than one child.
const TOGETHER_MS: i64 = 60 * DAY_MS;

/// The size of every product of a shop that comes in sizes.
#[derive(Debug, Clone, Default)]
pub(super) struct Sizes(HashMap<ProductIx, u32>);

impl Sizes {
    pub fn of(catalogue: &Catalogue) -> Sizes {
        let mut sizes: HashMap<ProductIx, String> = HashMap::new();
        let mut first: HashMap<ProductIx, String> = HashMap::new();
        let mut differ: HashSet<ProductIx> = HashSet::new();
        for (ix, product) in ProductIx::all(catalogue.len()).zip(catalogue.products()) {
            let Some(size) = size_of(product) else {
                continue;
            };
            let family = catalogue.family(ix);
            if *first.entry(family).or_insert_with(|| size.clone()) != size {
                differ.insert(family);
            }
            sizes.insert(ix, size);
        }
        if differ.is_empty() {
            return Sizes::default();
        }
        let mut numbers: HashMap<String, u32> = HashMap::new();
        let all = ProductIx::all(catalogue.len());
        let sized = all.filter(|ix| differ.contains(&catalogue.family(*ix)));
        let numbered = sized.map(|ix| {
            let next = numbers.len() as u32;
            // of unknown size it fits nobody for sure but who has bought it
            let size = sizes.get(&ix).cloned().unwrap_or_default();
            (ix, *numbers.entry(size).or_insert(next))
        });
        Sizes(numbered.collect())
    }

    /// The size of `product`; `None` where it does not come in sizes.
    pub fn get(&self, product: ProductIx) -> Option<u32> {
        self.0.get(&product).copied()
    }

    /// Puts into `request` the sizes that `owned` tell.
    pub fn tell(&self, catalogue: &Catalogue, owned: &[Owned], request: &mut BoxRequest) {
        let bought: Vec<(&Owned, u32)> = owned
            .iter()
            .filter_map(|owned| Some((owned, self.get(owned.product)?)))
            .collect();
        let families = bought
            .iter()
            .map(|(owned, size)| (catalogue.family(owned.product).0, *size, owned.last_at));
        request.family_sizes = latest(families.collect());
        let leaves = bought.iter().filter_map(|(owned, size)| {
            Some((catalogue.leaf(owned.product)?.0, *size, owned.last_at))
        });
        request.leaf_sizes = latest(leaves.collect());
    }
}

/// Of each group the sizes that were bought last: (group, size) of (group, size, time).
fn latest(bought: Vec<(u32, u32, i64)>) -> Vec<(u32, u32)> {
    let mut last: HashMap<u32, i64> = HashMap::new();
    for (group, _, at) in &bought {
        let known = last.entry(*group).or_insert(*at);
        *known = (*known).max(*at);
    }
    let mut sizes: Vec<(u32, u32)> = bought
        .into_iter()
        .filter(|(group, _, at)| *at >= last[group].saturating_sub(TOGETHER_MS))
        .map(|(group, size, _)| (group, size))
        .collect();
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}
