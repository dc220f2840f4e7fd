//! How often the 95 % intervals of off-policy evaluation cover the truth of a simulated log.
//!
//! A logging policy draws one of six products per slot; customers come one to five times and differ in how readily they act,
//! so that draws of one customer depend on each other. The truth of another policy is known. Printed: for each estimator the
//! share of `SERENDIB_REPETITIONS` (1,000) logs of 500 customers whose interval holds the truth, the bias in standard errors,
//! and the mean width.
//!
//! `cargo bench -p serendib-benches --bench off_policy`

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serendib_shop::ProductIx;
use serendib_training::judge::policy::{evaluate, Decision, Draw, Interval, OpeOptions};

const LOGGED: [f64; 6] = [0.3, 0.25, 0.2, 0.1, 0.1, 0.05];
const TARGET: [f64; 6] = [0.05, 0.05, 0.1, 0.2, 0.25, 0.35];

fn rate(product: usize) -> f64 {
    0.05 + 0.1 * product as f64
}

fn simulate(customers: u64, seed: u64) -> Vec<Draw> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut draws = Vec::new();
    for customer in 0..customers {
        let eagerness = if rng.gen_bool(0.5) { 0.5 } else { 1.5 };
        for _ in 0..rng.gen_range(1..=5) {
            let mut u: f64 = rng.gen();
            let chosen = LOGGED
                .iter()
                .position(|p| {
                    u -= p;
                    u < 0.0
                })
                .unwrap_or(5);
            draws.push(Draw {
                customer,
                decisions: (0..6)
                    .map(|p| Decision {
                        product: ProductIx::of_index(p),
                        logged: LOGGED[p],
                        target: TARGET[p],
                    })
                    .collect(),
                chosen,
                reward: f64::from(u8::from(rng.gen_bool(rate(chosen) * eagerness))),
            });
        }
    }
    draws
}

fn main() {
    let repetitions: u64 = std::env::var("SERENDIB_REPETITIONS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1_000);
    let value = |policy: [f64; 6]| -> f64 { (0..6).map(|p| policy[p] * rate(p)).sum() };
    let truth = value(TARGET);
    let gap = truth - value(LOGGED);
    let reports: Vec<[Interval; 4]> = (0..repetitions)
        .into_par_iter()
        .filter_map(|seed| {
            let options = OpeOptions {
                seed,
                resamples: 1_000,
                ..OpeOptions::default()
            };
            let r = evaluate(&simulate(500, seed), &options).ok()?;
            Some([r.ips, r.snips, r.doubly_robust, r.difference])
        })
        .collect();
    println!(
        "{} logs of 500 customers, truth {truth:.4}, difference {gap:.4}",
        reports.len()
    );
    for (ix, name) in ["IPS", "SNIPS", "doubly robust", "difference"]
        .iter()
        .enumerate()
    {
        let truth = if ix == 3 { gap } else { truth };
        let n = reports.len() as f64;
        let inside = reports
            .iter()
            .filter(|r| r[ix].low <= truth && truth <= r[ix].high)
            .count();
        let mean = reports.iter().map(|r| r[ix].value).sum::<f64>() / n;
        let sd = (reports
            .iter()
            .map(|r| (r[ix].value - mean).powi(2))
            .sum::<f64>()
            / n)
            .sqrt();
        let width = reports.iter().map(|r| r[ix].high - r[ix].low).sum::<f64>() / n;
        println!(
            "{name:<14} covered {:.3}, bias {:+.2} standard errors of the mean, width {width:.4}",
            inside as f64 / n,
            (mean - truth) / (sd / n.sqrt())
        );
    }
}
