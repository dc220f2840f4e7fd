//! The next basket: what a customer repeats, what those like them buy, and what goes with what they buy.
//!
//! Score of product i = own decayed count · habit of i + κ_n · mean of the neighbours + κ_r · what follows the own
//! products in others' next baskets + κ_p · popularity: a Dirichlet-style shrinkage of the customer's own basket rates
//! towards the population's, with the customer's own share of repeats deciding how much the population counts. The
//! habit of a product is how much oftener than other products it comes back in the next basket. A personal decayed count is the baseline that is hard to
//! beat (Li, Jullien, Ariannezhad & de Rijke, TOIS 2023); neighbours follow TIFU-KNN (Hu, He, Gao & Zhang, SIGIR 2020),
//! which [`NeighbourIndex`](super::NeighbourIndex) finds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::bundle::{
    read_json, read_tensors, write_json, write_tensors, Bundle, BundleError, BundleWriter, Tensor,
};
use crate::index::top_of;
use serendib_shop::{baskets, Basket, ProductIx, Touch};

const SETTINGS: &str = "next-basket.json";
const TABLES: &str = "next-basket.safetensors";

/// A sparse vector over products, by ascending product, no product twice.
pub type SparseVector = Vec<(ProductIx, f32)>;

/// How the parts are weighed; chosen by `fit` on the previous basket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NextBasketSettings {
    /// Factor per basket on what was bought, in (0, 1].
    pub decay: f32,
    /// κ_p without neighbours, on the share of baskets with the product.
    pub popular: f32,
    /// κ_r without neighbours.
    pub related: f32,
    /// κ_n where the caller has neighbours.
    pub neighbours: f32,
    /// κ_r beside neighbours.
    pub related_beside: f32,
    /// κ_p beside neighbours.
    pub popular_beside: f32,
    /// How many neighbours.
    pub neighbour_count: u32,
    /// Groups of baskets in the rates by which customers are compared, ≥ 1.
    pub groups: u32,
    /// Factor per group on those rates, in (0, 1].
    pub group_decay: f32,
    /// Exponent of the products' habit, ≥ 0.
    pub habit: f32,
    /// Factor per basket on popularity, counted back from each customer's last basket, in (0, 1].
    pub popular_decay: f32,
    /// Exponent of the customer's own explore share on everything but the own count, ≥ 0; 0 = the same for all.
    pub mix: f32,
    /// Mean share of explored products per basket.
    pub explore_share: f32,
}

impl Default for NextBasketSettings {
    fn default() -> NextBasketSettings {
        NextBasketSettings {
            decay: 0.9,
            popular: 10.0,
            related: 1.0,
            neighbours: 60.0,
            related_beside: 0.0,
            popular_beside: 3.0,
            neighbour_count: 300,
            groups: 7,
            group_decay: 0.7,
            habit: 0.5,
            popular_decay: 0.7,
            mix: 0.0,
            explore_share: 0.5,
        }
    }
}

/// The next-basket model: parameters and products only.
#[derive(Debug, Clone, PartialEq)]
pub struct NextBasket {
    /// How the parts are weighed.
    pub settings: NextBasketSettings,
    /// Share of baskets with each product, later baskets counting more.
    pub popularity: Vec<f32>,
    /// How much oftener than others each product comes back, > 0, 1 on average.
    pub habits: Vec<f32>,
    /// CSR: related products of each product, with weights.
    starts: Vec<u32>,
    targets: Vec<ProductIx>,
    weights: Vec<f32>,
    /// Scores and the probabilities that stand at them, both ascending; interpolated between.
    calibration: Vec<(f32, f32)>,
}

/// One product with its expert.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BasketItem {
    /// The product that may come.
    pub product: ProductIx,
    /// Score that orders the list.
    pub score: f32,
    /// Probability of being in the next basket.
    pub probability: f32,
    /// Whether the customer has bought it before.
    pub repeat: bool,
}

/// What one customer's baskets say.
#[derive(Debug, Clone, PartialEq)]
pub struct BasketProfile {
    /// Purchases of each product, recent ones counting more.
    pub vector: SparseVector,
    /// Rates by which the customer is compared with others.
    pub rates: SparseVector,
    /// Factor on everything but the own counts.
    pub explore: f32,
}

impl NextBasket {
    /// A model of parts; `related` lists per product its related products with weights.
    pub fn new(
        settings: NextBasketSettings,
        popularity: Vec<f32>,
        habits: Vec<f32>,
        related: &[Vec<(ProductIx, f32)>],
        calibration: Vec<(f32, f32)>,
    ) -> NextBasket {
        let mut starts = vec![0u32];
        let (mut targets, mut weights) = (Vec::new(), Vec::new());
        for row in related {
            for &(target, weight) in row {
                targets.push(target);
                weights.push(weight);
            }
            starts.push(targets.len() as u32);
        }
        starts.resize(popularity.len() + 1, targets.len() as u32);
        NextBasket {
            settings,
            popularity,
            habits,
            starts,
            targets,
            weights,
            calibration,
        }
    }

