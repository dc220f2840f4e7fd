//! How far behind others the products come that let their customer down.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::query::kin;
use super::Live;
use crate::bundle::{read_json, write_json, Bundle, BundleError, BundleWriter};
use crate::model::Model;
use serendib_shop::{LetDown, Owned, ProductIx, Standing};

const FILE: &str = "aversion.json";

/// What the score of a product is multiplied by once it let its customer down, by how it did: above 0, at most
/// [`Aversion::MOST`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aversion {
    /// Taken out of the cart.
    pub taken_out: f32,
    /// Given back, and nobody said why.
    pub given_back_unsaid: f32,
    /// Given back because of its size: another one is offered.
    pub wrong_size: f32,
    /// Complained about.
    pub complained: f32,
    /// Given back for a reason that is about the product.
    pub given_back: f32,
    /// Rated two stars or fewer, or a surprise that is not wanted again.
    pub rated_low: f32,
}

impl Default for Aversion {
    fn default() -> Self {
        Aversion {
            taken_out: 0.4,
            given_back_unsaid: 0.2,
            wrong_size: 0.05,
            complained: 0.1,
            given_back: 0.05,
            rated_low: 0.05,
        }
    }
}

impl Aversion {
    pub const LEAST: f32 = 0.02;
    /// Whatever was learned, what let a customer down is never as good as what did not.
    pub const MOST: f32 = 0.5;

    /// The factor of `how`.
    pub fn of(&self, how: LetDown) -> f32 {
        let factor = match how {
            LetDown::TakenOut => self.taken_out,
            LetDown::GivenBackUnsaid => self.given_back_unsaid,
            LetDown::WrongSize => self.wrong_size,
            LetDown::Complained => self.complained,
            LetDown::GivenBack => self.given_back,
            LetDown::RatedLow => self.rated_low,
        };
        factor.clamp(Aversion::LEAST, Aversion::MOST)
    }

    /// Where the factor of `how` is kept.
    pub fn of_mut(&mut self, how: LetDown) -> &mut f32 {
        match how {
            LetDown::TakenOut => &mut self.taken_out,
            LetDown::GivenBackUnsaid => &mut self.given_back_unsaid,
            LetDown::WrongSize => &mut self.wrong_size,
            LetDown::Complained => &mut self.complained,
            LetDown::GivenBack => &mut self.given_back,
            LetDown::RatedLow => &mut self.rated_low,
        }
    }

    /// Writes the part.
    pub fn write(&self, bundle: &mut BundleWriter) -> Result<(), BundleError> {
        write_json(bundle, FILE, self)
    }

    /// Reads the part; what nothing was learned of where the bundle has none.
    ///
    /// # Errors
    /// A factor that is no number.
    pub fn read(bundle: &Bundle) -> Result<Aversion, BundleError> {
        if !bundle.has(FILE) {
            return Ok(Aversion::default());
        }
        let part: Aversion = read_json(bundle, FILE)?;
        if LetDown::ALL.iter().all(|how| part.of(*how).is_finite()) {
            Ok(part)
        } else {
            Err(BundleError::content(FILE, "a factor is not a number"))
        }
    }
}

/// The factors of the products that let one customer down, and of their nearest kin.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Averse {
    products: HashMap<ProductIx, f32>,
    /// By the number that variants share.
    kin: HashMap<ProductIx, f32>,
    /// By leaf category and brand.
    brands: HashMap<(u32, String), f32>,
    /// What the customer has and likes, whatever its kin did.
    liked: HashSet<ProductIx>,
}

impl Averse {
    /// What `standing` says of the products of `live` for a customer who owns `owned`.
    ///
    /// The kin of a product, its variants and what is of its leaf category and brand, comes behind by the root of its factor;
    /// of what had the wrong size it does not.
    pub fn of(
        model: &Model,
        live: &Live,
        standing: &Standing,
        owned: &HashMap<ProductIx, Owned>,
    ) -> Averse {
        let mut averse = Averse::default();
        for (&product, &how) in &standing.let_down {
            if product as usize >= live.catalogue.len() {
                continue;
            }
            let factor = model.aversion.of(how);
            averse.products.insert(product, factor);
            if how == LetDown::WrongSize {
                continue;
            }
            let less = factor.sqrt();
            let strictest = |known: &mut f32| *known = known.min(less);
            let family = kin(model, live, product);
            averse
                .kin
                .entry(family)
                .and_modify(strictest)
                .or_insert(less);
            if let Some(brand) = shelf_of(live, product) {
                averse
                    .brands
                    .entry(brand)
                    .and_modify(strictest)
                    .or_insert(less);
            }
        }
        if !averse.products.is_empty() {
            let liked = owned.values().filter(|own| own.liked);
            averse.liked = liked.map(|own| own.product).collect();
        }
        averse
    }

    /// Whether nothing let the customer down.
    pub fn is_empty(&self) -> bool {
        self.products.is_empty()
    }

    /// What the score of `product` is multiplied by; `None` where nothing speaks against it.
    pub fn factor(&self, model: &Model, live: &Live, product: ProductIx) -> Option<f32> {
        if let Some(factor) = self.products.get(&product) {
            return Some(*factor);
        }
        if self.liked.contains(&product) || self.is_empty() {
            return None;
        }
        let family = self.kin.get(&kin(model, live, product));
        let brand = shelf_of(live, product).and_then(|brand| self.brands.get(&brand));
        let strictest = |a: f32, b: &f32| a.min(*b);
        let found = family.into_iter().chain(brand);
        found.fold(None, |least: Option<f32>, f| {
            Some(least.map_or(*f, |least| strictest(least, f)))
        })
    }
}

/// The leaf category and brand of `product`; `None` where it has either not.
fn shelf_of(live: &Live, product: ProductIx) -> Option<(u32, String)> {
    let leaf = live.catalogue.leaf(product)?;
    let brand = live.catalogue.product(product).brand.clone()?;
    Some((leaf.0, brand))
}
