//! The programs of this workspace, and a Python.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The root of the sources.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// An integration test of each package that has a program: cargo builds the program before it.
const BESIDE: [&str; 4] = ["usage", "command_line", "training", "importers"];

/// The directory of all programs, built if they are not: `cargo test --workspace` does before the first test runs, a run of
/// this test alone does not.
pub fn programs() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let test = std::env::current_exe().unwrap();
        // TARGET/PROFILE/deps/end_to_end-…
        let programs = test.ancestors().nth(2).unwrap().to_path_buf();
        let mut build = Command::new(env!("CARGO"));
        build.args(["test", "--quiet", "--no-run", "--workspace"]);
        match programs.file_name().and_then(|name| name.to_str()) {
            Some("debug") | None => {}
            Some(profile) => {
                build.args(["--profile", profile]);
            }
        }
        for test in BESIDE {
            build.args(["--test", test]);
        }
        // what cargo tells a test about itself would make build scripts that look at it (ring's) run again, and all that
        // depends on them be compiled again
        let told = [
            "CARGO_PKG_",
            "CARGO_MANIFEST_",
            "CARGO_CRATE_",
            "CARGO_BIN_",
            "CARGO_PRIMARY_",
        ];
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if told.iter().any(|begin| name.starts_with(begin)) {
                build.env_remove(&*name);
            }
        }
        build.env("CARGO_TARGET_DIR", programs.parent().unwrap());
        output_of(build.current_dir(root()));
        programs
    })
}

/// What is said where there is no [`python`].
pub const NO_PYTHON: &str = "python3 with grpcio and protobuf cannot be had here";

/// A Python with `grpcio` and `protobuf`: the one that `SERENDIB_PYTHON` names, or one installed once beside the build; `None`
/// where that cannot be had.
pub fn python() -> Option<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOUND.get_or_init(find_python).as_deref()
}

fn find_python() -> Option<PathBuf> {
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

/// Runs `command` to its end. Returns its standard output.
///
/// # Panics
/// It fails: with everything that it said.
pub fn output_of(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?} failed: {text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text
}
