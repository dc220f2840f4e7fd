//! Implicit matrix factorisation by alternating least squares over blocks of dimensions.
//!
//! iALS: Hu, Koren and Volinsky, ICDM 2008; frequency-scaled regularisation and block solver (iALS++): Rendle,
//! Krichene, Zhang and Koren, "Revisiting the performance of iALS" and "iALS++", 2021/22.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{
    cholesky_in_place, cholesky_in_place_scratch, LltRegularization,
};
use faer::linalg::cholesky::llt::solve::{solve_in_place, solve_in_place_scratch};
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Mat, Par};
use rand::Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::dense::Dense;
use super::Csr;
use crate::index::dot;

/// Settings of the factorisation. Loss: Σ_S c(1−⟨w,h⟩)² + α0 Σ_all ⟨w,h⟩² + Σ_u λ_u‖w_u‖² + Σ_i λ_i‖h_i‖² with
/// λ_u = λ(n_u + α0·products)^ν and λ_i likewise with customers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct IalsOptions {
    pub dim: usize,
    /// Passes over both sides.
    pub epochs: usize,
    /// Dimensions solved at once.
    pub block: usize,
    /// Weight α0 of everything not observed.
    pub unobserved: f32,
    /// Strength λ of the regularisation.
    pub regularisation: f32,
    pub exponent: f32,
    /// Seed of the start.
    pub seed: u64,
}

/// Item vectors and what a fold-in needs beside them. Customer vectors are never kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Ials {
    /// Products × dim.
    pub items: Dense,
    /// The Gram matrix α₀·HᵀH that every solve starts from.
    pub(crate) gram: Mat<f32>,
    pub options: IalsOptions,
}

impl Ials {
    /// Item vectors as fitted or as read from a bundle.
    pub fn from_items(items: Dense, options: IalsOptions) -> Ials {
        let gram = scaled_gram(&items, options.unobserved);
        Ials {
            items,
            gram,
            options,
        }
    }

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

    /// The customer vector that minimises the loss for the weighted products of one customer; zeros for none.
    ///
    /// One dim × dim Cholesky solve.
    pub fn fold_in(&self, weights: &[(u32, f32)]) -> Vec<f32> {
        self.normal(weights).map_or_else(
            || vec![0.0; self.items.cols],
            |normal| normal.customer(self, weights),
        )
    }

    /// The factored normal equations of one customer; `None` without products, or where they have no solution.
    pub fn normal(&self, weights: &[(u32, f32)]) -> Option<Normal> {
        let dim = self.items.cols;
        if weights.is_empty() || dim == 0 {
            return None;
        }
        let mut hessian = self.gram.clone();
        let mut block = Mat::<f32>::zeros(dim, weights.len());
        let mut mass = 0.0;
        for (at, (product, weight)) in weights.iter().enumerate() {
            mass += weight;
            let root = weight.max(0.0).sqrt();
            for (x, h) in block
                .col_as_slice_mut(at)
                .iter_mut()
                .zip(self.items.row(*product as usize))
            {
                *x = root * h;
            }
        }
        // only the lower half is read by the factorisation
        triangular::matmul(
            hessian.as_mut(),
            BlockStructure::TriangularLower,
            Accum::Add,
            block.as_ref(),
            BlockStructure::Rectangular,
            block.transpose(),
            BlockStructure::Rectangular,
            1.0,
            Par::Seq,
        );
        let ridge = ridge(mass, self.items.rows, self.options);
        for d in 0..dim {
            hessian[(d, d)] += ridge;
        }
        let factored = cholesky_in_place(
            hessian.as_mut(),
            LltRegularization::default(),
            Par::Seq,
            MemStack::new(&mut stack(dim)),
            Default::default(),
        );
        factored.is_ok().then_some(Normal(hessian))
    }
}

/// The Cholesky factor of one customer's normal equations.
#[derive(Debug, Clone)]
pub struct Normal(Mat<f32>);

impl Normal {
    fn solve(&self, mut right: Mat<f32>) -> Vec<f32> {
        let dim = self.0.nrows();
        solve_in_place(
            self.0.as_ref(),
            right.as_mut(),
            Par::Seq,
            MemStack::new(&mut stack(dim)),
        );
        let x = right.col_as_slice(0);
        if x.iter().all(|x| x.is_finite()) {
            x.to_vec()
        } else {
            vec![0.0; dim]
        }
    }