    /// Own count of `product` with its habit.
    pub fn own(&self, product: ProductIx, count: f32) -> f32 {
        let habit = self.habits.get(product.index()).copied().unwrap_or(1.0);
        count * habit.powf(self.settings.habit)
    }

    /// The same model with other settings and calibration.
    pub fn with(self, settings: NextBasketSettings, calibration: Vec<(f32, f32)>) -> NextBasket {
        NextBasket {
            settings,
            calibration,
            ..self
        }
    }

    /// Decayed counts of `baskets` (in order of time), 1 for the latest.
    pub fn vector_of(decay: f32, baskets: &[Basket]) -> SparseVector {
        let mut counts: BTreeMap<ProductIx, f32> = BTreeMap::new();
        let mut weight = 1.0f32;
        for basket in baskets.iter().rev() {
            for (product, _) in &basket.lines {
                *counts.entry(*product).or_insert(0.0) += weight;
            }
            weight *= decay;
            if weight < 1e-6 {
                break;
            }
        }
        counts.into_iter().collect()
    }

    /// What a basket of the customer holds on average, later baskets counting more: the vector by which customers are
    /// compared (TIFU).
    ///
    /// Baskets are cut into at most `groups` groups of one size, the newest full; within a group and between groups the
    /// weights decay. Entries are in [0, 1].
    pub fn rates_of(&self, baskets: &[Basket]) -> SparseVector {
        let settings = &self.settings;
        let size = baskets
            .len()
            .div_ceil(settings.groups.max(1) as usize)
            .max(1);
        let groups = baskets.len().div_ceil(size).max(1);
        let mut rates: BTreeMap<ProductIx, f32> = BTreeMap::new();
        for (back, basket) in baskets.iter().rev().enumerate() {
            let (group, within) = (back / size, back % size);
            let members = size.min(baskets.len() - group * size);
            let weight = settings.decay.powi(within as i32) / members as f32
                * settings.group_decay.powi(group as i32)
                / groups as f32;
            for (product, _) in &basket.lines {
                *rates.entry(*product).or_insert(0.0) += weight;
            }
        }
        rates.into_iter().collect()
    }

    /// What `history` (in order of time) says; `timed` = the shop has times.
    pub fn profile(&self, history: &[Touch], timed: bool) -> BasketProfile {
        self.profile_of(&baskets(history, timed))
    }

    /// What `baskets` (in order of time) say.
    pub fn profile_of(&self, baskets: &[Basket]) -> BasketProfile {
        let share = explore_share(baskets, self.settings.explore_share);
        let relative = share / self.settings.explore_share.max(0.01);
        BasketProfile {
            vector: NextBasket::vector_of(self.settings.decay, baskets),
            rates: self.rates_of(baskets),
            explore: relative.powf(self.settings.mix).clamp(0.2, 5.0),
        }
    }

    /// Weighted sum of the related products of `vector`'s products; each product's part adds up to its own weight.
    pub fn related(&self, vector: &[(ProductIx, f32)], out: &mut [f32]) {
        out.fill(0.0);
        for &(product, weight) in vector {
            let Some([from, to]) = self.starts.get(product.index()..product.index() + 2) else {
                continue;
            };
            for at in *from as usize..*to as usize {
                if let Some(slot) = out.get_mut(self.targets[at].index()) {
                    *slot += weight * self.weights[at];
                }
            }
        }
    }

    /// Scores of all products for a customer; `out` has one place per product of the catalogue.
    pub fn scores(
        &self,
        profile: &BasketProfile,
        neighbours: Option<&[(ProductIx, f32)]>,
        out: &mut [f32],
    ) {
        let settings = &self.settings;
        let (related, popular) = if neighbours.is_some() {
            (settings.related_beside, settings.popular_beside)
        } else {
            (settings.related, settings.popular)
        };
        if related > 0.0 {
            self.related(&profile.vector, out);
            out.iter_mut().for_each(|s| *s *= related * profile.explore);
        } else {
            out.fill(0.0);
        }
        for &(product, weight) in neighbours.unwrap_or(&[]) {
            if let Some(slot) = out.get_mut(product.index()) {
                *slot += settings.neighbours * profile.explore * weight;
            }
        }
        for (slot, popularity) in out.iter_mut().zip(&self.popularity) {
            *slot += popular * profile.explore * popularity;
        }
        for &(product, weight) in &profile.vector {
            if let Some(slot) = out.get_mut(product.index()) {
                *slot += self.own(product, weight);
            }
        }
    }

    /// Probability that a product with `score` is in the next basket.
    pub fn probability(&self, score: f32) -> f32 {
        let table = &self.calibration;
        let above = table.partition_point(|(at, _)| *at < score);
        match (above.checked_sub(1).map(|ix| table[ix]), table.get(above)) {
            (None, None) => score / (1.0 + score.max(0.0)),
            (None, Some(first)) if first.0 > 0.0 => first.1 * (score / first.0).max(0.0),
            (None, Some(first)) => first.1,
            (Some(last), None) => last.1,
            (Some((x0, y0)), Some((x1, y1))) => y0 + (y1 - y0) * (score - x0) / (x1 - x0).max(1e-9),
        }
    }

