//! Inner-product search against the exact scan, on vectors with the skewed lengths of a spectral decomposition.
//!
//! `cargo bench -p serendib-benches --bench inner_product`. Prints the times of both searches in turns, recall@20 and
//! recall@200 against the exact scan, and for unit vectors of growing catalogues the graph beside the scan. With
//! `SERENDIB_GOWALLA` naming the split's unpacked `train.txt`, gowalla's own vectors are used, and with `test.txt` beside it NDCG@20
//! of both lists is compared.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serendib_benches::{median, time_us};
use serendib_engine::index::GraphOptions;
use serendib_engine::represent::{
    unit_rows, AlikeGraph, Csr, Dense, Folded, Parts, Representation, SpectralPart, Weighting,
};
use serendib_shop::ProductIx;
use serendib_training::learn::vectors::svd::{truncated_svd, SvdOptions};

/// A catalogue of vectors, and what is asked of it.
struct Set {
    name: &'static str,
    /// The parts of a representation in which vectors alone score.
    parts: Parts,
    /// Customers by the products they had.
    histories: Vec<Vec<u32>>,
    /// What was held out of each, where it is known.
    held_out: Vec<Vec<u32>>,
}

impl Set {
    /// Rows of `vectors` with gains of their lengths: by `source` as owned, and by `target` as recommended products.
    fn parts(
        vectors: &Dense,
        source: impl Fn(usize) -> f32,
        target: impl Fn(usize) -> f32,
    ) -> Parts {
        let (units, lengths) = unit_rows(vectors);
        let gains = |of: &dyn Fn(usize) -> f32| -> Vec<f32> {
            lengths
                .iter()
                .enumerate()
                .map(|(ix, length)| length * of(ix))
                .collect()
        };
        Parts {
            buyers: vec![1.0; units.rows],
            lately: vec![1.0; units.rows],
            spectral: Some(SpectralPart {
                weighting: Weighting::default(),
                source: gains(&source),
                target: gains(&target),
            }),
            units,
            ..Parts::default()
        }
    }

    fn folded(&self, with: &Representation) -> Vec<Folded> {
        let fold = |history: &Vec<u32>| {
            let products = history.iter().map(|p| (ProductIx(*p), 1.0));
            with.fold_in_products(&products.collect::<Vec<_>>())
        };
        self.histories.iter().map(fold).collect()
    }
}

