//! An index of 8-bit codes with exact rescoring, for vectors of any length.

use super::{check_query, dot, Codes, ExactIndex, IndexError, Top, VectorIndex};

/// The best by code, rescored exactly.
#[derive(Debug, Clone)]
pub struct QuantisedIndex {
    exact: ExactIndex,
    codes: Codes,
}

/// How many are rescored for `k` wanted.
pub fn rescored(k: usize) -> usize {
    (4 * k).max(k.saturating_add(200))
}

impl QuantisedIndex {
    /// Codes row-major `data`.
    ///
    /// # Errors
    /// As [`ExactIndex::new`].
    pub fn new(dim: usize, data: Vec<f32>) -> Result<QuantisedIndex, IndexError> {
        let exact = ExactIndex::new(dim, data)?;
        let codes = Codes::build(exact.len(), dim, |ix, row| {
            row.copy_from_slice(exact.vector(ix as u32));
        });
        Ok(QuantisedIndex { exact, codes })
    }
}

impl VectorIndex for QuantisedIndex {
    fn len(&self) -> usize {
        self.exact.len()
    }

    fn dim(&self) -> usize {
        self.exact.dim()
    }

    fn search(
        &self,
        query: &[f32],
        k: usize,
        allowed: &(dyn Fn(u32) -> bool + Sync),
    ) -> Result<Vec<(u32, f32)>, IndexError> {
        check_query(self.dim(), query)?;
        let mut first = Top::new(rescored(k).min(self.len()));
        self.codes.scan(query, &mut |start, scores| {
            for (at, score) in scores.iter().enumerate() {
                let ix = (start + at) as u32;
                if first.admits(*score) && allowed(ix) {
                    first.push(ix, *score);
                }
            }
        });
        let mut top = Top::new(k.min(self.len()));
        for ix in first.into_numbers() {
            top.push(ix, dot(query, self.exact.vector(ix)));
        }
        Ok(top.finish())
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Vectors with skewed lengths, as spectral ones have.
    fn skewed(n: usize, dim: usize) -> Vec<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        (0..n)
            .flat_map(|ix| {
                let length = 1.0 / (1.0 + ix as f32 / 50.0);
                (0..dim)
                    .map(|d| rng.gen_range(-1.0..1.0f32) * length / (1.0 + d as f32 * 0.05))
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    #[test]
    fn nothing_is_lost_against_the_exact_scan_under_filters_of_every_selectivity() {
        let (n, dim) = (3000, 48);
        let data = skewed(n, dim);
        let exact = ExactIndex::new(dim, data.clone()).unwrap();
        let fast = QuantisedIndex::new(dim, data).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        for keep in [1u32, 2, 10, 100, 1000] {
            let allowed = |ix: u32| ix.is_multiple_of(keep);
            let (mut found, mut wanted) = (0, 0);
            for _ in 0..20 {
                let query: Vec<f32> = (0..dim).map(|_| rng.gen_range(-1.0..1.0)).collect();
                let a = exact.search(&query, 50, &allowed).unwrap();
                let b = fast.search(&query, 50, &allowed).unwrap();
                assert_eq!(a.len(), b.len());
                assert!(b.iter().all(|(ix, _)| allowed(*ix)));
                wanted += a.len();
                found += a
                    .iter()
                    .filter(|(ix, _)| b.iter().any(|(other, _)| other == ix))
                    .count();
            }
            assert!(
                found as f64 >= 0.99 * f64::from(wanted as u32),
                "{keep}: {found} of {wanted}"
            );
        }
    }

    #[test]
    fn every_unit_vector_is_found_by_itself() {
        let dim = 16;
        let mut data = skewed(300, dim);
        for row in data.chunks_exact_mut(dim) {
            let length = dot(row, row).sqrt();
            row.iter_mut().for_each(|x| *x /= length);
        }
        let index = QuantisedIndex::new(dim, data.clone()).unwrap();
        for (ix, row) in data.chunks_exact(dim).enumerate() {
            assert_eq!(index.search(row, 1, &|_| true).unwrap()[0].0, ix as u32);
        }
    }
}
