//! Fitted families as scorers of blocks of cases, and NDCG of what they rank.

use rayon::prelude::*;
use serendib_engine::represent::dense::add_scaled;
use serendib_engine::represent::{Csr, Dense, Ials, Weighting};
use serendib_shop::ProductIx;

use crate::learn::corpus::Case;
use crate::stats;

/// One family, fitted. Its scores are on the scale on which [`serendib_engine::represent::Representation`] adds them.
#[derive(Debug, Clone)]
pub enum Fitted {
    Sparse {
        /// Row j: what owning j says about the others.
        rows: Csr,
        /// How the history is weighed.
        weighting: Weighting,
    },
    /// Vectors for owned and for recommended products.
    Spectral {
        /// Products × k.
        vectors: Dense,
        /// Gain of an owned product.
        source: Vec<f32>,
        /// Gain of a recommended product.
        target: Vec<f32>,
        /// How the history is weighed.
        weighting: Weighting,
    },
    Ials {
        model: Ials,
        /// How the history is weighed.
        weighting: Weighting,
    },
    /// The same for everybody.
    Prior(Vec<f32>),
}

/// Cases scored at once.
pub(crate) const BLOCK: usize = 96;

/// The weighing of a case, scaled as in serving.
fn weigh(weighting: &Weighting, case: &Case, n: usize) -> (Vec<(ProductIx, f32)>, f32) {
    let mut weights = weighting.weigh(&case.history, case.now);
    weights.retain(|(product, _)| product.index() < n);
    let mass: f32 = weights.iter().map(|(_, w)| w).sum();
    (weights, if mass > 0.0 { mass.sqrt().recip() } else { 1.0 })
}

impl Fitted {
    /// Scores of `cases` over all `n` products, one row per case.
    pub fn scores(&self, cases: &[&Case], n: usize) -> Dense {
        match self {
            Fitted::Prior(prior) => {
                let mut out = Dense::zeros(cases.len(), n);
                (0..cases.len()).for_each(|row| out.row_mut(row).copy_from_slice(prior));
                out
            }
            Fitted::Sparse { rows, weighting } => {
                let mut out = Dense::zeros(cases.len(), n);
                out.data
                    .par_chunks_mut(n.max(1))
                    .zip(cases.par_iter())
                    .for_each(|(out, case)| {
                        let (weights, scale) = weigh(weighting, case, n);
                        for (owned, weight) in weights {
                            let (columns, values) = rows.row(owned.index());
                            for (column, value) in columns.iter().zip(values) {
                                out[*column as usize] += scale * weight * value;
                            }
                        }
                    });
                out
            }
            Fitted::Spectral {
                vectors,
                source,
                target,
                weighting,
            } => {
                let mut queries = Dense::zeros(cases.len(), vectors.cols);
                for (row, case) in cases.iter().enumerate() {
                    let (weights, scale) = weigh(weighting, case, n);
                    for (owned, weight) in weights {
                        let gain = scale * weight * source[owned.index()];
                        add_scaled(queries.row_mut(row), vectors.row(owned.index()), gain);
                    }
                }
                let mut out = queries.times_transposed(vectors);
                for row in 0..cases.len() {
                    for (score, gain) in out.row_mut(row).iter_mut().zip(target) {
                        *score *= gain;
                    }
                }
                out
            }
            Fitted::Ials { model, weighting } => {
                let mut queries = Dense::zeros(cases.len(), model.items.cols);
                if queries.cols == 0 {
                    return Dense::zeros(cases.len(), n);
                }
                queries
                    .data
                    .par_chunks_mut(model.items.cols)
                    .zip(cases.par_iter())
                    .for_each(|(query, case)| {
                        let (weights, scale) = weigh(weighting, case, n);
                        for (q, w) in query.iter_mut().zip(model.fold_in(&weights)) {
                            *q = w * scale;
                        }
                    });
                queries.times_transposed(&model.items)
            }
        }
    }
}

/// Calls `see(first case, scores)` for blocks of cases in order.
pub fn for_blocks(
    cases: &[&Case],
    score: impl Fn(&[&Case]) -> Dense,
    mut see: impl FnMut(usize, Dense),
) {
    for (block, part) in cases.chunks(BLOCK).enumerate() {
        see(block * BLOCK, score(part));
    }
}

/// Gain (the mean of NDCG@5 and NDCG@20) of what is new to each case's customer, over the full catalogue without what they own.
pub fn gain_per_case(fitted: &Fitted, cases: &[&Case], n: usize) -> Vec<f64> {
    let mut out = Vec::with_capacity(cases.len());
    for_blocks(
        cases,
        |part| fitted.scores(part, n),
        |first, scores| {
            let part: Vec<f64> = (0..scores.rows)
                .into_par_iter()
                .map(|row| gain_of_case(scores.row(row), cases[first + row]))
                .collect();
            out.extend(part);
        },
    );
    out
}

/// Gain of one row of scores; ties go to the smaller product number, and scores that tell no two products apart
/// find nothing.
pub fn gain_of_case(scores: &[f32], case: &Case) -> f64 {
    let mut new = ProductIx::all(scores.len())
        .zip(scores)
        .filter(|(p, _)| case.owned.binary_search(p).is_err());
    let first = new.next().map(|(_, score)| score);
    if new.all(|(_, score)| Some(score) == first) {
        return 0.0;
    }
    let ranks = ranks(scores, &case.relevant, &case.owned);
    stats::ndcg::top_and_list(&ranks, case.relevant.len())
}

/// The rank from 0 of each of `wanted` among all products but `owned` (ascending).
pub fn ranks(scores: &[f32], wanted: &[ProductIx], owned: &[ProductIx]) -> Vec<usize> {
    wanted
        .iter()
        .map(|want| {
            let own = scores[want.index()];
            let above = scores.iter().filter(|s| **s > own).count();
            let equal_before = scores[..want.index()].iter().filter(|s| **s == own).count();
            let masked = owned
                .iter()
                .filter(|o| {
                    let s = scores[o.index()];
                    s > own || (s == own && *o < want)
                })
                .count();
            above + equal_before - masked
        })
        .collect()
}

/// Mean, 0 for nothing.
pub fn mean(values: &[f64]) -> f64 {
    if values.is_empty() {
        0.0
    } else {
        values.iter().sum::<f64>() / values.len() as f64
    }
}
