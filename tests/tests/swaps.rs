//! Models that change while requests are answered: swaps, damage, and callers that race.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Duration;

use serendib_engine::bundle::{Bundle, ModelsDir};
use serendib_engine::model::Model;
use serendib_engine::rank::{recommend, CustomerState, ListKind as Kind, Live, Request};
use serendib_proto::v1::{
    ActivateModelRequest, Context, ListKind, ListModelsRequest, RecommendRequest,
    RecommendResponse, RollbackModelRequest,
};
use serendib_shop::Touchpoint as Row;
use tonic::Code;

use crate::support::{how_many, ids, request, touch, write_model, Shop};

const AT: i64 = 1_780_000_000_000;

fn activate(id: &str, expected: Option<&str>) -> ActivateModelRequest {
    ActivateModelRequest {
        model_id: id.into(),
        expected_model_id: expected.map(str::to_owned),
    }
}

fn asked() -> RecommendRequest {
    let mut ask = request("ada", ListKind::ForYou, 5);
    ask.context = Some(Context {
        at_ms: Some(AT),
        ..Context::default()
    });
    ask
}

/// Product ids and scores that `model` gives the customer of these tests.
fn recomputed(model: &Model) -> Vec<(String, f64)> {
    let mut row = Row::new("ada", "purchase");
    row.product_id = Some("kitchen-0".into());
    row.at = Some(AT - 1_000);
    let history = [model.encoder.clone().encode(&row, &model.catalogue)];
    let customer = CustomerState {
        history: &history,
        ..CustomerState::NOBODY
    };
    let mut request = Request::one(Kind::ForYou, 5, AT);
    request.seed = 1;
    let live = Live::of_catalogue(model.catalogue.clone());
    let answer = recommend(model, &live, customer, &request, &|| false).unwrap();
    let items = answer.lists.into_iter().flat_map(|list| list.items);
    items
        .map(|item| {
            let id = model.catalogue.product(item.product).product_id.clone();
            (id, f64::from(item.score))
        })
        .collect()
}

