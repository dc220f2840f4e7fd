//! The demo shop's products: families of variants on the shelves of its categories.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{json, Value};
use serendib_shop::{ItemType, Product, DAY_MS};

use super::naming;
use super::number::{cents, Rng};
use super::taxonomy::{Clock, Sizes, Spec};

/// Number of hidden styles; no feature of a product tells its style.
pub const STYLES: u64 = 7;

/// Products that differ in size or colour only, with what no table shows.
#[derive(Debug, Clone)]
pub struct Family {
    /// Position of the category.
    pub category: u16,
    /// Position of the noun: families of one noun are substitutes.
    pub noun: u8,
    /// Position of the brand in the category's list.
    pub brand: u8,
    pub style: u8,
    /// Hidden quality, 0 to 1: what one gets.
    pub quality: f64,
    /// Where the price lies in the category's range, 0 to 1: what one expects.
    pub level: f64,
    /// Variants: first product and how many.
    pub first: u32,
    /// Number of variants.
    pub count: u16,
    /// First and last-plus-one day of sale.
    pub sold: (i32, i32),
}

/// The families of one category.
#[derive(Debug, Clone, Default)]
pub struct Shelf {
    pub families: Vec<u32>,
    /// Running sums of popularity.
    pub running: Vec<f64>,
}

/// Everything on sale.
#[derive(Debug)]
pub struct Stockroom {
    /// What the shelves are for.
    pub specs: &'static [Spec],
    pub families: Vec<Family>,
    /// One shelf per category.
    pub shelves: Vec<Shelf>,
    /// Products as the shop shows them.
    pub products: Vec<Product>,
    /// Family of each product.
    pub family_of: Vec<u32>,
}

/// The variants of one family: title ending, variant label, and the age range in months where a size means one.
pub fn variants(sizes: &Sizes, rng: &mut Rng) -> Vec<(String, String, Option<(i32, i32)>)> {
    match sizes {
        Sizes::One => vec![(String::new(), String::new(), None)],
        Sizes::Colours => {
            let from = rng.index(naming::COLOURS.len());
            (0..3)
                .map(|i| naming::COLOURS[(from + i * 5) % naming::COLOURS.len()])
                .map(|colour| (colour.to_string(), colour.to_string(), None))
                .collect()
        }
        &Sizes::Centimetres(from, to) => (from..=to)
            .step_by(6)
            .map(|cm| {
                let (a, b) = naming::months_of_centimetres(cm);
                let ages = if b <= 24 {
                    format!("{a}-{b} m")
                } else {
                    format!("{}-{} y", a / 12, b / 12)
                };
                (
                    format!("size {cm} ({ages})"),
                    format!("size {cm}"),
                    Some((a, b)),
                )
            })
            .collect(),
        &Sizes::ChildShoes(from, to) => (from..=to)
            .step_by(if to - from > 8 { 2 } else { 1 })
            .map(|eu| (format!("EU {eu}"), format!("EU {eu}"), None))
            .collect(),
        Sizes::Letters => ["S", "M", "L", "XL"]
            .map(|s| (format!("size {s}"), s.to_string(), None))
            .to_vec(),
        Sizes::Shoes => (37..=46)
            .step_by(3)
            .map(|eu| (format!("EU {eu}"), format!("EU {eu}"), None))
            .collect(),
        Sizes::Labels(labels) => labels
            .iter()
            .map(|label| (label.clone(), label.clone(), None))
            .collect(),
    }
}

fn variant_count(sizes: &Sizes) -> usize {
    variants(sizes, &mut Rng::new(&[0])).len()
}

/// How many families each category gets so that there are `products` products in all.
fn allot(specs: &[Spec], products: usize) -> Vec<usize> {
    let counts: Vec<usize> = specs.iter().map(|s| variant_count(&s.sizes)).collect();
    let wish: Vec<f64> = counts
        .iter()
        .map(|n| {
            if *n > 3 {
                2.0
            } else if *n > 1 {
                1.3
            } else {
                1.0
            }
        })
        .collect();
    let fit = |scale: f64| -> Vec<usize> {
        wish.iter()
            .zip(&counts)
            .map(|(w, n)| ((w * scale / *n as f64) as usize).max(1))
            .collect()
    };
    let total = |families: &[usize]| {
        families
            .iter()
            .zip(&counts)
            .map(|(f, n)| f * n)
            .sum::<usize>()
    };
    let (mut lo, mut hi) = (0.0, products as f64);
    for _ in 0..60 {
        let mid = 0.5 * (lo + hi);
        if total(&fit(mid)) <= products {
            lo = mid;
        } else {
            hi = mid;
        }
    }
    let mut families = fit(lo);
    let mut missing = products.saturating_sub(total(&families));
    let singles: Vec<usize> = (0..specs.len()).filter(|c| counts[*c] == 1).collect();
    let mut turn = 0;
    while missing > 0 {
        families[singles[turn % singles.len()]] += 1;
        turn += 1;
        missing -= 1;
    }
    families
}

