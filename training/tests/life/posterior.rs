//! The grid posterior against sums written out, and what it must not depend on.

use proptest::prelude::*;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use serendib_training::learn::life::ties::Ties;

/// A clock of `scale` days per unit whose tables come from counts, over three profiles.
fn clock(scale: f64) -> Clock {
    let kind = ClockType {
        name: "toy".into(),
        title: Titles::new(),
        sensitive: false,
        name_inferred: false,
        min_age_days: -4.0 * scale,
        max_age_days: 40.0 * scale,
        step_days: scale,
        exists: 0.3,
        lifelong: true,
        max_running: 3,
        bandwidth_days: 1.5 * scale,
        bandwidth_growth: 0.1,
        slip_days: 10.0 * scale,
        declared_sd_days: scale,
        occasion: None,
        stages: vec![Stage {
            name: "all".into(),
            from_days: -4.0 * scale,
            to_days: 40.0 * scale,
            title: Titles::new(),
        }],
        words: Vec::new(),
        categories: Vec::new(),
        kinds: Vec::new(),
    };
    let profile = |category: &str| Profile {
        category: category.into(),
        window: None,
        lift: 0.0,
        parent: None,
        kind: None,
    };
    let profiles = [profile("young"), profile("old"), profile("else")];
    let mut counts = density::AgeCounts::new(3, &kind);
    for k in 0..30 {
        let k = f64::from(k);
        counts.add(&kind, 0, (0.3 * k) * scale, 1.0);
        counts.add(&kind, 1, (15.0 + 0.5 * k) * scale, 1.0);
        counts.add(&kind, 2, k * scale, 1.0);
        counts.add_first(&kind, 0.5 * k * scale, 1.0);
    }
    let fitted = density::fit(
        0,
        &kind,
        &profiles,
        &Ties {
            word: vec![0.0; 3],
            tied: vec![true; 3],
            log_lift: vec![1.0, 1.0, 0.0],
        },
        &[0.1, 0.1, 0.8],
        &counts,
        &density::Smoothing::default(),
    );
    Clock::new(kind, fitted, 0.3)
}

fn piece(profile: u32, day: f64) -> Evidence {
    Evidence {
        profile,
        day,
        weight: 1.0,
        wanted: true,
    }
}

#[test]
fn the_grid_equals_the_sum_written_out() {
    let clock = clock(1.0);
    let evidence = [
        piece(0, 100.3),
        piece(2, 101.0),
        piece(1, 117.6),
        piece(2, 120.0),
    ];
    let (first, now) = (100.3, 125.0);
    let found = &infer(0, &clock, &evidence, Some(first), &[], now, false)[0];

    // Rates: λ_0 = 1 without, λ_0 + λ_k(a) with the clock; the marks given the times are all that differs.
    let mut weights = Vec::new();
    for day in &found.days {
        let mut likelihood = clock.anchors_per_day * clock.first_age(first - day);
        for e in evidence.iter().filter(|e| clock.table(e.profile).is_some()) {
            let age = e.day - day;
            let more = 1.0 + clock_excess(&clock, e.profile, age);
            likelihood *= more / (1.0 + clock_dilution(&clock, age));
        }
        weights.push(likelihood);
    }
    let total: f64 = weights.iter().sum();
    let powers = [1.0];
    let set = EvidenceSet {
        items: evidence.to_vec(),
        ..EvidenceSet::default()
    };
    let [of_voices] = clock.log_odds_by_age(&set.voices(), Some(first), now, powers);
    let odds = found.probability / (1.0 - found.probability);
    assert!((odds.ln() - of_voices).abs() < 1e-6);
    for (weight, expected) in found.weights.iter().zip(&weights) {
        assert!((f64::from(*weight) - expected / total).abs() < 2e-3);
    }
}

/// Tables at whole cells, interpolated in the logarithm as the grid does.
fn clock_excess(clock: &Clock, profile: u32, age: f64) -> f64 {
    clock.log_ratio(profile, age).exp() * (1.0 + clock_dilution(clock, age)) - 1.0
}

