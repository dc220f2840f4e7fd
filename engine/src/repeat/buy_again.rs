//! Buying again: when a customer runs out of what they bought.
//!
//! Gaps between purchases of one product by one customer are log-normal; their mean μ and spread σ are shrunk from the
//! customer's own gaps to the product's, the category's and the shop's. Given that nothing was bought for t days, the
//! probability of buying within the next Δ days is RCP · [F(t + Δ) − F(t)] / [1 − F(t)], where RCP is the probability
//! that a buyer of the product ever buys it again (Bhagat et al., KDD 2018, sections 4.1–4.3), raised by the customer's
//! own repeats. Packs scale the gap: two packs last twice as long, and a pack of sixty ten times as long as one of six, so
//! that what a category says of gaps is said per unit of use. A larger bag, or another brand, bought since makes what it
//! replaces last until it runs out itself. Long after the usual gap the chance fades.
//!
//! That is what the rhythm says. How far it is followed, and how far the mere counts of purchases are, `fit` chooses on what the
//! shop's customers bought again: see [`RepeatOdds`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::bundle::{
    read_json, read_tensors, write_json, write_tensors, Bundle, BundleError, BundleWriter, Tensor,
};
use crate::life::LifeView;
use crate::repeat::odds::{terms, RepeatOdds, Terms};
use crate::repeat::purchases::{pack_scale, purchases};
use serendib_shop::{ProductIx, Touch, DAY_MS};

const SETTINGS: &str = "buy-again.json";
const TABLES: &str = "buy-again.safetensors";

/// Own gaps that the product's mean gap weighs.
const KAPPA: f32 = 3.0;
/// A gap beyond this many times the usual one counts as lapsed.
const LAPSE: f32 = 3.0;
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
    /// The odds by rhythm and counts.
    pub odds: RepeatOdds,
}

/// How likely one product is bought again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Due {
    /// The product that is due.
    pub product: ProductIx,
    /// Probability of buying within the horizon, 0 to 1.
    pub probability: f32,
    /// The same by the rhythm alone: near 0 for what nobody buys twice.
    pub by_rhythm: f32,
    /// What the probability is made of, less what life says.
    pub terms: Terms,
    /// When it is most likely used up, milliseconds.
    pub due_at: i64,
    /// Times bought so far.
    pub times: u32,
    /// Days since the last purchase over the usual gap; 1 = due now.
    pub ripeness: f32,
}

/// What a customer has of one product.
#[derive(Debug)]
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
    /// Day and packs of each purchase, oldest first.
    days: Vec<(i64, f32)>,
}

impl Supply {
    /// The day on which it is usually used up.
    fn runs_out(&self) -> f64 {
        self.last as f64 + f64::from(self.usual)
    }
}

impl BuyAgain {
    /// The rhythm of `product`, the shop's where it is not known.
    pub fn rhythm(&self, product: ProductIx) -> &Rhythm {
        self.rhythms.get(product.index()).unwrap_or(&self.shop)
    }

    /// How likely each product that the customer bought is bought again within `horizon_days` of `now`, likeliest
    /// first, ties by product.
    ///
    /// Where `life` says that a need is over, the probability is multiplied by the square of what is left of it; durables that
    /// nobody buys twice come out near 0 by their repeat rate. What `replaces` another, as a larger pack does or another
    /// brand, postpones it: see `BuyAgain::supplies`.
    ///
    /// ```
    /// use serendib_engine::repeat::{BuyAgain, RepeatOdds, Rhythm};
    /// use serendib_shop::{Kind, ProductIx, Touch, DAY_MS};
    ///
    /// let monthly = Rhythm { mu: 30f32.ln(), sigma: 0.3, repeat: 0.8, packs: 1.0 };
    /// let odds = RepeatOdds::default();
    /// let model = BuyAgain { rhythms: vec![monthly], shop: monthly, odds };
    /// let bought = Touch::new(Kind::PURCHASE, ProductIx(0), 100 * DAY_MS);
    /// let due = model.due(&[bought], 125 * DAY_MS, 14.0, None, &|_, _| false);
    /// assert_eq!((due[0].product, due[0].times), (ProductIx(0), 1));
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
                let times = supply.days.len() as u32;
                let rhythm = self.rhythm(product);
                let since = ((today - supply.last as f64) as f32 - 0.5).max(0.1);
                let below = |days: f32| normal_cdf((days.max(1e-3) / usual).ln() / sigma);
                let (before, after) = (below(since), below(since + horizon));
                let hazard = ((after - before) / (1.0 - before).max(1e-3)).clamp(0.0, 1.0);
                // Who has repeated is likelier to go on: Beta posterior on the product's repeat rate.
                let n = times.saturating_sub(1) as f32;
                let repeat = (rhythm.repeat * KAPPA + n) / (KAPPA + n);
                // Of those who will come back, ever fewer have not yet: the chance of having stopped grows.
                let alive = repeat * (1.0 - before) / (repeat * (1.0 - before) + 1.0 - repeat);
                let overdue = (since / (LAPSE * usual)).max(1.0);
                let left = life.map_or(1.0, |life| (1.0 - life.ended(product)).powi(2));
                let chance = (alive * hazard / overdue).clamp(0.0, 1.0);
                let ripeness = since / usual.max(1e-3);
                let terms = terms(&supply.days, today, ripeness, chance);
                Due {
                    product,
                    probability: left * self.odds.probability(&terms),
                    by_rhythm: left * chance,
                    terms,
                    due_at: supply.last * DAY_MS + (f64::from(usual) * DAY_MS as f64) as i64,
                    times,
                    ripeness,
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
                let stretch = pack_scale(last.1, rhythm.packs);
                Supply {
                    product,
                    first: list.days.first().map_or(last.0, |d| d.0),
                    last: last.0,
                    usual: mu.exp() * stretch,
                    sigma,
                    days: list.days,
                }
            })
            .collect();
        let instead = |supply: &Supply| {
            own.iter()
                .filter(|other| {
                    other.first > supply.last
                        && other.runs_out() > supply.runs_out()
                        && replaces(supply.product, other.product)
                })
                .max_by(|a, b| a.runs_out().total_cmp(&b.runs_out()))
                .map(|other| (other.last, other.usual, other.sigma))
        };
        let instead: Vec<Option<(i64, f32, f32)>> = own.iter().map(instead).collect();
        own.into_iter()
            .zip(instead)
            .map(|(supply, instead)| match instead {
                Some((last, usual, sigma)) => Supply {
                    last,
                    usual,
                    sigma,
                    ..supply
                },
                None => supply,
            })
            .collect()
    }

    /// Writes `buy-again.json` and `buy-again.safetensors`.
    pub fn write(&self, bundle: &mut BundleWriter) -> Result<(), BundleError> {
        write_json(bundle, SETTINGS, &(&self.shop, &self.odds))?;
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
        let (shop, odds): (Rhythm, RepeatOdds) = read_json(bundle, SETTINGS)?;
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
        let sound = |weight: &f32| *weight >= 0.0 && weight.is_finite();
        if !(odds.weights.iter().all(sound) && odds.intercept.is_finite()) {
            let text = "a weight of the odds is below 0, or a number of them is not finite";
            return Err(BundleError::content(SETTINGS, text));
        }
        Ok(BuyAgain {
            rhythms,
            shop,
            odds,
        })
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
