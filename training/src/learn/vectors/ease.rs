//! EASE^R: item–item weights in closed form, exact for moderate catalogues and restricted to neighbourhoods beyond.
//!
//! Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019: B = I − P·diag(1/P_jj), P = (G + λI)⁻¹.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{
    cholesky_in_place, cholesky_in_place_scratch, LltRegularization,
};
use faer::linalg::cholesky::llt::solve::{solve_in_place, solve_in_place_scratch};
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::triangular_inverse::invert_lower_triangular;
use faer::{Accum, Mat, Par};
use rayon::prelude::*;

use serendib_engine::represent::csr::{keep_largest, Csr};

/// Bytes that [`ease`] needs at its peak for `n` products.
pub fn ease_bytes(n: usize) -> usize {
    2 * n * n * 4
}

/// The exact solution for `interactions` (customers × products), the `keep` entries of largest size per row.
///
/// A customer with n products counts n^(−2·`customer_power`). `lambda` > 0, in units of customers (of their weight).
/// Row j of the result is what owning j says about the others; no diagonal. Cost |products|³ operations and
/// [`ease_bytes`] memory. `None` where the matrix cannot be factored (λ too small for the data's range).
pub fn ease(interactions: &Csr, customer_power: f32, lambda: f32, keep: usize) -> Option<Csr> {
    let n = interactions.cols();
    if n == 0 {
        return Some(Csr::empty(0, 0));
    }
    let mut gram = dense_gram(interactions, customer_power);
    for j in 0..n {
        gram[(j, j)] += lambda.max(1e-3);
    }
    let mut memory = MemBuffer::new(cholesky_in_place_scratch::<f32>(
        n,
        Par::rayon(0),
        Default::default(),
    ));
    cholesky_in_place(
        gram.as_mut(),
        LltRegularization::default(),
        Par::rayon(0),
        MemStack::new(&mut memory),
        Default::default(),
    )
    .ok()?;
    let mut inverse_factor = Mat::<f32>::zeros(n, n);
    invert_lower_triangular(inverse_factor.as_mut(), gram.as_ref(), Par::rayon(0));
    // P = L⁻ᵀL⁻¹ goes where G was; only its lower half is formed
    triangular::matmul(
        gram.as_mut(),
        BlockStructure::TriangularLower,
        Accum::Replace,
        inverse_factor.transpose(),
        BlockStructure::TriangularUpper,
        inverse_factor.as_ref(),
        BlockStructure::TriangularLower,
        1.0,
        Par::rayon(0),
    );
    drop(inverse_factor);
    let precision = |j: usize, i: usize| if j >= i { gram[(j, i)] } else { gram[(i, j)] };
    let rows: Vec<Vec<(u32, f32)>> = (0..n)
        .into_par_iter()
        .map(|j| {
            let mut row: Vec<(u32, f32)> = (0..n)
                .filter(|i| *i != j)
                .map(|i| (i as u32, -precision(j, i) / precision(i, i)))
                .filter(|(_, b)| b.is_finite() && *b != 0.0)
                .collect();
            keep_largest(&mut row, keep, f32::abs);
            row
        })
        .collect();
    Some(Csr::from_rows(n, rows))
}

fn dense_gram(interactions: &Csr, customer_power: f32) -> Mat<f32> {
    let n = interactions.cols();
    let by_product = interactions.transpose();
    let weights: Vec<f32> = (0..interactions.rows())
        .map(|u| (interactions.row(u).0.len().max(1) as f32).powf(-2.0 * customer_power))
        .collect();
    let mut gram = Mat::<f32>::zeros(n, n);
    gram.as_mut()
        .par_col_iter_mut()
        .enumerate()
        .for_each(|(j, column)| {
            let Some(column) = column.try_as_col_major_mut() else {
                return;
            };
            let column = column.as_slice_mut();
            for &u in by_product.row(j).0 {
                for &i in interactions.row(u as usize).0 {
                    column[i as usize] += weights[u as usize];
                }
            }
        });
    gram
}

/// The same regression restricted, for each product, to its `neighbours` strongest co-occurring products.
///
/// `counts`: co-occurrence counts without diagonal (rows may be truncated; symmetric in what they hold as far as
/// possible), `mass`: the diagonal (weighted buyers per product). For product i with neighbourhood N:
/// B_Ni = (G_NN + λI)⁻¹ G_Ni, with up to 1,000 times the λ where G_NN was truncated to something that cannot be factored.
/// Cost |products|·neighbours³/3. Rows as in [`ease`].
pub fn neighbourhood_ease(counts: &Csr, mass: &[f32], lambda: f32, neighbours: usize) -> Csr {
    let n = counts.rows();
    let columns: Vec<Vec<(u32, f32)>> = (0..n)
        .into_par_iter()
        .map_init(
            || (vec![u32::MAX; n], Vec::new()),
            |(place, members), i| {
                let mut near: Vec<(u32, f32)> = counts
                    .iter_row(i)
                    .map(|(j, c)| (j, c / mass[j as usize].max(1e-6).sqrt()))
                    .collect();
                keep_largest(&mut near, neighbours, |v| v);
                members.clear();
                members.extend(near.iter().map(|(j, _)| *j));
                // truncated counts need not make a positive definite matrix: a larger λ does
                (0..4)
                    .find_map(|step| {
                        let lambda = lambda.max(1e-3) * 10f32.powi(step);
                        local_solution(counts, mass, lambda, i, members, place)
                    })
                    .unwrap_or_default()
            },
        )
        .collect();
    Csr::from_rows(n, columns).transpose()
}