fn synthetic(n: usize, dim: usize) -> Set {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut vectors = Dense::zeros(n, dim);
    for ix in 0..n {
        let length = 1.0 / (1.0 + ix as f32 / 400.0).sqrt();
        for (d, x) in vectors.row_mut(ix).iter_mut().enumerate() {
            *x = rng.gen_range(-1.0..1.0f32) * length / (1.0 + d as f32 / 40.0);
        }
    }
    let histories = (0..200)
        .map(|_| (0..8).map(|_| rng.gen_range(0..n as u32)).collect())
        .collect();
    Set {
        name: "synthetic",
        parts: Set::parts(&vectors, |_| 1.0, |_| 1.0),
        histories,
        held_out: Vec::new(),
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
    // ⟨v_p, v_i⟩ weighted by the root of the singular values
    let mut vectors = svd.v.clone();
    for ix in 0..n {
        for (x, sigma) in vectors.row_mut(ix).iter_mut().zip(&svd.sigma) {
            *x *= sigma.sqrt().sqrt();
        }
    }
    let some = || rows.iter().enumerate().step_by(rows.len() / QUERIES + 1);
    Some(Set {
        name: "gowalla",
        parts: Set::parts(&vectors, |ix| 1.0 / root(ix as u32), |ix| root(ix as u32)),
        histories: some().map(|(_, row)| row.clone()).collect(),
        held_out: some()
            .map(|(at, _)| held_out.get(at).cloned().unwrap_or_default())
            .collect(),
    })
}

/// Customers asked about.
const QUERIES: usize = 1_000;

/// NDCG@20 of `found` against what was held out.
fn ndcg(found: &[(ProductIx, f32)], held_out: &[u32]) -> f64 {
    let gain = |rank: usize| 1.0 / (rank as f64 + 2.0).log2();
    let hits = found
        .iter()
        .take(20)
        .enumerate()
        .filter(|(_, (product, _))| held_out.contains(&product.0));
    let best: f64 = (0..held_out.len().min(20)).map(gain).sum();
    hits.map(|(rank, _)| gain(rank)).sum::<f64>() / best.max(1e-9)
}

/// Times of both searches in turns, and the quality of their lists.
fn in_turns(set: &Set, exact: &Representation, fast: &Representation) {
    let folded = set.folded(fast);
    for (k, every) in [(20usize, 1u32), (200, 1), (20, 100), (200, 100)] {
        let (mut slow, mut quick) = (Vec::new(), Vec::new());
        let allowed = |ix: ProductIx| ix.0.is_multiple_of(every);
        for query in folded.iter().take(100) {
            let (mut a, mut b) = (f64::INFINITY, f64::INFINITY);
            for _ in 0..4 {
                a = a.min(time_us(|| exact.candidates(query, k, &allowed)));
                b = b.min(time_us(|| fast.candidates(query, k, &allowed)));
            }
            slow.push(a);
            quick.push(b);
        }
        let (slow, quick) = (median(slow), median(quick));
        println!(
            "{}: best {k} of 1 in {every}: exact {slow:.0} us, 8-bit codes {quick:.0} us = {:.3} x; recall {:.4}",
            set.name,
            quick / slow,
            recall(exact, fast, &folded, k, &allowed)
        );
    }
    let (mut a, mut b, mut asked) = (0.0, 0.0, 0);
    for ((query, had), held_out) in folded.iter().zip(&set.histories).zip(&set.held_out) {
        if held_out.is_empty() {
            continue;
        }
        let new = |ix: ProductIx| !had.contains(&ix.0);
        asked += 1;
        a += ndcg(&exact.candidates(query, 20, &new), held_out);
        b += ndcg(&fast.candidates(query, 20, &new), held_out);
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
    exact: &Representation,
    fast: &Representation,
    queries: &[Folded],
    k: usize,
    allowed: &(dyn Fn(ProductIx) -> bool + Sync),
) -> f64 {
    let (mut found, mut wanted) = (0u32, 0u32);
    for query in queries {
        let a = exact.candidates(query, k, allowed);
        let b = fast.candidates(query, k, allowed);
        wanted += a.len() as u32;
        found += a.iter().filter(|x| b.iter().any(|y| y.0 == x.0)).count() as u32;
    }
    f64::from(found) / f64::from(wanted.max(1))
}

/// Unit vectors of growing catalogues: a graph against the exact scan, over the time of building it.
fn alike(set: &Set) {
    let units = &set.parts.units;
    for n in [2_500, 5_000, 10_000, 20_000, 41_000] {
        // every so-manieth vector, so that popular and rare products are in each
        let step = (units.rows / n).max(1);
        let data: Vec<f32> = (0..units.rows)
            .step_by(step)
            .take(n)
            .flat_map(|ix| units.row(ix).to_vec())
            .collect();
        let some = Dense {
            rows: data.len() / units.cols,
            cols: units.cols,
            data,
        };
        let mut graph = None;
        let built = time_us(|| graph = Some(AlikeGraph::build(&some, GraphOptions::default())));
        let catalogue = Representation::new(Parts {
            buyers: vec![1.0; some.rows],
            lately: vec![1.0; some.rows],
            units: some,
            alike: graph,
            ..Parts::default()
        })
        .expect("finite parts");
        let products = catalogue.len();
        let (mut scan, mut walk, mut found, mut wanted, mut own) = (vec![], vec![], 0, 0, 0);
        for probe in ProductIx::all(products).step_by((products / 300).max(1)) {
            let mut best = Vec::new();
            scan.push(time_us(|| {
                best = catalogue.similar_exactly(probe, 20, &|_| true);
            }));
            let mut near = Vec::new();
            walk.push(time_us(|| near = catalogue.similar(probe, 20, &|_| true)));
            wanted += best.len();
            found += best
                .iter()
                .filter(|b| near.iter().any(|t| t.0 == b.0))
                .count();
        }
        for probe in ProductIx::all(products) {
            let Some(vector) = catalogue.vector(probe) else {
                continue;
            };
            let near = catalogue.nearest(vector, 1, &|_| true);
            own += usize::from(near.first().is_some_and(|near| near.1 > 1.0 - 1e-5));
        }
        println!(
            "{}: {products} unit vectors: scan {:.0} us, graph {:.0} us, recall@20 {:.4}, found by their own vector {:.5}, built in {:.1} s",
            set.name,
            median(scan),
            median(walk),
            f64::from(found as u32) / f64::from(wanted as u32),
            own as f64 / products as f64,
            built / 1e6
        );
    }
}

fn main() {
    let set = gowalla(256).unwrap_or_else(|| synthetic(41_000, 256));
    alike(&set);
    let with = |exact: bool| {
        let parts = Parts {
            exact,
            ..set.parts.clone()
        };
        Representation::new(parts).expect("finite parts")
    };
    in_turns(&set, &with(true), &with(false));
}
