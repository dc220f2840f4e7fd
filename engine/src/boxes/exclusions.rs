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

/// Allergens that labels of food name, by common words: words for a whole group, and words for parts of it. Who may not have the
/// group may have none of its parts; who may not have a part may not have what is only labelled with the group.
const ALLERGENS: &[(&[&str], &[&str])] = &[
    (
        &["nut", "nuts", "tree nut", "tree nuts", "אגוז", "אגוזים"],
        &[
            "almond",
            "almonds",
            "brazil nut",
            "brazil nuts",
            "cashew",
            "cashews",
            "filbert",
            "filberts",
            "hazelnut",
            "hazelnuts",
            "macadamia",
            "macadamias",
            "peanut",
            "peanuts",
            "pecan",
            "pecans",
            "pistachio",
            "pistachios",
            "walnut",
            "walnuts",
            "בוטנים",
            "שקדים",
        ],
    ),
    (
        &["cereal", "cereals", "gluten", "גלוטן"],
        &[
            "barley", "kamut", "oat", "oats", "rye", "spelt", "wheat", "חיטה",
        ],
    ),
    (
        &["dairy", "milk", "חלב"],
        &[
            "butter",
            "casein",
            "cheese",
            "cream",
            "lactose",
            "whey",
            "לקטוז",
        ],
    ),
    (
        &["seafood", "shellfish"],
        &[
            "clam",
            "clams",
            "crab",
            "crabs",
            "crustacean",
            "crustaceans",
            "lobster",
            "mollusc",
            "molluscs",
            "mollusk",
            "mollusks",
            "mussel",
            "mussels",
            "oyster",
            "oysters",
            "prawn",
            "prawns",
            "shrimp",
            "shrimps",
        ],
    ),
    (&["soy", "soya", "soybean", "soybeans", "סויה"], &[]),
    (
        &[
            "sulfite",
            "sulfites",
            "sulphite",
            "sulphites",
            "sulphur dioxide",
        ],
        &[],
    ),
    (&["egg", "eggs", "ביצים"], &[]),
    (&["fish", "דגים"], &[]),
    (&["celery", "סלרי"], &[]),
    (&["lupin", "lupine"], &[]),
    (&["mustard", "חרדל"], &[]),
    (&["sesame", "שומשום"], &[]),
    (&["allergen", "allergens"], &[]),
];

/// Every word of [`ALLERGENS`].
fn common<'a>() -> impl Iterator<Item = &'a str> {
    ALLERGENS
        .iter()
        .flat_map(|(group, parts)| group.iter().chain(*parts))
        .copied()
}

/// Whether a product whose label names `label` may hold what somebody excludes who writes `word`: both as keys.
fn may_hold(label: &str, word: &str) -> bool {
    // "nuts" is in "mixed nuts" and in "hazelnut"; too much is left out rather than too little
    let stem = word.strip_suffix('s').unwrap_or(word);
    if stem.chars().count() >= 3 && label.contains(stem) {
        return true;
    }
    let names = |words: &[&str], text: &str| {
        let text_words = || text.split([' ', '/', '-']);
        words
            .iter()
            .any(|w| *w == text || text_words().any(|part| part == *w))
    };
    ALLERGENS.iter().any(|(group, parts)| {
        let labelled = names(group, label);
        (names(group, word) && (labelled || names(parts, label)))
            || (names(parts, word) && labelled)
    })
}

/// What one exclusion means.
#[derive(Debug, Default)]
pub(super) struct Meaning<'a> {
    pub product: Option<ProductIx>,
    pub categories: &'a [u32],
    /// The allergens of which labels say that they may be what is meant.
    pub allergens: Vec<u32>,
    /// Whether it is about allergens, also where it is a category that is called like one.
    pub about_allergens: bool,
    /// Whether labels of this shop name no allergen that it could mean, though they name others.
    pub unlabelled: bool,
}

impl Meaning<'_> {
    /// Whether it means something here. A word for an allergen of which no label speaks is not known, also where a category is
    /// called like it: that nothing is labelled with it does not mean that nothing has it.
    pub fn is_known(&self) -> bool {
        let known = self.product.is_some() || !self.categories.is_empty();
        (known && !self.unlabelled) || !self.allergens.is_empty()
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
        // a path that is no category's may still end in an allergen
        let word = match product.is_none() && categories.is_empty() {
            true => last_part(&key),
            false => key.as_str(),
        };
        let exact = self.allergens.get(word).copied();
        let common = product.is_none() && common().any(|name| name == last_part(&key));
        let about_allergens = exact.is_some() || common;
        let allergens: Vec<u32> = match about_allergens {
            true => self.of_labels(last_part(&key)),
            false => Vec::new(),
        };
        let is_path = key.contains('/') && !categories.is_empty();
        Meaning {
            product,
            categories,
            unlabelled: about_allergens
                && !is_path
                && allergens.is_empty()
                && !self.allergens.is_empty(),
            allergens,
            about_allergens,
        }
    }

    /// The allergens on labels that may be what `word` means.
    fn of_labels(&self, word: &str) -> Vec<u32> {
        let labels = self.allergens.iter();
        let meant = labels.filter(|(label, _)| *label == word || may_hold(label, word));
        let mut numbers: Vec<u32> = meant.map(|(_, number)| *number).collect();
        numbers.sort_unstable();
        numbers
    }

    /// Whether an exclusion that is not known is like an allergen: of this shop, or of any food.
    pub fn is_like_allergen(&self, exclusion: &str) -> bool {
        let key = name_key(exclusion);
        let known = || self.allergens.keys().map(String::as_str);
        let all = || known().chain(common());
        let like = |word: &str| nearest(word, all()).is_some() || all().any(|name| name == word);
        like(&key) || key.split([' ', '/', '-']).any(like)
    }

    /// The path of a category that is called like `exclusion`.
    pub fn called_like(&self, catalogue: &Catalogue, exclusion: &str) -> Option<String> {
        let categories = self.ends.get(&name_key(exclusion))?;
        let category = catalogue.categories().get(*categories.first()? as usize)?;
        Some(category.path.clone())
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
