use std::cell::Cell;

use microlp::{ComparisonOp, OptimizationDirection, Problem as Linear};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

fn quiet() -> Options<'static> {
    Options {
        random_one_in: None,
        target_gap: 0.0,
        ..Options::default()
    }
}

fn packed(problem: &Problem, options: &Options) -> Packing {
    pack(problem, options, &|| false, &mut |_| {})
}

/// A random instance with every hard constraint there is.
fn instance(seed: u64, boxes: usize, items: usize, limits: bool) -> Problem {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let tightness = rng.gen_range(0.5..1.6);
    let per_item = 3.0 * boxes as f64 / items as f64 * tightness;
    let catalogue: Vec<Item> = (0..items)
        .map(|n| {
            let leaf = rng.gen_range(0..4u32);
            Item {
                id: format!("p{n}"),
                stock: rng.gen_range(0.0..=2.0 * per_item).round() as u32,
                family: if rng.gen_bool(0.2) { 0 } else { n as u32 + 1 },
                lot_of: None,
                categories: vec![leaf, 10 + leaf / 2],
                price: rng.gen_bool(0.95).then(|| rng.gen_range(1.0..20.0)),
                cost: Some(rng.gen_range(0.5..10.0)),
                weight_g: Some(rng.gen_range(10.0..500.0)),
                volume_ml: Some(rng.gen_range(10.0..500.0)),
                allergens: (0..3).filter(|_| rng.gen_bool(0.1)).collect(),
                unlabelled: n % 11 == 3,
                size: (n % 7 == 2).then_some(n as u32 % 3),
                durable: rng.gen_bool(0.3),
            }
        })
        .collect();
    let some = |rng: &mut ChaCha8Rng, chance: f64| -> Vec<u32> {
        (0..items as u32).filter(|_| rng.gen_bool(chance)).collect()
    };
    let rules = Rules {
        category_caps: vec![(10, rng.gen_range(1..4))],
        leaf_cap: rng.gen_bool(0.7).then_some(2),
        pinned: if rng.gen_bool(0.3) {
            vec![rng.gen_range(0..items as u32)]
        } else {
            vec![]
        },
        no_repeat_boxes: 2,
        relevance_floor: 0.3,
        ..Rules::default()
    };
    let mut problem = Problem::new(catalogue, rules).unwrap();
    for b in 0..boxes {
        let candidates: Vec<Candidate> = (0..items as u32)
            .filter(|_| rng.gen_bool(0.9))
            .collect::<Vec<_>>()
            .into_iter()
            .map(|item| Candidate {
                item,
                value: rng.gen_range(0.0..1.0),
                surprise: rng.gen_range(0.0..1.0),
                relevance: rng.gen_range(0.0..1.0),
            })
            .collect();
        let limit = |rng: &mut ChaCha8Rng, from: f64, to: f64| {
            (limits && rng.gen_bool(0.5)).then(|| rng.gen_range(from..to))
        };
        let request = BoxRequest {
            id: format!("b{b}"),
            regular: rng.gen_range(0..4),
            surprise: rng.gen_range(0..if limits { 3 } else { 2 }),
            budget: limit(&mut rng, 5.0, 60.0),
            max_weight_g: limit(&mut rng, 100.0, 2000.0),
            max_volume_ml: limit(&mut rng, 100.0, 2000.0),
            excluded_items: some(&mut rng, 0.05),
            excluded_categories: if rng.gen_bool(0.1) { vec![1] } else { vec![] },
            allergens: (0..3).filter(|_| rng.gen_bool(0.2)).collect(),
            wary: b % 5 == 1,
            leaf_sizes: (0..4).flat_map(|leaf| [(leaf, 0), (leaf, 1)]).collect(),
            history: (0..3).map(|_| some(&mut rng, 0.05)).collect(),
            owned: some(&mut rng, 0.1),
            pinned: if rng.gen_bool(0.1) {
                some(&mut rng, 0.1)
            } else {
                vec![]
            },
            ..BoxRequest::default()
        };
        problem.add(request, &candidates).unwrap();
    }
    problem
}

