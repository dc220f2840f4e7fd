//! What the storefront says to who calls it wrongly.

use std::process::Command;

#[test]
fn missing_words_and_a_missing_server_are_told() {
    let storefront = |words: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_serendib-storefront"))
            .args(words)
            .output()
            .unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let said = storefront(&["http://127.0.0.1:1"]);
    assert!(said.contains("expected ADDRESS CUSTOMER PRODUCT"), "{said}");
    let said = storefront(&["http://127.0.0.1:1", "ada", "soap"]);
    assert!(
        said.contains("no server answers at http://127.0.0.1:1"),
        "{said}"
    );
}
