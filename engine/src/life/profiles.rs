//! Age profiles: what products share that are needed at the same ages.
//!
//! A product's profile is its category together with the age window that its text states, if any. A profile without a
//! window inherits from the category above it.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::clock::ClockType;
use super::windows::{Window, WindowReader};
use serendib_shop::{Catalogue, Product, ProductIx};

/// The number of a profile in a [`Profiles`].
pub type ProfileIx = u32;

/// Stands for "no profile": such a product says nothing of any clock.
pub const NO_PROFILE: ProfileIx = u32::MAX;

/// Products that are needed at the same ages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Category path; empty for products without a category.
    pub category: String,
    /// Clock, first age and end in whole days, where the text states a window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<(u32, i32, i32)>,
    /// Lift that the text's rule assumes within the window.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lift: f32,
    /// The profile of the category above, for profiles without a window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ProfileIx>,
    /// Clock and kind of it that the text tells, where the clock type has kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<(u32, u32)>,
}

/// Category, window, and the kind where there is a window.
type Key = (String, Option<(u32, i32, i32)>, Option<(u32, u32)>);

fn is_zero(x: &f32) -> bool {
    *x == 0.0
}

impl Profile {
    fn key(&self) -> Key {
        let kind = self.window.and(self.kind);
        (self.category.clone(), self.window, kind)
    }
}

/// All profiles of a shop; a parent comes before its children.
#[derive(Debug, Clone)]
pub struct Profiles {
    list: Vec<Profile>,
    by_key: HashMap<Key, ProfileIx>,
    reader: WindowReader,
}

impl Profiles {
    /// The profiles of all products of `catalogue`.
    pub fn of(catalogue: &Catalogue, clocks: &[ClockType]) -> Profiles {
        let mut profiles = Profiles::from_list(Vec::new(), clocks);
        for product in catalogue.products() {
            let category = normal(product.category.as_deref());
            let mut parent = None;
            for (end, _) in category.match_indices('/') {
                parent = Some(profiles.intern_category(&category[..end], parent));
            }
            if !category.is_empty() {
                profiles.intern_category(&category, parent);
            }
            if let Some(window) = profiles.reader.read(product) {
                profiles.intern(Profile {
                    category,
                    window: Some(key(&window)),
                    lift: window.lift as f32,
                    parent: None,
                    kind: kind(&window),
                });
            }
        }
        profiles
    }

    /// The profiles of a bundle.
    pub fn from_list(list: Vec<Profile>, clocks: &[ClockType]) -> Profiles {
        let by_key = list
            .iter()
            .enumerate()
            .map(|(ix, p)| (p.key(), ix as ProfileIx))
            .collect();
        Profiles {
            list,
            by_key,
            reader: WindowReader::new(clocks),
        }
    }

    fn intern_category(&mut self, category: &str, parent: Option<ProfileIx>) -> ProfileIx {
        if let Some(ix) = self.by_key.get(&(category.to_owned(), None, None)) {
            return *ix;
        }
        let window = self.reader.in_category(category);
        self.intern(Profile {
            category: category.to_owned(),
            window: None,
            lift: 0.0,
            parent,
            kind: window.as_ref().and_then(kind),
        })
    }

    fn intern(&mut self, profile: Profile) -> ProfileIx {
        let key = profile.key();
        if let Some(ix) = self.by_key.get(&key) {
            return *ix;
        }
        let ix = self.list.len() as ProfileIx;
        self.list.push(profile);
        self.by_key.insert(key, ix);
        ix
    }

    /// Returns all profiles by their numbers.
    pub fn list(&self) -> &[Profile] {
        &self.list
    }

    /// The profile of `product`, which need not be one that the profiles were made from.
    ///
    /// Its own category and window; else the known window of that clock that is nearest, if the two overlap for the
    /// most part; else its category or the nearest known one above; else [`NO_PROFILE`].
    pub fn resolve(&self, product: &Product) -> ProfileIx {
        let category = normal(product.category.as_deref());
        if let Some(window) = self.reader.read(product) {
            let (clock, from, to) = key(&window);
            // Bundles from before kinds were told apart know the window without one.
            for told in [kind(&window), None] {
                let exact = (category.clone(), Some((clock, from, to)), told);
                if let Some(ix) = self.by_key.get(&exact) {
                    return *ix;
                }
            }
            let nearest = self
                .list
                .iter()
                .enumerate()
                .filter_map(|(ix, p)| p.window.map(|w| (ix, w, p)))
                .filter(|(_, w, p)| w.0 == clock && (p.kind.is_none() || p.kind == kind(&window)))
                .map(|(ix, (_, f, t), p)| {
                    let shared = f64::from(t.min(to) - f.max(from)).max(0.0);
                    let joint = f64::from(t.max(to) - f.min(from)).max(1.0);
                    (shared / joint, p.category == category, ix)
                })
                .max_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)).then(b.2.cmp(&a.2)));
            if let Some((overlap, _, ix)) = nearest {
                if overlap > 0.5 {
                    return ix as ProfileIx;
                }
            }
        }
        let mut path = category.as_str();
        loop {
            if let Some(ix) = self.by_key.get(&(path.to_owned(), None, None)) {
                return *ix;
            }
            match path.rfind('/') {
                Some(end) => path = &path[..end],
                None => return NO_PROFILE,
            }
        }
    }
}