    /// The `count` likeliest products among those `allowed`, best first, ties by product.
    ///
    /// ```
    /// use serendib_engine::repeat::{NextBasket, NextBasketSettings};
    /// use serendib_shop::{Kind, ProductIx, Touch, DAY_MS};
    ///
    /// let settings = NextBasketSettings::default();
    /// let model = NextBasket::new(settings, vec![0.01, 0.01], vec![1.0, 1.0], &[], vec![]);
    /// let lamp = ProductIx(1);
    /// let profile = model.profile(&[Touch::new(Kind::PURCHASE, lamp, DAY_MS)], true);
    /// let basket = model.recommend(&profile, None, 1, &|_| true);
    /// assert_eq!(basket[0].product, lamp);
    /// ```
    pub fn recommend(
        &self,
        profile: &BasketProfile,
        neighbours: Option<&[(ProductIx, f32)]>,
        count: usize,
        allowed: &(dyn Fn(ProductIx) -> bool + Sync),
    ) -> Vec<BasketItem> {
        let mut scores = vec![0.0; self.popularity.len()];
        self.scores(profile, neighbours, &mut scores);
        let allowed = |product: ProductIx| scores[product.index()] > 0.0 && allowed(product);
        top_of(&scores, count, &allowed)
            .into_iter()
            .map(|(product, score)| BasketItem {
                product,
                score,
                probability: self.probability(score),
                repeat: profile
                    .vector
                    .binary_search_by_key(&product, |(p, _)| *p)
                    .is_ok(),
            })
            .collect()
    }

    /// Writes `next-basket.json` and `next-basket.safetensors`.
    pub fn write(&self, bundle: &mut BundleWriter) -> Result<(), BundleError> {
        write_json(bundle, SETTINGS, &(&self.settings, &self.calibration))?;
        let tensors = BTreeMap::from([
            (
                "popularity".to_owned(),
                Tensor::f32(&[self.popularity.len()], self.popularity.clone()),
            ),
            (
                "habits".to_owned(),
                Tensor::f32(&[self.habits.len()], self.habits.clone()),
            ),
            (
                "starts".to_owned(),
                Tensor::u32(&[self.starts.len()], self.starts.clone()),
            ),
            ("targets".to_owned(), Tensor::numbers(&self.targets)),
            (
                "weights".to_owned(),
                Tensor::f32(&[self.weights.len()], self.weights.clone()),
            ),
        ]);
        write_tensors(bundle, TABLES, &tensors)
    }

    /// Whether `bundle` has a next-basket model.
    pub fn is_in(bundle: &Bundle) -> bool {
        bundle.manifest().files.contains_key(SETTINGS)
    }

    /// Reads what [`NextBasket::write`] wrote for a catalogue of `products` products.
    ///
    /// # Errors
    /// Files that do not parse or do not fit together.
    pub fn read(bundle: &Bundle, products: usize) -> Result<NextBasket, BundleError> {
        let (settings, calibration) = read_json(bundle, SETTINGS)?;
        let mut tensors = read_tensors(bundle, TABLES)?;
        let mut take = |name: &str| {
            tensors
                .remove(name)
                .ok_or_else(|| BundleError::content(TABLES, format!("no tensor {name:?}")))
        };
        let wrong = || BundleError::content(TABLES, "tensors do not fit together");
        let popularity = take("popularity")?.into_f32().ok_or_else(wrong)?;
        let habits = take("habits")?.into_f32().ok_or_else(wrong)?;
        let starts = take("starts")?.into_u32().ok_or_else(wrong)?;
        let targets = take("targets")?.into_u32().ok_or_else(wrong)?;
        let weights = take("weights")?.into_f32().ok_or_else(wrong)?;
        let sound = popularity.len() == products
            && habits.len() == products
            && habits.iter().all(|h| *h > 0.0)
            && starts.len() == popularity.len() + 1
            && starts.windows(2).all(|w| w[0] <= w[1])
            && starts.last().map(|n| *n as usize) == Some(targets.len())
            && targets.len() == weights.len()
            && targets.iter().all(|t| (*t as usize) < popularity.len());
        if !sound {
            return Err(wrong());
        }
        Ok(NextBasket {
            settings,
            popularity,
            habits,
            starts,
            targets: targets.into_iter().map(ProductIx).collect(),
            weights,
            calibration,
        })
    }
}

/// The share of products per basket that the customer had not bought before, shrunk to `mean` by five products.
pub fn explore_share(baskets: &[Basket], mean: f32) -> f32 {
    let mut seen = std::collections::HashSet::new();
    let (mut new, mut all) = (0.0f32, 0.0f32);
    for (ix, basket) in baskets.iter().enumerate() {
        for (product, _) in &basket.lines {
            let first = seen.insert(*product);
            if ix > 0 {
                all += 1.0;
                new += f32::from(u8::from(first));
            }
        }
    }
    (new + 5.0 * mean) / (all + 5.0)
}
