//! Which pairs share baskets more often than baskets of those sizes make them.
//!
//! The usual independence test ignores that baskets differ in size: a few pooled orders of hundreds of lines make
//! every two products look attached. The null here keeps the sizes: if each line of each basket were drawn by
//! popularity, products a and b would meet in E_ab = f_a·f_b·Σ s(s−1)/(Σ s)² baskets.

use rayon::prelude::*;
use statrs::distribution::{ChiSquared, ContinuousCDF, DiscreteCDF, Poisson};

use serendib_engine::complement::baskets::RowCounter;
use serendib_engine::complement::BasketLog;
use serendib_shop::ProductIx;

/// Σ s(s−1) / (Σ s)² over baskets of size s: the share of pairs of lines that fall into one basket. 0 without lines.
pub fn size_factor(log: &BasketLog) -> f64 {
    let (mut lines, mut pairs) = (0.0f64, 0.0f64);
    for ix in 0..log.len() {
        let size = log.items(ix).len() as f64;
        lines += size;
        pairs += size * (size - 1.0);
    }
    if lines > 0.0 {
        pairs / (lines * lines)
    } else {
        0.0
    }
}

/// Signed log-likelihood ratio G² of the four cells of a pair against an expected count of shared baskets.
///
/// `shared` baskets hold both, `a` and `b` each, `total` there are. Positive where the pair is attracted
/// (`shared > expected`), negative where it avoids each other. Dunning, "Accurate methods for the statistics of surprise
/// and coincidence", 1993, with the expectation of the size-preserving null. `expected` is kept below both margins.
pub fn signed_g2(shared: f64, a: f64, b: f64, total: f64, expected: f64) -> f64 {
    let expected = expected.clamp(1e-9, (a.min(b) - 1e-9).max(1e-9));
    let cell = |k: f64, e: f64| {
        if k > 0.0 && e > 0.0 {
            k * (k / e).ln()
        } else {
            0.0
        }
    };
    let g2 = 2.0
        * (cell(shared, expected)
            + cell(a - shared, a - expected)
            + cell(b - shared, b - expected)
            + cell(total - a - b + shared, total - a - b + expected));
    g2.max(0.0) * (shared - expected).signum()
}

/// One-sided probability of at least this attraction under the null: the larger of half the χ² tail of `g2` and the
/// Poisson tail of the count, which is safe where the expectation is small.
pub fn attraction_p(shared: u32, expected: f64, g2: f64) -> f64 {
    if g2 <= 0.0 {
        return 1.0;
    }
    let chi = ChiSquared::new(1.0).map_or(1.0, |d| 0.5 * d.sf(g2));
    let poisson = Poisson::new(expected.max(1e-9)).map_or(1.0, |d| {
        if shared == 0 {
            1.0
        } else {
            d.sf(u64::from(shared) - 1)
        }
    });
    chi.max(poisson).clamp(0.0, 1.0)
}

/// The largest p-value that Benjamini–Hochberg accepts at false-discovery rate `q` among `tests` tests; `None` = none.
///
/// `p_values` need only hold those at or below `q`; the tests left out count as not significant.
pub fn benjamini_hochberg(p_values: &[f64], tests: usize, q: f64) -> Option<f64> {
    let mut sorted: Vec<f64> = p_values.iter().copied().filter(|p| *p <= q).collect();
    sorted.sort_by(f64::total_cmp);
    let tests = tests.max(sorted.len()).max(1) as f64;
    sorted
        .iter()
        .enumerate()
        .rev()
        .find(|(rank, p)| **p <= q * (*rank + 1) as f64 / tests)
        .map(|(_, p)| *p)
}

/// A pair that shares baskets, `a < b`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// The product with the smaller number.
    pub a: ProductIx,
    /// The product with the larger number.
    pub b: ProductIx,
    /// Baskets that hold both.
    pub shared: u32,
    /// Baskets that would hold both under the size-preserving null.
    pub expected: f64,
    pub g2: f64,
    pub p: f64,
}

/// What to test and what to accept.
#[derive(Debug, Clone, Copy)]
pub struct SignificanceOptions {
    /// A product in fewer baskets is not tested; 5.
    pub min_support: u32,
    /// A pair that shares fewer baskets is not claimed; 5.
    pub min_shared: u32,
    /// False-discovery rate; .01.
    pub q: f64,
}

impl Default for SignificanceOptions {
    fn default() -> Self {
        SignificanceOptions {
            min_support: 5,
            min_shared: 5,
            q: 0.01,
        }
    }
}

