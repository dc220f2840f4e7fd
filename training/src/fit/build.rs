//! From settings and a corpus to the representation that is served.

use std::collections::BTreeMap;

use serendib_engine::represent::{
    ridge_map, unit_rows, ContentPart, Csr, IalsPart, Parts, RepresentError, Representation,
    SparsePart, SpectralPart, Weighting,
};

use super::choose::{Member, Settings};
use super::corpus::Corpus;
use super::families::{Family, Workbench};
use super::scorers::Fitted;
use super::tune::ease_keep;

/// Half-life of "lately", days.
pub const LATELY_DAYS: f32 = 30.0;

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
    bench.forget_counts();
    say("putting the blend together");
    let mut parts = blend(&bench, corpus, settings, fitted);
    if let Some(placing) = Placing::new(&bench, corpus, &parts)? {
        placing.put(&mut parts, settings.content_gain);
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
        lately: corpus.buyers_lately(LATELY_DAYS),
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
    }
}

/// From so many buyers on a product's own vector stands alone.
const OWN_VECTOR_FROM: f32 = 5.0;

/// Gives products with few or no buyers a vector from their content: their own counts n/(n+5) below five buyers.
///
/// Vectors are mapped by ridge regression from the content of the products that have enough buyers. The gain that turns
/// the inner product into a score is fitted on customers' scores of those products.
pub(super) struct Placing {
    part: ContentPart,
    spectral: SpectralPart,
    /// Products with few buyers: number, buyers, unit vector by content.
    few: Vec<(usize, f32, Vec<f32>)>,
    /// Whether any product has few buyers.
    any_cold: bool,
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
        let weights: Vec<f32> = (0..bench.n())
            .map(|ix| {
                if warm(ix) {
                    bench.buyers[ix].min(50.0).sqrt()
                } else {
                    0.0
                }
            })
            .collect();
        let map = ridge_map(&content.1, &parts.units, &weights, 3.0, 30);
        let mut part = ContentPart {
            vocabulary: content.0.clone(),
            map,
            gain: 1.0,
        };
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
        part.gain = content_gain(bench, corpus, parts, &spectral, &part)?;
        let few = (0..bench.n())
            .filter(|ix| !warm(*ix))
            .filter_map(|ix| {
                let placed = part.place_row(content.1.iter_row(ix))?;
                Some((ix, bench.buyers[ix], placed))
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

    /// Places the products of `parts`, with the fitted gain times `factor`.
    pub(super) fn put(&self, parts: &mut Parts, factor: f32) {
        let mut part = self.part.clone();
        part.gain *= factor;
        let mut spectral = self.spectral.clone();
        for (ix, buyers, placed) in &self.few {
            let own = buyers / (buyers + 5.0);
            let row = parts.units.row_mut(*ix);
            let known = row.iter().any(|x| *x != 0.0);
            for (x, p) in row.iter_mut().zip(placed) {
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
            spectral.target[*ix] = own * spectral.target[*ix] + (1.0 - own) * part.gain;
        }
        if self.any_cold {
            parts.spectral = Some(spectral);
        }
        parts.content = Some(part);
    }
}

/// Least squares through the origin of what customers' scores are, over what their products' content says.
fn content_gain(
    bench: &Workbench,
    corpus: &Corpus,
    parts: &Parts,
    spectral: &SpectralPart,
    part: &ContentPart,
) -> Result<f32, RepresentError> {
    let mut probe = parts.clone();
    probe.spectral = Some(spectral.clone());
    let model = Representation::new(probe)?;
    let content = bench.content();
    // the least popular products that have vectors of their own stand for those that have none
    let mut few: Vec<usize> = (0..bench.n())
        .filter(|ix| bench.buyers[*ix] >= OWN_VECTOR_FROM)
        .collect();
    few.sort_by(|a, b| bench.buyers[*a].total_cmp(&bench.buyers[*b]).then(a.cmp(b)));
    few.truncate(400);
    let placed: Vec<(u32, Vec<f32>)> = few
        .into_iter()
        .filter_map(|ix| Some((ix as u32, part.place_row(content.1.iter_row(ix))?)))
        .collect();
    let products: Vec<u32> = placed.iter().map(|p| p.0).collect();
    let (mut above, mut below) = (0f64, 0f64);
    let step = (corpus.histories.len() / 200).max(1);
    let end = corpus.end();
    for history in corpus
        .histories
        .iter()
        .step_by(step)
        .filter(|h| !h.is_empty())
    {
        let folded = model.fold_in(history, end);
        let Some(query) = folded.raw_vector() else {
            continue;
        };
        for (score, (_, unit)) in model.score(&folded, &products).iter().zip(&placed) {
            let inner: f64 = unit.iter().zip(query).map(|(a, b)| f64::from(a * b)).sum();
            above += f64::from(*score) * inner;
            below += inner * inner;
        }
    }
    Ok(if below > 1e-30 {
        (above / below).max(0.0) as f32
    } else {
        0.0
    })
}

/// The weighted sum of matrices, the `keep` entries of largest size per row.
fn merge(n: usize, parts: Vec<(Csr, f32)>, keep: usize) -> Csr {
    use rayon::prelude::*;
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
