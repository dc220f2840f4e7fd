//! Weighted co-occurrence counts of products, and the sparse item–item scores made from them.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use serendib_engine::represent::csr::{keep_largest, Csr};

/// How co-occurrences are counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CooccurrenceOptions {
    /// A customer with n products adds n^(−2·`customer_power`) to each of their pairs; 0 counts all alike, .5 gives
    /// every customer about the same say.
    pub customer_power: f32,
    /// Largest entries kept per row, ranked by the count over the root of the other product's buyers.
    pub keep: usize,
    /// Only the last so many products of a customer make pairs, which bounds the cost of one huge history.
    pub last: usize,
}

/// Symmetric-by-definition counts C with C_ji = Σ_u n_u^(−2a) over customers u who have both j and i; no diagonal.
///
/// `interactions`: customers × products, distinct products per row in the order of acquisition. Rows are products.
/// Each row keeps its `keep` largest entries, so the stored matrix may be asymmetric. Rows are counted in parallel,
/// each in one pass over the customers of its product: Σ_u min(n_u, last)² steps in all.
pub fn cooccurrence(interactions: &Csr, options: CooccurrenceOptions) -> Csr {
    let n = interactions.cols();
    let weights = customer_weights(interactions, options);
    let by_product = last_by_product(interactions, options.last);
    let buyers: Vec<f32> = col_counts_of_rows(&by_product)
        .iter()
        .map(|c| (*c as f32).max(1.0).sqrt())
        .collect();
    let rows: Vec<Vec<(u32, f32)>> = (0..n)
        .into_par_iter()
        .map_init(
            || Accumulator::new(n),
            |accumulator, product| {
                for &customer in by_product.row(product).0 {
                    let weight = weights[customer as usize];
                    for &other in last_of(interactions.row(customer as usize).0, options.last) {
                        accumulator.add(other, weight);
                    }
                }
                let mut row = accumulator.drain();
                row.retain(|(other, _)| *other as usize != product);
                if row.len() > options.keep {
                    for (other, value) in &mut row {
                        *value /= buyers[*other as usize];
                    }
                    keep_largest(&mut row, options.keep, |v| v);
                    for (other, value) in &mut row {
                        *value *= buyers[*other as usize];
                    }
                } else {
                    row.sort_unstable_by_key(|entry| entry.0);
                }
                row
            },
        )
        .collect();
    Csr::from_rows(n, rows)
}

/// n_u^(−2a) per customer.
fn customer_weights(interactions: &Csr, options: CooccurrenceOptions) -> Vec<f32> {
    (0..interactions.rows())
        .map(|u| {
            let n = interactions.row(u).0.len().min(options.last).max(1);
            (n as f32).powf(-2.0 * options.customer_power)
        })
        .collect()
}

fn last_of(row: &[u32], last: usize) -> &[u32] {
    &row[row.len().saturating_sub(last)..]
}

fn last_by_product(interactions: &Csr, last: usize) -> Csr {
    Csr::from_rows(
        interactions.cols(),
        (0..interactions.rows()).map(|u| {
            last_of(interactions.row(u).0, last)
                .iter()
                .map(|product| (*product, 1.0))
                .collect::<Vec<_>>()
        }),
    )
    .transpose()
}

/// How many entries each row has.
fn col_counts_of_rows(matrix: &Csr) -> Vec<u32> {
    (0..matrix.rows())
        .map(|r| matrix.row(r).0.len() as u32)
        .collect()
}

/// Directed short-lag counts: how often i came within `lag` positions after j in one customer's sequence.
///
/// An order of `gap` positions counts `decay`^(gap−1). `interactions` rows must be in the order of acquisition. Each
/// row keeps its `keep` largest entries.
pub fn directed_lag(interactions: &Csr, lag: usize, decay: f32, keep: usize) -> Csr {
    let n = interactions.cols();
    let sources = interactions.transpose();
    let rows: Vec<Vec<(u32, f32)>> = (0..n)
        .into_par_iter()
        .map_init(
            || Accumulator::new(n),
            |accumulator, product| {
                for &customer in sources.row(product).0 {
                    let row = interactions.row(customer as usize).0;
                    let Some(at) = row.iter().position(|p| *p as usize == product) else {
                        continue;
                    };
                    let mut weight = 1.0;
                    for &next in row[at + 1..].iter().take(lag) {
                        accumulator.add(next, weight);
                        weight *= decay;
                    }
                }
                let mut row = accumulator.drain();
                keep_largest(&mut row, keep, |v| v);
                row
            },
        )
        .collect();
    Csr::from_rows(n, rows)
}

/// How counts become scores.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Shape {
    /// Element-wise power of the counts.
    pub power: f32,
    /// The owned product's buyers to this power divide.
    pub source: f32,
    /// The recommended product's buyers to this power divide.
    pub target: f32,
}

impl Shape {
    /// (C / √(d_j d_i))^power: the normalised Gram matrix P with an element-wise power.
    pub fn symmetric(power: f32) -> Shape {
        Shape {
            power,
            source: 0.5 * power,
            target: 0.5 * power,
        }
    }

