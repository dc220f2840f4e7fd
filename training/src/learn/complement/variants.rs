//! Learns variants: the same product in another size, colour or pack.
//!
//! By `parent_id` where the shop says it, and by title: a shop that groups some products has not grouped all. A title's *stem* is what remains without the words that
//! name a variant. Those are colours and sizes known beforehand (English and Hebrew), numbers that count or measure,
//! and words learned from the catalogue itself: a word that keeps taking a colour's place in otherwise equal titles
//! ("GREEN|RETROSPOT|… tea set") names a variant too. Article codes that differ in their last letters (84029E, 84029G)
//! join titles that share at least a third of their words.

use std::collections::{HashMap, HashSet};

use serendib_engine::complement::variants::title_words;
use serendib_engine::complement::Variants;
use serendib_shop::{Catalogue, ProductIx};

const SEEDS: &str = "red blue green yellow pink black white ivory cream purple orange brown grey gray silver gold golden \
    turquoise lilac violet navy beige teal mint magenta cyan burgundy khaki peach coral aqua bronze copper amber \
    charcoal turq fuschia fuchsia lavender olive lime \
    small medium large mini midi big xs s m l xl xxl xxxl xxs size \
    אדום אדומה כחול כחולה ירוק ירוקה צהוב צהובה ורוד ורודה שחור שחורה לבן לבנה סגול סגולה כתום כתומה חום חומה אפור \
    אפורה כסף זהב תכלת טורקיז בז קטן קטנה בינוני בינונית גדול גדולה מידה";

const UNITS: &str = "cm mm m km g gr kg mg l lt ml cl oz lb inch in ft w v pack packs pcs pieces piece pk x ct count \
    months month mo yr years year y gb tb סמ מל גרם קג ליטר יחידות חודשים שנים";

const COUNTERS: &str = "of size no pack set box x מידה סט מארז";

/// A word must take a known variant word's place in this many different titles to be learned.
const LEARN_PLACES: usize = 3;
/// … and in this share of the titles it appears in.
const LEARN_SHARE: f64 = 0.2;
/// A title group larger than this is a numbered series, not a product with variants.
const LARGEST_GROUP: usize = 40;

/// Learns the groups of `catalogue`.
pub fn learn(catalogue: &Catalogue) -> Variants {
    let products = catalogue.products();
    let words: Vec<Vec<String>> = products
        .iter()
        .map(|p| p.title.as_deref().map(title_words).unwrap_or_default())
        .collect();
    let vocabulary = Vocabulary::learn(&words);
    let mut joined = Join::new(products.len());
    for ix in 0..products.len() as ProductIx {
        joined.union(ix, catalogue.family(ix));
    }
    let mut stems: HashMap<(Vec<&str>, Option<&str>, Option<u32>), Vec<ProductIx>> = HashMap::new();
    for (ix, product) in products.iter().enumerate() {
        let named: HashSet<String> = product
            .variant
            .as_deref()
            .map(title_words)
            .unwrap_or_default()
            .into_iter()
            .collect();
        let stem: Vec<&str> = vocabulary.stem(&words[ix], &named);
        let leaf = catalogue.leaf(ix as ProductIx).map(|c| c.0);
        let brand = product.brand.as_deref();
        let enough = stem.len() >= 2 || (stem.len() == 1 && leaf.is_some() && brand.is_some());
        if enough {
            stems
                .entry((stem, brand, leaf))
                .or_default()
                .push(ix as ProductIx);
        }
    }
    for group in stems.values().filter(|g| g.len() <= LARGEST_GROUP) {
        for other in &group[1..] {
            joined.union(group[0], *other);
        }
    }
    let mut codes: HashMap<&str, Vec<ProductIx>> = HashMap::new();
    for (ix, product) in products.iter().enumerate() {
        if product.parent_id.is_none() {
            if let Some(code) = article_code(&product.product_id) {
                codes.entry(code).or_default().push(ix as ProductIx);
            }
        }
    }
    for group in codes.values() {
        for (at, a) in group.iter().enumerate() {
            for b in &group[at + 1..] {
                if overlap(&words[*a as usize], &words[*b as usize]) >= 1.0 / 3.0 {
                    joined.union(*a, *b);
                }
            }
        }
    }
    Variants::from_groups(joined.groups())
}

/// The digits of an article code such as `84029G`: at least four, followed by one to three letters.
fn article_code(id: &str) -> Option<&str> {
    let digits = id.bytes().take_while(u8::is_ascii_digit).count();
    let letters = id.len() - digits;
    (digits >= 4
        && (1..=3).contains(&letters)
        && id[digits..].bytes().all(|b| b.is_ascii_alphabetic()))
    .then(|| &id[..digits])
}

/// Shared words over all words.
fn overlap(a: &[String], b: &[String]) -> f64 {
    let a: HashSet<&str> = a.iter().map(String::as_str).collect();
    let b: HashSet<&str> = b.iter().map(String::as_str).collect();
    let shared = a.intersection(&b).count();
    let all = a.union(&b).count();
    if all == 0 {
        0.0
    } else {
        shared as f64 / all as f64
    }
}

struct Vocabulary {
    variant_words: HashSet<String>,
    units: HashSet<&'static str>,
    counters: HashSet<&'static str>,
}

