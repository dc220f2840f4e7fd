//! Packing figures on generated instances: gap to the dual bound, plain greedy beside it, time and memory.
//!
//! `cargo bench -p serendib-benches --bench boxes [-- small | large]`: 2,000 × 500 and 10,000 × 1,000 boxes × products
//! with all products as candidates, at stock 1.05, 1.10 and 1.25 × demand, and 10,000 × 1,000 pruned to 100 candidates a
//! box; `small` ends after the first, `large` runs the last alone and 100,000 × 1,000 likewise. Values are a logistic function of a product's quality, the match of customer and product in six
//! dimensions and noise; stock is gamma distributed; two lines of a category at most.

use std::time::Instant;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serendib_engine::boxes::{
    greedy, pack, repack, verify, BoxRequest, Candidate, Item, Options, Packing, Problem, Rules,
};

const CATEGORIES: u32 = 20;

fn normal(rng: &mut ChaCha8Rng) -> f32 {
    // Box–Muller
    let (a, b): (f32, f32) = (rng.gen_range(f32::EPSILON..1.0), rng.gen());
    (-2.0 * a.ln()).sqrt() * (std::f32::consts::TAU * b).cos()
}

fn instance(boxes: usize, items: usize, stock: f64, keep: usize, seed: u64) -> Problem {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let slots = 5 * boxes;
    // gamma of shape 2: the sum of two exponentials
    let weights: Vec<f64> = (0..items)
        .map(|_| -(rng.gen_range(1e-9..1.0f64).ln() + rng.gen_range(1e-9..1.0f64).ln()))
        .collect();
    let total: f64 = weights.iter().sum();
    let units = |w: f64| ((slots as f64 * stock * w / total).round() as u32).min(boxes as u32);
    let catalogue: Vec<Item> = weights
        .iter()
        .enumerate()
        .map(|(n, w)| Item {
            id: format!("p{n}"),
            stock: units(*w),
            family: n as u32,
            categories: vec![rng.gen_range(0..CATEGORIES)],
            ..Item::default()
        })
        .collect();
    let rules = Rules {
        leaf_cap: Some(2),
        ..Rules::default()
    };
    let taste = |rng: &mut ChaCha8Rng| -> [f32; 6] { std::array::from_fn(|_| normal(rng)) };
    let products: Vec<([f32; 6], f32, f32)> = (0..items)
        .map(|_| (taste(&mut rng), normal(&mut rng), normal(&mut rng)))
        .collect();
    let mut problem = Problem::new(catalogue, rules).expect("a valid instance");
    let sigmoid = |x: f32| 1.0 / (1.0 + (-x).exp());
    for b in 0..boxes {
        let own = taste(&mut rng);
        let mut candidates: Vec<Candidate> = products
            .iter()
            .enumerate()
            .map(|(n, (product, quality, surprise))| {
                let matched: f32 = own.iter().zip(product).map(|(a, b)| a * b).sum();
                let value = sigmoid(0.6 * matched + 0.7 * quality + 0.4 * normal(&mut rng) - 1.5);
                let delight =
                    sigmoid(0.3 * matched + 0.7 * surprise + 0.6 * normal(&mut rng) - 1.5);
                Candidate {
                    item: n as u32,
                    value,
                    surprise: delight,
                    relevance: value,
                }
            })
            .collect();
        if keep < items {
            let by = |c: &Candidate| c.value.max(c.surprise);
            candidates.select_nth_unstable_by(keep - 1, |a, b| by(b).total_cmp(&by(a)));
            candidates.truncate(keep);
        }
        let request = BoxRequest {
            id: format!("b{b}"),
            regular: 4,
            surprise: 1,
            relevance_floor: Some(0.05),
            ..BoxRequest::default()
        };
        problem.add(request, &candidates).expect("a valid box");
    }
    problem
}

fn peak_mb() -> f64 {
    std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("VmHWM"))?;
            line.split_whitespace().nth(1)?.parse::<f64>().ok()
        })
        .map_or(f64::NAN, |kb| kb / 1024.0)
}

/// Processor seconds of this process so far, all threads together: what a busy machine does not distort.
fn cpu_s() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = text.rsplit(')').next().unwrap_or_default();
    let ticks = |n: usize| -> f64 {
        let field = after_name.split_whitespace().nth(n);
        field.and_then(|f| f.parse().ok()).unwrap_or(f64::NAN)
    };
    // fields 14 and 15 of the line, in hundredths
    (ticks(11) + ticks(12)) / 100.0
}

fn run(boxes: usize, items: usize, stock: f64, keep: usize) -> (Problem, Packing) {
    let start = Instant::now();
    let problem = instance(boxes, items, stock, keep, 7);
    let built = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let plain = greedy(&problem);
    let plain_s = start.elapsed().as_secs_f64();
    let options = Options {
        random_one_in: None,
        ..Options::default()
    };
    let start = Instant::now();
    let cpu = cpu_s();
    let verbose = std::env::var_os("BOXES_VERBOSE").is_some();
    let packing = pack(&problem, &options, &|| false, &mut |p| {
        if verbose {
            println!(
                "  {:?} {:.2} value {:.2} bound {:.2} gap {:.4} % at {:.2} s",
                p.phase,
                p.done,
                p.value,
                p.bound,
                100.0 * p.gap,
                start.elapsed().as_secs_f64()
            );
        }
    });
    let seconds = start.elapsed().as_secs_f64();
    let cpu = cpu_s() - cpu;
    let broken = verify(&problem, &packing);
    assert!(broken.is_empty(), "{:?}", &broken[..broken.len().min(3)]);
    println!(
        "{boxes:>7} × {items:>5} stock {stock:.2}: gap {:.3} % ({} empty), greedy {:.3} % ({} empty); pack {seconds:.2} s, {cpu:.2} s of processors = {:.1} µs a box, greedy {plain_s:.2} s, build {built:.1} s, {} rounds, peak {:.0} MB",
        100.0 * packing.gap,
        packing.empty_slots,
        100.0 * (packing.bound - plain.value) / packing.bound,
        plain.empty_slots,
        1e6 * cpu / boxes as f64,
        packing.rounds,
        peak_mb(),
    );
    (problem, packing)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let asked = |name: &str| arguments.iter().any(|a| a == name);
    if !asked("large") {
        for stock in [1.25, 1.10, 1.05] {
            run(2_000, 500, stock, 500);
        }
        if asked("small") {
            return;
        }
        for stock in [1.10, 1.05] {
            run(10_000, 1_000, stock, 1_000);
        }
    }
    let (problem, packing) = run(10_000, 1_000, 1.10, 100);
    let start = Instant::now();
    let count = 200;
    for b in 0..count {
        let avoid = packing.boxes[b].lines[0].item;
        assert!(repack(&problem, &packing, b, &[avoid], 2).is_some());
    }
    println!(
        "repack of one box: {:.3} ms",
        1e3 * start.elapsed().as_secs_f64() / count as f64
    );
    if asked("large") {
        drop((problem, packing));
        run(100_000, 1_000, 1.10, 100);
    }
}
