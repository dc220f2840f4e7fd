use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use serendib_shop::{Kind, Kinds, ProductIx, Touch, DAY_MS, NO_PRODUCT};

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

fn model() -> IndexModel {
    IndexModel {
        channels: vec![1.0, 0.5, 2.0],
        lines: vec![1.0, 1.5],
        typical_value: 20.0,
        ..IndexModel::first(&Kinds::default())
    }
}

/// Any touch there is, sane or not.
fn any_touch() -> impl Strategy<Value = Touch> {
    let numbers = (0u16..60, 0u16..4, 0u16..3, 0u16..200);
    let floats = prop_oneof![
        4 => 0.0f32..5000.0,
        1 => Just(f32::NAN),
        1 => Just(f32::INFINITY),
        1 => Just(-5.0f32),
    ];
    (-400.0f64..20.0, numbers, floats).prop_map(|(day, (kind, channel, line, pages), x)| Touch {
        kind: Kind(kind),
        channel,
        line,
        pages,
        duration_s: x,
        value: x,
        ..touch(Kind::VIEW, NOW + (day * DAY_MS as f64) as i64)
    })
}

fn any_history() -> impl Strategy<Value = Vec<Touch>> {
    proptest::collection::vec(any_touch(), 0..60).prop_map(|mut history| {
        history.sort_by_key(|t| t.at);
        history
    })
}

/// The points of a history straight from the definition.
fn by_definition(model: &IndexModel, history: &[Touch], now: i64) -> f64 {
    let mut days: BTreeMap<i64, BTreeMap<u16, f64>> = BTreeMap::new();
    for t in history
        .iter()
        .filter(|t| t.at <= now && model.role(t.kind) == Role::Active)
    {
        let day = days.entry(t.at.div_euclid(DAY_MS)).or_default();
        *day.entry(t.kind.0).or_insert(0.0) += model.points(t);
    }
    days.iter()
        .map(|(day, kinds)| {
            let sum: f64 = kinds
                .iter()
                .map(|(kind, points)| points.min(model.kind_cap * model.weight(Kind(*kind))))
                .sum();
            let age = now as f64 / DAY_MS as f64 - *day as f64;
            sum.min(model.day_cap) * 0.5f64.powf(age / model.half_life_days)
        })
        .sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn another_active_touch_never_lowers_the_index(
        history in any_history(), extra in any_touch(),
    ) {
        let model = model();
        let before = model.measure(&model.fold(&history, NOW), NOW);
        let mut more = history.clone();
        more.push(extra);
        more.sort_by_key(|t| t.at);
        let after = model.measure(&model.fold(&more, NOW), NOW);
        prop_assert!(after.index >= before.index - 1e-9, "{} after {}", after.index, before.index);
        if model.role(extra.kind) != Role::Active || extra.at > NOW {
            prop_assert!((after.index - before.index).abs() < 1e-12);
        }
    }

    #[test]
    fn the_parts_add_up_and_the_state_is_what_the_definition_says(history in any_history()) {
        let model = model();
        let measured = model.measure(&model.fold(&history, NOW), NOW);
        let sum: f64 = measured.parts.iter().map(|p| p.index).sum();
        prop_assert!((sum - measured.index).abs() < 1e-9);
        prop_assert!(measured.parts.iter().all(|p| p.index >= 0.0 && p.points >= 0.0));
        prop_assert!((0.0..100.0).contains(&measured.index) && measured.confidence < 1.0);
        let expected = by_definition(&model, &history, NOW);
        prop_assert!((measured.points - expected).abs() < 1e-9 * (1.0 + expected));
        // the trend is against the points of four weeks ago, as they were then
        let cut = (NOW.div_euclid(DAY_MS) - TREND_DAYS + 1) * DAY_MS - 1;
        let old: Vec<Touch> = history.iter().filter(|t| t.at <= cut).copied().collect();
        let then = by_definition(&model, &old, NOW) * 2f64.powf(TREND_DAYS as f64 / model.half_life_days);
        prop_assert!((measured.index - measured.trend - model.index(then)).abs() < 1e-6);
    }

    #[test]
    fn a_day_counts_at_most_its_cap(count in 1usize..300, kind in 0u16..45) {
        let model = model();
        let at = NOW.div_euclid(DAY_MS) * DAY_MS;
        let history: Vec<Touch> = (0..count).map(|n| touch(Kind(kind), at + n as i64)).collect();
        let measured = model.measure(&model.fold(&history, NOW), NOW);
        prop_assert!(measured.points <= model.day_cap + 1e-9);
        prop_assert!(measured.points <= model.kind_cap * model.weight(Kind(kind)) + 1e-9);
    }

    #[test]
    fn nothing_is_ever_nan(mut history in any_history(), shuffled: bool) {
        let orders = MbgNbd { r: 0.24, alpha: 4.4, a: 0.8, b: 2.4 };
        let mut engagement = EngagementModel::first(model());
        engagement.purchase = vec![propensity(30.0), propensity(90.0)];
        engagement.orders = Some(orders);
        engagement.value = Some(GammaGamma { p: 6.0, q: 3.7, gamma: 15.0 });
        if shuffled {
            history.reverse();
        }
        let features = engagement.features(&history, NOW);
        prop_assert_eq!(features.len(), FEATURES);
        prop_assert!(features.iter().all(|x| x.is_finite()), "{:?}", features);
        let measured = engagement.engagement(&history, NOW);
        prop_assert!(measured.index.is_finite() && measured.trend.is_finite());
        let outlook = engagement.outlook(&history, NOW, 3);
        for p in [outlook.p_purchase_30d, outlook.p_purchase_90d] {
            prop_assert!(p > 0.0 && p < 1.0);
        }
        prop_assert!(outlook.p_alive.is_none_or(|p| (0.0..=1.0).contains(&p)));
        prop_assert!(outlook.orders_per_year.is_none_or(|n| n.is_finite() && n >= 0.0));
        prop_assert!(outlook.value_per_year.is_none_or(|v| v.is_finite() && v >= 0.0));
        let policy = care(&history, NOW, &CareRules::default());
        prop_assert!(policy.holds.iter().all(|hold| hold.at <= NOW));
        prop_assert!(fatigue(&history, NOW, &FatigueRules::default(), &Kinds::default()).values().all(|f| (0.0..=1.0).contains(f)));
    }
}

