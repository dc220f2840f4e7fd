//! How long one touchpoint takes to enter the posterior of one clock, and what a customer's state costs.

use std::hint::black_box;

use criterion::{criterion_group, criterion_main, Criterion};
use serendib_engine::life::{ClockType, Evidence, Grid, LifeView, ProductProfiles, StateOptions};
use serendib_shop::{Catalogue, Kind, Product, ProductIx, Touch, DAY_MS};
use serendib_training::learn::life::from_words;

fn catalogue() -> Catalogue {
    let stages = [
        ("Bodysuit newborn size 56", "baby/clothes/newborn"),
        ("Nappies size 4", "baby/nappies"),
        ("T-shirt size 92", "kids/clothes/toddler"),
        ("School bag age 6-10", "kids/school"),
        ("Kitten food", "pets/cat/kitten"),
        ("Travel adapter", "travel/accessories"),
        ("Moving boxes", "moving/packing"),
        ("Renewal offer", "contract/renewal"),
    ];
    let known = stages
        .iter()
        .map(|(title, path)| (title.to_string(), path.to_string()));
    let rest = (0..400).map(|ix| (format!("Thing {ix}"), format!("shelf/{ix}")));
    let products = known
        .chain(rest)
        .enumerate()
        .map(|(ix, (title, path))| Product {
            title: Some(title),
            category: Some(path),
            ..Product::bare(format!("p{ix}"))
        })
        .collect();
    Catalogue::new(products).expect("ids are distinct")
}

fn history(touches: usize) -> Vec<Touch> {
    (0..touches)
        .map(|k| Touch {
            at: (18_000 + 3 * k as i64) * DAY_MS,
            basket: 0,
            product: if k % 3 == 0 {
                ProductIx((k / 3 % 8) as u32)
            } else {
                ProductIx(8 + (k % 400) as u32)
            },
            quantity: 1.0,
            value: 0.0,
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

fn bench(c: &mut Criterion) {
    let catalogue = catalogue();
    let model = from_words(&catalogue, ClockType::supplied());
    let products = ProductProfiles::new(&model.profiles, &catalogue);
    for name in ["child", "trip"] {
        let Some(number) = model.clock(name) else {
            continue;
        };
        let clock = &model.clocks[number];
        let mut grid = Grid::new(clock, 18_000.0 - clock.kind.max_age_days, 19_000.0);
        let evidence = Evidence {
            profile: products.of(ProductIx(0)),
            day: 18_500.3,
            weight: 1.0,
            wanted: true,
        };
        c.bench_function(&format!("one touchpoint into the {name} clock"), |b| {
            b.iter(|| grid.add(clock, black_box(&evidence)))
        });
    }
    let history = history(200);
    let now = 18_700 * DAY_MS;
    let state = || model.state(&products, &history, &[], now, StateOptions::serving(true));
    c.bench_function("state of a customer with 200 touches", |b| b.iter(state));
    let state = state();
    println!("state of this customer: {} bytes", state.bytes());
    c.bench_function("standing of every profile", |b| {
        b.iter(|| LifeView::new(&model, &products, black_box(&state)))
    });
    c.bench_function("needs of 60 days", |b| {
        b.iter(|| model.needs(&products, black_box(&state), 60.0))
    });
}

criterion_group!(benches, bench);
criterion_main!(benches);
