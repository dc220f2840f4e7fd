//! Buying again: when a customer runs out of what they bought.
//!
//! Gaps between purchases of one product by one customer are log-normal; their mean μ and spread σ are shrunk from the
//! customer's own gaps to the product's, the category's and the shop's. Given that nothing was bought for t days, the
//! probability of buying within the next Δ days is RCP · [F(t + Δ) − F(t)] / [1 − F(t)], where RCP is the probability
//! that a buyer of the product ever buys it again (Bhagat et al., KDD 2018, sections 4.1–4.3), raised by the customer's
//! own repeats. Packs scale the gap: two packs last twice as long, and a pack of sixty ten times as long as one of six, so
//! that what a category says of gaps is said per unit of use. A larger bag, or another brand, bought since makes what it
//! replaces last until it runs out itself. Long after the usual gap the chance fades.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::bundle::{
    read_json, read_tensors, write_json, write_tensors, Bundle, BundleError, BundleWriter, Tensor,
};
use crate::life::LifeView;
use serendib_shop::{Catalogue, Product, ProductIx, Touch, DAY_MS, NO_PRODUCT};

const SETTINGS: &str = "buy-again.json";
const TABLES: &str = "buy-again.safetensors";

/// Own gaps that the product's mean gap weighs.
const KAPPA: f32 = 3.0;
/// A gap beyond this many times the usual one counts as lapsed.
const LAPSE: f32 = 3.0;
/// Largest factor by which the pack of one product is taken to last longer or shorter than its category's usual one.
const MOST_PACK: f32 = 12.0;
/// Prior of buying again: Beta(1, 3).
const REPEAT_PRIOR: (f32, f32) = (1.0, 3.0);

/// Gap statistics of a product, a category or the shop.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rhythm {
    /// Mean of ln(gap in days per pack).
    pub mu: f32,
    /// Standard deviation of it, ≥ .2.
    pub sigma: f32,
    /// Probability that a buyer buys again, in (0, 1).
    pub repeat: f32,
    /// Median packs bought at once.
    pub packs: f32,
}

/// The buy-again model: parameters per product only.
#[derive(Debug, Clone, PartialEq)]
pub struct BuyAgain {
    /// Rhythm of each product.
    pub rhythms: Vec<Rhythm>,
    /// Rhythm of the shop, for products it does not know.
    pub shop: Rhythm,
}

/// How likely one product is bought again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Due {
    /// The product that is due.
    pub product: ProductIx,
    /// Probability of buying within the horizon, 0 to 1.
    pub probability: f32,
    /// When it is most likely used up, milliseconds.
    pub due_at: i64,
    /// Times bought so far.
    pub times: u32,
    /// Days since the last purchase over the usual gap; 1 = due now.
    pub ripeness: f32,
}

/// Purchases of one product by one customer, one per day.
#[derive(Debug, Clone, Default)]
struct Purchases {
    /// Day and packs.
    days: Vec<(i64, f32)>,
}

impl Purchases {
    /// ln of the gaps in days per median packs.
    fn log_gaps(&self, packs: f32) -> impl Iterator<Item = f32> + '_ {
        self.days.windows(2).map(move |pair| {
            let gap = (pair[1].0 - pair[0].0).max(1) as f32;
            (gap / scale(pair[0].1, packs)).ln()
        })
    }
}

/// How much longer `packs` last than the usual number; tempered, and at most fourfold either way.
fn scale(packs: f32, usual: f32) -> f32 {
    (packs / usual.max(1e-3)).clamp(0.25, 4.0)
}

/// What a customer has of one product.
#[derive(Debug, Clone, Copy)]
struct Supply {
    product: ProductIx,
    /// Day of the first purchase.
    first: i64,
    /// Day since which it is used up.
    last: i64,
    /// Days that it usually lasts.
    usual: f32,
    /// Standard deviation of ln of them.
    sigma: f32,
    /// How often the customer bought it.
    times: u32,
}

impl Supply {
    /// The day on which it is usually used up.
    fn runs_out(&self) -> f64 {
        self.last as f64 + f64::from(self.usual)
    }
}

/// Purchases that were kept, by product, of the touches before `now`.
fn purchases(history: &[Touch], now: i64) -> BTreeMap<ProductIx, Purchases> {
    let mut out: BTreeMap<ProductIx, Purchases> = BTreeMap::new();
    for touch in history.iter().filter(|t| t.at < now && t.at != 0) {
        if touch.product == NO_PRODUCT {
            continue;
        }
        let day = touch.at.div_euclid(DAY_MS);
        if touch.kind.takes_back() {
            if let Some(list) = out.get_mut(&touch.product) {
                let mut left = touch.quantity;
                while left > 0.0 {
                    let Some(last) = list.days.last_mut() else {
                        break;
                    };
                    let taken = left.min(last.1);
                    last.1 -= taken;
                    left -= taken;
                    if last.1 <= 0.0 {
                        list.days.pop();
                    }
                }
            }
        } else if touch.kind.acquires() && touch.kind != serendib_shop::Kind::RATING {
            let quantity = if touch.quantity > 0.0 {
                touch.quantity
            } else {
                1.0
            };
            let list = out.entry(touch.product).or_default();
            match list.days.last_mut().filter(|last| last.0 == day) {
                Some(last) => last.1 += quantity,
                None => list.days.push((day, quantity)),
            }
        }
    }
    out.retain(|_, list| !list.days.is_empty());
    out
}

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