impl Stockroom {
    /// Fills the shelves with `products` products for a story from day `start` to day `end`.
    pub fn new(
        seed: u64,
        specs: &'static [Spec],
        products: usize,
        start: i32,
        end: i32,
    ) -> Stockroom {
        let families = allot(specs, products);
        let mut room = Stockroom {
            shelves: vec![Shelf::default(); specs.len()],
            specs,
            families: Vec::new(),
            products: Vec::with_capacity(products),
            family_of: Vec::with_capacity(products),
        };
        let mut stems = BTreeSet::new();
        for (category, count) in families.into_iter().enumerate() {
            let mut rng = Rng::new(&[seed, 1, category as u64]);
            let mut ranks: Vec<usize> = (0..count).collect();
            for i in (1..count).rev() {
                ranks.swap(i, rng.index(i + 1));
            }
            let mut sum = 0.0;
            for (i, rank) in ranks.into_iter().enumerate() {
                let family = room.add_family(category, i, &mut rng, &mut stems, (start, end));
                let weight = 1.0 / (rank as f64 + 0.6) * rng.between(0.6, 1.4);
                sum += weight;
                let shelf = &mut room.shelves[category];
                shelf.families.push(family);
                shelf.running.push(sum);
                room.stock_up(family, weight, &mut rng);
            }
        }
        room
    }

    fn add_family(
        &mut self,
        category: usize,
        i: usize,
        rng: &mut Rng,
        stems: &mut BTreeSet<String>,
        (start, end): (i32, i32),
    ) -> u32 {
        let spec = &self.specs[category];
        let noun = i % spec.nouns.len();
        let brand = rng.index(spec.brands.len());
        let style = rng.among(&spec.styles).map_or("", String::as_str);
        let level = 0.55 * rng.unit() + 0.45 * (brand as f64 + 0.5) / spec.brands.len() as f64;
        // the first two of a category are always there; some of the others come and go during the story
        let sold = match rng.unit() {
            u if i >= 2 && u < 0.16 => (
                start + rng.int(20, i64::from((end - start - 40).max(21))) as i32,
                end + 9_000,
            ),
            u if i >= 2 && u < 0.22 => (
                start - 500,
                start + rng.int(60, i64::from((end - start).max(61))) as i32,
            ),
            _ => (start - rng.int(30, 1_100) as i32, end + 9_000),
        };
        let family = Family {
            category: category as u16,
            noun: noun as u8,
            brand: brand as u8,
            style: rng.int(0, STYLES as i64 - 1) as u8,
            quality: rng.unit(),
            level,
            first: self.products.len() as u32,
            count: 0,
            sold,
        };
        let number = self.families.len() as u32;
        let stem = naming::stem(
            spec,
            &spec.brands[brand],
            style,
            &spec.nouns[noun],
            rng,
            stems,
        );
        let range = spec.price.1 / spec.price.0;
        let price = naming::shelf_price(
            spec.price.0 * super::number::exp(super::number::ln(range) * level),
        );
        let cost = cents(price * rng.between(0.42, 0.72));
        let kinds = variants(&spec.sizes, rng);
        let parent = (kinds.len() > 1).then(|| format!("f{:05}", number + 1));
        let limited = rng.chance(0.02);
        let tells_age = rng.chance(0.3);
        let allergens: Vec<String> = spec
            .allergens
            .iter()
            .filter(|_| rng.chance(0.75))
            .cloned()
            .collect();
        for (ending, variant, ages) in &kinds {
            let mut title = stem.clone();
            for part in [&spec.label, ending] {
                if !part.is_empty() {
                    title.push_str(", ");
                    title.push_str(part);
                }
            }
            if spec.pack.0 > 1 {
                title.push_str(&format!(" ({} {})", spec.pack.0, spec.pack.1));
            }
            if limited {
                title.push_str(", limited edition");
            }
            let mut attributes: BTreeMap<String, Value> = BTreeMap::new();
            if let (true, Some((a, b))) = (tells_age, ages.or_else(|| age_months(spec))) {
                attributes.insert("age_range".into(), json!(naming::ages(a, b)));
            }
            if spec.kind == "event" {
                attributes.insert("place".into(), json!("Serendib House"));
            }
            let ix = self.products.len();
            self.products.push(Product {
                product_id: format!("p{:05}", ix + 1),
                title: Some(title),
                category: Some(spec.path.clone()),
                brand: Some(spec.brands[brand].clone()),
                price: Some(price),
                cost: Some(cost),
                currency: Some("EUR".into()),
                stock: None,
                item_type: ItemType::parse(&spec.kind).unwrap_or_default(),
                parent_id: parent.clone(),
                variant: (!variant.is_empty()).then(|| variant.clone()),
                pack_quantity: (spec.pack.0 > 1).then_some(f64::from(spec.pack.0)),
                durable: Some(spec.durable),
                launched_at: Some(i64::from(sold.0) * DAY_MS),
                available_from: Some(i64::from(sold.0) * DAY_MS),
                available_until: (sold.1 < end).then(|| i64::from(sold.1) * DAY_MS),
                expires_at: None,
                weight_g: (spec.body.0 > 0.0).then(|| (spec.body.0 * (0.8 + 0.4 * level)).round()),
                volume_ml: (spec.body.1 > 0.0).then(|| (spec.body.1 * (0.8 + 0.4 * level)).round()),
                allergens: allergens.clone(),
                limited,
                description: None,
                attributes,
            });
            self.family_of.push(number);
        }
        self.families.push(Family {
            count: kinds.len() as u16,
            ..family
        });
        number
    }

