//! Recall, NDCG, hit rate, precision and reciprocal rank of one list, and their means.

use serde::Serialize;
use serendib_shop::ProductIx;

use crate::stats::ndcg::ndcg;

/// The two cut-offs at which everything is measured.
pub const CUTS: [usize; 2] = [10, 20];

/// Measures of one list, at [`CUTS`].
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Measures {
    /// Share of the relevant that is in the list.
    pub recall: [f64; 2],
    /// Discounted gain over the ideal.
    pub ndcg: [f64; 2],
    /// 1 if anything relevant is in the list.
    pub hit: [f64; 2],
    /// Share of the list that is relevant.
    pub precision: [f64; 2],
    /// 1 over the rank of the first relevant, 0 beyond the last cut-off.
    pub reciprocal: f64,
    /// 1 if anything relevant is among the first four, as many as a storefront shows beside a product.
    pub hit_4: f64,
    /// Discounted gain of the first five over the ideal.
    pub ndcg_5: f64,
}

/// Measures `list` (best first) against the `relevant` products it can hold; `wanted` counts also those it cannot.
pub fn measure(list: &[ProductIx], relevant: &[ProductIx], wanted: usize) -> Measures {
    let mut out = Measures::default();
    if wanted == 0 {
        return out;
    }
    let hits: Vec<usize> = list
        .iter()
        .enumerate()
        .filter(|(_, p)| relevant.contains(p))
        .map(|(rank, _)| rank)
        .collect();
    for (at, cut) in CUTS.into_iter().enumerate() {
        let inside: Vec<usize> = hits.iter().copied().filter(|rank| *rank < cut).collect();
        out.recall[at] = inside.len() as f64 / wanted as f64;
        out.ndcg[at] = ndcg(inside.iter().copied(), wanted, cut);
        out.hit[at] = f64::from(u8::from(!inside.is_empty()));
        out.precision[at] = inside.len() as f64 / cut as f64;
    }
    out.hit_4 = f64::from(u8::from(hits.iter().any(|rank| *rank < 4)));
    out.ndcg_5 = ndcg(hits.iter().copied(), wanted, 5);
    out.reciprocal = hits.first().map_or(0.0, |rank| 1.0 / (*rank as f64 + 1.0));
    out
}

/// Means over customers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Customers behind the means.
    pub customers: usize,
    #[serde(rename = "recall@10")]
    pub recall_10: f64,
    #[serde(rename = "recall@20")]
    pub recall_20: f64,
    #[serde(rename = "ndcg@10")]
    pub ndcg_10: f64,
    #[serde(rename = "ndcg@20")]
    pub ndcg_20: f64,
    #[serde(rename = "ndcg@5")]
    pub ndcg_5: f64,
    /// Share of customers with a hit in the first 4.
    #[serde(rename = "hr@4")]
    pub hit_4: f64,
    /// Share of customers with a hit in the first 10.
    #[serde(rename = "hr@10")]
    pub hit_10: f64,
    /// Share of customers with a hit in the first 20.
    #[serde(rename = "hr@20")]
    pub hit_20: f64,
    #[serde(rename = "precision@10")]
    pub precision_10: f64,
    /// Mean reciprocal rank, within 20.
    pub mrr: f64,
}

impl Summary {
    /// Means of `measures`.
    pub fn of(measures: &[Measures]) -> Summary {
        let mean = |of: &dyn Fn(&Measures) -> f64| {
            measures.iter().map(of).sum::<f64>() / measures.len().max(1) as f64
        };
        Summary {
            customers: measures.len(),
            recall_10: mean(&|m| m.recall[0]),
            recall_20: mean(&|m| m.recall[1]),
            ndcg_10: mean(&|m| m.ndcg[0]),
            ndcg_20: mean(&|m| m.ndcg[1]),
            ndcg_5: mean(&|m| m.ndcg_5),
            hit_4: mean(&|m| m.hit_4),
            hit_10: mean(&|m| m.hit[0]),
            hit_20: mean(&|m| m.hit[1]),
            precision_10: mean(&|m| m.precision[0]),
            mrr: mean(&|m| m.reciprocal),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_measured_by_hand() {
        // relevant at ranks 0 and 2, a third one is not in the list, a fourth not even in the catalogue
        let m = measure(&[7, 1, 8, 2].map(ProductIx), &[7, 8, 9].map(ProductIx), 4);
        assert_eq!(m.recall, [0.5, 0.5]);
        assert_eq!(m.hit, [1.0, 1.0]);
        assert_eq!(m.precision, [0.2, 0.1]);
        assert_eq!((m.reciprocal, m.hit_4), (1.0, 1.0));
        assert!((m.ndcg_5 - m.ndcg[1]).abs() < 1e-12);
        let ideal = 1.0 + 1.0 / 3f64.log2() + 0.5 + 1.0 / 5f64.log2();
        assert!((m.ndcg[1] - 1.5 / ideal).abs() < 1e-12);
        assert_eq!(measure(&[ProductIx(1)], &[], 0), Measures::default());
    }
}
