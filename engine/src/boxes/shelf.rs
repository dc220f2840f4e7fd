//! From a shop's catalogue, stock, rules and customers to a packing problem.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::exclusions::Names;
use super::problem::{BoxRequest, Candidate, Guard, Item, Rules, MAX_SLOTS};
use super::sizes::Sizes;
use crate::model::Model;
use crate::rank::{score_pairs, Averse, CustomerState, Live, PairScore};
use crate::surprise::{floor as own_floor, SurpriseSettings};
use serendib_shop::{
    name_key, nearest, net_acquisitions, order_key, Catalogue, Kind, LetDown, OrderKey, ProductIx,
    Standing, Touch, DAY_MS,
};

/// Days of life that rules may ask for at most.
const MAX_LIFE_DAYS: f64 = 3_650.0;

/// What a line is worth to a subscriber. The unit is the probability that it is kept, to which a surprise adds the probability
/// that it delights; need and novelty enter through the former alone, so that nothing can drown it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LineWeights {
    /// How much the probability of delight counts in surprise slots, beside the 1 of that of being kept; 0…1.
    pub delight: f32,
    /// Share of its value that what the subscriber has had before counts for, 0…1: boxes introduce products.
    pub had: f32,
}

impl Default for LineWeights {
    /// 1 and 0.5.
    fn default() -> Self {
        LineWeights {
            delight: 1.0,
            had: 0.5,
        }
    }
}

/// Rules for boxes as a shop writes them, with product ids and category paths.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShopRules {
    /// Lines of a box that does not say.
    pub slots: usize,
    /// Surprises among them, for a box that does not say.
    pub surprise_slots: usize,
    /// Most lines of a box from a category and all below it, by path.
    pub category_caps: BTreeMap<String, u32>,
    /// Most lines of a box from any one leaf category; absent or 0 = any number.
    pub leaf_cap: Option<u32>,
    /// Products that go into every box.
    pub pinned: Vec<String>,
    /// How many earlier boxes are not repeated.
    pub no_repeat_boxes: usize,
    /// Least probability that a surprise is kept (relevance in a shop that never sent boxes), 0…1; absent = each
    /// subscriber's own, as in lists of surprises: a quarter of what suits
    /// them best among what they have not had. A probability of purchase is small wherever a shop has much to choose from,
    /// so that no one number is right for all.
    pub relevance_floor: Option<f32>,
    /// Categories of which every box should have a line.
    pub required_categories: Vec<String>,
    /// Units of a product that should be used over all boxes.
    pub minimum_use: BTreeMap<String, u32>,
    /// Least margin over all boxes, 0…1.
    pub minimum_margin: Option<f64>,
    /// Least value of a box as a share of the median box, 0…1.
    pub fairness: Option<f64>,
    /// What a line is worth.
    pub weights: LineWeights,
    /// Candidates kept per box; a third as many again for its surprises, and for what few want.
    pub candidates: usize,
    /// One surprise line in so many is drawn at random among near-equal ones; absent or 0 = none.
    pub random_one_in: Option<u32>,
    /// Share of its value that a drawn line may be worth less.
    pub near_equal: f64,
    /// Days that what perishes still has to last when the box leaves; absent = less than one.
    pub min_life_days: Option<u32>,
    /// The same for the products of a category and all below it, by path; the category nearest to the product holds.
    pub category_min_life_days: BTreeMap<String, u32>,
}

impl Default for ShopRules {
    /// Five lines, one of them a surprise; two of a leaf category; six boxes without repeats; one surprise in 20 drawn.
    fn default() -> Self {
        ShopRules {
            slots: 5,
            surprise_slots: 1,
            category_caps: BTreeMap::new(),
            leaf_cap: Some(2),
            pinned: Vec::new(),
            no_repeat_boxes: 6,
            relevance_floor: None,
            required_categories: Vec::new(),
            minimum_use: BTreeMap::new(),
            minimum_margin: None,
            fairness: None,
            weights: LineWeights::default(),
            candidates: 100,
            random_one_in: Some(20),
            near_equal: 0.05,
            min_life_days: None,
            category_min_life_days: BTreeMap::new(),
        }
    }
}

