//! The products of a shop with dense numbers, their category tree and their variants.

use std::collections::HashMap;
use std::sync::Arc;

use imbl::Vector;

use crate::names::path_parts;
use crate::{check_id, name_key, IdError, Product, ProductIx};

/// The number of a category in a [`Catalogue`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CategoryId(pub u32);

/// The number of a brand in a [`Catalogue`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BrandId(pub u32);

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
        id: String,
    },
}

/// The category tree, shared by the catalogues that have the same.
#[derive(Debug, Clone, Default)]
struct CategoryTree {
    list: Vec<Category>,
    /// By the [`name_key`] of the path: a category is called as it was first written.
    by_key: HashMap<String, CategoryId>,
}

impl CategoryTree {
    fn intern(&mut self, path: &str) -> Option<CategoryId> {
        let mut parent = None;
        for (depth, part) in path_parts(path).enumerate() {
            let full = match parent {
                None => part.to_owned(),
                Some(CategoryId(above)) => {
                    let above: &Category = &self.list[above as usize];
                    format!("{}/{part}", above.path)
                }
            };
            let next = CategoryId(self.list.len() as u32);
            let id = *self.by_key.entry(name_key(&full)).or_insert(next);
            if id == next {
                self.list.push(Category {
                    path: full,
                    parent,
                    depth: depth as u32,
                });
            }
            parent = Some(id);
        }
        parent
    }
}

/// The brands of a catalogue, each once however it is written.
#[derive(Debug, Clone, Default)]
struct Brands {
    /// As first written.
    names: Vec<String>,
    by_key: HashMap<String, BrandId>,
}

impl Brands {
    fn find(&self, name: &str) -> Option<BrandId> {
        self.by_key.get(&name_key(name)).copied()
    }
}

/// Products numbered from 0 in the order in which they came.
///
/// A copy shares what it has in common with its original, so that one changed product costs the logarithm of their number.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    products: Vector<Product>,
    by_id: imbl::HashMap<Arc<str>, ProductIx>,
    categories: Arc<CategoryTree>,
    leaf: Vector<Option<CategoryId>>,
    brands: Arc<Brands>,
    brand: Vector<Option<BrandId>>,
    /// The first product of each variant group, by what the group is called.
    groups: imbl::HashMap<Arc<str>, ProductIx>,
    /// First product of each variant group, per product.
    family: Vector<ProductIx>,
    /// Whether a product is on sale for some time only.
    dated: Vector<bool>,
    /// Whether an entry is nothing that is sold.
    non_product: Vector<bool>,
}

/// What the variants of one product have in common: its parent's id, else its own.
fn group_of(product: &Product) -> &str {
    product.parent_id.as_deref().unwrap_or(&product.product_id)
}

fn is_dated(product: &Product) -> bool {
    product.available_from.is_some()
        || product.available_until.is_some()
        || product.expires_at.is_some()
}

impl Catalogue {
    /// Whether `product` is on sale at `now`, by its dates alone; `i64::MAX` (a shop without times) looks at none.
    pub fn in_season(&self, product: ProductIx, now: i64) -> bool {
        // Most products have no dates: that is told without touching their rows, which are spread over the memory.
        now == i64::MAX || !self.dated[product.index()] || self.product(product).in_season(now)
    }

    /// Numbers `products` in the order given.
    ///
    /// # Errors
    /// A malformed or repeated id.
    pub fn new(products: Vec<Product>) -> Result<Catalogue, CatalogueError> {
        let mut catalogue = Catalogue::default();
        for (row, product) in products.into_iter().enumerate() {
            check_id(&product.product_id).map_err(|source| CatalogueError::Id { row, source })?;
            if catalogue.find(&product.product_id).is_some() {
                return Err(CatalogueError::Duplicate {
                    row,
                    id: product.product_id,
                });
            }
            catalogue.append(product);
        }
        Ok(catalogue)
    }

