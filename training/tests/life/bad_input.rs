//! Whatever comes in, posteriors stay posteriors.

use super::*;
use serendib_shop::{Fact, NO_PRODUCT};

fn sane(model: &LifeModel, products: &ProductProfiles, state: &LifeState) {
    for posterior in &state.clocks {
        let sum: f32 = posterior.weights.iter().sum();
        assert!((sum - 1.0).abs() < 1e-3, "{sum}");
        assert!(posterior.weights.iter().all(|w| *w >= 0.0));
        assert!((0.0..=1.0).contains(&posterior.probability));
        assert!([0.05, 0.5, 0.95]
            .iter()
            .all(|p| posterior.quantile(*p).is_finite()));
    }
    for need in model.needs(products, state, 90.0) {
        assert!((0.0..=1.0).contains(&need.probability));
    }
    let view = LifeView::new(model, products, state);
    for product in ProductIx::all(products.len()) {
        let standing = view.product(product);
        assert!(standing.fit.is_finite() && standing.fit > 0.0);
        assert!((0.0..=1.0).contains(&standing.timeliness()));
    }
    model.timeline(state, "he");
    model.occasions(state, None, "en");
}

#[test]
fn no_categories_and_unseen_ones() {
    let bare = Catalogue::new((0..5).map(|ix| Product::bare(format!("p{ix}"))).collect()).unwrap();
    let (model, products) = fresh(&bare);
    assert!(model.clocks.iter().all(|c| !c.speaks()));
    let history: Vec<Touch> = (0..5)
        .map(|p| touch(Kind::PURCHASE, ProductIx(p), 18_000.0))
        .collect();
    let state = model.state(
        &products,
        &history,
        &[],
        at(18_010.0),
        StateOptions::serving(true),
    );
    assert!(state.clocks.is_empty());
    sane(&model, &products, &state);

    let (model, _) = fresh(&store());
    let unseen = catalogue(&[
        ("Moon dust", "space/moon"),
        ("Bodysuit size 56", "new/baby things"),
        ("", ""),
    ]);
    let products = ProductProfiles::new(&model.profiles, &unseen);
    assert_eq!(products.of(ProductIx(0)), NO_PROFILE);
    // A window that is known elsewhere is understood.
    assert_ne!(products.of(ProductIx(1)), NO_PROFILE);
    let history: Vec<Touch> = (0..3)
        .map(|p| touch(Kind::PURCHASE, ProductIx(p), 18_000.0))
        .collect();
    let state = model.state(
        &products,
        &history,
        &[],
        at(18_010.0),
        StateOptions::serving(true),
    );
    assert!(!state.clocks.is_empty());
    sane(&model, &products, &state);
}

#[test]
fn impossible_dates_and_unknown_clocks() {
    let catalogue = store();
    let (model, products) = fresh(&catalogue);
    let clock = |clock: &str, anchor: &str| Fact::Clock {
        clock: clock.into(),
        anchor: anchor.into(),
        name: Some(anchor.into()),
        kind: None,
    };
    let facts = [
        clock("child", "1900-01-01"),
        clock("child", "2090-06-01"),
        clock("child", "soon"),
        clock("dragon", "2020-01-01"),
        clock("trip", "2019-02-30"),
        Fact::Free {
            key: "vegan".into(),
            value: true.into(),
        },
    ];
    let history = bought(
        &catalogue,
        &[("Bodysuit, newborn", 18_000.0), ("Romper", 18_250.0)],
    );
    let state = model.state(
        &products,
        &history,
        &facts,
        at(18_300.0),
        StateOptions::serving(true),
    );
    assert_eq!(state.unusable_facts.len(), 3, "{:?}", state.unusable_facts);
    assert!(state.unusable_facts[1].contains("dragon"));
    sane(&model, &products, &state);
    let timeline = model.timeline(&state, "en");
    // Neither a child of 1900 nor one of 2090 has a stage now.
    assert!(timeline
        .iter()
        .filter(|t| t.declared)
        .all(|t| t.stage.is_none()));
}

#[test]
fn ten_thousand_purchases_in_a_day_and_touches_out_of_order() {
    let catalogue = store();
    let (model, products) = fresh(&catalogue);
    let newborn = of(&catalogue, "Bodysuit");
    let mut history: Vec<Touch> = (0..10_000)
        .map(|k| {
            touch(
                Kind::PURCHASE,
                ProductIx(k % catalogue.len() as u32),
                18_000.0,
            )
        })
        .collect();
    sane(
        &model,
        &products,
        &model.state(
            &products,
            &history,
            &[],
            at(18_001.0),
            StateOptions::serving(true),
        ),
    );
    // One product ten thousand times says as much as once.
    let once = [touch(Kind::PURCHASE, newborn, 18_000.0)];
    let often: Vec<Touch> = (0..10_000).map(|_| once[0]).collect();
    let options = StateOptions::serving(true);
    let a = model.state(&products, &once, &[], at(18_001.0), options);
    let b = model.state(&products, &often, &[], at(18_001.0), options);
    assert_eq!(a.clocks, b.clocks);

    history.reverse();
    history.push(touch(Kind::PURCHASE, NO_PRODUCT, 17_000.0));
    history.push(touch(Kind::PURCHASE, ProductIx(u32::MAX - 1), 17_000.0));
    history.push(touch(Kind::RETURN, newborn, 16_000.0));
    sane(
        &model,
        &products,
        &model.state(&products, &history, &[], at(18_001.0), options),
    );
}

#[test]
fn nothing_and_no_time() {
    let catalogue = store();
    let (model, products) = fresh(&catalogue);
    let options = StateOptions {
        infer: true,
        thorough: true,
    };
    for now in [0, at(18_000.0), i64::MAX / 4] {
        sane(
            &model,
            &products,
            &model.state(&products, &[], &[], now, options),
        );
    }
    // A shop without times: everything happened at 0.
    let timeless = [touch(Kind::PURCHASE, ProductIx(0), 0.0)];
    let state = model.state(&products, &timeless, &[], i64::MAX, options);
    assert!(state.clocks.is_empty());
    sane(&model, &products, &LifeState::unknown(0));
}
