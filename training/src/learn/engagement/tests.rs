use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta, Distribution, Exp, Gamma};
use serendib_engine::engagement::{
    features, GapPrior, IndexModel, MbgNbd, Orders, Propensity, PLAIN,
};
use serendib_engine::stats::sigmoid;
use serendib_shop::{Kind, Kinds, Touch, DAY_MS, NO_PRODUCT};

use super::{index_weights, order_value, orders, propensity};

const NOW: i64 = 20_000 * DAY_MS + 12 * 3_600_000;

fn touch(kind: Kind, at: i64) -> Touch {
    Touch {
        at,
        basket: 0,
        product: NO_PRODUCT,
        quantity: 1.0,
        value: 10.0,
        duration_s: 0.0,
        kind,
        channel: 0,
        line: 0,
        pages: 0,
        rating: 0,
        cause: serendib_shop::Cause::Unsaid,
        gift: false,
    }
}

fn days_ago(days: f64) -> i64 {
    NOW - (days * DAY_MS as f64) as i64
}

/// Signed effects on a few features, so that probabilities depend on the history.
fn modelled(horizon_days: f64) -> Propensity {
    let used = vec![PLAIN[0], PLAIN[1], 30, 40];
    Propensity {
        means: vec![3.0, 0.5, 0.0, 0.0],
        deviations: vec![1.0; used.len()],
        effects: vec![-1.0, 0.8, 0.3, 0.2],
        used,
        stranger: 0.01,
        ..Propensity::constant(0.3, horizon_days)
    }
}

#[test]
fn memory_stays_where_the_data_do_not_tell() {
    // everybody does the same: every memory orders them equally
    let history: Vec<Touch> = (0..60)
        .rev()
        .map(|n| touch(Kind::VIEW, days_ago(4.0 * f64::from(n))))
        .collect();
    let histories: Vec<&[Touch]> = (0..300).map(|_| &history[..]).collect();
    let mut model = IndexModel::first(&Kinds::default());
    let before = model.half_life_days;
    index_weights::learn(
        &mut model,
        &histories,
        &[days_ago(60.0), days_ago(30.0)],
        NOW,
    );
    assert_eq!(model.half_life_days, before);
}

#[test]
fn a_longer_horizon_is_implied_by_a_shorter_one() {
    let month = modelled(30.0);
    let rows: Vec<Vec<f64>> = (0..200)
        .map(|n| {
            let history = [touch(Kind::PURCHASE, days_ago(f64::from(n)))];
            features(&history, NOW, None, &GapPrior::default(), &|_| false)
        })
        .collect();
    let quarter = propensity::stretched(&month, 90.0, &rows);
    let mean = |model: &Propensity, f: &dyn Fn(f64) -> f64| {
        rows.iter()
            .map(|row| f(model.probability(row)))
            .sum::<f64>()
            / rows.len() as f64
    };
    let implied = mean(&month, &|p| 1.0 - (1.0 - p).powi(3));
    assert!((mean(&quarter, &|p| p) - implied).abs() < 1e-6);
    assert!(rows
        .iter()
        .all(|row| quarter.probability(row) > month.probability(row)));
    assert!(quarter.stranger > month.stranger);
    let nobody = propensity::stretched(&month, 90.0, &[]);
    assert!(nobody.shift.is_finite() && nobody.shift > 0.0);
}

#[test]
fn weights_are_learned_from_what_is_followed_by_contact_and_stay_positive() {
    // chats are followed by contact, pickups never are
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let mut histories: Vec<Vec<Touch>> = Vec::new();
    for n in 0..800 {
        let kind = if n % 2 == 0 { Kind::CHAT } else { Kind::PICKUP };
        let start = rng.gen_range(0.0..10.0);
        let mut history: Vec<Touch> = (0..4)
            .map(|t| touch(kind, days_ago(80.0 - start - f64::from(t))))
            .collect();
        if (n % 2 == 0 && rng.gen_bool(0.9)) || rng.gen_bool(0.05) {
            history.push(touch(kind, days_ago(rng.gen_range(35.0..45.0))));
        }
        histories.push(history);
    }
    let slices: Vec<&[Touch]> = histories.iter().map(|h| &h[..]).collect();
    let mut learned = IndexModel::first(&Kinds::default());
    let before = learned.weight(Kind::CHAT) / learned.weight(Kind::PICKUP);
    index_weights::learn(&mut learned, &slices, &[days_ago(60.0)], NOW);
    assert!(learned.learned);
    let after = learned.weight(Kind::CHAT) / learned.weight(Kind::PICKUP);
    assert!(after > 1.5 * before, "{after} after {before}");
    assert!(learned.kinds.iter().all(|k| k.weight >= 0.0));
    assert_eq!(learned.weight(Kind::IMPRESSION), 0.0);
    // the median customer has 50
    let mut all: Vec<f64> = slices
        .iter()
        .map(|h| learned.measure(&learned.fold(h, NOW), NOW).index)
        .collect();
    all.sort_by(f64::total_cmp);
    assert!((all[400] - 50.0).abs() < 1.0, "{}", all[400]);
}

