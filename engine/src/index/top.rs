//! Keeping the best k of many scored products, ties going to the smaller number.

use serendib_shop::ProductIx;

/// Collects scored products and keeps the best `k`: score descending, then number ascending.
#[derive(Debug)]
pub struct Top<N = ProductIx> {
    k: usize,
    held: Vec<(N, f32)>,
    floor: f32,
}

fn order<N: Ord>(a: &(N, f32), b: &(N, f32)) -> std::cmp::Ordering {
    b.1.total_cmp(&a.1).then(a.0.cmp(&b.0))
}

impl<N: Ord> Top<N> {
    /// Keeps at most `k`.
    pub fn new(k: usize) -> Top<N> {
        Top {
            k,
            held: Vec::with_capacity(k.min(4096).saturating_mul(2)),
            floor: f32::NEG_INFINITY,
        }
    }

    /// Whether `score` could still enter; false for anything that is not a number.
    #[inline]
    pub fn admits(&self, score: f32) -> bool {
        score >= self.floor && self.k > 0
    }

    /// Offers a product; a score that is not finite is ignored.
    #[inline]
    pub fn push(&mut self, ix: N, score: f32) {
        if self.admits(score) && score.is_finite() {
            self.held.push((ix, score));
            if self.held.len() >= self.k.saturating_mul(2).max(16) {
                self.shrink();
            }
        }
    }

    fn shrink(&mut self) {
        if self.held.len() > self.k {
            self.held.select_nth_unstable_by(self.k - 1, order);
            self.held.truncate(self.k);
            self.floor = self.held[self.k - 1].1;
        }
    }

    /// The numbers of the best in ascending order: for a second look at each, in the order of memory.
    pub fn into_numbers(mut self) -> Vec<N> {
        if self.k == 0 {
            return Vec::new();
        }
        self.shrink();
        let mut numbers: Vec<N> = self.held.into_iter().map(|(ix, _)| ix).collect();
        numbers.sort_unstable();
        numbers
    }

    /// The best, in order.
    pub fn finish(mut self) -> Vec<(N, f32)> {
        if self.k == 0 {
            return Vec::new();
        }
        self.shrink();
        self.held.sort_unstable_by(order);
        self.held
    }
}

/// The best `k` of `scores` that `allowed` lets through, in order; numbers are positions.
pub fn top_of(
    scores: &[f32],
    k: usize,
    allowed: &(dyn Fn(ProductIx) -> bool + Sync),
) -> Vec<(ProductIx, f32)> {
    let mut top = Top::new(k.min(scores.len()));
    for (ix, score) in ProductIx::all(scores.len()).zip(scores) {
        if top.admits(*score) && allowed(ix) {
            top.push(ix, *score);
        }
    }
    top.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_best_equal_a_full_sort(scores in prop::collection::vec(-3i8..3, 0..80), k in 0usize..40) {
            let scores: Vec<f32> = scores.into_iter().map(f32::from).collect();
            let shown = |ix: ProductIx| ix.0 % 3 != 1;
            let mut all: Vec<(ProductIx, f32)> = ProductIx::all(scores.len())
                .zip(scores.iter().copied())
                .filter(|(ix, _)| shown(*ix))
                .collect();
            all.sort_by(order);
            all.truncate(k);
            prop_assert_eq!(top_of(&scores, k, &shown), all);
        }
    }

    #[test]
    fn what_is_not_finite_never_enters() {
        assert_eq!(
            top_of(&[f32::NAN, 1.0, f32::INFINITY], 5, &|_| true),
            [(ProductIx(1), 1.0)]
        );
        assert!(top_of(&[1.0], 0, &|_| true).is_empty());
        assert_eq!(top_of(&[1.0], 1_000_000, &|_| true).len(), 1);
    }
}
