//! The surprise part of a model, and what it says of products for one customer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::floor::FloorOptions;
use super::{
    curiosity, disappointed, either, fatigue, shown, DelightModel, Expectation, Interests, Kinds,
    Moment, Popularity, PriceRange, Prices, Standard, Terms, TopicHistory, Topics,
};
use crate::bundle::{
    read_json, read_tensors, write_json, write_tensors, Bundle, BundleError, BundleWriter, Tensor,
};
use crate::complement::SparseRows;
use serendib_shop::{acquisitions, Catalogue, ProductIx, Touch};

/// The least dial of a customer who says nothing: only who sets 0 gets the plain list.
const LEAST_OWN_DIAL: f32 = 0.05;

const TENSORS: &str = "surprise.safetensors";
const SETTINGS: &str = "surprise.json";

/// Settings of surprises.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SurpriseSettings {
    /// The dial of a customer of usual curiosity who says nothing, 0…1.
    pub dial: f32,
    /// Floor: share of the median wish for the plain top 20, and at dial 0 of their median relevance.
    pub floor_share: f32,
    /// Floor: relevance always required.
    pub floor_absolute: f32,
    /// After a disappointment no surprises for so many days.
    pub pause_days: i64,
    /// The same surprise is not shown again for so many days.
    pub again_days: i64,
    /// Usual curiosity of the shop's customers, 0…1.
    pub curiosity: f32,
}

impl SurpriseSettings {
    /// The floor that a surprise must reach.
    pub fn floor(&self) -> FloorOptions {
        FloorOptions {
            share: self.floor_share,
            absolute: self.floor_absolute,
        }
    }
}

impl Default for SurpriseSettings {
    fn default() -> Self {
        SurpriseSettings {
            dial: 0.5,
            floor_share: 0.25,
            floor_absolute: 0.0,
            pause_days: 7,
            again_days: 30,
            curiosity: 0.4,
        }
    }
}

/// Everything the model knows about surprises.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Surprises {
    pub settings: SurpriseSettings,
    /// What kind of thing each product is.
    pub topics: Topics,
    /// The primitive model.
    pub popularity: Popularity,
    /// Season and momentum.
    pub moment: Moment,
    /// Kinds of things, and products among them; nothing where the model was fitted before there were any.
    pub kinds: Kinds,
    /// The delight model.
    pub delight: DelightModel,
    /// The probability that a customer comes back by themselves to what they were shown and never had; absent = it is not known.
    pub sought: Option<DelightModel>,
    /// The probability that a line of a box is kept; absent = it is not known.
    pub kept: Option<DelightModel>,
    /// What is usual of each term in this shop.
    pub standard: Standard,
    /// What products cost in the order of surprises.
    pub prices: Prices,
    buyers: Vec<f32>,
    by_appeal: Vec<ProductIx>,
}

impl Surprises {
    /// What is known of `topics` and of the `buyers` of each product, customers, with the `moment` of sales; kinds, and delight
    /// beyond its prior, are absent.
    pub fn new(topics: Topics, buyers: &[f32], moment: Moment) -> Surprises {
        let mut surprises = Surprises {
            popularity: Popularity::new(buyers, &topics),
            moment,
            topics,
            buyers: buyers.to_vec(),
            ..Surprises::default()
        };
        surprises.rank_by_appeal();
        surprises
    }

    /// Puts products in the order of their appeal: how much delight and wanting the models promise of them whoever the customer
    /// is. To be called after the models have changed.
    pub fn rank_by_appeal(&mut self) {
        let nobody = TopicHistory::default();
        let wanted = self.wanted();
        let mut promised: Vec<(f64, ProductIx)> = ProductIx::all(self.topics.numbers().len())
            .map(|product| {
                let topic = self.topics.of(product);
                let terms = Terms {
                    relevance: USUAL_RELEVANCE,
                    comfort: 1.0,
                    reach: self.popularity.reach(&self.topics, product),
                    stars: self.kinds.stars(product),
                    returned: self.kinds.returned(product),
                    dearer: nobody.dearer(self.kinds.dearness(product)),
                    leading: self.popularity.leading(product),
                    kind_delights: topic.map_or(0.0, |t| self.kinds.delights(t)),
                    kind_kept: topic.map_or(0.0, |t| self.kinds.kept(t)),
                    kind_sought: topic.map_or(0.0, |t| self.kinds.sought(t)),
                    price_level: self.kinds.price_level(product),
                    little_known: self.popularity.novelty(product),
                    ..Terms::default()
                };
                let features = self.standard.features(&terms, 0.0, false);
                let delight = self.delight.probability(&features);
                (
                    delight * wanted.map_or(1.0, |w| w.probability(&features)),
                    product,
                )
            })
            .collect();
        promised.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        self.by_appeal = promised.into_iter().map(|(_, product)| product).collect();
    }

