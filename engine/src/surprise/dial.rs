//! The dial between predicted purchase and predicted delight, and the promise of a relevance floor.
//!
//! At dial θ a candidate is worth (1 − θ)·relevance/σ_r + θ·delight/σ_d, where the σ are how much relevance and delight differ
//! among the customer's own candidates: purchases are rarer than delight, and a model fitted on few ratings says nearly the
//! same delight of everything, so that without them the dial would do nothing until it is almost at its end. Because the
//! value is linear in θ and the candidates of all dials are the same, summed relevance never rises and summed delight never
//! falls as θ rises. Above 0 what is hardly unexpected comes last; where that would cost delight against θ = 0, the dial goes
//! as much further as makes up for it, or nothing comes last (see [`Dial::settled`]). All this holds exactly, not only up to rounding: all numbers are rounded to 20 binary digits and θ to 10,
//! and compared as integers.

use super::quantise::{quantise, units};
use std::cmp::Reverse;

/// Steps of the dial.
const DIAL_STEPS: i64 = 1 << 10;

/// The least that delight must differ for the differences to count in full: below it they are noise.
const LEAST_DELIGHT_SPREAD: f32 = 0.01;
/// The same of relevance, which is small where purchases are rare.
const LEAST_RELEVANCE_SPREAD: f32 = 1e-5;

/// How much relevance and delight differ among `candidates` that reach `floor`: standard deviations, > 0.
pub fn spreads(candidates: &[Dialled], floor: f32) -> (f32, f32) {
    let above: Vec<&Dialled> = candidates
        .iter()
        .filter(|c| units(c.relevance) >= units(floor))
        .collect();
    let n = above.len().max(1) as f64;
    let deviation = |of: fn(&Dialled) -> f32| {
        let values = || above.iter().map(|c| f64::from(quantise(of(c))));
        let mean = values().sum::<f64>() / n;
        let squares: f64 = values().map(|v| (v - mean) * (v - mean)).sum();
        (squares / n).sqrt() as f32
    };
    (
        deviation(|c| c.relevance).max(LEAST_RELEVANCE_SPREAD),
        deviation(|c| c.delight).max(LEAST_DELIGHT_SPREAD),
    )
}

/// One candidate for the dial.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dialled {
    /// How well it suits, 0 to 1.
    pub relevance: f32,
    /// Predicted delight, 0…1.
    pub delight: f32,
    /// How far it is from what the customer expects, 0…1.
    pub unexpectedness: f32,
    /// Of candidates with one number only the best is taken (variants of one product).
    pub family: u32,
}

/// How far the list goes towards delight, and what it keeps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dial {
    /// θ; outside 0…1 it is brought to the nearer end, no number to 0.
    pub dial: f32,
    /// The relevance that is worth 1 at dial 0, > 0: the customer's best.
    pub scale: f32,
    /// How much relevance differs among the candidates, > 0; see [`spreads`].
    pub relevance_spread: f32,
    /// How much delight differs among them, > 0.
    pub delight_spread: f32,
    /// Below it nothing is taken, at any dial: the list is rather short.
    pub floor: f32,
    /// For θ > 0 candidates whose delight is below it come after all others.
    pub least_delight: f32,
    /// The same for candidates whose unexpectedness is below it: more of the same is no surprise.
    pub least_unexpectedness: f32,
}

impl Dial {
    fn theta(&self) -> i64 {
        let dial = if self.dial.is_nan() {
            0.0
        } else {
            self.dial.clamp(0.0, 1.0)
        };
        (f64::from(dial) * DIAL_STEPS as f64).round() as i64
    }

    /// Whether `candidate` comes after all others for want of delight or of unexpectedness.
    pub fn comes_last(&self, candidate: &Dialled) -> bool {
        self.theta() > 0
            && (units(candidate.delight) < units(self.least_delight)
                || units(candidate.unexpectedness) < units(self.least_unexpectedness))
    }

    /// The dial as it is taken for `count` of `candidates`, so that their summed delight never falls below that of θ = 0.
    ///
    /// What comes last for want of unexpectedness may be what delights most. The dial then goes up to the first θ at which
    /// the others make up for it; where they cannot at any θ, nothing comes last for want of unexpectedness. Which of the
    /// two does not depend on θ, so that the promise of the dial holds between all θ.
    pub fn settled(self, candidates: &[Dialled], count: usize) -> Dial {
        let theta = self.theta();
        if theta == 0 || units(self.least_unexpectedness) == 0 {
            return self;
        }
        let at = |theta: i64| Dial {
            dial: theta as f32 / DIAL_STEPS as f32,
            ..self
        };
        let delight = |theta: i64| -> i64 {
            let chosen = choose(candidates, &at(theta), count);
            chosen.iter().map(|ix| units(candidates[*ix].delight)).sum()
        };
        let plain = delight(0);
        if delight(theta) >= plain {
            return self;
        }
        if delight(DIAL_STEPS) < plain {
            return Dial {
                least_unexpectedness: 0.0,
                ..self
            };
        }
        let (mut too_low, mut enough) = (theta, DIAL_STEPS);
        while enough - too_low > 1 {
            let middle = (too_low + enough) / 2;
            if delight(middle) >= plain {
                enough = middle;
            } else {
                too_low = middle;
            }
        }
        at(enough)
    }

