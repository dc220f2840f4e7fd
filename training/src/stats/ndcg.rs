//! Normalised discounted cumulative gain.

/// Discounted gain of a hit at `rank` (from 0).
fn gain(rank: usize) -> f64 {
    1.0 / (rank as f64 + 2.0).log2()
}

/// NDCG at `cut` of hits at `ranks` (from 0, in any order), of which there could be `wanted`; 0 for none.
pub fn ndcg(ranks: impl IntoIterator<Item = usize>, wanted: usize, cut: usize) -> f64 {
    let ranks = ranks.into_iter().filter(|rank| *rank < cut);
    let dcg: f64 = ranks.map(gain).sum();
    let ideal: f64 = (0..wanted.min(cut)).map(gain).sum();
    // a sum of nothing is −0
    if ideal > 0.0 && dcg > 0.0 {
        dcg / ideal
    } else {
        0.0
    }
}

/// What settings are chosen by: the mean of NDCG@5, which a storefront shows, and NDCG@20 of hits at `ranks` (from 0), of which
/// there could be `wanted`; 0 for none.
pub fn top_and_list(ranks: &[usize], wanted: usize) -> f64 {
    let at = |cut| ndcg(ranks.iter().copied(), wanted, cut);
    0.5 * (at(5) + at(20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_at_the_top_are_ideal_and_later_ones_count_less() {
        assert_eq!(ndcg([1, 0], 2, 10), 1.0);
        assert!((ndcg([2], 1, 10) - 0.5).abs() < 1e-12);
        assert_eq!(ndcg([10], 1, 10), 0.0);
        assert_eq!(ndcg([], 3, 10), 0.0);
        assert_eq!(ndcg([], 0, 10), 0.0);
        assert_eq!(top_and_list(&[0], 1), 1.0);
        assert_eq!(top_and_list(&[9], 1), 0.5 * ndcg([9], 1, 20));
    }
}