/// The optimum by mixed-integer programming, a filled slot worth `fill`.
fn oracle(problem: &Problem, fill: f64) -> f64 {
    let mut linear = Linear::new(OptimizationDirection::Maximize);
    let mut of_item: Vec<Vec<microlp::Variable>> = vec![Vec::new(); problem.items.len()];
    let at_most = |linear: &mut Linear, terms: &[(microlp::Variable, f64)], most: f64| {
        if !terms.is_empty() {
            linear.add_constraint(terms, ComparisonOp::Le, most);
        }
    };
    for slots in &problem.boxes {
        let mut vars: Vec<(microlp::Variable, u32, bool)> = Vec::new();
        for at in slots.start..slots.end {
            let item = problem.item_of[at];
            let regular = f64::from(problem.regular_value[at]) + fill;
            let surprise = f64::from(problem.surprise_value[at]) + fill;
            let mut add = |value: f64, is_surprise: bool| {
                let var = linear.add_binary_var(value);
                of_item[item as usize].push(var);
                vars.push((var, item, is_surprise));
            };
            add(regular, false);
            if surprise.is_finite() {
                add(surprise, true);
            }
        }
        let mut limit = |coefficient: &dyn Fn(u32, bool) -> f64, most: f64| {
            let terms: Vec<_> = vars
                .iter()
                .map(|(var, item, surprise)| (*var, coefficient(*item, *surprise)))
                .filter(|(_, c)| *c != 0.0)
                .collect();
            at_most(&mut linear, &terms, most);
        };
        limit(
            &|_, surprise| f64::from(u8::from(!surprise)),
            slots.regular as f64,
        );
        limit(
            &|_, surprise| f64::from(u8::from(surprise)),
            slots.surprise as f64,
        );
        let families: std::collections::BTreeSet<u32> =
            problem.items.iter().map(|item| item.family).collect();
        for family in families {
            let same =
                |item: u32, _| f64::from(u8::from(problem.items[item as usize].family == family));
            limit(&same, 1.0);
        }
        for (group, (_, cap)) in problem.caps.iter().enumerate() {
            let inside = |item: u32| problem.groups[item as usize].contains(&(group as u32));
            let fixed = slots
                .fixed
                .iter()
                .filter(|(item, _, _)| inside(*item))
                .count();
            let most = f64::from(*cap) - fixed as f64;
            limit(&|item, _| f64::from(u8::from(inside(item))), most);
        }
        for measure in 0..3 {
            if slots.left[measure].is_finite() {
                limit(
                    &|item, _| problem.measures[item as usize][measure],
                    slots.left[measure],
                );
            }
        }
    }
    for (item, vars) in of_item.iter().enumerate() {
        let terms: Vec<_> = vars.iter().map(|var| (*var, 1.0)).collect();
        at_most(&mut linear, &terms, f64::from(problem.stock[item]));
    }
    linear.solve().map_or(0.0, |solution| solution.objective())
}

fn filled(problem: &Problem, packing: &Packing) -> u64 {
    problem.open_slots() - packing.empty_slots
}

fn open_value(packing: &Packing) -> f64 {
    let lines = packing.boxes.iter().flat_map(|b| &b.lines);
    lines
        .filter(|line| !line.fixed)
        .map(|line| f64::from(line.value))
        .sum()
}

