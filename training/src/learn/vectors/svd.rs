//! Truncated singular value decomposition of the normalised interactions by randomised subspace iteration.
//!
//! Halko, Martinsson and Tropp, "Finding structure with randomness", SIAM Review 2011, algorithms 4.4 and 5.1. Only the
//! right singular vectors (products) are formed.

use faer::{Mat, Side};
use rand::Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::ChaCha8Rng;

use serendib_engine::represent::dense::sparse_times;
use serendib_engine::represent::{Csr, Dense};

/// What the decomposition may cost and how it starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SvdOptions {
    /// Singular triplets wanted; fewer come back from a matrix of lower rank.
    pub k: usize,
    /// Extra directions of the sketch.
    pub oversample: usize,
    /// Power iterations, each followed by an orthonormalisation.
    pub iterations: usize,
    /// Seed of the Gaussian sketch.
    pub seed: u64,
}

/// Right singular vectors with their singular values.
#[derive(Debug, Clone, PartialEq)]
pub struct Svd {
    /// Products × k, orthonormal columns in order of falling singular value.
    pub v: Dense,
    /// Singular values, falling, all > 0.
    pub sigma: Vec<f32>,
}

/// The leading right singular triplets of `matrix` (customers × products).
///
/// Cost about (2·iterations + 2)·nnz·k + (customers + products)·k²·iterations; deterministic by seed. The sign of every
/// vector makes its entry of largest size positive.
pub fn truncated_svd(matrix: &Csr, options: SvdOptions) -> Svd {
    let n = matrix.cols();
    let width = (options.k + options.oversample).min(n).min(matrix.rows());
    let none = Svd {
        v: Dense::zeros(n, 0),
        sigma: Vec::new(),
    };
    if width == 0 || options.k == 0 || matrix.nnz() == 0 {
        return none;
    }
    let transposed = matrix.transpose();
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    let mut q = Dense::zeros(n, width);
    for x in &mut q.data {
        // the sum of four uniforms is near enough to a Gaussian for a sketch, and the same on every machine
        *x = (0..4).map(|_| rng.gen::<f32>() - 0.5).sum();
    }
    // Gaussian columns are as good as orthonormal: the first multiplication takes them as they are
    if options.iterations == 0 {
        q = orthonormal(q);
    }
    for iteration in 0..options.iterations {
        let moved = sparse_times(&transposed, &sparse_times(matrix, &q));
        q = if iteration + 1 < options.iterations {
            orthonormal_once(moved, 1e-10)
        } else {
            orthonormal(moved)
        };
    }
    if q.cols == 0 {
        return none;
    }
    // Rayleigh–Ritz on AQ
    let projected = sparse_times(matrix, &q);
    let Some((rotation, values)) = eigen(&projected.gram()) else {
        return none;
    };
    let floor = values.first().copied().unwrap_or(0.0) * 1e-8;
    let rank = values
        .iter()
        .take(options.k)
        .take_while(|v| **v > floor && **v > 0.0)
        .count();
    let mut v = q.times(rotation.as_ref().subcols(0, rank));
    fix_signs(&mut v);
    Svd {
        v,
        sigma: values[..rank].iter().map(|v| v.sqrt() as f32).collect(),
    }
}

/// Eigenvectors (columns) and values of a symmetric matrix, largest first.
fn eigen(gram: &Mat<f64>) -> Option<(Mat<f64>, Vec<f64>)> {
    let eigen = gram.self_adjoint_eigen(Side::Lower).ok()?;
    let n = gram.nrows();
    let values: Vec<f64> = (0..n).rev().map(|i| eigen.S()[i]).collect();
    let u = eigen.U();
    Some((Mat::from_fn(n, n, |i, j| u[(i, n - 1 - j)]), values))
}

/// An orthonormal basis of the columns of `a`; directions that vanish are dropped.
///
/// Two rounds of Cholesky QR; where the Gram matrix is not safely positive definite, its eigenvectors are used instead
/// (SVQB, Stathopoulos and Wu 2002), which drops the null space.
fn orthonormal(a: Dense) -> Dense {
    let once = orthonormal_once(a, 1e-10);
    orthonormal_once(once, 1e-6)
}

