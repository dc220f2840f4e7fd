//! Time and memory of a default fit over 10⁵, 10⁶ and 10⁷ generated interactions.
//!
//! `cargo bench -p serendib-benches --bench fit_scale [-- 100000 1000000 10000000]`. Each size runs in a process of its
//! own, so that its peak memory is its own.

use std::borrow::Cow;
use std::time::Instant;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serendib_shop::{Catalogue, Kind, Product, ProductIx, Touch};
use serendib_training::learn::{build, choose};
use serendib_training::learn::{memory, Corpus};

fn peak_mb() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    text.lines()
        .find(|line| line.starts_with("VmHWM"))
        .and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok())
        .map_or(f64::NAN, |kb| kb / 1024.0)
}

/// Customers of 200 tastes over a catalogue with a long tail; about 20 acquisitions each.
fn histories(interactions: usize, products: u32) -> Vec<Vec<Touch>> {
    const TASTES: u32 = 200;
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut product = |customer: usize| {
        let tail = rng.gen_range(0.0f64..1.0).powi(2);
        if rng.gen_bool(0.7) {
            (tail * f64::from(products / TASTES)) as u32 * TASTES + customer as u32 % TASTES
        } else {
            (tail * f64::from(products)) as u32
        }
    };
    (0..interactions / 20)
        .map(|customer| {
            (0..20)
                .map(|_| {
                    Touch::new(
                        Kind::PURCHASE,
                        ProductIx(product(customer).min(products - 1)),
                        0,
                    )
                })
                .collect()
        })
        .collect()
}

fn one(interactions: usize) {
    let products = (interactions as f64).sqrt() as u32 * 12;
    let ids = (0..products)
        .map(|i| Product::bare(format!("p{i}")))
        .collect();
    let catalogue = Catalogue::new(ids).expect("distinct ids");
    let rows = histories(interactions, products);
    let corpus = Corpus {
        catalogue: &catalogue,
        histories: rows.iter().map(|r| Cow::Borrowed(&r[..])).collect(),
        anonymous: Vec::new(),
        timed: false,
    };
    let before = peak_mb();
    let start = Instant::now();
    let (settings, choice) = choose(&corpus, 1, memory::available(), &|_| {});
    let chosen = start.elapsed().as_secs_f64();
    let model = build(&corpus, &settings, &|_| {}).expect("a representation");
    let total = start.elapsed().as_secs_f64();
    println!(
        "{interactions:>12} {products:>9} {:>9} {chosen:>9.1} {total:>9.1} {before:>10.0} {:>9.0}  {} dimensions, {}",
        rows.len(),
        peak_mb(),
        model.dim(),
        choice.verdict
    );
}

fn main() {
    if let Ok(size) = std::env::var("SERENDIB_FIT_SCALE") {
        return one(size.parse().expect("a number"));
    }
    let asked: Vec<usize> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    let sizes = if asked.is_empty() {
        vec![100_000, 1_000_000, 10_000_000]
    } else {
        asked
    };
    println!("interactions  products customers  chosen s   total s  before MB   peak MB");
    for size in sizes {
        let program = std::env::current_exe().expect("this program");
        let status = std::process::Command::new(program)
            .env("SERENDIB_FIT_SCALE", size.to_string())
            .status();
        if !status.is_ok_and(|s| s.success()) {
            println!("{size:>12} failed");
        }
    }
}