/// (equal to the optimum, packings) over `seeds`; asserts bound and feasibility on the way.
fn against_oracle(seeds: std::ops::Range<u64>, limits: bool) -> (usize, usize) {
    let mut equal = 0;
    let count = seeds.clone().count();
    for seed in seeds {
        let problem = instance(
            seed,
            2 + (seed % 5) as usize,
            6 + (seed % 5) as usize,
            limits,
        );
        let packing = packed(&problem, &quiet());
        assert_eq!(verify(&problem, &packing), [], "seed {seed}");
        let fill = super::pack::worth_of_slot(&problem);
        let optimum = oracle(&problem, fill);
        let found = open_value(&packing) + fill * filled(&problem, &packing) as f64;
        assert!(
            found <= optimum + 1e-5,
            "seed {seed}: {found} above the optimum {optimum}"
        );
        assert!(packing.value <= packing.bound + 1e-9, "seed {seed}");
        // the bound is about packings that fill as many slots
        if found >= optimum - 1e-5 {
            equal += 1;
        } else {
            let gain = optimum - found;
            assert!(packing.gap > 0.0, "seed {seed}: gap 0 but {gain} is missed");
        }
    }
    (equal, count)
}

#[test]
fn small_packings_equal_the_optimum() {
    let (equal, count) = against_oracle(0..120, false);
    assert!(equal * 100 >= count * 95, "{equal} of {count}");
}

#[test]
fn small_packings_with_limits_are_near_the_optimum() {
    let (equal, count) = against_oracle(1000..1120, true);
    assert!(equal * 100 >= count * 95, "{equal} of {count}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_packing_breaks_a_hard_constraint(
        seed in any::<u64>(), boxes in 1usize..60, items in 1usize..40, limits: bool, random: bool,
    ) {
        let problem = instance(seed, boxes, items, limits);
        let options = Options {
            random_one_in: random.then_some(2),
            max_rounds: 40,
            ..Options::default()
        };
        let packing = packed(&problem, &options);
        prop_assert_eq!(verify(&problem, &packing), []);
        prop_assert!(packing.value.is_finite() && packing.value <= packing.bound + 1e-9);
        prop_assert!((0.0..=1.0).contains(&packing.gap));
        for (number, content) in packing.boxes.iter().enumerate() {
            let open = problem.boxes[number].request.regular + problem.boxes[number].request.surprise;
            prop_assert_eq!(content.lines.len() < open, content.shortfall.as_ref().is_some_and(|s| s.regular + s.surprise > 0));
            for line in &content.lines {
                for stand_in in &line.stand_ins {
                    prop_assert!(packing.stock_left[stand_in.item as usize] > 0);
                    prop_assert!(content.lines.iter().all(|l| l.item != stand_in.item));
                }
                if let Some(draw) = &line.draw {
                    let sum: f64 = draw.candidates.iter().map(|(_, p)| p).sum();
                    prop_assert!((sum - 1.0).abs() < 1e-9 && draw.propensity > 0.0);
                    prop_assert!(draw.candidates.contains(&(line.item, draw.propensity)));
                }
            }
        }
        let plain = greedy(&problem);
        prop_assert_eq!(verify(&problem, &plain), []);
        if !random {
            prop_assert!(packing.empty_slots <= plain.empty_slots);
        }
        if let Some(repacked) = repack(&problem, &packing, 0, &[], 2) {
            let mut after = packing.clone();
            after.boxes[0] = repacked.packed;
            after.stock_left = repacked.stock_left;
            prop_assert_eq!(verify(&problem, &after), []);
        }
    }

    #[test]
    fn more_time_never_makes_it_worse(seed in any::<u64>()) {
        let problem = instance(seed, 80, 25, false);
        let mut last = f64::NEG_INFINITY;
        for polls in [0u32, 1, 3, 9, 20, 60, 1000] {
            let asked = Cell::new(0);
            let stop = || { asked.set(asked.get() + 1); asked.get() > polls };
            let mut heard: Vec<Progress> = Vec::new();
            let packing = pack(&problem, &quiet(), &stop, &mut |p| heard.push(p));
            prop_assert_eq!(verify(&problem, &packing), []);
            let objective = packing.value + super::pack::worth_of_slot(&problem) * filled(&problem, &packing) as f64;
            prop_assert!(objective >= last - 1e-6, "{objective} after {last}");
            prop_assert!(heard.windows(2).all(|w| w[1].bound - w[1].value <= w[0].bound - w[0].value + 1e-9));
            last = objective;
        }
    }
}