/// The pairs attracted to each other at the false-discovery rate, ordered by product numbers.
///
/// Every pair of tested products counts as one test, also those that never meet, so that picking pairs by their count
/// does not spoil the rate.
pub fn significant_pairs(log: &BasketLog, options: &SignificanceOptions) -> Vec<Pair> {
    let frequencies = log.frequencies();
    let inverted = log.inverted();
    let factor = size_factor(log);
    let total = log.len() as f64;
    let tested = frequencies
        .iter()
        .filter(|f| **f >= options.min_support)
        .count();
    let rows: Vec<Vec<Pair>> = (0..log.products())
        .into_par_iter()
        .map(ProductIx::of_index)
        .map_init(
            || RowCounter::new(log.products()),
            |counter, a| {
                let f_a = frequencies[a.index()];
                if f_a < options.min_support {
                    return Vec::new();
                }
                counter
                    .row(log, &inverted, a, |_| 1.0)
                    .into_iter()
                    .filter_map(|(b, shared)| {
                        let f_b = frequencies[b.index()];
                        let shared = shared as u32;
                        if b <= a || f_b < options.min_support || shared < options.min_shared {
                            return None;
                        }
                        let expected = f64::from(f_a) * f64::from(f_b) * factor;
                        if f64::from(shared) <= expected {
                            return None;
                        }
                        let g2 = signed_g2(
                            f64::from(shared),
                            f64::from(f_a),
                            f64::from(f_b),
                            total,
                            expected,
                        );
                        let p = attraction_p(shared, expected, g2);
                        (p <= options.q).then_some(Pair {
                            a,
                            b,
                            shared,
                            expected,
                            g2,
                            p,
                        })
                    })
                    .collect()
            },
        )
        .collect();
    let pairs: Vec<Pair> = rows.into_iter().flatten().collect();
    let p_values: Vec<f64> = pairs.iter().map(|pair| pair.p).collect();
    let tests = tested * tested.saturating_sub(1) / 2;
    match benjamini_hochberg(&p_values, tests, options.q) {
        Some(limit) => pairs.into_iter().filter(|pair| pair.p <= limit).collect(),
        None => Vec::new(),
    }
}

/// Lift shrunk towards 1: (n_ab + κ) / (E_ab + κ).
pub fn shrunk_lift(shared: f64, expected: f64, kappa: f64) -> f64 {
    (shared + kappa) / (expected + kappa)
}

/// P(b | a) shrunk towards P(b): (n_ab + κ·P(b)) / (n_a + κ).
pub fn shrunk_conditional(shared: f64, a: f64, share_of_b: f64, kappa: f64) -> f64 {
    (shared + kappa * share_of_b) / (a + kappa)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::prelude::*;
    use rand_chacha::ChaCha8Rng;
    use serendib_shop::CustomerIx;

    /// Reference: 2·Σ k·ln(k/E) over the four cells, by another program, to six places.
    #[test]
    fn g2_agrees_with_a_reference_table() {
        // shared, a, b, total, expected, G²
        let table = [
            (10.0, 20.0, 20.0, 100.0, 4.0, 12.071372),
            (4.0, 20.0, 20.0, 100.0, 4.0, 0.000000),
            (1.0, 20.0, 20.0, 100.0, 4.0, -4.430906),
            (30.0, 100.0, 50.0, 1000.0, 5.0, 83.038900),
        ];
        for (shared, a, b, total, expected, want) in table {
            let got = signed_g2(shared, a, b, total, expected);
            assert!((got - want).abs() < 1e-5, "{got} is not {want}");
        }
    }

    #[test]
    fn p_values_fall_with_attraction_and_never_claim_avoidance() {
        let p = |shared: u32| {
            let g2 = signed_g2(f64::from(shared), 50.0, 50.0, 1000.0, 2.5);
            attraction_p(shared, 2.5, g2)
        };
        assert_eq!(p(2), 1.0);
        assert!(p(6) > p(8) && p(8) > p(20));
        assert!(p(8) > 0.001 && p(8) < 0.02);
    }

    #[test]
    fn benjamini_hochberg_is_the_textbook_procedure() {
        let p = [0.01, 0.02, 0.03, 0.04, 0.05];
        assert_eq!(benjamini_hochberg(&p, 5, 0.05), Some(0.05));
        let p = [0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205];
        assert_eq!(benjamini_hochberg(&p, 8, 0.05), Some(0.008));
        assert_eq!(benjamini_hochberg(&[0.04], 10, 0.05), None);
        assert_eq!(benjamini_hochberg(&[], 10, 0.05), None);
    }

    /// Baskets of very different sizes whose lines are drawn by popularity alone.
    fn shuffled(seed: u64, planted: bool) -> BasketLog {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let products = 120u32;
        let mut log = BasketLog::new(products as usize);
        let mut lines: Vec<u32> = Vec::new();
        for product in 0..products {
            for _ in 0..(4000 / (product + 10)) {
                lines.push(product);
            }
        }
        for basket in 0..3000 {
            let size = if basket % 200 == 0 {
                60
            } else {
                rng.gen_range(1..9)
            };
            let mut items: Vec<u32> = (0..size)
                .map(|_| lines[rng.gen_range(0..lines.len())])
                .collect();
            if planted && basket % 40 == 0 {
                items.extend([50, 90]);
            }
            log.push(
                CustomerIx(basket),
                i64::from(basket),
                items.into_iter().map(ProductIx),
            );
        }
        log
    }

    #[test]
    fn independent_products_in_uneven_baskets_are_not_claimed() {
        let claims: usize = (0..5)
            .map(|seed| {
                significant_pairs(&shuffled(seed, false), &SignificanceOptions::default()).len()
            })
            .sum();
        assert!(claims <= 1, "{claims} false pairs in five shuffled shops");
    }

    #[test]
    fn a_planted_pair_is_found() {
        let pairs = significant_pairs(&shuffled(9, true), &SignificanceOptions::default());
        assert!(pairs
            .iter()
            .any(|pair| (pair.a, pair.b) == (ProductIx(50), ProductIx(90))));
        assert!(pairs.len() <= 2);
    }

    #[test]
    fn shrinkage_pulls_rare_pairs_to_one() {
        assert!(shrunk_lift(2.0, 0.1, 10.0) < shrunk_lift(200.0, 10.0, 10.0));
        assert!((shrunk_lift(5.0, 5.0, 10.0) - 1.0).abs() < 1e-12);
        assert!(shrunk_conditional(1.0, 1.0, 0.01, 10.0) < 0.11);
    }
}
