//! Weighing fitted families against each other on held-out cases.

use serendib_shop::ProductIx;
use std::collections::BTreeSet;

use rayon::prelude::*;
use serendib_engine::index::top_of;

use crate::learn::corpus::Case;
use crate::learn::vectors::scorers::{mean, Fitted, BLOCK};
use crate::stats::ndcg::top_and_list;

/// The products that any family would recommend to each case, with every family's standardised score.
pub struct Pool {
    cases: Vec<PoolCase>,
    /// Standard deviation of each family's scores over the pool; what a weight of 1 is divided by.
    pub spread: Vec<f32>,
}

struct PoolCase {
    /// Candidates × families, row-major.
    scores: Vec<f32>,
    /// Rows that are relevant.
    relevant: Vec<u32>,
    /// All relevant products, in the pool or not.
    wanted: usize,
}

/// Best products per family that enter the pool.
const DEPTH: usize = 100;
/// Weights that are tried.
const STEPS: [f32; 12] = [
    0.0, 0.03, 0.06, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.2, 3.5,
];
/// A weight below this share of all must be worth something.
const CRUMB: f32 = 0.03;

impl Pool {
    /// Scores `cases` with every family once.
    pub fn new(families: &[&Fitted], cases: &[&Case], n: usize) -> Pool {
        let mut pool = Vec::with_capacity(cases.len());
        let width = families.len();
        for part in cases.chunks(BLOCK) {
            let blocks: Vec<_> = families.iter().map(|f| f.scores(part, n)).collect();
            let done: Vec<PoolCase> = part
                .par_iter()
                .enumerate()
                .map(|(row, case)| {
                    let mut members: BTreeSet<ProductIx> = case.relevant.iter().copied().collect();
                    let new = |p: ProductIx| case.owned.binary_search(&p).is_err();
                    for block in &blocks {
                        let best = top_of(block.row(row), DEPTH, &new);
                        members.extend(best.into_iter().map(|(p, _)| p));
                    }
                    let mut scores = Vec::with_capacity(members.len() * width);
                    for member in &members {
                        scores.extend(blocks.iter().map(|b| b.row(row)[member.index()]));
                    }
                    let relevant = (0..)
                        .zip(&members)
                        .filter(|(_, p)| case.relevant.contains(p))
                        .map(|(at, _)| at)
                        .collect();
                    PoolCase {
                        scores,
                        relevant,
                        wanted: case.relevant.len(),
                    }
                })
                .collect();
            pool.extend(done);
        }
        let spread = (0..width)
            .map(|family| {
                let (mut sum, mut squares, mut count) = (0f64, 0f64, 0f64);
                for case in &pool {
                    for row in case.scores.chunks_exact(width) {
                        let x = f64::from(row[family]);
                        sum += x;
                        squares += x * x;
                        count += 1.0;
                    }
                }
                let variance = (squares / count.max(1.0) - (sum / count.max(1.0)).powi(2)).max(0.0);
                (variance.sqrt() as f32).max(1e-12)
            })
            .collect::<Vec<f32>>();
        for case in &mut pool {
            for row in case.scores.chunks_exact_mut(width) {
                for (x, s) in row.iter_mut().zip(&spread) {
                    *x /= s;
                }
            }
        }
        Pool {
            cases: pool,
            spread,
        }
    }

    /// Gain (the mean of NDCG@5 and NDCG@20) per case under weights on the standardised scores.
    pub fn gain(&self, weights: &[f32]) -> Vec<f64> {
        self.judge(weights, &top_and_list)
    }

    /// What `of` says per case, 0…1, of the ranks from 0 of what was wanted and of how much could be found.
    pub fn judge(&self, weights: &[f32], of: &(dyn Fn(&[usize], usize) -> f64 + Sync)) -> Vec<f64> {
        self.cases
            .par_iter()
            .map(|case| {
                let totals: Vec<f32> = case
                    .scores
                    .chunks_exact(weights.len())
                    .map(|row| row.iter().zip(weights).map(|(x, w)| x * w).sum())
                    .collect();
                // what tells no two products apart finds nothing, whatever their numbers
                if totals.iter().all(|total| *total == totals[0]) {
                    return 0.0;
                }
                let ranks: Vec<usize> = case
                    .relevant
                    .iter()
                    .map(|at| {
                        let own = totals[*at as usize];
                        totals
                            .iter()
                            .enumerate()
                            .filter(|(other, s)| **s > own || (**s == own && *other < *at as usize))
                            .count()
                    })
                    .collect();
                of(&ranks, case.wanted)
            })
            .collect()
    }