#[test]
fn verify_notices_what_is_broken() {
    let problem = instance(3, 20, 20, true);
    let packing = packed(&problem, &quiet());
    let full = (0..20).find(|b| packing.boxes[*b].lines.len() > 1).unwrap();
    let mut twice = packing.clone();
    twice.boxes[full].lines[0] = twice.boxes[full].lines[1].clone();
    assert!(verify(&problem, &twice).len() >= 2);
    let mut stolen = packing.clone();
    stolen.stock_left[0] += 1;
    assert!(matches!(
        verify(&problem, &stolen)[..],
        [Violation::Stock { .. }]
    ));
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let problem = instance(11, 300, 40, true);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| packed(&problem, &Options::default()))
    };
    assert_eq!(run(1), run(4));
}

#[test]
fn prices_that_a_sample_began_prove_as_much() {
    let problem = instance(11, 20_100, 24, false);
    let options = Options {
        max_rounds: 40,
        target_gap: 2e-4,
        ..quiet()
    };
    let whole = packed(&problem, &options);
    assert_eq!(verify(&problem, &whole), []);
    assert!(
        whole.value <= whole.bound && whole.gap < 3e-3,
        "{}",
        whole.gap
    );
    // a bound of everybody, whatever the sample thought
    let stopped = pack(&problem, &options, &|| true, &mut |_| {});
    assert!(stopped.bound >= whole.value, "{stopped:?}");
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    assert_eq!(one.unwrap().install(|| packed(&problem, &options)), whole);
}

#[test]
fn a_warm_start_needs_fewer_rounds_and_is_as_good() {
    let problem = instance(5, 400, 40, false);
    let options = Options {
        target_gap: 2e-3,
        ..quiet()
    };
    let cold = packed(&problem, &options);
    let warm = packed(
        &problem,
        &Options {
            warm: Some(&cold.prices),
            ..options
        },
    );
    assert!(
        warm.rounds <= cold.rounds,
        "{} after {}",
        warm.rounds,
        cold.rounds
    );
    assert!(warm.gap <= cold.gap.max(2e-3));
    let nonsense = vec![f64::NAN; problem.items().len()];
    let odd = packed(
        &problem,
        &Options {
            warm: Some(&nonsense),
            ..options
        },
    );
    assert_eq!(verify(&problem, &odd), []);
}

fn simple(stock: &[u32]) -> Vec<Item> {
    stock
        .iter()
        .enumerate()
        .map(|(n, stock)| Item {
            id: format!("p{n}"),
            stock: *stock,
            family: n as u32,
            categories: vec![n as u32],
            price: Some(10.0),
            cost: Some(5.0),
            weight_g: Some(100.0),
            volume_ml: Some(100.0),
            ..Item::default()
        })
        .collect()
}

fn wants(values: &[(u32, f32)]) -> Vec<Candidate> {
    values
        .iter()
        .map(|(item, value)| Candidate {
            item: *item,
            value: *value,
            surprise: *value,
            relevance: *value,
        })
        .collect()
}

fn request(id: &str, regular: usize, surprise: usize) -> BoxRequest {
    BoxRequest {
        id: id.into(),
        regular,
        surprise,
        ..BoxRequest::default()
    }
}

#[test]
fn a_scarce_item_goes_where_it_is_worth_most() {
    let mut problem = Problem::new(simple(&[1, 9]), Rules::default()).unwrap();
    problem
        .add(request("first", 1, 0), &wants(&[(0, 0.9), (1, 0.8)]))
        .unwrap();
    problem
        .add(request("second", 1, 0), &wants(&[(0, 0.7), (1, 0.1)]))
        .unwrap();
    let packing = packed(&problem, &quiet());
    assert_eq!(packing.boxes[0].lines[0].item, 1);
    assert_eq!(packing.boxes[1].lines[0].item, 0);
    assert!((packing.value - 1.5).abs() < 1e-6);
    assert!(packing.gap < 1e-9);
    let price = packing.shadow_prices[0];
    assert_eq!(price.item, 0);
    // a second unit would lift the first box from 0.8 to 0.9, one unit less would cost 0.6
    assert!(
        (0.1 - 1e-6..=0.6 + 1e-6).contains(&price.price),
        "{price:?}"
    );
}