    /// S_ji = C_ji^power / (d_j^source · d_i^target), the `keep` largest per row.
    ///
    /// `buyers`: d, customers per product; products without buyers count as 1.
    pub fn apply(&self, counts: &Csr, buyers: &[f32], keep: usize) -> Csr {
        let d = |exponent: f32| -> Vec<f32> {
            buyers.iter().map(|d| d.max(1.0).powf(-exponent)).collect()
        };
        let (source, target) = (d(self.source), d(self.target));
        let rows: Vec<Vec<(u32, f32)>> = (0..counts.rows())
            .into_par_iter()
            .map(|j| {
                let mut row: Vec<(u32, f32)> = counts
                    .iter_row(j)
                    .map(|(i, c)| (i, c.powf(self.power) * source[j] * target[i as usize]))
                    .collect();
                keep_largest(&mut row, keep, |v| v);
                row
            })
            .collect();
        Csr::from_rows(counts.cols(), rows)
    }
}

/// A dense row of sums that remembers which cells were touched.
pub(crate) struct Accumulator {
    sums: Vec<f32>,
    touched: Vec<u32>,
}

impl Accumulator {
    pub(crate) fn new(n: usize) -> Accumulator {
        Accumulator {
            sums: vec![0.0; n],
            touched: Vec::new(),
        }
    }

    /// Adds a value, which must not be 0 when it is the cell's first.
    pub(crate) fn add(&mut self, at: u32, value: f32) {
        let sum = &mut self.sums[at as usize];
        if *sum == 0.0 {
            self.touched.push(at);
        }
        *sum += value;
    }

    /// The touched cells in order of first touch; all cells are 0 again afterwards.
    pub(crate) fn drain(&mut self) -> Vec<(u32, f32)> {
        let sums = &mut self.sums;
        self.touched
            .drain(..)
            .map(|at| (at, std::mem::take(&mut sums[at as usize])))
            .collect()
    }
}

/// Cosine between the rows of `content`, the `keep` largest per row, without the diagonal.
///
/// Features held by more than `common` products do not bring two products together by themselves, which bounds the cost
/// at Σ min(df, common)²; they count in the length.
pub fn content_similarity(content: &Csr, keep: usize, common: usize) -> Csr {
    let n = content.rows();
    let holders = content.transpose();
    let rows: Vec<Vec<(u32, f32)>> = (0..n)
        .into_par_iter()
        .map_init(
            || Accumulator::new(n),
            |accumulator, product| {
                for (feature, weight) in content.iter_row(product) {
                    let (others, weights) = holders.row(feature as usize);
                    if others.len() > common {
                        continue;
                    }
                    for (other, w) in others.iter().zip(weights) {
                        accumulator.add(*other, weight * w);
                    }
                }
                let mut row = accumulator.drain();
                row.retain(|(other, _)| *other as usize != product);
                keep_largest(&mut row, keep, |v| v);
                row
            },
        )
        .collect();
    Csr::from_rows(n, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shop() -> Csr {
        let ones = |items: &[u32]| items.iter().map(|i| (*i, 1.0)).collect::<Vec<_>>();
        Csr::from_rows(
            4,
            [
                ones(&[0, 1]),
                ones(&[1, 0, 2]),
                ones(&[3]),
                ones(&[2, 1, 3]),
            ],
        )
    }

    #[test]
    fn counts_equal_a_dense_product() {
        let matrix = shop();
        for power in [0.0f32, 0.5] {
            let options = CooccurrenceOptions {
                customer_power: power,
                keep: 10,
                last: 10,
            };
            let counts = cooccurrence(&matrix, options);
            for j in 0..4u32 {
                for i in 0..4u32 {
                    let dense: f32 = (0..4)
                        .map(|u| {
                            let n = matrix.row(u).0.len() as f32;
                            matrix.get(u, i) * matrix.get(u, j) * n.powf(-2.0 * power)
                        })
                        .sum();
                    let expected = if i == j { 0.0 } else { dense };
                    assert!((counts.get(j as usize, i) - expected).abs() < 1e-6);
                }
            }
        }
    }

    #[test]
    fn lag_counts_have_a_direction_and_a_reach() {
        let lagged = directed_lag(&shop(), 1, 0.5, 10);
        assert_eq!(lagged.get(0, 1), 1.0);
        assert_eq!(lagged.get(1, 0), 1.0);
        assert_eq!(lagged.get(1, 2), 0.0);
        let reach = directed_lag(&shop(), 2, 0.5, 10);
        assert_eq!(reach.get(1, 2), 0.5);
        assert_eq!(reach.get(2, 3), 0.5);
    }

    #[test]
    fn the_shape_divides_by_both_sides() {
        let counts = Csr::from_rows(2, [vec![(1u32, 4.0f32)], vec![(0, 4.0)]]);
        let shape = Shape {
            power: 0.5,
            source: 0.0,
            target: 1.0,
        };
        let scores = shape.apply(&counts, &[2.0, 8.0], 5);
        assert!((scores.get(0, 1) - 0.25).abs() < 1e-6);
        assert!((scores.get(1, 0) - 1.0).abs() < 1e-6);
    }
}