impl ShopRules {
    /// Checks every number against its range.
    ///
    /// # Errors
    /// [`ShelfError::Range`] with the first field that is out of it.
    pub fn check(&self) -> Result<(), ShelfError> {
        let within = |field, found: f64, least: f64, most: f64| {
            if found >= least && found <= most {
                return Ok(());
            }
            Err(ShelfError::Range {
                field,
                found: found.to_string(),
                expected: format!("{least} to {most}"),
            })
        };
        let share = |field, found: Option<f64>| within(field, found.unwrap_or(0.0), 0.0, 1.0);
        let slots = self.slots as f64;
        within("slots", slots, 1.0, MAX_SLOTS as f64)?;
        within("surprise_slots", self.surprise_slots as f64, 0.0, slots)?;
        within("candidates", self.candidates as f64, slots, 10_000.0)?;
        share("relevance_floor", self.relevance_floor.map(f64::from))?;
        share("minimum_margin", self.minimum_margin)?;
        share("fairness", self.fairness)?;
        share("near_equal", Some(self.near_equal))?;
        let lives = self.category_min_life_days.values();
        for days in lives.chain(&self.min_life_days) {
            within("min_life_days", f64::from(*days), 0.0, MAX_LIFE_DAYS)?;
        }
        share("weights.had", Some(self.weights.had.into()))?;
        share("weights.delight", Some(self.weights.delight.into()))
    }
}

/// Rules that do not fit the shop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShelfError {
    /// A rule names a product that is not in stock.
    #[error("rules: {field}: product {id:?} is not in the stock table{}", did_you_mean(.meant))]
    Product {
        /// Field of the rules.
        field: &'static str,
        /// Id of the product.
        id: String,
        /// The one that was probably meant.
        meant: Option<String>,
    },
    /// A rule names a category that no product has.
    #[error("rules: {field}: no product has category {path:?}{}", did_you_mean(.meant))]
    Category {
        /// Field of the rules.
        field: &'static str,
        /// Path of the category.
        path: String,
        /// The one that was probably meant.
        meant: Option<String>,
    },
    /// A number is out of its range.
    #[error("rules: {field}: is {found}, expected {expected}")]
    Range {
        /// Field of the rules.
        field: &'static str,
        /// What it is.
        found: String,
        /// What it may be.
        expected: String,
    },
}

fn did_you_mean(meant: &Option<String>) -> String {
    let question = |name: &String| format!(": did you mean {name:?}?");
    meant.as_ref().map(question).unwrap_or_default()
}

/// The products that boxes are packed from, numbered as items in order of product number.
#[derive(Debug, Clone)]
pub struct Shelf {
    items: Vec<Item>,
    products: Vec<ProductIx>,
    item_of: HashMap<ProductIx, u32>,
    names: Names,
    sizes: Sizes,
}

/// Whom a box is packed for.
#[derive(Debug, Clone, Copy)]
pub struct Receiver<'a> {
    pub customer: CustomerState<'a>,
    /// What they were sent as a surprise and do not want again, and when they said so, ms.
    pub regretted: &'a [(ProductIx, i64)],
    /// When the box leaves, ms; what happened later is not known.
    pub now: i64,
}

/// What a box may hold.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    pub rules: &'a ShopRules,
    pub request: &'a BoxRequest,
    /// Items that are candidates whatever they are worth.
    pub always: &'a [u32],
    /// Tells boxes apart: what few want is a candidate of many boxes, of others each, so that no unit stays on the shelf while a
    /// slot stays empty.
    pub salt: u64,
}

impl Shelf {
    /// The shelf of `stock` (product and units; units of one product add up, none below 0).
    pub fn new(catalogue: &Catalogue, stock: &[(ProductIx, i64)]) -> Shelf {
        let mut units: BTreeMap<ProductIx, i64> = BTreeMap::new();
        for (product, quantity) in stock {
            if product.index() < catalogue.len() {
                let sum = units.entry(*product).or_insert(0);
                *sum = sum.saturating_add((*quantity).max(0));
            }
        }
        let (names, sizes) = (Names::of(catalogue), Sizes::of(catalogue));
        let mut items = Vec::with_capacity(units.len());
        for (product, units) in &units {
            let row = catalogue.product(*product);
            let measure = |value: Option<f64>| {
                value
                    .map(|v| v as f32)
                    .filter(|v| v.is_finite() && *v >= 0.0)
            };
            items.push(Item {
                id: row.product_id.clone(),
                stock: u32::try_from(*units).unwrap_or(u32::MAX),
                family: catalogue.family(*product).0,
                lot_of: None,
                categories: catalogue.leaf(*product).map_or(Vec::new(), |leaf| {
                    catalogue.ancestry(leaf).map(|c| c.0).collect()
                }),
                price: measure(row.price),
                cost: measure(row.cost),
                weight_g: measure(row.weight_g),
                volume_ml: measure(row.volume_ml),
                allergens: names.allergens(&row.allergens),
                unlabelled: names.is_unlabelled(catalogue, *product),
                size: sizes.get(*product),
                durable: row.durable.unwrap_or(false),
            });
        }
        let products: Vec<ProductIx> = units.into_keys().collect();
        Shelf {
            item_of: products
                .iter()
                .enumerate()
                .map(|(n, p)| (*p, n as u32))
                .collect(),
            products,
            items,
            names,
            sizes,
        }
    }