#[test]
fn a_unit_that_would_fill_a_slot_is_worth_its_value_and_not_the_slot() {
    let mut problem = Problem::new(simple(&[1, 0]), Rules::default()).unwrap();
    for id in ["first", "second"] {
        problem
            .add(request(id, 1, 0), &wants(&[(0, 0.9), (1, 0.4)]))
            .unwrap();
    }
    let packing = packed(&problem, &quiet());
    assert_eq!(packing.empty_slots, 1);
    let told: Vec<_> = packing.shadow_prices.iter().collect();
    assert_eq!(told.len(), 2, "{told:?}");
    for price in told {
        assert!(price.fills, "{price:?}");
        assert!(
            price.price <= [0.9, 0.4][price.item as usize] + 1e-6,
            "{price:?}"
        );
        assert!((price.ten_more - 10.0 * price.price).abs() < 1e-9);
    }
}

#[test]
fn nothing_on_the_shelf_is_worth_nothing_and_stock_is_at_fault() {
    let mut problem = Problem::new(simple(&[0, 0]), Rules::default()).unwrap();
    problem
        .add(request("box", 2, 0), &wants(&[(0, 0.9), (1, 0.8)]))
        .unwrap();
    let packing = packed(&problem, &quiet());
    assert_eq!(packing.value.to_bits(), 0f64.to_bits());
    assert_eq!(packing.boxes[0].value.to_bits(), 0f64.to_bits());
    assert!(
        packing.bound.abs() < 1e-9 && packing.gap < 1e-9,
        "{packing:?}"
    );
    let shortfall = packing.boxes[0].shortfall.as_ref().unwrap();
    assert_eq!(shortfall.fault, Fault::Stock);
}

#[test]
fn stand_ins_of_a_box_are_not_all_the_same() {
    let mut problem = Problem::new(simple(&[9, 9, 9, 9, 9, 9]), Rules::default()).unwrap();
    let values: Vec<(u32, f32)> = (0..6).map(|n| (n, 0.9 - 0.01 * n as f32)).collect();
    problem.add(request("box", 2, 0), &wants(&values)).unwrap();
    let packing = packed(&problem, &quiet());
    let mut named: Vec<u32> = packing.boxes[0]
        .lines
        .iter()
        .flat_map(|line| line.stand_ins.iter().map(|stand_in| stand_in.item))
        .collect();
    let all = named.len();
    named.sort_unstable();
    named.dedup();
    assert_eq!((all, named.len()), (4, 4));
}

#[test]
fn rules_out_of_their_range_are_named() {
    let fine = ShopRules::default();
    assert_eq!(fine.check(), Ok(()));
    let wrong = |change: &dyn Fn(&mut ShopRules)| {
        let mut rules = ShopRules::default();
        change(&mut rules);
        rules.check().unwrap_err().to_string()
    };
    for (field, said) in [
        ("slots", wrong(&|r| r.slots = 0)),
        ("surprise_slots", wrong(&|r| r.surprise_slots = 6)),
        ("candidates", wrong(&|r| r.candidates = 1)),
        (
            "relevance_floor",
            wrong(&|r| r.relevance_floor = Some(f32::NAN)),
        ),
        ("near_equal", wrong(&|r| r.near_equal = 2.0)),
        ("weights.delight", wrong(&|r| r.weights.delight = -1.0)),
    ] {
        assert!(said.starts_with(&format!("rules: {field}: is ")), "{said}");
    }
}