/// Customers whose rate and staying are drawn as MBG/NBD says.
fn simulated(truth: &MbgNbd, customers: usize, weeks: f64, seed: u64) -> Vec<(Orders, f64)> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let rates = Gamma::new(truth.r, 1.0 / truth.alpha).unwrap();
    let leaves = Beta::new(truth.a, truth.b).unwrap();
    (0..customers)
        .map(|_| {
            let gap = Exp::new(rates.sample(&mut rng).max(1e-12)).unwrap();
            let leave = leaves.sample(&mut rng);
            let age = rng.gen_range(0.7 * weeks..weeks);
            let (mut at, mut orders, mut later) = (
                0.0,
                Orders {
                    age,
                    ..Orders::default()
                },
                0.0,
            );
            loop {
                // after every order, the first one included, they may leave
                if rng.gen_bool(leave) {
                    break;
                }
                at += gap.sample(&mut rng);
                if at > age + 39.0 {
                    break;
                }
                if at <= age {
                    orders.repeats += 1.0;
                    orders.last = at;
                } else {
                    later += 1.0;
                }
            }
            (orders, later)
        })
        .collect()
}

/// A made-up shop whose customers order seldom; times in weeks.
const SLOW_SHOP: MbgNbd = MbgNbd {
    r: 0.525,
    alpha: 6.183,
    a: 0.891,
    b: 1.614,
};

#[test]
fn mbgnbd_finds_the_parameters_that_made_the_data() {
    let customers = simulated(&SLOW_SHOP, 6000, 39.0, 1);
    let seen: Vec<Orders> = customers.iter().map(|(c, _)| *c).collect();
    let fitted = orders::fit(&seen).unwrap();
    let likelihood = |m: &MbgNbd| {
        seen.iter()
            .map(|c| orders::log_likelihood(m, c))
            .sum::<f64>()
    };
    let (found, truth) = (likelihood(&fitted), likelihood(&SLOW_SHOP));
    assert!(found >= truth, "{found} below that of the truth {truth}");
    assert!((found - truth).abs() < 0.005 * truth.abs());
    assert!((fitted.r / SLOW_SHOP.r - 1.0).abs() < 0.25, "{fitted:?}");
    assert!(
        (fitted.alpha / SLOW_SHOP.alpha - 1.0).abs() < 0.3,
        "{fitted:?}"
    );
    // what it expects is what comes
    let expected: f64 = seen.iter().map(|c| fitted.expected(c, 39.0)).sum();
    let came: f64 = customers.iter().map(|(_, later)| later).sum();
    assert!(
        (expected / came - 1.0).abs() < 0.08,
        "{expected} for {came}"
    );
}

#[test]
fn silence_is_never_good_news_for_who_ordered_once_or_often() {
    for (repeats, last) in [(0.0, 0.0), (2.0, 30.43), (20.0, 38.0)] {
        let after = |weeks: f64| Orders {
            repeats,
            last,
            age: last + weeks,
        };
        let mut before = (1.0, f64::INFINITY);
        for weeks in [1.0, 8.0, 30.0, 100.0, 400.0] {
            let customer = after(weeks);
            let found = (
                SLOW_SHOP.alive(&customer),
                SLOW_SHOP.expected(&customer, 39.0),
            );
            assert!(found.0 > 0.0 && found.0 < before.0, "{repeats} {weeks}");
            assert!(found.1 >= 0.0 && found.1 < before.1, "{repeats} {weeks}");
            before = found;
        }
        assert_eq!(SLOW_SHOP.expected(&after(5.0), 0.0), 0.0);
    }
    let customer = Orders {
        repeats: 2.0,
        last: 30.43,
        age: 38.86,
    };
    assert!(orders::fit(&[customer; 5]).is_none());
    let never = [Orders {
        age: 10.0,
        ..Orders::default()
    }; 50];
    assert!(orders::fit(&never).is_none());
}

