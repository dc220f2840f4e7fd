//! What the surprise model says of products for one customer.

use crate::model::Model;
use crate::rank::{CustomerState, Live, RelevanceView};
use crate::surprise::{
    quantise, Appraisal, Drivers, Prospect, Standard, Surprises, Terms, FEATURES,
};
use serendib_shop::ProductIx;

/// What the surprise model says of one product.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Appraised {
    /// Unexpectedness, novelty, timeliness and what else delight is predicted from.
    pub terms: Terms,
    /// Predicted probability of a pleasant surprise, 0…1.
    pub delight: f32,
    /// What it rests on.
    pub drivers: Drivers,
}

/// One customer prepared for appraisal against a pool of candidates.
pub struct Appraiser<'a> {
    model: &'a Model,
    surprises: &'a Surprises,
    appraisal: Appraisal<'a>,
    standard: Standard,
}

impl<'a> Appraiser<'a> {
    /// For `customer` at `now`, whose best products by `view` are what terms are standardised over. `None` where the model knows
    /// nothing of surprises.
    pub fn new(
        model: &'a Model,
        live: &'a Live,
        customer: &CustomerState,
        now: i64,
        view: &RelevanceView,
    ) -> Option<Appraiser<'a>> {
        let surprises = model.surprises.as_ref()?;
        let vector = |p: ProductIx| vector(model, p);
        let appraisal = Appraisal::new(surprises, &live.catalogue, customer.history, now, &vector);
        let pool: Vec<_> = view
            .best()
            .iter()
            .map(|&(product, score)| view.prospect(product, view.relevance(product, score)))
            .collect();
        let standard = Standard::of(&appraisal.terms(&pool, &vector));
        Some(Appraiser {
            model,
            surprises,
            appraisal,
            standard,
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

    /// What the delight model sees of each of `products`.
    pub fn features(&self, products: &[Prospect]) -> Vec<(Terms, [f32; FEATURES])> {
        let model = self.model;
        let curiosity = self.appraisal.curiosity();
        let let_down = self.appraisal.let_down();
        self.appraisal
            .terms(products, &|p| vector(model, p))
            .into_iter()
            .map(|terms| (terms, self.standard.features(&terms, curiosity, let_down)))
            .collect()
    }

    /// Appraises each of `products`.
    pub fn appraise(&self, products: &[Prospect]) -> Vec<Appraised> {
        self.features(products)
            .into_iter()
            .map(|(terms, features)| Appraised {
                terms,
                delight: quantise(self.surprises.delight.probability(&features) as f32),
                drivers: Drivers::of(&self.surprises.delight, &terms, &features),
            })
            .collect()
    }
}

fn vector(model: &Model, product: ProductIx) -> Option<&[f32]> {
    ((product as usize) < model.catalogue.len())
        .then(|| model.representation.vector(product))
        .flatten()
}
