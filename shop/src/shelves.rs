//! What a shop sells at this moment: its catalogue with every later change, stock, and what is not for sale.
//!
//! This is the one place where changes of products meet the catalogue that a model was fitted on: for the server, for batch
//! answers and for the packing of boxes.

use std::sync::Arc;

use imbl::Vector;

use crate::{Catalogue, CatalogueError, Product, ProductIx};

/// A catalogue with stock and removals, by product number.
#[derive(Debug, Clone, Default)]
pub struct Shelves {
    /// The products: those of the first catalogue keep their numbers, later ones follow.
    pub catalogue: Arc<Catalogue>,
    /// Units that may be sold, reservations taken off; `None` = not tracked.
    pub stock: Vector<Option<i64>>,
    /// Whether the product is not in the shop's catalogue: it was taken out, or touchpoints alone name it.
    pub removed: Vector<bool>,
    /// Whether the entry is nothing that is sold: postage, a fee, a correction.
    pub non_product: Vector<bool>,
}

/// A product as the shop has it now.
#[derive(Debug, Clone, PartialEq)]
pub struct ShelfChange {
    pub product: Product,
    /// Units that may be sold, reservations taken off; `None` = not tracked.
    pub available: Option<i64>,
    /// Whether the shop took it out of its catalogue.
    pub removed: bool,
    /// Whether it is known from touchpoints alone: then it says nothing about a product that is described already.
    pub seen_only: bool,
}

impl ShelfChange {
    /// Returns the change of a shop that lists `product` with the stock that its row says.
    pub fn listed(product: Product) -> ShelfChange {
        ShelfChange {
            available: product.stock,
            removed: product.is_unlisted(),
            product,
            seen_only: false,
        }
    }
}

impl Shelves {
    /// Returns the shelves as `catalogue` itself describes them.
    pub fn of_catalogue(catalogue: Arc<Catalogue>) -> Shelves {
        let products = catalogue.products();
        Shelves {
            stock: products.iter().map(|p| p.stock).collect(),
            removed: products.iter().map(Product::is_unlisted).collect(),
            non_product: ProductIx::all(catalogue.len())
                .map(|product| catalogue.is_non_product(product))
                .collect(),
            catalogue,
        }
    }

    /// Applies `changes` in order and returns the numbers of the products whose description changed or is new, each once, in
    /// order of number. Stock alone is no change of description.
    ///
    /// # Errors
    /// A malformed id; the changes before it are made.
    ///
    /// ```
    /// use serendib_shop::{Product, ProductIx, ShelfChange, Shelves};
    ///
    /// let mut shelves = Shelves::default();
    /// shelves.apply([ShelfChange::listed(Product::bare("soap"))])?;
    /// assert!(shelves.sells(ProductIx(0), 0));
    /// let mut gone = ShelfChange::listed(Product::bare("soap"));
    /// gone.removed = true;
    /// assert!(shelves.apply([gone])?.is_empty());
    /// assert!(!shelves.sells(ProductIx(0), 0));
    /// # Ok::<(), serendib_shop::CatalogueError>(())
    /// ```
    pub fn apply(
        &mut self,
        changes: impl IntoIterator<Item = ShelfChange>,
    ) -> Result<Vec<ProductIx>, CatalogueError> {
        let mut changed = Vec::new();
        for change in changes {
            let known = self.catalogue.find(&change.product.product_id);
            let ix = match known {
                Some(_) if change.seen_only => continue,
                Some(ix) if same_but_for_stock(self.catalogue.product(ix), &change.product) => ix,
                _ => {
                    let ix = Arc::make_mut(&mut self.catalogue).put(change.product)?;
                    let non_product = self.catalogue.is_non_product(ix);
                    if ix.index() == self.stock.len() {
                        self.stock.push_back(None);
                        self.removed.push_back(false);
                        self.non_product.push_back(non_product);
                    } else if self.non_product[ix.index()] != non_product {
                        self.non_product.set(ix.index(), non_product);
                    }
                    changed.push(ix);
                    ix
                }
            };
            let ix = ix.index();
            if self.stock[ix] != change.available {
                self.stock.set(ix, change.available);
            }
            if self.removed[ix] != change.removed {
                self.removed.set(ix, change.removed);
            }
        }
        changed.sort_unstable();
        changed.dedup();
        Ok(changed)
    }

    /// Whether the shop sells `product` at all: it is in its catalogue, and a thing that is sold.
    pub fn offers(&self, product: ProductIx) -> bool {
        let ix = product.index();
        ix < self.catalogue.len() && !self.removed[ix] && !self.non_product[ix]
    }

    /// Whether `product` is offered, on sale at `now` and in stock.
    ///
    /// `now` = `i64::MAX` (a shop without times) looks at no dates.
    pub fn sells(&self, product: ProductIx, now: i64) -> bool {
        self.offers(product)
            && self.stock[product.index()].is_none_or(|stock| stock > 0)
            && self.catalogue.in_season(product, now)
    }
}

fn same_but_for_stock(a: &Product, b: &Product) -> bool {
    if a.stock == b.stock {
        return a == b;
    }
    let with_stock = Product {
        stock: b.stock,
        ..a.clone()
    };
    with_stock == *b
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelves(ids: &[&str]) -> Shelves {
        let products = ids.iter().map(|id| Product::bare(*id)).collect();
        Shelves::of_catalogue(Arc::new(Catalogue::new(products).unwrap()))
    }

    #[test]
    fn postage_is_not_offered_whoever_lists_it() {
        let postage = Product {
            attributes: [("non_product".to_owned(), true.into())].into(),
            ..Product::bare("postage")
        };
        let own = Catalogue::new(vec![postage.clone()]).unwrap();
        assert!(!Shelves::of_catalogue(Arc::new(own)).offers(ProductIx(0)));
        let mut later = shelves(&["soap"]);
        let changed = later.apply([ShelfChange::listed(postage)]).unwrap();
        assert_eq!(changed, [ProductIx(1)]);
        assert!(!later.offers(ProductIx(1)) && later.offers(ProductIx(0)));
    }

    #[test]
    fn what_no_table_lists_is_not_offered_until_one_does() {
        let gone = Catalogue::new(vec![Product::unlisted("gone")]).unwrap();
        let mut shelves = Shelves::of_catalogue(Arc::new(gone));
        assert!(!shelves.offers(ProductIx(0)));
        let again = ShelfChange::listed(Product::unlisted("gone"));
        assert!(shelves.apply([again]).unwrap().is_empty());
        assert!(!shelves.offers(ProductIx(0)));
        let back = ShelfChange::listed(Product::bare("gone"));
        assert_eq!(shelves.apply([back]).unwrap(), [ProductIx(0)]);
        assert!(shelves.offers(ProductIx(0)));
    }

    #[test]
    fn stock_changes_no_description_and_what_was_only_seen_changes_nothing() {
        let mut shelves = shelves(&["soap"]);
        let before = shelves.clone();
        let sold_out = ShelfChange {
            available: Some(0),
            ..ShelfChange::listed(Product::bare("soap"))
        };
        assert!(shelves.apply([sold_out]).unwrap().is_empty());
        assert!(!shelves.sells(ProductIx(0), 0) && before.sells(ProductIx(0), 0));
        let seen = ShelfChange {
            seen_only: true,
            ..ShelfChange::listed(Product::bare("soap"))
        };
        assert!(shelves.apply([seen]).unwrap().is_empty());
        assert!(!shelves.sells(ProductIx(0), 0));
        assert!(!shelves.offers(ProductIx(7)), "a number that nobody gave");
    }
}
