//! The automatic choice beside every family alone, on the test parts of public sets.
//!
//! `SERENDIB_PUBLIC_DATA=DIR cargo bench -p serendib-benches --bench choice [-- SET …] [--cases N]`, with the sets
//! `gowalla` (as published), `movielens`, `retail`, `ta-feng` and `beauty` (a random fifth of each customer's products is
//! the test part; times and order are taken away), and `movielens-75` (a random quarter of each user's ratings, the
//! protocol of Microsoft's Recommenders, whose published nDCG@10 are printed beside ours). The default choice sees the train part only. Each family alone is
//! given the best of a few settings **on the test part**, which is more than anybody who tunes by hand can have.

use std::borrow::Cow;
use std::path::Path;
use std::time::Instant;

use rand::seq::SliceRandom;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serendib_datasets::importers::{import, Layout};
use serendib_engine::represent::{IalsOptions, Weighting};
use serendib_shop::{
    net_acquisitions, Catalogue, CustomerIx, Format, Kind, Log, ProductIx, Progress, ReadOptions,
    ShopData, Touch,
};
use serendib_training::learn::vectors::cooccurrence::Shape;
use serendib_training::learn::vectors::families::{Family, Workbench};
use serendib_training::learn::vectors::scorers::{
    gain_of_case, gain_per_case, mean, ranks, Fitted,
};
use serendib_training::learn::{build, choose};
use serendib_training::learn::{corpus_of, memory, Case, Corpus};
use serendib_training::stats::bootstrap::mean_interval;
use serendib_training::stats::ndcg::ndcg as stats_ndcg;

struct Set {
    name: String,
    catalogue: Catalogue,
    train: Vec<Vec<Touch>>,
    cases: Vec<Case>,
}

fn touch(product: ProductIx) -> Touch {
    Touch::new(Kind::PURCHASE, product, 0)
}

/// Imports a public set; a random fifth is the test part where it brings none.
fn load(name: &str, data: &Path, most: usize) -> anyhow::Result<Set> {
    let (layout, folder, file) = match name {
        "gowalla" => (Layout::LightGcn, "gowalla", ""),
        "movielens" | "movielens-75" => (Layout::MovieLens, "movielens-100k", ""),
        "retail" => (Layout::OnlineRetail, "online-retail", ""),
        "ta-feng" => (Layout::TaFeng, "ta-feng", ""),
        "beauty" => (Layout::Sequences, "amazon-beauty", ""),
        _ => anyhow::bail!("unknown set {name:?}"),
    };
    let dir = tempfile::tempdir()?;
    let out = dir.path().join("shop");
    let from = data.join(folder).join(file);
    import(
        layout,
        &from,
        &out,
        Format::Parquet,
        &mut Progress::hidden(),
    )?;
    let shop = ShopData::open(&out, ReadOptions::default())?;
    let log = Log::load(&shop, None)?;
    let corpus = corpus_of(&log);
    let mut train: Vec<Vec<ProductIx>> = corpus
        .histories
        .iter()
        .map(|h| net_acquisitions(h).iter().map(|o| o.product).collect())
        .collect();
    let mut test: Vec<Vec<ProductIx>> = vec![Vec::new(); train.len()];
    if name == "gowalla" {
        for (customer, touch) in log.held_out(&shop)? {
            test[customer.index()].push(touch.product);
        }
    } else {
        let mut rng = ChaCha8Rng::seed_from_u64(2024);
        let parts = if name == "movielens-75" { 4 } else { 5 };
        for (train, test) in train.iter_mut().zip(&mut test) {
            if train.len() >= parts {
                train.shuffle(&mut rng);
                *test = train.split_off(train.len() - train.len().div_ceil(parts));
            }
        }
    }
    for row in train.iter_mut().chain(&mut test) {
        row.sort_unstable();
        row.dedup();
    }
    let train: Vec<Vec<Touch>> = train
        .iter()
        .map(|row| row.iter().map(|p| touch(*p)).collect())
        .collect();
    let mut cases: Vec<Case> = test
        .into_iter()
        .enumerate()
        .filter(|(customer, row)| !row.is_empty() && !train[*customer].is_empty())
        .map(|(customer, relevant)| Case {
            customer: CustomerIx::of_index(customer),
            history: train[customer].clone(),
            now: 0,
            relevant,
            owned: train[customer].iter().map(|t| t.product).collect(),
        })
        .collect();
    if cases.len() > most {
        cases.shuffle(&mut ChaCha8Rng::seed_from_u64(7));
        cases.truncate(most);
    }
    Ok(Set {
        name: name.into(),
        catalogue: log.catalogue.clone(),
        train,
        cases,
    })
}