    /// Items, for [`Problem::new`](super::Problem::new).
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The product of item `item`.
    pub fn product(&self, item: u32) -> Option<ProductIx> {
        self.products.get(item as usize).copied()
    }

    /// The item of `product`.
    pub fn item(&self, product: ProductIx) -> Option<u32> {
        self.item_of.get(&product).copied()
    }

    /// `rules` in item and category numbers.
    ///
    /// # Errors
    /// A number out of its range, a product that is not in stock, or a category that nothing has.
    pub fn rules(&self, catalogue: &Catalogue, rules: &ShopRules) -> Result<Rules, ShelfError> {
        rules.check()?;
        let item = |field, id: &String| {
            let known = catalogue.find(id).and_then(|product| self.item(product));
            known.ok_or_else(|| ShelfError::Product {
                field,
                id: id.clone(),
                meant: nearest(id, self.items.iter().map(|item| item.id.as_str()))
                    .map(str::to_owned),
            })
        };
        let category = |field, path: &String| {
            let known = self.names.category(path);
            known.ok_or_else(|| ShelfError::Category {
                field,
                path: path.clone(),
                meant: self.names.meant_category(path).map(str::to_owned),
            })
        };
        for path in rules.category_min_life_days.keys() {
            category("category_min_life_days", path)?;
        }
        Ok(Rules {
            category_caps: rules
                .category_caps
                .iter()
                .map(|(path, cap)| Ok((category("category_caps", path)?, *cap)))
                .collect::<Result<_, ShelfError>>()?,
            leaf_cap: rules.leaf_cap.filter(|cap| *cap > 0),
            pinned: rules
                .pinned
                .iter()
                .map(|id| item("pinned", id))
                .collect::<Result<_, _>>()?,
            no_repeat_boxes: rules.no_repeat_boxes,
            relevance_floor: rules.relevance_floor.unwrap_or(0.0),
            required_categories: rules
                .required_categories
                .iter()
                .map(|path| category("required_categories", path))
                .collect::<Result<_, _>>()?,
            minimum_use: rules
                .minimum_use
                .iter()
                .map(|(id, units)| Ok((item("minimum_use", id)?, *units)))
                .collect::<Result<_, ShelfError>>()?,
            minimum_margin: rules.minimum_margin,
            fairness: rules.fairness,
        })
    }

    /// How long each item still has to last when its box leaves, ms, by `rules`.
    pub fn min_lives_ms(&self, rules: &ShopRules) -> Vec<i64> {
        let by_category: HashMap<u32, u32> = rules
            .category_min_life_days
            .iter()
            .filter_map(|(path, days)| Some((self.names.category(path)?, *days)))
            .collect();
        let days = |item: &Item| {
            let mut own = item.categories.iter().filter_map(|c| by_category.get(c));
            own.next().copied().or(rules.min_life_days).unwrap_or(0)
        };
        let items = self.items.iter();
        items.map(|item| i64::from(days(item)) * DAY_MS).collect()
    }

    /// Whether `exclusion`, which means nothing here, is like the name of an allergen.
    pub fn is_like_allergen(&self, exclusion: &str) -> bool {
        self.names.is_like_allergen(exclusion)
    }

    /// What is to be said of `exclusion`, which means nothing here.
    pub fn words_for(&self, catalogue: &Catalogue, exclusion: &str) -> String {
        if let Some(path) = self.names.called_like(catalogue, exclusion) {
            return format!(
                "exclusion {exclusion:?} is a word for an allergen that no label here names; to leave out the category alone \
                 write {path:?}"
            );
        }
        let meant = self.names.meant(exclusion).map(str::to_owned);
        let question = did_you_mean(&meant);
        format!("exclusion {exclusion:?} means no product, category or allergen here{question}")
    }