    /// Products in the order of their appeal; see [`rank_by_appeal`](Self::rank_by_appeal).
    pub fn by_appeal(&self) -> &[ProductIx] {
        &self.by_appeal
    }

    /// What tells how surely a customer wants what they meet: whether customers come back to what they were shown, else whether
    /// they keep what is in their box. Absent = relevance stands for it.
    pub fn wanted(&self) -> Option<&DelightModel> {
        self.sought.as_ref().or(self.kept.as_ref())
    }

    /// Writes the part.
    pub fn write(&self, bundle: &mut BundleWriter) -> Result<(), BundleError> {
        let mut out = BTreeMap::new();
        let f32s = |data: &[f32]| Tensor::f32(&[data.len()], data.to_vec());
        let topics = self.topics.numbers().to_vec();
        out.insert("topics".to_owned(), Tensor::u32(&[topics.len()], topics));
        out.insert("buyers".into(), f32s(&self.buyers));
        out.insert("dearness".into(), f32s(&self.kinds.dearness));
        out.insert("stars".into(), f32s(&self.kinds.stars));
        out.insert("returned".into(), f32s(&self.kinds.returned));
        out.insert("delights of kinds".into(), f32s(&self.kinds.delights));
        out.insert("keeping of kinds".into(), f32s(&self.kinds.kept));
        out.insert("coming back to kinds".into(), f32s(&self.kinds.sought));
        out.insert("price level".into(), f32s(&self.kinds.price_level));
        out.insert("prices of wanting".into(), f32s(&self.prices.wanted));
        out.insert("prices of value".into(), f32s(&self.prices.value));
        let (offsets, columns, values) = self.kinds.kinship.parts();
        out.insert("kinship.offsets".into(), Tensor::numbers(offsets));
        out.insert("kinship.columns".into(), Tensor::numbers(columns));
        out.insert("kinship.values".into(), f32s(values));
        out.insert("season".into(), f32s(&self.moment.season));
        out.insert("momentum".into(), f32s(&self.moment.momentum));
        out.insert(
            "end".into(),
            Tensor::u64(&[1], vec![self.moment.end as u64]),
        );
        write_tensors(bundle, TENSORS, &out)?;
        let models = (
            &self.settings,
            &self.delight,
            &self.sought,
            &self.kept,
            &self.standard,
        );
        write_json(bundle, SETTINGS, &models)
    }

