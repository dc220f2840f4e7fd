//! Inner-product search against the exact scan, on vectors with the skewed lengths of a spectral decomposition.
//!
//! `cargo bench -p serendib-benches --bench inner_product`. Prints the times of both searches in turns, recall@20 and
//! recall@200 against the exact scan, and for unit vectors of growing catalogues the graph beside the scan. With
//! `SERENDIB_GOWALLA` naming the split's unpacked `train.txt`, gowalla's own vectors are used, and with `test.txt` beside it NDCG@20
//! of both lists is compared.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serendib_benches::{median, time_us};
use serendib_engine::index::{ExactIndex, GraphOptions, QuantisedIndex, VectorIndex};
use serendib_engine::represent::{unit_rows, AlikeGraph, Csr, Dense};
use serendib_training::learn::vectors::svd::{truncated_svd, SvdOptions};

/// Vectors and queries, row-major.
struct Set {
    name: &'static str,
    dim: usize,
    vectors: Vec<f32>,
    queries: Vec<Vec<f32>>,
    /// For each query, what the customer had and what was held out, where there are customers behind them.
    customers: Vec<(Vec<u32>, Vec<u32>)>,
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
    let queries = (0..200).map(|_| row(1.0)).collect();
    Set {
        name: "synthetic",
        dim,
        vectors,
        queries,
        customers: Vec::new(),
    }
}

/// Products by customer number.
fn read(path: &std::path::Path) -> Option<Vec<Vec<u32>>> {
    let mut rows = Vec::new();
    for line in std::fs::read_to_string(path).ok()?.lines() {
        let mut numbers = line.split_whitespace().filter_map(|id| id.parse().ok());
        let customer: u32 = numbers.next()?;
        rows.resize_with(rows.len().max(customer as usize + 1), Vec::new);
        rows[customer as usize] = numbers.collect();
    }
    Some(rows)
}

/// gowalla's spectral vectors from its train file, if it is there.
fn gowalla(dim: usize) -> Option<Set> {
    let train = std::path::PathBuf::from(std::env::var("SERENDIB_GOWALLA").ok()?);
    let rows = read(&train)?;
    let held_out = read(&train.with_file_name("test.txt")).unwrap_or_default();
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
        .step_by(rows.len() / QUERIES + 1)
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
        customers: rows
            .iter()
            .enumerate()
            .step_by(rows.len() / QUERIES + 1)
            .map(|(at, row)| (row.clone(), held_out.get(at).cloned().unwrap_or_default()))
            .collect(),
    })
}

/// Customers asked about.
const QUERIES: usize = 1_000;

/// NDCG@20 of `found` against what was held out.
fn ndcg(found: &[(u32, f32)], held_out: &[u32]) -> f64 {
    let gain = |rank: usize| 1.0 / (rank as f64 + 2.0).log2();
    let hits = found
        .iter()
        .take(20)
        .enumerate()
        .filter(|(_, f)| held_out.contains(&f.0));
    let best: f64 = (0..held_out.len().min(20)).map(gain).sum();
    hits.map(|(rank, _)| gain(rank)).sum::<f64>() / best.max(1e-9)
}

/// Times of both searches in turns, and the quality of their lists.
fn in_turns(set: &Set, exact: &ExactIndex, fast: &QuantisedIndex) {
    for (k, every) in [(20usize, 1u32), (200, 1), (20, 100), (200, 100)] {
        let (mut slow, mut quick) = (Vec::new(), Vec::new());
        let allowed = |ix: u32| ix.is_multiple_of(every);
        for query in set.queries.iter().take(100) {
            let (mut a, mut b) = (f64::INFINITY, f64::INFINITY);
            for _ in 0..4 {
                a = a.min(time_us(|| exact.search(query, k, &allowed)));
                b = b.min(time_us(|| fast.search(query, k, &allowed)));
            }
            slow.push(a);
            quick.push(b);
        }
        let (slow, quick) = (median(slow), median(quick));
        println!(
            "{}: best {k} of 1 in {every}: exact {slow:.0} us, 8-bit codes {quick:.0} us = {:.3} x; recall {:.4}",
            set.name,
            quick / slow,
            recall(exact, fast, &set.queries, k, &allowed)
        );
    }
    let (mut a, mut b, mut asked) = (0.0, 0.0, 0);
    for (query, (had, held_out)) in set.queries.iter().zip(&set.customers) {
        if held_out.is_empty() {
            continue;
        }
        let new = |ix: u32| !had.contains(&ix);
        asked += 1;
        a += ndcg(&exact.search(query, 20, &new).unwrap_or_default(), held_out);
        b += ndcg(&fast.search(query, 20, &new).unwrap_or_default(), held_out);
    }
    if asked > 0 {
        let (a, b) = (a / f64::from(asked), b / f64::from(asked));
        println!(
            "{}: NDCG@20 over {asked} customers: exact {a:.5}, 8-bit codes {b:.5}",
            set.name
        );
    }
}

