//! How fast popularity fades: learned from what is bought at the end of the data.

use serendib_shop::{acquisitions, ProductIx, DAY_MS};

use crate::learn::corpus::Corpus;

/// Half-lives tried, days; `None` = popularity does not fade.
const CANDIDATES: [Option<f32>; 8] = [
    Some(7.0),
    Some(14.0),
    Some(30.0),
    Some(60.0),
    Some(120.0),
    Some(240.0),
    Some(480.0),
    None,
];
/// The half-life of a shop that is too small to tell.
const DEFAULT: Option<f32> = Some(60.0);
/// Share of the acquisitions, the last ones, that is held out, and the fewest that say anything.
const HELD_OUT: f64 = 0.1;
const FEWEST: usize = 50;
/// Buyers that all products together are taken to have had beside those seen.
const UNSEEN: f64 = 1.0;

/// The half-life in days with which the popularity of `corpus` fades: of those tried, the one under which what was acquired
/// last was likeliest by what was popular before it. `None` where it does not fade, or there are no times.
pub fn half_life(corpus: &Corpus) -> Option<f32> {
    if !corpus.timed {
        return None;
    }
    let products = corpus.products();
    let mut acquired: Vec<(i64, ProductIx)> = corpus
        .histories
        .iter()
        .flat_map(|history| acquisitions(history).map(|t| (t.at, t.product)))
        .filter(|(_, product)| product.index() < products)
        .collect();
    acquired.sort_unstable();
    let held_out = (HELD_OUT * acquired.len() as f64) as usize;
    if held_out < FEWEST {
        return DEFAULT;
    }
    let cut = acquired[acquired.len() - held_out].0;
    let (before, after) = acquired.split_at(acquired.partition_point(|(at, _)| *at < cut));
    if before.is_empty() {
        return DEFAULT;
    }
    let likelihood = |days: Option<f32>| {
        let mut counts = vec![0f64; products];
        for (at, product) in before {
            let age = (cut - at) as f64 / DAY_MS as f64;
            counts[product.index()] += days.map_or(1.0, |days| (-age / f64::from(days)).exp2());
        }
        let all: f64 = counts.iter().sum::<f64>() + UNSEEN;
        let chance =
            |product: ProductIx| (counts[product.index()] + UNSEEN / products as f64) / all;
        after.iter().map(|(_, p)| chance(*p).ln()).sum::<f64>()
    };
    let tried = CANDIDATES.map(|days| (likelihood(days), days));
    let best = tried
        .into_iter()
        .reduce(|a, b| if b.0 > a.0 { b } else { a });
    best.map_or(DEFAULT, |(_, days)| days)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serendib_shop::{Catalogue, Kind, Product, Touch};

    /// Customers who each buy what `sold` says is asked for on their day, in a catalogue of ten.
    fn found(days: i64, sold: impl Fn(i64) -> u32) -> Option<f32> {
        let products = (0..10).map(|n| Product::bare(format!("p{n}")));
        let catalogue = Catalogue::new(products.collect()).unwrap();
        let histories = (0..days)
            .map(|day| {
                vec![Touch::new(
                    Kind::PURCHASE,
                    ProductIx(sold(day)),
                    day * DAY_MS,
                )]
                .into()
            })
            .collect();
        half_life(&Corpus {
            catalogue: &catalogue,
            histories,
            anonymous: Vec::new(),
            timed: true,
        })
    }

    #[test]
    fn what_is_in_fashion_fades_and_what_is_always_bought_does_not() {
        let fashion = found(2_000, |day| (day / 400 % 10) as u32);
        assert!(fashion.is_some_and(|days| days <= 60.0), "{fashion:?}");
        // the same mixture all the time: every purchase says as much of tomorrow
        let staple = found(2_000, |day| (day * 7919 % 97 % 10) as u32);
        assert!(staple.is_none_or(|days| days >= 240.0), "{staple:?}");
        assert_eq!(found(100, |day| (day % 10) as u32), DEFAULT);
    }
}