/// Settings that somebody would try by hand, family by family.
fn by_hand(n: usize, most_k: usize) -> Vec<(&'static str, Vec<Vec<(Family, f32)>>)> {
    let flat = Weighting::default();
    let one = |family: Family| vec![(family, 1.0)];
    let item_item = |shape: Shape, customer_power: f32| Family::ItemItem {
        customer_power,
        shape,
        keep: 300,
        weighting: flat,
    };
    let spectral = |k: usize, power: f32| Family::Spectral {
        k,
        power,
        source: 0.5,
        target: 0.5,
        weighting: flat,
    };
    let ease = |lambda: f32| {
        if n <= 20_000 {
            Family::Ease {
                customer_power: 0.0,
                lambda,
                keep: n,
                weighting: flat,
            }
        } else {
            Family::LocalEase {
                customer_power: 0.0,
                lambda,
                neighbours: 100,
                weighting: flat,
            }
        }
    };
    let ials = |unobserved: f32, regularisation: f32| Family::Ials {
        options: IalsOptions {
            dim: 64,
            epochs: 8,
            block: 64,
            unobserved,
            regularisation,
            exponent: 1.0,
            seed: 1,
        },
        weighting: flat,
    };
    let mut dims: Vec<usize> = [32, 64, 128, 256, 512]
        .into_iter()
        .filter(|k| *k < most_k)
        .collect();
    dims.push(most_k);
    let lambdas: &[f32] = if n <= 20_000 {
        &[100.0, 200.0, 350.0, 500.0, 1000.0]
    } else {
        &[30.0, 150.0]
    };
    let masses: &[f32] = if n <= 20_000 {
        &[0.01, 0.03, 0.1, 0.3]
    } else {
        &[]
    };
    let mut vectors = Vec::new();
    for k in &dims {
        for power in [0.0, 0.5] {
            vectors.push(one(spectral(*k, power)));
        }
    }
    let with_gfcf = |k: usize, weight: f32| {
        vec![
            (item_item(Shape::symmetric(1.0), 0.5), 1.0),
            (spectral(k, 0.0), weight),
        ]
    };
    vec![
        (
            "most popular",
            vec![one(Family::Popular {
                half_life_days: None,
            })],
        ),
        (
            "item-kNN",
            vec![
                one(item_item(Shape::symmetric(1.0), 0.0)),
                one(item_item(Shape::symmetric(1.0), 0.5)),
                one(item_item(Shape::symmetric(0.6), 0.5)),
            ],
        ),
        ("EASE^R", lambdas.iter().map(|l| one(ease(*l))).collect()),
        ("spectral", vectors),
        (
            "GF-CF",
            [0.1, 0.3, 1.0]
                .map(|w| with_gfcf(most_k.min(256), w))
                .to_vec(),
        ),
        (
            "iALS",
            masses
                .iter()
                .flat_map(|m| [0.003, 0.01, 0.03].map(|r| one(ials(*m, r))))
                .collect(),
        ),
    ]
}

fn judge_blend(bench: &Workbench, parts: &[(Family, f32)], cases: &[&Case], n: usize) -> Vec<f64> {
    let fitted: Vec<(Fitted, f32)> = parts
        .iter()
        .filter_map(|(family, weight)| Some((bench.fit(family)?, *weight)))
        .collect();
    if let [(only, _)] = &fitted[..] {
        return gain_per_case(only, cases, n);
    }
    let mut out = Vec::new();
    for part in cases.chunks(64) {
        let mut sum = vec![0f32; part.len() * n];
        for (fitted, weight) in &fitted {
            for (total, score) in sum.iter_mut().zip(&fitted.scores(part, n).data) {
                *total += weight * score;
            }
        }
        for (row, case) in part.iter().enumerate() {
            let scores = &sum[row * n..(row + 1) * n];
            out.push(gain_of_case(scores, case));
        }
    }
    out
}

