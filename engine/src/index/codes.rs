//! 8-bit codes of vectors: a first look at everything that costs a fraction of the exact scan.

use simsimd::SpatialSimilarity;

/// Vectors as 8-bit integers with one scale each; the first look before exact rescoring.
///
/// A score is off by at most about ‖query‖₁ · scale / 2; what is among the best by code and is then rescored exactly
/// misses next to nothing when a few times as many are looked at as are wanted.
#[derive(Debug, Clone, Default)]
pub struct Codes {
    dim: usize,
    codes: Vec<i8>,
    scales: Vec<f32>,
}

impl Codes {
    /// Codes of `n` vectors; `fill` writes vector `ix` into the row it is given (zeros before).
    pub fn build(n: usize, dim: usize, fill: impl Fn(usize, &mut [f32])) -> Codes {
        let mut out = Codes {
            dim,
            codes: vec![0; n * dim],
            scales: vec![0.0; n],
        };
        let mut row = vec![0f32; dim];
        for ix in 0..n {
            row.fill(0.0);
            fill(ix, &mut row);
            let most = row.iter().fold(0f32, |most, x| most.max(x.abs()));
            if most > 0.0 && most.is_finite() {
                out.scales[ix] = most / 127.0;
                let codes = &mut out.codes[ix * dim..(ix + 1) * dim];
                for (code, x) in codes.iter_mut().zip(&row) {
                    *code = (x * (127.0 / most)).round() as i8;
                }
            }
        }
        out
    }

    /// How many vectors there are.
    pub fn len(&self) -> usize {
        self.scales.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.scales.is_empty()
    }

    pub fn dim(&self) -> usize {
        self.dim
    }

    pub fn bytes(&self) -> usize {
        self.codes.len() + self.scales.len() * 4
    }

    /// Hands the approximate inner products of `query` with all vectors to `take`, block by block: the number of the
    /// block's first vector, and a score for each of its vectors.
    ///
    /// Scores are 0 for a query of another dimension, without direction, or not finite.
    pub fn scan(&self, query: &[f32], take: &mut dyn FnMut(usize, &[f32])) {
        let most = query.iter().fold(0f32, |most, x| most.max(x.abs()));
        let usable = self.dim > 0 && query.len() == self.dim && most > 0.0 && most.is_finite();
        let unit = most / 127.0;
        let query: Vec<i8> = query.iter().map(|x| (x / unit).round() as i8).collect();
        let mut block = [0f32; BLOCK];
        for (at, scales) in self.scales.chunks(BLOCK).enumerate() {
            let out = &mut block[..scales.len()];
            if usable {
                let first = at * BLOCK * self.dim;
                let rows = self.codes[first..].chunks_exact(self.dim);
                for ((row, scale), out) in rows.zip(scales).zip(out.iter_mut()) {
                    // `None` only for lengths that differ
                    let sum = <i8 as SpatialSimilarity>::dot(&query, row).unwrap_or(0.0);
                    *out = sum as f32 * (scale * unit);
                }
            }
            take(at * BLOCK, out);
        }
    }
}

/// How many of the best by code are rescored for `k` wanted.
pub fn rescored(k: usize) -> usize {
    (4 * k).max(k.saturating_add(200))
}

/// Vectors between two looks at the scores.
const BLOCK: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::dot;

    #[test]
    fn approximate_scores_are_near_the_exact_ones() {
        let (n, dim) = (600, 96);
        let x = |ix: usize, d: usize| {
            ((ix * 31 + d * 17) as f32 * 0.7).sin() * (1.0 + ix as f32 * 0.003)
        };
        let codes = Codes::build(n, dim, |ix, row| {
            row.iter_mut().enumerate().for_each(|(d, v)| *v = x(ix, d));
        });
        let query: Vec<f32> = (0..dim).map(|d| (d as f32 * 0.3).cos()).collect();
        let mut out = Vec::new();
        codes.scan(&query, &mut |first, scores| {
            assert_eq!(first, out.len());
            out.extend_from_slice(scores);
        });
        assert_eq!(out.len(), n);
        for (ix, score) in out.iter().enumerate() {
            let row: Vec<f32> = (0..dim).map(|d| x(ix, d)).collect();
            let lengths = (dot(&query, &query) * dot(&row, &row)).sqrt();
            assert!((score - dot(&query, &row)).abs() < 0.01 * lengths, "{ix}");
        }
    }

    #[test]
    fn zero_vectors_and_odd_queries_score_nothing() {
        let codes = Codes::build(3, 4, |ix, row| row[0] = if ix == 1 { 0.0 } else { 1.0 });
        let scores = |query: &[f32]| {
            let mut out = Vec::new();
            codes.scan(query, &mut |_, scores| out.extend_from_slice(scores));
            out
        };
        let out = scores(&[1.0, 0.0, 0.0, 0.0]);
        assert!((out[0] - 1.0).abs() < 1e-3 && out[1] == 0.0);
        assert_eq!(scores(&[f32::NAN; 4]), [0.0; 3]);
        assert_eq!(scores(&[1.0]), [0.0; 3]);
    }
}
