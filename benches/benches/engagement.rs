//! Engagement state: time per recorded touchpoint, bytes per customer, time to read the index.

use std::hint::black_box;
use std::time::Instant;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serendib_engine::engagement::{EngagementState, IndexModel};
use serendib_shop::{Kind, Kinds, Touch, DAY_MS, NO_PRODUCT};

fn main() {
    let model = IndexModel::first(&Kinds::default());
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let customers = 2_000usize;
    let per_customer = 500usize;
    let start = 19_000 * DAY_MS;
    let histories: Vec<Vec<Touch>> = (0..customers)
        .map(|_| {
            let mut at = start;
            (0..per_customer)
                .map(|_| {
                    at += rng.gen_range(0..DAY_MS);
                    Touch {
                        at,
                        basket: 0,
                        product: NO_PRODUCT,
                        quantity: 1.0,
                        value: 10.0,
                        duration_s: rng.gen_range(0.0..600.0),
                        kind: Kind(rng.gen_range(0..20)),
                        channel: rng.gen_range(0..4),
                        line: 0,
                        pages: rng.gen_range(0..10),
                        rating: 0,
                        cause: serendib_shop::Cause::Unsaid,
                        gift: false,
                    }
                })
                .collect()
        })
        .collect();
    let begun = Instant::now();
    let states: Vec<EngagementState> = histories
        .iter()
        .map(|history| {
            let mut state = EngagementState::default();
            for touch in history {
                black_box(state.push(&model, touch, i64::MAX));
            }
            state
        })
        .collect();
    let touches = (customers * per_customer) as f64;
    println!(
        "update: {:.3} µs per touchpoint, over {touches} touchpoints of 20 kinds in 4 channels",
        1e6 * begun.elapsed().as_secs_f64() / touches
    );
    let bytes: usize = states.iter().map(EngagementState::bytes).sum();
    println!("state: {} bytes per customer", bytes / customers);
    let now = start + 400 * DAY_MS;
    let begun = Instant::now();
    let sum: f64 = states
        .iter()
        .map(|state| model.measure(state, now).index)
        .sum();
    println!(
        "reading the index: {:.2} µs (mean {:.1})",
        1e6 * begun.elapsed().as_secs_f64() / customers as f64,
        sum / customers as f64
    );
}
