//! Where products of given content belong among the vectors: ridge regression by conjugate gradients.

use serendib_engine::represent::dense::sparse_times;
use serendib_engine::represent::{Csr, Dense};

/// W minimising Σ_i weight_i·‖x_i W − y_i‖² + λ‖W‖², by conjugate gradients on all columns at once.
///
/// `content`: products × features; `targets`: products × dimensions; `weights`: ≥ 0, one per product.
pub fn ridge_map(
    content: &Csr,
    targets: &Dense,
    weights: &[f32],
    lambda: f32,
    iterations: usize,
) -> Dense {
    let weighted = Csr::from_rows(
        content.cols(),
        (0..content.rows()).map(|row| {
            let root = weights[row].max(0.0).sqrt();
            content
                .iter_row(row)
                .map(|(f, x)| (f, x * root))
                .collect::<Vec<_>>()
        }),
    );
    let back = weighted.transpose();
    let mut goal = targets.clone();
    for (row, weight) in weights.iter().enumerate() {
        let root = weight.max(0.0).sqrt();
        goal.row_mut(row).iter_mut().for_each(|x| *x *= root);
    }
    let mut residual = sparse_times(&back, &goal);
    drop(goal);
    let mut solution = Dense::zeros(residual.rows, residual.cols);
    let mut direction = residual.clone();
    let mut energy = column_dots(&residual, &residual);
    let start = energy.clone();
    for _ in 0..iterations {
        let mut moved = sparse_times(&back, &sparse_times(&weighted, &direction));
        for (m, d) in moved.data.iter_mut().zip(&direction.data) {
            *m += lambda * d;
        }
        let curvature = column_dots(&direction, &moved);
        let step: Vec<f32> = ratio(&energy, &curvature);
        combine(&mut solution, &direction, &step, 1.0);
        combine(&mut residual, &moved, &step, -1.0);
        let next = column_dots(&residual, &residual);
        if next
            .iter()
            .zip(&start)
            .all(|(now, first)| *now <= first * 1e-8)
        {
            break;
        }
        let keep = ratio(&next, &energy);
        for row in 0..direction.rows {
            let r = residual.row(row).to_vec();
            for ((d, r), k) in direction.row_mut(row).iter_mut().zip(r).zip(&keep) {
                *d = r + k * *d;
            }
        }
        energy = next;
    }
    solution
}

fn column_dots(a: &Dense, b: &Dense) -> Vec<f64> {
    let mut out = vec![0f64; a.cols];
    for row in 0..a.rows {
        for ((sum, x), y) in out.iter_mut().zip(a.row(row)).zip(b.row(row)) {
            *sum += f64::from(*x) * f64::from(*y);
        }
    }
    out
}

fn ratio(a: &[f64], b: &[f64]) -> Vec<f32> {
    a.iter()
        .zip(b)
        .map(|(a, b)| if *b > 1e-30 { (a / b) as f32 } else { 0.0 })
        .collect()
}

fn combine(into: &mut Dense, from: &Dense, step: &[f32], sign: f32) {
    for row in 0..into.rows {
        for ((x, y), s) in into.row_mut(row).iter_mut().zip(from.row(row)).zip(step) {
            *x += sign * s * y;
        }
    }
}

#[cfg(test)]
mod tests {
    use faer::linalg::solvers::Solve;

    use super::*;

    #[test]
    fn the_map_equals_a_dense_ridge_regression() {
        let content = Csr::from_rows(
            4,
            (0..30u32).map(|i| {
                (0..4u32)
                    .filter(|f| (i * 7 + f * 3) % 5 < 2)
                    .map(|f| (f, 0.5 + f as f32))
                    .collect::<Vec<_>>()
            }),
        );
        let mut targets = Dense::zeros(30, 3);
        for (at, x) in targets.data.iter_mut().enumerate() {
            *x = (at as f32 * 0.61).sin();
        }
        let weights: Vec<f32> = (0..30).map(|i| 1.0 + (i % 3) as f32).collect();
        let map = ridge_map(&content, &targets, &weights, 0.7, 50);
        let x = |i: usize, f: usize| f64::from(content.get(i, f as u32));
        let w = |i: usize| f64::from(weights[i]);
        let a = faer::Mat::<f64>::from_fn(4, 4, |f, g| {
            (0..30).map(|i| w(i) * x(i, f) * x(i, g)).sum::<f64>() + if f == g { 0.7 } else { 0.0 }
        });
        let b = faer::Mat::<f64>::from_fn(4, 3, |f, d| {
            (0..30)
                .map(|i| w(i) * x(i, f) * f64::from(targets.row(i)[d]))
                .sum()
        });
        let exact = a.llt(faer::Side::Lower).unwrap().solve(&b);
        for f in 0..4 {
            for d in 0..3 {
                assert!((f64::from(map.row(f)[d]) - exact[(f, d)]).abs() < 1e-3);
            }
        }
    }
}
