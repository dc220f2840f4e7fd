//! From settings and a corpus to the representation that is served.

use serendib_shop::ProductIx;
use std::collections::BTreeMap;

use crate::learn::vectors::content_map::ridge_map;
use linfa::traits::Fit;
use linfa::Dataset;
use linfa_linear::LinearRegression;
use ndarray::{Array1, Array2};
use rayon::prelude::*;
use serendib_engine::index::dot;
use serendib_engine::represent::{
    unit_rows, ContentPart, Csr, Dense, IalsPart, Parts, RepresentError, Representation,
    SparsePart, SpectralPart, Weighting,
};

use crate::learn::corpus::Corpus;
use crate::learn::vectors::families::{Family, Workbench};
use crate::learn::vectors::lately::half_life;
use crate::learn::vectors::scorers::Fitted;
use crate::learn::vectors::settings::{Member, Settings, Trust};
use crate::learn::vectors::tune::ease_keep;

/// Fits every member of the blend on all of `corpus` and puts them together.
///
/// Sparse members with one weighting of the history become one matrix. Members that the data does not allow are left
/// out.
///
/// # Errors
/// Numbers that do not make a representation: a bug or an overflow, never a property of a shop.
pub fn build(
    corpus: &Corpus,
    settings: &Settings,
    say: &dyn Fn(&str),
) -> Result<Representation, RepresentError> {
    let bench = Workbench::new(corpus, settings.vector_dim, settings.seed);
    let mut fitted = Vec::with_capacity(settings.blend.len());
    for member in &settings.blend {
        say(&format!("fitting {} on everything", member.family.name()));
        fitted.extend(bench.fit(&member.family).map(|found| (member, found)));
    }
    bench.forget_rows();
    say("putting the blend together");
    let mut parts = blend(&bench, corpus, settings, fitted);
    if let Some(placing) = Placing::new(&bench, corpus, &parts)? {
        placing.put(&mut parts, settings.trust());
    }
    Representation::new(parts)
}

/// The members of a blend as the parts of a representation, without placing by content.
pub(super) fn blend(
    bench: &Workbench,
    corpus: &Corpus,
    settings: &Settings,
    members: Vec<(&Member, Fitted)>,
) -> Parts {
    let n = bench.n();
    let mut prior = vec![0f32; n];
    let mut sparse: Vec<(Weighting, Vec<(Csr, f32)>, usize)> = Vec::new();
    let mut spectral = None;
    let mut ials = None;
    for (member, fitted) in members {
        match fitted {
            Fitted::Prior(values) => {
                for (sum, value) in prior.iter_mut().zip(values) {
                    *sum += member.weight * value;
                }
            }
            Fitted::Sparse { rows, weighting } => {
                let keep = match member.family {
                    Family::Ease { .. } => ease_keep(n),
                    _ => 300,
                };
                match sparse.iter_mut().find(|(known, ..)| *known == weighting) {
                    Some((_, parts, most)) => {
                        parts.push((rows, member.weight));
                        *most = (*most).max(keep);
                    }
                    None => sparse.push((weighting, vec![(rows, member.weight)], keep)),
                }
            }
            Fitted::Spectral {
                vectors,
                source,
                target,
                weighting,
            } => {
                let (units, lengths) = unit_rows(&vectors);
                let gain = |gains: Vec<f32>, factor: f32| -> Vec<f32> {
                    gains
                        .iter()
                        .zip(&lengths)
                        .map(|(g, l)| g * l * factor)
                        .collect()
                };
                spectral = Some((
                    units,
                    SpectralPart {
                        weighting,
                        source: gain(source, 1.0),
                        target: gain(target, member.weight),
                    },
                ));
            }
            Fitted::Ials { model, weighting } => {
                ials = Some(IalsPart {
                    weighting,
                    model,
                    weight: member.weight,
                });
            }
        }
    }
    let (units, spectral) = match spectral {
        Some((units, part)) => (units, Some(part)),
        None => {
            let (units, _) = unit_rows(&bench.vectors(settings.vector_dim, settings.vector_power));
            (units, None)
        }
    };
    Parts {
        lately: match corpus.buyers_lately(half_life(corpus)) {
            // nobody acquired anything: other touches are read for it
            none if none.iter().all(|count| *count <= 0.0) => bench.buyers.clone(),
            lately => lately,
        },
        buyers: bench.buyers.clone(),
        prior,
        sparse: sparse
            .into_iter()
            .map(|(weighting, parts, keep)| SparsePart {
                weighting,
                rows: merge(n, parts, keep),
            })
            .collect(),
        units,
        spectral,
        ials,
        content: None,
        alike: None,
        exact: false,
    }
}

