//! The estimators.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::judge::policy::decision::{Decision, Draw};
use crate::judge::policy::{interval, CrossFit, Interval};

/// Why a draw cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum DecisionError {
    /// The chosen position is not among the candidates.
    #[error("draw {draw}: chosen position {chosen} of {candidates} candidates")]
    Chosen {
        /// Position of the draw.
        draw: usize,
        chosen: usize,
        /// Number of candidates.
        candidates: usize,
    },
    /// Probabilities are not a distribution.
    #[error("draw {draw}: {policy} probabilities sum to {sum}, expected 1")]
    Sum {
        /// Position of the draw.
        draw: usize,
        /// `logged` or `target`.
        policy: &'static str,
        sum: f64,
    },
    /// What was drawn could not have been.
    #[error("draw {draw}: the chosen product has logged probability {logged}")]
    Impossible {
        /// Position of the draw.
        draw: usize,
        logged: f64,
    },
    /// The reward is not a number.
    #[error("draw {draw}: reward is {reward}")]
    Reward {
        /// Position of the draw.
        draw: usize,
        reward: f64,
    },
}

/// How to evaluate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OpeOptions {
    /// Bootstrap resamples of customers; 1,000 by default.
    pub resamples: usize,
    /// Seed of the bootstrap.
    pub seed: u64,
    /// Smallest effective sample size with which there is enough data; 100 by default.
    pub least_effective: f64,
    /// Smallest effective sample as a share of all draws; .05 by default.
    pub least_effective_share: f64,
}

impl Default for OpeOptions {
    fn default() -> Self {
        OpeOptions {
            resamples: 1_000,
            seed: 0,
            least_effective: 100.0,
            least_effective_share: 0.05,
        }
    }
}

/// Whether the log can say anything about the target policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Enough,
    /// No: the effective sample is too small.
    NotEnoughData,
}

/// What the log says of the target policy; rewards per draw.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OpeReport {
    pub draws: usize,
    /// Customers behind them.
    pub customers: usize,
    /// What the logging policy earned.
    pub logged: Interval,
    /// Inverse propensity scoring.
    pub ips: Interval,
    /// Self-normalised inverse propensity scoring.
    pub snips: Interval,
    /// Doubly robust, rewards cross-fitted by customer.
    pub doubly_robust: Interval,
    /// Target minus logging policy, self-normalised: far less variance than the difference of two estimates.
    pub difference: Interval,
    /// (Σw)² / Σw².
    pub effective_sample: f64,
    /// Mean weight; far from 1 = propensities are wrong.
    pub mean_weight: f64,
    pub max_weight: f64,
    /// Mean probability that the target gives to products which the logging policy never draws.
    pub outside_overlap: f64,
    /// Whether this is enough to act on.
    pub verdict: Verdict,
}

/// Evaluates the target policy of `draws`.
///
/// # Errors
/// The first draw that is not a draw.
pub fn evaluate(draws: &[Draw], options: &OpeOptions) -> Result<OpeReport, DecisionError> {
    for (ix, draw) in draws.iter().enumerate() {
        check(ix, draw)?;
    }
    let rewards = CrossFit::fit(draws);
    // Per customer: draws, Σr, Σw, Σwr, Σdr
    let mut sums: BTreeMap<u64, [f64; 5]> = BTreeMap::new();
    let (mut weights, mut squares, mut largest, mut outside) = (0.0, 0.0, 0.0_f64, 0.0);
    for draw in draws {
        let chosen = &draw.decisions[draw.chosen];
        let weight = chosen.target / chosen.logged;
        let direct: f64 = draw
            .decisions
            .iter()
            .filter(|d| d.target > 0.0)
            .map(|d| d.target * rewards.reward(draw.customer, d.product))
            .sum();
        let residual = draw.reward - rewards.reward(draw.customer, chosen.product);
        let row = sums.entry(draw.customer).or_default();
        for (sum, x) in row.iter_mut().zip([
            1.0,
            draw.reward,
            weight,
            weight * draw.reward,
            direct + weight * residual,
        ]) {
            *sum += x;
        }
        weights += weight;
        squares += weight * weight;
        largest = largest.max(weight);
        outside += draw
            .decisions
            .iter()
            .filter(|d| d.logged <= 0.0)
            .map(|d| d.target)
            .sum::<f64>();
    }
    let rows: Vec<[f64; 5]> = sums.into_values().collect();
    let n = draws.len() as f64;
    let ratio = |a: f64, b: f64| if b > 0.0 { a / b } else { 0.0 };
    let figure = |statistic: fn(&[f64; 5]) -> f64| {
        interval(&rows, statistic, options.resamples, options.seed)
    };
    let effective = ratio(weights * weights, squares);
    let enough =
        effective >= options.least_effective && effective >= options.least_effective_share * n;
    Ok(OpeReport {
        draws: draws.len(),
        customers: rows.len(),
        logged: figure(|[n, r, ..]| r / n.max(1.0)),
        ips: figure(|[n, _, _, wr, _]| wr / n.max(1.0)),
        snips: figure(|[_, _, w, wr, _]| if *w > 0.0 { wr / w } else { 0.0 }),
        doubly_robust: figure(|[n, _, _, _, dr]| dr / n.max(1.0)),
        difference: figure(|[n, r, w, wr, _]| {
            let target = if *w > 0.0 { wr / w } else { 0.0 };
            target - r / n.max(1.0)
        }),
        effective_sample: effective,
        mean_weight: ratio(weights, n),
        max_weight: largest,
        outside_overlap: ratio(outside, n),
        verdict: if enough {
            Verdict::Enough
        } else {
            Verdict::NotEnoughData
        },
    })
}

