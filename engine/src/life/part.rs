//! The life model together with the products of one catalogue.

use super::model::LifeModel;
use super::profiles::ProductProfiles;
use super::state::{LifeState, StateOptions};
use serendib_shop::{Catalogue, Fact, ProductIx, Touch};

/// A life model bound to a catalogue: the part of a loaded model.
#[derive(Debug, Clone)]
pub struct Life {
    /// What is known of life situations.
    pub model: LifeModel,
    /// The profile of each product of the model's catalogue.
    pub products: ProductProfiles,
}

impl Life {
    /// `model` for the products of `catalogue`.
    pub fn new(model: LifeModel, catalogue: &Catalogue) -> Life {
        let products = ProductProfiles::new(&model.profiles, catalogue);
        Life { model, products }
    }

    /// Returns the profiles of `catalogue`, given those of it before the products `changed` were changed or added; `None`
    /// where they are the same.
    pub fn products_changed(
        &self,
        known: &ProductProfiles,
        catalogue: &Catalogue,
        changed: &[ProductIx],
    ) -> Option<ProductProfiles> {
        known.changed(&self.model.profiles, catalogue, changed)
    }

    /// [`LifeModel::state`] for serving, on the model's own products.
    pub fn state(&self, history: &[Touch], facts: &[Fact], now: i64, infer: bool) -> LifeState {
        let options = StateOptions::serving(infer);
        self.model
            .state(&self.products, history, facts, now, options)
    }
}