    /// Reads the part of a model of `products` products; `None` where the bundle has none.
    ///
    /// # Errors
    /// Tensors that are missing or do not fit together.
    pub fn read(bundle: &Bundle, products: usize) -> Result<Option<Surprises>, BundleError> {
        if !bundle.has(TENSORS) {
            return Ok(None);
        }
        let mut tensors = read_tensors(bundle, TENSORS)?;
        let take = |tensors: &mut BTreeMap<String, Tensor>, name: &str| {
            tensors
                .remove(name)
                .ok_or_else(|| BundleError::content(TENSORS, format!("no tensor {name:?}")))
        };
        let wrong = |name: &str| BundleError::content(TENSORS, format!("{name:?} does not fit"));
        let numbers = take(&mut tensors, "topics")?
            .into_u32()
            .filter(|t| t.len() == products)
            .ok_or_else(|| wrong("topics"))?;
        let f32s = |tensor: Tensor, name: &str| tensor.into_f32().ok_or_else(|| wrong(name));
        let buyers = f32s(take(&mut tensors, "buyers")?, "buyers")?;
        let season = f32s(take(&mut tensors, "season")?, "season")?;
        let momentum = f32s(take(&mut tensors, "momentum")?, "momentum")?;
        let end = take(&mut tensors, "end")?
            .into_u64()
            .and_then(|row| row.first().copied())
            .ok_or_else(|| wrong("end"))?;
        let topics = Topics::from_numbers(numbers);
        let offsets = take(&mut tensors, "kinship.offsets")?;
        let kinds = read_kinds(&mut tensors, offsets, topics.count(), products)
            .ok_or_else(|| wrong("kinship"))?;
        let mut prices = |name: &str| {
            take(&mut tensors, name)?
                .into_f32()
                .filter(|row| row.is_empty() || row.len() == products)
                .filter(|row| row.iter().all(|price| price.is_finite() && *price >= 0.0))
                .ok_or_else(|| wrong(name))
        };
        let prices = Prices {
            wanted: prices("prices of wanting")?,
            value: prices("prices of value")?,
        };
        let (settings, delight, sought, kept, standard): (
            SurpriseSettings,
            DelightModel,
            Option<DelightModel>,
            Option<DelightModel>,
            Standard,
        ) = read_json(bundle, SETTINGS)?;
        let finite = |model: &DelightModel| {
            model.intercept.is_finite() && model.weights.iter().all(|w| w.is_finite())
        };
        let learned = [&sought, &kept];
        if !(finite(&delight) && learned.into_iter().flatten().all(finite) && standard.is_finite())
        {
            return Err(BundleError::content(SETTINGS, "a weight is not finite"));
        }
        let mut surprises = Surprises {
            settings,
            popularity: Popularity::new(&buyers, &topics),
            topics,
            moment: Moment {
                season,
                momentum,
                end: end as i64,
            },
            kinds,
            delight,
            sought,
            kept,
            standard,
            prices,
            buyers,
            by_appeal: Vec::new(),
        };
        surprises.rank_by_appeal();
        Ok(Some(surprises))
    }
}

/// The tensors of kinds; `None` where they do not fit together.
fn read_kinds(
    tensors: &mut BTreeMap<String, Tensor>,
    offsets: Tensor,
    topics: usize,
    products: usize,
) -> Option<Kinds> {
    let offsets = offsets.into_u32()?;
    let columns = tensors.remove("kinship.columns")?.into_u32()?;
    let values = tensors.remove("kinship.values")?.into_f32()?;
    let kinship = if offsets.is_empty() {
        SparseRows::default()
    } else {
        SparseRows::from_parts(offsets, columns, values, topics, topics)?
    };
    let mut row_of = |name: &str, length: usize| {
        let row = tensors.remove(name)?.into_f32()?;
        let whole = row.is_empty() || row.len() == length;
        (whole && row.iter().all(|x| x.is_finite())).then_some(row)
    };
    Some(Kinds {
        kinship,
        dearness: row_of("dearness", products)?,
        stars: row_of("stars", products)?,
        returned: row_of("returned", products)?,
        delights: row_of("delights of kinds", topics)?,
        kept: row_of("keeping of kinds", topics)?,
        sought: row_of("coming back to kinds", topics)?,
        price_level: row_of("price level", products)?,
    })
}

/// A product with what relevance and life say of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prospect {
    pub product: ProductIx,
    /// How well it suits, 0…1.
    pub relevance: f32,
    /// How surely the customer's life needs it about now, 0…1.
    pub need: f32,
    /// How much likelier the customer's life makes it, in powers of fifty, −1…1.5.
    pub fit: f32,
}

/// Relevance of a product of which nobody knows better: log-odds of −5.
const USUAL_RELEVANCE: f32 = 0.0067;

impl Prospect {
    /// `product` with usual relevance, of which life says nothing.
    pub fn unseen(product: ProductIx) -> Prospect {
        Prospect {
            product,
            relevance: USUAL_RELEVANCE,
            need: 0.0,
            fit: 0.0,
        }
    }
}

