//! One loaded model: everything a request needs that does not change while it is served.

use std::sync::Arc;

use crate::bundle::{read_json, write_json, Bundle, BundleError, BundleWriter, Manifest};
use crate::complement::Complements;
use crate::engagement::Aversion;
use crate::engagement::EngagementModel;
use crate::explain::Relations;
use crate::life::{Life, LifeModel};
use crate::rank::purchase::PurchaseModel;
use crate::repeat::{BuyAgain, NextBasket};
use crate::represent::{IndexFigures, Representation};
use crate::surprise::Surprises;
use serendib_shop::{Catalogue, Encoder, Product, ProductIx};

const PRODUCTS: &str = "products.jsonl";
const VOCABULARY: &str = "vocabulary.json";

/// A bundle as loaded.
#[derive(Debug)]
pub struct Model {
    /// What the bundle says of itself.
    pub manifest: Manifest,
    /// The products it knows.
    pub catalogue: Arc<Catalogue>,
    /// Numbers of kinds, channels and product lines; who encodes touchpoints for this model starts from a copy.
    pub encoder: Encoder,
    /// Customers and products as vectors.
    pub representation: Representation,
    /// What goes with what; absent where there was too little to learn from.
    pub complements: Option<Complements>,
    /// How surprising and delightful products are; absent where there was too little to learn from.
    pub surprises: Option<Surprises>,
    /// Life situations; absent in a shop without times.
    pub life: Option<Life>,
    /// When customers buy again; absent without times or repeats.
    pub buy_again: Option<BuyAgain>,
    /// The next basket; absent where nobody has two.
    pub next_basket: Option<NextBasket>,
    /// Engagement, purchase propensity and value; absent in a shop without times.
    pub engagement: Option<EngagementModel>,
    /// The probability of buying a product, by which relevance is told; absent without times or with few purchases.
    pub purchase: Option<PurchaseModel>,
    /// How far behind others the products come that let their customer down.
    pub aversion: Aversion,
    /// What customers have together beyond chance; absent in a model from before that was asked.
    pub relations: Option<Relations>,
    by_popularity: Vec<ProductIx>,
    most_buyers: f32,
    most_lately: f32,
}

impl Model {
    /// A model of `catalogue` with a representation; the other parts are absent until set.
    pub fn new(
        manifest: Manifest,
        catalogue: Arc<Catalogue>,
        encoder: Encoder,
        representation: Representation,
    ) -> Model {
        let (lately, buyers) = (
            representation.popularity_lately(),
            representation.popularity(),
        );
        let mut by_popularity: Vec<ProductIx> = ProductIx::all(catalogue.len()).collect();
        let count = |of: &[f32], ix: ProductIx| of.get(ix.index()).copied().unwrap_or(0.0);
        by_popularity.sort_by(|&a, &b| {
            count(lately, b)
                .total_cmp(&count(lately, a))
                .then(count(buyers, b).total_cmp(&count(buyers, a)))
                .then(a.cmp(&b))
        });
        let most_lately = by_popularity.first().map_or(0.0, |&ix| count(lately, ix));
        let most_buyers = buyers.iter().copied().fold(0.0, f32::max);
        Model {
            manifest,
            catalogue,
            encoder,
            representation,
            complements: None,
            surprises: None,
            life: None,
            buy_again: None,
            next_basket: None,
            engagement: None,
            purchase: None,
            aversion: Aversion::default(),
            relations: None,
            by_popularity,
            most_buyers,
            most_lately,
        }
    }

    /// The model of a shop without data: it knows nothing and answers nothing.
    pub fn empty() -> Model {
        let manifest = Manifest {
            id: "none".into(),
            ..Manifest::default()
        };
        Model::new(
            manifest,
            Arc::default(),
            Encoder::default(),
            Representation::empty(),
        )
    }

    /// Writes every part but the manifest.
    pub fn write(&self, bundle: &mut BundleWriter) -> Result<(), BundleError> {
        write_products(bundle, &self.catalogue)?;
        write_json(bundle, VOCABULARY, &self.encoder.vocabulary())?;
        self.representation.write(bundle)?;
        if let Some(complements) = &self.complements {
            complements.write(bundle)?;
        }
        if let Some(surprises) = &self.surprises {
            surprises.write(bundle)?;
        }
        if let Some(life) = &self.life {
            life.model.write(bundle)?;
        }
        if let Some(buy_again) = &self.buy_again {
            buy_again.write(bundle)?;
        }
        if let Some(next_basket) = &self.next_basket {
            next_basket.write(bundle)?;
        }
        if let Some(engagement) = &self.engagement {
            engagement.write(bundle)?;
        }
        if let Some(purchase) = &self.purchase {
            purchase.write(bundle)?;
        }
        if let Some(relations) = &self.relations {
            relations.write(bundle)?;
        }
        self.aversion.write(bundle)
    }

