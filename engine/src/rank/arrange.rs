//! Plain arrangement: by score, one variant of a parent.

use std::collections::HashSet;

use super::{Arranged, Arranger, Candidate, Query, Removed};

/// Best score first, ties by product number; further variants of a parent are left out.
pub struct ByScore;

impl Arranger for ByScore {
    fn arrange(&self, query: &Query, mut candidates: Vec<Candidate>, slots: usize) -> Arranged {
        sort(&mut candidates);
        let mut families = HashSet::new();
        let mut arranged = Arranged::default();
        for candidate in candidates {
            let by = if arranged.chosen.len() >= slots {
                "count"
            } else if !families.insert(query.live.catalogue.family(candidate.product)) {
                "variant"
            } else {
                arranged.chosen.push(candidate);
                continue;
            };
            arranged.removed.push(Removed {
                product: candidate.product,
                by,
            });
        }
        arranged
    }
}

/// Best score first, ties by product number, several variants of a parent allowed: two colours of one cup often lie in one
/// basket.
pub struct EveryVariant;

impl Arranger for EveryVariant {
    fn arrange(&self, _query: &Query, mut candidates: Vec<Candidate>, slots: usize) -> Arranged {
        sort(&mut candidates);
        let rest = candidates.split_off(slots.min(candidates.len()));
        let below = |candidate: Candidate| Removed {
            product: candidate.product,
            by: "count",
        };
        Arranged {
            draw: Vec::new(),
            chosen: candidates,
            removed: rest.into_iter().map(below).collect(),
            notes: Vec::new(),
        }
    }
}

/// Descending by score, ties by product number; numbers that are not finite sink.
pub fn sort(candidates: &mut [Candidate]) {
    let key = |c: &Candidate| {
        if c.score.is_finite() {
            c.score
        } else {
            f32::NEG_INFINITY
        }
    };
    candidates.sort_by(|a, b| key(b).total_cmp(&key(a)).then(a.product.cmp(&b.product)));
}