/// Signed effects on a few features, so that probabilities depend on the history.
fn propensity(horizon_days: f64) -> Propensity {
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
fn what_was_given_back_is_no_value() {
    let line = |kind, product, value, days| Touch {
        product,
        value,
        ..touch(kind, days_ago(days))
    };
    let kept = [
        line(Kind::PURCHASE, ProductIx(1), 30.0, 9.0),
        line(Kind::PURCHASE, ProductIx(2), 50.0, 8.0),
    ];
    assert_eq!(spending(&kept, NOW), (2.0, 40.0));
    // with the money that was paid back, signed either way, and without it: the order is none
    for value in [-50.0, 50.0, 0.0] {
        let mut history = kept.to_vec();
        history.push(line(Kind::RETURN, ProductIx(2), value, 3.0));
        assert_eq!(spending(&history, NOW), (1.0, 30.0), "{value}");
        assert_eq!(spending(&history, days_ago(5.0)), (2.0, 40.0));
        // nor is it one for the features
        let orders = Orders::of(&history, NOW).unwrap();
        assert_eq!(orders.repeats, 0.0);
    }
    let only = [line(Kind::RETURN, ProductIx(2), 70.0, 3.0)];
    assert_eq!(spending(&only, NOW), (0.0, 0.0));
}

#[test]
fn beyond_the_silences_that_were_seen_a_purchase_only_gets_less_likely() {
    // a fit that would have silence speak for a purchase
    let mut upside_down = propensity(30.0);
    upside_down.effects = vec![2.0, 0.0, 0.0, 0.0];
    upside_down.longest_silence_days = Some(60.0);
    let mut engagement = EngagementModel::first(model());
    engagement.purchase = vec![upside_down, propensity(90.0)];
    let history = [touch(Kind::PURCHASE, days_ago(1000.0))];
    let after = |days: f64| {
        let now = days_ago(1000.0 - days);
        engagement.outlook(&history, now, 0).p_purchase_30d
    };
    assert!(
        after(60.0) > after(10.0),
        "within what was seen the fit speaks"
    );
    for (less, more) in [(60.0, 61.0), (61.0, 120.0), (120.0, 300.0), (300.0, 1000.0)] {
        assert!(after(more) < after(less), "{less} {more}");
    }
    let orders = MbgNbd {
        r: 0.5,
        alpha: 6.0,
        a: 0.9,
        b: 1.6,
    };
    engagement.orders = Some(orders);
    let outlook = engagement.outlook(&history, NOW, 0);
    assert!(outlook.p_purchase_30d < 0.5 * after_alive(&engagement, &history, 60.0));
    assert!(outlook.p_alive.unwrap() < 0.5);
}

#[test]
fn far_from_all_that_is_known_nothing_is_foretold() {
    let history = [touch(Kind::PURCHASE, days_ago(1000.0))];
    let until = |days: f64| Some(days_ago(days));
    assert_eq!(days_out_of_sight(until(400.0), &history, NOW), Some(400.0));
    assert_eq!(days_out_of_sight(until(300.0), &history, NOW), None);
    let lately = [history[0], touch(Kind::VIEW, days_ago(20.0))];
    assert_eq!(days_out_of_sight(until(400.0), &lately, NOW), None);
    let to_come = [touch(Kind::PURCHASE, days_ago(-5.0))];
    assert_eq!(days_out_of_sight(until(400.0), &to_come, NOW), Some(400.0));
    assert_eq!(
        days_out_of_sight(None, &[], NOW),
        None,
        "nothing to be far from"
    );
}

/// What is expected so many days after the touches of `history`, which are a thousand days old.
fn after_alive(model: &EngagementModel, history: &[Touch], days: f64) -> f64 {
    let now = days_ago(1000.0 - days);
    model.outlook(history, now, 0).p_purchase_30d
}

#[test]
fn a_kind_declared_passive_after_the_fit_earns_nothing() {
    let mut kinds = Kinds::default();
    let (billboard, club) = (
        kinds.intern("billboard").unwrap(),
        kinds.intern("club").unwrap(),
    );
    let fitted = IndexModel::first(&Kinds::default());
    let history = [touch(billboard, days_ago(2.0)), touch(club, days_ago(1.0))];
    let measure = |model: &IndexModel| model.measure(&model.fold(&history, NOW), NOW);
    assert_eq!(measure(&fitted.with_kinds(&kinds)), measure(&fitted));
    kinds.declare_passive("billboard");
    let told = fitted.with_kinds(&kinds);
    assert_eq!(told.role(billboard), Role::Passive);
    let only = told.measure(&told.fold(&history[1..], NOW), NOW);
    assert_eq!(measure(&told), only);
    assert!(only.index > 0.0);
}

#[test]
fn odd_histories_have_sane_numbers() {
    let model = model();
    let index = |history: &[Touch]| model.measure(&model.fold(history, NOW), NOW);
    let nobody = index(&[]);
    assert_eq!(
        (nobody.index, nobody.trend, nobody.confidence),
        (0.0, 0.0, 0.0)
    );
    assert_eq!(nobody.days_since_active, None);
    assert!(nobody.below_minimum);
    let shown: Vec<Touch> = (0..50)
        .map(|d| touch(Kind::IMPRESSION, days_ago(50.0 - d as f64)))
        .collect();
    assert_eq!(index(&shown).index, 0.0);
    let returns = index(&[touch(Kind::RETURN, days_ago(3.0))]);
    assert!(returns.index > 0.0 && returns.index < 30.0);
    let busy: Vec<Touch> = (0..10_000)
        .map(|n| touch(Kind::VIEW, days_ago(1.0) + n))
        .collect();
    assert!(index(&busy).points <= model.day_cap);
    assert_eq!(index(&[touch(Kind::VIEW, NOW + 1)]).index, 0.0);
    assert!(index(&[touch(Kind(999), days_ago(1.0))]).index > 0.0);
    // what is expected of them differs, but nobody who has done nothing is told from another
    let mut engagement = EngagementModel::first(model);
    engagement.purchase = vec![propensity(30.0), propensity(90.0)];
    let expected = |history: &[Touch]| engagement.outlook(history, NOW, 3).p_purchase_30d;
    for stranger in [&[][..], &shown, &[touch(Kind::VIEW, NOW + 1)]] {
        assert_eq!(expected(stranger), 0.01);
    }
    let recent = expected(&[touch(Kind::PURCHASE, days_ago(2.0))]);
    let old = expected(&[touch(Kind::PURCHASE, days_ago(300.0))]);
    assert!(recent > old && old > 0.01 && recent < 1.0, "{recent} {old}");
    assert!((0.0..1.0).contains(&expected(&busy)));
}

#[test]
fn a_state_says_what_became_of_a_touch_and_is_small() {
    let model = model();
    let mut state = EngagementState::default();
    let mut push = |kind, at| state.push(&model, &touch(kind, at), NOW);
    assert_eq!(push(Kind::VIEW, days_ago(5.0)), Pushed::Counted);
    assert_eq!(push(Kind::IMPRESSION, days_ago(4.0)), Pushed::Passive);
    assert_eq!(push(Kind::PURCHASE, days_ago(3.0)), Pushed::Counted);
    assert_eq!(push(Kind::VIEW, days_ago(5.0)), Pushed::Late);
    assert_eq!(push(Kind::VIEW, NOW + 1), Pushed::Future);
    assert_eq!(push(Kind::VIEW, days_ago(1.0)), Pushed::Counted);
    let measured = model.measure(&state, NOW);
    assert_eq!(measured.touches_since_purchase, 1);
    assert_eq!(measured.days_since_purchase.map(f64::round), Some(3.0));
    assert!(measured.below_minimum && measured.trend > 0.0);
    assert!(state.bytes() < 1024, "{}", state.bytes());
}

#[test]
fn complaints_pause_until_resolved_or_old() {
    let rules = CareRules::default();
    let complaint = Touch {
        product: ProductIx(3),
        ..touch(Kind::COMPLAINT, days_ago(5.0))
    };
    let open = care(&[complaint], NOW, &rules);
    assert!(open.pause_surprises && open.pause_promotions && !open.no_offers);
    assert_eq!(
        open.holds,
        [Hold {
            reason: CareReason::OpenComplaint,
            at: complaint.at,
            until: complaint.at + 30 * DAY_MS,
            product: ProductIx(3),
        }]
    );
    let other = Touch {
        product: ProductIx(4),
        ..touch(Kind::COMPLAINT_RESOLVED, days_ago(4.0))
    };
    assert!(care(&[complaint, other], NOW, &rules).pause_surprises);
    let resolved = touch(Kind::COMPLAINT_RESOLVED, days_ago(4.0));
    assert_eq!(
        care(&[complaint, resolved], NOW, &rules),
        CarePolicy::default()
    );
    let again = touch(Kind::COMPLAINT, days_ago(1.0));
    assert!(care(&[complaint, resolved, again], NOW, &rules).pause_surprises);
    let general = touch(Kind::COMPLAINT, days_ago(6.0));
    let about_another = care(&[general, complaint, other], NOW, &rules);
    assert_eq!(about_another.holds.len(), 2, "both stay open");
    assert!(!care(&[complaint], NOW + 26 * DAY_MS, &rules).pause_surprises);
    assert!(
        care(&[complaint], i64::MAX, &rules).pause_surprises,
        "a shop without times"
    );
    assert!(
        !care(&[complaint], complaint.at - 1, &rules).pause_surprises,
        "not yet"
    );
}

#[test]
fn an_intent_to_cancel_gets_a_person_and_no_offers() {
    let rules = CareRules::default();
    let intent = touch(Kind::CANCEL_INTENT, days_ago(2.0));
    let policy = care(&[intent], NOW, &rules);
    assert!(policy.no_offers && policy.pause_surprises);
    assert_eq!(policy.hand_over, Some(HandOver::Person));
    let stays = touch(Kind::PURCHASE, days_ago(1.0));
    assert_eq!(care(&[intent, stays], NOW, &rules), CarePolicy::default());
}

#[test]
fn visits_advice_and_enquiries_favour_the_thing_at_hand() {
    let rules = CareRules::default();
    let on = |kind, product, days| Touch {
        product,
        ..touch(kind, days_ago(days))
    };
    let history = [
        on(Kind::TECHNICIAN_VISIT, ProductIx(7), 9.0),
        on(Kind::ADVICE, ProductIx(8), 3.0),
        on(Kind::STOCK_ENQUIRY, ProductIx(9), 2.0),
        on(Kind::STOCK_ENQUIRY, ProductIx(10), 2.0),
        on(Kind::PURCHASE, ProductIx(10), 1.0),
    ];
    let policy = care(&history, NOW, &rules);
    assert_eq!(policy.favour_beside, [8, 7].map(ProductIx));
    assert_eq!(policy.favour_substitute_of, [ProductIx(9)]);
    assert!(!policy.pause_surprises);
}

#[test]
fn what_is_seen_often_sinks_until_it_is_answered() {
    let rules = FatigueRules::default();
    let seen = |n: usize| -> Vec<Touch> {
        (0..n)
            .map(|_| Touch {
                product: ProductIx(5),
                ..touch(Kind::IMPRESSION, days_ago(0.5))
            })
            .collect()
    };
    let factor = |history: &[Touch], now| {
        fatigue(history, now, &rules, &Kinds::default())
            .get(&ProductIx(5))
            .copied()
            .unwrap_or(1.0)
    };
    assert_eq!(factor(&seen(2), NOW), 1.0);
    assert!(factor(&seen(10), NOW) < factor(&seen(5), NOW) && factor(&seen(5), NOW) < 1.0);
    assert!(factor(&seen(10), NOW + 30 * DAY_MS) > factor(&seen(10), NOW));
    let mut answered = seen(10);
    answered.push(Touch {
        product: ProductIx(5),
        ..touch(Kind::VIEW, days_ago(0.1))
    });
    assert_eq!(factor(&answered, NOW), 1.0);
}

#[test]
fn offers_are_budgeted_against_contacts_that_give() {
    let rules = PressureRules::default();
    let mut history: Vec<Touch> = (0..4)
        .map(|_| touch(Kind::EMAIL_SENT, days_ago(3.0)))
        .collect();
    assert!(pressure(&history, NOW, &rules).exhausted);
    history.push(touch(Kind::ADVICE, days_ago(1.0)));
    let after = pressure(&history, NOW, &rules);
    assert_eq!(
        (after.offers, after.value_contacts, after.exhausted),
        (4, 1, false)
    );
    assert!(!pressure(&history, NOW + 40 * DAY_MS, &rules).exhausted);
}