/// One customer as the surprise model sees them, prepared once per request.
pub struct Appraisal<'a> {
    surprises: &'a Surprises,
    catalogue: &'a Catalogue,
    interests: Interests,
    topic_history: TopicHistory,
    prices: Option<PriceRange>,
    shown: Vec<(ProductIx, f32)>,
    curiosity: f32,
    let_down: bool,
    now: i64,
}

impl<'a> Appraisal<'a> {
    /// Of the customer with `history` (before `now`, in order of time).
    pub fn new<'v>(
        surprises: &'a Surprises,
        catalogue: &'a Catalogue,
        history: &[Touch],
        now: i64,
        vector: &dyn Fn(ProductIx) -> Option<&'v [f32]>,
    ) -> Appraisal<'a> {
        let mut times: BTreeMap<ProductIx, f32> = BTreeMap::new();
        for touch in acquisitions(history) {
            *times.entry(touch.product).or_default() += 1.0;
        }
        let owned: Vec<(ProductIx, f32)> = times.into_iter().collect();
        let price = |p: ProductIx| {
            (p.index() < catalogue.len())
                .then(|| catalogue.product(p).price)
                .flatten()
        };
        Appraisal {
            interests: Interests::of(&owned, &surprises.topics, vector),
            topic_history: TopicHistory::of(history, &surprises.kinds, &surprises.topics, now),
            prices: PriceRange::of(owned.iter().filter_map(|(p, _)| price(*p))),
            shown: shown(history, now),
            curiosity: curiosity(history, &surprises.topics, surprises.settings.curiosity),
            let_down: disappointed(history, now, surprises.settings.pause_days),
            surprises,
            catalogue,
            now,
        }
    }

    /// The customer's interests.
    pub fn interests(&self) -> &Interests {
        &self.interests
    }

    /// How much more curious than usual the customer is, −1…1.
    pub fn curiosity(&self) -> f32 {
        self.curiosity - self.surprises.settings.curiosity
    }

    /// Whether the customer was disappointed within the pause of the settings.
    pub fn let_down(&self) -> bool {
        self.let_down
    }

    /// The dial that suits the customer where they choose none: the shop's, moved by their curiosity.
    pub fn dial(&self) -> f32 {
        (self.surprises.settings.dial + self.curiosity()).clamp(LEAST_OWN_DIAL, 1.0)
    }

    /// The `count` products, of those that `allowed` lets through, that the primitive model of popularity and habit would say
    /// first: what anybody would expect.
    pub fn expected(&self, count: usize, allowed: &dyn Fn(ProductIx) -> bool) -> Vec<ProductIx> {
        let surprises = self.surprises;
        let expectation =
            Expectation::new(&surprises.popularity, &surprises.topics, &self.interests);
        let products = ProductIx::all(surprises.topics.numbers().len());
        let mut said: Vec<(f32, ProductIx)> = products
            .filter(|product| allowed(*product))
            .map(|product| (expectation.expected(product), product))
            .collect();
        let first =
            |a: &(f32, ProductIx), b: &(f32, ProductIx)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        if said.len() > count && count > 0 {
            said.select_nth_unstable_by(count - 1, first);
        }
        said.truncate(count);
        said.into_iter().map(|(_, product)| product).collect()
    }

    /// The terms of each of `products`.
    pub fn terms<'v>(
        &self,
        products: &[Prospect],
        vector: &dyn Fn(ProductIx) -> Option<&'v [f32]>,
    ) -> Vec<Terms> {
        let surprises = self.surprises;
        let expectation =
            Expectation::new(&surprises.popularity, &surprises.topics, &self.interests);
        let mut kinships: BTreeMap<u32, f32> = BTreeMap::new();
        let mut kinship = |topic: u32| {
            *kinships.entry(topic).or_insert_with(|| {
                let mix = self.interests.mix().map(|(kind, _)| kind);
                surprises.kinds.kinship(mix, topic)
            })
        };
        products
            .iter()
            .map(|prospect| {
                let Prospect {
                    product, relevance, ..
                } = prospect;
                let known = (product.index() < self.catalogue.len())
                    .then(|| self.catalogue.product(*product));
                let price = known.and_then(|p| p.price);
                let is_durable = known.is_some_and(|p| p.durable == Some(true));
                let topic = surprises.topics.of(*product);
                let had_kind = topic.is_some_and(|t| self.interests.bought_from(t) > 0.0);
                let dearness = surprises.kinds.dearness(*product);
                let moment = surprises
                    .moment
                    .timeliness(&surprises.topics, *product, self.now);
                let little_known = surprises.popularity.novelty(*product);
                Terms {
                    relevance: *relevance,
                    unexpectedness: expectation.unexpectedness(*product, vector(*product)),
                    novelty: 0.5 * (little_known + expectation.new_topic(*product)),
                    timeliness: either(prospect.need, moment),
                    comfort: match (self.prices, price) {
                        (Some(range), Some(price)) => range.comfort(price),
                        _ => 1.0,
                    },
                    fatigue: fatigue(*product, &self.shown, vector),
                    reach: surprises.popularity.reach(&surprises.topics, *product),
                    need: prospect.need,
                    new_kind: expectation.new_topic(*product),
                    kinship: topic.map_or(0.0, &mut kinship),
                    fit: prospect.fit,
                    sought: topic.map_or(0.0, |t| self.topic_history.sought(t)),
                    shown_kind: topic.map_or(0.0, |t| self.topic_history.shown(t)),
                    settled: f32::from(u8::from(is_durable && had_kind)),
                    has: f32::from(u8::from(self.topic_history.has(*product))),
                    stars: surprises.kinds.stars(*product),
                    returned: surprises.kinds.returned(*product),
                    dearer: self.topic_history.dearer(dearness),
                    leading: surprises.popularity.leading(*product),
                    mishaps: self.topic_history.mishaps(),
                    kind_delights: topic.map_or(0.0, |t| surprises.kinds.delights(t)),
                    kind_kept: topic.map_or(0.0, |t| surprises.kinds.kept(t)),
                    kind_sought: topic.map_or(0.0, |t| surprises.kinds.sought(t)),
                    price_level: surprises.kinds.price_level(*product),
                    familiar: topic.map_or(0.0, |t| self.interests.share(t).sqrt()),
                    little_known,
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serendib_shop::{Kind, Product};

    fn buy(product: u32, at: i64) -> Touch {
        Touch::new(Kind::PURCHASE, ProductIx(product), at)
    }

    #[test]
    fn terms_are_shares_and_far_things_are_less_expected() {
        let products = (0..6)
            .map(|ix| Product {
                price: Some(10.0 + f64::from(ix)),
                ..Product::bare(format!("p{ix}"))
            })
            .collect();
        let catalogue = Catalogue::new(products).unwrap();
        let topics = Topics::from_numbers(vec![0, 0, 0, 1, 1, 1]);
        let surprises = Surprises::new(
            topics,
            &[50.0, 40.0, 3.0, 30.0, 20.0, 2.0],
            Moment::default(),
        );
        let history = [buy(0, 1), buy(0, 2), buy(1, 3)];
        let appraisal = Appraisal::new(&surprises, &catalogue, &history, 10, &|_| None);
        let rows: Vec<_> = (0..7)
            .map(|product| Prospect {
                product: ProductIx(product),
                relevance: 0.5,
                need: 0.2,
                fit: 0.0,
            })
            .collect();
        let said = appraisal.expected(2, &|p| p != ProductIx(1));
        assert!(said.contains(&ProductIx(0)) && said.len() == 2 && !said.contains(&ProductIx(1)));
        let terms = appraisal.terms(&rows, &|_| None);
        for term in &terms {
            for x in [
                term.unexpectedness,
                term.novelty,
                term.timeliness,
                term.comfort,
                term.fatigue,
            ] {
                assert!((0.0..=1.0).contains(&x));
            }
        }
        assert!(terms[5].unexpectedness > terms[0].unexpectedness);
        assert!((terms[0].timeliness - 0.2).abs() < 1e-6);
        assert!(appraisal.curiosity() < 0.0, "buys the same topic again");
    }
}
