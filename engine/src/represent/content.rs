//! What products say about themselves: category path, brand, price band, attributes and words, as sparse unit vectors.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rayon::prelude::*;
use unicode_normalization::UnicodeNormalization;

use super::cooccurrence::Accumulator;
use super::csr::{keep_largest, Csr};
use crate::shop::Product;

/// At most so many features of one product count: the rarest.
const MOST_FEATURES: usize = 256;
/// At most so many features of a catalogue count: the most common of those that tell products apart.
const MOST_NAMES: usize = 8192;
/// Longer texts are cut here before words are taken.
const MOST_TEXT: usize = 4096;

/// Features that a catalogue uses, with their inverse document frequencies.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Vocabulary {
    names: BTreeMap<String, u32>,
    idf: Vec<f32>,
}

impl Vocabulary {
    /// The features that at least two of `products` share and not more than 30 % of them have.
    ///
    /// A feature that all or only one have says nothing about which products are alike.
    pub fn of(products: &[Product]) -> Vocabulary {
        let mut counts: HashMap<String, u32> = HashMap::new();
        for product in products {
            for name in features(product) {
                *counts.entry(name).or_default() += 1;
            }
        }
        let n = products.len() as f32;
        let most = (0.3 * n).max(3.0);
        let mut kept: Vec<(String, u32)> = counts
            .into_iter()
            .filter(|(_, count)| *count >= 2 && *count as f32 <= most)
            .collect();
        if kept.len() > MOST_NAMES {
            kept.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            kept.truncate(MOST_NAMES);
        }
        let kept: BTreeMap<String, u32> = kept.into_iter().collect();
        let idf = kept
            .values()
            .map(|count| (1.0 + n / *count as f32).ln())
            .collect();
        let names = kept.into_keys().zip(0..).collect();
        Vocabulary { names, idf }
    }

    /// Names with their idf, in order of their numbers.
    pub fn entries(&self) -> impl Iterator<Item = (&str, f32)> {
        self.names
            .iter()
            .map(|(name, ix)| (name.as_str(), self.idf[*ix as usize]))
    }

    /// Takes names in ascending order with their idf, as [`Vocabulary::entries`] gave them.
    ///
    /// # Errors
    /// In words: names that are not ascending, a weight that is not a number above 0.
    pub fn from_entries(names: Vec<String>, idf: Vec<f32>) -> Result<Vocabulary, String> {
        if names.len() != idf.len() || names.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err("features are not in ascending order or lack a weight".into());
        }
        if idf
            .iter()
            .any(|weight| !weight.is_finite() || *weight <= 0.0)
        {
            return Err("a feature's weight is not a number above 0".into());
        }
        Ok(Vocabulary {
            names: names.into_iter().zip(0..).collect(),
            idf,
        })
    }

    /// How many features there are.
    pub fn len(&self) -> usize {
        self.idf.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.idf.is_empty()
    }

    /// The product's features as a unit vector of idf weights in ascending order; empty where it shares none.
    pub fn embed(&self, product: &Product) -> Vec<(u32, f32)> {
        let mut out: Vec<(u32, f32)> = features(product)
            .iter()
            .filter_map(|name| self.names.get(name))
            .map(|ix| (*ix, self.idf[*ix as usize]))
            .collect();
        keep_largest(&mut out, MOST_FEATURES, |weight| weight);
        let length = out.iter().map(|(_, w)| w * w).sum::<f32>().sqrt();
        out.iter_mut().for_each(|(_, w)| *w /= length);
        out
    }

    /// One row per product.
    pub fn embed_all(&self, products: &[Product]) -> Csr {
        let rows: Vec<Vec<(u32, f32)>> = products.par_iter().map(|p| self.embed(p)).collect();
        Csr::from_rows(self.len(), rows)
    }
}

/// Cosine between the rows of `content`, the `keep` largest per row, without the diagonal.
///
/// Features held by more than `common` products do not bring two products together by themselves, which bounds the cost
/// at Σ min(df, common)²; they count in the length.
pub fn content_similarity(content: &Csr, keep: usize, common: usize) -> Csr {
    let n = content.rows();
    let holders = content.transpose();
    let rows: Vec<Vec<(u32, f32)>> = (0..n)
        .into_par_iter()
        .map_init(
            || Accumulator::new(n),
            |accumulator, product| {
                for (feature, weight) in content.iter_row(product) {
                    let (others, weights) = holders.row(feature as usize);
                    if others.len() > common {
                        continue;
                    }
                    for (other, w) in others.iter().zip(weights) {
                        accumulator.add(*other, weight * w);
                    }
                }
                let mut row = accumulator.drain();
                row.retain(|(other, _)| *other as usize != product);
                keep_largest(&mut row, keep, |v| v);
                row
            },
        )
        .collect();
    Csr::from_rows(n, rows)
}

