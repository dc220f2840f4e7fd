//! Goes-with and surprise lists through the public way.

use std::collections::BTreeSet;
use std::sync::Arc;

use serendib_engine::bundle::{Bundle, BundleWriter, Manifest};
use serendib_engine::complement::{BasketLog, Completion, SparseRows};
use serendib_engine::explain::{counterfactual, line_reasons, LineKind, Place, Tie};
use serendib_engine::model::Model;
use serendib_engine::rank::*;
use serendib_engine::represent::{Dense, Parts, Representation};
use serendib_engine::surprise::quantise;
use serendib_shop::{Catalogue, CustomerIx, Encoder, Kind, Product, ProductIx, Touch, DAY_MS};
use serendib_training::learn::complement::families::item_item;
use serendib_training::learn::complement::{graph, ComplementOptions, Hints};
use serendib_training::learn::surprise::{kinds, of_sales, topics};

const NOW: i64 = 400 * DAY_MS;

/// Forty products in four categories; products 2k and 2k + 1 are bought together, popularity falls with the number.
fn model() -> Model {
    titled(|ix| format!("thing {ix}"))
}

/// The same with other titles.
fn titled(title: impl Fn(usize) -> String) -> Model {
    let products: Vec<Product> = (0..40)
        .map(|ix| Product {
            title: Some(title(ix)),
            category: Some(format!("c{}", ix / 10)),
            price: Some(5.0 + ix as f64),
            stock: (ix == 39).then_some(0),
            ..Product::bare(format!("p{ix}"))
        })
        .collect();
    let catalogue = Arc::new(Catalogue::new(products).unwrap());
    let mut log = BasketLog::new(40);
    let mut purchases = Vec::new();
    for customer in 0..400u32 {
        for visit in 0..3i64 {
            let pair = (customer * 7 + visit as u32 * 3) % 20;
            let pair = pair.min((customer + visit as u32) % 23 % 20);
            let at = (i64::from(customer) % 90 + visit * 100) * DAY_MS;
            let both = [2 * pair, 2 * pair + 1].map(ProductIx);
            log.push(CustomerIx(customer), at, both);
            purchases.extend(both.map(|product| (product, at)));
        }
    }
    let buyers: Vec<f32> = (0..40).map(|ix| 100.0 - 2.0 * ix as f32).collect();
    let topics = topics::learn(&catalogue, &|_| None, 0);
    let rows = item_item(&log, 1.0, 20, &|_| 1.0);
    let share = log.frequencies();
    let share = share.iter().map(|f| *f as f32 / log.len() as f32).collect();
    let complements = graph::fit(
        &catalogue,
        &log,
        &Hints {
            views: None,
            topics: topics.numbers(),
            like: &SparseRows::default(),
        },
        Completion::new(rows, share),
        true,
        &ComplementOptions::default(),
    );
    let manifest = Manifest {
        id: "m1".into(),
        ..Manifest::default()
    };
    let mut model = Model::new(
        manifest,
        catalogue,
        Encoder::default(),
        Representation::of_popularity(buyers.clone()),
    );
    model.complements = Some(complements);
    model.surprises = Some(of_sales(topics, &buyers, &purchases));
    model
}

fn touch(kind: Kind, product: u32, at: i64) -> Touch {
    Touch::new(kind, ProductIx(product), at)
}

fn history() -> Vec<Touch> {
    [0, 2, 4, 6]
        .iter()
        .map(|p| touch(Kind::PURCHASE, *p, NOW - 50 * DAY_MS))
        .collect()
}

fn ask(model: &Model, history: &[Touch], request: &Request) -> ListAnswer {
    let live = Live::of_catalogue(model.catalogue.clone());
    let customer = CustomerState {
        history,
        ..CustomerState::NOBODY
    };
    let answer = recommend(model, &live, customer, request, &|| false).unwrap();
    answer.lists.into_iter().next().unwrap()
}

fn products(list: &ListAnswer) -> Vec<u32> {
    list.items.iter().map(|item| item.product.0).collect()
}