    /// What delight is worth, as a share of what relevance `scale` is worth at dial 0, with θ as rounded.
    pub fn delight_part(&self, delight: f32) -> f32 {
        let theta = self.theta() as f32 / DIAL_STEPS as f32;
        let gain = self.relevance_spread / (self.scale.max(1e-6) * self.delight_spread.max(1e-6));
        theta * delight * gain
    }

    /// What a candidate is worth at the dial, 1 = relevance `scale` at dial 0.
    pub fn value(&self, candidate: &Dialled) -> f32 {
        let theta = self.theta() as f32 / DIAL_STEPS as f32;
        let relevance = (1.0 - theta) * candidate.relevance / self.scale.max(1e-6);
        relevance + self.delight_part(candidate.delight)
    }
}

/// Chooses at most `count` of `candidates`, best first, as indices.
///
/// `candidates` come in the order of the plain ranking, which decides ties. At θ = 0 the choice is the plain ranking above the
/// floor.
pub fn choose(candidates: &[Dialled], dial: &Dial, count: usize) -> Vec<usize> {
    let theta = dial.theta();
    let floor = units(dial.floor);
    let of_relevance = units(dial.relevance_spread).max(1);
    let of_delight = units(dial.delight_spread).max(1);
    let mut order: Vec<(bool, i64, usize)> = candidates
        .iter()
        .enumerate()
        .filter(|(_, c)| units(c.relevance) >= floor)
        .map(|(ix, c)| {
            let (relevance, delight) = (units(c.relevance), units(c.delight));
            // Both sides times both spreads: 10 + 20 + 20 bits, exact.
            let value =
                (DIAL_STEPS - theta) * relevance * of_delight + theta * delight * of_relevance;
            (dial.comes_last(c), value, ix)
        })
        .collect();
    order.sort_by_key(|(late, value, ix)| (*late, Reverse(*value), *ix));
    let mut families = std::collections::HashSet::new();
    order
        .into_iter()
        .filter(|(_, _, ix)| families.insert(candidates[*ix].family))
        .take(count)
        .map(|(_, _, ix)| ix)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surprise::{floor, FloorOptions};
    use proptest::prelude::*;

    fn candidates() -> impl Strategy<Value = Vec<Dialled>> {
        prop::collection::vec((0u32..64, 0u32..64, 0u32..64), 0..60).prop_map(|rows| {
            let mut rows: Vec<Dialled> = rows
                .into_iter()
                .enumerate()
                .map(|(ix, (r, d, u))| Dialled {
                    relevance: r as f32 / 63.0,
                    delight: d as f32 / 63.0,
                    unexpectedness: u as f32 / 63.0,
                    family: ix as u32,
                })
                .collect();
            rows.sort_by(|a, b| b.relevance.total_cmp(&a.relevance));
            rows
        })
    }

    fn dial(dial: f32, floor: f32, least_delight: f32) -> Dial {
        Dial {
            dial,
            scale: 1.0,
            relevance_spread: 1.0,
            delight_spread: 1.0,
            floor,
            least_delight,
            least_unexpectedness: 0.0,
        }
    }

    fn sums(rows: &[Dialled], chosen: &[usize]) -> (f64, f64) {
        chosen.iter().fold((0.0, 0.0), |(r, d), ix| {
            (
                r + f64::from(quantise(rows[*ix].relevance)),
                d + f64::from(quantise(rows[*ix].delight)),
            )
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if std::env::var_os("SERENDIB_LONG_TESTS").is_some() { 1_000_000 } else { 2_000 }))]

        #[test]
        fn the_floor_is_never_broken_and_the_dial_is_monotone(
            rows in candidates(),
            dials in prop::collection::vec(0.0f32..=1.0, 2..6),
            share in 0.0f32..1.2,
            absolute in 0.0f32..0.6,
            least in (0.0f32..0.8, 0.0f32..1.0),
            spread in (0.00001f32..1.0, 0.01f32..1.0),
            count in 1usize..15,
        ) {
            let relevances: Vec<f32> = rows.iter().map(|c| c.relevance).collect();
            let floor = floor(&relevances, &FloorOptions { share, absolute });
            let mut dials = dials;
            dials.push(0.0);
            dials.sort_by(f32::total_cmp);
            let mut last: Option<(f64, f64, usize)> = None;
            for dial in dials {
                let dial = Dial {
                    dial,
                    scale: 1.0,
                    relevance_spread: spread.0,
                    delight_spread: spread.1,
                    floor,
                    least_delight: least.0,
                    least_unexpectedness: least.1,
                }
                .settled(&rows, count);
                let chosen = choose(&rows, &dial, count);
                prop_assert!(chosen.iter().all(|ix| quantise(rows[*ix].relevance) >= floor));
                let (relevance, delight) = sums(&rows, &chosen);
                if let Some((before_r, before_d, before_n)) = last {
                    prop_assert_eq!(before_n, chosen.len());
                    prop_assert!(relevance <= before_r);
                    prop_assert!(delight >= before_d);
                }
                last = Some((relevance, delight, chosen.len()));
            }
        }
    }

    #[test]
    fn at_zero_the_list_is_the_plain_ranking() {
        let rows: Vec<Dialled> = [0.9f32, 0.9, 0.7, 0.6, 0.1]
            .iter()
            .enumerate()
            .map(|(ix, r)| Dialled {
                relevance: *r,
                delight: 1.0 - r,
                unexpectedness: 0.5,
                family: ix as u32,
            })
            .collect();
        assert_eq!(choose(&rows, &dial(0.0, 0.3, 0.9), 10), [0, 1, 2, 3]);
        assert_eq!(choose(&rows, &dial(f32::NAN, 0.3, 0.9), 2), [0, 1]);
        assert_eq!(choose(&rows, &dial(-1.0, 0.3, 0.0), 2), [0, 1]);
        assert_eq!(choose(&rows, &dial(2.0, 0.3, 0.0), 2), [3, 2]);
    }

    #[test]
    fn a_timid_delight_model_moves_the_list_as_much_as_a_bold_one() {
        let rows = |width: f32| -> Vec<Dialled> {
            (0..40)
                .map(|ix| Dialled {
                    relevance: 0.5 / (1.0 + ix as f32),
                    delight: 0.2 + width * ((ix * 7) % 40) as f32 / 40.0,
                    unexpectedness: 0.5,
                    family: ix as u32,
                })
                .collect()
        };
        let list = |width: f32, dial: f32| {
            let rows = rows(width);
            let (relevance_spread, delight_spread) = spreads(&rows, 0.0);
            let dial = Dial {
                dial,
                scale: 0.5,
                relevance_spread,
                delight_spread,
                floor: 0.0,
                least_delight: 0.0,
                least_unexpectedness: 0.0,
            };
            choose(&rows, &dial, 10)
        };
        for dial in [0.0, 0.3, 0.5, 0.8, 1.0] {
            assert_eq!(list(0.7, dial), list(0.07, dial), "{dial}");
        }
        assert_ne!(list(0.07, 0.5), list(0.07, 0.0));
        // differences that are noise do not decide
        assert_eq!(list(0.0, 0.5), list(0.0, 0.0));
        assert_eq!(list(0.0001, 0.5), list(0.0, 0.0));
    }

    #[test]
    fn a_floor_that_nothing_passes_gives_nothing() {
        let row = Dialled {
            relevance: 0.4,
            delight: 1.0,
            unexpectedness: 1.0,
            family: 0,
        };
        assert!(choose(&[row], &dial(1.0, 0.5, 0.0), 5).is_empty());
        assert_eq!(floor(&[], &FloorOptions::default()), 0.0);
        let strict = FloorOptions {
            share: 0.5,
            absolute: 0.7,
        };
        assert!(floor(&[0.9, 0.8], &strict) >= 0.7 - 1e-6);
    }

    #[test]
    fn more_of_the_same_comes_last_but_never_at_the_cost_of_delight() {
        let row = |relevance, delight, unexpectedness, family| Dialled {
            relevance,
            delight,
            unexpectedness,
            family,
        };
        let list = |rows: &[Dialled], theta: f32| {
            let dial = Dial {
                least_unexpectedness: 0.4,
                ..dial(theta, 0.0, 0.0)
            };
            choose(rows, &dial.settled(rows, 2), 2)
        };
        let rows = [
            row(0.9, 0.5, 0.1, 0),
            row(0.8, 0.5, 0.9, 1),
            row(0.7, 0.2, 0.9, 2),
            row(0.3, 0.6, 0.9, 3),
        ];
        assert_eq!(list(&rows, 0.0), [0, 1]);
        // at .1 the third would come in beside the second, and delight less than the first: the dial goes further
        assert_eq!(list(&rows, 0.1), [1, 3]);
        // nothing else makes up for what the first would delight
        assert_eq!(list(&rows[..3], 0.1), [0, 1]);
        assert_eq!(list(&rows[..3], 0.0), [0, 1]);
    }

    #[test]
    fn one_variant_is_taken() {
        let row = |relevance, delight, family| Dialled {
            relevance,
            delight,
            unexpectedness: 0.5,
            family,
        };
        let rows = [row(0.9, 0.1, 7), row(0.8, 0.9, 7), row(0.5, 0.5, 8)];
        assert_eq!(choose(&rows, &dial(0.0, 0.0, 0.0), 5), [0, 2]);
        assert_eq!(choose(&rows, &dial(1.0, 0.0, 0.0), 5), [1, 2]);
    }
}