#[test]
fn what_a_subscriber_has_had_is_no_surprise() {
    let mut items = simple(&[5, 5, 5]);
    items[1].family = 0;
    let mut problem = Problem::new(items, Rules::default()).unwrap();
    let had = BoxRequest {
        owned: vec![0],
        ..request("had", 1, 1)
    };
    let all = wants(&[(0, 0.9), (1, 0.8), (2, 0.1)]);
    problem.add(had, &all).unwrap();
    let packing = packed(&problem, &quiet());
    assert_eq!(verify(&problem, &packing), []);
    let mut lines: Vec<(u32, bool)> = packing.boxes[0]
        .lines
        .iter()
        .map(|line| (line.item, line.surprise))
        .collect();
    lines.sort_unstable();
    assert_eq!(lines, [(0, false), (2, true)]);
}

#[test]
fn a_short_box_names_the_constraint_at_fault() {
    let mut items = simple(&[5, 5, 0, 5]);
    items[3].family = 1;
    let rules = Rules {
        category_caps: vec![(0, 0)],
        relevance_floor: 0.5,
        pinned: vec![],
        ..Rules::default()
    };
    let mut problem = Problem::new(items, rules).unwrap();
    let all = wants(&[(0, 0.9), (1, 0.8), (2, 0.7), (3, 0.6)]);
    let mut add = |request: BoxRequest, candidates: &[Candidate]| {
        problem.add(request, candidates).unwrap();
    };
    add(request("stock", 1, 0), &wants(&[(2, 0.9)]));
    add(request("cap", 1, 0), &wants(&[(0, 0.9)]));
    add(request("floor", 0, 1), &wants(&[(1, 0.2)]));
    add(request("variants", 2, 0), &wants(&[(1, 0.9), (3, 0.8)]));
    add(
        BoxRequest {
            budget: Some(15.0),
            ..request("budget", 2, 0)
        },
        &wants(&[(1, 0.9), (2, 0.9)]),
    );
    add(
        BoxRequest {
            excluded_items: vec![0, 1, 2, 3],
            ..request("nothing", 1, 0)
        },
        &all,
    );
    add(
        BoxRequest {
            pinned: vec![2],
            ..request("pin", 1, 0)
        },
        &all,
    );
    add(
        BoxRequest {
            budget: Some(1.0),
            ..request("poor", 1, 0)
        },
        &wants(&[(1, 0.9), (3, 0.9)]),
    );
    let packing = packed(&problem, &quiet());
    assert_eq!(verify(&problem, &packing), []);
    let fault = |b: usize| packing.boxes[b].shortfall.as_ref().map(|s| s.fault);
    assert_eq!(fault(0), Some(Fault::Stock));
    assert_eq!(fault(1), Some(Fault::CategoryCap));
    assert_eq!(fault(2), Some(Fault::RelevanceFloor));
    assert_eq!(fault(3), Some(Fault::Variants));
    assert_eq!(fault(4), Some(Fault::Budget));
    assert_eq!(fault(5), Some(Fault::NothingSuits));
    assert_eq!(
        packing.boxes[5].shortfall.as_ref().unwrap().removed,
        [(Removal::Excluded, 4)]
    );
    assert_eq!(
        fault(7),
        Some(Fault::Budget),
        "each thing alone is too dear"
    );
    let pin = packing.boxes[6].shortfall.as_ref().unwrap();
    assert_eq!(pin.pins, [(2, PinFault::Removed(Removal::OutOfStock))]);
    assert_eq!(pin.fault, Fault::Pin);
}