    /// Reads every part of a verified bundle.
    ///
    /// # Errors
    /// A part that does not parse, or parts that do not fit together.
    pub fn read(bundle: &Bundle) -> Result<Model, BundleError> {
        let catalogue = Arc::new(read_products(bundle)?);
        let representation = Representation::read(bundle)?;
        if representation.popularity().len() != catalogue.len() {
            return Err(BundleError::content(
                PRODUCTS,
                format!(
                    "{} products, but the representation has {}",
                    catalogue.len(),
                    representation.popularity().len()
                ),
            ));
        }
        check_index(bundle.manifest(), &representation)?;
        let products = catalogue.len();
        let mut model = Model::new(
            bundle.manifest().clone(),
            catalogue,
            Encoder::with_vocabulary(&read_json(bundle, VOCABULARY)?),
            representation,
        );
        model.complements = Complements::read(bundle, products)?;
        model.surprises = Surprises::read(bundle, products)?;
        if LifeModel::is_in(bundle) {
            model.life = Some(Life::new(LifeModel::read(bundle)?, &model.catalogue));
        }
        if BuyAgain::is_in(bundle) {
            model.buy_again = Some(BuyAgain::read(bundle, products)?);
        }
        if NextBasket::is_in(bundle) {
            model.next_basket = Some(NextBasket::read(bundle, products)?);
        }
        model.engagement = EngagementModel::read(bundle)?;
        model.purchase = PurchaseModel::read(bundle)?;
        model.aversion = Aversion::read(bundle)?;
        model.relations = Relations::read(bundle, products)?;
        Ok(model)
    }

    /// Products by number of buyers lately, most first, ties by number of buyers, then by number.
    pub fn by_popularity(&self) -> &[ProductIx] {
        &self.by_popularity
    }

    /// Buyers of `product` as a share of the most bought product's, 0 to 1; 0 for a product the model does not know.
    pub fn popularity_share(&self, product: ProductIx) -> f32 {
        share_of(self.representation.popularity(), product, self.most_buyers)
    }

    /// The same of buyers lately, by which popular lists are ordered.
    pub fn lately_share(&self, product: ProductIx) -> f32 {
        let lately = self.representation.popularity_lately();
        share_of(lately, product, self.most_lately)
    }

    /// Whether `product` may be told to be a cause of `other`: customers have the two together beyond chance, or nobody asked.
    pub fn may_cause(&self, product: ProductIx, other: ProductIx) -> bool {
        let relations = self.relations.as_ref();
        relations.is_none_or(|relations| relations.hold(product, other))
    }

    /// Whether one product takes the place of the other: variants of one thing, and substitutes.
    pub fn replaces(&self, a: ProductIx, b: ProductIx) -> bool {
        let complements = self.complements.as_ref();
        complements.is_some_and(|c| c.replaces(a, b))
    }
}

/// Refuses an index that finds less than the manifest says it found when it was fitted.
fn check_index(manifest: &Manifest, representation: &Representation) -> Result<(), BundleError> {
    let Some(recorded) = manifest.metrics.get("index").filter(|m| !m.is_null()) else {
        return Ok(());
    };
    let bad = |what: String| BundleError::content("manifest.json", what);
    let recorded: IndexFigures = serde_json::from_value(recorded.clone())
        .map_err(|error| bad(format!("metrics.index: {error}")))?;
    match representation.index_figures() {
        Some(now) if !now.keeps(&recorded) => Err(bad(format!(
            "metrics.index: {recorded:?} was recorded, but the index as loaded reaches {now:?}"
        ))),
        _ => Ok(()),
    }
}

fn write_products(bundle: &mut BundleWriter, catalogue: &Catalogue) -> Result<(), BundleError> {
    let mut bytes = Vec::new();
    for product in catalogue.products() {
        serde_json::to_writer(&mut bytes, product)
            .map_err(|error| BundleError::content(PRODUCTS, error))?;
        bytes.push(b'\n');
    }
    bundle.put(PRODUCTS, &bytes)
}

fn read_products(bundle: &Bundle) -> Result<Catalogue, BundleError> {
    let bytes = bundle.read(PRODUCTS)?;
    let products: Vec<Product> = serde_json::Deserializer::from_slice(&bytes)
        .into_iter()
        .collect::<Result<_, _>>()
        .map_err(|error| BundleError::content(PRODUCTS, error))?;
    Catalogue::new(products).map_err(|error| BundleError::content(PRODUCTS, error))
}

/// The count of `product` as a share of `most`.
fn share_of(counts: &[f32], product: ProductIx, most: f32) -> f32 {
    match counts.get(product.index()) {
        Some(count) if most > 0.0 => count / most,
        _ => 0.0,
    }
}