    /// Puts `product` in the place of the one with its id, or behind all others, and returns its number.
    ///
    /// # Errors
    /// A malformed id.
    ///
    /// ```
    /// use serendib_shop::{Catalogue, Product};
    ///
    /// let mut catalogue = Catalogue::new(vec![Product::bare("soap")])?;
    /// let before = catalogue.clone();
    /// let lamp = catalogue.put(Product::bare("lamp"))?;
    /// assert_eq!((lamp.index(), catalogue.len(), before.len()), (1, 2, 1));
    /// # Ok::<(), serendib_shop::CatalogueError>(())
    /// ```
    pub fn put(&mut self, product: Product) -> Result<ProductIx, CatalogueError> {
        check_id(&product.product_id).map_err(|source| CatalogueError::Id {
            row: self.len(),
            source,
        })?;
        let Some(ix) = self.find(&product.product_id) else {
            return Ok(self.append(product));
        };
        let at = ix.index();
        let before = &self.products[at];
        let regrouped = group_of(before) != group_of(&product);
        let before_brand = before.brand.clone();
        if before.category != product.category {
            let leaf = self.intern_path(product.category.as_deref());
            self.leaf.set(at, leaf);
        }
        if before_brand != product.brand {
            let brand = self.intern_brand(product.brand.as_deref());
            self.brand.set(at, brand);
        }
        if self.dated[at] != is_dated(&product) {
            self.dated.set(at, is_dated(&product));
        }
        let non_product = product.is_non_product();
        if self.non_product[at] != non_product {
            self.non_product.set(at, non_product);
        }
        self.products.set(at, product);
        if regrouped {
            self.regroup();
        }
        Ok(ix)
    }

    fn append(&mut self, product: Product) -> ProductIx {
        let ix = ProductIx::of_index(self.products.len());
        let id: Arc<str> = product.product_id.as_str().into();
        let leaf = self.intern_path(product.category.as_deref());
        let group: Arc<str> = match product.parent_id.as_deref() {
            Some(parent) => parent.into(),
            None => id.clone(),
        };
        self.family
            .push_back(*self.groups.entry(group).or_insert(ix));
        self.by_id.insert(id, ix);
        self.leaf.push_back(leaf);
        let brand = self.intern_brand(product.brand.as_deref());
        self.brand.push_back(brand);
        self.dated.push_back(is_dated(&product));
        self.non_product.push_back(product.is_non_product());
        self.products.push_back(product);
        ix
    }

    /// Finds the groups of variants anew: a product that led one may have left it.
    fn regroup(&mut self) {
        self.groups = imbl::HashMap::new();
        let mut family = Vector::new();
        for (ix, product) in ProductIx::all(self.products.len()).zip(&self.products) {
            let group = self.groups.entry(group_of(product).into());
            family.push_back(*group.or_insert(ix));
        }
        self.family = family;
    }

    fn intern_path(&mut self, path: Option<&str>) -> Option<CategoryId> {
        let path = path?;
        if let Some(known) = self.find_category(path) {
            return Some(known);
        }
        Arc::make_mut(&mut self.categories).intern(path)
    }

    fn intern_brand(&mut self, name: Option<&str>) -> Option<BrandId> {
        let key = name_key(name?);
        if key.is_empty() {
            return None;
        }
        if let Some(known) = self.brands.by_key.get(&key) {
            return Some(*known);
        }
        let brands = Arc::make_mut(&mut self.brands);
        let id = BrandId(brands.names.len() as u32);
        brands.names.push(name?.trim().to_owned());
        brands.by_key.insert(key, id);
        Some(id)
    }

    /// Whether `product` is nothing that is sold: see [`Product::is_non_product`].
    ///
    /// # Panics
    /// When `product` is not below [`Catalogue::len`].
    pub fn is_non_product(&self, product: ProductIx) -> bool {
        self.non_product[product.index()]
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
    pub fn products(&self) -> &Vector<Product> {
        &self.products
    }

    /// The product with number `ix`.
    ///
    /// # Panics
    /// When `ix` is not below [`Catalogue::len`].
    pub fn product(&self, ix: ProductIx) -> &Product {
        &self.products[ix.index()]
    }

    /// The number of the product called `id`.
    pub fn find(&self, id: &str) -> Option<ProductIx> {
        self.by_id.get(id).copied()
    }

    /// All categories; a parent comes before its children.
    pub fn categories(&self) -> &[Category] {
        &self.categories.list
    }

    /// The category with number `id`.
    pub fn category(&self, id: CategoryId) -> &Category {
        &self.categories.list[id.0 as usize]
    }

    /// The category at `path`, however that is written: see [`name_key`].
    pub fn find_category(&self, path: &str) -> Option<CategoryId> {
        let by_key = &self.categories.by_key;
        // most paths are written as they are compared
        let exact = by_key.get(path).copied();
        exact.or_else(|| by_key.get(&name_key(path)).copied())
    }

    /// All brands as they were first written, by their numbers.
    pub fn brands(&self) -> &[String] {
        &self.brands.names
    }

    /// The brand called `name`, however that is written: see [`name_key`].
    pub fn find_brand(&self, name: &str) -> Option<BrandId> {
        self.brands.find(name)
    }

    /// The brand of product `ix`.
    pub fn brand(&self, ix: ProductIx) -> Option<BrandId> {
        self.brand.get(ix.index()).copied().flatten()
    }

    /// The leaf category of product `ix`.
    pub fn leaf(&self, ix: ProductIx) -> Option<CategoryId> {
        self.leaf.get(ix.index()).copied().flatten()
    }

    /// The categories from `id` up to its root, `id` first.
    pub fn ancestry(&self, id: CategoryId) -> impl Iterator<Item = CategoryId> + '_ {
        std::iter::successors(Some(id), |id| self.category(*id).parent)
    }

