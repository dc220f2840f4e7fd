//! Fits implicit matrix factorisation by alternating least squares over blocks of dimensions.
//!
//! Block solver (iALS++): Rendle, Krichene, Zhang and Koren, "iALS++: Speeding up matrix factorization with subspace
//! optimization", 2021.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{cholesky_in_place, LltRegularization};
use faer::linalg::cholesky::llt::solve::solve_in_place;
use faer::{Accum, Mat, Par};
use rand::Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serendib_engine::index::dot;
use serendib_engine::represent::ials::{ridge, scaled_gram, stack};
use serendib_engine::represent::{Csr, Dense, Ials, IalsOptions};

/// Fits `interactions` (customers × products; the value is the confidence c, > 0).
///
/// `watch` sees (epoch from 1, objective) after each epoch where it asks for it by being `Some`. Deterministic by
/// seed: rows are solved independently.
pub fn fit(
    interactions: &Csr,
    options: IalsOptions,
    mut watch: Option<&mut dyn FnMut(usize, f64)>,
) -> Ials {
    let by_item = interactions.transpose();
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    let deviation = 0.1 / (options.dim.max(1) as f32).sqrt();
    let mut start = |rows: usize| {
        let mut x = Dense::zeros(rows, options.dim);
        for v in &mut x.data {
            let unit: f32 = (0..12).map(|_| rng.gen::<f32>()).sum::<f32>() - 6.0;
            *v = unit * deviation;
        }
        x
    };
    let mut customers = start(interactions.rows());
    let mut items = start(interactions.cols());
    for epoch in 1..=options.epochs {
        half_epoch(interactions, &mut customers, &items, options);
        half_epoch(&by_item, &mut items, &customers, options);
        if let Some(watch) = &mut watch {
            watch(epoch, objective(interactions, &customers, &items, options));
        }
    }
    Ials::from_items(items, options)
}

fn solve_spd(matrix: &mut Mat<f32>, rhs: &mut Mat<f32>, stack: &mut MemBuffer) -> bool {
    let factored = cholesky_in_place(
        matrix.as_mut(),
        LltRegularization::default(),
        Par::Seq,
        MemStack::new(stack),
        Default::default(),
    );
    if factored.is_err() {
        return false;
    }
    solve_in_place(
        matrix.as_ref(),
        rhs.as_mut(),
        Par::Seq,
        MemStack::new(stack),
    );
    (0..rhs.nrows()).all(|d| rhs[(d, 0)].is_finite())
}

/// Solves every row of `solved` block by block against the fixed `other` side.
fn half_epoch(interactions: &Csr, solved: &mut Dense, other: &Dense, options: IalsOptions) {
    let dim = options.dim;
    if dim == 0 {
        return;
    }
    let gram = scaled_gram(other, options.unobserved);
    let block = options.block.clamp(1, dim);
    struct Scratch {
        hessian: Mat<f32>,
        rhs: Mat<f32>,
        rows: Vec<f32>,
        stack: MemBuffer,
    }
    solved.data.par_chunks_mut(dim).enumerate().for_each_init(
        || Scratch {
            hessian: Mat::zeros(block, block),
            rhs: Mat::zeros(block, 1),
            rows: Vec::new(),
            stack: stack(block),
        },
        |scratch, (row, vector)| {
            let (indices, confidences) = interactions.row(row);
            if indices.is_empty() {
                // nothing observed: the loss is smallest at zero
                vector.fill(0.0);
                return;
            }
            let mass: f32 = confidences.iter().sum();
            let ridge = ridge(mass, other.rows, options);
            for start in (0..dim).step_by(block) {
                let width = block.min(dim - start);
                if scratch.hessian.nrows() != width {
                    scratch.hessian = Mat::zeros(width, width);
                    scratch.rhs = Mat::zeros(width, 1);
                }
                // gradient of half the loss over this block, and its Hessian
                for d in 0..width {
                    let column = gram.col_as_slice(start + d);
                    scratch.rhs[(d, 0)] = dot(column, vector) + ridge * vector[start + d];
                }
                scratch.rows.clear();
                for (ix, confidence) in indices.iter().zip(confidences) {
                    let h = other.row(*ix as usize);
                    let residual = confidence * (dot(vector, h) - 1.0);
                    let part = &h[start..start + width];
                    for (d, x) in part.iter().enumerate() {
                        scratch.rhs[(d, 0)] += residual * x;
                    }
                    let root = confidence.sqrt();
                    scratch.rows.extend(part.iter().map(|x| root * x));
                }
                let rows =
                    faer::MatRef::from_column_major_slice(&scratch.rows, width, indices.len());
                scratch
                    .hessian
                    .copy_from(gram.as_ref().submatrix(start, start, width, width));
                faer::linalg::matmul::matmul(
                    scratch.hessian.as_mut(),
                    Accum::Add,
                    rows,
                    rows.transpose(),
                    1.0,
                    Par::Seq,
                );
                for d in 0..width {
                    scratch.hessian[(d, d)] += ridge;
                }
                if width != block {
                    scratch.stack = stack(width);
                }
                if solve_spd(&mut scratch.hessian, &mut scratch.rhs, &mut scratch.stack) {
                    for d in 0..width {
                        vector[start + d] -= scratch.rhs[(d, 0)];
                    }
                }
                if width != block {
                    scratch.hessian = Mat::zeros(block, block);
                    scratch.rhs = Mat::zeros(block, 1);
                    scratch.stack = stack(block);
                }
            }
        },
    );
}