/// A surprise list of items each by its own worth.
fn surprise(dial: f32, count: usize) -> Request {
    let mut request = Request {
        dial: Some(dial),
        ..Request::one(ListKind::Surprise, count, NOW)
    };
    request.lists[0].together = Together::default();
    request
}

#[test]
fn a_basket_is_completed_and_explained() {
    let model = model();
    let mut request = Request::one(ListKind::GoesWith, 3, NOW);
    request.context.basket = vec![
        (ProductIx(8), 2.0),
        (ProductIx(10), 1.0),
        (ProductIx(77), 1.0),
    ];
    let list = ask(&model, &[], &request);
    let best: BTreeSet<u32> = products(&list)[..2].iter().copied().collect();
    assert_eq!(best, [9, 11].into());
    for item in &list.items[..2] {
        assert_eq!(item.reasons[0].code, ReasonCode::GoesWith);
        let sum: f32 = item.reasons.iter().map(|r| r.contribution).sum();
        assert!((sum - item.score).abs() < 1e-3 * item.score);
    }
}

#[test]
fn strange_baskets_are_answered() {
    let model = model();
    let mut request = Request::one(ListKind::GoesWith, 5, NOW);
    request.context.basket = vec![(ProductIx(1_000), 1.0), (ProductIx(2_000), 1.0)];
    assert_eq!(ask(&model, &[], &request).items.len(), 5);
    request.context.basket = ProductIx::all(10_000).map(|p| (p, 1.0)).collect();
    let list = ask(&model, &[], &request);
    assert!(list.items.is_empty() && list.notes.contains(&Note::Short));
}

#[test]
fn complements_follow_purchases_and_are_not_owned() {
    let model = model();
    let list = ask(
        &model,
        &history(),
        &Request::one(ListKind::GoesWith, 4, NOW),
    );
    let listed: BTreeSet<u32> = products(&list).into_iter().collect();
    assert!(listed.is_subset(&[1, 3, 5, 7].into()), "{listed:?}");
    assert!(!listed.is_empty());
    assert!(list.items[0].reasons[0].product.is_some());
}

#[test]
fn at_zero_surprise_is_plain_ranking_and_the_promise_can_be_checked() {
    let model = model();
    let mut plain = Request::one(ListKind::ForYou, 8, NOW);
    plain.lists[0].filters.exclude_owned = true;
    let plain = products(&ask(&model, &history(), &plain));
    let mut last: Option<(f64, f64)> = None;
    for step in 0..=10 {
        let list = ask(&model, &history(), &surprise(step as f32 / 10.0, 8));
        assert_eq!(list.items.len(), 8);
        if step == 0 {
            assert_eq!(products(&list), plain);
            continue;
        }
        // a shop of forty products shows eight of them anyway
        assert!(products(&list).iter().all(|p| !plain.contains(p)));
        let (mut wanted, mut value) = (0.0, 0.0);
        for item in &list.items {
            assert!(item.wanted >= item.floor);
            assert!(item.unexpectedness.is_some() && item.novelty.is_some());
            assert_eq!(item.relevance, quantise(item.relevance));
            wanted += f64::from(item.wanted.unwrap());
            value += f64::from(item.delight.unwrap() * item.wanted.unwrap());
            let sum: f32 = item.reasons.iter().map(|r| r.contribution).sum();
            assert!(sum <= item.score + 1e-4);
        }
        if let Some((w, v)) = last {
            assert!(wanted <= w + 1e-6 && value >= v - 1e-6, "dial {step}");
        }
        last = Some((wanted, value));
    }
}

