//! Diverse lists: greedy maximum a posteriori of a determinantal point process.
//!
//! L = Diag(q)·S·Diag(q) with quality q and similarity S. Each step takes the candidate that raises log det L most; an
//! incremental Cholesky factor makes a step linear in the candidates (Chen, Zhang & Zhou, NeurIPS 2018, algorithm 1).

/// Added to the diagonal of S so that equal products do not make it singular.
const JITTER: f32 = 1e-3;

/// How much of each product the products taken so far leave new.
pub struct Spread<'v> {
    vectors: Vec<Option<&'v [f32]>>,
    /// Rows of the Cholesky factor, one entry for each product taken that has a vector.
    rows: Vec<Vec<f32>>,
    /// Share of each product's variance that those taken leave unexplained.
    left: Vec<f32>,
    open: Vec<bool>,
}

impl<'v> Spread<'v> {
    /// Nothing taken yet; `vectors` are unit vectors whose inner product is the similarity, absent where none is known.
    pub fn new(vectors: Vec<Option<&'v [f32]>>) -> Spread<'v> {
        let n = vectors.len();
        Spread {
            rows: vec![Vec::new(); n],
            left: vec![1.0 + JITTER; n],
            open: vec![true; n],
            vectors,
        }
    }

    /// What each product would add to ½·log det L beside its quality, doubled: ln of what is new about it. One without a
    /// vector earns no bonus: it counts as redundant as the most redundant one that has a vector and is still open.
    pub fn bonuses(&self) -> Vec<f32> {
        let least = (0..self.left.len())
            .filter(|i| self.open[*i] && self.vectors[*i].is_some())
            .map(|i| self.left[i])
            .fold(f32::INFINITY, f32::min);
        let without = if least.is_finite() { least } else { 1.0 };
        self.left
            .iter()
            .zip(&self.vectors)
            .map(|(left, vector)| vector.map_or(without, |_| *left).max(1e-9).ln())
            .collect()
    }

    /// Drops product number `ix` without taking it.
    pub fn drop(&mut self, ix: usize) {
        self.open[ix] = false;
    }

    /// Takes product number `ix`: what is like it is less new from now on.
    pub fn take(&mut self, ix: usize) {
        self.open[ix] = false;
        let Some(own) = self.vectors[ix] else { return };
        let pivot = self.left[ix].max(1e-9).sqrt();
        let factor = std::mem::take(&mut self.rows[ix]);
        // Rows of products that are not open are not read again.
        for i in (0..self.left.len()).filter(|i| self.open[*i]) {
            let Some(other) = self.vectors[i] else {
                continue;
            };
            let similarity: f32 = own.iter().zip(other).map(|(a, b)| a * b).sum();
            let known: f32 = factor.iter().zip(&self.rows[i]).map(|(a, b)| a * b).sum();
            let e = (similarity - known) / pivot;
            self.rows[i].push(e);
            self.left[i] = (self.left[i] - e * e).max(0.0);
        }
    }
}

/// ω by which standardised scores become log-qualities: near `diversity` 0 the order of scores wins, at 1 likeness decides
/// almost alone.
pub fn weight_of_scores(diversity: f32) -> f32 {
    let diversity = diversity.clamp(0.01, 1.0);
    (1.0 - diversity) / diversity + 0.1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unit(raw: &[f32]) -> Vec<f32> {
        let norm = raw.iter().map(|x| x * x).sum::<f32>().sqrt();
        raw.iter().map(|x| x / norm).collect()
    }

    /// Greedy by 2·log quality and what is new.
    fn greedy(log_quality: &[f32], vectors: &[Option<Vec<f32>>], count: usize) -> Vec<usize> {
        let mut spread = Spread::new(vectors.iter().map(|v| v.as_deref()).collect());
        let mut chosen: Vec<usize> = Vec::new();
        while chosen.len() < count {
            let bonuses = spread.bonuses();
            let best = (0..vectors.len())
                .filter(|i| !chosen.contains(i))
                .map(|i| (i, 2.0 * log_quality[i] + bonuses[i]))
                .reduce(|a, b| if b.1 > a.1 { b } else { a });
            let Some((best, _)) = best else { break };
            spread.take(best);
            chosen.push(best);
        }
        chosen
    }

    /// log det of the chosen part of L by elimination.
    fn log_det(quality: &[f32], vectors: &[Option<Vec<f32>>], chosen: &[usize]) -> f64 {
        let n = chosen.len();
        let row = |i: usize| vectors[i].as_deref().unwrap_or_default();
        let mut m: Vec<Vec<f64>> = chosen
            .iter()
            .map(|i| {
                chosen
                    .iter()
                    .map(|j| {
                        let dot: f32 = row(*i).iter().zip(row(*j)).map(|(a, b)| a * b).sum();
                        let s = f64::from(dot) + if i == j { f64::from(JITTER) } else { 0.0 };
                        f64::from(quality[*i]) * s * f64::from(quality[*j])
                    })
                    .collect()
            })
            .collect();
        let mut sum = 0.0;
        for k in 0..n {
            sum += m[k][k].max(1e-300).ln();
            for i in k + 1..n {
                let f = m[i][k] / m[k][k];
                for j in k..n {
                    let x = m[k][j];
                    m[i][j] -= f * x;
                }
            }
        }
        sum
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn each_step_is_the_best_one_by_brute_force(
            raw in prop::collection::vec(prop::collection::vec(-1.0f32..1.0, 6), 2..9),
            quality in prop::collection::vec(0.5f32..2.0, 9),
        ) {
            let vectors: Vec<Option<Vec<f32>>> = raw.iter().map(|r| Some(unit(r))).collect();
            let quality = &quality[..vectors.len()];
            let count = vectors.len().min(4);
            let logs: Vec<f32> = quality.iter().map(|q| q.ln()).collect();
            let chosen = greedy(&logs, &vectors, count);
            prop_assert_eq!(chosen.len(), count);
            for step in 0..count {
                let mut so_far = chosen[..step].to_vec();
                so_far.push(chosen[step]);
                let got = log_det(quality, &vectors, &so_far);
                for other in (0..vectors.len()).filter(|i| !chosen[..step].contains(i)) {
                    so_far[step] = other;
                    prop_assert!(got >= log_det(quality, &vectors, &so_far) - 1e-2);
                }
            }
        }
    }

    #[test]
    fn equal_products_are_spread_and_no_vector_is_no_bonus() {
        let vectors = [
            Some(vec![1.0, 0.0]),
            Some(vec![1.0, 0.0]),
            Some(vec![0.0, 1.0]),
            None,
        ];
        let chosen = greedy(&[0.0, -0.01, -0.7, -0.5], &vectors, 4);
        assert_eq!(chosen[..2], [0, 2]);
        // Without vectors at all the list is by quality.
        assert_eq!(greedy(&[0.2, 0.9, 0.5], &[None, None, None], 3), [1, 2, 0]);
    }
}
