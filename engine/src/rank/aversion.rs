//! How far behind others the products come that let their customer down.

use std::collections::{HashMap, HashSet};

use super::kin::kin;
use super::Live;
use crate::model::Model;
use serendib_shop::{BrandId, CategoryId, LetDown, Owned, ProductIx, Standing};

/// The factors of the products that let one customer down, and of their nearest kin.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Averse {
    products: HashMap<ProductIx, f32>,
    /// By the number that variants share.
    kin: HashMap<ProductIx, f32>,
    /// By leaf category and brand.
    brands: HashMap<(CategoryId, BrandId), f32>,
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
            if product.index() >= live.catalogue.len() {
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
        if !averse.products.is_empty() || !model.aversion.disliked.is_empty() {
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
        if self.liked.contains(&product) {
            return None;
        }
        let most = model.aversion.of_most(product);
        if self.is_empty() {
            return most;
        }
        let family = self.kin.get(&kin(model, live, product));
        let brand = shelf_of(live, product).and_then(|brand| self.brands.get(&brand));
        let strictest = |a: f32, b: &f32| a.min(*b);
        let found = family.into_iter().chain(brand).chain(&most);
        found.fold(None, |least: Option<f32>, f| {
            Some(least.map_or(*f, |least| strictest(least, f)))
        })
    }
}

/// The leaf category and brand of `product`; `None` where it has either not.
fn shelf_of(live: &Live, product: ProductIx) -> Option<(CategoryId, BrandId)> {
    Some((
        live.catalogue.leaf(product)?,
        live.catalogue.brand(product)?,
    ))
}
