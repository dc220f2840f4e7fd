//! What an earlier run has done already.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::{json, Value};
use serendib_shop::publish;
use sha2::{Digest, Sha256};

/// Small files that say from what something was made.
#[derive(Debug)]
pub(super) struct Stamps(PathBuf);

impl Stamps {
    /// The stamps in `place`.
    pub(super) fn new(place: &Path) -> Stamps {
        Stamps(place.to_path_buf())
    }

    fn path(&self, what: &str) -> PathBuf {
        self.0.join(format!("{what}.stamp.json"))
    }

    /// What the stamp of `what` says.
    pub(super) fn read(&self, what: &str) -> Option<Value> {
        let text = std::fs::read_to_string(self.path(what)).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Whether `what` was made from `wanted`.
    pub(super) fn says(&self, what: &str, wanted: &Value) -> bool {
        self.read(what).as_ref() == Some(wanted)
    }

    /// Notes that `what` was made from `wanted`; written after the thing itself.
    pub(super) fn write(&self, what: &str, wanted: &Value) -> anyhow::Result<()> {
        let path = self.path(what);
        publish::write(&path, format!("{wanted:#}\n"))
            .with_context(|| format!("cannot write {path:?}"))
    }
}

/// A short name of its own for the shop data in `data`.
pub(super) fn place_of(data: &Path) -> anyhow::Result<String> {
    let full = std::fs::canonicalize(data).with_context(|| format!("cannot open {data:?}"))?;
    let digest = Sha256::digest(full.as_os_str().as_encoded_bytes());
    let name: String = full
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("shop")
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .take(32)
        .collect();
    Ok(format!("{name}-{}", &hex::encode(digest)[..8]))
}

/// Names, sizes and times of change of all files of `data`: what changes when the data do.
pub(super) fn fingerprint(data: &Path) -> anyhow::Result<Value> {
    let mut files = Vec::new();
    let mut folders = vec![data.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries =
            std::fs::read_dir(&folder).with_context(|| format!("cannot list {folder:?}"))?;
        for entry in entries {
            let entry = entry?;
            let about = entry.metadata()?;
            if about.is_dir() {
                folders.push(entry.path());
                continue;
            }
            let path = entry.path();
            let name = path.strip_prefix(data).unwrap_or(&path);
            let changed = about
                .modified()
                .ok()
                .and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok())
                .map_or(0, |since| since.as_millis() as u64);
            files.push((name.to_string_lossy().into_owned(), about.len(), changed));
        }
    }
    files.sort();
    Ok(json!(files))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_speaks_for_what_it_was_made_from_only() {
        let dir = tempfile::tempdir().unwrap();
        let stamps = Stamps::new(dir.path());
        let wanted = json!({"seed": 1});
        assert!(!stamps.says("shop", &wanted));
        stamps.write("shop", &wanted).unwrap();
        assert!(stamps.says("shop", &wanted));
        assert!(!stamps.says("shop", &json!({"seed": 2})));
        assert!(!stamps.says("model", &wanted));
    }

    #[test]
    fn the_fingerprint_follows_the_files() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.csv"), "1").unwrap();
        let one = fingerprint(dir.path()).unwrap();
        assert_eq!(one, fingerprint(dir.path()).unwrap());
        std::fs::create_dir(dir.path().join("b")).unwrap();
        std::fs::write(dir.path().join("b/part.csv"), "22").unwrap();
        assert_ne!(one, fingerprint(dir.path()).unwrap());
    }
}