fn recall(
    exact: &ExactIndex,
    fast: &QuantisedIndex,
    queries: &[Vec<f32>],
    k: usize,
    allowed: &(dyn Fn(u32) -> bool + Sync),
) -> f64 {
    let (mut found, mut wanted) = (0u32, 0u32);
    for query in queries {
        let a = exact.search(query, k, allowed).unwrap_or_default();
        let b = fast.search(query, k, allowed).unwrap_or_default();
        wanted += a.len() as u32;
        found += a.iter().filter(|x| b.iter().any(|y| y.0 == x.0)).count() as u32;
    }
    f64::from(found) / f64::from(wanted.max(1))
}

/// Unit vectors of growing catalogues: a graph against the exact scan, over the time of building it.
fn alike(set: &Set) {
    let mut units = Dense::zeros(set.vectors.len() / set.dim, set.dim);
    units.data.copy_from_slice(&set.vectors);
    let (units, _) = unit_rows(&units);
    for n in [2_500, 5_000, 10_000, 20_000, 41_000] {
        // every so-manieth vector, so that popular and rare products are in each
        let step = (units.rows / n).max(1);
        let data: Vec<f32> = (0..units.rows)
            .step_by(step)
            .take(n)
            .flat_map(|ix| units.row(ix).to_vec())
            .collect();
        let some = Dense {
            rows: data.len() / set.dim,
            cols: set.dim,
            data,
        };
        let mut graph = None;
        let built = time_us(|| graph = Some(AlikeGraph::build(&some, GraphOptions::default())));
        let graph = graph.expect("a graph");
        let exact = ExactIndex::new(set.dim, some.data.clone()).expect("finite vectors");
        let (mut scan, mut walk, mut found, mut wanted, mut own) = (vec![], vec![], 0, 0, 0);
        let probes: Vec<usize> = (0..some.rows).step_by((some.rows / 300).max(1)).collect();
        for probe in &probes {
            let query = some.row(*probe);
            let mut best = Vec::new();
            scan.push(time_us(|| {
                best = exact.search(query, 20, &|_| true).unwrap_or_default();
            }));
            let mut near = Vec::new();
            walk.push(time_us(|| {
                near = graph
                    .search(&some, query, 20, &|_| true)
                    .unwrap_or_default();
            }));
            near.sort_by(|a, b| b.1.total_cmp(&a.1));
            wanted += best.len();
            let top = &near[..near.len().min(20)];
            found += best
                .iter()
                .filter(|b| top.iter().any(|t| t.0 == b.0))
                .count();
        }
        for probe in 0..some.rows {
            let near = graph.search(&some, some.row(probe), 1, &|_| true);
            own += usize::from(near.is_some_and(|near| near.iter().any(|n| n.0 as usize == probe)));
        }
        println!(
            "{}: {} unit vectors: scan {:.0} us, graph {:.0} us, recall@20 {:.4}, found by their own vector {:.5}, built in {:.1} s",
            set.name,
            some.rows,
            median(scan),
            median(walk),
            f64::from(found as u32) / f64::from(wanted as u32),
            own as f64 / some.rows as f64,
            built / 1e6
        );
    }
}

fn main() {
    let set = gowalla(256).unwrap_or_else(|| synthetic(41_000, 256));
    alike(&set);
    let exact = ExactIndex::new(set.dim, set.vectors.clone()).expect("finite vectors");
    let fast = QuantisedIndex::new(set.dim, set.vectors.clone()).expect("finite vectors");
    in_turns(&set, &exact, &fast);
}
