//! Customers and products as vectors: families of collaborative models, their blend, folding in.

// The calls that ranking makes. The families replace the bodies; the signatures stay.

use crate::bundle::{read_json, write_json, Bundle, BundleError, BundleWriter};
use crate::shop::{Product, ProductIx, Touch};

/// A customer or session as the representation sees it.
#[derive(Debug, Clone, Default)]
pub struct Folded {
    products: Vec<(ProductIx, f32)>,
}

impl Folded {
    /// Whether nothing went in: no known product was touched.
    pub fn is_empty(&self) -> bool {
        self.products.is_empty()
    }
}

/// A product that came after the model was fitted, through its content.
#[derive(Debug, Clone)]
pub struct ColdProduct {}

/// Products as vectors and sparse rows.
#[derive(Debug, Clone, Default)]
pub struct Representation {
    popularity: Vec<f32>,
}

impl Representation {
    /// Knows no product.
    pub fn empty() -> Representation {
        Representation::default()
    }

    /// Knows only how many customers acquired each product.
    pub fn of_popularity(popularity: Vec<f32>) -> Representation {
        Representation { popularity }
    }

    /// Folds in a history in order of time, as of `now`.
    pub fn fold_in(&self, history: &[Touch], _now: i64) -> Folded {
        Folded {
            products: crate::shop::net_acquisitions(history)
                .into_iter()
                .map(|owned| (owned.product, 1.0))
                .collect(),
        }
    }

    /// Folds in a session or basket.
    pub fn fold_in_products(&self, products: &[(ProductIx, f32)]) -> Folded {
        Folded {
            products: products.to_vec(),
        }
    }

    /// The best `k` allowed products, best first, ties by number.
    pub fn candidates(
        &self,
        _folded: &Folded,
        k: usize,
        allowed: &(dyn Fn(ProductIx) -> bool + Sync),
    ) -> Vec<(ProductIx, f32)> {
        let mut all: Vec<_> = (0..self.popularity.len() as ProductIx)
            .filter(|&product| allowed(product))
            .map(|product| (product, self.popularity[product as usize]))
            .collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        all.truncate(k);
        all
    }

    /// The blend's score of each of `products`.
    pub fn score(&self, _folded: &Folded, products: &[ProductIx]) -> Vec<f32> {
        products
            .iter()
            .map(|&product| self.popularity[product as usize])
            .collect()
    }

    /// The nearest allowed products of `product`, best first, ties by number.
    pub fn similar(
        &self,
        _product: ProductIx,
        _k: usize,
        _allowed: &(dyn Fn(ProductIx) -> bool + Sync),
    ) -> Vec<(ProductIx, f32)> {
        Vec::new()
    }

    /// Unit vector of `product`, for distances and diversity.
    pub fn vector(&self, _product: ProductIx) -> Option<&[f32]> {
        None
    }

    /// Which owned products stand behind the score of `product`, with their part of it, strongest first.
    pub fn contributions(
        &self,
        _folded: &Folded,
        _product: ProductIx,
        _top: usize,
    ) -> Vec<(ProductIx, f32)> {
        Vec::new()
    }

    /// Customers who acquired each product.
    pub fn popularity(&self) -> &[f32] {
        &self.popularity
    }

    /// The content vector of a product that came later; `None` where nothing is known but its id.
    pub fn embed(&self, _product: &Product) -> Option<ColdProduct> {
        None
    }

    /// The score of a product that came later, on the scale of [`Representation::score`].
    pub fn score_cold(&self, _folded: &Folded, _cold: &ColdProduct) -> f32 {
        0.0
    }

    /// Writes the part.
    pub fn write(&self, bundle: &mut BundleWriter) -> Result<(), BundleError> {
        write_json(bundle, "popularity.json", &self.popularity)
    }

    /// Reads the part.
    pub fn read(bundle: &Bundle) -> Result<Representation, BundleError> {
        Ok(Representation {
            popularity: read_json(bundle, "popularity.json")?,
        })
    }
}