/// From so many buyers on a product's own vector stands alone.
const OWN_VECTOR_FROM: f32 = 5.0;

/// Gives products with few or no buyers a vector and a score from their content; with n of five buyers, n/5 is their own.
///
/// A product without buyers scores as it did before the fit, when it had just come: see [`Representation::score_cold`].
/// See [`content_part`] for how.
pub(super) struct Placing {
    part: ContentPart,
    spectral: SpectralPart,
    /// Products with few buyers.
    few: Vec<Placed>,
    /// Whether any product has few buyers.
    any_cold: bool,
}

/// A product with few buyers, by its content.
struct Placed {
    product: usize,
    /// Share that its own vector and gain keep.
    own: f32,
    unit: Vec<f32>,
    /// Its score with customers at large.
    appeal: f32,
}

impl Placing {
    /// What content says of the products of `parts`; `None` where it says too little.
    ///
    /// # Errors
    /// As [`Representation::new`].
    pub(super) fn new(
        bench: &Workbench,
        corpus: &Corpus,
        parts: &Parts,
    ) -> Result<Option<Placing>, RepresentError> {
        let content = bench.content();
        let warm = |ix: usize| bench.buyers[ix] >= OWN_VECTOR_FROM;
        let known = (0..bench.n())
            .filter(|ix| warm(*ix) && !content.1.row(*ix).0.is_empty())
            .count();
        if content.0.is_empty() || known < 20 || parts.units.cols == 0 {
            return Ok(None);
        }
        // without spectral vectors in the blend only content-placed products score by vector
        let weighting = parts
            .sparse
            .first()
            .map(|p| p.weighting)
            .unwrap_or_default();
        let spectral = parts.spectral.clone().unwrap_or_else(|| SpectralPart {
            weighting,
            source: vec![1.0; bench.n()],
            target: vec![0.0; bench.n()],
        });
        let part = content_part(bench, corpus, parts, &spectral)?;
        let few = (0..bench.n())
            .filter(|ix| !warm(*ix))
            .filter_map(|ix| {
                Some(Placed {
                    product: ix,
                    own: bench.buyers[ix] / OWN_VECTOR_FROM,
                    unit: part.place_row(content.1.iter_row(ix))?,
                    appeal: part.appeal_row(content.1.iter_row(ix)),
                })
            })
            .collect();
        Ok(Some(Placing {
            part,
            spectral,
            few,
            any_cold: (0..bench.n()).any(|ix| !warm(ix)),
        }))
    }

    /// Whether any product is placed.
    pub(super) fn places(&self) -> bool {
        !self.few.is_empty()
    }

