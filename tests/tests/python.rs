//! A client in another language: the contract is more than our own generated code.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::Shop;

/// A Python with `grpcio` and `protobuf`: the one that `SERENDIB_PYTHON` names, or one installed once beside the build; `None`
/// where that cannot be had.
fn python() -> Option<PathBuf> {
    if let Some(given) = std::env::var_os("SERENDIB_PYTHON") {
        return Some(given.into());
    }
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python");
    let python = venv.join("bin/python");
    let ready = |python: &Path| {
        Command::new(python)
            .args(["-c", "import grpc, google.protobuf.message_factory"])
            .output()
            .is_ok_and(|out| out.status.success())
    };
    if ready(&python) {
        return Some(python);
    }
    if ready(Path::new("python3")) {
        return Some("python3".into());
    }
    let ok = |command: &mut Command| command.output().is_ok_and(|out| out.status.success());
    let made = ok(Command::new("python3").arg("-m").arg("venv").arg(&venv))
        && ok(Command::new(&python).args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
            concat!(env!("CARGO_MANIFEST_DIR"), "/python/requirements.txt"),
        ]))
        && ready(&python);
    made.then_some(python)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_python_client_records_and_is_recommended() {
    let Some(python) = tokio::task::spawn_blocking(python).await.unwrap() else {
        eprintln!("skipped: python3 with grpcio and protobuf cannot be had here");
        return;
    };
    let shop = Shop::open().await;
    let addr = shop.running().addr;
    let descriptors = shop.dir.path().join("serendib.bin");
    std::fs::write(&descriptors, serendib_proto::FILE_DESCRIPTOR_SET).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/client.py");
    let output = tokio::task::spawn_blocking(move || {
        Command::new(python)
            .arg(script)
            .arg(addr.to_string())
            .arg(descriptors)
            .output()
    })
    .await
    .unwrap()
    .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(text.trim_end().ends_with("all good"), "{text}");
    shop.close().await;
}