#[test]
fn surprises_that_differ_keep_the_promise() {
    let mut model = model();
    let units: Vec<f32> = (0..40)
        .flat_map(|ix| {
            let angle = 0.3 * (ix % 10) as f32;
            [angle.cos(), angle.sin()]
        })
        .collect();
    let buyers: Vec<f32> = (0..40).map(|ix| 100.0 - 2.0 * ix as f32).collect();
    model.representation = Representation::new(Parts {
        lately: buyers.clone(),
        buyers,
        units: Dense {
            rows: 40,
            cols: 2,
            data: units,
        },
        ..Parts::default()
    })
    .unwrap();
    let list = |dial: f32, diversity: f32, category: Option<usize>| {
        let mut request = surprise(dial, 8);
        request.lists[0].together = Together {
            diversity,
            caps: Caps {
                category,
                brand: None,
            },
            ..Together::default()
        };
        ask(&model, &history(), &request)
    };
    assert_eq!(
        Request::one(ListKind::Surprise, 8, NOW).lists[0]
            .together
            .diversity,
        SURPRISE_DIVERSITY
    );
    // at dial 0 the list is the plain ranking whatever the diversity
    assert_eq!(
        products(&list(0.0, 1.0, None)),
        products(&list(0.0, 0.0, None))
    );
    let (plain, diverse) = (list(0.7, 0.0, None), list(0.7, 1.0, None));
    assert_ne!(products(&plain), products(&diverse));
    for step in 0..=10 {
        let list = list(step as f32 / 10.0, 0.8, Some(3));
        assert!(list.items.iter().all(|i| i.wanted >= i.floor || step == 0));
        let mut kinds = [0; 4];
        for item in &list.items {
            kinds[item.product.index() / 10] += 1;
        }
        assert!(kinds.iter().all(|kind| *kind <= 3), "{kinds:?}");
        let mut all = products(&list);
        all.extend(list.removed.iter().map(|r| r.product.0));
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count, "everything is accounted for once");
    }
    let list = list(0.7, 0.0, Some(1));
    assert!(list.removed.iter().any(|r| r.by == "category_cap"));
    assert!(list.items.len() < 8 && list.notes.contains(&Note::Capped));
}

#[test]
fn every_candidate_of_a_surprise_list_is_accounted_for() {
    let model = model();
    let list = ask(&model, &history(), &surprise(0.7, 5));
    let mut all: Vec<u32> = products(&list);
    all.extend(list.removed.iter().map(|r| r.product.0));
    all.sort_unstable();
    let count = all.len();
    all.dedup();
    assert_eq!(all.len(), count, "nothing comes out twice");
    assert!(!all.contains(&39), "out of stock is never a candidate");
    assert!(list.removed.iter().any(|r| r.by == "count"));
}

#[test]
fn a_disappointment_pauses_surprises() {
    let model = model();
    let mut history = history();
    history.push(touch(Kind::RETURN, 6, NOW - DAY_MS));
    let mut said = surprise(0.0, 5);
    said.context.let_down_at = Some(NOW - DAY_MS);
    for list in [
        ask(&model, &history, &surprise(1.0, 5)),
        ask(&model, &history[..4], &said),
    ] {
        assert_eq!(list.notes, [Note::AfterDisappointment]);
        assert!(list.items.is_empty());
    }
    let for_you = ask(&model, &history, &Request::one(ListKind::ForYou, 5, NOW));
    assert_eq!(for_you.items.len(), 5, "only surprises pause");
    said.context.let_down_at = Some(NOW - 8 * DAY_MS);
    assert_eq!(ask(&model, &history[..4], &said).items.len(), 5);
}

#[test]
fn a_lone_surprise_is_drawn_where_asked_for() {
    let model = model();
    let draw = |seed: u64, draw_lone: bool| {
        let request = Request {
            explore: true,
            draw_lone,
            seed,
            ..surprise(0.5, 1)
        };
        let list = ask(&model, &[], &request);
        let [item] = &list.items[..] else {
            panic!("one surprise: {list:?}")
        };
        assert_eq!(item.propensity.is_some(), draw_lone);
        item.product
    };
    let differ = |lone: bool| {
        (0..40)
            .map(|seed| draw(seed, lone))
            .collect::<BTreeSet<_>>()
    };
    assert!(differ(true).len() > 3);
    assert_eq!(differ(false).len(), 1);
    assert_eq!(draw(7, true), draw(7, true));
}

