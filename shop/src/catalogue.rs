//! The products of a shop with dense numbers, their category tree and their variants.

use std::collections::HashMap;
use std::sync::Arc;

use crate::{check_id, IdError, Product, ProductIx};

/// The number of a category in a [`Catalogue`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CategoryId(pub u32);

/// One node of the category tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Category {
    /// Full path, `a/b/c`.
    pub path: String,
    /// The node above; `None` for a root.
    pub parent: Option<CategoryId>,
    /// 0 for a root.
    pub depth: u32,
}

impl Category {
    /// The last part of the path.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

/// Why products do not make a catalogue.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CatalogueError {
    /// A product's id is not an id.
    #[error("product {row}: product_id: {source}")]
    Id {
        /// Position from 0.
        row: usize,
        /// What is wrong.
        source: IdError,
    },
    /// Two products have one id.
    #[error("product {row}: product_id {id:?} appears twice")]
    Duplicate {
        /// Position of the second, from 0.
        row: usize,
        /// The id.
        id: String,
    },
}

/// An immutable set of products numbered from 0 in the order given.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    products: Vec<Product>,
    by_id: HashMap<Arc<str>, ProductIx>,
    categories: Vec<Category>,
    category_by_path: HashMap<String, CategoryId>,
    leaf: Vec<Option<CategoryId>>,
    /// First product of each variant group, per product.
    family: Vec<ProductIx>,
    /// Whether a product is on sale for some time only.
    dated: Vec<bool>,
}

impl Catalogue {
    /// Whether `product` is on sale at `now`, by its dates alone; `i64::MAX` (a shop without times) looks at none.
    pub fn in_season(&self, product: ProductIx, now: i64) -> bool {
        // Most products have no dates: that is told without touching their rows, which are spread over the memory.
        if now == i64::MAX || !self.dated[product as usize] {
            return true;
        }
        let row = self.product(product);
        row.available_from.is_none_or(|from| from <= now)
            && row.available_until.is_none_or(|until| now < until)
            && row.expires_at.is_none_or(|expiry| now < expiry)
    }

    /// Numbers `products` in the order given.
    ///
    /// # Errors
    /// A malformed or repeated id.
    pub fn new(products: Vec<Product>) -> Result<Catalogue, CatalogueError> {
        let mut catalogue = Catalogue {
            by_id: HashMap::with_capacity(products.len()),
            leaf: Vec::with_capacity(products.len()),
            family: Vec::with_capacity(products.len()),
            dated: products
                .iter()
                .map(|p| {
                    p.available_from.is_some()
                        || p.available_until.is_some()
                        || p.expires_at.is_some()
                })
                .collect(),
            ..Catalogue::default()
        };
        let mut group: HashMap<String, ProductIx> = HashMap::new();
        for (row, product) in products.iter().enumerate() {
            check_id(&product.product_id).map_err(|source| CatalogueError::Id { row, source })?;
            let ix = row as ProductIx;
            if catalogue
                .by_id
                .insert(product.product_id.as_str().into(), ix)
                .is_some()
            {
                return Err(CatalogueError::Duplicate {
                    row,
                    id: product.product_id.clone(),
                });
            }
            let leaf = product
                .category
                .as_deref()
                .and_then(|path| catalogue.intern_category(path));
            catalogue.leaf.push(leaf);
            let key = product
                .parent_id
                .clone()
                .unwrap_or_else(|| product.product_id.clone());
            catalogue.family.push(*group.entry(key).or_insert(ix));
        }
        catalogue.products = products;
        Ok(catalogue)
    }

    fn intern_category(&mut self, path: &str) -> Option<CategoryId> {
        let mut parent = None;
        let mut full = String::new();
        for (depth, part) in path
            .split('/')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .enumerate()
        {
            if depth > 0 {
                full.push('/');
            }
            full.push_str(part);
            let next = CategoryId(self.categories.len() as u32);
            let id = *self
                .category_by_path
                .entry(full.clone())
                .or_insert_with(|| next);
            if id == next {
                self.categories.push(Category {
                    path: full.clone(),
                    parent,
                    depth: depth as u32,
                });
            }
            parent = Some(id);
        }
        parent
    }

    /// How many products there are.
    pub fn len(&self) -> usize {
        self.products.len()
    }

    /// Whether there are no products.
    pub fn is_empty(&self) -> bool {
        self.products.is_empty()
    }

    /// All products in order of their numbers.
    pub fn products(&self) -> &[Product] {
        &self.products
    }

    /// The product with number `ix`.
    ///
    /// # Panics
    /// When `ix` is not below [`Catalogue::len`].
    pub fn product(&self, ix: ProductIx) -> &Product {
        &self.products[ix as usize]
    }

    /// The number of the product called `id`.
    pub fn find(&self, id: &str) -> Option<ProductIx> {
        self.by_id.get(id).copied()
    }

    /// All categories; a parent comes before its children.
    pub fn categories(&self) -> &[Category] {
        &self.categories
    }

    /// The category with number `id`.
    pub fn category(&self, id: CategoryId) -> &Category {
        &self.categories[id.0 as usize]
    }

    /// The category at `path`.
    pub fn find_category(&self, path: &str) -> Option<CategoryId> {
        self.category_by_path.get(path).copied()
    }

    /// The leaf category of product `ix`.
    pub fn leaf(&self, ix: ProductIx) -> Option<CategoryId> {
        self.leaf.get(ix as usize).copied().flatten()
    }

    /// The categories from `id` up to its root, `id` first.
    pub fn ancestry(&self, id: CategoryId) -> impl Iterator<Item = CategoryId> + '_ {
        std::iter::successors(Some(id), |id| self.category(*id).parent)
    }

    /// A number shared by all variants of one parent: the first of them in the catalogue.
    pub fn family(&self, ix: ProductIx) -> ProductIx {
        self.family[ix as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(id: &str, category: &str, parent: Option<&str>) -> Product {
        Product {
            category: Some(category.into()),
            parent_id: parent.map(Into::into),
            ..Product::bare(id)
        }
    }

    #[test]
    fn categories_are_a_tree_with_parents_first() {
        let catalogue = Catalogue::new(vec![
            product("p", "baby/clothes/newborn", None),
            product("q", "baby/clothes", None),
            product("r", " / ", None),
        ])
        .unwrap();
        let leaf = catalogue.leaf(0).unwrap();
        let path: Vec<_> = catalogue
            .ancestry(leaf)
            .map(|id| catalogue.category(id).path.as_str())
            .collect();
        assert_eq!(path, ["baby/clothes/newborn", "baby/clothes", "baby"]);
        assert_eq!(catalogue.leaf(1), catalogue.find_category("baby/clothes"));
        assert_eq!(catalogue.leaf(2), None);
        assert_eq!(catalogue.category(leaf).name(), "newborn");
    }

    #[test]
    fn variants_share_a_family_and_ids_are_unique() {
        let catalogue = Catalogue::new(vec![
            product("s", "a", Some("shirt")),
            product("m", "a", Some("shirt")),
            product("x", "a", None),
            product("shirt", "a", None),
        ])
        .unwrap();
        assert_eq!(catalogue.family(1), 0);
        assert_eq!(catalogue.family(2), 2);
        assert_eq!(catalogue.family(3), 0);
        assert!(matches!(
            Catalogue::new(vec![Product::bare("x"), Product::bare("x")]),
            Err(CatalogueError::Duplicate { row: 1, .. })
        ));
    }
}