impl Vocabulary {
    fn learn(titles: &[Vec<String>]) -> Vocabulary {
        let mut variant_words: HashSet<String> =
            SEEDS.split_whitespace().map(str::to_owned).collect();
        let mut appearances: HashMap<&str, usize> = HashMap::new();
        let mut places: HashMap<(usize, Vec<&str>), HashSet<&str>> = HashMap::new();
        for words in titles {
            for word in words.iter().map(String::as_str).collect::<HashSet<_>>() {
                *appearances.entry(word).or_default() += 1;
            }
            if words.len() < 3 {
                continue;
            }
            for at in 0..words.len() {
                let rest: Vec<&str> = words
                    .iter()
                    .enumerate()
                    .filter(|(ix, _)| *ix != at)
                    .map(|(_, w)| w.as_str())
                    .collect();
                places.entry((at, rest)).or_default().insert(&words[at]);
            }
        }
        let mut taken: HashMap<&str, usize> = HashMap::new();
        for candidates in places.values().filter(|c| c.len() >= 2) {
            if candidates.iter().any(|w| variant_words.contains(*w)) {
                for word in candidates {
                    *taken.entry(word).or_default() += 1;
                }
            }
        }
        let learned: Vec<String> = taken
            .into_iter()
            .filter(|(word, count)| {
                *count >= LEARN_PLACES
                    && *count as f64
                        >= LEARN_SHARE * appearances.get(word).copied().unwrap_or(1) as f64
            })
            .map(|(word, _)| word.to_owned())
            .collect();
        variant_words.extend(learned);
        Vocabulary {
            variant_words,
            units: UNITS.split_whitespace().collect(),
            counters: COUNTERS.split_whitespace().collect(),
        }
    }

    fn stem<'w>(&self, words: &'w [String], named: &HashSet<String>) -> Vec<&'w str> {
        let number = |word: &str| word.bytes().all(|b| b.is_ascii_digit());
        let measure = |word: &str| {
            let digits = word.bytes().take_while(u8::is_ascii_digit).count();
            digits > 0 && digits < word.len() && self.units.contains(&word[digits..])
        };
        words
            .iter()
            .enumerate()
            .filter(|(at, word)| {
                let word = word.as_str();
                let before = at.checked_sub(1).map_or("", |ix| words[ix].as_str());
                let after = words.get(at + 1).map_or("", String::as_str);
                let counts = number(word)
                    && (self.counters.contains(before)
                        || self.units.contains(after)
                        || (number(after) || number(before)));
                let unit_of_number = self.units.contains(word) && number(before);
                !(named.contains(word)
                    || self.variant_words.contains(word)
                    || measure(word)
                    || counts
                    || unit_of_number)
            })
            .map(|(_, word)| word.as_str())
            .collect()
    }
}

/// Union–find whose representative is the smallest number.
struct Join {
    parent: Vec<ProductIx>,
}

impl Join {
    fn new(len: usize) -> Join {
        Join {
            parent: (0..len as ProductIx).collect(),
        }
    }

    fn find(&mut self, mut ix: ProductIx) -> ProductIx {
        while self.parent[ix as usize] != ix {
            let above = self.parent[self.parent[ix as usize] as usize];
            self.parent[ix as usize] = above;
            ix = above;
        }
        ix
    }

    fn union(&mut self, a: ProductIx, b: ProductIx) {
        let (a, b) = (self.find(a), self.find(b));
        let (low, high) = (a.min(b), a.max(b));
        self.parent[high as usize] = low;
    }

    fn groups(mut self) -> Vec<ProductIx> {
        (0..self.parent.len() as ProductIx)
            .map(|ix| self.find(ix))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serendib_shop::Product;

    fn learn(titles: &[&str]) -> Vec<ProductIx> {
        let products = titles
            .iter()
            .enumerate()
            .map(|(ix, title)| Product {
                title: Some((*title).into()),
                ..Product::bare(format!("p{ix}"))
            })
            .collect();
        super::learn(&Catalogue::new(products).unwrap())
            .groups()
            .to_vec()
    }

    #[test]
    fn colours_sizes_and_packs_are_variants() {
        assert_eq!(
            learn(&[
                "Red woolly hottie",
                "WHITE WOOLLY HOTTIE",
                "Body suit 62 cm",
                "Body suit 68 cm",
                "Set of 3 cake tins",
                "Set of 6 cake tins",
                "Juice box 500ml",
                "Juice box 1 l",
                "בקבוק תינוק ורוד",
                "בקבוק תינוק כחול",
            ]),
            [0, 0, 2, 2, 4, 4, 6, 6, 8, 8]
        );
    }

    #[test]
    fn other_products_and_bare_numbers_are_not() {
        assert_eq!(
            learn(&[
                "Paper cups dolly girl",
                "Paper plates dolly girl",
                "Product 17",
                "Product 18",
                "Red",
                "Blue"
            ]),
            [0, 1, 2, 3, 4, 5]
        );
    }

    #[test]
    fn a_word_that_takes_the_place_of_colours_is_learned() {
        let groups = learn(&[
            "tea set red",
            "tea set paisley",
            "lunch bag pink",
            "lunch bag paisley",
            "hand warmer blue",
            "hand warmer paisley",
            "desk lamp paisley",
            "desk lamp",
        ]);
        assert_eq!(groups, [0, 0, 2, 2, 4, 4, 6, 6]);
    }

    #[test]
    fn parents_and_article_codes_join() {
        let mut products = vec![
            Product {
                title: Some("Union flag bottle".into()),
                ..Product::bare("84029G")
            },
            Product {
                title: Some("Zebra bottle flag".into()),
                ..Product::bare("84029E")
            },
            Product {
                title: Some("Chalk board".into()),
                ..Product::bare("84029Z")
            },
        ];
        products.push(Product {
            parent_id: Some("shirt".into()),
            ..Product::bare("a")
        });
        products.push(Product {
            parent_id: Some("shirt".into()),
            ..Product::bare("b")
        });
        let variants = super::learn(&Catalogue::new(products).unwrap());
        assert_eq!(variants.groups(), [0, 0, 2, 3, 3]);
        assert!(variants.same(3, 4) && !variants.same(0, 99));
    }
}
