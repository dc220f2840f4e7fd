//! Learns variants: the same product in another size, colour or pack.
//!
//! By `parent_id` where the shop says it, and by title: a shop that groups some products has not grouped all. A title's *stem*
//! is what remains without the words that name a variant; products of one stem, brand and category whose prices are near are
//! one. Words of variants are colours and sizes known beforehand (English and Hebrew), numbers that measure or count packs, and
//! words learned from the catalogue itself: a word that keeps taking a colour's place in otherwise equal titles
//! ("GREEN|RETROSPOT|… tea set") names a variant too.
//!
//! What names another product keeps apart: a word that is a colour and a flavour, scent or metal too (mint, olive, gold) counts
//! only where a plain colour takes its place in the same title; a colour beside a food is its kind ("green tea"); a bare number
//! is a volume, a dose, a vintage or a part, an age or a focal length no size. Two products of two parents stay two. Article
//! codes that differ in their last letters (84029E, 84029G) join titles that share at least half of their words.

use std::collections::{HashMap, HashSet};

use serendib_engine::complement::variants::title_words;
use serendib_engine::complement::Variants;
use serendib_shop::{Catalogue, ProductIx};

const COLOURS: &str = "red blue green yellow pink black white ivory purple brown grey gray beige turquoise navy teal magenta cyan \
    burgundy khaki aqua charcoal turq fuschia fuchsia \
    אדום אדומה כחול כחולה ירוק ירוקה צהוב צהובה ורוד ורודה שחור שחורה לבן לבנה סגול סגולה חום חומה אפור אפורה תכלת טורקיז בז";

const SIZES: &str = "small medium large mini midi big xs s m l xl xxl xxxl xxs size קטן קטנה בינוני בינונית גדול גדולה מידה";

/// Colours that are also flavours, scents, stones or metals.
const DOUBTFUL: &str = "mint peach lime olive lavender orange cream coral lilac violet amber gold golden silver bronze copper \
    rose plum cherry lemon vanilla chocolate coffee cinnamon honey berry apricot salmon mustard ruby emerald pearl \
    זהב כסף כתום כתומה";

/// Things of which another colour is another kind.
const KINDS_BY_COLOUR: &str = "tea teas coffee wine wines pepper peppers rice bean beans bread flour sugar chocolate onion onions \
    cabbage lentil lentils olives grape grapes currant currants cherries beer vinegar mustard curry thai sauce pesto miso gin \
    rum vermouth asparagus quinoa potato potatoes tomato tomatoes apple apples cumin cardamom salsa label clay noise \
    תה קפה יין פלפל אורז לחם שוקולד בצל כרוב עדשים ענבים סוכר זיתים";

const UNITS: &str =
    "cm m g gr kg l lt ml cl oz lb inch in ft pack packs pcs pieces piece pk x ct count gb tb \
    סמ מל גרם קג ליטר יחידות";

const COUNTERS: &str = "size pack x מידה מארז";

/// Before "of" and a number they count what is in a pack.
const PACKS: &str = "set pack box case bag tin bundle lot roll packet carton";

/// A word must take a known variant word's place in this many different titles to be learned.
const LEARN_PLACES: usize = 3;
/// … and in this share of the titles it appears in.
const LEARN_SHARE: f64 = 0.2;
/// A title group larger than this is a numbered series, not a product with variants.
const LARGEST_GROUP: usize = 40;
/// Variants cost at most so many times as much as the cheapest of them.
const PRICE_BAND: f64 = 2.5;
/// Titles of one article code are of one product when they share so many of their words.
const CODE_OVERLAP: f64 = 0.5;

/// Learns the groups of `catalogue`.
pub fn learn(catalogue: &Catalogue) -> Variants {
    let products = catalogue.products();
    let words: Vec<Vec<String>> = products
        .iter()
        .map(|p| p.title.as_deref().map(title_words).unwrap_or_default())
        .collect();
    let vocabulary = Vocabulary::learn(&words);
    let mut joined = Join::new(products.len());
    for ix in ProductIx::all(products.len()) {
        joined.union(ix, catalogue.family(ix));
    }
    let place = |ix: ProductIx| {
        let brand = catalogue.product(ix).brand.as_deref();
        (brand, catalogue.leaf(ix).map(|c| c.0))
    };
    let mut stems: HashMap<_, Vec<(ProductIx, Stem)>> = HashMap::new();
    for (ix, product) in ProductIx::all(products.len()).zip(products) {
        let named: HashSet<String> = product
            .variant
            .as_deref()
            .map(title_words)
            .unwrap_or_default()
            .into_iter()
            .collect();
        let stem = vocabulary.stem(&words[ix.index()], &named);
        let (brand, leaf) = place(ix);
        let rest = stem.bare.len();
        if rest >= 2 || (rest == 1 && leaf.is_some() && brand.is_some()) {
            let key = (stem.bare.clone(), brand, leaf);
            stems.entry(key).or_default().push((ix, stem));
        }
    }
    for group in stems.values() {
        for group in alike(group)
            .into_iter()
            .filter(|g| g.len() <= LARGEST_GROUP)
        {
            join_near(catalogue, group, &mut joined);
        }
    }
    let mut codes: HashMap<_, Vec<ProductIx>> = HashMap::new();
    for (ix, product) in ProductIx::all(products.len()).zip(products) {
        if let Some(code) =
            article_code(&product.product_id).filter(|_| product.parent_id.is_none())
        {
            codes.entry((code, place(ix))).or_default().push(ix);
        }
    }
    for group in codes.values() {
        for (at, a) in group.iter().enumerate() {
            for b in &group[at + 1..] {
                let shared = overlap(&words[a.index()], &words[b.index()]);
                if shared >= CODE_OVERLAP {
                    join_near(catalogue, vec![*a, *b], &mut joined);
                }
            }
        }
    }
    Variants::from_groups(joined.groups())
}

