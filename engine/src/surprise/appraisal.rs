//! The surprise part of a model, and what it says of products for one customer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::dial::FloorOptions;
use super::{
    curiosity, disappointed, either, fatigue, shown, DelightModel, Expectation, Interests, Moment,
    Popularity, PriceRange, Terms, Topics,
};
use crate::bundle::{
    read_json, read_tensors, write_json, write_tensors, Bundle, BundleError, BundleWriter, Tensor,
};
use crate::shop::{acquisitions, Catalogue, ProductIx, Touch};

const TENSORS: &str = "surprise.safetensors";
const SETTINGS: &str = "surprise.json";

/// Settings of surprises.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SurpriseSettings {
    /// The dial of a customer of usual curiosity who says nothing, 0…1.
    pub dial: f32,
    /// Floor: share of the median relevance of the plain top 20.
    pub floor_share: f32,
    /// Floor: relevance always required.
    pub floor_absolute: f32,
    /// Candidates whose predicted delight is less than this share of the usual come last at any dial above 0; .65.
    pub least_delight_share: f32,
    /// After a disappointment no surprises for so many days.
    pub pause_days: i64,
    /// The same surprise is not shown again for so many days.
    pub again_days: i64,
    /// Usual curiosity of the shop's customers, 0…1.
    pub curiosity: f32,
}

impl Default for SurpriseSettings {
    fn default() -> Self {
        SurpriseSettings {
            dial: 0.5,
            floor_share: 0.5,
            floor_absolute: 0.0,
            least_delight_share: 0.65,
            pause_days: 7,
            again_days: 30,
            curiosity: 0.4,
        }
    }
}

/// Everything the model knows about surprises.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Surprises {
    /// Settings.
    pub settings: SurpriseSettings,
    /// What kind of thing each product is.
    pub topics: Topics,
    /// The primitive model.
    pub popularity: Popularity,
    /// Season and momentum.
    pub moment: Moment,
    /// The delight model.
    pub delight: DelightModel,
    buyers: Vec<f32>,
}

impl Surprises {
    /// Learns everything but delight, which starts as its prior. `buyers` = customers per product, `purchases` = product and time in
    /// ms (empty in a shop without times).
    pub fn fit(topics: Topics, buyers: &[f32], purchases: &[(ProductIx, i64)]) -> Surprises {
        Surprises {
            popularity: Popularity::new(buyers, &topics),
            moment: Moment::new(purchases, &topics),
            topics,
            buyers: buyers.to_vec(),
            ..Surprises::default()
        }
    }

    /// The floor's options.
    pub fn floor(&self) -> FloorOptions {
        FloorOptions {
            share: self.settings.floor_share,
            absolute: self.settings.floor_absolute,
        }
    }

    /// The predicted delight below which a candidate comes last at any dial above 0. It goes with what is usual: customers
    /// who rate sparingly are surprised too, and a fixed one would put half of all candidates last.
    pub fn least_delight(&self) -> f32 {
        self.settings.least_delight_share * self.delight.usual() as f32
    }

