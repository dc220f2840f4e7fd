//! The program itself, killed, interrupted and out of space while it publishes: the models directory holds complete models
//! only.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serendib_engine::bundle::{Bundle, ModelsDir};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_serendib-train");

fn shop() -> TempDir {
    let dir = TempDir::new().unwrap();
    let mut text = String::from("customer_id,kind,product_id,at\n");
    for customer in 0..120 {
        for n in 0..6 {
            let product = (customer % 4) * 10 + (customer / 4 + n) % 10;
            let at = 1_760_000_000_000_i64 + (n * 10 + customer % 9) as i64 * 86_400_000;
            writeln!(text, "c-{customer},purchase,p-{product},{at}").unwrap();
        }
    }
    let data = dir.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("touchpoints.csv"), text).unwrap();
    dir
}

fn fit(dir: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .args(["fit", "--data"])
        .arg(dir.join("data"))
        .arg("--out")
        .arg(dir.join("models"))
        .args(more)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn done(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

/// Names in the models directory.
fn names(models: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(models)
        .map(|entries| {
            let names = entries.flatten().map(|e| e.file_name());
            names.filter_map(|n| n.into_string().ok()).collect()
        })
        .unwrap_or_default();
    names.sort();
    names
}

fn unfinished(models: &Path) -> Option<PathBuf> {
    let name = names(models).into_iter().find(|n| n.contains(".tmp-"))?;
    Some(models.join(name))
}

fn files(dir: &Path) -> usize {
    std::fs::read_dir(dir).map_or(0, |entries| entries.count())
}

/// Waits until `reached` or the program has ended.
fn wait_for(child: &mut Child, reached: &dyn Fn() -> bool) -> bool {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(120) {
        if reached() {
            return true;
        }
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    panic!("the program neither got there nor ended");
}

#[test]
fn killed_at_any_step_of_publishing_one_complete_model_is_current() {
    let dir = shop();
    let models = dir.path().join("models");
    done(&fit(dir.path(), &[]).output().unwrap());
    let known = || ModelsDir::new(&models).list().unwrap();
    let mut reached_any = 0;
    for step in 0..9 {
        let before = ModelsDir::new(&models).current().unwrap().unwrap();
        let listed = known();
        let mut child = fit(dir.path(), &[]).spawn().unwrap();
        let reached = wait_for(&mut child, &|| match step {
            // the bundle is begun, holds its 2nd, 4th, … file, is sealed, is renamed, is current
            0..=5 => unfinished(&models).is_some_and(|d| files(&d) > 2 * step),
            6 => unfinished(&models).is_some_and(|d| d.join("manifest.sha256").exists()),
            7 => known().len() > listed.len(),
            _ => ModelsDir::new(&models).current().unwrap().unwrap() != before,
        });
        child.kill().unwrap();
        child.wait().unwrap();
        reached_any += usize::from(reached);
        let bundle = ModelsDir::open(&models).unwrap();
        let current = bundle.manifest().id.clone();
        let new: Vec<String> = known()
            .into_iter()
            .filter(|id| !listed.contains(id))
            .collect();
        assert!(current == before || new.contains(&current), "step {step}");
        for id in known() {
            Bundle::open(&models.join(&id)).unwrap();
        }
    }
    assert!(reached_any >= 5, "only {reached_any} kills hit their step");
    done(&fit(dir.path(), &[]).output().unwrap());
    assert_eq!(
        unfinished(&models),
        None,
        "what the dead have left is removed"
    );
}

#[test]
fn an_interrupt_leaves_nothing_half_written_and_resume_goes_on() {
    let dir = shop();
    let models = dir.path().join("models");
    done(&fit(dir.path(), &[]).output().unwrap());
    let before = ModelsDir::new(&models).current().unwrap();
    let mut child = fit(dir.path(), &["--resume"]).spawn().unwrap();
    let kept = models.join(".resume/representation/manifest.sha256");
    assert!(wait_for(&mut child, &|| kept.exists()));
    let id = child.id().to_string();
    done(&Command::new("kill").args(["-INT", &id]).output().unwrap());
    let output = child.wait_with_output().unwrap();
    // where the signal comes late, everything is done
    if output.status.code() == Some(130) {
        assert_eq!(ModelsDir::new(&models).current().unwrap(), before);
        let output = fit(dir.path(), &["--resume"]).output().unwrap();
        done(&output);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("holding out a slice"), "{said}");
    } else {
        done(&output);
    }
    assert_eq!(unfinished(&models), None);
    assert!(!models.join(".resume").exists());
    ModelsDir::open(&models).unwrap();
}

#[test]
fn a_disk_that_is_full_is_one_clear_error() {
    let dir = shop();
    let models = dir.path().join("models");
    done(&fit(dir.path(), &[]).output().unwrap());
    let before = names(&models);
    // no file may grow beyond 8 blocks: writing fails as on a full disk
    let output = Command::new("sh")
        .arg("-c")
        .arg("trap '' XFSZ; ulimit -f 8; exec \"$0\" fit --data \"$1\" --out \"$2\"")
        .arg(PROGRAM)
        .arg(dir.path().join("data"))
        .arg(&models)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("error: cannot write"), "{said}");
    let after: Vec<String> = names(&models)
        .into_iter()
        .filter(|n| n != ".resume")
        .collect();
    assert_eq!(after, before);
    ModelsDir::open(&models).unwrap();
}

#[test]
fn two_at_once_end_as_one_model_and_one_refusal() {
    let dir = shop();
    let models = dir.path().join("models");
    let mut first = fit(dir.path(), &[]).spawn().unwrap();
    wait_for(&mut first, &|| models.join(".resume").exists());
    let second = fit(dir.path(), &[]).output().unwrap();
    let first = first.wait_with_output().unwrap();
    done(&first);
    if !second.status.success() {
        let said = String::from_utf8_lossy(&second.stderr);
        assert!(
            said.contains("another fit or refresh is working on"),
            "{said}"
        );
        assert_eq!(ModelsDir::new(&models).list().unwrap().len(), 1);
    }
    ModelsDir::open(&models).unwrap();
}