    /// Puts into `request` what `exclusions` (product ids, categories by their path or the end of it, names of allergens) and
    /// the customer's time-ordered `history` up to `now` and the surprises that they `regretted` forbid; answers the exclusions that mean nothing here. Empty ones say
    /// nothing.
    pub fn protect(
        &self,
        catalogue: &Catalogue,
        request: &mut BoxRequest,
        exclusions: &[String],
        history: &[Touch],
        regretted: &[(ProductIx, i64)],
        now: i64,
    ) -> Vec<String> {
        let mut unknown = Vec::new();
        for name in exclusions.iter().filter(|name| !name_key(name).is_empty()) {
            let meaning = self.names.meaning(catalogue, name);
            if !meaning.is_known() {
                unknown.push(name.clone());
            }
            let item = meaning.product.and_then(|product| self.item(product));
            request.excluded_items.extend(item);
            request.excluded_categories.extend(meaning.categories);
            request.allergens.extend(&meaning.allergens);
            request.wary |= meaning.about_allergens;
        }
        let seen = history.partition_point(|touch| touch.at <= now);
        let history = &history[..seen];
        let standing = Standing::of(history, regretted);
        let hidden = standing.hidden.iter();
        request.hidden = hidden.filter_map(|product| self.item(*product)).collect();
        request.hidden.sort_unstable();
        let owned = net_acquisitions(history);
        self.sizes.tell(catalogue, &owned, request);
        let owned = owned.iter().map(|owned| owned.product);
        request.owned = owned
            .chain(no_surprises(&standing))
            .filter_map(|product| self.item(product))
            .collect();
        request.history = past_boxes(history)
            .into_iter()
            .map(|products| products.iter().filter_map(|p| self.item(*p)).collect())
            .collect();
        unknown
    }

    /// The items that suit `receiver`, and the least relevance of their surprises.
    ///
    /// Of what the wish's request lets in the best `rules.candidates` for regular slots, a third as many for surprises among
    /// what they have not had, a third as many that are in stock whatever they are worth, and those that must be there; and the
    /// best that it does not let in, so that the box can say what kept them out.
    pub fn candidates(
        &self,
        model: &Model,
        live: &Live,
        receiver: &Receiver,
        wish: &Wish,
    ) -> (Vec<Candidate>, f32) {
        let Receiver {
            customer,
            regretted,
            now,
        } = *receiver;
        let Wish {
            rules,
            request,
            always,
            salt,
        } = *wish;
        let scores = score_pairs(model, live, customer, now, &self.products);
        let seen = customer.history.partition_point(|touch| touch.at <= now);
        let seen = &customer.history[..seen];
        let owned = net_acquisitions(seen);
        let standing = Standing::of(seen, regretted);
        let by_product = owned.iter().map(|owned| (owned.product, *owned)).collect();
        let averse = Averse::of(model, live, &standing, &by_product);
        let had: HashSet<u32> = owned
            .iter()
            .map(|owned| owned.product)
            .chain(no_surprises(&standing))
            .filter_map(|product| self.item(product))
            .map(|item| self.items[item as usize].family)
            .collect();
        let has_had = |item: u32| had.contains(&self.items[item as usize].family);
        let mut all: Vec<Candidate> = scores
            .iter()
            .zip(&self.products)
            .enumerate()
            .map(|(item, (score, product))| {
                let item = item as u32;
                let mut worth = worth(item, score, has_had(item), &rules.weights);
                if let Some(factor) = averse.factor(model, live, *product) {
                    worth.value *= factor;
                    worth.surprise *= factor;
                    worth.relevance *= factor;
                }
                worth
            })
            .filter(|c| c.value.is_finite() && c.surprise.is_finite() && c.relevance.is_finite())
            .collect();
        let floor = rules.relevance_floor.unwrap_or_else(|| {
            let mut new: Vec<f32> = all
                .iter()
                .filter(|c| self.items[c.item as usize].stock > 0 && !has_had(c.item))
                .map(|c| c.relevance)
                .collect();
            new.sort_by(|a, b| b.total_cmp(a));
            let known = model.surprises.as_ref().map(|s| s.settings.floor());
            own_floor(
                &new,
                &known.unwrap_or_else(|| SurpriseSettings::default().floor()),
            )
        });
        let keep = rules.candidates.max(1);
        if all.len() > keep {
            let mut kept: Vec<Candidate> = Vec::with_capacity(keep + keep / 3);
            all.sort_by(|a, b| b.surprise.total_cmp(&a.surprise).then(a.item.cmp(&b.item)));
            let surprises = |c: &&Candidate| c.relevance >= floor && !has_had(c.item);
            kept.extend(all.iter().filter(|c| always.contains(&c.item)));
            let guard = Guard::new(&self.items, rules.no_repeat_boxes, request);
            let suits = |c: &Candidate| guard.removes(&self.items, c.item).is_none();
            let best = all.iter().filter(surprises).filter(|c| suits(c));
            kept.extend(best.take(keep / 3));
            all.sort_by(|a, b| b.value.total_cmp(&a.value).then(a.item.cmp(&b.item)));
            let (fine, refused): (Vec<Candidate>, Vec<Candidate>) =
                all.iter().copied().partition(|c| suits(c));
            let (first, rest) = fine.split_at(keep.min(fine.len()));
            kept.extend(first);
            kept.extend(refused.iter().take(keep));
            let mut rest: Vec<(u64, Candidate)> = rest
                .iter()
                .filter(|c| self.items[c.item as usize].stock > 0)
                .map(|c| (mixed(salt, c.item), *c))
                .collect();
            rest.sort_unstable_by_key(|(place, c)| (*place, c.item));
            kept.extend(rest.into_iter().take(keep.div_ceil(3)).map(|(_, c)| c));
            kept.sort_by_key(|c| c.item);
            kept.dedup_by_key(|c| c.item);
            all = kept;
        }
        (all, floor)
    }
}