fn clock_dilution(clock: &Clock, age: f64) -> f64 {
    clock.dilution(age)
}

#[test]
fn taking_back_undoes_adding() {
    let clock = clock(1.0);
    let mut grid = Grid::new(&clock, 50.0, 130.0);
    let empty = grid.clone();
    grid.add(&clock, &piece(0, 100.25));
    grid.add(&clock, &piece(1, 117.0));
    assert!(grid.sums.iter().any(|s| s.abs() > 0.1));
    let back = |e: Evidence| Evidence { weight: -1.0, ..e };
    grid.add(&clock, &back(piece(1, 117.0)));
    grid.add(&clock, &back(piece(0, 100.25)));
    for (sum, zero) in grid.sums.iter().zip(&empty.sums) {
        assert!((sum - zero).abs() < 1e-9);
    }
}

#[test]
fn intervals_cover_what_they_say_and_narrow_with_evidence() {
    let clock = clock(1.0);
    let share = [0.1, 0.1, 0.8];
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut widths = Vec::new();
    for n in [1usize, 4, 16] {
        let (mut inside, mut all, mut width) = (0.0, 0.0, 0.0);
        for _ in 0..400 {
            // The age at first contact is drawn from the prior, purchases over the 12 units after it.
            let age0 = loop {
                let age = rng.gen_range(-4.0..40.0);
                if rng.gen_range(0.0..4.0) < clock.first_age(age) {
                    break age;
                }
            };
            let anchor = 1000.0 - age0;
            let mut evidence: Vec<Evidence> = (0..n)
                .map(|k| {
                    let day = if k == 0 {
                        1000.0
                    } else {
                        1000.0 + rng.gen_range(0.0..12.0)
                    };
                    let age = day - anchor;
                    let odds: Vec<f64> = (0..3)
                        .map(|c| share[c] * (1.0 + clock.excess(c as u32, age)))
                        .collect();
                    let mut left = rng.gen_range(0.0..odds.iter().sum::<f64>());
                    let mut profile = 0;
                    while profile < 2 && left > odds[profile] {
                        left -= odds[profile];
                        profile += 1;
                    }
                    piece(profile as u32, day)
                })
                .collect();
            evidence.sort_by(|a, b| a.day.total_cmp(&b.day));
            let found = &infer(0, &clock, &evidence, Some(1000.0), &[], 1013.0, true)[0];
            let (low, high) = (found.quantile(0.05), found.quantile(0.95));
            inside += f64::from(u8::from((low..=high).contains(&anchor)));
            all += 1.0;
            width += high - low;
        }
        assert!(
            (0.85..=0.96).contains(&(inside / all)),
            "n {n}: {}",
            inside / all
        );
        widths.push(width / all);
    }
    assert!(
        widths[0] > widths[1] && widths[1] > 1.2 * widths[2],
        "{widths:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_unit_of_time_does_not_matter(
        picks in prop::collection::vec((0u32..3, 0.0f64..60.0), 1..12),
        fact in prop::option::of(-3.0f64..20.0),
        scale in prop_oneof![Just(1.0 / 24.0), Just(1440.0), 0.1f64..40.0],
    ) {
        let posteriors = |scale: f64| {
            let mut evidence: Vec<Evidence> = picks
                .iter()
                .map(|(profile, day)| piece(*profile, (500.0 + day) * scale))
                .collect();
            evidence.sort_by(|a, b| a.day.total_cmp(&b.day));
            let facts: Vec<Declared> = fact
                .iter()
                .map(|age| Declared { name: None, kind: None, days: vec![(500.0 - age) * scale] })
                .collect();
            let first = Some(evidence[0].day);
            infer(0, &clock(scale), &evidence, first, &facts, 561.0 * scale, true)
        };
        let (plain, scaled) = (posteriors(1.0), posteriors(scale));
        prop_assert_eq!(plain.len(), scaled.len());
        for (a, b) in plain.iter().zip(&scaled) {
            prop_assert_eq!(a.declared, b.declared);
            prop_assert!((a.probability - b.probability).abs() < 1e-5);
            for p in [0.05, 0.5, 0.95] {
                let (a, b) = (a.quantile(p), b.quantile(p) / scale);
                // a quarter of an hour: between two clocks that could be meant, little mass lies over many days
                prop_assert!((a - b).abs() < 1e-2, "{} {}", a, b);
            }
        }
    }

    #[test]
    fn the_order_of_touches_does_not_matter(
        picks in prop::collection::vec((0usize..20, 0u8..4, 0.0f64..900.0), 1..25),
        seed in 0u64..1000,
    ) {
        let catalogue = store();
        let (model, products) = fresh(&catalogue);
        let kinds = [Kind::PURCHASE, Kind::VIEW, Kind::RETURN, Kind::WISHLIST];
        let mut history: Vec<Touch> = picks
            .iter()
            .map(|(p, k, day)| touch(kinds[*k as usize], ProductIx(*p as u32), 18_000.0 + day))
            .collect();
        let now = at(19_000.0);
        let before = model.state(&products, &history, &[], now, StateOptions::serving(true));
        history.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let after = model.state(&products, &history, &[], now, StateOptions::serving(true));
        for posterior in &before.clocks {
            let sum: f32 = posterior.weights.iter().sum();
            prop_assert!((sum - 1.0).abs() < 1e-3);
            prop_assert!((0.0..=1.0).contains(&posterior.probability));
        }
        prop_assert_eq!(before, after);
    }
}

