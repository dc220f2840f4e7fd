//! What the surprise model says of products for one customer.

use crate::complement::keep_largest;
use crate::model::Model;
use crate::rank::{CustomerState, Live};
use crate::surprise::{
    quantise, Appraisal, DelightModel, Drivers, Prospect, Surprises, Terms, FEATURES,
};
use serendib_shop::ProductIx;

/// What the surprise model says of one product.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Appraised {
    /// Unexpectedness, novelty, timeliness and what else delight is predicted from.
    pub terms: Terms,
    /// Predicted probability of a pleasant surprise, 0…1.
    pub delight: f32,
    /// Probability that the customer wants it when they meet it, 0…1; relevance where nothing tells.
    pub wanted: f32,
    /// Probability that the customer keeps it when it comes in a box, 0…1; relevance where nothing tells.
    pub kept: f32,
    /// What it rests on.
    pub drivers: Drivers,
}

/// One customer prepared for appraisal.
pub struct Appraiser<'a> {
    model: &'a Model,
    surprises: &'a Surprises,
    appraisal: Appraisal<'a>,
}

impl<'a> Appraiser<'a> {
    /// For `customer` at `now`. `None` where the model knows nothing of surprises.
    pub fn new(
        model: &'a Model,
        live: &'a Live,
        customer: &CustomerState,
        now: i64,
    ) -> Option<Appraiser<'a>> {
        let surprises = model.surprises.as_ref()?;
        let vector = |p: ProductIx| vector(model, p);
        let appraisal = Appraisal::new(surprises, &live.catalogue, customer.history, now, &vector);
        Some(Appraiser {
            model,
            surprises,
            appraisal,
        })
    }

    /// The part of the model that appraises.
    pub(crate) fn surprises(&self) -> &'a Surprises {
        self.surprises
    }

    /// The customer as the surprise model sees them.
    pub fn appraisal(&self) -> &Appraisal<'a> {
        &self.appraisal
    }

    /// What the models of delight and of wanting see of each of `products`.
    pub fn features(&self, products: &[Prospect]) -> Vec<(Terms, [f32; FEATURES])> {
        let model = self.model;
        self.seen(products, &|p| vector(model, p))
    }

    fn seen<'v>(
        &self,
        products: &[Prospect],
        vector: &dyn Fn(ProductIx) -> Option<&'v [f32]>,
    ) -> Vec<(Terms, [f32; FEATURES])> {
        let standard = &self.surprises.standard;
        let curiosity = self.appraisal.curiosity();
        let let_down = self.appraisal.let_down();
        self.appraisal
            .terms(products, vector)
            .into_iter()
            .map(|terms| (terms, standard.features(&terms, curiosity, let_down)))
            .collect()
    }

    /// Of `products` the `count` that promise most, delight times wanting, by what is known of them without vectors and
    /// without relevance; nothing where no model says what is wanted.
    pub(crate) fn promising(
        &self,
        products: impl Iterator<Item = ProductIx>,
        count: usize,
    ) -> Vec<(ProductIx, f32)> {
        let Some(wanted) = self.surprises.wanted() else {
            return Vec::new();
        };
        let rows: Vec<Prospect> = products.map(Prospect::unseen).collect();
        let seen = self.seen(&rows, &|_| None);
        let mut promised: Vec<(ProductIx, f32)> = rows
            .iter()
            .zip(seen)
            .map(|(row, (_, features))| {
                let delight = self.surprises.delight.probability(&features);
                (
                    row.product,
                    (delight * wanted.probability(&features)) as f32,
                )
            })
            .collect();
        keep_largest(&mut promised, count);
        promised
    }

    /// Appraises each of `products`.
    pub fn appraise(&self, products: &[Prospect]) -> Vec<Appraised> {
        let surprises = self.surprises;
        self.features(products)
            .into_iter()
            .map(|(terms, features)| {
                let or_relevance = |learned: Option<&DelightModel>| {
                    quantise(
                        learned
                            .map_or(terms.relevance, |model| model.probability(&features) as f32),
                    )
                };
                Appraised {
                    terms,
                    delight: quantise(surprises.delight.probability(&features) as f32),
                    wanted: or_relevance(surprises.wanted()),
                    kept: or_relevance(surprises.kept.as_ref()),
                    drivers: Drivers::of(&surprises.delight, &terms, &features),
                }
            })
            .collect()
    }
}

fn vector(model: &Model, product: ProductIx) -> Option<&[f32]> {
    (product.index() < model.catalogue.len())
        .then(|| model.representation.vector(product))
        .flatten()
}