    /// Places the products of `parts`, trusting content as far as `trust` says.
    pub(super) fn put(&self, parts: &mut Parts, trust: Trust) {
        let mut part = self.part.clone();
        part.gain *= trust.gain;
        part.level *= trust.level;
        part.appeal.iter_mut().for_each(|a| *a *= trust.level);
        let mut spectral = self.spectral.clone();
        parts.prior.resize(parts.buyers.len(), 0.0);
        for placed in &self.few {
            let (ix, own) = (placed.product, placed.own);
            let row = parts.units.row_mut(ix);
            let known = row.iter().any(|x| *x != 0.0);
            for (x, p) in row.iter_mut().zip(&placed.unit) {
                *x = if known {
                    own * *x + (1.0 - own) * p
                } else {
                    *p
                };
            }
            let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
            if length > 1e-6 {
                row.iter_mut().for_each(|x| *x /= length);
            } else {
                row.fill(0.0);
            }
            spectral.target[ix] = own * spectral.target[ix] + (1.0 - own) * part.gain;
            // products with buyers have a prior and sparse neighbours behind them: without what stands for these,
            // content alone would rank below the least of them
            parts.prior[ix] += (1.0 - own) * trust.level * placed.appeal;
        }
        if self.any_cold {
            parts.spectral = Some(spectral);
        }
        parts.content = Some(part);
    }
}

/// Customers whose scores tell how content scores.
const SCORED_CUSTOMERS: usize = 200;
/// Products that stand for those that nobody has bought, at most.
const STAND_INS: usize = 400;
/// Strength of the ridge that maps content to vectors.
const RIDGE: f32 = 3.0;
/// Strengths of the ridge that maps content to scores, of which the one that errs least on unseen products is taken.
const APPEAL_RIDGES: [f32; 3] = [3.0, 1.0, 0.3];

/// Where content places products, and what it says of their scores.
///
/// Vectors and mean scores are mapped by ridge regression from the content of products with enough buyers. What either is
/// worth is fitted by least squares on every other of those products, with maps that have not seen them: that is how
/// products are met that nobody has bought.
fn content_part(
    bench: &Workbench,
    corpus: &Corpus,
    parts: &Parts,
    spectral: &SpectralPart,
) -> Result<ContentPart, RepresentError> {
    let mut probe = parts.clone();
    probe.spectral = Some(spectral.clone());
    let model = Representation::new(probe)?;
    let content = bench.content();
    let warm: Vec<ProductIx> = (0..bench.n())
        .filter(|ix| bench.buyers[*ix] >= OWN_VECTOR_FROM && !content.1.row(*ix).0.is_empty())
        .map(ProductIx::of_index)
        .collect();
    let end = corpus.end();
    let step = (corpus.histories.len() / SCORED_CUSTOMERS).max(1);
    let customers: Vec<(Vec<f32>, Vec<f32>)> = corpus
        .histories
        .par_iter()
        .step_by(step)
        .filter_map(|history| {
            let folded = model.fold_in(history, end);
            let query = folded.raw_vector()?.to_vec();
            Some((query, model.score(&folded, &warm)))
        })
        .collect();
    let mut goal = Dense::zeros(bench.n(), 1);
    for (at, product) in warm.iter().enumerate() {
        let sum: f32 = customers.iter().map(|(_, scores)| scores[at]).sum();
        goal.row_mut(product.index())[0] = sum / customers.len().max(1) as f32;
    }
    let mean = |data: &Dense| {
        let sum: f32 = warm.iter().map(|ix| data.row(ix.index())[0]).sum();
        sum / warm.len().max(1) as f32
    };
    let level = mean(&goal);
    warm.iter()
        .for_each(|ix| goal.row_mut(ix.index())[0] -= level);
    // maps of every `every`-th product from the first on
    let weights = |every: usize, weight: &dyn Fn(f32) -> f32| {
        let mut out = vec![0.0; bench.n()];
        for product in warm.iter().step_by(every) {
            out[product.index()] = weight(bench.buyers[product.index()]);
        }
        out
    };
    let appeal = |every: usize, ridge: f32| {
        ridge_map(&content.1, &goal, &weights(every, &|_| 1.0), ridge, 30).data
    };
    let fitted = |every: usize, ridge: f32| ContentPart {
        vocabulary: content.0.clone(),
        map: ridge_map(
            &content.1,
            &parts.units,
            &weights(every, &|buyers| buyers.min(50.0).sqrt()),
            RIDGE,
            30,
        ),
        gain: 1.0,
        appeal: appeal(every, ridge),
        level: 0.0,
    };
    let error = |ridge: f32| -> f32 {
        let appeal = appeal(2, ridge);
        let unseen = warm.iter().skip(1).step_by(2);
        unseen
            .map(|product| {
                let row = content.1.iter_row(product.index());
                let said: f32 = row.map(|(f, x)| x * appeal[f as usize]).sum();
                (said - goal.row(product.index())[0]).powi(2)
            })
            .sum()
    };
    let ridge = APPEAL_RIDGES
        .into_iter()
        .map(|ridge| (error(ridge), ridge))
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .map_or(RIDGE, |(_, ridge)| ridge);
    let half = fitted(2, ridge);
    let mut rows: Vec<[f64; 2]> = Vec::new();
    let mut scored: Vec<f64> = Vec::new();
    let apart = (warm.len() / (2 * STAND_INS)).max(1);
    for (at, product) in warm.iter().enumerate().skip(1).step_by(2 * apart) {
        let row = || content.1.iter_row(product.index());
        let Some(unit) = half.place_row(row()) else {
            continue;
        };
        let appeal = f64::from(half.appeal_row(row()));
        for (query, scores) in &customers {
            rows.push([appeal, f64::from(dot(&unit, query))]);
            scored.push(f64::from(scores[at]));
        }
    }
    let [base, worth, gain] = least_squares(rows, scored);
    let mut part = fitted(1, ridge);
    part.appeal.iter_mut().for_each(|a| *a *= worth as f32);
    part.level = base as f32;
    part.gain = gain as f32;
    Ok(part)
}