fn check(ix: usize, draw: &Draw) -> Result<(), DecisionError> {
    let Some(chosen) = draw.decisions.get(draw.chosen) else {
        return Err(DecisionError::Chosen {
            draw: ix,
            chosen: draw.chosen,
            candidates: draw.decisions.len(),
        });
    };
    if !draw.reward.is_finite() {
        return Err(DecisionError::Reward {
            draw: ix,
            reward: draw.reward,
        });
    }
    let probability: [(&str, fn(&Decision) -> f64); 2] =
        [("logged", |d| d.logged), ("target", |d| d.target)];
    for (policy, of) in probability {
        let sum: f64 = draw.decisions.iter().map(of).sum();
        let negative = draw.decisions.iter().any(|d| of(d) < 0.0);
        if negative || !sum.is_finite() || (sum - 1.0).abs() > 1e-4 {
            return Err(DecisionError::Sum {
                draw: ix,
                policy,
                sum,
            });
        }
    }
    if chosen.logged <= 0.0 {
        return Err(DecisionError::Impossible {
            draw: ix,
            logged: chosen.logged,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use serendib_shop::ProductIx;

    const PRODUCTS: usize = 6;

    /// What each product earns, on average over customers; customers differ in how likely they are to act.
    fn reward_rate(product: usize, eagerness: f64) -> f64 {
        (0.05 + 0.1 * product as f64) * eagerness
    }

    fn target() -> [f64; PRODUCTS] {
        [0.05, 0.05, 0.1, 0.2, 0.25, 0.35]
    }

    /// A log of `customers` with 1 to 5 draws each under a skewed policy, and its truth under the target policy.
    fn simulate(customers: u64, seed: u64) -> Vec<Draw> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let logged = [0.3, 0.25, 0.2, 0.1, 0.1, 0.05];
        let mut draws = Vec::new();
        for customer in 0..customers {
            let eagerness = if rng.gen_bool(0.5) { 0.5 } else { 1.5 };
            for _ in 0..rng.gen_range(1..=5) {
                let mut u: f64 = rng.gen();
                let chosen = logged
                    .iter()
                    .position(|p| {
                        u -= p;
                        u < 0.0
                    })
                    .unwrap_or(PRODUCTS - 1);
                draws.push(Draw {
                    customer,
                    decisions: (0..PRODUCTS)
                        .map(|product| Decision {
                            product: ProductIx(product as u32),
                            logged: logged[product],
                            target: target()[product],
                        })
                        .collect(),
                    chosen,
                    reward: f64::from(u8::from(rng.gen_bool(reward_rate(chosen, eagerness)))),
                });
            }
        }
        draws
    }

    fn truth() -> f64 {
        let rates = target().into_iter().enumerate();
        rates
            .map(|(product, p)| p * reward_rate(product, 1.0))
            .sum()
    }

    #[test]
    fn intervals_cover_the_truth_about_as_often_as_they_say() {
        let repetitions = 200;
        let mut covered = [0; 3];
        for seed in 0..repetitions {
            let options = OpeOptions {
                resamples: 300,
                seed,
                ..OpeOptions::default()
            };
            let report = evaluate(&simulate(400, seed), &options).unwrap();
            let estimates = [report.ips, report.snips, report.doubly_robust];
            for (count, estimate) in covered.iter_mut().zip(estimates) {
                *count += u32::from(estimate.low <= truth() && truth() <= estimate.high);
            }
        }
        for count in covered {
            let share = f64::from(count) / repetitions as f64;
            assert!((0.90..=0.99).contains(&share), "{covered:?}");
        }
    }

    #[test]
    fn a_policy_compared_with_itself_differs_by_nothing() {
        let mut draws = simulate(50, 1);
        for draw in &mut draws {
            for decision in &mut draw.decisions {
                decision.target = decision.logged;
            }
        }
        let report = evaluate(&draws, &OpeOptions::default()).unwrap();
        assert!(report.difference.value.abs() < 1e-12);
        assert!(report.difference.high - report.difference.low < 1e-12);
        assert!((report.effective_sample - draws.len() as f64).abs() < 1e-6);
    }

    #[test]
    fn little_overlap_is_not_enough_data() {
        let mut draws = simulate(60, 2);
        for draw in &mut draws {
            for decision in &mut draw.decisions {
                decision.target = f64::from(u8::from(decision.product == ProductIx(5)));
            }
        }
        let report = evaluate(&draws, &OpeOptions::default()).unwrap();
        assert_eq!(report.verdict, Verdict::NotEnoughData);
        assert_eq!(
            evaluate(&[], &OpeOptions::default()).unwrap().verdict,
            Verdict::NotEnoughData
        );
    }

    #[test]
    fn what_is_not_a_draw_is_named() {
        let good = simulate(1, 3);
        let options = OpeOptions::default();
        let mut bad = good.clone();
        bad[0].chosen = 99;
        assert!(matches!(
            evaluate(&bad, &options),
            Err(DecisionError::Chosen { .. })
        ));
        let mut bad = good.clone();
        bad[0].decisions[0].logged = f64::NAN;
        assert!(matches!(
            evaluate(&bad, &options),
            Err(DecisionError::Sum {
                policy: "logged",
                ..
            })
        ));
        let mut bad = good.clone();
        bad[0].reward = f64::INFINITY;
        assert!(matches!(
            evaluate(&bad, &options),
            Err(DecisionError::Reward { .. })
        ));
        let mut bad = good;
        let chosen = bad[0].chosen;
        let other = usize::from(chosen == 0);
        bad[0].decisions[other].logged += bad[0].decisions[chosen].logged;
        bad[0].decisions[chosen].logged = 0.0;
        assert!(matches!(
            evaluate(&bad, &options),
            Err(DecisionError::Impossible { .. })
        ));
    }
}
