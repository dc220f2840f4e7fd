//! The dial between what is surely wanted and what is worth most as a surprise, and the promise of a floor.
//!
//! At dial θ > 0 a candidate is worth (1 − θ)·(wanted/σ_w − p_w) + θ·(value/σ_v − p_v), where value is delight × wanted, the
//! p are its [prices](super::Prices), and the σ are how much the two differ among the customer's own candidates: without
//! them the dial would do nothing until it is almost at its end wherever purchases are rarer than delight. Because that is
//! linear in θ and the candidates of all dials above 0 are the same, summed wanting less prices never rises and summed value
//! less prices never falls as θ rises. At 0 the list is the plain ranking, which is chosen elsewhere.

use super::prices::Price;
use super::quantise::{quantise, units};
use serendib_shop::ProductIx;

/// The least that wanting and value must differ for their differences to count in full.
const LEAST_SPREAD: f32 = 1e-5;

/// One candidate for the dial.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dialled {
    /// Probability that it is wanted when it is met, 0…1.
    pub wanted: f32,
    /// Predicted delight, 0…1.
    pub delight: f32,
    /// What it costs at either end of the dial.
    pub price: Price,
    /// Of candidates with one number only the best is taken (variants of one product).
    pub family: ProductIx,
}

impl Dialled {
    /// What it is worth as a surprise: the probability that it delights and is wanted, 0…1.
    pub fn value(&self) -> f32 {
        quantise(self.delight) * quantise(self.wanted)
    }
}

/// How far the list goes towards delight, and what it keeps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dial {
    /// θ, 0…1.
    dial: f32,
    /// How much wanting differs among the candidates, > 0.
    wanted_spread: f32,
    /// How much value differs among them, > 0.
    value_spread: f32,
    /// What is wanted less surely is not taken, at any dial: the list is rather short.
    floor: f32,
}

impl Dial {
    /// Of θ = `dial` for `candidates` above `floor`. A dial outside 0…1 is brought to the nearer end, no number to 0.
    pub fn new(dial: f32, candidates: &[Dialled], floor: f32) -> Dial {
        let above: Vec<&Dialled> = candidates
            .iter()
            .filter(|c| units(c.wanted) >= units(floor))
            .collect();
        let n = above.len().max(1) as f64;
        let deviation = |of: fn(&Dialled) -> f32| {
            let values = || above.iter().map(|c| f64::from(of(c)));
            let mean = values().sum::<f64>() / n;
            let squares: f64 = values().map(|v| (v - mean) * (v - mean)).sum();
            ((squares / n).sqrt() as f32).max(LEAST_SPREAD)
        };
        Dial {
            dial: if dial.is_nan() {
                0.0
            } else {
                dial.clamp(0.0, 1.0)
            },
            wanted_spread: deviation(|c| quantise(c.wanted)),
            value_spread: deviation(Dialled::value),
            floor,
        }
    }

    /// Whether `candidate` is wanted surely enough.
    pub fn lets_in(&self, candidate: &Dialled) -> bool {
        units(candidate.wanted) >= units(self.floor)
    }

    /// The part of [`worth`](Self::worth) that is for delight, prices aside.
    pub fn delight_part(&self, candidate: &Dialled) -> f32 {
        self.dial * candidate.value() / self.value_spread
    }

    /// What a candidate is worth at the dial, in spreads.
    pub fn worth(&self, candidate: &Dialled) -> f32 {
        let wanted = (1.0 - self.dial) * quantise(candidate.wanted) / self.wanted_spread;
        wanted + self.delight_part(candidate) - candidate.price.at(self.dial)
    }
}

