//! How much the fast searches of a representation find of what the exact ones find.

use serde::{Deserialize, Serialize};

use super::Representation;
use crate::index::top_of;
use serendib_shop::ProductIx;

/// Shares found by the fast searches, against the exact scan; measured when fitted, checked when loaded.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct IndexFigures {
    /// Searches behind each figure.
    pub probes: usize,
    /// Of the best 20 products for a customer, 0 to 1.
    pub recall_20: f64,
    /// Of the best 200.
    pub recall_200: f64,
    /// Of the 20 products most alike to a product.
    pub alike_20: f64,
}

/// Searches behind each figure.
const PROBES: usize = 32;
/// Products that a probe's customer has.
const BASKET: usize = 6;
/// How much less may be found at load than was recorded: another processor may round differently.
const SLACK: f64 = 0.01;
/// A fast search that finds less than these shares is not used.
const LEAST_20: f64 = 0.99;
const LEAST_200: f64 = 0.95;
const LEAST_ALIKE: f64 = 0.95;

impl IndexFigures {
    /// Whether the first look at codes finds enough of a customer's best products.
    pub fn finds_candidates(&self) -> bool {
        self.recall_20 >= LEAST_20 && self.recall_200 >= LEAST_200
    }

    /// Whether the graph finds enough of the products alike to a product.
    pub fn finds_alike(&self) -> bool {
        self.alike_20 >= LEAST_ALIKE
    }

    /// Whether an index that finds as much as `self` is the one that `recorded` speaks of.
    pub fn keeps(&self, recorded: &IndexFigures) -> bool {
        let near = |now: f64, then: f64| now >= then - SLACK;
        near(self.recall_20, recorded.recall_20)
            && near(self.recall_200, recorded.recall_200)
            && near(self.alike_20, recorded.alike_20)
    }
}

impl Representation {
    /// Measures the fast searches with customers made up from products in a fixed way; `None` where every search is exact.
    pub fn index_figures(&self) -> Option<IndexFigures> {
        if !self.has_codes() && self.parts().alike.is_none() {
            return None;
        }
        let n = self.len();
        let mut scores = vec![0.0; n];
        let (mut best, mut alike) = ([Share::default(); 2], Share::default());
        // a prime step that does not divide the number of products walks through the whole catalogue
        let stride = if n.is_multiple_of(7_919) {
            7_907
        } else {
            7_919
        };
        for probe in 0..PROBES {
            let product = |step: usize| ProductIx::of_index((probe * BASKET + step) * stride % n);
            let basket: Vec<(ProductIx, f32)> =
                (0..BASKET).map(|step| (product(step), 1.0)).collect();
            let folded = self.fold_in_products(&basket);
            self.scores(&folded, &mut scores);
            for (share, k) in best.iter_mut().zip([20, 200]) {
                let exact = top_of(&scores, k, &|_| true);
                share.add(&exact, &self.candidates(&folded, k, &|_| true));
            }
            let anchor = product(0);
            alike.add(
                &self.similar_exactly(anchor, 20, &|_| true),
                &self.similar(anchor, 20, &|_| true),
            );
        }
        Some(IndexFigures {
            probes: PROBES,
            recall_20: best[0].value(),
            recall_200: best[1].value(),
            alike_20: alike.value(),
        })
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Share {
    found: usize,
    wanted: usize,
}

impl Share {
    fn add(&mut self, exact: &[(ProductIx, f32)], fast: &[(ProductIx, f32)]) {
        let inside: std::collections::HashSet<ProductIx> = fast.iter().map(|f| f.0).collect();
        self.wanted += exact.len();
        self.found += exact.iter().filter(|e| inside.contains(&e.0)).count();
    }

    fn value(&self) -> f64 {
        if self.wanted == 0 {
            1.0
        } else {
            self.found as f64 / self.wanted as f64
        }
    }
}
