//! What the shop sells at this moment, beyond what the model knows.

use std::sync::Arc;

use crate::life::{Life, ProductProfiles};
use crate::repeat::NeighbourIndex;
use crate::represent::ColdProduct;
use crate::shop::{Catalogue, CatalogueError, Product, ProductIx};

/// The shop's shelves: the model's products first, with the same numbers, then those that came later.
#[derive(Debug, Clone)]
pub struct Live {
    /// The model's products, changed rows included, then new ones.
    pub catalogue: Arc<Catalogue>,
    /// How many of them the model knows.
    pub known: usize,
    /// Content vectors of the new ones, by number minus `known`; `None` where nothing is known but the id.
    pub cold: Arc<Vec<Option<ColdProduct>>>,
    /// Units that may be sold (reservations taken off); `None` = not tracked.
    pub stock: Vec<Option<i64>>,
    /// No longer in the catalogue, or never a thing that is sold.
    pub removed: Vec<bool>,
    /// The shop's customers by their baskets, for the next basket; `None` where nobody made it (yet).
    pub neighbours: Option<Arc<NeighbourIndex>>,
    /// What of life each product is for, new ones and changed rows included; `None` where that is as the model has it.
    pub profiles: Option<Arc<ProductProfiles>>,
}

impl Live {
    /// The shelves as the model's own catalogue describes them.
    pub fn of_catalogue(catalogue: Arc<Catalogue>) -> Live {
        Live {
            known: catalogue.len(),
            stock: catalogue.products().iter().map(|p| p.stock).collect(),
            removed: catalogue
                .products()
                .iter()
                .map(|p| p.is_non_product())
                .collect(),
            cold: Arc::default(),
            neighbours: None,
            profiles: None,
            catalogue,
        }
    }

    /// The model's catalogue with `upserts` applied (changed rows in place, new ones appended) and `embed` giving the
    /// content vector of each new product.
    ///
    /// # Errors
    /// An upsert without a valid id.
    pub fn with_upserts(
        base: &Catalogue,
        upserts: Vec<Product>,
        embed: impl Fn(&Product) -> Option<ColdProduct>,
    ) -> Result<Live, CatalogueError> {
        let mut products = base.products().to_vec();
        let mut appended = std::collections::HashMap::new();
        for product in upserts {
            let slot = base
                .find(&product.product_id)
                .map(|ix| ix as usize)
                .or_else(|| appended.get(&product.product_id).copied());
            match slot {
                Some(slot) => products[slot] = product,
                None => {
                    appended.insert(product.product_id.clone(), products.len());
                    products.push(product);
                }
            }
        }
        let cold = products[base.len()..].iter().map(embed).collect();
        let mut live = Live::of_catalogue(Arc::new(Catalogue::new(products)?));
        live.known = base.len();
        live.cold = Arc::new(cold);
        Ok(live)
    }

    /// The same shelves with what the products that `base`, the model's catalogue, does not know as they are here are for
    /// in life.
    pub fn with_life(mut self, life: Option<&Life>, base: &Catalogue) -> Live {
        self.profiles =
            life.map(|life| Arc::new(life.products_now(&life.products, base, &self.catalogue)));
        self
    }

    /// What of life each product is for, `life` being the model's part.
    pub fn profiles<'a>(&'a self, life: &'a Life) -> &'a ProductProfiles {
        self.profiles.as_deref().unwrap_or(&life.products)
    }

    /// Whether `product` exists, is not removed, is on sale at `now` and has stock.
    ///
    /// `now` = `i64::MAX` (a shop without times) looks at stock and removal only.
    pub fn sells(&self, product: ProductIx, now: i64) -> bool {
        let ix = product as usize;
        if ix >= self.catalogue.len() || self.removed[ix] {
            return false;
        }
        if self.stock[ix].is_some_and(|stock| stock <= 0) {
            return false;
        }
        self.catalogue.in_season(product, now)
    }
}