/// The names of all features of a product.
fn features(product: &Product) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    if let Some(category) = &product.category {
        let mut path = String::from("category:");
        for part in category.split('/').map(str::trim).filter(|p| !p.is_empty()) {
            path.push('/');
            path.push_str(part);
            out.insert(path.clone());
        }
    }
    if let Some(brand) = &product.brand {
        out.insert(format!("brand:{}", fold(brand)));
    }
    if let Some(price) = product.price.filter(|p| p.is_finite() && *p > 0.0) {
        // bands of a factor √2, together with the root category where there is one
        let band = (2.0 * price.log2()).round() as i64;
        let root = product
            .category
            .as_deref()
            .and_then(|c| c.split('/').next())
            .unwrap_or("");
        out.insert(format!("price:{root}:{band}"));
    }
    if let Some(parent) = &product.parent_id {
        out.insert(format!("parent:{parent}"));
    }
    for text in [&product.title, &product.variant].into_iter().flatten() {
        out.extend(words(text).map(|word| format!("word:{word}")));
    }
    if let Some(text) = &product.description {
        out.extend(words(text).map(|word| format!("text:{word}")));
    }
    for (key, value) in &product.attributes {
        attribute(key, value, 0, &mut out);
    }
    out
}

fn attribute(key: &str, value: &serde_json::Value, depth: usize, out: &mut BTreeSet<String>) {
    if out.len() > 4 * MOST_FEATURES || depth > 3 {
        return;
    }
    match value {
        serde_json::Value::Null => {}
        serde_json::Value::Bool(flag) => {
            out.insert(format!("{key}={flag}"));
        }
        serde_json::Value::Number(number) => {
            out.insert(format!("{key}={number}"));
        }
        serde_json::Value::String(text) => {
            if text.len() <= 64 {
                out.insert(format!("{key}={}", fold(text)));
            }
            out.extend(words(text).map(|word| format!("{key}:{word}")));
        }
        serde_json::Value::Array(values) => {
            for value in values {
                attribute(key, value, depth + 1, out);
            }
        }
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                attribute(&format!("{key}.{name}"), value, depth + 1, out);
            }
        }
    }
}

fn fold(text: &str) -> String {
    text.trim().nfkc().collect::<String>().to_lowercase()
}

/// Lower-case words of at least two letters or digits.
fn words(text: &str) -> impl Iterator<Item = String> {
    let end = text
        .char_indices()
        .map(|(at, _)| at)
        .find(|at| *at >= MOST_TEXT)
        .unwrap_or(text.len());
    fold(&text[..end])
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().count() >= 2)
        .map(str::to_owned)
        .collect::<Vec<_>>()
        .into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(id: &str, title: &str, category: &str) -> Product {
        Product {
            title: Some(title.into()),
            category: Some(category.into()),
            ..Product::bare(id)
        }
    }

    fn shop() -> Vec<Product> {
        let mut products: Vec<Product> = (0..20)
            .map(|i| {
                product(
                    &format!("f{i}"),
                    &format!("filler number {}", i % 7),
                    "other/things",
                )
            })
            .collect();
        products.push(product("a", "Red Baby Romper", "baby/clothes"));
        products.push(product("b", "blue baby romper", "baby/clothes"));
        products.push(product("c", "Baby rattle", "baby/toys"));
        products
    }

    #[test]
    fn products_that_share_rare_things_are_most_alike() {
        let products = shop();
        let vocabulary = Vocabulary::of(&products);
        let content = vocabulary.embed_all(&products);
        let alike = content_similarity(&content, 5, 1000);
        assert!(alike.get(20, 21) > alike.get(20, 22));
        assert!(alike.get(20, 22) > 0.0);
        assert_eq!(alike.get(20, 20), 0.0);
        assert!(alike.get(20, 21) <= 1.0001);
    }

    #[test]
    fn a_later_product_is_placed_by_the_same_words() {
        let products = shop();
        let vocabulary = Vocabulary::of(&products);
        let later = vocabulary.embed(&product("z", "green baby ROMPER", "baby/clothes/summer"));
        let length: f32 = later.iter().map(|(_, w)| w * w).sum();
        assert!((length - 1.0).abs() < 1e-5);
        assert!(vocabulary.embed(&Product::bare("q")).is_empty());
        let (names, idf) = vocabulary.entries().map(|(n, w)| (n.to_owned(), w)).unzip();
        assert_eq!(Vocabulary::from_entries(names, idf).unwrap(), vocabulary);
    }

    #[test]
    fn huge_attribute_lists_are_bounded() {
        let mut huge = Product::bare("huge");
        huge.attributes.insert(
            "tags".into(),
            (0..100_000)
                .map(|i| serde_json::json!(format!("tag {i}")))
                .collect(),
        );
        let products = vec![huge.clone(), huge];
        let vocabulary = Vocabulary::of(&products);
        assert!(vocabulary.embed(&products[0]).len() <= MOST_FEATURES);
    }
}
