//! Row-major dense blocks and the few products of them that fitting and scoring need.

use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Par};
use rayon::prelude::*;

/// A row-major dense matrix of `f32`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dense {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// `rows` × `cols` numbers.
    pub data: Vec<f32>,
}

impl Dense {
    pub fn zeros(rows: usize, cols: usize) -> Dense {
        Dense {
            rows,
            cols,
            data: vec![0.0; rows * cols],
        }
    }

    pub fn row(&self, row: usize) -> &[f32] {
        &self.data[row * self.cols..(row + 1) * self.cols]
    }

    /// Row `row`, to write.
    pub fn row_mut(&mut self, row: usize) -> &mut [f32] {
        &mut self.data[row * self.cols..(row + 1) * self.cols]
    }

    /// The matrix as faer sees it.
    pub fn view(&self) -> faer::MatRef<'_, f32> {
        faer::MatRef::from_row_major_slice(&self.data, self.rows, self.cols)
    }

    /// The first `cols` columns.
    pub fn prefix(&self, cols: usize) -> Dense {
        let cols = cols.min(self.cols);
        let mut out = Dense::zeros(self.rows, cols);
        for row in 0..self.rows {
            out.row_mut(row).copy_from_slice(&self.row(row)[..cols]);
        }
        out
    }

    /// AᵀA in `f64`, summed over blocks of rows in a fixed order.
    pub fn gram(&self) -> faer::Mat<f64> {
        const BLOCK: usize = 4096;
        let mut sum = faer::Mat::<f64>::zeros(self.cols, self.cols);
        let mut block = faer::Mat::<f32>::zeros(self.cols, self.cols);
        for start in (0..self.rows).step_by(BLOCK) {
            let rows = BLOCK.min(self.rows - start);
            let slice = &self.data[start * self.cols..(start + rows) * self.cols];
            let part = faer::MatRef::from_row_major_slice(slice, rows, self.cols);
            // a symmetric product: only its lower half is formed
            triangular::matmul(
                block.as_mut(),
                BlockStructure::TriangularLower,
                Accum::Replace,
                part.transpose(),
                BlockStructure::Rectangular,
                part,
                BlockStructure::Rectangular,
                1.0,
                Par::rayon(0),
            );
            for j in 0..self.cols {
                for i in j..self.cols {
                    sum[(i, j)] += f64::from(block[(i, j)]);
                }
            }
        }
        for j in 0..self.cols {
            for i in 0..j {
                sum[(i, j)] = sum[(j, i)];
            }
        }
        sum
    }

    /// self · `right`, where `right` is a small matrix of `f64`.
    pub fn times(&self, right: faer::MatRef<'_, f64>) -> Dense {
        let right: faer::Mat<f32> =
            faer::Mat::from_fn(right.nrows(), right.ncols(), |i, j| right[(i, j)] as f32);
        let mut out = Dense::zeros(self.rows, right.ncols());
        let cols = out.cols;
        let view = faer::MatMut::from_row_major_slice_mut(&mut out.data, self.rows, cols);
        faer::linalg::matmul::matmul(
            view,
            Accum::Replace,
            self.view(),
            right.as_ref(),
            1.0,
            Par::rayon(0),
        );
        out
    }

    /// self · `other`ᵀ: every row against every row of `other`.
    pub fn times_transposed(&self, other: &Dense) -> Dense {
        let mut out = Dense::zeros(self.rows, other.rows);
        let (rows, cols) = (out.rows, out.cols);
        faer::linalg::matmul::matmul(
            faer::MatMut::from_row_major_slice_mut(&mut out.data, rows, cols),
            Accum::Replace,
            self.view(),
            other.view().transpose(),
            1.0,
            Par::rayon(0),
        );
        out
    }
}

/// A sparse matrix times a dense one, rows in parallel.
pub fn sparse_times(left: &super::Csr, right: &Dense) -> Dense {
    let mut out = Dense::zeros(left.rows(), right.cols);
    if right.cols == 0 {
        return out;
    }
    out.data
        .par_chunks_mut(right.cols)
        .enumerate()
        .for_each(|(row, sums)| {
            for (col, value) in left.iter_row(row) {
                add_scaled(sums, right.row(col as usize), value);
            }
        });
    out
}

/// `sums` += `factor` · `row`.
#[inline]
pub fn add_scaled(sums: &mut [f32], row: &[f32], factor: f32) {
    for (sum, x) in sums.iter_mut().zip(row) {
        *sum += factor * x;
    }
}

pub fn length(row: &[f32]) -> f32 {
    row.iter()
        .map(|x| f64::from(*x) * f64::from(*x))
        .sum::<f64>()
        .sqrt() as f32
}

/// Rows scaled to unit length, with the lengths they had; a row shorter than 1e-12 becomes zero with length 0.
pub fn unit_rows(matrix: &Dense) -> (Dense, Vec<f32>) {
    let mut units = matrix.clone();
    let lengths = (0..units.rows)
        .map(|row| {
            let row = units.row_mut(row);
            let length = length(row);
            if length > 1e-12 && length.is_finite() {
                row.iter_mut().for_each(|x| *x /= length);
                length
            } else {
                row.fill(0.0);
                0.0
            }
        })
        .collect();
    (units, lengths)
}
