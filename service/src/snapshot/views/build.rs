//! Making views.

use std::sync::Arc;

use serendib_engine::model::Model;
use serendib_engine::rank::Live;
use serendib_engine::represent::{ColdProduct, Representation};
use serendib_engine::shop::{Catalogue, Product, ProductIx};

use crate::snapshot::generation::Generation;
use crate::snapshot::views::View;
use crate::store::{CatalogueEntry, CatalogueSnapshot};

/// The view of `generation` over everything the store knows.
pub(super) fn from_snapshot(
    generation: Arc<Generation>,
    snapshot: CatalogueSnapshot,
    numbering: u64,
) -> View {
    let base = generation.model.catalogue.clone();
    let empty = View {
        model: generation.model.clone(),
        live: Live::of_catalogue(base),
        generation,
        numbering,
        catalogue_version: 0,
    };
    let mut view = with_changes(&empty, snapshot.entries, numbering);
    view.catalogue_version = snapshot.version;
    view
}

/// Whether `view` shows `snapshot` already.
pub(super) fn shows(view: &View, snapshot: &CatalogueSnapshot) -> bool {
    snapshot.entries.iter().all(|entry| {
        let Some(ix) = view.live.catalogue.find(&entry.product.product_id) else {
            return false;
        };
        entry.seen_only
            || (entry.version <= view.catalogue_version
                && view.live.stock[ix as usize] == entry.available
                && view.live.removed[ix as usize] == entry.removed)
    })
}

/// `before` with `entries` in the state that the store gives them. Numbers of products stay; new ones come last.
pub(super) fn with_changes(before: &View, entries: Vec<CatalogueEntry>, numbering: u64) -> View {
    let old = &before.live;
    let mut products: Option<Vec<Product>> = None;
    let mut stock = old.stock.clone();
    let mut removed = old.removed.clone();
    let mut version = before.catalogue_version;
    let mut fresh: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
    let count = old.catalogue.len();
    for entry in entries {
        version = version.max(entry.version);
        let known = old
            .catalogue
            .find(&entry.product.product_id)
            .map(|ix| ix as usize)
            .or_else(|| fresh.get(&entry.product.product_id).copied());
        match known {
            // What was only seen in touchpoints says nothing about a product that the model can describe.
            Some(_) if entry.seen_only => {}
            Some(ix) => {
                stock[ix] = entry.available;
                removed[ix] = entry.removed;
                let same = ix < count
                    && products.is_none()
                    && same_but_for_stock(old.catalogue.product(ix as ProductIx), &entry.product);
                if !same {
                    products.get_or_insert_with(|| old.catalogue.products().to_vec())[ix] =
                        entry.product;
                }
            }
            None => {
                let products = products.get_or_insert_with(|| old.catalogue.products().to_vec());
                fresh.insert(entry.product.product_id.clone(), products.len());
                products.push(entry.product);
                stock.push(entry.available);
                removed.push(entry.removed);
            }
        }
    }
    let known = before.generation.model.catalogue.len();
    // Products come from the store and from a loaded bundle, both of which refuse ids that a catalogue refuses.
    let (catalogue, cold, numbering) = match products.map(Catalogue::new) {
        Some(Ok(catalogue)) => {
            let cold = cold(before, &catalogue, known);
            let numbering = if catalogue.len() == count {
                before.numbering
            } else {
                numbering
            };
            (Arc::new(catalogue), Arc::new(cold), numbering)
        }
        Some(Err(error)) => {
            tracing::error!(%error, "the changed catalogue is not one; the one before stays");
            stock.truncate(count);
            removed.truncate(count);
            (old.catalogue.clone(), old.cold.clone(), before.numbering)
        }
        None => (old.catalogue.clone(), old.cold.clone(), before.numbering),
    };
    let life = before.generation.model.life.as_ref();
    let profiles = match life {
        Some(life) if !Arc::ptr_eq(&catalogue, &old.catalogue) => {
            let known = old.profiles(life);
            Some(Arc::new(life.products_now(
                known,
                &old.catalogue,
                &catalogue,
            )))
        }
        _ => old.profiles.clone(),
    };
    let live = Live {
        known,
        catalogue,
        cold,
        stock,
        removed,
        neighbours: old.neighbours.clone(),
        profiles,
    };
    if before.generation.is_some() {
        return View {
            generation: before.generation.clone(),
            model: before.generation.model.clone(),
            live,
            numbering,
            catalogue_version: version,
        };
    }
    let (model, live) = without_model(&before.generation, live);
    View {
        generation: before.generation.clone(),
        model: Arc::new(model),
        live,
        numbering,
        catalogue_version: version,
    }
}

