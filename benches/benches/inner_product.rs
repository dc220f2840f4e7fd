//! Inner-product search against the exact scan, on vectors with the skewed lengths of a spectral decomposition.
//!
//! `cargo bench -p serendib-benches --bench inner_product`. Before the timings it prints recall@20 and recall@200 against
//! the exact scan. With `SERENDIB_GOWALLA` naming the split's unpacked train file, gowalla's own vectors are used.

use std::hint::black_box;

use criterion::{criterion_group, criterion_main, Criterion};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serendib_engine::index::{ExactIndex, QuantisedIndex, VectorIndex};
use serendib_engine::represent::{truncated_svd, Csr, SvdOptions};

/// Vectors and queries, row-major.
struct Set {
    name: &'static str,
    dim: usize,
    vectors: Vec<f32>,
    queries: Vec<Vec<f32>>,
}

fn synthetic(n: usize, dim: usize) -> Set {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut row = |length: f32| -> Vec<f32> {
        (0..dim)
            .map(|d| rng.gen_range(-1.0..1.0f32) * length / (1.0 + d as f32 / 40.0))
            .collect()
    };
    let vectors = (0..n)
        .flat_map(|ix| row(1.0 / (1.0 + ix as f32 / 400.0).sqrt()))
        .collect();
    let queries = (0..50).map(|_| row(1.0)).collect();
    Set {
        name: "synthetic",
        dim,
        vectors,
        queries,
    }
}

/// gowalla's spectral vectors from its train file, if it is there.
fn gowalla(dim: usize) -> Option<Set> {
    let text = std::fs::read_to_string(std::env::var("SERENDIB_GOWALLA").ok()?).ok()?;
    let rows: Vec<Vec<u32>> = text
        .lines()
        .map(|line| {
            line.split_whitespace()
                .skip(1)
                .filter_map(|id| id.parse().ok())
                .collect()
        })
        .collect();
    let n = *rows.iter().flatten().max()? as usize + 1;
    let mut buyers = vec![0f32; n];
    for product in rows.iter().flatten() {
        buyers[*product as usize] += 1.0;
    }
    let root = |product: u32| buyers[product as usize].max(1.0).sqrt();
    let normalised = Csr::from_rows(
        n,
        rows.iter().map(|row| {
            let scale = (row.len().max(1) as f32).sqrt();
            row.iter()
                .map(|p| (*p, 1.0 / (scale * root(*p))))
                .collect::<Vec<_>>()
        }),
    );
    let options = SvdOptions {
        k: dim,
        oversample: 20,
        iterations: 3,
        seed: 1,
    };
    let svd = truncated_svd(&normalised, options);
    let mut vectors = svd.v.clone();
    for ix in 0..n {
        for x in vectors.row_mut(ix) {
            *x *= root(ix as u32);
        }
        if vectors.row(ix).iter().all(|x| *x == 0.0) {
            vectors.row_mut(ix)[0] = 1e-6;
        }
    }
    let queries = rows
        .iter()
        .step_by(rows.len() / 200 + 1)
        .map(|row| {
            let mut query = vec![0f32; svd.v.cols];
            for p in row {
                for ((q, v), s) in query.iter_mut().zip(svd.v.row(*p as usize)).zip(&svd.sigma) {
                    *q += v * s.sqrt() / root(*p);
                }
            }
            query
        })
        .collect();
    Some(Set {
        name: "gowalla",
        dim: svd.v.cols,
        vectors: vectors.data,
        queries,
    })
}

fn recall(exact: &ExactIndex, fast: &QuantisedIndex, queries: &[Vec<f32>], k: usize) -> f64 {
    let (mut found, mut wanted) = (0u32, 0u32);
    for query in queries {
        let a = exact.search(query, k, &|_| true).unwrap_or_default();
        let b = fast.search(query, k, &|_| true).unwrap_or_default();
        wanted += a.len() as u32;
        found += a.iter().filter(|x| b.iter().any(|y| y.0 == x.0)).count() as u32;
    }
    f64::from(found) / f64::from(wanted.max(1))
}

fn inner_product(criterion: &mut Criterion) {
    let set = gowalla(256).unwrap_or_else(|| synthetic(41_000, 256));
    let exact = ExactIndex::new(set.dim, set.vectors.clone()).expect("finite vectors");
    let fast = QuantisedIndex::new(set.dim, set.vectors).expect("finite vectors");
    for k in [20, 200] {
        let share = recall(&exact, &fast, &set.queries, k);
        println!("{}: recall@{k} {share:.4}", set.name);
    }
    let mut group =
        criterion.benchmark_group(format!("inner product {} x {}", exact.len(), set.dim));
    for k in [20usize, 200] {
        for (name, index) in [
            ("exact", &exact as &dyn VectorIndex),
            ("8-bit codes", &fast),
        ] {
            for (filter, every) in [("all", 1u32), ("1 % allowed", 100)] {
                let mut at = 0;
                group.bench_function(format!("{name}, best {k}, {filter}"), |bencher| {
                    bencher.iter(|| {
                        at = (at + 1) % set.queries.len();
                        black_box(index.search(&set.queries[at], k, &|ix| ix % every == 0))
                    })
                });
            }
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = inner_product
}
criterion_main!(benches);
