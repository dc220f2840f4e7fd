//! The exact scan: the reference for every other index, and the right answer for small catalogues and narrow filters.

use super::kernel::dot_rows;
use super::top::Top;
use super::{check_query, check_vectors, IndexError, VectorIndex};

/// Row-major vectors, scanned in blocks.
#[derive(Debug, Clone)]
pub struct ExactIndex {
    dim: usize,
    data: Vec<f32>,
}

/// Rows scanned between two looks at the best so far.
const BLOCK: usize = 256;

impl ExactIndex {
    /// Takes row-major `data`.
    ///
    /// # Errors
    /// A length that is no multiple of `dim`, a vector that is zero or holds a number that is not finite.
    pub fn new(dim: usize, data: Vec<f32>) -> Result<ExactIndex, IndexError> {
        check_vectors(dim, &data)?;
        Ok(ExactIndex { dim, data })
    }

    /// The vector with number `ix`.
    pub fn vector(&self, ix: u32) -> &[f32] {
        &self.data[ix as usize * self.dim..(ix as usize + 1) * self.dim]
    }
}

impl VectorIndex for ExactIndex {
    fn len(&self) -> usize {
        self.data.len() / self.dim
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn search(
        &self,
        query: &[f32],
        k: usize,
        allowed: &(dyn Fn(u32) -> bool + Sync),
    ) -> Result<Vec<(u32, f32)>, IndexError> {
        check_query(self.dim, query)?;
        let mut top = Top::new(k.min(self.len()));
        let mut scores = [0f32; BLOCK];
        for (block, rows) in self.data.chunks(BLOCK * self.dim).enumerate() {
            let scores = &mut scores[..rows.len() / self.dim];
            dot_rows(query, rows, scores);
            for (at, score) in scores.iter().enumerate() {
                let ix = (block * BLOCK + at) as u32;
                if top.admits(*score) && allowed(ix) {
                    top.push(ix, *score);
                }
            }
        }
        Ok(top.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vectors(n: usize, dim: usize) -> Vec<f32> {
        (0..n * dim)
            .map(|i| ((i * 7919 % 1009) as f32 / 500.0) - 1.0)
            .collect()
    }

    #[test]
    fn the_scan_equals_a_naive_search_under_every_filter() {
        let (n, dim) = (700, 24);
        let index = ExactIndex::new(dim, vectors(n, dim)).unwrap();
        let query = &vectors(3, dim)[dim..2 * dim];
        for keep in [1u32, 2, 10, 350, 10_000] {
            let allowed = |ix: u32| ix.is_multiple_of(keep);
            let mut naive: Vec<(u32, f32)> = (0..n as u32)
                .filter(|ix| allowed(*ix))
                .map(|ix| {
                    (
                        ix,
                        index.vector(ix).iter().zip(query).map(|(a, b)| a * b).sum(),
                    )
                })
                .collect();
            naive.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            let found = index.search(query, 10, &allowed).unwrap();
            assert_eq!(found.len(), naive.len().min(10));
            for (ours, theirs) in found.iter().zip(&naive) {
                assert!((ours.1 - theirs.1).abs() < 1e-4);
            }
        }
    }

    #[test]
    fn bad_vectors_are_refused_at_the_door() {
        assert!(matches!(
            ExactIndex::new(2, vec![1.0, 0.0, 0.0, 0.0]),
            Err(IndexError::Zero { row: 1 })
        ));
        assert!(matches!(
            ExactIndex::new(2, vec![1.0, f32::NAN]),
            Err(IndexError::NotFinite { row: 0 })
        ));
        assert!(matches!(
            ExactIndex::new(2, vec![1.0; 3]),
            Err(IndexError::Shape { .. })
        ));
        assert!(matches!(
            ExactIndex::new(0, vec![]),
            Err(IndexError::Shape { .. })
        ));
        let index = ExactIndex::new(2, vec![1.0, 0.5]).unwrap();
        assert!(index.search(&[1.0], 1, &|_| true).is_err());
        assert!(index.search(&[1.0, f32::INFINITY], 1, &|_| true).is_err());
    }

    #[test]
    fn equal_scores_come_in_order_of_number() {
        let index = ExactIndex::new(1, vec![1.0; 600]).unwrap();
        let found = index.search(&[2.0], 5, &|ix| ix >= 3).unwrap();
        assert_eq!(
            found.iter().map(|(ix, _)| *ix).collect::<Vec<_>>(),
            [3, 4, 5, 6, 7]
        );
    }
}
