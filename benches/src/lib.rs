//! What the benches share: a shop large enough to be slow, and how time is taken.

use std::sync::Arc;
use std::time::Instant;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serendib_engine::bundle::{DataWindow, Manifest};
use serendib_engine::model::Model;
use serendib_engine::represent::{
    unit_rows, Csr, Dense, Parts, Representation, SparsePart, SpectralPart, Weighting,
};
use serendib_shop::{Catalogue, Encoder, Kind, Product, ProductIx, Touch, DAY_MS};

/// Products of [`large_model`]: as many as gowalla has.
pub const PRODUCTS: usize = 41_000;
/// Dimensions of [`large_model`].
pub const DIM: usize = 256;
/// When the made-up histories end, ms.
pub const NOW: i64 = 1_767_225_600_000;

/// Time of `work` in microseconds.
///
/// On a machine with other load the smallest of several, taken in turns with what it is compared with, is the honest figure: a
/// thread that is set aside for a while shows in some of them, not in all.
pub fn time_us<T>(work: impl FnOnce() -> T) -> f64 {
    let before = Instant::now();
    std::hint::black_box(work());
    before.elapsed().as_secs_f64() * 1e6
}

/// The middle of `values`; not a number for none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A product as popular as a long tail makes it, near `taste`.
fn product(rng: &mut ChaCha8Rng, taste: u32) -> u32 {
    const TASTES: u32 = 200;
    let tail = rng.gen_range(0.0f64..1.0).powi(2);
    if rng.gen_bool(0.7) {
        ((tail * (PRODUCTS as f64 / f64::from(TASTES))) as u32 * TASTES + taste % TASTES)
            .min(PRODUCTS as u32 - 1)
    } else {
        (tail * PRODUCTS as f64) as u32
    }
}

/// The history of made-up customer number `customer`: `touches` purchases, a day apart.
pub fn history(customer: u32, touches: usize) -> Vec<Touch> {
    let mut rng = ChaCha8Rng::seed_from_u64(u64::from(customer));
    (0..touches)
        .map(|ix| Touch {
            at: NOW - (touches - ix) as i64 * DAY_MS,
            basket: ix as u64 / 3,
            product: ProductIx(product(&mut rng, customer)),
            quantity: 1.0,
            value: 9.5,
            duration_s: 0.0,
            kind: Kind::PURCHASE,
            channel: 0,
            line: 0,
            pages: 0,
            rating: 0,
            cause: serendib_shop::Cause::Unsaid,
            gift: false,
        })
        .collect()
}

/// A made-up model of [`PRODUCTS`] products: spectral vectors with skewed lengths, and 100 item–item scores a row.
pub fn large_model() -> Model {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let tastes: Vec<Vec<f32>> = (0..200)
        .map(|_| (0..DIM).map(|_| rng.gen_range(-1.0..1.0f32)).collect())
        .collect();
    let mut vectors = Dense::zeros(PRODUCTS, DIM);
    for ix in 0..PRODUCTS {
        let taste = &tastes[ix % 200];
        for (d, x) in vectors.row_mut(ix).iter_mut().enumerate() {
            *x = (0.6 * taste[d] + rng.gen_range(-1.0..1.0f32)) / (1.0 + d as f32 / 40.0);
        }
    }
    let (units, _) = unit_rows(&vectors);
    let buyers: Vec<f32> = (0..PRODUCTS)
        .map(|ix| 20_000.0 / (10.0 + ix as f32))
        .collect();
    let gain: Vec<f32> = buyers.iter().map(|b| (1.0 + b).powf(0.25)).collect();
    let rows: Vec<Vec<(u32, f32)>> = (0..PRODUCTS as u32)
        .map(|ix| {
            let mut row: Vec<(u32, f32)> = (0..100)
                .map(|_| (product(&mut rng, ix), rng.gen_range(0.0..0.05)))
                .collect();
            row.sort_unstable_by_key(|entry| entry.0);
            row.dedup_by_key(|entry| entry.0);
            row
        })
        .collect();
    let representation = Representation::new(Parts {
        lately: buyers.clone(),
        prior: buyers.iter().map(|b| b * 1e-6).collect(),
        sparse: vec![SparsePart {
            weighting: Weighting::default(),
            rows: Csr::from_rows(PRODUCTS, rows),
        }],
        spectral: Some(SpectralPart {
            weighting: Weighting::default(),
            source: gain.clone(),
            target: gain,
        }),
        units,
        buyers,
        ..Parts::default()
    })
    .expect("finite parts");
    let products = (0..PRODUCTS)
        .map(|ix| Product {
            title: Some(format!("Thing number {ix}")),
            category: Some(format!("shop/{}/{}", ix % 20, ix % 200)),
            price: Some(1.0 + (ix % 90) as f64),
            ..Product::bare(format!("product-{ix}"))
        })
        .collect();
    let manifest = Manifest {
        data: DataWindow {
            timed: true,
            products: PRODUCTS as u64,
            ..DataWindow::default()
        },
        dimension: DIM,
        ..Manifest::default()
    };
    let catalogue = Arc::new(Catalogue::new(products).expect("distinct ids"));
    Model::new(manifest, catalogue, Encoder::default(), representation)
}