fn local_solution(
    counts: &Csr,
    mass: &[f32],
    lambda: f32,
    target: usize,
    members: &[u32],
    place: &mut [u32],
) -> Option<Vec<(u32, f32)>> {
    let m = members.len();
    if m == 0 {
        return Some(Vec::new());
    }
    for (at, member) in members.iter().enumerate() {
        place[*member as usize] = at as u32;
    }
    let mut gram = Mat::<f32>::zeros(m, m);
    let mut rhs = Mat::<f32>::zeros(m, 1);
    for (at, member) in members.iter().enumerate() {
        for (other, count) in counts.iter_row(*member as usize) {
            let to = place[other as usize];
            if to != u32::MAX {
                // truncated rows may hold a pair on one side only
                let (a, b) = (at.max(to as usize), at.min(to as usize));
                gram[(a, b)] = gram[(a, b)].max(count);
            }
        }
        gram[(at, at)] = mass[*member as usize] + lambda;
    }
    for (other, count) in counts.iter_row(target) {
        let to = place[other as usize];
        if to != u32::MAX {
            rhs[(to as usize, 0)] = count;
        }
    }
    for member in members {
        place[*member as usize] = u32::MAX;
    }
    let mut memory = MemBuffer::new(
        cholesky_in_place_scratch::<f32>(m, Par::Seq, Default::default())
            .or(solve_in_place_scratch::<f32>(m, 1, Par::Seq)),
    );
    let factored = cholesky_in_place(
        gram.as_mut(),
        LltRegularization::default(),
        Par::Seq,
        MemStack::new(&mut memory),
        Default::default(),
    );
    factored.ok()?;
    solve_in_place(
        gram.as_ref(),
        rhs.as_mut(),
        Par::Seq,
        MemStack::new(&mut memory),
    );
    let solution = members
        .iter()
        .enumerate()
        .map(|(at, member)| (*member, rhs[(at, 0)]))
        .filter(|(_, b)| b.is_finite() && *b != 0.0);
    Some(solution.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::vectors::cooccurrence::{cooccurrence, CooccurrenceOptions};

    fn shop() -> Csr {
        Csr::from_rows(
            9,
            (0..50u32).map(|u| {
                (0..9u32)
                    .filter(|i| (u * 31 + i * 17) % 5 == 0 || (u % 3 == i % 3 && u % 2 == 0))
                    .map(|i| (i, 1.0))
                    .collect::<Vec<_>>()
            }),
        )
    }

    /// Column i of B by solving the ridge regression of i on all others in f64.
    fn reference(matrix: &Csr, lambda: f64, i: u32) -> Vec<f64> {
        let others: Vec<u32> = (0..9).filter(|j| *j != i).collect();
        let g = |a: u32, b: u32| -> f64 {
            (0..matrix.rows())
                .map(|u| f64::from(matrix.get(u, a) * matrix.get(u, b)))
                .sum()
        };
        let a = Mat::<f64>::from_fn(8, 8, |r, c| {
            g(others[r], others[c]) + if r == c { lambda } else { 0.0 }
        });
        let b = Mat::<f64>::from_fn(8, 1, |r, _| g(others[r], i));
        use faer::linalg::solvers::Solve;
        let x = a.llt(faer::Side::Lower).unwrap().solve(&b);
        let mut out = vec![0.0; 9];
        for (r, j) in others.iter().enumerate() {
            out[*j as usize] = x[(r, 0)];
        }
        out
    }

    #[test]
    fn the_closed_form_equals_one_ridge_regression_per_product() {
        let matrix = shop();
        let b = ease(&matrix, 0.0, 3.0, 100).unwrap();
        for i in 0..9 {
            for (j, expected) in reference(&matrix, 3.0, i).iter().enumerate() {
                assert!((f64::from(b.get(j, i)) - expected).abs() < 1e-4);
            }
        }
    }

    #[test]
    fn the_neighbourhood_form_is_exact_when_the_neighbourhood_is_everything() {
        let matrix = shop();
        let counts = cooccurrence(
            &matrix,
            CooccurrenceOptions {
                customer_power: 0.0,
                keep: 100,
                last: 100,
            },
        );
        let mass: Vec<f32> = matrix.col_counts().iter().map(|c| *c as f32).collect();
        let local = neighbourhood_ease(&counts, &mass, 3.0, 100);
        let exact = ease(&matrix, 0.0, 3.0, 100).unwrap();
        for j in 0..9 {
            for i in 0..9 {
                assert!((local.get(j, i) - exact.get(j, i)).abs() < 1e-4);
            }
        }
        assert!(
            neighbourhood_ease(&counts, &mass, 3.0, 2)
                .transpose()
                .row(0)
                .0
                .len()
                <= 2
        );
    }

    #[test]
    fn counts_that_cannot_be_factored_still_say_something() {
        // more in common with each other than there are buyers: what truncation may leave
        let counts = Csr::from_rows(
            3,
            (0..3u32).map(|i| {
                let others = (0..3).filter(|j| *j != i);
                others.map(|j| (j, 10.0)).collect::<Vec<_>>()
            }),
        );
        let rows = neighbourhood_ease(&counts, &[1.0; 3], 3.0, 2);
        assert_eq!(rows.nnz(), 6);
        assert!(rows.parts().2.iter().all(|b| b.is_finite() && *b > 0.0));
    }

    #[test]
    fn data_without_any_variation_gives_finite_weights() {
        let same = Csr::from_rows(
            5,
            (0..40).map(|_| (0..5).map(|i| (i, 1.0)).collect::<Vec<_>>()),
        );
        let b = ease(&same, 0.0, 1.0, 10).unwrap();
        assert!(b.parts().2.iter().all(|x| x.is_finite()));
        assert!(ease(&Csr::empty(3, 1), 0.0, 1.0, 10).unwrap().nnz() == 0);
    }
}
