//! Arrangement by score, with the items going together as the list asks.

use crate::rank::arrangers::list_quality::{left_out, Composer};
use crate::rank::{Arranged, Arranger, Item, Query};
use serendib_shop::ProductIx;

/// Best score first, ties by product number; further variants of a product are left out.
pub struct ByScore;

impl Arranger for ByScore {
    fn arrange(
        &self,
        query: &Query,
        candidates: Vec<Item>,
        pins: &[ProductIx],
        slots: usize,
    ) -> Arranged {
        by_score(query, candidates, pins, slots, true)
    }
}

/// Best score first, ties by product number, several variants of a product allowed: two colours of one cup often lie in one
/// basket.
pub struct EveryVariant;

impl Arranger for EveryVariant {
    fn arrange(
        &self,
        query: &Query,
        candidates: Vec<Item>,
        pins: &[ProductIx],
        slots: usize,
    ) -> Arranged {
        by_score(query, candidates, pins, slots, false)
    }
}

fn by_score(
    query: &Query,
    mut candidates: Vec<Item>,
    pins: &[ProductIx],
    slots: usize,
    one_variant: bool,
) -> Arranged {
    sort(&mut candidates);
    let ranked: Vec<(ProductIx, f32)> = candidates.iter().map(|c| (c.product, c.score)).collect();
    let mut composer = Composer::new(query, pins, one_variant, 1.0);
    let composed = composer.compose(&ranked, ranked.len(), slots);
    let (removed, note) = left_out(&candidates, &composed, slots);
    let mut candidates: Vec<Option<Item>> = candidates.into_iter().map(Some).collect();
    Arranged {
        chosen: composed
            .chosen
            .iter()
            .filter_map(|ix| candidates[*ix].take())
            .collect(),
        removed,
        notes: note.into_iter().collect(),
        draw: Vec::new(),
    }
}

/// Descending by score, ties by product number; numbers that are not finite sink.
pub fn sort(candidates: &mut [Item]) {
    let key = |c: &Item| {
        if c.score.is_finite() {
            c.score
        } else {
            f32::NEG_INFINITY
        }
    };
    candidates.sort_by(|a, b| key(b).total_cmp(&key(a)).then(a.product.cmp(&b.product)));
}
