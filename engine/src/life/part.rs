//! The life model together with the products of one catalogue.

use super::model::LifeModel;
use super::profiles::ProductProfiles;
use super::state::{LifeState, StateOptions};
use crate::shop::{Catalogue, Fact, Product, Touch};

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

    /// Profiles for a catalogue that begins with this one's products and goes on with later ones.
    pub fn products_of(&self, catalogue: &Catalogue) -> ProductProfiles {
        self.products.extended(&self.model.profiles, catalogue)
    }

    /// Profiles of `catalogue`, which shows the products of `before` (whose profiles `known` are) as they are now, and
    /// later ones.
    pub fn products_now(
        &self,
        known: &ProductProfiles,
        before: &Catalogue,
        catalogue: &Catalogue,
    ) -> ProductProfiles {
        known.updated(&self.model.profiles, catalogue, |ix| {
            let row = before.products().get(ix as usize);
            row.is_some_and(|row| same_words(row, catalogue.product(ix)))
        })
    }

    /// [`LifeModel::state`] for serving, on the model's own products.
    pub fn state(&self, history: &[Touch], facts: &[Fact], now: i64, infer: bool) -> LifeState {
        let options = StateOptions::serving(infer);
        self.model
            .state(&self.products, history, facts, now, options)
    }
}

/// Whether two rows have everything in common from which a product's profile is read.
fn same_words(a: &Product, b: &Product) -> bool {
    a.title == b.title
        && a.category == b.category
        && a.variant == b.variant
        && a.attributes == b.attributes
}
