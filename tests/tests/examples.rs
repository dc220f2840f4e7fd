//! The examples, run as a newcomer runs them.

use std::process::Command;

use serendib_proto::v1::{ListKind, RecordRequest};

use crate::support::programs::{output_of, programs, python, root, NO_PYTHON};
use crate::support::{ids, skipped, touch, Shop};

/// Runs `example` against `shop` with its address as the first word after `before`.
async fn run(shop: &Shop, mut example: Command, scheme: &str, words: &[&str]) -> String {
    example
        .arg(format!("{scheme}{}", shop.running().addr))
        .args(words)
        .current_dir(root());
    let said = tokio::task::spawn_blocking(move || output_of(&mut example))
        .await
        .unwrap();
    // titles in sentences stand between marks of direction
    said.replace(['\u{2068}', '\u{2069}'], "")
}

async fn python_example(script: &str) -> Option<Command> {
    let Some(python) = tokio::task::spawn_blocking(python).await.unwrap() else {
        skipped(NO_PYTHON);
        return None;
    };
    let mut command = Command::new(python);
    command.arg("-B").arg(format!("examples/python/{script}"));
    Some(command)
}

/// What both storefronts print, and what they leave in the store.
async fn assert_storefront(shop: &Shop, said: &str) {
    assert!(said.contains("2 touchpoints recorded"), "{said}");
    for title in ["For you", "Goes with it", "Buy again", "Stumble on"] {
        assert!(said.contains(&format!("\n{title}\n")), "{said}");
    }
    assert!(
        said.contains("  garden thing 0: Because you bought garden thing 2"),
        "{said}"
    );
    let shown = said.lines().filter(|line| line.contains(" thing ")).count();
    assert!(
        said.contains(&format!("{shown} impressions recorded")),
        "{said}"
    );
    let again = shop.list("dvora", ListKind::ForYou, 3).await;
    assert!(again.personal, "what was recorded counts");
    assert!(!ids(&again, 0).contains(&"garden-2".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_storefront_in_rust_records_and_shows_a_page() {
    let shop = Shop::open().await;
    let program = tokio::task::spawn_blocking(programs).await.unwrap();
    let storefront = || Command::new(program.join("serendib-storefront"));
    let words = ["dvora", "garden-2"];
    let said = run(&shop, storefront(), "http://", &words).await;
    assert_storefront(&shop, &said).await;
    let said = run(&shop, storefront(), "http://", &words).await;
    assert!(
        said.contains("1 touchpoints recorded"),
        "a purchase sent again counts once: {said}"
    );
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_storefront_in_python_records_and_shows_a_page() {
    let Some(storefront) = python_example("storefront.py").await else {
        return;
    };
    let shop = Shop::open().await;
    let said = run(&shop, storefront, "", &["dvora", "garden-2"]).await;
    assert_storefront(&shop, &said).await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_box_packer_in_python_packs_and_asks_again() {
    let Some(mut packer) = python_example("pack_boxes.py").await else {
        return;
    };
    let shop = Shop::open().await;
    let bought = ["dvora", "moshe"].map(|who| touch(who, "purchase", "garden-2", who));
    shop.touchpoints()
        .record(RecordRequest {
            touchpoints: bought.into(),
        })
        .await
        .unwrap();
    let words = ["week-5", "dvora", "moshe"];
    let first = run(&shop, packer, "", &words).await;
    for who in ["dvora", "moshe"] {
        assert!(
            first.contains(&format!("box week-5-{who} of {who}\n")),
            "{first}"
        );
    }
    assert!(first.contains("2 boxes, "), "{first}");
    assert!(first.contains("  · garden thing "), "{first}");
    packer = python_example("pack_boxes.py").await.unwrap();
    let again = run(&shop, packer, "", &words).await;
    let boxes = |said: &str| said.split("2 boxes").next().unwrap().to_owned();
    assert_eq!(boxes(&again), boxes(&first), "a pack that was kept stays");
    shop.close().await;
}
