//! Logistic regression with a Gaussian prior and bounds, by Newton's method.

use faer::linalg::solvers::Solve;
use faer::Mat;
use rayon::prelude::*;
pub use serendib_engine::stats::sigmoid;

/// Newton steps before the search is given up where it stands.
const STEPS: usize = 60;
/// Halvings of one step.
const HALVINGS: usize = 30;
/// Moves of coefficients, as a share of their size, below which the search has arrived.
const ARRIVED: f64 = 1e-12;
/// Share of the loss by which two values of it may differ by rounding alone.
const ROUNDING: f64 = 1e-12;

/// What is believed of one coefficient before data: Gaussian, within bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prior {
    /// Mean of the Gaussian; where the search starts.
    pub mean: f64,
    /// 1/variance of the Gaussian, ≥ 0.
    pub precision: f64,
    /// Least value of the coefficient; 0 for an effect that is never negative.
    pub least: f64,
    /// Largest value of the coefficient.
    pub most: f64,
}

impl Prior {
    /// A Gaussian without bounds.
    pub fn normal(mean: f64, precision: f64) -> Prior {
        Prior {
            mean,
            precision,
            least: f64::NEG_INFINITY,
            most: f64::INFINITY,
        }
    }

    /// The same between `least` and `most`.
    pub fn within(self, least: f64, most: f64) -> Prior {
        Prior {
            least,
            most,
            ..self
        }
    }
}

/// Rows of features with their outcomes; features that are 0 need not be given.
#[derive(Debug, Clone, Default)]
pub struct Observations {
    /// Where the terms of each row end.
    ends: Vec<usize>,
    /// Coefficient and feature.
    terms: Vec<(usize, f64)>,
    rows: Vec<Outcome>,
}

#[derive(Debug, Clone, Copy)]
struct Outcome {
    offset: f64,
    label: f64,
    weight: f64,
}

impl Observations {
    /// Adds a row that counts `weight` times (> 0): its features by number of their coefficient, and its `label`, the share of
    /// it that came true, 0 to 1.
    pub fn push(&mut self, terms: impl IntoIterator<Item = (usize, f64)>, label: f64, weight: f64) {
        self.push_beside(0.0, terms, label, weight);
    }

    /// The same of a row whose log-odds are `offset` without any term.
    pub fn push_beside(
        &mut self,
        offset: f64,
        terms: impl IntoIterator<Item = (usize, f64)>,
        label: f64,
        weight: f64,
    ) {
        self.terms.extend(terms);
        self.ends.push(self.terms.len());
        self.rows.push(Outcome {
            offset,
            label,
            weight,
        });
    }

    fn iter(&self) -> impl Iterator<Item = (&[(usize, f64)], Outcome)> + '_ {
        let starts = std::iter::once(&0).chain(&self.ends);
        let spans = starts.zip(&self.ends);
        let terms = spans.map(|(start, end)| &self.terms[*start..*end]);
        terms.zip(self.rows.iter().copied())
    }
}

/// The curvature is not positive definite: neither data nor prior say anything of some coefficient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the curvature is not positive definite")]
pub struct Undetermined;

/// The coefficients of the highest posterior given `observations`, one for each of `priors`.
///
/// Projected Newton steps (Bertsekas, 1982), halved until they help: a coefficient at a bound stays there while data and prior
/// push it outwards.
///
/// # Errors
/// A coefficient of which neither data nor prior say anything.
pub fn fit(observations: &Observations, priors: &[Prior]) -> Result<Vec<f64>, Undetermined> {
    let n = priors.len();
    let mut beta: Vec<f64> = priors
        .iter()
        .map(|p| p.mean.clamp(p.least, p.most))
        .collect();
    let mut current = loss(observations, priors, &beta);
    for _ in 0..STEPS {
        let (mut gradient, mut curvature) = derivatives(observations, priors, &beta);
        for (ix, prior) in priors.iter().enumerate() {
            let slope = gradient[(ix, 0)];
            let held =
                (beta[ix] <= prior.least && slope > 0.0) || (beta[ix] >= prior.most && slope < 0.0);
            if held {
                for other in 0..n {
                    curvature[(ix, other)] = 0.0;
                    curvature[(other, ix)] = 0.0;
                }
                curvature[(ix, ix)] = 1.0;
                gradient[(ix, 0)] = 0.0;
            }
        }
        let step = curvature
            .llt(faer::Side::Lower)
            .map_err(|_| Undetermined)?
            .solve(&gradient);
        // Halve the step until it helps: Newton overshoots far from the optimum.
        let mut size = 1.0;
        let mut moved = 0.0f64;
        for _ in 0..HALVINGS {
            let next: Vec<f64> = priors
                .iter()
                .enumerate()
                .map(|(ix, p)| (beta[ix] - size * step[(ix, 0)]).clamp(p.least, p.most))
                .collect();
            let value = loss(observations, priors, &next);
            // near the optimum a step helps by less than the sum of many rows can show
            if value <= current + ROUNDING * current.abs() {
                let by = next
                    .iter()
                    .zip(&beta)
                    .map(|(b, a)| (b - a).abs() / (1.0 + a.abs()));
                moved = by.fold(0.0, f64::max);
                beta = next;
                current = value;
                break;
            }
            size *= 0.5;
        }
        if moved <= ARRIVED {
            break;
        }
    }
    Ok(beta)
}

fn log_odds(terms: &[(usize, f64)], offset: f64, beta: &[f64]) -> f64 {
    offset + terms.iter().map(|(ix, x)| x * beta[*ix]).sum::<f64>()
}

