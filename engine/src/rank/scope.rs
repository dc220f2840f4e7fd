//! The limits of one list in numbers of a catalogue, and how far its sources look.

use std::collections::HashSet;

use super::{Filters, ListRequest};
use serendib_shop::{BrandId, Catalogue, CategoryId, ProductIx};

/// Candidates that one source proposes for a list, where the list is no longer than a third of it.
pub(crate) const BREADTH: usize = 300;
/// How many times as far a short list looks each time it looks again.
pub(crate) const FURTHER: usize = 4;
/// How many times as far as at first a list looks at most.
const FURTHEST: usize = FURTHER * FURTHER * FURTHER;

/// The limits of a list in numbers of a catalogue.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bounds {
    /// `None` = any; a name that the catalogue does not know is none of them.
    categories: Option<HashSet<CategoryId>>,
    brands: Option<HashSet<BrandId>>,
    min_price: Option<f64>,
    max_price: Option<f64>,
}

impl Bounds {
    pub(crate) fn of(filters: &Filters, catalogue: &Catalogue) -> Bounds {
        let categories = filters.categories.iter();
        let categories = categories.filter_map(|path| catalogue.find_category(path));
        let brands = filters.brands.iter();
        let brands = brands.filter_map(|name| catalogue.find_brand(name));
        Bounds {
            categories: (!filters.categories.is_empty()).then(|| categories.collect()),
            brands: (!filters.brands.is_empty()).then(|| brands.collect()),
            min_price: filters.min_price,
            max_price: filters.max_price,
        }
    }

    pub(crate) fn are_none(&self) -> bool {
        self.categories.is_none()
            && self.brands.is_none()
            && self.min_price.is_none()
            && self.max_price.is_none()
    }

    pub(crate) fn hold(&self, catalogue: &Catalogue, product: ProductIx) -> bool {
        if let Some(brands) = &self.brands {
            if !catalogue
                .brand(product)
                .is_some_and(|b| brands.contains(&b))
            {
                return false;
            }
        }
        if let Some(categories) = &self.categories {
            let inside = catalogue
                .leaf(product)
                .is_some_and(|leaf| catalogue.ancestry(leaf).any(|c| categories.contains(&c)));
            if !inside {
                return false;
            }
        }
        match (self.min_price, self.max_price) {
            (None, None) => true,
            (min, max) => catalogue.product(product).price.is_some_and(|price| {
                min.is_none_or(|min| price >= min) && max.is_none_or(|max| price <= max)
            }),
        }
    }
}

/// How far the sources of `list` look: at first, and at most. Enough that what goes out later leaves a full list, and more
/// where caps pass many over.
pub(crate) fn breadths(list: &ListRequest) -> (usize, usize) {
    let enough = (list.count * 3).max(BREADTH);
    let first = if list.together.caps.are_none() {
        enough
    } else {
        enough * 3
    };
    (first, first * FURTHEST)
}