fn run(set: &Set, alone: bool) {
    let n = set.catalogue.len();
    let cases: Vec<&Case> = set.cases.iter().collect();
    let corpus = Corpus {
        catalogue: &set.catalogue,
        histories: set.train.iter().map(|h| Cow::Borrowed(&h[..])).collect(),
        anonymous: Vec::new(),
        timed: false,
    };
    let rows: usize = set.train.iter().map(Vec::len).sum();
    println!(
        "\n{}: {} customers, {n} products, {rows} interactions, {} test customers",
        set.name,
        set.train.len(),
        cases.len()
    );
    let start = Instant::now();
    let last = std::cell::Cell::new(0.0);
    let (settings, choice) = choose(&corpus, 1, memory::available(), &|what| {
        let at = start.elapsed().as_secs_f64();
        eprintln!("{:8.1} s  {what}", at - last.replace(at));
    });
    let model = build(&corpus, &settings, &|_| {}).expect("a representation");
    println!(
        "chosen in {:.0} s: {}\n{}",
        start.elapsed().as_secs_f64(),
        choice.why,
        choice.verdict
    );
    for row in &choice.table {
        println!(
            "  {:<24} {:.4} {:>5.2}  {}",
            row.name, row.ndcg, row.weight, row.settings
        );
    }
    let mut scores = vec![0f32; n];
    let (mut ours, mut at_10, mut recall) = (Vec::new(), Vec::new(), Vec::new());
    for case in &cases {
        let folded = model.fold_in(&case.history, 0);
        model.scores(&folded, &mut scores);
        let found = ranks(&scores, &case.relevant, &case.owned);
        ours.push(stats_ndcg(found.iter().copied(), found.len(), 20));
        at_10.push(stats_ndcg(found.iter().copied(), found.len(), 10));
        recall.push(found.iter().filter(|r| **r < 20).count() as f64 / found.len() as f64);
    }
    println!(
        "on the test part: default gain {:.4}, Recall@20 {:.4}, NDCG@10 {:.4}",
        mean(&ours),
        mean(&recall),
        mean(&at_10)
    );
    if set.name == "movielens-75" {
        println!("  published nDCG@10: BiVAE .475, BPR .442, LightGCN .420, SAR .382");
    }
    if !alone {
        return;
    }
    let most_k = serendib_training::learn::vectors::choose::most_dimensions(&corpus, n);
    let bench = Workbench::new(&corpus, most_k, 1);
    for (name, settings) in by_hand(n, most_k) {
        let mut best: Option<(f64, Vec<f64>, String)> = None;
        for parts in &settings {
            let found = judge_blend(&bench, parts, &cases, n);
            if best.as_ref().is_none_or(|b| mean(&found) > b.0) {
                let words: Vec<String> = parts.iter().map(|(f, _)| f.settings()).collect();
                best = Some((mean(&found), found, words.join(" + ")));
            }
        }
        let Some((value, found, words)) = best else {
            continue;
        };
        let gaps: Vec<f64> = ours.iter().zip(&found).map(|(a, b)| a - b).collect();
        let (low, high) = mean_interval(&gaps, 3);
        println!(
            "  {name:<14} {value:.4}  default {:+.4} [{low:+.4}, {high:+.4}] {}  {words}",
            mean(&gaps),
            if high >= 0.0 { "no worse" } else { "WORSE" }
        );
    }
}

fn main() -> anyhow::Result<()> {
    let Some(data) = std::env::var_os("SERENDIB_PUBLIC_DATA") else {
        println!("skipped: SERENDIB_PUBLIC_DATA does not name the folder with the public sets");
        return Ok(());
    };
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let mut sets = Vec::new();
    let mut most = usize::MAX;
    let mut alone = true;
    let mut rest = args.into_iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "--cases" => most = rest.next().unwrap_or_default().parse()?,
            "--default-only" => alone = false,
            name => sets.push(name.to_owned()),
        }
    }
    if sets.is_empty() {
        sets = [
            "movielens",
            "movielens-75",
            "retail",
            "ta-feng",
            "beauty",
            "gowalla",
        ]
        .map(str::to_owned)
        .to_vec();
    }
    for name in sets {
        let set = load(&name, Path::new(&data), most)?;
        run(&set, alone);
    }
    Ok(())
}