#[test]
fn where_nobody_left_yet_silence_still_counts() {
    // thirty customers who order every fourth week, the last time a week ago
    let steady: Vec<Orders> = (0..30)
        .map(|n| {
            let repeats = f64::from(8 + n % 5);
            Orders {
                repeats,
                last: 4.0 * repeats,
                age: 4.0 * repeats + 1.0,
            }
        })
        .collect();
    let fitted = orders::fit(&steady).unwrap();
    let silent = |weeks: f64| {
        fitted.alive(&Orders {
            repeats: 10.0,
            last: 40.0,
            age: 40.0 + weeks,
        })
    };
    assert!(silent(1.0) > 0.9, "{}", silent(1.0));
    assert!(silent(104.0) < 0.1, "{}", silent(104.0));
}

#[test]
fn gamma_gamma_finds_the_mean_of_the_population() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let (p, q, gamma) = (6.25, 3.74, 15.44);
    let scales = Gamma::new(q, 1.0 / gamma).unwrap();
    let customers: Vec<(f64, f64)> = (0..4000)
        .map(|_| {
            let orders = rng.gen_range(1..6);
            let values = Gamma::new(p, 1.0 / scales.sample(&mut rng)).unwrap();
            let sum: f64 = (0..orders).map(|_| values.sample(&mut rng)).sum();
            (f64::from(orders), sum / f64::from(orders))
        })
        .collect();
    let fitted = order_value::fit(&customers).unwrap();
    let truth = p * gamma / (q - 1.0);
    assert!(
        (fitted.expected(0.0, 0.0) / truth - 1.0).abs() < 0.05,
        "{fitted:?}"
    );
    // one dear order is pulled to the mean, many are believed
    let (one, many) = (fitted.expected(1.0, 200.0), fitted.expected(50.0, 200.0));
    assert!(truth < one && one < many && many < 200.0);
}

#[test]
fn propensity_is_calibrated_on_simulated_customers_and_signed() {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let draw = |rng: &mut ChaCha8Rng| {
        let rows: Vec<Vec<f64>> = (0..4000)
            .map(|_| (0..3).map(|_| rng.gen_range(-1.0..1.0)).collect())
            .collect();
        let odds = |row: &[f64]| -1.0 + 1.5 * row[0] - 2.0 * row[1];
        let bought: Vec<bool> = rows
            .iter()
            .map(|row| rng.gen_bool(sigmoid(odds(row))))
            .collect();
        (rows, bought)
    };
    let (rows, bought) = draw(&mut rng);
    let mut fitted = propensity::fit(&rows, &bought, &[0, 1, 2], 1.0, 30.0).unwrap();
    let (fresh, outcome) = draw(&mut rng);
    propensity::calibrate(&mut fitted, &fresh, &outcome, 20.0);
    assert!(fitted.effects[0] > 0.5 && fitted.effects[1] < -0.5);
    let (rows, bought) = draw(&mut rng);
    for bin in 0..5 {
        let (low, high) = (0.2 * f64::from(bin), 0.2 * f64::from(bin + 1));
        let inside: Vec<(f64, bool)> = rows
            .iter()
            .zip(&bought)
            .map(|(row, b)| (fitted.probability(row), *b))
            .filter(|(p, _)| (low..high).contains(p))
            .collect();
        if inside.len() > 150 {
            let n = inside.len() as f64;
            let said = inside.iter().map(|(p, _)| p).sum::<f64>() / n;
            let was = inside.iter().filter(|(_, b)| *b).count() as f64 / n;
            assert!(
                (said - was).abs() < 0.08,
                "bin {bin}: said {said}, was {was}"
            );
        }
    }
    let row = &rows[0];
    let sum: f64 = fitted.contributions(row).map(|(_, c)| c).sum();
    let odds = fitted.scale * (fitted.intercept + sum) + fitted.shift;
    assert!((fitted.log_odds(row) - odds).abs() < 1e-9);
    assert!(propensity::fit(&rows, &vec![false; rows.len()], &[0], 1.0, 30.0).is_none());
}