#[test]
fn evidence_that_is_trusted_less_says_less_and_still_sums_to_one() {
    let mut clock = clock(1.0);
    let evidence: Vec<Evidence> = (0..2)
        .map(|k| piece(0, 100.0 + f64::from(k) * 0.2))
        .collect();
    let weights = |clock: &Clock| {
        let found = infer(0, clock, &evidence, Some(100.0), &[], 125.0, false);
        let sum: f32 = found[0].weights.iter().sum();
        assert!((sum - 1.0).abs() < 1e-3, "{sum}");
        assert!(found[0].weights.iter().all(|w| *w >= 0.0));
        found[0].weights.clone()
    };
    let plain = weights(&clock);
    clock.trust.tires = Some(1.0);
    let tired = weights(&clock);
    clock.trust.reserve = 0.2;
    let reserved = weights(&clock);
    clock.trust.power = 0.0;
    let before = weights(&clock);
    let moved = |after: &[f32]| -> f32 {
        let gaps = after.iter().zip(&before).map(|(a, b)| (a - b).abs());
        gaps.sum()
    };
    let (plain, tired, reserved) = (moved(&plain), moved(&tired), moved(&reserved));
    assert!(
        plain > tired && tired > reserved && reserved > 0.0,
        "{plain} {tired} {reserved}"
    );
}

#[test]
fn whether_a_clock_exists_is_not_asked_of_how_far_its_date_is_believed() {
    let mut clock = clock(1.0);
    let evidence = [piece(0, 100.0), piece(0, 100.2)];
    let found =
        |clock: &Clock| infer(0, clock, &evidence, Some(100.0), &[], 125.0, false)[0].clone();
    let plain = found(&clock);
    clock.trust.power = 0.3;
    let doubted = found(&clock);
    assert!((doubted.probability - plain.probability).abs() < 1e-9);
    assert_ne!(doubted.weights, plain.weights);
    clock.existence.level = 1.0;
    let shifted = found(&clock);
    let odds = |p: f64| (p / (1.0 - p)).ln();
    let by = odds(shifted.probability) - odds(plain.probability);
    assert!((by - 1.0).abs() < 1e-6, "{by}");
    assert_eq!(shifted.weights, doubted.weights);
}
