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
use serde::{Deserialize, Serialize};
use serendib_shop::ProductIx;

use super::dense::Dense;
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
    gram: Mat<f32>,
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

    /// The customer vector that minimises the loss for the weighted products of one customer; zeros for none.
    ///
    /// One dim × dim Cholesky solve.
    pub fn fold_in(&self, weights: &[(ProductIx, f32)]) -> Vec<f32> {
        self.normal(weights).map_or_else(
            || vec![0.0; self.items.cols],
            |normal| normal.customer(self, weights),
        )
    }

    /// The factored normal equations of one customer; `None` without products, or where they have no solution.
    pub fn normal(&self, weights: &[(ProductIx, f32)]) -> Option<Normal> {
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
                .zip(self.items.row(product.index()))
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
    fn customer(&self, model: &Ials, weights: &[(ProductIx, f32)]) -> Vec<f32> {
        let mut right = Mat::<f32>::zeros(model.items.cols, 1);
        for (product, weight) in weights {
            let row = model.items.row(product.index());
            for (x, h) in right.col_as_slice_mut(0).iter_mut().zip(row) {
                *x += weight * h;
            }
        }
        self.solve(right)
    }

    /// How each weighted product contributes to ⟨fold_in(weights), h_product⟩; the sum of all is that score.
    pub fn contributions(
        &self,
        model: &Ials,
        weights: &[(ProductIx, f32)],
        product: ProductIx,
    ) -> Vec<f32> {
        let target = model.items.row(product.index());
        let x = self.solve(Mat::from_fn(target.len(), 1, |d, _| target[d]));
        weights
            .iter()
            .map(|(j, weight)| weight * dot(&x, model.items.row(j.index())))
            .collect()
    }
}

pub fn ridge(mass: f32, others: usize, options: IalsOptions) -> f32 {
    let frequency = mass + options.unobserved * others as f32;
    (options.regularisation * frequency.powf(options.exponent)).max(1e-6)
}

pub fn scaled_gram(items: &Dense, factor: f32) -> Mat<f32> {
    let gram = items.gram();
    Mat::from_fn(items.cols, items.cols, |i, j| gram[(i, j)] as f32 * factor)
}

pub fn stack(dim: usize) -> MemBuffer {
    MemBuffer::new(
        cholesky_in_place_scratch::<f32>(dim, Par::Seq, Default::default())
            .or(solve_in_place_scratch::<f32>(dim, 1, Par::Seq)),
    )
}