    /// Writes the part.
    pub fn write(&self, bundle: &mut BundleWriter) -> Result<(), BundleError> {
        let mut out = BTreeMap::new();
        let f32s = |data: &[f32]| Tensor::f32(&[data.len()], data.to_vec());
        let topics = self.topics.numbers().to_vec();
        out.insert("topics".to_owned(), Tensor::u32(&[topics.len()], topics));
        out.insert("buyers".into(), f32s(&self.buyers));
        out.insert("season".into(), f32s(&self.moment.season));
        out.insert("momentum".into(), f32s(&self.moment.momentum));
        out.insert(
            "end".into(),
            Tensor::u64(&[1], vec![self.moment.end as u64]),
        );
        write_tensors(bundle, TENSORS, &out)?;
        write_json(bundle, SETTINGS, &(&self.settings, &self.delight))
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
        let mut take = |name: &str| {
            tensors
                .remove(name)
                .ok_or_else(|| BundleError::content(TENSORS, format!("no tensor {name:?}")))
        };
        let wrong = |name: &str| BundleError::content(TENSORS, format!("{name:?} does not fit"));
        let numbers = take("topics")?
            .into_u32()
            .filter(|t| t.len() == products)
            .ok_or_else(|| wrong("topics"))?;
        let f32s = |tensor: Tensor, name: &str| tensor.into_f32().ok_or_else(|| wrong(name));
        let buyers = f32s(take("buyers")?, "buyers")?;
        let season = f32s(take("season")?, "season")?;
        let momentum = f32s(take("momentum")?, "momentum")?;
        let end = take("end")?
            .into_u64()
            .and_then(|row| row.first().copied())
            .ok_or_else(|| wrong("end"))?;
        let topics = Topics::from_numbers(numbers);
        let (settings, delight): (SurpriseSettings, DelightModel) = read_json(bundle, SETTINGS)?;
        let finite = delight.intercept.is_finite() && delight.weights.iter().all(|w| w.is_finite());
        if !finite {
            return Err(BundleError::content(SETTINGS, "a weight is not finite"));
        }
        Ok(Some(Surprises {
            settings,
            popularity: Popularity::new(&buyers, &topics),
            topics,
            moment: Moment {
                season,
                momentum,
                end: end as i64,
            },
            delight,
            buyers,
        }))
    }
}

/// One customer as the surprise model sees them, prepared once per request.
pub struct Appraisal<'a> {
    surprises: &'a Surprises,
    catalogue: &'a Catalogue,
    interests: Interests,
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
            ((p as usize) < catalogue.len())
                .then(|| catalogue.product(p).price)
                .flatten()
        };
        Appraisal {
            interests: Interests::of(&owned, &surprises.topics, vector),
            prices: PriceRange::of(owned.iter().filter_map(|(p, _)| price(*p))),
            shown: shown(history, now),
            curiosity: curiosity(history, &surprises.topics, surprises.settings.curiosity),
            let_down: disappointed(history, now, surprises.settings.pause_days, None),
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
        (self.surprises.settings.dial + self.curiosity()).clamp(0.0, 1.0)
    }

    /// The terms of each of `products` with its relevance (0…1) and how needed it is now by the customer's life (0…1).
    pub fn terms<'v>(
        &self,
        products: &[(ProductIx, f32, f32)],
        vector: &dyn Fn(ProductIx) -> Option<&'v [f32]>,
    ) -> Vec<Terms> {
        let surprises = self.surprises;
        let expectation =
            Expectation::new(&surprises.popularity, &surprises.topics, &self.interests);
        products
            .iter()
            .map(|(product, relevance, need)| {
                let price = ((*product as usize) < self.catalogue.len())
                    .then(|| self.catalogue.product(*product).price)
                    .flatten();
                let moment = surprises
                    .moment
                    .timeliness(&surprises.topics, *product, self.now);
                let known = surprises.popularity.novelty(*product);
                Terms {
                    relevance: *relevance,
                    unexpectedness: expectation.unexpectedness(*product, vector(*product)),
                    novelty: 0.5 * (known + expectation.new_topic(*product)),
                    timeliness: either(*need, moment),
                    comfort: match (self.prices, price) {
                        (Some(range), Some(price)) => range.comfort(price),
                        _ => 1.0,
                    },
                    fatigue: fatigue(*product, &self.shown, vector),
                    reach: surprises.popularity.reach(&surprises.topics, *product),
                    need: *need,
                    new_kind: expectation.new_topic(*product),
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shop::{Kind, Product};

    fn buy(product: ProductIx, at: i64) -> Touch {
        Touch::new(Kind::PURCHASE, product, at)
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
        let surprises = Surprises::fit(topics, &[50.0, 40.0, 3.0, 30.0, 20.0, 2.0], &[]);
        let history = [buy(0, 1), buy(0, 2), buy(1, 3)];
        let appraisal = Appraisal::new(&surprises, &catalogue, &history, 10, &|_| None);
        let rows: Vec<_> = (0..7).map(|p| (p, 0.5, 0.2)).collect();
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