fn orthonormal_once(mut a: Dense, drop_below: f64) -> Dense {
    if a.cols == 0 {
        return a;
    }
    let mut gram = a.gram();
    let n = gram.nrows();
    let scale: Vec<f64> = (0..n)
        .map(|j| {
            let d = gram[(j, j)];
            if d > 0.0 {
                1.0 / d.sqrt()
            } else {
                0.0
            }
        })
        .collect();
    for j in 0..n {
        for i in 0..n {
            gram[(i, j)] *= scale[i] * scale[j];
        }
    }
    if scale.iter().all(|s| *s > 0.0) {
        if let Ok(llt) = gram.llt(Side::Lower) {
            let l = llt.L();
            let smallest = (0..n).map(|j| l[(j, j)]).fold(f64::INFINITY, f64::min);
            if smallest * smallest > drop_below.max(1e-6) {
                // A ← A·D·L⁻ᵀ
                let mut inverse = Mat::<f64>::identity(n, n);
                faer::linalg::triangular_solve::solve_upper_triangular_in_place(
                    l.transpose(),
                    inverse.as_mut(),
                    faer::Par::rayon(0),
                );
                for j in 0..n {
                    for i in 0..n {
                        inverse[(i, j)] *= scale[i];
                    }
                }
                return a.times(inverse.as_ref());
            }
        }
    }
    let Some((u, values)) = eigen(&gram) else {
        a.data.clear();
        a.cols = 0;
        return a;
    };
    let floor = values[0].max(0.0) * drop_below.max(1e-7);
    let rank = values.iter().take_while(|v| **v > floor).count();
    let turn = Mat::from_fn(n, rank, |i, j| scale[i] * u[(i, j)] / values[j].sqrt());
    a.times(turn.as_ref())
}

fn fix_signs(v: &mut Dense) {
    let mut largest = vec![0f32; v.cols];
    for row in 0..v.rows {
        for (best, x) in largest.iter_mut().zip(v.row(row)) {
            if x.abs() > best.abs() {
                *best = *x;
            }
        }
    }
    for row in 0..v.rows {
        for (x, best) in v.row_mut(row).iter_mut().zip(&largest) {
            if *best < 0.0 {
                *x = -*x;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(rows: usize, cols: usize, seed: u64) -> Csr {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        Csr::from_rows(
            cols,
            (0..rows).map(|_| {
                (0..cols as u32)
                    .map(|c| (c, rng.gen_range(0.5f32..1.5), rng.gen_bool(0.2)))
                    .filter(|entry| entry.2)
                    .map(|entry| (entry.0, entry.1))
                    .collect::<Vec<_>>()
            }),
        )
    }

    fn options(k: usize) -> SvdOptions {
        SvdOptions {
            k,
            oversample: 10,
            iterations: 6,
            seed: 7,
        }
    }

    #[test]
    fn leading_values_and_vectors_equal_a_dense_decomposition() {
        let matrix = random(60, 40, 1);
        let dense = Mat::<f64>::from_fn(60, 40, |i, j| f64::from(matrix.get(i, j as u32)));
        let exact = dense.svd().unwrap();
        let ours = truncated_svd(&matrix, options(8));
        for j in 0..8 {
            assert!(
                (f64::from(ours.sigma[j]) - exact.S()[j]).abs() < 1e-3,
                "value {j}"
            );
            let cosine: f64 = (0..40)
                .map(|i| f64::from(ours.v.row(i)[j]) * exact.V()[(i, j)])
                .sum();
            assert!(cosine.abs() > 0.999, "vector {j}: {cosine}");
        }
    }

    #[test]
    fn vectors_are_orthonormal_and_repeat_bit_for_bit() {
        let matrix = random(80, 30, 2);
        let svd = truncated_svd(&matrix, options(12));
        let gram = svd.v.gram();
        for i in 0..12 {
            for j in 0..12 {
                let expected = if i == j { 1.0 } else { 0.0 };
                assert!((gram[(i, j)] - expected).abs() < 1e-4);
            }
        }
        assert_eq!(svd, truncated_svd(&matrix, options(12)));
    }

    #[test]
    fn a_matrix_of_low_rank_gives_only_its_rank() {
        let same = Csr::from_rows(
            6,
            (0..20).map(|_| (0..6).map(|c| (c, 1.0)).collect::<Vec<_>>()),
        );
        let svd = truncated_svd(&same, options(4));
        assert_eq!(svd.sigma.len(), 1);
        assert!((svd.sigma[0] - 120f32.sqrt()).abs() < 1e-3);
        assert!(truncated_svd(&Csr::empty(3, 3), options(2))
            .sigma
            .is_empty());
        assert!(svd.v.data.iter().all(|x| x.is_finite()));
    }
}