/// The products that let a subscriber down: like what they had, they are no surprise. Of what had the wrong size other sizes may
/// be.
fn no_surprises(standing: &Standing) -> impl Iterator<Item = ProductIx> + '_ {
    let let_down = standing.let_down.iter();
    let by_itself = let_down.filter(|(_, how)| **how != LetDown::WrongSize);
    by_itself.map(|(product, _)| *product)
}

/// A number that looks drawn at random for each pair (the finaliser of SplitMix64).
fn mixed(salt: u64, item: u32) -> u64 {
    let mut x = salt ^ u64::from(item).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// What an item is worth in either slot.
fn worth(item: u32, score: &PairScore, had: bool, weights: &LineWeights) -> Candidate {
    let kept = score.kept.unwrap_or(score.relevance);
    let counts = if had { weights.had } else { 1.0 };
    Candidate {
        item,
        value: counts * kept,
        surprise: kept + weights.delight * score.delight.unwrap_or(0.0),
        relevance: kept,
    }
}

/// Products of earlier boxes, latest box first: lines kept and returned share a basket, or without one a day.
fn past_boxes(history: &[Touch]) -> Vec<Vec<ProductIx>> {
    let mut boxes: Vec<(OrderKey, Vec<ProductIx>)> = Vec::new();
    let lines = history
        .iter()
        .filter(|t| matches!(t.kind, Kind::BOX_KEPT | Kind::BOX_RETURNED));
    for touch in lines {
        let key = order_key(touch, true, 0);
        match boxes.iter_mut().find(|(known, _)| *known == key) {
            Some((_, products)) => products.push(touch.product),
            None => boxes.push((key, vec![touch.product])),
        }
    }
    boxes
        .into_iter()
        .rev()
        .map(|(_, products)| products)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serendib_shop::{Product, NO_PRODUCT};
    use std::sync::Arc;

    fn product(id: &str, category: &str) -> Product {
        Product {
            category: Some(category.into()),
            price: Some(5.0),
            allergens: vec!["Nuts".into()],
            ..Product::bare(id)
        }
    }

    fn receiver(customer: CustomerState) -> Receiver {
        Receiver {
            customer,
            regretted: &[],
            now: i64::MAX,
        }
    }

    fn touch(kind: Kind, product: u32, basket: u64, at: i64) -> Touch {
        Touch {
            at,
            basket,
            product: ProductIx(product),
            quantity: 1.0,
            value: 0.0,
            duration_s: 0.0,
            kind,
            channel: 0,
            line: 0,
            pages: 0,
            rating: 0,
            cause: serendib_shop::Cause::Unsaid,
            gift: false,
        }
    }

    #[test]
    fn exclusions_are_products_categories_or_allergens_and_unknown_ones_are_named() {
        let catalogue = Catalogue::new(vec![
            product("bar", "food/snacks"),
            product("tea", "food/tea"),
        ])
        .unwrap();
        let shelf = Shelf::new(
            &catalogue,
            &[(ProductIx(1), 3), (ProductIx(1), 4), (ProductIx(0), -2)],
        );
        assert_eq!(shelf.items()[1].stock, 7);
        assert_eq!(shelf.items()[0].stock, 0);
        let mut request = BoxRequest::default();
        let exclusions = ["tea", "food", "nuts", "snakes"].map(String::from);
        let history = [
            touch(Kind::BOX_KEPT, 0, 9, 1),
            touch(Kind::BOX_RETURNED, 1, 9, 1),
            touch(Kind::BOX_KEPT, 1, 0, 5 * DAY_MS),
            touch(Kind::VIEW, NO_PRODUCT.0, 0, 6 * DAY_MS),
            touch(Kind::BOX_KEPT, 0, 0, 9 * DAY_MS),
        ];
        let unknown = shelf.protect(
            &catalogue,
            &mut request,
            &exclusions,
            &history,
            &[],
            7 * DAY_MS,
        );
        assert_eq!(unknown, ["snakes"]);
        assert_eq!(request.excluded_items, [1]);
        assert_eq!(request.excluded_categories.len(), 2, "food and food/tea");
        assert_eq!(request.allergens, [0]);
        assert_eq!(
            request.history,
            [vec![1], vec![0, 1]],
            "the box of day 9 is not seen"
        );
    }

    #[test]
    fn a_line_is_worth_the_probability_that_it_is_kept_and_a_surprise_its_delight_beside() {
        let weights = LineWeights::default();
        let score = PairScore {
            relevance: 0.01,
            delight: Some(0.3),
            kept: Some(0.4),
            ..PairScore::default()
        };
        let [new, had] = [false, true].map(|had| worth(0, &score, had, &weights));
        assert_eq!(new.value, 0.4);
        assert!((new.surprise - 0.7).abs() < 1e-6);
        assert!((had.value - 0.5 * new.value).abs() < 1e-6);
        assert_eq!(had.relevance, new.relevance);
        let untold = PairScore {
            relevance: 0.2,
            ..PairScore::default()
        };
        assert_eq!(worth(0, &untold, false, &weights).value, 0.2);
    }

    #[test]
    fn what_nobody_wants_most_is_a_candidate_of_some_box() {
        let products = (0..300).map(|n| product(&format!("p{n}"), "food"));
        let catalogue = Arc::new(Catalogue::new(products.collect()).unwrap());
        let stock: Vec<(ProductIx, i64)> = ProductIx::all(300)
            .map(|p| (p, i64::from(p.0 % 7)))
            .collect();
        let shelf = Shelf::new(&catalogue, &stock);
        let model = Model::new(
            crate::bundle::Manifest::default(),
            catalogue.clone(),
            serendib_shop::Encoder::default(),
            crate::represent::Representation::of_popularity(
                (0..300).map(|n| 300.0 - n as f32).collect(),
            ),
        );
        let live = Live::of_catalogue(catalogue);
        let rules = ShopRules {
            candidates: 30,
            ..ShopRules::default()
        };
        let any = BoxRequest::default();
        let mut offered = vec![0; 300];
        for salt in 0..200 {
            let wish = Wish {
                rules: &rules,
                request: &any,
                always: &[299],
                salt,
            };
            let nobody = receiver(CustomerState::NOBODY);
            let (found, _) = shelf.candidates(&model, &live, &nobody, &wish);
            assert!(found.len() <= 51 && found.iter().any(|c| c.item == 299));
            assert!(found.windows(2).all(|w| w[0].item < w[1].item));
            found.iter().for_each(|c| offered[c.item as usize] += 1);
        }
        for (item, offered) in offered.iter().enumerate() {
            let in_stock = item % 7 > 0;
            assert!(*offered > 0 || !in_stock, "item {item}");
        }
    }

    #[test]
    fn the_floor_of_surprises_is_the_subscribers_own_unless_the_shop_says() {
        let products = (0..40).map(|n| product(&format!("p{n}"), "food"));
        let catalogue = Arc::new(Catalogue::new(products.collect()).unwrap());
        let stock: Vec<(ProductIx, i64)> = ProductIx::all(40).map(|p| (p, 1)).collect();
        let shelf = Shelf::new(&catalogue, &stock);
        let model = Model::new(
            crate::bundle::Manifest::default(),
            catalogue.clone(),
            serendib_shop::Encoder::default(),
            crate::represent::Representation::of_popularity(
                (0..40).map(|n| 40.0 - n as f32).collect(),
            ),
        );
        let live = Live::of_catalogue(catalogue);
        let any = BoxRequest::default();
        let floor = |rules: &ShopRules, history: &[Touch]| {
            let customer = CustomerState {
                history,
                ..CustomerState::NOBODY
            };
            let wish = Wish {
                rules,
                request: &any,
                always: &[],
                salt: 0,
            };
            let (found, floor) = shelf.candidates(&model, &live, &receiver(customer), &wish);
            let passes = found.iter().filter(|c| c.relevance >= floor).count();
            (floor, passes)
        };
        let (own, passes) = floor(&ShopRules::default(), &[]);
        assert!(own > 0.0 && (10..40).contains(&passes), "{own} {passes}");
        let had: Vec<Touch> = (0..15).map(|p| touch(Kind::PURCHASE, p, 0, 1)).collect();
        assert!(floor(&ShopRules::default(), &had).0 < own, "of what is new");
        let said = ShopRules {
            relevance_floor: Some(0.9),
            ..ShopRules::default()
        };
        assert_eq!(floor(&said, &[]).0, 0.9);
    }

    #[test]
    fn what_a_subscriber_hid_is_not_sent_and_what_let_them_down_is_no_surprise() {
        let products = (0..4).map(|n| product(&format!("p{n}"), "food"));
        let catalogue = Arc::new(Catalogue::new(products.collect()).unwrap());
        let shelf = Shelf::new(
            &catalogue,
            &[
                (ProductIx(0), 3),
                (ProductIx(1), 3),
                (ProductIx(2), 3),
                (ProductIx(3), 3),
            ],
        );
        let history = [
            touch(Kind::DISLIKE, 0, 0, 1),
            touch(Kind::BOX_RETURNED, 1, 0, 2),
        ];
        let mut request = BoxRequest::default();
        let unknown = shelf.protect(
            &catalogue,
            &mut request,
            &[],
            &history,
            &[(ProductIx(2), 3)],
            9,
        );
        assert!(unknown.is_empty());
        assert_eq!(request.hidden, [0]);
        let mut known = request.owned.clone();
        known.sort_unstable();
        assert_eq!(known, [1, 2]);
        let model = Model::new(
            crate::bundle::Manifest::default(),
            catalogue.clone(),
            serendib_shop::Encoder::default(),
            crate::represent::Representation::of_popularity(vec![1.0; 4]),
        );
        let live = Live::of_catalogue(catalogue);
        let customer = CustomerState {
            history: &history,
            ..CustomerState::NOBODY
        };
        let wish = Wish {
            rules: &ShopRules::default(),
            request: &BoxRequest::default(),
            always: &[],
            salt: 0,
        };
        let receiver = Receiver {
            regretted: &[(ProductIx(2), 3)],
            ..receiver(customer)
        };
        let (found, _) = shelf.candidates(&model, &live, &receiver, &wish);
        let value = |item| found.iter().find(|c| c.item == item).unwrap().value;
        assert!(value(1) < 0.5 * value(3) && value(2) < value(1));
    }

    #[test]
    fn rules_name_what_the_shop_does_not_have() {
        let catalogue = Catalogue::new(vec![product("bar", "food/snacks")]).unwrap();
        let shelf = Shelf::new(&catalogue, &[(ProductIx(0), 3)]);
        let parse = |json: &str| serde_json::from_str::<ShopRules>(json).unwrap();
        let rules = parse(r#"{"category_caps": {"food": 3}, "minimum_use": {"bar": 2}}"#);
        assert_eq!(
            shelf.rules(&catalogue, &rules).unwrap().minimum_use,
            [(0, 2)]
        );
        let wrong = shelf
            .rules(&catalogue, &parse(r#"{"pinned": ["foo"]}"#))
            .unwrap_err();
        assert_eq!(
            wrong.to_string(),
            r#"rules: pinned: product "foo" is not in the stock table"#
        );
        assert!(serde_json::from_str::<ShopRules>(r#"{"pined": []}"#).is_err());
    }

    #[test]
    fn exclusions_are_found_however_they_are_written_and_unlabelled_food_stays_out() {
        let food = |id: &str, category: &str, allergens: &[&str]| Product {
            allergens: allergens.iter().map(|a| (*a).to_owned()).collect(),
            ..product(id, category)
        };
        let catalogue = Catalogue::new(vec![
            food("mix", "Food/Nuts", &[" Nuts "]),
            food("bar", "Food / Sweet", &[]),
            food("gum", "Food/Sweet", &["none"]),
            food("dip", "Food/Sweet", &["Sesame"]),
            food("ball", "Toys", &[]),
        ])
        .unwrap();
        let stock: Vec<(ProductIx, i64)> = ProductIx::all(5).map(|p| (p, 1)).collect();
        let shelf = Shelf::new(&catalogue, &stock);
        let left = |exclusion: &str| {
            let mut request = BoxRequest::default();
            let unknown = shelf.protect(&catalogue, &mut request, &[exclusion.into()], &[], &[], 0);
            assert_eq!(unknown, [""; 0], "{exclusion:?}");
            let guard = Guard::new(shelf.items(), 6, &request);
            let stays = |item: &u32| guard.removes(shelf.items(), *item).is_none();
            (0..5).filter(stays).collect::<Vec<u32>>()
        };
        // "nuts" is an allergen and the end of a category's path
        for nuts in ["nuts", " NUTS", "food/nuts/", "Food / Nuts"] {
            assert_eq!(left(nuts), [2, 3, 4], "{nuts:?}");
        }
        assert_eq!(left("allergens/sesame"), [0, 2, 4]);
        assert_eq!(left("sweet"), [0, 4]);
        assert_eq!(left(" ball "), [0, 1, 2, 3]);
        assert_eq!(left(" / "), [0, 1, 2, 3, 4]);
        let mut request = BoxRequest::default();
        let exclusions = ["seasme", "Toyz"].map(String::from);
        let unknown = shelf.protect(&catalogue, &mut request, &exclusions, &[], &[], 0);
        assert_eq!(unknown, exclusions);
        assert!(shelf.is_like_allergen("seasme") && shelf.is_like_allergen("dairy"));
        assert!(!shelf.is_like_allergen("Toyz"));
        let words = shelf.words_for(&catalogue, "Toyz");
        assert!(words.ends_with("did you mean \"toys\"?"), "{words}");
    }

    #[test]
    fn an_allergen_is_excluded_under_every_name_that_labels_have_for_it() {
        let food = |id: &str, category: &str, allergens: &[&str]| Product {
            allergens: allergens.iter().map(|a| (*a).to_owned()).collect(),
            ..product(id, category)
        };
        let catalogue = Catalogue::new(vec![
            food("choc", "food/sweets", &["Hazelnuts"]),
            food("mix", "food/nuts", &["none"]),
            food("bread", "food/bread", &["wheat"]),
            food("trout", "food/fish", &["none"]),
        ])
        .unwrap();
        let stock: Vec<(ProductIx, i64)> = ProductIx::all(4).map(|p| (p, 1)).collect();
        let shelf = Shelf::new(&catalogue, &stock);
        let left = |exclusion: &str| {
            let mut request = BoxRequest::default();
            let unknown = shelf.protect(&catalogue, &mut request, &[exclusion.into()], &[], &[], 0);
            let guard = Guard::new(shelf.items(), 6, &request);
            let stays = |item: &u32| guard.removes(shelf.items(), *item).is_none();
            (
                unknown.is_empty(),
                (0..4).filter(stays).collect::<Vec<u32>>(),
            )
        };
        assert_eq!(left("nuts"), (true, vec![2, 3]));
        assert_eq!(left("tree nut"), (true, vec![1, 2, 3]));
        assert_eq!(left("gluten"), (true, vec![0, 1, 3]));
        // the category alone by its path; the word is an allergen of which no label speaks
        assert_eq!(left("food/fish"), (true, vec![0, 1, 2]));
        assert!(!left("fish").0);
        assert!(shelf.words_for(&catalogue, "fish").contains("food/fish"));
    }

    #[test]
    fn what_comes_in_sizes_goes_only_to_who_is_known_to_have_the_size() {
        let shoe = |id: &str, parent: &str, variant: &str| Product {
            parent_id: Some(parent.into()),
            variant: Some(variant.into()),
            ..product(id, "shoes")
        };
        let catalogue = Catalogue::new(vec![
            shoe("a27", "a", "EU 27"),
            shoe("a37", "a", "37"),
            shoe("b27", "b", "eu27"),
            shoe("b37", "b", "37"),
            shoe("red", "c", "red"),
            shoe("blue", "c", "blue"),
        ])
        .unwrap();
        let stock: Vec<(ProductIx, i64)> = ProductIx::all(6).map(|p| (p, 1)).collect();
        let shelf = Shelf::new(&catalogue, &stock);
        let fit = |history: &[Touch]| {
            let mut request = BoxRequest::default();
            shelf.protect(&catalogue, &mut request, &[], history, &[], i64::MAX);
            let guard = Guard::new(shelf.items(), 6, &request);
            let stays = |item: &u32| guard.removes(shelf.items(), *item).is_none();
            (0..6).filter(stays).collect::<Vec<u32>>()
        };
        assert_eq!(fit(&[]), [4, 5]);
        let bought = touch(Kind::PURCHASE, 0, 0, DAY_MS);
        assert_eq!(fit(&[bought]), [0, 2, 4, 5]);
        let grown = touch(Kind::PURCHASE, 3, 0, 400 * DAY_MS);
        // of the one parent they have 27, of the other 37
        assert_eq!(fit(&[bought, grown]), [0, 3, 4, 5]);
    }

    #[test]
    fn what_perishes_lasts_as_long_as_its_nearest_category_asks() {
        let catalogue = Catalogue::new(vec![
            product("bar", "food/snacks"),
            product("tea", "food/tea"),
            product("pan", "kitchen"),
        ])
        .unwrap();
        let shelf = Shelf::new(
            &catalogue,
            &[(ProductIx(0), 1), (ProductIx(1), 1), (ProductIx(2), 1)],
        );
        let rules: ShopRules = serde_json::from_str(
            r#"{"min_life_days": 3, "category_min_life_days": {"Food": 30, "food / Tea": 90}}"#,
        )
        .unwrap();
        let days: Vec<i64> = shelf
            .min_lives_ms(&rules)
            .iter()
            .map(|ms| ms / DAY_MS)
            .collect();
        assert_eq!(days, [30, 90, 3]);
        let wrong = ShopRules {
            category_min_life_days: [("foood".to_owned(), 1)].into(),
            ..ShopRules::default()
        };
        assert_eq!(
            shelf.rules(&catalogue, &wrong).unwrap_err().to_string(),
            r#"rules: category_min_life_days: no product has category "foood": did you mean "food"?"#
        );
    }
}