#[test]
fn pins_and_locks_come_first_and_protection_is_stronger_than_a_pin() {
    let mut items = simple(&[2, 5, 5]);
    items[0].allergens = vec![7];
    let rules = Rules {
        pinned: vec![0],
        ..Rules::default()
    };
    let mut problem = Problem::new(items, rules).unwrap();
    let all = wants(&[(0, 0.1), (1, 0.8), (2, 0.7)]);
    let locked = BoxRequest {
        locked: Some(vec![(0, false), (2, true)]),
        ..request("locked", 1, 1)
    };
    problem.add(locked, &all).unwrap();
    let allergic = BoxRequest {
        allergens: vec![7],
        ..request("allergic", 2, 0)
    };
    problem.add(allergic, &all).unwrap();
    problem.add(request("lucky", 2, 0), &all).unwrap();
    problem.add(request("late", 2, 0), &all).unwrap();
    let packing = packed(&problem, &quiet());
    assert_eq!(verify(&problem, &packing), []);
    let contents =
        |b: usize| -> Vec<u32> { packing.boxes[b].lines.iter().map(|l| l.item).collect() };
    assert_eq!(contents(0), [0, 2]);
    assert_eq!(contents(1), [1, 2]);
    assert_eq!(contents(2), [0, 1]);
    assert_eq!(contents(3), [1, 2]);
    assert!(packing.boxes[2].lines[0].fixed);
    assert!(repack(&problem, &packing, 0, &[], 2).is_none(), "locked");
}

#[test]
fn a_repacked_box_avoids_what_it_must_and_leaves_the_others() {
    let problem = instance(21, 60, 30, false);
    let packing = packed(&problem, &quiet());
    let b = (0..60)
        .find(|b| packing.boxes[*b].lines.iter().any(|l| !l.fixed))
        .unwrap();
    let spoiled = packing.boxes[b]
        .lines
        .iter()
        .find(|l| !l.fixed)
        .unwrap()
        .item;
    let again = repack(&problem, &packing, b, &[spoiled], 2).unwrap();
    assert!(again.packed.lines.iter().all(|line| line.item != spoiled));
    let mut after = packing.clone();
    after.boxes[b] = again.packed;
    after.stock_left = again.stock_left;
    assert_eq!(verify(&problem, &after), []);
}

#[test]
fn soft_goals_are_met_where_stock_allows_and_their_cost_is_told() {
    let mut items = simple(&[20, 20, 4, 20]);
    items[3].cost = Some(1.0);
    let rules = Rules {
        required_categories: vec![1],
        minimum_use: vec![(2, 3)],
        minimum_margin: Some(0.6),
        ..Rules::default()
    };
    let mut problem = Problem::new(items.clone(), rules).unwrap();
    let mut plain = Problem::new(items, Rules::default()).unwrap();
    for b in 0..8 {
        let candidates = wants(&[(0, 0.9), (1, 0.3), (2, 0.2), (3, 0.25)]);
        problem
            .add(request(&format!("b{b}"), 2, 0), &candidates)
            .unwrap();
        plain
            .add(request(&format!("b{b}"), 2, 0), &candidates)
            .unwrap();
    }
    let (soft, hard) = (packed(&problem, &quiet()), packed(&plain, &quiet()));
    assert_eq!(verify(&problem, &soft), []);
    assert_eq!(soft.soft.missing_category, [(1, 0)]);
    assert_eq!(soft.soft.minimum_use, [(2, 3, 3)]);
    assert!(soft.soft.margin.unwrap() >= 0.6, "{:?}", soft.soft);
    assert!((hard.value - soft.value - soft.soft.given_up).abs() < 1e-6);
    assert!(soft.soft.given_up > 0.0);
}

#[test]
fn fairness_lifts_the_poorest_box() {
    // the optimum gives item 0 to the rich box, which has another choice nearly as good
    let build = |fairness| {
        let rules = Rules {
            fairness,
            ..Rules::default()
        };
        let mut problem = Problem::new(simple(&[1, 1, 9]), rules).unwrap();
        problem
            .add(request("poor", 1, 0), &wants(&[(0, 0.5), (2, 0.05)]))
            .unwrap();
        problem
            .add(request("rich", 1, 0), &wants(&[(0, 1.0), (1, 0.5)]))
            .unwrap();
        problem
            .add(request("other", 1, 0), &wants(&[(2, 0.5)]))
            .unwrap();
        packed(&problem, &quiet())
    };
    let (unfair, fair) = (build(None), build(Some(0.8)));
    assert!(unfair.boxes[0].value < 0.1);
    assert!(fair.boxes[0].value > 0.4, "{:?}", fair.boxes);
    assert_eq!(fair.soft.below_fair, 0);
}

