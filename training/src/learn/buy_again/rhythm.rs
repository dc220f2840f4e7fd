//! Fits when a product is bought again: gaps of each product, shrunk to its category's and the shop's.

use std::collections::{BTreeMap, HashMap};

use serendib_engine::repeat::{purchases, BuyAgain, Purchases, RepeatOdds, Rhythm};
use serendib_shop::{Catalogue, Product, ProductIx, Touch};

/// Largest factor by which the pack of one product is taken to last longer or shorter than its category's usual one.
const MOST_PACK: f32 = 12.0;
/// Prior of buying again: Beta(1, 3).
const REPEAT_PRIOR: (f32, f32) = (1.0, 3.0);

/// Sums from which a rhythm is read.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    gaps: f32,
    log: f32,
    square: f32,
    buyers: f32,
    repeaters: f32,
}

impl Sums {
    fn add(&mut self, other: &Sums) {
        self.gaps += other.gaps;
        self.log += other.log;
        self.square += other.square;
        self.buyers += other.buyers;
        self.repeaters += other.repeaters;
    }

    /// The same gaps, each `shift` longer in logarithms.
    fn shifted(&self, shift: f32) -> Sums {
        Sums {
            log: self.log + self.gaps * shift,
            square: self.square + 2.0 * shift * self.log + self.gaps * shift * shift,
            ..*self
        }
    }

    /// Shrunk to `above` by `weight` gaps, and by as many buyers.
    fn rhythm(&self, above: &Rhythm, weight: f32, packs: f32) -> Rhythm {
        let n = self.gaps + weight;
        let mu = (self.log + weight * above.mu) / n;
        let spread = weight * (above.sigma.powi(2) + above.mu.powi(2));
        let variance = ((self.square + spread) / n - mu * mu).max(0.04);
        Rhythm {
            mu,
            sigma: variance.sqrt(),
            repeat: ((self.repeaters + weight * above.repeat) / (self.buyers + weight))
                .clamp(1e-4, 0.999),
            packs,
        }
    }
}

/// `rhythm` for a pack that lasts longer by `shift` in logarithms.
fn longer(rhythm: &Rhythm, shift: f32) -> Rhythm {
    Rhythm {
        mu: rhythm.mu + shift,
        ..*rhythm
    }
}

/// ln of how many times more units of use a pack of each product holds than the usual one of its category; 0 where that
/// is not known.
fn relative_packs(catalogue: &Catalogue) -> Vec<f32> {
    let units = |product: &Product| {
        let units = product.pack_quantity.filter(|n| n.is_finite() && *n > 0.0);
        units.map(|n| (n as f32).ln())
    };
    let of_leaf = |ix: usize| catalogue.leaf(ProductIx::of_index(ix)).map(|leaf| leaf.0);
    let mut sums: HashMap<u32, (f32, f32)> = HashMap::new();
    for (ix, product) in catalogue.products().iter().enumerate() {
        if let (Some(units), Some(leaf)) = (units(product), of_leaf(ix)) {
            let (sum, count) = sums.entry(leaf).or_default();
            *sum += units;
            *count += 1.0;
        }
    }
    let most = MOST_PACK.ln();
    let products = catalogue.products().iter().enumerate();
    products
        .map(|(ix, product)| {
            let usual = of_leaf(ix).and_then(|leaf| sums.get(&leaf));
            match (units(product), usual) {
                (Some(units), Some((sum, count))) => (units - sum / count).clamp(-most, most),
                _ => 0.0,
            }
        })
        .collect()
}

/// Fits rhythms, which alone are followed, on `histories` (each in order of time) before `until`; `None` without times or repeats.
pub fn fit<'a>(
    histories: impl Iterator<Item = &'a [Touch]>,
    catalogue: &Catalogue,
    until: i64,
) -> Option<BuyAgain> {
    let products = catalogue.len();
    let all: Vec<BTreeMap<ProductIx, Purchases>> =
        histories.map(|history| purchases(history, until)).collect();
    let mut quantities: Vec<Vec<f32>> = vec![Vec::new(); products];
    for (product, list) in all.iter().flatten() {
        if let Some(slot) = quantities.get_mut(product.index()) {
            slot.extend(list.days.iter().map(|d| d.1));
        }
    }
    let packs: Vec<f32> = quantities
        .iter_mut()
        .map(|list| {
            list.sort_by(f32::total_cmp);
            list.get(list.len() / 2).copied().unwrap_or(1.0).max(1e-3)
        })
        .collect();
    let mut sums = vec![Sums::default(); products];
    for (product, list) in all.iter().flatten() {
        let ix = product.index();
        if ix >= products {
            continue;
        }
        let mut own = Sums {
            buyers: 1.0,
            repeaters: f32::from(u8::from(list.days.len() > 1)),
            ..Sums::default()
        };
        // A heavy buyer counts as at most five gaps.
        let gaps: Vec<f32> = list.log_gaps(packs[ix]).collect();
        let weight = 5.0 / (gaps.len() as f32).max(5.0);
        for gap in gaps {
            own.gaps += weight;
            own.log += weight * gap;
            own.square += weight * gap * gap;
        }
        sums[ix].add(&own);
    }
    let relative = relative_packs(catalogue);
    let mut total = Sums::default();
    let mut leaves: HashMap<u32, Sums> = HashMap::new();
    for (ix, own) in sums.iter().enumerate() {
        total.add(own);
        if let Some(leaf) = catalogue.leaf(ProductIx::of_index(ix)) {
            let per_unit = own.shifted(-relative[ix]);
            leaves.entry(leaf.0).or_default().add(&per_unit);
        }
    }
    if total.gaps < 1.0 {
        return None;
    }
    let prior = Rhythm {
        mu: 30.0f32.ln(),
        sigma: 1.0,
        repeat: REPEAT_PRIOR.0 / (REPEAT_PRIOR.0 + REPEAT_PRIOR.1),
        packs: 1.0,
    };
    let shop = total.rhythm(&prior, 1.0, 1.0);
    let leaves: HashMap<u32, Rhythm> = leaves
        .into_iter()
        .map(|(leaf, own)| (leaf, own.rhythm(&shop, 10.0, 1.0)))
        .collect();
    let rhythms = sums
        .iter()
        .zip(packs)
        .enumerate()
        .map(|(ix, (own, packs))| {
            let above = catalogue
                .leaf(ProductIx::of_index(ix))
                .and_then(|leaf| leaves.get(&leaf.0))
                .unwrap_or(&shop);
            let above = longer(above, relative[ix]);

            own.rhythm(&above, REPEAT_PRIOR.0 + REPEAT_PRIOR.1, packs)
        })
        .collect();
    Some(BuyAgain {
        rhythms,
        shop,
        odds: RepeatOdds::default(),
    })
}
