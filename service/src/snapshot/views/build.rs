//! Making views.

use std::sync::Arc;

use imbl::Vector;
use serendib_engine::model::Model;
use serendib_engine::rank::Live;
use serendib_engine::represent::Representation;
use serendib_shop::ShelfChange;

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
                && view.live.stock[ix.index()] == entry.available
                && view.live.removed[ix.index()] == entry.removed)
    })
}

/// `before` with `entries` in the state that the store gives them. Numbers of products stay; new ones come last.
pub(super) fn with_changes(before: &View, entries: Vec<CatalogueEntry>, numbering: u64) -> View {
    let version = entries
        .iter()
        .fold(before.catalogue_version, |v, entry| v.max(entry.version));
    let model = &before.generation.model;
    let changes = entries.into_iter().map(|entry| ShelfChange {
        product: entry.product,
        available: entry.available,
        removed: entry.removed,
        seen_only: entry.seen_only,
    });
    // Products come from the store and from a loaded bundle, both of which refuse ids that a catalogue refuses.
    let live = before
        .live
        .changed(changes, &model.representation, model.life.as_ref())
        .unwrap_or_else(|error| {
            tracing::error!(%error, "the changed catalogue is not one; the one before stays");
            before.live.clone()
        });
    let grown = live.catalogue.len() != before.live.catalogue.len();
    let numbering = if grown || !same_noise(&live, &before.live) {
        numbering
    } else {
        before.numbering
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
    let own = Arc::ptr_eq(&before.model, &before.generation.model);
    let (model, live) = if own || grown {
        without_model(&before.generation, live)
    } else {
        // nothing is known of any product: the same model ranks what is described anew
        (before.model.clone(), live)
    };
    View {
        generation: before.generation.clone(),
        model,
        live,
        numbering,
        catalogue_version: version,
    }
}

/// What ranks while there is no model: the catalogue in its own order, with nothing known of anybody.
fn without_model(generation: &Generation, live: Live) -> (Arc<Model>, Live) {
    let model = Model::new(
        generation.model.manifest.clone(),
        live.catalogue.clone(),
        generation.model.encoder.clone(),
        Representation::of_popularity(vec![0.0; live.catalogue.len()]),
    );
    let live = Live {
        known: live.catalogue.len(),
        cold: Vector::new(),
        ..live
    };
    (Arc::new(model), live)
}

/// Whether the same products are nothing that is sold: what was encoded without them is encoded anew otherwise.
fn same_noise(new: &Live, old: &Live) -> bool {
    new.non_product.ptr_eq(&old.non_product) || new.non_product == old.non_product
}

/// Gives `view` the numbering of `before` when every product has the number it had there and the same ones count, so that what
/// was encoded for `before` stays good.
pub(super) fn keep_numbering(view: &mut View, before: &View) {
    let same_model = Arc::ptr_eq(&view.generation, &before.generation);
    let (new, old) = (&view.live.catalogue, &before.live.catalogue);
    let same = same_model
        && new.len() == old.len()
        && same_noise(&view.live, &before.live)
        && new
            .products()
            .iter()
            .zip(old.products().iter())
            .all(|(a, b)| a.product_id == b.product_id);
    if same {
        view.numbering = before.numbering;
    }
}

#[cfg(test)]
mod tests {
    use serendib_shop::{Product, ProductIx};

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
        assert!(view.live.sells(ProductIx(1), 0));
        let sold_out = with_changes(&view, vec![entry("b", Some(0))], 2);
        assert_eq!(sold_out.numbering, 1);
        assert!(!sold_out.live.sells(ProductIx(1), 0));
        assert_eq!(sold_out.catalogue_version, 7);
        let grown = with_changes(&sold_out, vec![entry("c", None), entry("c", Some(1))], 3);
        assert_eq!(grown.numbering, 3);
        assert_eq!(grown.live.catalogue.find("c"), Some(ProductIx(2)));
        assert_eq!(grown.live.stock[2], Some(1));
        assert!(
            !grown.live.sells(ProductIx(1), 0),
            "what was sold out stays so"
        );
        let mut gone = entry("a", Some(5));
        gone.removed = true;
        let gone = with_changes(&grown, vec![gone], 4);
        assert!(!gone.live.sells(ProductIx(0), 0));
        assert_eq!(gone.live.catalogue.len(), 3);
    }

    #[test]
    fn histories_are_encoded_anew_when_an_entry_turns_out_to_be_no_product() {
        let view = open(&["a", "b"]);
        let mut marked = entry("b", Some(5));
        let flag = ("non_product".to_owned(), true.into());
        marked.product.attributes = [flag].into();
        let after = with_changes(&view, vec![marked], 2);
        assert!(!after.live.sells(ProductIx(1), 0));
        assert_eq!(after.numbering, 2);
        let sold_out = with_changes(&after, vec![entry("a", Some(0))], 3);
        assert_eq!(sold_out.numbering, 2);
    }

    #[test]
    fn a_title_that_changes_shows() {
        let view = open(&["a"]);
        let mut named = entry("a", Some(5));
        named.product.title = Some("Ant farm".into());
        let after = with_changes(&view, vec![named], 2);
        assert_eq!(
            after.live.catalogue.product(ProductIx(0)).label(),
            "Ant farm"
        );
        assert_eq!(after.numbering, 1);
    }
}
