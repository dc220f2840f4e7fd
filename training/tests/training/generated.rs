//! A generated shop with its truth, judged by the program as the README says.

use std::path::Path;
use std::process::Command;

use serendib_datasets::demo_shop::{generate, Options};
use serendib_shop::Format;
use tempfile::TempDir;

/// What the program prints for people; it must succeed.
fn said(words: &[&str]) -> String {
    let program = env!("CARGO_BIN_EXE_serendib-train");
    let output = Command::new(program).args(words).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_generated_shop_is_judged_the_same_in_every_format() {
    let dir = TempDir::new().unwrap();
    let path = |name: &str| dir.path().join(name);
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let options = Options {
        customers: 400,
        products: 600,
        months: 8,
        ..Options::default()
    };
    let models = text(&path("models"));
    let mut judged = Vec::new();
    for format in [Format::Parquet, Format::Csv] {
        let data = text(&path(&format.to_string()));
        generate(data.as_ref(), &options, format, &|_| ()).unwrap();
        if judged.is_empty() {
            said(&["fit", "--data", &data, "--out", &models]);
        }
        judged.push(said(&["evaluate", "--data", &data, "--models", &models]));
    }
    assert_eq!(judged[0], judged[1]);
    // each of the sections that read the truth
    for section in [
        "true probability",
        "claimed directions",
        "of whoever knows the household",
    ] {
        assert!(judged[0].contains(section), "{section}: {}", judged[0]);
    }
}
