//! What a subscriber's exclusions mean: products, categories, allergens, however they are written.
//!
//! Names are compared as [`name_key`] writes them. A category is meant by its path and by every end of it (`nuts` means
//! `food/nuts`). An exclusion may mean several things; all of them stay out then.

use std::collections::{HashMap, HashSet};

use serendib_shop::{name_key, nearest, path_ends, Catalogue, CategoryId, ProductIx};

/// What a shop writes into the allergens of a product that has none.
const NO_ALLERGENS: &str = "none";
/// A category is one of labelled food where at least one in so many of its products, with all below, names allergens.
const LABELLED_ONE_IN: usize = 5;

/// Allergens that labels of food name, by common words: an exclusion like one of them is never passed over.
const COMMON: &[&str] = &[
    "allergen",
    "allergens",
    "almond",
    "almonds",
    "barley",
    "cashew",
    "cashews",
    "casein",
    "celery",
    "crustacean",
    "crustaceans",
    "dairy",
    "egg",
    "eggs",
    "fish",
    "gluten",
    "hazelnut",
    "hazelnuts",
    "lactose",
    "lupin",
    "milk",
    "mollusc",
    "molluscs",
    "mustard",
    "nut",
    "nuts",
    "oats",
    "peanut",
    "peanuts",
    "pecan",
    "pecans",
    "pistachio",
    "pistachios",
    "rye",
    "sesame",
    "shellfish",
    "shrimp",
    "soy",
    "soya",
    "soybean",
    "soybeans",
    "spelt",
    "sulfites",
    "sulphites",
    "tree nuts",
    "walnut",
    "walnuts",
    "wheat",
    "whey",
    "אגוז",
    "אגוזים",
    "בוטנים",
    "ביצים",
    "גלוטן",
    "דגים",
    "חיטה",
    "חלב",
    "חרדל",
    "לקטוז",
    "סויה",
    "סלרי",
    "שומשום",
    "שקדים",
];

/// What one exclusion means; nothing of all = it is not known.
#[derive(Debug, Default)]
pub(super) struct Meaning<'a> {
    pub product: Option<ProductIx>,
    pub categories: &'a [u32],
    pub allergen: Option<u32>,
    /// Whether it is about allergens, also where it is a category that is called like one.
    pub about_allergens: bool,
}

impl Meaning<'_> {
    pub fn is_known(&self) -> bool {
        self.product.is_some() || !self.categories.is_empty() || self.allergen.is_some()
    }
}

/// The names that exclusions may use in one shop.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    /// Category by the key of its path.
    paths: HashMap<String, u32>,
    /// Categories by the key of each end of their paths.
    ends: HashMap<String, Vec<u32>>,
    /// Allergen by its key.
    allergens: HashMap<String, u32>,
    /// Categories of which some product names allergens, or one in [`LABELLED_ONE_IN`] of those in them and below.
    labelled: HashSet<CategoryId>,
    /// Whether products without a category name allergens.
    labelled_without: bool,
}

impl Names {
    pub fn of(catalogue: &Catalogue) -> Names {
        let mut names = Names::default();
        for (number, category) in catalogue.categories().iter().enumerate() {
            let key = name_key(&category.path);
            for end in path_ends(&key) {
                let categories = names.ends.entry(end.to_owned()).or_default();
                categories.push(number as u32);
            }
            names.paths.insert(key, number as u32);
        }
        let mut counts = vec![(0usize, 0usize); catalogue.categories().len()];
        for (ix, product) in ProductIx::all(catalogue.len()).zip(catalogue.products()) {
            let says = !product.allergens.is_empty();
            for allergen in &product.allergens {
                let key = name_key(allergen);
                if !key.is_empty() && key != NO_ALLERGENS {
                    let number = names.allergens.len() as u32;
                    names.allergens.entry(key).or_insert(number);
                }
            }
            match catalogue.leaf(ix) {
                None => names.labelled_without |= says,
                Some(leaf) => {
                    if says {
                        names.labelled.insert(leaf);
                    }
                    for above in catalogue.ancestry(leaf) {
                        let (of, saying) = &mut counts[above.0 as usize];
                        *of += 1;
                        *saying += usize::from(says);
                    }
                }
            }
        }
        let often = (0..)
            .zip(counts)
            .filter(|(_, (of, saying))| *saying > 0 && saying * LABELLED_ONE_IN >= *of);
        names.labelled.extend(often.map(|(n, _)| CategoryId(n)));
        names
    }

    /// The category at `path`.
    pub fn category(&self, path: &str) -> Option<u32> {
        self.paths.get(&name_key(path)).copied()
    }

    /// The numbers of a product's allergens.
    pub fn allergens(&self, named: &[String]) -> Vec<u32> {
        let known = |name: &String| self.allergens.get(&name_key(name)).copied();
        let mut numbers: Vec<u32> = named.iter().filter_map(known).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    /// Whether nobody says what allergens are in `product`, where it is said of its like.
    pub fn is_unlabelled(&self, catalogue: &Catalogue, product: ProductIx) -> bool {
        catalogue.product(product).allergens.is_empty()
            && match catalogue.leaf(product) {
                None => self.labelled_without,
                Some(leaf) => catalogue.ancestry(leaf).any(|c| self.labelled.contains(&c)),
            }
    }

    /// What `exclusion` means.
    pub fn meaning(&self, catalogue: &Catalogue, exclusion: &str) -> Meaning<'_> {
        let key = name_key(exclusion);
        let product = catalogue
            .find(exclusion)
            .or_else(|| catalogue.find(exclusion.trim()));
        let categories = self.ends.get(&key).map_or(&[][..], Vec::as_slice);
        let exact = self.allergens.get(&key).copied();
        // a path that is no category's may still end in an allergen
        let last = || self.allergens.get(last_part(&key)).copied();
        let allergen = match exact {
            None if product.is_none() && categories.is_empty() => last(),
            exact => exact,
        };
        Meaning {
            product,
            categories,
            allergen,
            about_allergens: allergen.is_some()
                || (product.is_none() && COMMON.contains(&last_part(&key))),
        }
    }

    /// Whether an exclusion that is not known is like an allergen: of this shop, or of any food.
    pub fn is_like_allergen(&self, exclusion: &str) -> bool {
        let key = name_key(exclusion);
        let known = || self.allergens.keys().map(String::as_str);
        let all = || known().chain(COMMON.iter().copied());
        let like = |word: &str| nearest(word, all()).is_some() || all().any(|name| name == word);
        like(&key) || key.split([' ', '/', '-']).any(like)
    }

    /// The name that was probably meant by an exclusion that is not known.
    pub fn meant(&self, exclusion: &str) -> Option<&str> {
        let key = name_key(exclusion);
        let allergens = self.allergens.keys();
        let categories = self.ends.keys();
        let known = || allergens.clone().chain(categories.clone());
        let found = nearest(&key, known().map(String::as_str));
        found.or_else(|| nearest(last_part(&key), known().map(String::as_str)))
    }

    /// The path of a category that was probably meant by `path`.
    pub fn meant_category(&self, path: &str) -> Option<&str> {
        nearest(&name_key(path), self.paths.keys().map(String::as_str))
    }
}

fn last_part(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}