fn scores(answer: &RecommendResponse) -> Vec<(String, f64)> {
    let items = answer.lists[0].items.iter();
    items.map(|i| (i.product_id.clone(), i.score)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn while_models_are_swapped_no_request_fails_and_each_is_answered_by_one_model() {
    const SWAPS: usize = 40;
    let shop = Shop::with(|raw| raw.models.watch_ms = 0).await;
    let models = shop.dir.path().join("models");
    write_model(&models, "second", 1);
    let mut bought = touch("ada", "purchase", "kitchen-0", "t-1");
    bought.at_ms = Some(AT - 1_000);
    shop.record(vec![bought]).await;
    let expected = ["first", "second"].map(|id| {
        let model = Model::read(&Bundle::open(&models.join(id)).unwrap()).unwrap();
        (id, recomputed(&model))
    });
    let over = Arc::new(AtomicBool::new(false));
    let mut askers = Vec::new();
    for _ in 0..4 {
        let (over, expected) = (over.clone(), expected.clone());
        let mut client = shop.recommendations();
        askers.push(tokio::spawn(async move {
            let mut seen = [0usize; 2];
            while !over.load(Ordering::Relaxed) {
                let answer = client.recommend(asked()).await.unwrap().into_inner();
                let which = expected
                    .iter()
                    .position(|(id, _)| *id == answer.model_id)
                    .unwrap();
                let (id, wanted) = &expected[which];
                let found = scores(&answer);
                assert_eq!(found.len(), wanted.len());
                for (a, b) in found.iter().zip(wanted) {
                    assert!(
                        a.0 == b.0 && (a.1 - b.1).abs() < 1e-6,
                        "{id}: {found:?}, {wanted:?}"
                    );
                }
                seen[which] += 1;
            }
            seen
        }));
    }
    let mut client = shop.models();
    for swap in 0..SWAPS {
        let id = expected[(swap + 1) % 2].0;
        client.activate_model(activate(id, None)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    over.store(true, Ordering::Relaxed);
    let mut seen = [0usize; 2];
    for asker in askers {
        let one = asker.await.unwrap();
        seen = [seen[0] + one[0], seen[1] + one[1]];
    }
    assert!(seen.iter().all(|n| *n > 0), "{seen:?}");
    let listed = client
        .list_models(ListModelsRequest {})
        .await
        .unwrap()
        .into_inner();
    let answered: u64 = listed.models.iter().map(|m| m.answered).sum();
    assert_eq!(
        answered as usize,
        seen[0] + seen[1],
        "each model keeps its own count"
    );
    shop.close().await;
}

/// Bits that are flipped; `SERENDIB_FLIPS` asks for more.
const FLIPS: u32 = 200;

#[tokio::test(flavor = "multi_thread")]
async fn every_damage_is_refused_and_the_old_model_serves_on() {
    let shop = Shop::with(|raw| raw.models.watch_ms = 0).await;
    let models = shop.dir.path().join("models");
    let path = write_model(&models, "second", 1);
    let mut client = shop.models();
    let mut bits = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = || {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        bits as usize
    };
    let files: Vec<_> = std::fs::read_dir(&path)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    let flips = (how_many("SERENDIB_FLIPS", FLIPS) as usize).div_ceil(files.len());
    let mut damages = 0;
    for file in &files {
        let good = std::fs::read(file).unwrap();
        let mut bad: Vec<Vec<u8>> = [0, 1, good.len() / 2, good.len() * 99 / 100]
            .map(|keep| good[..keep].to_vec())
            .into();
        for _ in 0..flips {
            let bit = random() % (good.len() * 8);
            let mut flipped = good.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            bad.push(flipped);
        }
        for bytes in bad {
            std::fs::write(file, bytes).unwrap();
            let status = client
                .activate_model(activate("second", None))
                .await
                .unwrap_err();
            assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
            damages += 1;
        }
        std::fs::write(file, &good).unwrap();
        let answer = shop.list("", ListKind::Popular, 1).await;
        assert_eq!(
            (answer.model_id.as_str(), ids(&answer, 0)[0].as_str()),
            ("first", "baby-0")
        );
    }
    assert!(damages > 200, "{damages}");
    assert_eq!(ModelsDir::new(&models).current().unwrap().unwrap(), "first");
    client
        .activate_model(activate("second", Some("first")))
        .await
        .unwrap();
    assert_eq!(shop.list("", ListKind::Popular, 1).await.model_id, "second");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_that_race_leave_one_model_that_is_current_and_answers() {
    let shop = Shop::with(|raw| raw.models.watch_ms = 50).await;
    let models = shop.dir.path().join("models");
    for (ix, id) in ["second", "third"].into_iter().enumerate() {
        write_model(&models, id, ix + 1);
    }
    let won = Arc::new(AtomicUsize::new(0));
    let mut callers = Vec::new();
    for n in 0..12 {
        let (mut client, won) = (shop.models(), won.clone());
        callers.push(tokio::spawn(async move {
            let id = ["second", "third"][n % 2];
            match client.activate_model(activate(id, Some("first"))).await {
                Ok(_) => {
                    won.fetch_add(1, Ordering::Relaxed);
                }
                Err(status) => assert_eq!(status.code(), Code::Aborted, "{status:?}"),
            }
        }));
    }
    for caller in callers {
        caller.await.unwrap();
    }
    assert_eq!(
        won.load(Ordering::Relaxed),
        1,
        "one of those who expect the same model wins"
    );

    // activations, rollbacks and a publisher beside the server, all at once
    let mut callers = Vec::new();
    for n in 0..10 {
        let (mut client, models) = (shop.models(), models.clone());
        callers.push(tokio::spawn(async move {
            let id = ["first", "second", "third"][n % 3];
            let result = match n % 3 {
                0 => client
                    .rollback_model(RollbackModelRequest::default())
                    .await
                    .map(|_| ()),
                1 => client.activate_model(activate(id, None)).await.map(|_| ()),
                _ => {
                    let _ = ModelsDir::new(models).publish(id);
                    Ok(())
                }
            };
            if let Err(status) = result {
                let fine = [Code::FailedPrecondition, Code::Aborted, Code::NotFound];
                assert!(fine.contains(&status.code()), "{status:?}");
            }
        }));
    }
    for caller in callers {
        caller.await.unwrap();
    }
    let current = ModelsDir::new(&models).current().unwrap().unwrap();
    let mut answered = String::new();
    for _ in 0..100 {
        answered = shop.list("", ListKind::Popular, 1).await.model_id;
        if answered == current {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(answered, current);
    shop.close().await;
}

/// Waits until the server answers with `model`.
async fn answered_by(shop: &Shop, model: &str) -> bool {
    for _ in 0..100 {
        if shop.list("", ListKind::Popular, 1).await.model_id == model {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_under_another_name_is_refused_and_tried_again_once_it_is_in_order() {
    let shop = Shop::with(|raw| raw.models.watch_ms = 50).await;
    let models = shop.dir.path().join("models");
    let copied = write_model(&models, "second", 1);
    let (copy, good) = (models.join("copy"), models.join("good"));
    std::fs::rename(&copied, &copy).unwrap();
    ModelsDir::new(&models).publish("copy").unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(answered_by(&shop, "first").await);
    let mut client = shop.models();
    let listed = client.list_models(ListModelsRequest::default()).await;
    let listed = listed.unwrap().into_inner();
    assert_eq!(listed.model_id, "first");
    let refused = listed.models.iter().find(|m| m.model_id == "copy").unwrap();
    assert!(refused.problem.contains("second"), "{}", refused.problem);

    // the directory is put in order, and nothing is published anew
    std::fs::rename(write_model(shop.dir.path(), "copy", 1), &good).unwrap();
    std::fs::rename(&copy, shop.dir.path().join("aside")).unwrap();
    std::fs::rename(&good, &copy).unwrap();
    assert!(answered_by(&shop, "copy").await);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_with_a_damaged_current_model_answers_with_the_one_before() {
    let shop = Shop::with(|raw| raw.models.watch_ms = 0).await;
    let models = shop.dir.path().join("models");
    let second = write_model(&models, "second", 1);
    ModelsDir::new(&models).publish("second").unwrap();
    let dir = shop.close().await;
    std::fs::write(second.join("manifest.sha256"), "no seal\n").unwrap();
    let shop = Shop::over(dir, |raw| raw.models.watch_ms = 50).await;
    assert!(answered_by(&shop, "first").await);
    let mut client = shop.models();
    let listed = client.list_models(ListModelsRequest::default()).await;
    let listed = listed.unwrap().into_inner().models;
    let of = |id: &str| listed.iter().find(|m| m.model_id == id).unwrap();
    assert!(of("first").active && of("second").current);
    assert!(of("second").problem.contains("seal"), "{:?}", of("second"));
    shop.close().await;
}