#[test]
fn a_floor_that_nothing_passes_gives_a_short_list_with_a_note() {
    let mut model = model();
    if let Some(surprises) = &mut model.surprises {
        surprises.settings.floor_absolute = 1.0;
        surprises.settings.floor_share = 2.0;
    }
    let list = ask(&model, &history(), &surprise(0.5, 5));
    assert!(list.items.is_empty());
    assert!(list.notes.contains(&Note::Floor) && list.notes.contains(&Note::Short));
    assert!(list
        .removed
        .iter()
        .all(|r| r.by == "floor" || r.by == "owned"));
}

#[test]
fn the_floor_is_the_customers_own_whatever_a_list_leaves_out() {
    let mut model = model();
    let mut parts = model.representation.parts().clone();
    parts.prior = (0..40).map(|ix| 4.0 - 0.08 * ix as f32).collect();
    model.representation = Representation::new(parts).unwrap();
    if let Some(surprises) = &mut model.surprises {
        surprises.settings.floor_share = 0.5;
    }
    let floor = ask(&model, &history(), &surprise(0.5, 4)).items[0].floor;
    assert!(floor > Some(0.0), "{floor:?}");
    let mut limited = surprise(0.5, 4);
    limited.lists[0].filters.categories = vec!["c3".into()];
    let mut spent = surprise(0.1, 4);
    spent.exclusions = ProductIx::all(20).collect();
    let mut pinned = surprise(1.0, 4);
    pinned.lists[0].pins = vec![ProductIx(8), ProductIx(9)];
    for request in [&limited, &spent, &pinned] {
        let list = ask(&model, &history(), request);
        let items: Vec<&Item> = list.items.iter().filter(|i| !i.pinned).collect();
        assert!(!items.is_empty());
        assert!(items.iter().all(|i| i.floor == floor));
        assert!(items.iter().all(|i| i.wanted >= floor));
    }
    limited.lists[0].count = 10;
    let few = ask(&model, &history(), &limited);
    assert!(few.items.len() < 9 && few.notes.contains(&Note::Floor));
    let strict = Request {
        surprise_floor: 0.9,
        ..surprise(0.5, 4)
    };
    let list = ask(&model, &history(), &strict);
    assert!(list.items.iter().all(|i| i.relevance >= 0.9 - 1e-6));
    assert!(list.items.len() < 4 && list.notes.contains(&Note::Floor));
}

#[test]
fn what_anybody_would_expect_is_no_surprise_and_a_price_makes_room() {
    let mut model = model();
    // the customer buys of the first category, whose best-sold products anybody would name
    let list = |model: &Model, dial| products(&ask(model, &history(), &surprise(dial, 4)));
    for dial in [0.1, 0.5, 1.0] {
        let found = list(&model, dial);
        assert_eq!(found.len(), 4);
        assert!(found.iter().all(|p| ![1, 3, 5, 7].contains(p)), "{found:?}");
    }
    let first = list(&model, 0.5)[0];
    if let Some(surprises) = &mut model.surprises {
        let mut prices = vec![0.0; 40];
        prices[first as usize] = 50.0;
        surprises.prices.wanted.clone_from(&prices);
        surprises.prices.value = prices;
    }
    assert!(!list(&model, 0.5).contains(&first));
    let plain = |model: &Model| list(model, 0.0);
    assert_eq!(plain(&model).len(), 4, "at dial 0 nothing has a price");
}

