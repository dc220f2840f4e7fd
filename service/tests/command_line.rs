//! The program as people start it.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use serendib_proto::v1;
use serendib_proto::v1::customer_service_client::CustomerServiceClient;
use serendib_proto::v1::recommendation_service_client::RecommendationServiceClient;
use serendib_proto::v1::touchpoint_service_client::TouchpointServiceClient;

fn serendib() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_serendib"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SERENDIB_") {
            command.env_remove(name);
        }
    }
    command
}

#[test]
fn the_printed_configuration_is_a_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let printed = serendib()
        .args(["serve", "--print-config", "--addr", "127.0.0.1:0"])
        .output()
        .unwrap();
    assert!(printed.status.success());
    let file = dir.path().join("serendib.toml");
    std::fs::write(&file, &printed.stdout).unwrap();
    let again = serendib()
        .args(["serve", "--print-config", "--config"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(again.status.success());
    assert_eq!(
        String::from_utf8_lossy(&printed.stdout),
        String::from_utf8_lossy(&again.stdout)
    );
}

#[test]
fn a_wrong_key_ends_with_one_clear_error() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/wrong-key.toml");
    let output = serendib()
        .args(["serve", "--config"])
        .arg(file)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.starts_with("error: configuration"), "{text}");
    assert!(text.contains("adress"), "{text}");
    let usage = serendib().arg("no-such-command").output().unwrap();
    assert_eq!(usage.status.code(), Some(2));
}

#[cfg(unix)]
#[test]
fn a_server_is_asked_and_ends_in_good_order() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = serendib()
        .args([
            "serve",
            "--addr",
            "127.0.0.1:0",
            "--metrics-addr",
            "",
            "--store",
        ])
        .arg(dir.path().join("store"))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let addr = BufReader::new(server.stderr.as_mut().unwrap())
        .lines()
        .map_while(Result::ok)
        .find_map(|line| Some(line.split_once("listening on ")?.1.to_owned()))
        .unwrap();
    let asked = serendib()
        .args(["ask", "recommend", "ada", "--json", "--addr", &addr])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&asked.stdout);
    assert!(asked.status.success(), "{text}");
    let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(answer["personal"], false);
    assert_eq!(answer["notes"][0]["code"], "no_model");
    let unknown = serendib()
        .args(["ask", "customer", "ada", "--addr", &addr])
        .output()
        .unwrap();
    assert_eq!(unknown.status.code(), Some(1));
    let end = Command::new("kill")
        .args(["-TERM", &server.id().to_string()])
        .status()
        .unwrap();
    assert!(end.success());
    assert_eq!(server.wait().unwrap().code(), Some(0));
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn ids_of_customers_and_touchpoints_are_never_logged() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = serendib()
        .args(["serve", "--addr", "127.0.0.1:0", "--metrics-addr", ""])
        .arg("--store")
        .arg(dir.path().join("store"))
        .env("SERENDIB_LOG_LEVEL", "info,serendib_service=trace")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(server.stderr.take().unwrap());
    let mut text = String::new();
    let addr = loop {
        let from = text.len();
        log.read_line(&mut text).unwrap();
        if let Some((_, addr)) = text[from..].split_once("listening on ") {
            break addr.trim().to_owned();
        }
    };
    let rest = std::thread::spawn(move || {
        let mut rest = String::new();
        log.read_to_string(&mut rest).unwrap();
        rest
    });
    let url = format!("http://{addr}");
    let mut touchpoints = TouchpointServiceClient::connect(url.clone()).await.unwrap();
    let mut customers = CustomerServiceClient::connect(url.clone()).await.unwrap();
    let mut recommendations = RecommendationServiceClient::connect(url).await.unwrap();
    let row = |customer: &str, kind: &str, id: &str| v1::RecordRequest {
        touchpoints: vec![v1::Touchpoint {
            customer_id: customer.into(),
            kind: kind.into(),
            touchpoint_id: Some(id.into()),
            ..v1::Touchpoint::default()
        }],
    };
    let stored = row("zebra-ada", "view", "zebra-touch");
    touchpoints.record(stored.clone()).await.unwrap();
    touchpoints.record(stored.clone()).await.unwrap();
    for wrong in [
        row("zebra-ada", "purchase", "zebra-touch"),
        row("zebra-ada", "", "zebra-wrong"),
        row(&"zebra".repeat(1 << 16), "view", "zebra-long"),
    ] {
        touchpoints.record(wrong).await.unwrap_err();
    }
    let link = |customer: &str, identity: &str| v1::LinkIdentityRequest {
        customer_id: customer.into(),
        identity: identity.into(),
        actor: "zebra-clerk".into(),
    };
    customers
        .link_identity(link("zebra-ada", "zebra-card"))
        .await
        .unwrap();
    customers
        .link_identity(link("zebra-card", "zebra-ada"))
        .await
        .unwrap_err();
    let ask = v1::RecommendRequest {
        customer_id: "zebra-ada".into(),
        ..v1::RecommendRequest::default()
    };
    recommendations.recommend(ask).await.unwrap();
    let erase = |customer: &str| v1::EraseCustomerRequest {
        customer_id: customer.into(),
        actor: String::new(),
    };
    customers.erase_customer(erase("zebra-card")).await.unwrap();
    customers
        .erase_customer(erase("zebra-stranger"))
        .await
        .unwrap_err();
    touchpoints.record(stored).await.unwrap();
    let end = Command::new("kill")
        .args(["-TERM", &server.id().to_string()])
        .status()
        .unwrap();
    assert!(end.success());
    assert_eq!(server.wait().unwrap().code(), Some(0));
    text += &rest.join().unwrap();
    assert!(text.contains("serving"), "{text}");
    assert!(!text.contains("zebra"), "{text}");
}