fn key(window: &Window) -> (u32, i32, i32) {
    (
        window.clock as u32,
        window.from_days.round() as i32,
        window.to_days.round() as i32,
    )
}

fn kind(window: &Window) -> Option<(u32, u32)> {
    let kind = window.kind?;
    Some((window.clock as u32, kind as u32))
}

/// A category path without blanks around its parts or empty parts.
fn normal(path: Option<&str>) -> String {
    path.unwrap_or("")
        .split('/')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("/")
}

/// Which profile each product of a catalogue has, and what else life questions need of products.
#[derive(Debug, Clone, Default)]
pub struct ProductProfiles {
    of: Vec<ProfileIx>,
    durable: Vec<bool>,
    starts: Vec<u32>,
    members: Vec<ProductIx>,
}

impl ProductProfiles {
    /// Resolves every product of `catalogue`; do this once per catalogue.
    pub fn new(profiles: &Profiles, catalogue: &Catalogue) -> ProductProfiles {
        let products = catalogue.products().iter();
        let of = products.map(|product| profiles.resolve(product)).collect();
        ProductProfiles::of_profiles(of, profiles, catalogue)
    }

    /// Returns the profiles of `catalogue`, given those of it before the products `changed`, in order of number, were changed
    /// or added; `None` where they are the same.
    pub fn changed(
        &self,
        profiles: &Profiles,
        catalogue: &Catalogue,
        changed: &[ProductIx],
    ) -> Option<ProductProfiles> {
        let as_before = |ix: ProductIx| {
            let product = catalogue.product(ix);
            self.of.get(ix.index()) == Some(&profiles.resolve(product))
                && self.durable(ix) == (product.durable == Some(true))
        };
        if changed.iter().all(|ix| as_before(*ix)) {
            return None;
        }
        let mut of = self.of.clone();
        for &ix in changed {
            let profile = profiles.resolve(catalogue.product(ix));
            match of.get_mut(ix.index()) {
                Some(place) => *place = profile,
                None => of.push(profile),
            }
        }
        Some(ProductProfiles::of_profiles(of, profiles, catalogue))
    }

    fn of_profiles(
        of: Vec<ProfileIx>,
        profiles: &Profiles,
        catalogue: &Catalogue,
    ) -> ProductProfiles {
        let mut starts = vec![0u32; profiles.list().len() + 1];
        for &profile in of.iter().filter(|p| **p != NO_PROFILE) {
            starts[profile as usize + 1] += 1;
        }
        for ix in 1..starts.len() {
            starts[ix] += starts[ix - 1];
        }
        let mut next = starts.clone();
        let mut members = vec![ProductIx::default(); starts.last().map_or(0, |n| *n as usize)];
        for (product, &profile) in ProductIx::all(of.len()).zip(&of) {
            if profile != NO_PROFILE {
                members[next[profile as usize] as usize] = product;
                next[profile as usize] += 1;
            }
        }
        ProductProfiles {
            of,
            durable: catalogue
                .products()
                .iter()
                .map(|p| p.durable == Some(true))
                .collect(),
            starts,
            members,
        }
    }

    /// The profile of `product`; [`NO_PROFILE`] for a number that the catalogue never gave.
    pub fn of(&self, product: ProductIx) -> ProfileIx {
        self.of.get(product.index()).copied().unwrap_or(NO_PROFILE)
    }

    /// Whether owning one removes the need for another.
    pub fn durable(&self, product: ProductIx) -> bool {
        self.durable.get(product.index()).copied().unwrap_or(false)
    }

    /// The products with `profile`, in order of their numbers.
    pub fn members(&self, profile: ProfileIx) -> &[ProductIx] {
        match self.starts.get(profile as usize..profile as usize + 2) {
            Some([from, to]) => &self.members[*from as usize..*to as usize],
            _ => &[],
        }
    }

    /// How many products there are.
    pub fn len(&self) -> usize {
        self.of.len()
    }

    /// Whether there are no products.
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }
}