#[test]
fn random_lines_come_in_the_share_they_are_logged_with() {
    let mut problem = Problem::new(simple(&[900, 900, 900]), Rules::default()).unwrap();
    for b in 0..600 {
        let candidates = wants(&[(0, 0.50), (1, 0.495), (2, 0.2)]);
        problem
            .add(request(&format!("b{b}"), 0, 1), &candidates)
            .unwrap();
    }
    let options = Options {
        random_one_in: Some(4),
        ..quiet()
    };
    let packing = packed(&problem, &options);
    let second = packing
        .boxes
        .iter()
        .filter(|b| b.lines[0].item == 1)
        .count() as f64
        / 600.0;
    // one in four is drawn, half of those give the second
    assert!((second - 0.125).abs() < 0.045, "{second}");
    let line = packing
        .boxes
        .iter()
        .map(|b| &b.lines[0])
        .find(|l| l.item == 1)
        .unwrap();
    assert!((line.draw.as_ref().unwrap().propensity - 0.125).abs() < 1e-12);
    assert!(packing.boxes.iter().all(|b| b.lines[0].item != 2));
}

#[test]
fn bad_input_is_named_and_changes_nothing() {
    let mut bad = simple(&[1]);
    bad[0].price = Some(f32::NAN);
    assert!(matches!(
        Problem::new(bad, Rules::default()),
        Err(ProblemError::ItemNumber { field: "price", .. })
    ));
    let mut problem = Problem::new(simple(&[1, 1]), Rules::default()).unwrap();
    let all = wants(&[(0, 0.5), (1, 0.5)]);
    problem.add(request("a", 1, 0), &all).unwrap();
    let mut refuse = |request: BoxRequest, candidates: &[Candidate]| {
        problem.add(request, candidates).unwrap_err().to_string()
    };
    assert!(refuse(request("a", 1, 0), &all).contains("appears twice"));
    assert!(refuse(request("b", 60, 5), &all).contains("slots is 65"));
    assert!(refuse(request("b", 1, 0), &wants(&[(0, 0.5), (0, 0.4)])).contains("twice"));
    assert!(refuse(request("b", 1, 0), &wants(&[(2, 0.5)])).contains("does not exist"));
    assert!(refuse(request("b", 1, 0), &wants(&[(0, f32::NAN)])).contains("value is NaN"));
    let locked = BoxRequest {
        locked: Some(vec![(0, false), (0, false)]),
        ..request("b", 2, 0)
    };
    assert!(refuse(locked, &all).contains("locked"));
    assert_eq!(problem.len(), 1);
    let nothing = Problem::new(Vec::new(), Rules::default()).unwrap();
    let packing = packed(&nothing, &Options::default());
    assert_eq!((packing.value, packing.gap), (0.0, 0.0));
}

#[test]
fn lots_that_expire_first_are_taken_first() {
    let lot = |quantity, expires_at, inbound_at| Lot {
        item: 0,
        quantity,
        expires_at,
        ships_before: expires_at,
        inbound_at,
        label: String::new(),
    };
    let lots = [
        lot(2, Some(100), None),
        lot(1, Some(50), None),
        lot(5, None, Some(90)),
        lot(-3, None, None),
    ];
    assert_eq!(
        assign_lots(&lots, &[(0, 10), (0, 60), (0, 95)]),
        Ok(vec![1, 0, 0])
    );
    assert_eq!(
        assign_lots(&lots, &[(0, 95), (0, 10), (0, 60), (0, 95)]),
        Ok(vec![0, 1, 0, 2])
    );
    assert_eq!(
        assign_lots(&lots, &[(0, 10), (0, 10), (0, 10), (0, 10)]),
        Err(LotError { line: 3, item: 0 })
    );
}
