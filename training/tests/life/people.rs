//! Several children, declared facts, returns, consent, and what may be said.

use super::*;
use serendib_engine::bundle::{Bundle, BundleWriter, Manifest};
use serendib_engine::explain::{need_sentence, Discretion};
use serendib_engine::repeat::NextBasket;
use serendib_shop::Fact;

const T: f64 = 18_000.0;

fn child(state: &LifeState, model: &LifeModel) -> Vec<Posterior> {
    let number = model.clock("child").unwrap();
    state
        .clocks
        .iter()
        .filter(|p| p.clock == number)
        .cloned()
        .collect()
}

fn fact(clock: &str, anchor: f64, name: Option<&str>) -> Fact {
    Fact::Clock {
        clock: clock.into(),
        anchor: format_day(anchor),
        name: name.map(Into::into),
        kind: None,
    }
}

/// Purchases for a child born on `birth`, seen over `days` from T.
fn family(births: &[f64], days: f64) -> Vec<(&'static str, f64)> {
    let windows: [(&'static str, f64, f64); 8] = [
        ("Bodysuit, newborn", -20.0, 60.0),
        ("Nappies size 1", -10.0, 70.0),
        ("Nappies size 4", 250.0, 600.0),
        ("Fruit puree", 180.0, 360.0),
        ("Romper size 74", 200.0, 330.0),
        ("T-shirt size 92", 620.0, 840.0),
        ("Potty", 620.0, 1000.0),
        ("Board game", 1900.0, 2900.0),
    ];
    let mut rows = Vec::new();
    for birth in births {
        let mut day = T;
        while day < T + days {
            for (title, from, to) in windows {
                if (from..to).contains(&(day - birth)) {
                    rows.push((title, day));
                }
            }
            day += 30.0;
        }
    }
    rows.extend((0..20).map(|k| ("Something to eat", T + f64::from(k) * days / 20.0)));
    rows
}

#[test]
fn two_children_are_told_from_one() {
    let catalogue = store();
    let (model, products) = fresh(&catalogue);
    let now = T + 400.0;
    let state = |births: &[f64]| {
        let history = bought(&catalogue, &family(births, 400.0));
        model.state(
            &products,
            &history,
            &[],
            at(now),
            StateOptions::serving(true),
        )
    };
    let one = child(&state(&[T - 10.0]), &model);
    assert_eq!(one.len(), 1);
    assert!(one[0].probability > 0.95);
    assert!((one[0].quantile(0.5) - (T - 10.0)).abs() < 45.0);

    let two = child(&state(&[T + 30.0, T - 2300.0]), &model);
    assert_eq!(
        two.len(),
        2,
        "{:?}",
        two.iter().map(|p| p.quantile(0.5) - T).collect::<Vec<_>>()
    );
    let mut anchors: Vec<f64> = two.iter().map(|p| p.quantile(0.5) - T).collect();
    anchors.sort_by(f64::total_cmp);
    assert!((anchors[1] - 30.0).abs() < 60.0, "{anchors:?}");
    assert!((anchors[0] + 2300.0).abs() < 500.0, "{anchors:?}");
}

#[test]
fn an_unborn_child_is_expected() {
    let catalogue = store();
    let (model, products) = fresh(&catalogue);
    let rows = [("Maternity jeans", T), ("Maternity jeans", T + 40.0)];
    let history = bought(&catalogue, &rows);
    let state = model.state(
        &products,
        &history,
        &[],
        at(T + 45.0),
        StateOptions::serving(true),
    );
    let posterior = &child(&state, &model)[0];
    assert!(posterior.quantile(0.5) > T + 45.0);
    let stage = model.timeline(&state, "en")[0].stage.clone().unwrap();
    assert_eq!(stage.0, "expecting");
}

#[test]
fn a_declared_date_is_sharp_and_contradictions_are_held_open() {
    let catalogue = store();
    let (model, products) = fresh(&catalogue);
    let options = StateOptions::serving(false);
    let state = model.state(
        &products,
        &[],
        &[fact("child", T, None)],
        at(T + 100.0),
        options,
    );
    let posterior = &child(&state, &model)[0];
    assert!(posterior.declared && posterior.probability == 1.0);
    assert!((posterior.quantile(0.5) - T).abs() < 1.0);
    assert!(posterior.quantile(0.95) - posterior.quantile(0.05) < 15.0);

    let facts = [fact("child", T, None), fact("child", T - 120.0, None)];
    let history = bought(
        &catalogue,
        &[("Bodysuit, newborn", T + 5.0), ("Nappies size 1", T + 9.0)],
    );
    let state = model.state(
        &products,
        &history,
        &facts,
        at(T + 100.0),
        StateOptions::serving(true),
    );
    let children = child(&state, &model);
    assert_eq!(children.len(), 1);
    let posterior = &children[0];
    assert!((posterior.weights.iter().sum::<f32>() - 1.0).abs() < 1e-4);
    // What was bought speaks for the later of the two dates.
    assert!((posterior.quantile(0.5) - T).abs() < 15.0);
    assert_eq!(posterior.anchor(), T);

    let facts = [
        fact("child", T, Some("Noa")),
        fact("child", T - 900.0, Some("Dan")),
    ];
    let state = model.state(&products, &[], &facts, at(T + 100.0), options);
    assert_eq!(child(&state, &model).len(), 2);
}

#[test]
fn two_children_without_names_are_two() {
    let catalogue = store();
    let (model, products) = fresh(&catalogue);
    let now = T + 60.0;
    let facts = [fact("child", T - 2500.0, None), fact("child", T, None)];
    let options = StateOptions::serving(false);
    let state = model.state(&products, &[], &facts, at(now), options);
    let children = child(&state, &model);
    let births: Vec<f64> = children.iter().map(Posterior::anchor).collect();
    assert_eq!(births, [T - 2500.0, T]);
    let needs = model.needs(&products, &state, 30.0);
    let needed = |title: &str| {
        let profile = products.of(of(&catalogue, title));
        needs.iter().any(|n| n.profile == profile)
    };
    assert!(needed("Swaddle") && needed("School bag") && !needed("Potty"));
    let timeline = model.timeline(&state, "en");
    let told: Vec<i64> = timeline.iter().map(|t| t.anchor[2]).collect();
    assert_eq!(told, [at(T - 2500.0), at(T)]);
    assert!(timeline.iter().all(|t| t.anchor.is_sorted()));
}

#[test]
fn a_contract_that_was_renewed_has_not_ended() {
    let catalogue = store();
    let (model, products) = fresh(&catalogue);
    let facts = [fact("contract", T - 730.0, None), fact("contract", T, None)];
    let options = StateOptions::serving(false);
    let state = model.state(&products, &[], &facts, at(T - 40.0), options);
    let ends: Vec<f64> = state.clocks.iter().map(Posterior::anchor).collect();
    assert_eq!(ends, [T]);
    let view = LifeView::new(&model, &products, &state);
    let renewal = view.product(of(&catalogue, "Contract renewal"));
    assert!(renewal.ended < 0.01 && renewal.current > 0.5, "{renewal:?}");
}

#[test]
fn what_was_rated_and_sent_back_says_nothing() {
    let mut products = store().products().iter().cloned().collect::<Vec<_>>();
    let potty = of(&store(), "Potty");
    products[potty.index()].durable = Some(true);
    let catalogue = Catalogue::new(products).unwrap();
    let (_, ix) = fresh(&catalogue);
    let set = |rows: &[(Kind, f64)]| {
        let touches: Vec<Touch> = rows.iter().map(|(k, day)| touch(*k, potty, *day)).collect();
        let set = EvidenceSet::new(&touches, &ix, at(T + 99.0));
        (set.items.len(), set.owned_durables.len())
    };
    let (bought, rated) = ((Kind::PURCHASE, T), (Kind::RATING, T + 2.0));
    let back = (Kind::RETURN, T + 5.0);
    assert_eq!(set(&[bought, rated]), (2, 1));
    assert_eq!(set(&[bought, rated, back]), (0, 0));
    assert_eq!(set(&[rated, back]), (0, 0));
    // Of two that were bought one is left, and so is what it was rated.
    assert_eq!(
        set(&[bought, (Kind::PURCHASE, T + 1.0), rated, back]),
        (2, 1)
    );
}

#[test]
fn returns_are_taken_back() {
    let catalogue = store();
    let (model, products) = fresh(&catalogue);
    let options = StateOptions::serving(true);
    let mut history = bought(
        &catalogue,
        &[("Something to eat", T), ("Bodysuit, newborn", T + 1.0)],
    );
    let newborn = of(&catalogue, "Bodysuit");
    let before = model.state(&products, &history, &[], at(T + 9.0), options);
    assert!(!child(&before, &model).is_empty());
    history.push(touch(Kind::RETURN, newborn, T + 5.0));
    let after = model.state(&products, &history, &[], at(T + 9.0), options);
    assert!(child(&after, &model).is_empty());
    // Before the return was known, it was not.
    let then = model.state(&products, &history, &[], at(T + 4.0), options);
    assert!(!child(&then, &model).is_empty());
}

#[test]
fn without_consent_nothing_is_inferred() {
    let catalogue = store();
    let (model, products) = fresh(&catalogue);
    let history = bought(&catalogue, &family(&[T], 300.0));
    let state = model.state(
        &products,
        &history,
        &[],
        at(T + 300.0),
        StateOptions::serving(false),
    );
    assert!(state.clocks.is_empty());
    assert!(model.needs(&products, &state, 60.0).is_empty());
    let view = LifeView::new(&model, &products, &state);
    assert!(view.is_silent());
    for product in ProductIx::all(catalogue.len()) {
        assert_eq!(view.stage_fit(product), 1.0);
        assert_eq!(view.timeliness(product), 0.5);
    }
    // Declared facts stay allowed, and history does not move them.
    let facts = [fact("child", T - 400.0, None)];
    let with = model.state(
        &products,
        &history,
        &facts,
        at(T + 300.0),
        StateOptions::serving(false),
    );
    let without = model.state(
        &products,
        &[],
        &facts,
        at(T + 300.0),
        StateOptions::serving(false),
    );
    assert_eq!(with.clocks, without.clocks);
}

#[test]
fn inferences_about_children_are_never_put_into_words() {
    let catalogue = store();
    let (model, products) = fresh(&catalogue);
    let history = bought(&catalogue, &family(&[T], 300.0));
    let now = at(T + 300.0);
    let open = Discretion {
        name_inferred: true,
        ..Discretion::default()
    };
    let inferred = model.state(&products, &history, &[], now, StateOptions::serving(true));
    assert!(inferred.clocks[0].probability > 0.95);
    for discretion in [Discretion::default(), open] {
        for locale in ["en", "he-IL"] {
            let text = need_sentence(&discretion, &model, &inferred, Some(0), locale);
            assert!(!text.contains("child") && !text.contains("ילד"), "{text}");
        }
    }
    let declared = [fact("child", T, Some("Noa"))];
    let state = model.state(
        &products,
        &history,
        &declared,
        now,
        StateOptions::serving(true),
    );
    let text = need_sentence(&Discretion::default(), &model, &state, Some(0), "en");
    assert_eq!(text, "Timely for \u{2068}Noa\u{2069} (baby)");

    // A kitten may be named where the shop allows it, and not before it is likely enough.
    let rows = [
        ("Kitten food", T),
        ("Dry food adult cat", T + 20.0),
        ("Kitten food", T + 45.0),
        ("Senior cat food", T + 46.0),
    ];
    let pet = model.state(
        &products,
        &bought(&catalogue, &rows),
        &[],
        at(T + 50.0),
        StateOptions::serving(true),
    );
    let at_home = pet
        .clocks
        .iter()
        .position(|c| model.clocks[c.clock].kind.name == "pet")
        .unwrap();
    assert!(pet.clocks[at_home].probability > 0.8);
    assert!(open.may_name(&model, &pet, at_home));
    assert!(!Discretion::default().may_name(&model, &pet, at_home));
}

#[test]
fn a_dog_owner_is_offered_no_cat_litter() {
    let mut rows = vec![
        ("Puppy food", "pets/dog/puppy"),
        ("Dog lead", "pets/dog/gear"),
        ("Kitten food", "pets/cat/kitten"),
        ("Cat litter", "pets/cat/litter"),
        ("Pet shampoo", "pets/care"),
    ];
    rows.extend((0..60).map(|_| ("Something to eat", "grocery/shelf")));
    let catalogue = catalogue(&rows);
    let (model, products) = fresh(&catalogue);
    let needed = |rows: &[(&str, f64)]| -> Vec<String> {
        let history = bought(&catalogue, rows);
        let options = StateOptions::serving(true);
        let state = model.state(&products, &history, &[], at(T + 120.0), options);
        let needs = model.needs(&products, &state, 60.0);
        let listed = model.products_for(&products, &needs, 5, &|_| 1.0);
        let titles = listed
            .into_iter()
            .take(3)
            .map(|(p, _)| catalogue.product(p).label());
        titles.map(str::to_owned).collect()
    };
    let dog: Vec<(&str, f64)> = (0..5)
        .map(|k| ("Puppy food", T + 20.0 * f64::from(k)))
        .collect();
    let list = needed(&dog);
    assert!(list.iter().any(|t| t == "Dog lead"), "{list:?}");
    let for_cats = |t: &String| t.starts_with("Cat") || t.starts_with("Kitten");
    assert!(!list.iter().any(for_cats), "{list:?}");

    let both: Vec<(&str, f64)> = dog
        .into_iter()
        .chain([("Cat litter", T + 30.0), ("Cat litter", T + 60.0)])
        .collect();
    let list = needed(&both);
    assert!(list.iter().any(for_cats), "{list:?}");
}

#[test]
fn a_kitten_is_offered_and_named_for_nothing_that_dogs_need() {
    let mut rows = vec![
        ("Puppy training pads", "pets/dog/puppy"),
        ("Kitten food", "pets/cat/kitten"),
        ("Pet shampoo", "pets/care"),
    ];
    rows.extend((0..60).map(|_| ("Something to eat", "grocery/shelf")));
    let catalogue = catalogue(&rows);
    let (model, products) = fresh(&catalogue);
    let (pads, food) = (of(&catalogue, "Puppy"), of(&catalogue, "Kitten"));
    let state = |kind: Option<&str>, history: &[Touch]| {
        let fact = Fact::Clock {
            clock: "pet".into(),
            anchor: format_day(T),
            name: Some("Mitzi".into()),
            kind: kind.map(Into::into),
        };
        let options = StateOptions::serving(true);
        model.state(&products, history, &[fact], at(T + 60.0), options)
    };
    let named = |state: &LifeState, product: ProductIx| {
        Discretion::default().may_name_for(&model, state, 0, products.of(product))
    };
    let fit = |state: &LifeState, product: ProductIx| {
        LifeView::new(&model, &products, state).stage_fit(product)
    };
    let unsaid = state(None, &[]);
    assert!(!named(&unsaid, pads) && !named(&unsaid, food));
    assert!(named(&unsaid, of(&catalogue, "Pet shampoo")));
    let kitten = state(Some("Kitten"), &[]);
    assert!(named(&kitten, food) && !named(&kitten, pads));
    assert!(fit(&kitten, pads) <= 1.0 && fit(&kitten, food) > 3.0);
    let needs = model.needs(&products, &kitten, 60.0);
    assert!(needs.iter().all(|n| n.profile != products.of(pads)));

    let bought = bought(&catalogue, &[("Kitten food", T + 50.0)]);
    let seen = state(None, &bought);
    assert!(named(&seen, food) && !named(&seen, pads));
    assert!(fit(&seen, pads) < 0.5 * fit(&unsaid, pads));

    let parrot = state(Some("parrot"), &[]);
    assert!(parrot.unusable_facts[0].contains("parrot"));
    assert!(fit(&parrot, pads) <= 1.0 && fit(&parrot, food) <= 1.0);
}

#[test]
fn owned_durables_are_not_needed_again() {
    let mut products = store().products().iter().cloned().collect::<Vec<_>>();
    let potty = of(&store(), "Potty");
    products[potty.index()].durable = Some(true);
    let catalogue = Catalogue::new(products).unwrap();
    let (model, ix) = fresh(&catalogue);
    let facts = [fact("child", T, None)];
    let needs = |history: &[Touch]| {
        let state = model.state(
            &ix,
            history,
            &facts,
            at(T + 700.0),
            StateOptions::serving(true),
        );
        model.needs(&ix, &state, 60.0)
    };
    let profile = ix.of(potty);
    assert!(needs(&[]).iter().any(|n| n.profile == profile));
    let history = bought(&catalogue, &[("Potty", T + 650.0)]);
    assert!(needs(&history).iter().all(|n| n.profile != profile));
}

#[test]
fn a_bundle_brings_the_model_back() {
    let catalogue = store();
    let (mut model, products) = fresh(&catalogue);
    model.clocks[0].trust = Trust {
        by_shape: true,
        power: 0.7,
        tires: Some(20.0),
        reserve: 0.05,
    };
    let directory = tempfile::tempdir().unwrap();
    let mut writer = BundleWriter::new(directory.path(), "m").unwrap();
    model.write(&mut writer).unwrap();
    let manifest = Manifest {
        id: "m".into(),
        ..Manifest::default()
    };
    let bundle = Bundle::open(&writer.seal(manifest).unwrap()).unwrap();
    assert!(LifeModel::is_in(&bundle) && !NextBasket::is_in(&bundle));
    let read = LifeModel::read(&bundle).unwrap();
    assert_eq!(read.clocks[0].trust, model.clocks[0].trust);
    let again = ProductProfiles::new(&read.profiles, &catalogue);
    let history = bought(&catalogue, &family(&[T], 200.0));
    let state = |model: &LifeModel, products: &ProductProfiles| {
        model.state(
            products,
            &history,
            &[],
            at(T + 200.0),
            StateOptions::serving(true),
        )
    };
    let (before, after) = (state(&model, &products), state(&read, &again));
    assert_eq!(before.clocks.len(), after.clocks.len());
    for (a, b) in before.clocks.iter().zip(&after.clocks) {
        assert!((a.probability - b.probability).abs() < 1e-6);
        assert!((a.quantile(0.5) - b.quantile(0.5)).abs() < 1e-3);
    }
}
