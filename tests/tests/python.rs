//! A client in another language: the contract is more than our own generated code.

use std::path::Path;
use std::process::Command;

use crate::support::programs::{output_of, python, NO_PYTHON};
use crate::support::{skipped, Shop};

#[tokio::test(flavor = "multi_thread")]
async fn a_python_client_records_and_is_recommended() {
    let Some(python) = tokio::task::spawn_blocking(python).await.unwrap() else {
        skipped(NO_PYTHON);
        return;
    };
    let shop = Shop::open().await;
    let addr = shop.running().addr;
    let descriptors = shop.dir.path().join("serendib.bin");
    std::fs::write(&descriptors, serendib_proto::FILE_DESCRIPTOR_SET).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/client.py");
    let text = tokio::task::spawn_blocking(move || {
        let mut client = Command::new(python);
        output_of(client.arg(script).arg(addr.to_string()).arg(descriptors))
    })
    .await
    .unwrap();
    assert!(text.trim_end().ends_with("all good"), "{text}");
    shop.close().await;
}