/// What ranks while there is no model: the catalogue in its own order, with nothing known of anybody.
fn without_model(generation: &Generation, live: Live) -> (Model, Live) {
    let model = Model::new(
        generation.model.manifest.clone(),
        live.catalogue.clone(),
        generation.model.encoder.clone(),
        Representation::of_popularity(vec![0.0; live.catalogue.len()]),
    );
    let live = Live {
        known: live.catalogue.len(),
        cold: Arc::default(),
        ..live
    };
    (model, live)
}

fn cold(before: &View, catalogue: &Catalogue, known: usize) -> Vec<Option<ColdProduct>> {
    let old = &before.live;
    catalogue.products()[known..]
        .iter()
        .enumerate()
        .map(|(ix, product)| {
            let as_before = old
                .catalogue
                .products()
                .get(known + ix)
                .is_some_and(|was| same_but_for_stock(was, product));
            match old.cold.get(ix) {
                Some(vector) if as_before => vector.clone(),
                _ => before.generation.model.representation.embed(product),
            }
        })
        .collect()
}

fn same_but_for_stock(a: &Product, b: &Product) -> bool {
    a.stock == b.stock && a == b || {
        let with_stock = Product {
            stock: b.stock,
            ..a.clone()
        };
        with_stock == *b
    }
}

/// Gives `view` the numbering of `before` when every product has the number it had there, so that what was encoded for
/// `before` stays good.
pub(super) fn keep_numbering(view: &mut View, before: &View) {
    let same_model = Arc::ptr_eq(&view.generation, &before.generation);
    let (new, old) = (&view.live.catalogue, &before.live.catalogue);
    let same = same_model
        && new.len() == old.len()
        && new
            .products()
            .iter()
            .zip(old.products())
            .all(|(a, b)| a.product_id == b.product_id);
    if same {
        view.numbering = before.numbering;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str, stock: Option<i64>) -> CatalogueEntry {
        CatalogueEntry {
            product: Product {
                stock,
                ..Product::bare(id)
            },
            available: stock,
            removed: false,
            seen_only: false,
            version: 7,
        }
    }

    fn open(ids: &[&str]) -> View {
        let snapshot = CatalogueSnapshot {
            version: 3,
            entries: ids.iter().map(|id| entry(id, Some(5))).collect(),
        };
        from_snapshot(Arc::new(Generation::none()), snapshot, 1)
    }

    #[test]
    fn stock_changes_keep_the_numbering_and_new_products_change_it() {
        let view = open(&["a", "b"]);
        assert!(view.live.sells(1, 0));
        let sold_out = with_changes(&view, vec![entry("b", Some(0))], 2);
        assert_eq!(sold_out.numbering, 1);
        assert!(!sold_out.live.sells(1, 0));
        assert_eq!(sold_out.catalogue_version, 7);
        let grown = with_changes(&sold_out, vec![entry("c", None), entry("c", Some(1))], 3);
        assert_eq!(grown.numbering, 3);
        assert_eq!(grown.live.catalogue.find("c"), Some(2));
        assert_eq!(grown.live.stock[2], Some(1));
        assert!(!grown.live.sells(1, 0), "what was sold out stays so");
        let mut gone = entry("a", Some(5));
        gone.removed = true;
        let gone = with_changes(&grown, vec![gone], 4);
        assert!(!gone.live.sells(0, 0));
        assert_eq!(gone.live.catalogue.len(), 3);
    }

    #[test]
    fn a_title_that_changes_shows() {
        let view = open(&["a"]);
        let mut named = entry("a", Some(5));
        named.product.title = Some("Ant farm".into());
        let after = with_changes(&view, vec![named], 2);
        assert_eq!(after.live.catalogue.product(0).label(), "Ant farm");
        assert_eq!(after.numbering, 1);
    }
}
