//! Time of one `Recommend` and of a fold-in, beside one exact `f32` scan of the same vectors in the same run.
//!
//! `cargo bench -p serendib-benches --bench request`. Without more it measures a made-up model of 41,000 products in 256
//! dimensions; `SERENDIB_MODELS` and `SERENDIB_DATA` name a models directory and shop data to measure instead. The scan,
//! the requests and the fold-in take turns several times for each customer, the smallest of each counts, and the median over
//! customers is printed, so that other load on the machine matters little.
//! Left out: gRPC and the store (see `load_run`).

use std::path::Path;

use serendib_benches::{history, large_model, median, time_us, DIM, NOW, PRODUCTS};
use serendib_engine::index::{dot_rows, top_of};
use serendib_engine::model::Model;
use serendib_engine::rank::{
    recommend, Allowed, CustomerState, ListKind, ListRequest, Live, Request,
};
use serendib_shop::{CustomerIx, ProductIx, ReadOptions, Touch};
use serendib_training::batch::Batch;

const CUSTOMERS: usize = 100;
/// How often everything takes its turn for one customer.
const ROUNDS: usize = 4;

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
    let customers = batch.log().len();
    Subject {
        histories: CustomerIx::all(customers)
            .step_by((customers / CUSTOMERS).max(1))
            .map(|customer| batch.history(customer).to_vec())
            .collect(),
        now: batch.now(None),
        live: batch.live,
        model: batch.model,
    }
}

/// As many vectors as the reference has, row-major: 41,000 × 256, made of the model's own where it has them; and queries.
fn reference(model: &Model) -> (Vec<f32>, Vec<Vec<f32>>) {
    let representation = &model.representation;
    let mut rows = Vec::with_capacity(PRODUCTS * DIM);
    let mut at = 0u32;
    while rows.len() < PRODUCTS * DIM {
        let own = representation.vector(ProductIx(at % representation.len().max(1) as u32));
        let own = own.unwrap_or(&[]);
        rows.extend((0..DIM).map(|d| own.get(d).copied().unwrap_or(0.01)));
        at += 1;
    }
    let queries = rows.chunks(DIM).step_by(977).map(<[f32]>::to_vec).collect();
    (rows, queries)
}

fn main() {
    let Subject {
        model,
        live,
        histories,
        now,
    } = subject();
    let (rows, queries) = reference(&model);
    let mut dots = vec![0.0; PRODUCTS];
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
    let representation = &model.representation;
    // the scan, the requests, the fold-in, the candidates, all scores
    let places = requests.len() + 4;
    let mut took: Vec<Vec<f64>> = vec![Vec::new(); places];
    let mut scores = vec![0.0; representation.len()];
    let (mut found, mut wanted) = ([0usize; 2], [0usize; 2]);
    for (at, touches) in histories.iter().enumerate() {
        let query = &queries[at % queries.len()];
        let customer = CustomerState {
            history: touches,
            facts: &[],
            allowed: Allowed::ALL,
        };
        let long: Vec<Touch> = touches.iter().cycle().take(200).copied().collect();
        let mut best = vec![f64::INFINITY; places];
        for _ in 0..ROUNDS {
            let mut place = 0;
            let mut took = |us: f64| {
                best[place] = best[place].min(us);
                place += 1;
            };
            took(time_us(|| {
                dot_rows(query, &rows, &mut dots);
                top_of(&dots, 20, &|_| true)
            }));
            for (_, request) in &requests {
                took(time_us(|| {
                    recommend(&model, &live, customer, request, &|| false)
                }));
            }
            took(time_us(|| representation.fold_in(&long, now)));
            // folded anew: what it keeps for the next question is part of the first one
            let folded = representation.fold_in(touches, now);
            took(time_us(|| {
                representation.candidates(&folded, 300, &|_| true)
            }));
            took(time_us(|| representation.scores(&folded, &mut scores)));
        }
        for (took, best) in took.iter_mut().zip(best) {
            took.push(best);
        }
        let folded = representation.fold_in(touches, now);
        representation.scores(&folded, &mut scores);
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
    let mut medians = took.into_iter().map(median);
    let scan = medians.next().unwrap_or(f64::NAN);
    println!("exact f32 scan of {PRODUCTS} x {DIM}: {scan:.0} us");
    let names = requests.iter().map(|(name, _)| *name);
    let rest = [
        "fold-in of 200 touches",
        "candidates (300)",
        "all scores exactly",
    ];
    for (name, us) in names.chain(rest).zip(medians) {
        println!("{name}: {us:.0} us = {:.2} x the scan", us / scan);
    }
    println!(
        "candidates against the exact scores: recall@20 {:.4}, recall@200 {:.4}",
        found[0] as f64 / wanted[0].max(1) as f64,
        found[1] as f64 / wanted[1].max(1) as f64
    );
}