/// The parts of a group of one bare stem that are one product: all, where a plain colour shows that the place is one of
/// colours; else those of equal titles but for what surely names a variant.
fn alike(group: &[(ProductIx, Stem)]) -> Vec<Vec<ProductIx>> {
    if group
        .iter()
        .any(|(_, stem)| stem.coloured && stem.doubtful.is_empty())
    {
        return vec![group.iter().map(|(ix, _)| *ix).collect()];
    }
    let mut parts: HashMap<&[&str], Vec<ProductIx>> = HashMap::new();
    for (ix, stem) in group {
        parts.entry(&stem.doubtful).or_default().push(*ix);
    }
    parts.into_values().collect()
}

/// Joins those of `group` whose prices are near, and keeps apart what the shop put under different parents.
fn join_near(catalogue: &Catalogue, mut group: Vec<ProductIx>, joined: &mut Join) {
    let price = |ix: &ProductIx| catalogue.product(*ix).price.unwrap_or(0.0);
    let parent = |ix: ProductIx| catalogue.product(ix).parent_id.as_deref();
    group.sort_by(|a, b| price(a).total_cmp(&price(b)).then(a.cmp(b)));
    let mut rest = group.as_slice();
    while let Some(first) = rest.iter().find(|ix| price(ix) > 0.0).or(rest.first()) {
        let most = price(first) * PRICE_BAND;
        let near = rest
            .iter()
            .take_while(|ix| price(ix) <= most)
            .count()
            .max(1);
        let (cluster, others) = rest.split_at(near);
        rest = others;
        let anchor = *cluster
            .iter()
            .find(|ix| parent(**ix).is_some())
            .unwrap_or(&cluster[0]);
        let stays = |ix: &&ProductIx| match (parent(anchor), parent(**ix)) {
            (Some(a), Some(b)) => a == b,
            _ => true,
        };
        for other in cluster.iter().filter(stays) {
            joined.union(anchor, *other);
        }
    }
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
    /// Those known beforehand, and those that keep taking their place.
    colours: HashSet<String>,
    sizes: HashSet<&'static str>,
    doubtful: HashSet<&'static str>,
    by_colour: HashSet<&'static str>,
    units: HashSet<&'static str>,
    counters: HashSet<&'static str>,
    packs: HashSet<&'static str>,
}

/// A title without the words that name a variant.
struct Stem<'w> {
    /// Without the doubtful ones either.
    bare: Vec<&'w str>,
    /// The doubtful ones.
    doubtful: Vec<&'w str>,
    /// Whether a word was left out that is a colour and nothing else.
    coloured: bool,
}

impl Vocabulary {
    fn learn(titles: &[Vec<String>]) -> Vocabulary {
        let mut colours: HashSet<String> = COLOURS.split_whitespace().map(str::to_owned).collect();
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
            if candidates.iter().any(|w| colours.contains(*w)) {
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
        colours.extend(learned);
        Vocabulary {
            colours,
            sizes: SIZES.split_whitespace().collect(),
            doubtful: DOUBTFUL.split_whitespace().collect(),
            by_colour: KINDS_BY_COLOUR.split_whitespace().collect(),
            units: UNITS.split_whitespace().collect(),
            counters: COUNTERS.split_whitespace().collect(),
            packs: PACKS.split_whitespace().collect(),
        }
    }

    fn stem<'w>(&self, words: &'w [String], named: &HashSet<String>) -> Stem<'w> {
        let mut stem = Stem {
            bare: Vec::new(),
            doubtful: Vec::new(),
            coloured: false,
        };
        for (at, word) in words.iter().enumerate() {
            let near = |step: isize| at.checked_add_signed(step).and_then(|ix| words.get(ix));
            let kind = [near(-1), near(1)]
                .into_iter()
                .flatten()
                .any(|word| self.by_colour.contains(word.as_str()));
            let word = word.as_str();
            if named.contains(word) || self.sizes.contains(word) || self.measures(words, at) {
                continue;
            }
            if kind {
                stem.bare.push(word);
            } else if self.colours.contains(word) {
                stem.coloured = true;
            } else if self.doubtful.contains(word) {
                stem.doubtful.push(word);
            } else {
                stem.bare.push(word);
            }
        }
        stem
    }

    /// Whether the word at `at` is a number that measures or counts packs, or the unit of one.
    fn measures(&self, words: &[String], at: usize) -> bool {
        let word = words[at].as_str();
        let digits = word.bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 && digits < word.len() {
            return self.units.contains(&word[digits..]);
        }
        if digits == 0 {
            return self.units.contains(word) && at > 0 && is_number(&words[at - 1]);
        }
        // "1.5 l" and "10 x 15 cm" are runs of numbers with one unit behind or one counter before
        let run = |ix: &usize| is_number(&words[*ix]);
        let first = (0..at).rev().take_while(run).last().unwrap_or(at);
        let behind = (at..words.len()).find(|ix| !is_number(&words[*ix]));
        let unit = behind.is_some_and(|ix| self.units.contains(words[ix].as_str()));
        let before = |back: usize| first.checked_sub(back).map_or("", |ix| words[ix].as_str());
        unit || self.counters.contains(before(1))
            || (before(1) == "of" && self.packs.contains(before(2)))
    }
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit())
}