/// Chooses at most `count` of `candidates`, best first, as indices. Of equal ones the first comes first.
pub fn choose(candidates: &[Dialled], dial: &Dial, count: usize) -> Vec<usize> {
    let mut order: Vec<(f32, usize)> = candidates
        .iter()
        .enumerate()
        .filter(|(_, c)| dial.lets_in(c))
        .map(|(ix, c)| (dial.worth(c), ix))
        .collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut families = std::collections::HashSet::new();
    order
        .into_iter()
        .filter(|(_, ix)| families.insert(candidates[*ix].family))
        .take(count)
        .map(|(_, ix)| ix)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surprise::{floor, FloorOptions};
    use proptest::prelude::*;

    fn candidates() -> impl Strategy<Value = Vec<Dialled>> {
        prop::collection::vec((0u32..64, 0u32..64, 0u32..8), 0..60).prop_map(|rows| {
            rows.into_iter()
                .enumerate()
                .map(|(ix, (w, d, p))| Dialled {
                    wanted: w as f32 / 63.0,
                    delight: d as f32 / 63.0,
                    price: Price {
                        wanted: p as f32 / 4.0,
                        value: ((p * 5 + d) % 8) as f32 / 4.0,
                    },
                    family: ProductIx(ix as u32),
                })
                .collect()
        })
    }

    /// Summed wanting and value of the chosen, each in its spread and less prices.
    fn sums(rows: &[Dialled], dial: &Dial, chosen: &[usize]) -> (f64, f64) {
        chosen.iter().fold((0.0, 0.0), |(w, v), ix| {
            let row = &rows[*ix];
            let (of_wanting, of_value) = (f64::from(row.price.wanted), f64::from(row.price.value));
            (
                w + f64::from(quantise(row.wanted) / dial.wanted_spread) - of_wanting,
                v + f64::from(row.value() / dial.value_spread) - of_value,
            )
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if std::env::var_os("SERENDIB_LONG_TESTS").is_some() { 1_000_000 } else { 2_000 }))]

        #[test]
        fn the_floor_is_never_broken_and_the_dial_is_monotone(
            rows in candidates(),
            mut dials in prop::collection::vec(0.001f32..=1.0, 2..6),
            share in 0.0f32..1.2,
            absolute in 0.0f32..0.6,
            count in 1usize..15,
        ) {
            let wanted: Vec<f32> = rows.iter().map(|c| c.wanted).collect();
            let floor = floor(&wanted, &FloorOptions { share, absolute });
            dials.sort_by(f32::total_cmp);
            let mut last: Option<(f64, f64, usize)> = None;
            for dial in dials {
                let dial = Dial::new(dial, &rows, floor);
                let chosen = choose(&rows, &dial, count);
                prop_assert!(chosen.iter().all(|ix| quantise(rows[*ix].wanted) >= floor));
                let (wanted, value) = sums(&rows, &dial, &chosen);
                // values are sums of 32-bit numbers: equal worth is decided by rounding
                let noise = 1e-3 * (1.0 + wanted.abs() + value.abs());
                if let Some((before_w, before_v, before_n)) = last {
                    prop_assert_eq!(before_n, chosen.len());
                    prop_assert!(wanted <= before_w + noise);
                    prop_assert!(value >= before_v - noise);
                }
                last = Some((wanted, value, chosen.len()));
            }
        }
    }

    fn row(wanted: f32, delight: f32, price: f32, family: u32) -> Dialled {
        Dialled {
            wanted,
            delight,
            price: Price {
                wanted: price,
                value: price,
            },
            family: ProductIx(family),
        }
    }

    fn list(rows: &[Dialled], dial: f32, floor: f32) -> Vec<usize> {
        choose(rows, &Dial::new(dial, rows, floor), 2)
    }

    #[test]
    fn the_dial_goes_from_what_is_wanted_to_what_delights_and_is_wanted() {
        let rows = [
            row(0.9, 0.1, 0.0, 0),
            row(0.8, 0.1, 0.0, 1),
            row(0.6, 0.7, 0.0, 2),
            row(0.5, 0.8, 0.0, 3),
            row(0.05, 1.0, 0.0, 4),
        ];
        assert_eq!(list(&rows, 0.01, 0.1), [0, 1]);
        assert_eq!(
            list(&rows, 1.0, 0.1),
            [2, 3],
            "what nobody wants delights nobody"
        );
        assert_eq!(list(&rows, f32::NAN, 0.1), list(&rows, 0.0, 0.1));
        assert!(list(&rows, 1.0, 0.95).is_empty());
    }

    #[test]
    fn a_price_lets_the_next_best_in_and_one_variant_is_taken() {
        let mut rows = [
            row(0.6, 0.7, 0.0, 0),
            row(0.6, 0.69, 0.0, 1),
            row(0.6, 0.68, 0.0, 1),
            row(0.6, 0.6, 0.0, 2),
        ];
        assert_eq!(list(&rows, 1.0, 0.0), [0, 1]);
        rows[0].price.value = 5.0;
        assert_eq!(list(&rows, 1.0, 0.0), [1, 3]);
    }

    #[test]
    fn no_candidate_and_equal_ones_are_in_order() {
        assert!(list(&[], 0.5, 0.0).is_empty());
        let same = [row(0.5, 0.5, 0.0, 0), row(0.5, 0.5, 0.0, 1)];
        assert_eq!(list(&same, 0.5, 0.0), [0, 1]);
        let options = FloorOptions {
            share: 0.25,
            absolute: 0.0,
        };
        assert_eq!(floor(&[], &options), 0.0);
    }
}