/// [base, slopes] of `y` over the two columns of `rows`; a slope that would be negative is 0, and all are where there is
/// nothing to go by.
fn least_squares(rows: Vec<[f64; 2]>, y: Vec<f64>) -> [f64; 3] {
    let y = Array1::from(y);
    let fit = |columns: &[usize]| {
        let x = Array2::from_shape_fn((rows.len(), columns.len()), |(row, at)| {
            rows[row][columns[at]]
        });
        let fitted = LinearRegression::new()
            .fit(&Dataset::new(x, y.clone()))
            .ok()?;
        let mut out = [fitted.intercept(), 0.0, 0.0];
        for (at, slope) in columns.iter().zip(fitted.params()) {
            out[1 + at] = *slope;
        }
        out.iter().all(|x| x.is_finite()).then_some(out)
    };
    let good = |out: &[f64; 3]| out[1] >= 0.0 && out[2] >= 0.0;
    if rows.len() < 10 {
        return [0.0; 3];
    }
    fit(&[0, 1])
        .filter(good)
        .or_else(|| fit(&[1]).filter(good))
        .or_else(|| fit(&[0]).filter(good))
        .unwrap_or([y.mean().unwrap_or(0.0), 0.0, 0.0])
}

/// The weighted sum of matrices, the `keep` entries of largest size per row.
fn merge(n: usize, parts: Vec<(Csr, f32)>, keep: usize) -> Csr {
    let rows: Vec<Vec<(u32, f32)>> = (0..n)
        .into_par_iter()
        .map(|row| {
            let mut sums: BTreeMap<u32, f32> = BTreeMap::new();
            for (matrix, weight) in &parts {
                for (column, value) in matrix.iter_row(row) {
                    *sums.entry(column).or_default() += weight * value;
                }
            }
            let mut entries: Vec<(u32, f32)> = sums.into_iter().filter(|e| e.1 != 0.0).collect();
            if entries.len() > keep {
                entries.select_nth_unstable_by(keep - 1, |a, b| {
                    b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0))
                });
                entries.truncate(keep);
                entries.sort_unstable_by_key(|e| e.0);
            }
            entries
        })
        .collect();
    Csr::from_rows(n, rows)
}