impl Rhythm {
    /// The rhythm of a pack that lasts longer by `shift` in logarithms.
    fn shifted(&self, shift: f32) -> Rhythm {
        Rhythm {
            mu: self.mu + shift,
            ..*self
        }
    }
}

/// ln of how many times more units of use a pack of each product holds than the usual one of its category; 0 where that
/// is not told.
fn relative_packs(catalogue: &Catalogue) -> Vec<f32> {
    let units = |product: &Product| {
        let told = product.pack_quantity.filter(|n| n.is_finite() && *n > 0.0);
        told.map(|n| (n as f32).ln())
    };
    let of_leaf = |ix: usize| catalogue.leaf(ix as ProductIx).map(|leaf| leaf.0);
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

impl BuyAgain {
    /// Fits rhythms on `histories` (each in order of time) before `until`; `None` without times or repeats.
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
            if let Some(slot) = quantities.get_mut(*product as usize) {
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
            let ix = *product as usize;
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
            if let Some(leaf) = catalogue.leaf(ix as ProductIx) {
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
                    .leaf(ix as ProductIx)
                    .and_then(|leaf| leaves.get(&leaf.0))
                    .unwrap_or(&shop)
                    .shifted(relative[ix]);
                own.rhythm(&above, REPEAT_PRIOR.0 + REPEAT_PRIOR.1, packs)
            })
            .collect();
        Some(BuyAgain { rhythms, shop })
    }

    /// The rhythm of `product`, the shop's where it is not known.
    pub fn rhythm(&self, product: ProductIx) -> &Rhythm {
        self.rhythms.get(product as usize).unwrap_or(&self.shop)
    }

    /// How likely each product that the customer bought is bought again within `horizon_days` of `now`, likeliest
    /// first, ties by product.
    ///
    /// Where `life` says that a need is over, the probability is multiplied by the square of what is left of it; durables that
    /// nobody buys twice come out near 0 by their repeat rate. What `replaces` another, as a larger pack does or another
    /// brand, postpones it: see `BuyAgain::supplies`.
    ///
    /// ```
    /// use serendib_engine::repeat::{BuyAgain, Rhythm};
    /// use serendib_shop::{Kind, Touch, DAY_MS};
    ///
    /// let monthly = Rhythm { mu: 30f32.ln(), sigma: 0.3, repeat: 0.8, packs: 1.0 };
    /// let model = BuyAgain { rhythms: vec![monthly], shop: monthly };
    /// let bought = Touch::new(Kind::PURCHASE, 0, 100 * DAY_MS);
    /// let due = model.due(&[bought], 125 * DAY_MS, 14.0, None, &|_, _| false);
    /// assert_eq!((due[0].product, due[0].times), (0, 1));
    /// ```
    pub fn due(
        &self,
        history: &[Touch],
        now: i64,
        horizon_days: f32,
        life: Option<&LifeView>,
        replaces: &dyn Fn(ProductIx, ProductIx) -> bool,
    ) -> Vec<Due> {
        let today = now as f64 / DAY_MS as f64;
        let horizon = horizon_days.clamp(0.1, 3660.0);
        let mut out: Vec<Due> = self
            .supplies(history, now, replaces)
            .into_iter()
            .map(|supply| {
                let Supply {
                    product,
                    usual,
                    sigma,
                    ..
                } = supply;
                let rhythm = self.rhythm(product);
                let since = ((today - supply.last as f64) as f32 - 0.5).max(0.1);
                let below = |days: f32| normal_cdf((days.max(1e-3) / usual).ln() / sigma);
                let (before, after) = (below(since), below(since + horizon));
                let hazard = ((after - before) / (1.0 - before).max(1e-3)).clamp(0.0, 1.0);
                // Who has repeated is likelier to go on: Beta posterior on the product's repeat rate.
                let n = supply.times.saturating_sub(1) as f32;
                let repeat = (rhythm.repeat * KAPPA + n) / (KAPPA + n);
                // Of those who will come back, ever fewer have not yet: the chance of having stopped grows.
                let alive = repeat * (1.0 - before) / (repeat * (1.0 - before) + 1.0 - repeat);
                let overdue = (since / (LAPSE * usual)).max(1.0);
                let ended = life.map_or(0.0, |life| life.ended(product));
                Due {
                    product,
                    probability: (alive * hazard / overdue * (1.0 - ended).powi(2)).clamp(0.0, 1.0),
                    due_at: supply.last * DAY_MS + (f64::from(usual) * DAY_MS as f64) as i64,
                    times: supply.times,
                    ripeness: since / usual.max(1e-3),
                }
            })
            .collect();
        out.sort_by(|a, b| {
            b.probability
                .total_cmp(&a.probability)
                .then(a.product.cmp(&b.product))
        });
        out
    }

    /// What the customer has of each product that they bought, by product.
    ///
    /// A product that `replaces` it, was first bought since and lasts longer stands in for it: what is there until the
    /// larger bag is empty. Things that took turns before are two habits, and the gaps of each know of the other.
    fn supplies(
        &self,
        history: &[Touch],
        now: i64,
        replaces: &dyn Fn(ProductIx, ProductIx) -> bool,
    ) -> Vec<Supply> {
        let own: Vec<Supply> = purchases(history, now)
            .into_iter()
            .map(|(product, list)| {
                let rhythm = self.rhythm(product);
                let (mut n, mut sum) = (0.0f32, 0.0f32);
                for gap in list.log_gaps(rhythm.packs) {
                    n += 1.0;
                    sum += gap;
                }
                let mu = (sum + KAPPA * rhythm.mu) / (n + KAPPA);
                // A rhythm of one's own is steadier than that of all.
                let own: f32 = list
                    .log_gaps(rhythm.packs)
                    .map(|gap| (gap - mu).powi(2))
                    .sum();
                let sigma = ((own + KAPPA * rhythm.sigma.powi(2)) / (n + KAPPA))
                    .sqrt()
                    .max(0.2);
                let last = list.days.last().copied().unwrap_or((0, 1.0));
                let stretch = scale(last.1, rhythm.packs);
                Supply {
                    product,
                    first: list.days.first().map_or(last.0, |d| d.0),
                    last: last.0,
                    usual: mu.exp() * stretch,
                    sigma,
                    times: list.days.len() as u32,
                }
            })
            .collect();
        own.iter()
            .map(|supply| {
                let since = own.iter().filter(|other| {
                    other.first > supply.last
                        && other.runs_out() > supply.runs_out()
                        && replaces(supply.product, other.product)
                });
                match since.max_by(|a, b| a.runs_out().total_cmp(&b.runs_out())) {
                    Some(instead) => Supply {
                        last: instead.last,
                        usual: instead.usual,
                        sigma: instead.sigma,
                        ..*supply
                    },
                    None => *supply,
                }
            })
            .collect()
    }

    /// Writes `buy-again.json` and `buy-again.safetensors`.
    pub fn write(&self, bundle: &mut BundleWriter) -> Result<(), BundleError> {
        write_json(bundle, SETTINGS, &self.shop)?;
        let numbers: Vec<f32> = self
            .rhythms
            .iter()
            .flat_map(|r| [r.mu, r.sigma, r.repeat, r.packs])
            .collect();
        let tensors = BTreeMap::from([(
            "rhythms".to_owned(),
            Tensor::f32(&[self.rhythms.len(), 4], numbers),
        )]);
        write_tensors(bundle, TABLES, &tensors)
    }

    /// Whether `bundle` has a buy-again model.
    pub fn is_in(bundle: &Bundle) -> bool {
        bundle.manifest().files.contains_key(SETTINGS)
    }

    /// Reads what [`BuyAgain::write`] wrote for a catalogue of `products` products.
    ///
    /// # Errors
    /// Files that do not parse, or numbers out of range.
    pub fn read(bundle: &Bundle, products: usize) -> Result<BuyAgain, BundleError> {
        let shop: Rhythm = read_json(bundle, SETTINGS)?;
        let numbers = read_tensors(bundle, TABLES)?
            .remove("rhythms")
            .and_then(Tensor::into_f32)
            .ok_or_else(|| BundleError::content(TABLES, "no tensor \"rhythms\""))?;
        let rhythms: Vec<Rhythm> = numbers
            .chunks_exact(4)
            .map(|row| Rhythm {
                mu: row[0],
                sigma: row[1],
                repeat: row[2],
                packs: row[3],
            })
            .collect();
        let sound = |r: &Rhythm| {
            r.mu.abs() < 20.0 && r.sigma > 0.0 && (0.0..=1.0).contains(&r.repeat) && r.packs > 0.0
        };
        if numbers.len() != 4 * products || !rhythms.iter().chain([&shop]).all(sound) {
            return Err(BundleError::content(
                TABLES,
                "a rhythm is malformed or out of range",
            ));
        }
        Ok(BuyAgain { rhythms, shop })
    }
}

/// Φ(x), to 2e-7 (Abramowitz & Stegun 7.1.26 on erfc).
fn normal_cdf(x: f32) -> f32 {
    let z = f64::from(x) / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z.abs());
    let poly = t
        * (0.254_829_592
            + t * (-0.284_496_736
                + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    let tail = poly * (-z * z).exp();
    (if z >= 0.0 {
        1.0 - 0.5 * tail
    } else {
        0.5 * tail
    }) as f32
}