    /// The customer's vector.
    fn customer(&self, model: &Ials, weights: &[(u32, f32)]) -> Vec<f32> {
        let mut right = Mat::<f32>::zeros(model.items.cols, 1);
        for (product, weight) in weights {
            let row = model.items.row(*product as usize);
            for (x, h) in right.col_as_slice_mut(0).iter_mut().zip(row) {
                *x += weight * h;
            }
        }
        self.solve(right)
    }

    /// How each weighted product contributes to ⟨fold_in(weights), h_product⟩; the sum of all is that score.
    pub fn contributions(&self, model: &Ials, weights: &[(u32, f32)], product: u32) -> Vec<f32> {
        let target = model.items.row(product as usize);
        let x = self.solve(Mat::from_fn(target.len(), 1, |d, _| target[d]));
        weights
            .iter()
            .map(|(j, weight)| weight * dot(&x, model.items.row(*j as usize)))
            .collect()
    }
}

fn ridge(mass: f32, others: usize, options: IalsOptions) -> f32 {
    let frequency = mass + options.unobserved * others as f32;
    (options.regularisation * frequency.powf(options.exponent)).max(1e-6)
}

fn scaled_gram(items: &Dense, factor: f32) -> Mat<f32> {
    let gram = items.gram();
    Mat::from_fn(items.cols, items.cols, |i, j| gram[(i, j)] as f32 * factor)
}

fn stack(dim: usize) -> MemBuffer {
    MemBuffer::new(
        cholesky_in_place_scratch::<f32>(dim, Par::Seq, Default::default())
            .or(solve_in_place_scratch::<f32>(dim, 1, Par::Seq)),
    )
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
        Ials::fit(&shop(), options(), Some(&mut |_, loss| seen.push(loss)));
        assert_eq!(seen.len(), 8);
        assert!(seen.windows(2).all(|pair| pair[1] < pair[0]), "{seen:?}");
    }

    #[test]
    fn folding_in_solves_the_normal_equations() {
        let model = Ials::fit(&shop(), options(), None);
        let weights = [(0u32, 1.0f32), (3, 0.5), (7, 2.0)];
        let w = model.fold_in(&weights);
        // dense reference in f64
        let d = options().dim;
        let h = |i: u32, a: usize| f64::from(model.items.row(i as usize)[a]);
        let frequency = 3.5 + 0.1 * 30.0;
        let matrix = Mat::<f64>::from_fn(d, d, |a, b| {
            let all: f64 = (0..30).map(|i| h(i, a) * h(i, b)).sum();
            let own: f64 = weights
                .iter()
                .map(|(i, c)| f64::from(*c) * h(*i, a) * h(*i, b))
                .sum();
            0.1 * all + own + if a == b { 0.01 * frequency } else { 0.0 }
        });
        for a in 0..d {
            let left: f64 = (0..d).map(|b| matrix[(a, b)] * f64::from(w[b])).sum();
            let right: f64 = weights.iter().map(|(i, c)| f64::from(*c) * h(*i, a)).sum();
            assert!((left - right).abs() < 1e-4, "{left} {right}");
        }
        assert!(model.fold_in(&[]).iter().all(|x| *x == 0.0));
    }

    #[test]
    fn contributions_add_up_to_the_score() {
        let model = Ials::fit(&shop(), options(), None);
        let weights = [(0u32, 1.0f32), (3, 0.5), (7, 2.0)];
        let score = dot(&model.fold_in(&weights), model.items.row(6));
        let sum: f32 = model
            .normal(&weights)
            .unwrap()
            .contributions(&model, &weights, 6)
            .iter()
            .sum();
        assert!((score - sum).abs() < 1e-4);
    }

    #[test]
    fn a_customer_of_one_group_prefers_its_products() {
        let model = Ials::fit(&shop(), options(), None);
        let w = model.fold_in(&[(0, 1.0), (3, 1.0), (6, 1.0)]);
        let score = |i: usize| dot(&w, model.items.row(i));
        let own: f32 = [9, 12, 15, 18].map(score).iter().sum();
        let other: f32 = [10, 13, 16, 19].map(score).iter().sum();
        assert!(own > 2.0 * other);
    }

    #[test]
    fn fitting_repeats_exactly() {
        let a = Ials::fit(&shop(), options(), None);
        assert_eq!(a, Ials::fit(&shop(), options(), None));
    }
}