    fn stock_up(&mut self, family: u32, weight: f64, rng: &mut Rng) {
        let family = &self.families[family as usize];
        let range = family.first as usize..family.first as usize + usize::from(family.count);
        let dear = self.specs[usize::from(family.category)].price.1 > 200.0;
        for product in &mut self.products[range] {
            if product.item_type == ItemType::Product {
                let scale = if dear { 12.0 } else { 70.0 };
                product.stock = Some(if rng.chance(0.03) {
                    0
                } else {
                    (rng.between(0.3, 1.7) * scale * (0.4 + weight)) as i64 + 1
                });
            }
        }
    }

    /// The category of a product.
    pub fn category_of(&self, product: u32) -> u16 {
        self.family(product).category
    }

    /// The family of a product.
    pub fn family(&self, product: u32) -> &Family {
        &self.families[self.family_of[product as usize] as usize]
    }

    /// The price of a product.
    pub fn price(&self, product: u32) -> f64 {
        self.products[product as usize].price.unwrap_or(0.0)
    }

    /// Whether a family is on sale on `day`.
    pub fn on_sale(&self, family: u32, day: i32) -> bool {
        let sold = self.families[family as usize].sold;
        sold.0 <= day && day < sold.1
    }
}

/// The age window in months of a category for children; none for what a mother needs until the birth.
pub fn age_months(spec: &Spec) -> Option<(i32, i32)> {
    const AFTER_BIRTH_DAYS: i32 = 45;
    (spec.clock == Some(Clock::Child) && spec.window.1 > AFTER_BIRTH_DAYS)
        .then_some(((spec.window.0 / 30).max(0), (spec.window.1 / 30).max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo_shop::calendar::{start, END};
    use crate::demo_shop::taxonomy::specs;

    #[test]
    fn only_what_is_for_a_child_states_an_age() {
        let states = |path: &str| {
            let spec = specs().iter().find(|spec| spec.path == path).unwrap();
            age_months(spec).is_some()
        };
        assert!(states("baby/clothes/newborn"));
        assert!(!states("baby/maternity/clothes") && !states("baby/maternity/care"));
    }

    #[test]
    fn there_are_as_many_products_as_asked_for_with_unique_titles() {
        for products in [600, 2_000, 7_000] {
            let room = Stockroom::new(1, specs(), products, start(18), END);
            assert_eq!(room.products.len(), products);
            let titles: BTreeSet<_> = room.products.iter().map(|p| p.title.clone()).collect();
            assert_eq!(titles.len(), products, "titles are unique");
            assert!(room.shelves.iter().all(|s| !s.families.is_empty()));
            for p in &room.products {
                let (price, cost) = (p.price.unwrap(), p.cost.unwrap());
                assert!(cost > 0.0 && cost < price, "{p:?}");
            }
        }
    }

    #[test]
    fn a_category_always_has_something_on_sale() {
        let room = Stockroom::new(5, specs(), 2_000, start(18), END);
        for shelf in &room.shelves {
            for day in (start(18)..END).step_by(30) {
                assert!(shelf.families.iter().any(|f| room.on_sale(*f, day)));
            }
        }
    }
}