/// The loss that [`IalsOptions`] states.
fn objective(interactions: &Csr, customers: &Dense, items: &Dense, options: IalsOptions) -> f64 {
    let mut loss = 0.0f64;
    for u in 0..interactions.rows() {
        let w = customers.row(u);
        let mut mass = 0.0;
        for (i, c) in interactions.iter_row(u) {
            mass += c;
            loss += f64::from(c) * f64::from(1.0 - dot(w, items.row(i as usize))).powi(2);
        }
        loss += f64::from(ridge(mass, items.rows, options)) * f64::from(dot(w, w));
    }
    let mut masses = vec![0f32; items.rows];
    for u in 0..interactions.rows() {
        for (i, c) in interactions.iter_row(u) {
            masses[i as usize] += c;
        }
    }
    for (i, mass) in masses.iter().enumerate() {
        let h = items.row(i);
        loss += f64::from(ridge(*mass, customers.rows, options)) * f64::from(dot(h, h));
    }
    let (gw, gh) = (customers.gram(), items.gram());
    for a in 0..options.dim {
        for b in 0..options.dim {
            loss += f64::from(options.unobserved) * gw[(a, b)] * gh[(a, b)];
        }
    }
    loss
}

#[cfg(test)]
mod tests {
    use super::*;
    use serendib_shop::ProductIx;

    fn shop() -> Csr {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        Csr::from_rows(
            30,
            (0..80u32).map(|u| {
                (0..30u32)
                    .filter(|i| rng.gen_bool(if i % 3 == u % 3 { 0.5 } else { 0.05 }))
                    .map(|i| (i, 1.0))
                    .collect::<Vec<_>>()
            }),
        )
    }

    fn options() -> IalsOptions {
        IalsOptions {
            dim: 10,
            epochs: 8,
            block: 4,
            unobserved: 0.1,
            regularisation: 0.01,
            exponent: 1.0,
            seed: 5,
        }
    }

    #[test]
    fn the_objective_falls_in_every_epoch() {
        let mut seen = Vec::new();
        fit(&shop(), options(), Some(&mut |_, loss| seen.push(loss)));
        assert_eq!(seen.len(), 8);
        assert!(seen.windows(2).all(|pair| pair[1] < pair[0]), "{seen:?}");
    }

    #[test]
    fn folding_in_solves_the_normal_equations() {
        let model = fit(&shop(), options(), None);
        let weights = [(0, 1.0f32), (3, 0.5), (7, 2.0)].map(|(p, weight)| (ProductIx(p), weight));
        let w = model.fold_in(&weights);
        // dense reference in f64
        let d = options().dim;
        let h = |i: u32, a: usize| f64::from(model.items.row(i as usize)[a]);
        let frequency = 3.5 + 0.1 * 30.0;
        let matrix = Mat::<f64>::from_fn(d, d, |a, b| {
            let all: f64 = (0..30).map(|i| h(i, a) * h(i, b)).sum();
            let own: f64 = weights
                .iter()
                .map(|(i, c)| f64::from(*c) * h(i.0, a) * h(i.0, b))
                .sum();
            0.1 * all + own + if a == b { 0.01 * frequency } else { 0.0 }
        });
        for a in 0..d {
            let left: f64 = (0..d).map(|b| matrix[(a, b)] * f64::from(w[b])).sum();
            let right: f64 = weights.iter().map(|(i, c)| f64::from(*c) * h(i.0, a)).sum();
            assert!((left - right).abs() < 1e-4, "{left} {right}");
        }
        assert!(model.fold_in(&[]).iter().all(|x| *x == 0.0));
    }

    #[test]
    fn contributions_add_up_to_the_score() {
        let model = fit(&shop(), options(), None);
        let weights = [(0, 1.0f32), (3, 0.5), (7, 2.0)].map(|(p, weight)| (ProductIx(p), weight));
        let score = dot(&model.fold_in(&weights), model.items.row(6));
        let sum: f32 = model
            .normal(&weights)
            .unwrap()
            .contributions(&model, &weights, ProductIx(6))
            .iter()
            .sum();
        assert!((score - sum).abs() < 1e-4);
    }

    #[test]
    fn a_customer_of_one_group_prefers_its_products() {
        let model = fit(&shop(), options(), None);
        let w = model.fold_in(&[
            (ProductIx(0), 1.0),
            (ProductIx(3), 1.0),
            (ProductIx(6), 1.0),
        ]);
        let score = |i: usize| dot(&w, model.items.row(i));
        let own: f32 = [9, 12, 15, 18].map(score).iter().sum();
        let other: f32 = [10, 13, 16, 19].map(score).iter().sum();
        assert!(own > 2.0 * other);
    }

    #[test]
    fn fitting_repeats_exactly() {
        let a = fit(&shop(), options(), None);
        assert_eq!(a, fit(&shop(), options(), None));
    }
}