    /// A number shared by all variants of one parent: the first of them in the catalogue.
    pub fn family(&self, ix: ProductIx) -> ProductIx {
        self.family[ix.index()]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
        let leaf = catalogue.leaf(ProductIx(0)).unwrap();
        let path: Vec<_> = catalogue
            .ancestry(leaf)
            .map(|id| catalogue.category(id).path.as_str())
            .collect();
        assert_eq!(path, ["baby/clothes/newborn", "baby/clothes", "baby"]);
        assert_eq!(
            catalogue.leaf(ProductIx(1)),
            catalogue.find_category("baby/clothes")
        );
        assert_eq!(catalogue.leaf(ProductIx(2)), None);
        assert_eq!(catalogue.category(leaf).name(), "newborn");
    }

    #[test]
    fn categories_and_brands_are_found_however_they_are_written() {
        let branded = |id: &str, category: &str, brand: &str| Product {
            brand: Some(brand.into()),
            ..product(id, category, None)
        };
        let mut catalogue = Catalogue::new(vec![
            branded("p", "Food / Hot Drinks", "Hill & Co"),
            branded("q", "food/hot drinks/", " hill & co "),
            branded("r", "Food/Cold", " "),
        ])
        .unwrap();
        assert_eq!(catalogue.categories().len(), 3);
        assert_eq!(catalogue.leaf(ProductIx(0)), catalogue.leaf(ProductIx(1)));
        let leaf = catalogue.leaf(ProductIx(0)).unwrap();
        assert_eq!(catalogue.category(leaf).path, "Food/Hot Drinks");
        for name in ["Food / Hot Drinks", "/FOOD/hot  drinks", "food/hot drinks"] {
            assert_eq!(catalogue.find_category(name), Some(leaf), "{name:?}");
        }
        assert_eq!(catalogue.find_category("hot drinks"), None);
        assert_eq!(catalogue.brands(), ["Hill & Co"]);
        assert_eq!(catalogue.brand(ProductIx(0)), catalogue.brand(ProductIx(1)));
        assert_eq!(
            catalogue.find_brand("HILL & CO"),
            catalogue.brand(ProductIx(0))
        );
        assert_eq!(catalogue.brand(ProductIx(2)), None);
        catalogue.put(branded("r", "Food/Cold", "Dale")).unwrap();
        assert_eq!(catalogue.brand(ProductIx(2)), catalogue.find_brand("dale"));
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
        assert_eq!(catalogue.family(ProductIx(1)), ProductIx(0));
        assert_eq!(catalogue.family(ProductIx(2)), ProductIx(2));
        assert_eq!(catalogue.family(ProductIx(3)), ProductIx(0));
        assert!(matches!(
            Catalogue::new(vec![Product::bare("x"), Product::bare("x")]),
            Err(CatalogueError::Duplicate { row: 1, .. })
        ));
    }

    proptest! {
        /// Rows put one after the other make the catalogue that their last state makes.
        #[test]
        fn changes_make_what_a_new_catalogue_of_the_rows_is(
            rows in prop::collection::vec((0..12u8, 0..4u8, 0..4u8), 1..60)
        ) {
            let row = |(id, category, parent): (u8, u8, u8)| Product {
                parent_id: (parent > 0).then(|| format!("p{parent}")),
                ..product(&format!("p{id}"), &format!("a/c{category}"), None)
            };
            let mut changed = Catalogue::default();
            let mut last: Vec<Product> = Vec::new();
            for row in rows.into_iter().map(row) {
                match last.iter_mut().find(|p| p.product_id == row.product_id) {
                    Some(place) => *place = row.clone(),
                    None => last.push(row.clone()),
                }
                changed.put(row).unwrap();
            }
            let anew = Catalogue::new(last).unwrap();
            prop_assert_eq!(changed.products(), anew.products());
            for ix in ProductIx::all(anew.len()) {
                prop_assert_eq!(changed.family(ix), anew.family(ix));
                prop_assert_eq!(changed.find(&anew.product(ix).product_id), Some(ix));
                let path = |c: &Catalogue| c.category(c.leaf(ix).unwrap()).path.clone();
                prop_assert_eq!(path(&changed), path(&anew));
            }
        }
    }
}