    /// Weights found by coordinate ascent on mean gain, starting from the best family alone.
    ///
    /// A family enters only where it lifts the mean by `least_gain` (relative), and leaves where it does not.
    pub fn weigh(&self, least_gain: f64) -> Vec<f32> {
        let width = self.spread.len();
        let score = |weights: &[f32]| mean(&self.gain(weights));
        let single = |family: usize| {
            let mut weights = vec![0.0; width];
            weights[family] = 1.0;
            weights
        };
        let mut best = (0..width).map(single).map(|w| (score(&w), w)).fold(
            (-1.0, vec![0.0; width]),
            |a, b| if b.0 > a.0 { b } else { a },
        );
        for _ in 0..5 {
            let before = best.0;
            for family in 0..width {
                for step in STEPS {
                    let mut weights = best.1.clone();
                    if weights[family] == step {
                        continue;
                    }
                    let entering = weights[family] == 0.0;
                    weights[family] = step;
                    if weights.iter().all(|w| *w == 0.0) {
                        continue;
                    }
                    let value = score(&weights);
                    let needed = if entering {
                        best.0 * (1.0 + least_gain)
                    } else {
                        best.0
                    };
                    if value > needed {
                        best = (value, weights);
                    }
                }
            }
            if best.0 <= before * (1.0 + 1e-5) {
                break;
            }
        }
        // what is not worth its place leaves
        for family in 0..width {
            if best.1[family] > 0.0 && best.1.iter().filter(|w| **w > 0.0).count() > 1 {
                let mut weights = best.1.clone();
                weights[family] = 0.0;
                let value = score(&weights);
                if value * (1.0 + least_gain) >= best.0 {
                    best = (value, weights);
                }
            }
        }
        self.without_negligible(self.spread_out(best.1))
    }

    /// `weights` without the small ones that lift nothing: every family is fitted again on everything, and served.
    fn without_negligible(&self, mut weights: Vec<f32>) -> Vec<f32> {
        let least = CRUMB * weights.iter().sum::<f32>();
        for family in 0..weights.len() {
            if weights[family] > 0.0 && weights[family] < least {
                let mut without = weights.clone();
                without[family] = 0.0;
                if mean(&self.gain(&without)) >= mean(&self.gain(&weights)) {
                    weights = without;
                }
            }
        }
        weights
    }

    /// What `family` is worth beside the others of `weights`, as a share of their mean gain: what is lost without it, or,
    /// where it is left out, what the best weight for it would add.
    pub fn worth(&self, weights: &[f32], family: usize) -> f64 {
        let whole = mean(&self.gain(weights));
        if whole <= 0.0 {
            return 0.0;
        }
        let with = |weight: f32| {
            let mut other = weights.to_vec();
            other[family] = weight;
            mean(&self.gain(&other)) / whole
        };
        if weights[family] > 0.0 {
            1.0 - with(0.0)
        } else {
            STEPS.map(with).into_iter().fold(1.0, f64::max) - 1.0
        }
    }

    /// The most even weights that are as good as `best` for all that the cases can tell.
    ///
    /// What is held out is never quite what comes later, and a blend that leans on one family pays most for the
    /// difference; and `best` was sought among hundreds of weights on these very cases, which flatters it. So the weights move
    /// towards those of all families that come near the best one, as far as the mean stays within two standard errors of the
    /// paired difference, or one per cent, and not below the best family alone.
    fn spread_out(&self, best: Vec<f32>) -> Vec<f32> {
        let width = best.len();
        let alone: Vec<f64> = (0..width)
            .map(|family| {
                let mut one = vec![0.0; width];
                one[family] = 1.0;
                mean(&self.gain(&one))
            })
            .collect();
        let most = alone.iter().copied().fold(0.0, f64::max);
        let near: Vec<bool> = alone.iter().map(|value| *value >= 0.8 * most).collect();
        if near.iter().filter(|n| **n).count() < 2 || self.cases.is_empty() {
            return best;
        }
        let total: f32 = best
            .iter()
            .zip(&near)
            .filter(|(_, n)| **n)
            .map(|(w, _)| w)
            .sum();
        let even = total / near.iter().filter(|n| **n).count() as f32;
        if even <= 0.0 {
            return best;
        }
        let before = self.gain(&best);
        let goal = mean(&before);
        for step in (1..=10).rev() {
            let t = step as f32 / 10.0;
            let weights: Vec<f32> = best
                .iter()
                .zip(&near)
                .map(|(w, near)| if *near { (1.0 - t) * w + t * even } else { *w })
                .collect();
            let losses: Vec<f64> = before
                .iter()
                .zip(self.gain(&weights))
                .map(|(a, b)| a - b)
                .collect();
            let loss = mean(&losses);
            let n = losses.len() as f64;
            let variance = losses.iter().map(|l| (l - loss).powi(2)).sum::<f64>() / n;
            let tells_nothing = loss <= (2.0 * (variance / n).sqrt()).max(0.01 * goal);
            if tells_nothing && goal - loss >= most {
                return weights;
            }
        }
        best
    }
}