#[test]
fn a_category_is_not_crowded_but_no_list_is_short_for_it() {
    let model = model();
    let kinds = |list: &ListAnswer| {
        let mut kinds = [0; 4];
        for item in &list.items {
            kinds[item.product.index() / 10] += 1;
        }
        kinds
    };
    let usual = |dial: f32, count: usize| {
        let request = Request {
            dial: Some(dial),
            ..Request::one(ListKind::Surprise, count, NOW)
        };
        ask(&model, &history(), &request)
    };
    let few = usual(0.7, 4);
    assert_eq!(few.items.len(), 4);
    assert!(
        kinds(&few).iter().all(|kind| *kind <= 2),
        "{:?}",
        kinds(&few)
    );
    let many = usual(0.7, 20);
    assert_eq!(many.items.len(), 20);
    assert!(!many.notes.contains(&Note::Capped) && !many.notes.contains(&Note::Short));
    assert_eq!(
        products(&usual(0.0, 6)),
        products(&ask(&model, &history(), &surprise(0.0, 6))),
        "at dial 0 the list is the plain ranking"
    );
}

#[test]
fn a_surprise_says_what_it_is_for() {
    let mut model = model();
    // c1 is in season now, and who has c0 buys c2, too
    let mut purchases = Vec::new();
    for day in 0..730 {
        purchases.extend([0, 10, 20, 30].map(|product| (ProductIx(product), day * DAY_MS)));
        if (25..45).contains(&(day % 365)) {
            purchases.extend([(ProductIx(10), day * DAY_MS); 5]);
        }
    }
    let histories: Vec<Vec<Touch>> = (0..900)
        .map(|customer| match customer % 3 {
            0 => vec![touch(Kind::PURCHASE, 0, 1), touch(Kind::PURCHASE, 20, 2)],
            1 => vec![touch(Kind::PURCHASE, 10, 1)],
            _ => vec![touch(Kind::PURCHASE, 30, 1)],
        })
        .collect();
    let topics = model.surprises.take().unwrap().topics;
    let histories = histories.iter().map(Vec::as_slice);
    let kinds = kinds::learn(&model.catalogue, &topics, histories);
    let mut surprises = of_sales(topics, &[50.0; 40], &purchases);
    surprises.kinds = kinds;
    model.surprises = Some(surprises);
    let list = ask(&model, &history(), &surprise(1.0, 20));
    let said = |category: u32, code: ReasonCode, product: Option<u32>| {
        let product = product.map(ProductIx);
        let mut items = list.items.iter().filter(|i| i.product.0 / 10 == category);
        items.any(|i| {
            i.reasons
                .iter()
                .any(|r| r.code == code && r.product == product)
        })
    };
    assert!(said(1, ReasonCode::Season, None));
    assert!(
        said(2, ReasonCode::Surprise, Some(6)),
        "what was bought last of c0"
    );
    assert!(!said(1, ReasonCode::Surprise, Some(6)) && !said(2, ReasonCode::Season, None));
    for item in &list.items {
        let sum: f32 = item.reasons.iter().map(|r| r.contribution).sum();
        assert!((sum - item.score).abs() < 1e-4);
    }
    // and so does one in a box
    let live = Live::of_catalogue(model.catalogue.clone());
    let history = history();
    let customer = CustomerState {
        history: &history,
        ..CustomerState::NOBODY
    };
    let line = [(ProductIx(20), LineKind::Surprise, 0.5)];
    let reasons = &line_reasons(&model, &live, customer, NOW, &line, 5)[0];
    let kindred = |r: &Reason| r.code == ReasonCode::Surprise && r.product == Some(ProductIx(6));
    assert!(reasons.iter().any(kindred), "{reasons:?}");
}

#[test]
fn the_numbers_of_a_pin_are_those_of_any_item() {
    let model = model();
    let plain = ask(&model, &history(), &surprise(0.0, 30));
    let mut pinned = surprise(0.0, 30);
    pinned.lists[0].pins = vec![ProductIx(20)];
    let list = ask(&model, &history(), &pinned);
    let of = |list: &ListAnswer| {
        list.items
            .iter()
            .find(|i| i.product == ProductIx(20))
            .cloned()
            .unwrap()
    };
    let (pin, item) = (of(&list), of(&plain));
    assert!(pin.pinned && list.items[0].product == ProductIx(20));
    assert_eq!(pin.relevance, item.relevance);
    assert_eq!(pin.unexpectedness, item.unexpectedness);
    assert_eq!(
        (pin.novelty, pin.timeliness),
        (item.novelty, item.timeliness)
    );
    assert_eq!(pin.delight, item.delight);
    assert_eq!((pin.floor, pin.score), (None, 0.0));
    assert_eq!(pin.reasons, [Reason::plain(ReasonCode::Pinned, 0.0)]);
}

