use std::borrow::Cow;

use serendib_engine::represent::Representation;
use serendib_shop::{Catalogue, Kind, Product, Touch};

use crate::judge::*;
use crate::learn::Corpus;

fn purchase(product: u32, basket: u64) -> Touch {
    Touch {
        at: 0,
        basket,
        product: ProductIx(product),
        quantity: 1.0,
        value: 0.0,
        duration_s: 0.0,
        kind: Kind::PURCHASE,
        channel: 0,
        line: 0,
        pages: 0,
        rating: 0,
        cause: serendib_shop::Cause::Unsaid,
        gift: false,
    }
}

fn case(history: &[u32], relevant: &[u32]) -> EvalCase {
    let numbers = |of: &[u32]| -> Vec<ProductIx> { of.iter().copied().map(ProductIx).collect() };
    let mut owned = numbers(history);
    owned.sort_unstable();
    EvalCase {
        history: history.iter().map(|p| purchase(*p, 1)).collect(),
        now: 0,
        owned,
        relevant: numbers(relevant),
        unknown: 0,
    }
}

fn task(cases: Vec<EvalCase>, repeats: bool) -> Task {
    Task {
        protocol: "test".into(),
        cases,
        left_out: 0,
        unknown_products: 0,
        repeats,
        repeat_share: 0.0,
    }
}

fn catalogue() -> Catalogue {
    Catalogue::new((0..30).map(|i| Product::bare(format!("p{i}"))).collect()).unwrap()
}

/// Product i is bought by 30 − i customers.
fn histories() -> Vec<Vec<Touch>> {
    (0..30u32)
        .map(|u| (0..30 - u).map(|p| purchase(p, u64::from(p) + 1)).collect())
        .collect()
}

fn run(task: &Task) -> Evaluation {
    let catalogue = catalogue();
    let rows = histories();
    let corpus = Corpus {
        catalogue: &catalogue,
        histories: rows.iter().map(|r| Cow::Borrowed(&r[..])).collect(),
        anonymous: Vec::new(),
        timed: false,
    };
    let popularity = (0..30).map(|p| 30.0 - p as f32).collect();
    evaluate(
        &Representation::of_popularity(popularity),
        &corpus,
        task,
        1,
        &|_| {},
    )
}

#[test]
fn a_model_of_popularity_measures_as_the_baseline_does() {
    let task = task(
        vec![case(&[0, 1], &[2, 29]), case(&[5], &[0]), case(&[], &[25])],
        false,
    );
    let result = run(&task);
    let ours = &result.rows[0];
    let popular = result
        .rows
        .iter()
        .find(|r| r.name == "most popular")
        .unwrap();
    assert_eq!(ours.all, popular.all);
    // owned products are masked: 2 comes first for the first customer, 29 is beyond the first twenty
    assert!((ours.all.recall_20 - (0.5 + 1.0 + 0.0) / 3.0).abs() < 1e-12);
    assert!((ours.all.mrr - (1.0 + 1.0) / 3.0).abs() < 1e-12);
    let gap = result
        .intervals
        .iter()
        .find(|i| i.against == "most popular")
        .unwrap();
    assert_eq!((gap.difference, gap.low, gap.high), (0.0, 0.0, 0.0));
}

#[test]
fn repeat_and_explore_are_told_apart() {
    let result = run(&task(
        vec![case(&[20, 20, 21], &[3, 20]), case(&[7, 8], &[7])],
        true,
    ));
    let frequent = result.rows.iter().find(|r| r.name == "GP-TopFreq").unwrap();
    let (explore, repeat) = (
        frequent.explore.as_ref().unwrap(),
        frequent.repeat.as_ref().unwrap(),
    );
    assert_eq!((explore.customers, repeat.customers), (1, 2));
    assert_eq!(repeat.recall_10, 1.0);
    assert!(frequent.all.recall_10 >= 0.5);
    assert!(result.table().contains("owned before"));
    assert!(result.html("t").starts_with("<!doctype html>"));
}

/// 400 products in 10 categories with words of their own in common; customers buy within one category.
#[test]
fn products_hidden_from_training_are_found_by_what_they_say_of_themselves() {
    let products = (0..400u32)
        .map(|i| Product {
            title: Some(format!("thing{} word{}", i % 10, i % 20)),
            category: Some(format!("all/c{}", i % 5)),
            ..Product::bare(format!("p{i}"))
        })
        .collect();
    let catalogue = Catalogue::new(products).unwrap();
    let bought = |customer: u32, at: u32| (customer * 7 + at * 13) % 20 * 20 + customer % 20;
    let rows: Vec<Vec<Touch>> = (0..600u32)
        .map(|u| {
            (0..8)
                .map(|at| purchase(bought(u, at), u64::from(at) + 1))
                .collect()
        })
        .collect();
    let corpus = Corpus {
        catalogue: &catalogue,
        histories: rows.iter().map(|r| Cow::Borrowed(&r[..])).collect(),
        anonymous: Vec::new(),
        timed: false,
    };
    let cases = (0..600u32)
        .map(|u| {
            let had: Vec<u32> = (0..8).map(|at| bought(u, at)).collect();
            case(&had, &[bought(u, 9), bought(u, 12)])
        })
        .collect();
    let (settings, _) = crate::learn::choose(&corpus, 1, 1 << 30, &|_| {});
    let report = cold::evaluate(&corpus, &task(cases, false), &settings, 1, &|_| {})
        .unwrap()
        .expect("products say something about themselves");
    assert_eq!(report.hidden, 4, "{report}");
    let recall = |name: &str| {
        let row = report.rows.iter().find(|(row, _)| row == name).unwrap();
        row.1.recall_20
    };
    // twenty products share all that customers want: content tells them from the four times as many of the category
    assert!(recall("by content") > 0.8, "{report}");
    assert!(recall("popular in own categories") < 0.6, "{report}");
}
