//! Obligations over random runs.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use serendib_shop::{Customer, Touchpoint};

use super::customers::{customer, link, unlink, upsert};
use super::*;

/// Everything read of these ids, versions aside.
async fn picture(store: &impl Store, ids: &[String]) -> Vec<Option<CustomerState>> {
    let mut picture = Vec::new();
    for id in ids {
        let state = read(store, id).await.map(|state| CustomerState {
            version: 0,
            ..(*state).clone()
        });
        picture.push(state);
    }
    picture
}

fn rows(prefix: String, people: usize, count: usize) -> impl Strategy<Value = Vec<Touchpoint>> {
    proptest::collection::vec((0..people, 0..4usize, 0..20i64), count).prop_map(move |drawn| {
        drawn
            .into_iter()
            .enumerate()
            .map(|(i, (who, what, ago))| {
                let id = format!("{prefix}-t{i}");
                bought(
                    &id,
                    &format!("{prefix}-p{who}"),
                    &format!("x{what}"),
                    NOW - ago,
                )
            })
            .collect()
    })
}

fn draw<S: Strategy>(runner: &mut TestRunner, strategy: S) -> S::Value {
    strategy.new_tree(runner).unwrap().current()
}

pub(crate) async fn link_then_unlink_is_the_original(store: &impl Store) {
    let mut runner = TestRunner::deterministic();
    for case in 0..12 {
        let prefix = format!("case{case}");
        let people: Vec<String> = (0..6).map(|i| format!("{prefix}-p{i}")).collect();
        record(store, &draw(&mut runner, rows(prefix.clone(), 6, 15))).await;
        let facts = Customer {
            locale: Some("he".into()),
            attributes: [("n".to_string(), serde_json::json!(case))].into(),
            ..customer(&people[case % 6])
        };
        upsert(store, facts, UpsertMode::Merge).await;
        // Some are linked before: that must survive.
        let pairs = proptest::collection::vec((0..6usize, 0..6usize), 8);
        let links = draw(&mut runner, pairs);
        let (before, during) = links.split_at(3);
        for (a, b) in before {
            let _ = link(store, &people[*a], &people[*b]).await;
        }
        let original = picture(store, &people).await;
        let mut made = Vec::new();
        for (a, b) in during {
            // Asking for what is linked already makes nothing that could be undone.
            let state = read(store, &people[*b]).await;
            let linked =
                state.is_some_and(|s| s.identities.iter().any(|l| l.identity == people[*b]));
            if !linked && link(store, &people[*a], &people[*b]).await.is_ok() {
                made.push((*a, *b));
            }
        }
        for (a, b) in made.iter().rev() {
            unlink(store, &people[*a], &people[*b]).await.unwrap();
        }
        assert_eq!(
            picture(store, &people).await,
            original,
            "case {case}: {links:?}"
        );
    }
}

pub(crate) async fn a_replay_equals_a_clean_run(store: &impl Store) {
    let mut runner = TestRunner::deterministic();
    for case in 0..12 {
        // The same rows under two sets of names: once in order, once in pieces, late, and again and again.
        let clean = draw(&mut runner, rows("p".into(), 4, 24));
        let rename = |row: &Touchpoint, run: &str| {
            let mut row = row.clone();
            row.customer_id = format!("{run}{case}{}", row.customer_id);
            row.touchpoint_id = row.touchpoint_id.map(|id| format!("{run}{case}{id}"));
            row
        };
        // Distinct times, so that the order of arrival does not count.
        let clean: Vec<_> = clean
            .into_iter()
            .enumerate()
            .map(|(i, row)| Touchpoint {
                at: row.at.map(|at| at - 1_000 * (i as i64 * 7 % 24)),
                ..row
            })
            .collect();
        let first: Vec<_> = clean.iter().map(|row| rename(row, "a")).collect();
        record(store, &first).await;
        let order = draw(
            &mut runner,
            proptest::collection::vec(0..clean.len(), 3 * clean.len()),
        );
        let mut second: Vec<_> = order.iter().map(|i| rename(&clean[*i], "b")).collect();
        second.extend(clean.iter().map(|row| rename(row, "b")));
        for piece in second.chunks(5) {
            record(store, piece).await;
        }
        for who in 0..4 {
            let strip = |rows: Option<std::sync::Arc<CustomerState>>, run: &str| {
                rows.map(|state| {
                    let undo = |text: &str| text.replacen(&format!("{run}{case}"), "", 1);
                    let mut rows = state.touchpoints.clone();
                    for row in &mut rows {
                        row.customer_id = undo(&row.customer_id);
                        row.touchpoint_id = row.touchpoint_id.as_deref().map(undo);
                    }
                    (rows, state.total)
                })
            };
            let a = strip(read(store, &format!("a{case}p-p{who}")).await, "a");
            let b = strip(read(store, &format!("b{case}p-p{who}")).await, "b");
            assert_eq!(a, b, "case {case}");
        }
    }
}
