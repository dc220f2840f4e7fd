//! Processor time of one `Recommend` and of a fold-in, beside one exact `f32` scan of the same vectors in the same run.
//!
//! `cargo bench -p serendib-benches --bench request`. Without more it measures a made-up model of 41,000 products in 256
//! dimensions; `SERENDIB_MODELS` and `SERENDIB_DATA` name a models directory and shop data to measure instead. Times are of
//! the computing thread, so that other load on the machine matters little; the scan, the request and the fold-in take turns.
//! Left out: gRPC and the store (see `load_run`).

use std::path::Path;

use serendib_benches::{cpu_us, history, large_model, median, DIM, NOW, PRODUCTS};
use serendib_datasets::ReadOptions;
use serendib_engine::index::{top_of, ExactIndex, VectorIndex};
use serendib_engine::model::Model;
use serendib_engine::rank::{
    recommend, Allowed, CustomerState, ListKind, ListRequest, Live, Request,
};
use serendib_engine::shop::Touch;
use serendib_training::batch::Batch;

const CUSTOMERS: usize = 200;

struct Subject {
    model: Model,
    live: Live,
    histories: Vec<Vec<Touch>>,
    now: i64,
}

fn subject() -> Subject {
    let named = |name: &str| std::env::var(name).ok();
    let (Some(models), Some(data)) = (named("SERENDIB_MODELS"), named("SERENDIB_DATA")) else {
        let model = large_model();
        return Subject {
            live: Live::of_catalogue(model.catalogue.clone()),
            histories: (0..CUSTOMERS as u32).map(|c| history(c, 40)).collect(),
            now: NOW,
            model,
        };
    };
    let batch = Batch::open(Path::new(&models), Path::new(&data), ReadOptions::default())
        .expect("a model and its data");
    let customers = batch.log().len() as u32;
    Subject {
        histories: (0..customers)
            .step_by((customers as usize / CUSTOMERS).max(1))
            .map(|customer| batch.history(customer).to_vec())
            .collect(),
        now: batch.now(None),
        live: batch.live,
        model: batch.model,
    }
}

/// Exact scan over as many vectors as the reference has: 41,000 × 256, made of the model's own where it has them.
fn reference(model: &Model) -> (ExactIndex, Vec<Vec<f32>>) {
    let representation = &model.representation;
    let (mut rows, mut queries) = (Vec::with_capacity(PRODUCTS * DIM), Vec::new());
    let mut at = 0u32;
    while rows.len() < PRODUCTS * DIM {
        let own = representation.vector(at % representation.len().max(1) as u32);
        let own = own.unwrap_or(&[]);
        rows.extend((0..DIM).map(|d| own.get(d).copied().unwrap_or(0.01)));
        at += 1;
    }
    queries.extend(rows.chunks(DIM).step_by(977).map(<[f32]>::to_vec));
    let index = ExactIndex::new(DIM, rows).expect("finite vectors");
    (index, queries)
}

fn main() {
    let Subject {
        model,
        live,
        histories,
        now,
    } = subject();
    let (exact, queries) = reference(&model);
    println!(
        "{} products in {} dimensions, {} customers, {:.0} touches each",
        model.representation.len(),
        model.representation.dim(),
        histories.len(),
        histories.iter().map(Vec::len).sum::<usize>() as f64 / histories.len() as f64
    );
    let one = |kind| Request {
        seed: 1,
        ..Request::one(kind, 20, now)
    };
    let three = Request {
        lists: [ListKind::ForYou, ListKind::BuyAgain, ListKind::Surprise]
            .map(|kind| ListRequest::new(kind, 20))
            .to_vec(),
        explore: true,
        ..one(ListKind::ForYou)
    };
    let requests: Vec<(&str, Request)> = vec![
        ("for-you, 20 with reasons", one(ListKind::ForYou)),
        ("similar, 20", one(ListKind::Similar)),
        ("goes-with, 20", one(ListKind::GoesWith)),
        ("next-in-life, 20", one(ListKind::NextInLife)),
        ("next-basket, 20", one(ListKind::NextBasket)),
        ("surprise, 20", one(ListKind::Surprise)),
        ("for-you + buy-again + surprise, 3 x 20", three),
    ];
    let mut scans = Vec::new();
    let mut took: Vec<Vec<f64>> = vec![Vec::new(); requests.len()];
    let (mut folds, mut fast, mut slow) = (Vec::new(), Vec::new(), Vec::new());
    let (mut found, mut wanted) = ([0usize; 2], [0usize; 2]);
    for (at, touches) in histories.iter().enumerate() {
        let query = &queries[at % queries.len()];
        scans.push(cpu_us(|| exact.search(query, 20, &|_| true)));
        let customer = CustomerState {
            history: touches,
            facts: &[],
            allowed: Allowed::ALL,
        };
        for ((_, request), took) in requests.iter().zip(&mut took) {
            took.push(cpu_us(|| {
                recommend(&model, &live, customer, request, &|| false)
            }));
        }
        let representation = &model.representation;
        let long: Vec<Touch> = touches.iter().cycle().take(200).copied().collect();
        folds.push(cpu_us(|| representation.fold_in(&long, now)));
        let folded = representation.fold_in(touches, now);
        fast.push(cpu_us(|| {
            representation.candidates(&folded, 300, &|_| true)
        }));
        let mut scores = vec![0.0; representation.len()];
        slow.push(cpu_us(|| representation.scores(&folded, &mut scores)));
        for (ix, k) in [20, 200].into_iter().enumerate() {
            let all = top_of(&scores, k, &|_| true);
            let some = representation.candidates(&folded, k, &|_| true);
            wanted[ix] += all.len();
            found[ix] += all
                .iter()
                .filter(|a| some.iter().any(|s| s.0 == a.0))
                .count();
        }
    }
    let scan = median(scans);
    println!("exact f32 scan of {PRODUCTS} x {DIM}: {scan:.0} us");
    for ((name, _), took) in requests.iter().zip(took) {
        let us = median(took);
        println!("{name}: {us:.0} us = {:.2} x the scan", us / scan);
    }
    println!(
        "fold-in of 200 touches: {:.0} us; candidates (300): {:.0} us; all scores exactly: {:.0} us",
        median(folds),
        median(fast),
        median(slow)
    );
    println!(
        "candidates against the exact scores: recall@20 {:.4}, recall@200 {:.4}",
        found[0] as f64 / wanted[0].max(1) as f64,
        found[1] as f64 / wanted[1].max(1) as f64
    );
}
