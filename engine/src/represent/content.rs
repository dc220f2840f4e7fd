//! What products say about themselves: category path, brand, price band, attributes and words, as sparse unit vectors.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rayon::prelude::*;
use unicode_normalization::UnicodeNormalization;

use super::csr::{keep_largest, Csr};
use serendib_shop::Product;

/// At most so many features of one product count: the rarest.
const MOST_FEATURES: usize = 256;
/// At most so many features of a catalogue count: the most common of those that tell products apart.
const MOST_NAMES: usize = 8192;
/// Longer texts are cut here before words are taken.
const MOST_TEXT: usize = 4096;
/// At most so many values of a product's attributes are read, repeated ones included.
const MOST_VALUES: usize = 1024;
/// At most so many bytes of a product's attributes are read.
const MOST_BYTES: usize = 16 * 1024;
/// Products whose features are held by name at once.
const AT_ONCE: usize = 4096;

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
    pub fn of<'a>(products: impl IntoIterator<Item = &'a Product>) -> Vocabulary {
        Vocabulary::with_rows(products).0
    }

    /// The same with a row of [`Vocabulary::embed`] per product: what they say is read once.
    pub fn with_rows<'a>(products: impl IntoIterator<Item = &'a Product>) -> (Vocabulary, Csr) {
        let products: Vec<&Product> = products.into_iter().collect();
        let mut numbers: HashMap<String, u32> = HashMap::new();
        let mut counts: Vec<u32> = Vec::new();
        let mut held: Vec<Vec<u32>> = Vec::with_capacity(products.len());
        for part in products.chunks(AT_ONCE) {
            let names: Vec<BTreeSet<String>> =
                part.par_iter().map(|product| features(product)).collect();
            for names in names {
                let mut row = Vec::with_capacity(names.len());
                for name in names {
                    let number = *numbers.entry(name).or_insert(counts.len() as u32);
                    if number as usize == counts.len() {
                        counts.push(0);
                    }
                    counts[number as usize] += 1;
                    row.push(number);
                }
                held.push(row);
            }
        }
        let n = products.len() as f32;
        let most = (0.3 * n).max(3.0);
        let count = |number: u32| counts[number as usize];
        let mut kept: Vec<(String, u32)> = numbers
            .into_iter()
            .filter(|(_, number)| count(*number) >= 2 && count(*number) as f32 <= most)
            .collect();
        if kept.len() > MOST_NAMES {
            kept.sort_by(|a, b| count(b.1).cmp(&count(a.1)).then_with(|| a.0.cmp(&b.0)));
            kept.truncate(MOST_NAMES);
        }
        kept.sort_unstable();
        let idf = kept
            .iter()
            .map(|(_, number)| (1.0 + n / count(*number) as f32).ln())
            .collect();
        let mut place = vec![None; counts.len()];
        for ((_, number), ix) in kept.iter().zip(0..) {
            place[*number as usize] = Some(ix);
        }
        let names = kept.into_iter().map(|(name, _)| name).zip(0..).collect();
        let vocabulary = Vocabulary { names, idf };
        let rows: Vec<Vec<(u32, f32)>> = held
            .par_iter()
            .map(|row| vocabulary.unit(row.iter().filter_map(|number| place[*number as usize])))
            .collect();
        let rows = Csr::from_rows(vocabulary.len(), rows);
        (vocabulary, rows)
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
        let names = features(product);
        self.unit(
            names
                .iter()
                .filter_map(|name| self.names.get(name).copied()),
        )
    }

    /// The unit vector of distinct features.
    fn unit(&self, features: impl Iterator<Item = u32>) -> Vec<(u32, f32)> {
        let mut out: Vec<(u32, f32)> = features.map(|ix| (ix, self.idf[ix as usize])).collect();
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
    let mut reader = Reader {
        out: &mut out,
        values: MOST_VALUES,
        bytes: MOST_BYTES,
    };
    for (key, value) in &product.attributes {
        reader.read(key, value, 0);
    }
    out
}

/// Reads attributes as far as its budget goes: a list of a million equal texts costs as much as one of a thousand.
struct Reader<'a> {
    out: &'a mut BTreeSet<String>,
    /// Values that may still be read.
    values: usize,
    /// Bytes that may still be read.
    bytes: usize,
}

impl Reader<'_> {
    fn is_spent(&self) -> bool {
        self.values == 0 || self.bytes == 0 || self.out.len() > 4 * MOST_FEATURES
    }

    fn spend(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    fn put(&mut self, name: String) {
        self.spend(name.len());
        self.out.insert(name);
    }

    fn read(&mut self, key: &str, value: &serde_json::Value, depth: usize) {
        if self.is_spent() || depth > 3 {
            return;
        }
        self.values -= 1;
        match value {
            serde_json::Value::Null => {}
            serde_json::Value::Bool(flag) => self.put(format!("{key}={flag}")),
            serde_json::Value::Number(number) => self.put(format!("{key}={number}")),
            serde_json::Value::String(text) => {
                if text.len() <= 64 {
                    self.put(format!("{key}={}", fold(text)));
                }
                let text = beginning(text, MOST_TEXT.min(self.bytes));
                self.spend(text.len());
                for word in words(text) {
                    if self.is_spent() {
                        break;
                    }
                    self.put(format!("{key}:{word}"));
                }
            }
            serde_json::Value::Array(values) => {
                for value in values {
                    if self.is_spent() {
                        break;
                    }
                    self.read(key, value, depth + 1);
                }
            }
            serde_json::Value::Object(fields) => {
                for (name, value) in fields {
                    if self.is_spent() {
                        break;
                    }
                    self.spend(name.len());
                    self.read(&format!("{key}.{name}"), value, depth + 1);
                }
            }
        }
    }
}

fn fold(text: &str) -> String {
    text.trim().nfkc().collect::<String>().to_lowercase()
}

/// The first `most` bytes of `text`, or a few more up to the end of a character.
fn beginning(text: &str, most: usize) -> &str {
    let end = (most..text.len()).find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or(text.len())]
}

/// Lower-case words of at least two letters or digits.
fn words(text: &str) -> impl Iterator<Item = String> {
    fold(beginning(text, MOST_TEXT))
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
        let alike = |a: usize, b: usize| -> f32 {
            let shared = content
                .iter_row(a)
                .map(|(word, w)| w * content.get(b, word));
            shared.sum()
        };
        assert!(alike(20, 21) > alike(20, 22));
        assert!(alike(20, 22) > 0.0);
        assert!(alike(20, 21) <= 1.0001);
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

    #[test]
    fn what_is_repeated_counts_against_what_is_read() {
        let shirt = |times: usize| {
            let mut shirt = Product::bare("shirt");
            let text = "soft and warm and light ".repeat(40);
            shirt
                .attributes
                .insert("about".into(), vec![text; times].into());
            shirt.attributes.insert("of".into(), "silk".into());
            shirt
        };
        assert!(features(&shirt(1)).contains("of=silk"));
        let read = features(&shirt(100_000));
        assert!(read.contains("about:warm") && !read.contains("of=silk"));
    }

    #[test]
    fn rows_read_with_the_vocabulary_are_those_of_each_product() {
        let products = shop();
        let (vocabulary, rows) = Vocabulary::with_rows(&products);
        assert_eq!(vocabulary, Vocabulary::of(&products));
        assert_eq!(rows, vocabulary.embed_all(&products));
        assert!(rows.nnz() > 0);
    }
}