/// −ln of the posterior, up to a constant.
fn loss(observations: &Observations, priors: &[Prior], beta: &[f64]) -> f64 {
    let fit: f64 = observations
        .iter()
        .map(|(terms, row)| {
            let z = log_odds(terms, row.offset, beta);
            row.weight * (softplus(z) - row.label * z)
        })
        .sum();
    let away: f64 = priors
        .iter()
        .zip(beta)
        .map(|(prior, b)| 0.5 * prior.precision * (b - prior.mean) * (b - prior.mean))
        .sum();
    fit + away
}

/// Rows whose derivatives are summed by one thread: fixed, so that the sums do not depend on how many threads there are.
const BLOCK: usize = 2048;

/// Gradient and curvature of [`loss`].
fn derivatives(
    observations: &Observations,
    priors: &[Prior],
    beta: &[f64],
) -> (Mat<f64>, Mat<f64>) {
    let n = priors.len();
    let rows: Vec<(&[(usize, f64)], Outcome)> = observations.iter().collect();
    let blocks: Vec<(Vec<f64>, Vec<f64>)> = rows
        .par_chunks(BLOCK)
        .map(|block| {
            let (mut slopes, mut bends) = (vec![0.0; n], vec![0.0; n * n]);
            for (terms, row) in block {
                let p = sigmoid(log_odds(terms, row.offset, beta));
                let slope = row.weight * (p - row.label);
                let bend = row.weight * p * (1.0 - p);
                for (at, (i, x)) in terms.iter().enumerate() {
                    slopes[*i] += slope * x;
                    let bent = bend * x;
                    for (j, y) in &terms[..=at] {
                        bends[i.max(j) * n + i.min(j)] += bent * y;
                    }
                }
            }
            (slopes, bends)
        })
        .collect();
    let mut gradient = Mat::<f64>::zeros(n, 1);
    let mut curvature = Mat::<f64>::zeros(n, n);
    for (ix, prior) in priors.iter().enumerate() {
        gradient[(ix, 0)] = prior.precision * (beta[ix] - prior.mean);
        curvature[(ix, ix)] = prior.precision;
    }
    for (slopes, bends) in blocks {
        for i in 0..n {
            gradient[(i, 0)] += slopes[i];
            for j in 0..=i {
                curvature[(i, j)] += bends[i * n + j];
                curvature[(j, i)] = curvature[(i, j)];
            }
        }
    }
    (gradient, curvature)
}

fn softplus(z: f64) -> f64 {
    z.max(0.0) + (-z.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of an intercept and one feature of −1 or 1, with so many of each that came true, of a hundred.
    fn pairs(low: usize, high: usize) -> Observations {
        let mut out = Observations::default();
        for (x, yes) in [(-1.0, low), (1.0, high)] {
            for n in 0..100 {
                out.push([(0, 1.0), (1, x)], f64::from(u8::from(n < yes)), 1.0);
            }
        }
        out
    }

    fn logit(p: f64) -> f64 {
        (p / (1.0 - p)).ln()
    }

    #[test]
    fn without_a_prior_the_shares_come_back() {
        let found = fit(&pairs(20, 70), &[Prior::normal(0.0, 0.0); 2]).unwrap();
        let (low, high) = (logit(0.2), logit(0.7));
        assert!((found[0] - 0.5 * (low + high)).abs() < 1e-9);
        assert!((found[1] - 0.5 * (high - low)).abs() < 1e-9);
    }

    #[test]
    fn weights_and_shares_count_as_rows_do() {
        let mut few = Observations::default();
        few.push([(0, 1.0), (1, -1.0)], 0.2, 100.0);
        few.push([(0, 1.0), (1, 1.0)], 0.7, 100.0);
        let priors = [Prior::normal(0.3, 2.0), Prior::normal(-1.0, 5.0)];
        let (a, b) = (fit(&few, &priors), fit(&pairs(20, 70), &priors));
        for (a, b) in a.unwrap().iter().zip(b.unwrap()) {
            assert!((a - b).abs() < 1e-9);
        }
    }

    #[test]
    fn an_effect_that_may_not_be_negative_stays_at_zero_and_the_others_are_fitted_beside_it() {
        let priors = [
            Prior::normal(0.0, 0.0),
            Prior::normal(1.0, 1.0).within(0.0, 10.0),
        ];
        let found = fit(&pairs(70, 20), &priors).unwrap();
        assert_eq!(found[1], 0.0);
        assert!((found[0] - logit(0.45)).abs() < 1e-9, "{found:?}");
        let free = fit(&pairs(20, 70), &priors).unwrap();
        let unbound = priors.map(|p| Prior::normal(p.mean, p.precision));
        assert_eq!(free, fit(&pairs(20, 70), &unbound).unwrap());
    }

    #[test]
    fn the_gradient_vanishes_at_the_optimum_and_a_strong_prior_is_kept() {
        let priors = [Prior::normal(0.5, 3.0), Prior::normal(-2.0, 7.0)];
        let rows = pairs(10, 95);
        let found = fit(&rows, &priors).unwrap();
        let (gradient, _) = derivatives(&rows, &priors, &found);
        assert!(gradient[(0, 0)].abs() < 1e-8 && gradient[(1, 0)].abs() < 1e-8);
        let sure = fit(&rows, &[Prior::normal(0.5, 1e12); 2]).unwrap();
        assert!(sure.iter().all(|b| (b - 0.5).abs() < 1e-6));
        assert_eq!(fit(&Observations::default(), &priors).unwrap(), [0.5, -2.0]);
    }

    #[test]
    fn what_nothing_tells_of_is_refused() {
        let nothing = fit(&Observations::default(), &[Prior::normal(0.0, 0.0)]);
        assert_eq!(nothing, Err(Undetermined));
    }
}