#[test]
fn titles_tell_variants_where_the_shop_does_not() {
    // 8 and 9 are one cup in two colours, bought together
    let model = titled(|ix| match ix {
        8 => "tea cup red".into(),
        9 => "tea cup blue".into(),
        _ => format!("thing {ix}"),
    });
    let cups = |list: &ListAnswer| {
        list.items
            .iter()
            .filter(|i| matches!(i.product, ProductIx(8) | ProductIx(9)))
            .count()
    };
    for kind in [ListKind::ForYou, ListKind::Popular, ListKind::Surprise] {
        let request = Request {
            dial: Some(0.0),
            ..Request::one(kind, 30, NOW)
        };
        let list = ask(&model, &history(), &request);
        assert_eq!(cups(&list), 1, "{kind:?}");
        assert!(list.removed.iter().any(|r| r.by == "variant"), "{kind:?}");
    }
    // two colours of one cup may well lie in one basket
    let mut basket = Request::one(ListKind::GoesWith, 30, NOW);
    basket.context.basket = vec![(ProductIx(10), 1.0), (ProductIx(12), 1.0)];
    assert_eq!(cups(&ask(&model, &[], &basket)), 2);
}

#[test]
fn the_drawn_slot_carries_its_propensity_and_follows_the_seed() {
    let model = model();
    let draw = |seed: u64| {
        let request = Request {
            explore: true,
            seed,
            ..surprise(0.5, 4)
        };
        ask(&model, &history(), &request)
    };
    let mut seen = BTreeSet::new();
    for seed in 0..40 {
        let list = draw(seed);
        assert_eq!(list, draw(seed));
        let propensities: Vec<_> = list.items.iter().filter_map(|i| i.propensity).collect();
        assert_eq!(propensities.len(), 1);
        assert!(propensities[0] > 0.0 && propensities[0] <= 1.0);
        let last = &list.items[3];
        assert!(last.propensity.is_some() && last.wanted >= last.floor);
        seen.insert(last.product);
    }
    assert!(seen.len() > 3, "{seen:?}");
}

#[test]
fn what_is_gone_is_replaced() {
    let mut model = model();
    // 39 is out of stock; 38 replaces it.
    let mut request = Request::one(ListKind::Similar, 3, NOW);
    request.context.viewed = Some(ProductIx(39));
    let complements = model.complements.take().unwrap();
    model.complements = Some(
        complements.with_substitutes(SparseRows::from_rows((0..40).map(|ix| {
            if ix == 39 {
                vec![(ProductIx(38), 0.8)]
            } else {
                vec![]
            }
        }))),
    );
    let list = ask(&model, &[], &request);
    assert_eq!(list.items[0].product, ProductIx(38));
    assert_eq!(list.items[0].reasons[0].code, ReasonCode::InsteadOf);
}

#[test]
fn what_replaces_something_in_the_basket_does_not_go_with_it() {
    let mut model = model();
    let complements = model.complements.take().unwrap();
    model.complements = Some(
        complements.with_substitutes(SparseRows::from_rows((0..40).map(|ix| {
            if ix == 8 {
                vec![(ProductIx(9), 0.8)]
            } else {
                vec![]
            }
        }))),
    );
    let mut request = Request::one(ListKind::GoesWith, 2, NOW);
    request.context.basket = vec![(ProductIx(8), 1.0), (ProductIx(10), 1.0)];
    let list = ask(&model, &[], &request);
    let said = |product: u32| {
        let item = list
            .items
            .iter()
            .find(|i| i.product == ProductIx(product))
            .unwrap();
        (item.reasons[0].code, item.reasons[0].product)
    };
    assert_eq!(said(9), (ReasonCode::SimilarTo, Some(ProductIx(8))));
    assert_eq!(said(11), (ReasonCode::GoesWith, Some(ProductIx(10))));
}

