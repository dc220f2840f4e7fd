//! What the shop sells at this moment, beyond what the model knows.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use imbl::Vector;

use crate::life::{Life, ProductProfiles};
use crate::repeat::NeighbourIndex;
use crate::represent::{ColdProduct, Representation};
use serendib_shop::{Catalogue, CatalogueError, ShelfChange, Shelves};

/// The shop's shelves, the model's products first and with the same numbers, and what a model needs to rank what came later.
#[derive(Debug, Clone)]
pub struct Live {
    /// What is sold.
    pub shelves: Shelves,
    /// Number of products that the model knows; they have the lowest numbers.
    pub known: usize,
    /// Content vectors of the others, by number minus `known`; `None` where nothing is known but the id.
    pub cold: Vector<Option<ColdProduct>>,
    /// The shop's customers by their baskets, for the next basket; `None` where nobody made it (yet).
    pub neighbours: Option<Arc<NeighbourIndex>>,
    /// What of life each product is for, new ones and changed rows included; `None` where that is as the model has it.
    pub profiles: Option<Arc<ProductProfiles>>,
}

/// The shelves are what most stages look at.
impl Deref for Live {
    type Target = Shelves;

    fn deref(&self) -> &Shelves {
        &self.shelves
    }
}

impl DerefMut for Live {
    fn deref_mut(&mut self) -> &mut Shelves {
        &mut self.shelves
    }
}

impl Live {
    /// Returns the shelves as the model's own catalogue describes them.
    pub fn of_catalogue(catalogue: Arc<Catalogue>) -> Live {
        Live {
            known: catalogue.len(),
            shelves: Shelves::of_catalogue(catalogue),
            cold: Vector::new(),
            neighbours: None,
            profiles: None,
        }
    }

    /// Returns these shelves with `changes` made in order, for `representation` and `life` of the model that ranks them.
    ///
    /// # Errors
    /// A malformed id.
    pub fn changed(
        &self,
        changes: impl IntoIterator<Item = ShelfChange>,
        representation: &Representation,
        life: Option<&Life>,
    ) -> Result<Live, CatalogueError> {
        let mut live = self.clone();
        let changed = live.shelves.apply(changes)?;
        for &ix in changed.iter().filter(|ix| ix.index() >= live.known) {
            let vector = representation.embed(live.shelves.catalogue.product(ix));
            let at = ix.index() - live.known;
            if at == live.cold.len() {
                live.cold.push_back(vector);
            } else {
                live.cold.set(at, vector);
            }
        }
        if let Some(life) = life.filter(|_| !changed.is_empty()) {
            let profiles = life.products_changed(live.profiles(life), &live.catalogue, &changed);
            if let Some(profiles) = profiles {
                live.profiles = Some(Arc::new(profiles));
            }
        }
        Ok(live)
    }

    /// Returns what of life each product is for, `life` being the model's part.
    pub fn profiles<'a>(&'a self, life: &'a Life) -> &'a ProductProfiles {
        self.profiles.as_deref().unwrap_or(&life.products)
    }
}
