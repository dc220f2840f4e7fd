//! Health, reflection, figures, models.

use std::io::{Read, Write};
use std::time::Duration;

use serendib_engine::bundle::ModelsDir;
use serendib_proto::v1::box_service_client::BoxServiceClient;
use serendib_proto::v1::record_stream_response::Result as StreamResult;
use serendib_proto::v1::{
    ActivateModelRequest, BoxOrder, GetModelReportRequest, ListKind, ListModelsRequest,
    PackBoxesRequest, RecordRequest, RollbackModelRequest,
};
use serendib_service::config::RawConfig;
use tokio_stream::StreamExt;
use tonic::Code;

use crate::support::{ids, touch, write_model, Shop};

#[tokio::test(flavor = "multi_thread")]
async fn a_new_current_model_answers_without_a_restart_and_a_damaged_one_does_not() {
    let shop = Shop::open().await;
    let models = shop.dir.path().join("models");
    assert_eq!(
        ids(&shop.list("", ListKind::Popular, 1).await, 0),
        ["baby-0"]
    );
    write_model(&models, "second", 1);
    ModelsDir::new(&models).publish("second").unwrap();
    let mut answer = shop.list("", ListKind::Popular, 1).await;
    for _ in 0..200 {
        if answer.model_id == "second" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        answer = shop.list("", ListKind::Popular, 1).await;
        let expected = if answer.model_id == "second" {
            "garden-0"
        } else {
            "baby-0"
        };
        assert_eq!(
            ids(&answer, 0),
            [expected],
            "an answer names the model that gave it"
        );
    }
    assert_eq!(answer.model_id, "second");

    let third = write_model(&models, "third", 2);
    let file = third.join("products.jsonl");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[10] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    ModelsDir::new(&models).publish("third").unwrap();
    let mut problem = String::new();
    for _ in 0..200 {
        let listed = shop
            .models()
            .list_models(ListModelsRequest {})
            .await
            .unwrap()
            .into_inner();
        assert_eq!(listed.model_id, "second");
        let names: Vec<_> = listed.models.iter().map(|m| m.model_id.as_str()).collect();
        assert_eq!(names, ["third", "second", "first"], "newest first");
        assert!(listed.models[0].current && !listed.models[0].active);
        assert!(listed.models[1].active && listed.models[1].answered > 0);
        problem.clone_from(&listed.models[0].problem);
        if !problem.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(problem.contains("products.jsonl"), "{problem}");
    assert_eq!(
        ids(&shop.list("", ListKind::Popular, 1).await, 0),
        ["garden-0"]
    );
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_are_on_the_metrics_page_and_name_no_one() {
    let shop = Shop::open().await;
    shop.list("secret-customer", ListKind::ForYou, 3).await;
    let addr = shop.running().metrics_addr.unwrap();
    let page = |line: &'static str| tokio::task::spawn_blocking(move || http(addr, line));
    let text = page("GET /metrics").await.unwrap();
    assert!(text.starts_with("HTTP/1.1 200"));
    for figure in [
        "serendib_calls_total{method=\"Recommend\",code=\"OK\"} 1",
        "serendib_call_seconds_bucket",
        "serendib_store_ready 1.0",
        "serendib_model_active{model=\"first\"} 1",
    ] {
        assert!(text.contains(figure), "{figure} is not in:\n{text}");
    }
    assert!(!text.contains("secret-customer"));
    assert!(page("GET /else").await.unwrap().starts_with("HTTP/1.1 404"));
    let posted = page("POST /metrics").await.unwrap();
    assert!(posted.starts_with("HTTP/1.1 405"), "{posted}");
    // readers who say nothing keep none of the others waiting
    let silent: Vec<_> = (0..15)
        .map(|_| std::net::TcpStream::connect(addr).unwrap())
        .collect();
    assert!(page("GET /metrics")
        .await
        .unwrap()
        .starts_with("HTTP/1.1 200"));
    drop(silent);
    shop.close().await;
}

/// What the page of figures answers to a request that begins with `line`.
fn http(addr: std::net::SocketAddr, line: &str) -> String {
    let mut stream = std::net::TcpStream::connect(addr).unwrap();
    write!(stream, "{line} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_of_a_stream_is_a_call_of_its_own_and_a_pack_is_one() {
    let shop = Shop::open().await;
    let batch = |rows| RecordRequest { touchpoints: rows };
    let batches = vec![
        batch(vec![touch("ada", "view", "books-0", "s1")]),
        batch(Vec::new()),
        batch(vec![touch("ada", "view", "books-1", "s2")]),
    ];
    let answers: Vec<_> = shop
        .touchpoints()
        .record_stream(tokio_stream::iter(batches))
        .await
        .unwrap()
        .into_inner()
        .collect()
        .await;
    let named = |ix: usize| match answers[ix].as_ref().unwrap().result.as_ref().unwrap() {
        StreamResult::Response(response) => response.request_id.clone(),
        StreamResult::Error(error) => panic!("{error:?}"),
    };
    assert_ne!(named(0), named(2), "each answer has an id of its own");
    let pack = PackBoxesRequest {
        boxes: vec![BoxOrder {
            box_id: "b".into(),
            customer_id: "ada".into(),
            ..BoxOrder::default()
        }],
        dry_run: true,
        ..PackBoxesRequest::default()
    };
    let packed = BoxServiceClient::new(shop.channel()).pack_boxes(pack).await;
    let pieces: Vec<_> = packed.unwrap().into_inner().collect().await;
    assert!(pieces.len() > 1 && pieces.iter().all(Result::is_ok));
    let addr = shop.running().metrics_addr.unwrap();
    let text = tokio::task::spawn_blocking(move || http(addr, "GET /metrics"));
    let text = text.await.unwrap();
    let counts = text
        .lines()
        .filter_map(|line| line.strip_prefix("serendib_calls_total"));
    let mut counts: Vec<&str> = counts.collect();
    counts.sort_unstable();
    assert_eq!(
        counts,
        [
            "{method=\"PackBoxes\",code=\"OK\"} 1",
            "{method=\"RecordStream\",code=\"INVALID_ARGUMENT\"} 1",
            "{method=\"RecordStream\",code=\"OK\"} 2",
        ]
    );
    shop.close().await;
}

#[test]
fn nobody_else_reaches_the_server_or_its_figures_unless_told_to() {
    let config = RawConfig::default().check().unwrap();
    assert!(config.server.addr.ip().is_loopback());
    assert!(config.metrics_addr.unwrap().ip().is_loopback());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_one_clear_error() {
    let shop = Shop::open().await;
    let taken = shop.running().addr;
    let dir = tempfile::TempDir::new().unwrap();
    let mut raw = crate::support::settings(dir.path());
    raw.server.addr = taken.to_string();
    let config = raw.check().unwrap();
    let store = serendib_service::cli::open_store(&config.store)
        .await
        .unwrap();
    let error = serendib_service::server::start(config, store)
        .await
        .unwrap_err();
    assert!(format!("{error:#}").contains(&format!("cannot listen on {taken}")));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn models_are_activated_by_compare_and_set_and_rolled_back() {
    let shop = Shop::with(|raw| raw.models.watch_ms = 0).await;
    let models = shop.dir.path().join("models");
    write_model(&models, "second", 1);
    let mut client = shop.models();
    let activate = |id: &str, expected: &str| ActivateModelRequest {
        model_id: id.into(),
        expected_model_id: Some(expected.into()),
    };
    let status = client
        .activate_model(activate("second", "other"))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Aborted);
    let status = client
        .activate_model(activate("../store", "first"))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert_eq!(shop.list("", ListKind::Popular, 1).await.model_id, "first");
    client
        .activate_model(activate("second", "first"))
        .await
        .unwrap();
    assert_eq!(shop.list("", ListKind::Popular, 1).await.model_id, "second");
    assert_eq!(
        ModelsDir::new(&models).current().unwrap().unwrap(),
        "second"
    );
    let back = client
        .rollback_model(RollbackModelRequest::default())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(back.model_id, "first");
    assert_eq!(
        ids(&shop.list("", ListKind::Popular, 1).await, 0),
        ["baby-0"]
    );
    assert_eq!(ModelsDir::new(&models).current().unwrap().unwrap(), "first");
    let report = client
        .get_model_report(GetModelReportRequest::default())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(report.model.unwrap().model_id, "first");
    assert!(report.html.is_empty(), "nobody wrote a report");
    std::fs::create_dir(models.join("reports")).unwrap();
    std::fs::write(models.join("reports/second.html"), "<p>second</p>").unwrap();
    let written = client
        .get_model_report(GetModelReportRequest {
            model_id: "second".into(),
        })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(written.html, "<p>second</p>");
    assert!(
        report.manifest_json.contains("\"products\":24"),
        "{}",
        report.manifest_json
    );
    let status = client
        .get_model_report(GetModelReportRequest {
            model_id: "never".into(),
        })
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    shop.close().await;
}