#[test]
fn counterfactuals_hold_when_ranked_again() {
    let model = model();
    let live = Live::of_catalogue(model.catalogue.clone());
    let history = history();
    let customer = CustomerState {
        history: &history,
        ..CustomerState::NOBODY
    };
    let request = Request::one(ListKind::GoesWith, 4, NOW);
    let list = ask(&model, &history, &request);
    let item = &list.items[0];
    let behind: Vec<ProductIx> = item.reasons.iter().filter_map(|r| r.product).collect();
    let try_them = |behind: &[ProductIx]| {
        let place = Place {
            customer,
            request: &request,
            list: 0,
            item: item.product,
        };
        counterfactual(&model, &live, &place, behind, &|| false).unwrap()
    };
    let found = try_them(&behind).expect("the purchase behind it matters");
    assert_eq!((found.rank, found.tie), (1, Tie::Bought));
    assert_eq!(found.touched_at, Some(NOW - 50 * DAY_MS));
    let without: Vec<Touch> = history
        .iter()
        .filter(|t| t.product != found.without)
        .copied()
        .collect();
    let mut again = request.clone();
    again.lists[0].count = 40;
    let place = products(&ask(&model, &without, &again))
        .iter()
        .position(|p| *p == item.product.0)
        .map(|at| at + 1);
    assert_eq!(place, found.rank_without);
    assert!(place.is_none_or(|place| place > 1));
    // what does not matter for it, was never touched, or is the item itself is not told of
    let others: Vec<ProductIx> = [0, 2, 4, 6, 30, item.product.0]
        .map(ProductIx)
        .into_iter()
        .filter(|product| !behind.contains(product))
        .collect();
    assert_eq!(try_them(&others), None, "behind it are {behind:?}");
}

#[test]
fn a_basket_is_told_of_too() {
    let model = model();
    let live = Live::of_catalogue(model.catalogue.clone());
    let mut request = Request::one(ListKind::GoesWith, 3, NOW);
    request.context.basket = vec![(ProductIx(8), 1.0), (ProductIx(10), 1.0)];
    let place = Place {
        customer: CustomerState::NOBODY,
        request: &request,
        list: 0,
        item: ProductIx(9),
    };
    let found = counterfactual(&model, &live, &place, &[ProductIx(8)], &|| false);
    let found = found.unwrap().expect("9 is bought with 8");
    assert_eq!((found.tie, found.touched_at), (Tie::InBasket, None));
    assert!(found.rank_without.is_none_or(|rank| rank > found.rank));
}

#[test]
fn both_parts_survive_the_bundle() {
    let model = model();
    let dir = tempfile::tempdir().unwrap();
    let mut writer = BundleWriter::new(dir.path(), "m1").unwrap();
    model.write(&mut writer).unwrap();
    let path = writer.seal(model.manifest.clone()).unwrap();
    let back = Model::read(&Bundle::open(&path).unwrap()).unwrap();
    for request in [surprise(0.6, 8), Request::one(ListKind::GoesWith, 6, NOW)] {
        assert_eq!(
            ask(&model, &history(), &request),
            ask(&back, &history(), &request)
        );
    }
    assert_eq!(model.surprises, back.surprises);
}

#[test]
fn pairs_are_scored_as_in_the_list() {
    let model = model();
    let live = Live::of_catalogue(model.catalogue.clone());
    let history = history();
    let customer = CustomerState {
        history: &history,
        ..CustomerState::NOBODY
    };
    let scored = score_pairs(&model, &live, customer, NOW, &[10, 30].map(ProductIx));
    assert!(scored.iter().all(|s| s.delight.is_some()));
    assert!(scored[1].unexpectedness > scored[0].unexpectedness);
}