/// Union–find whose representative is the smallest number.
struct Join {
    parent: Vec<ProductIx>,
}

impl Join {
    fn new(len: usize) -> Join {
        Join {
            parent: ProductIx::all(len).collect(),
        }
    }

    fn find(&mut self, mut ix: ProductIx) -> ProductIx {
        while self.parent[ix.index()] != ix {
            let above = self.parent[self.parent[ix.index()].index()];
            self.parent[ix.index()] = above;
            ix = above;
        }
        ix
    }

    fn union(&mut self, a: ProductIx, b: ProductIx) {
        let (a, b) = (self.find(a), self.find(b));
        let (low, high) = (a.min(b), a.max(b));
        self.parent[high.index()] = low;
    }

    fn groups(mut self) -> Vec<ProductIx> {
        ProductIx::all(self.parent.len())
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
            [0, 0, 2, 2, 4, 4, 6, 6, 8, 8].map(ProductIx)
        );
    }

    #[test]
    fn flavours_kinds_ages_doses_volumes_and_parts_are_other_products() {
        for titles in [
            &[
                "Herbal mint infusion",
                "Herbal peach infusion",
                "Herbal lime infusion",
            ][..],
            &["Handmade lavender soap", "Handmade olive soap"],
            &[
                "Ceylon black tea bags",
                "Ceylon green tea bags",
                "Ceylon white tea bags",
            ],
            &["House red wine", "House white wine"],
            &["Wizard saga box 1", "Wizard saga box 2"],
            &["Perfume No 5", "Perfume No 19"],
            &["Travel kit 2 years", "Travel kit 12 years"],
            &["Caffeine tablets 100 mg", "Caffeine tablets 200 mg"],
            &["Pump seal 8812", "Pump seal 9120"],
            &["8812 pump seal", "9120 pump seal"],
            &["Estate red 2015", "Estate red 2016"],
            &["Prime lens 35 mm", "Prime lens 85 mm"],
            &["Kite 3", "Kite 4"],
            &["Bar syrup 1 l mint", "Bar syrup 1 l peach"],
        ] {
            let apart: Vec<ProductIx> = ProductIx::all(titles.len()).collect();
            assert_eq!(learn(titles), apart, "{titles:?}");
        }
        // where plain colours take the place, a doubtful word is a colour
        let mugs = learn(&["Enamel mug red", "Enamel mug mint", "Enamel mug olive"]);
        assert_eq!(mugs, [0, 0, 0].map(ProductIx));
    }

    #[test]
    fn variants_are_of_one_place_and_cost_alike() {
        let shirt =
            |id: &str, colour: &str, price: f64, brand: &str, parent: Option<&str>| Product {
                title: Some(format!("Linen shirt {colour}")),
                price: Some(price),
                brand: Some(brand.into()),
                parent_id: parent.map(Into::into),
                ..Product::bare(id)
            };
        let products = vec![
            shirt("a", "red", 20.0, "x", None),
            shirt("b", "blue", 24.0, "x", None),
            shirt("c", "green", 90.0, "x", None),
            shirt("d", "grey", 20.0, "y", None),
            shirt("e", "black", 21.0, "z", Some("one")),
            shirt("f", "white", 21.0, "z", Some("two")),
            shirt("g", "navy", 21.0, "z", None),
        ];
        let variants = super::learn(&Catalogue::new(products).unwrap());
        assert_eq!(variants.groups(), [0, 0, 2, 3, 4, 5, 4].map(ProductIx));
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
            [0, 1, 2, 3, 4, 5].map(ProductIx)
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
        assert_eq!(groups, [0, 0, 2, 2, 4, 4, 6, 6].map(ProductIx));
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
        assert_eq!(variants.groups(), [0, 0, 2, 3, 3].map(ProductIx));
        assert!(
            variants.same(ProductIx(3), ProductIx(4))
                && !variants.same(ProductIx(0), ProductIx(99))
        );
    }
}
