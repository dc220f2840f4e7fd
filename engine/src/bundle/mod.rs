//! Model bundles: immutable, sealed directories, verified before anything is parsed.
//!
//! | file | content |
//! |---|---|
//! | `manifest.json` | [`Manifest`]: format version, id, data window, settings, metrics, and the byte length and SHA-256 of every other file |
//! | `manifest.sha256` | lower-case hex SHA-256 of `manifest.json` and a newline: the seal |
//! | others | model parts, written and read by the part's own `write` and `read` |
//!
//! [`Bundle::open`] checks the seal, then the length and hash of every file, and refuses files that the manifest does
//! not list, before any part is parsed. A bundle holds no customer rows: populations, products and parameters only.

mod json;
mod manifest;
mod models_dir;
mod tensors;
mod verify;
mod write;

pub use json::{read_json, write_json};
pub use manifest::{DataWindow, FileEntry, Manifest, FORMAT_VERSION};
pub use models_dir::{ModelsDir, CURRENT};
pub use tensors::{read_tensors, write_tensors, Tensor, TensorData};
pub use verify::Bundle;
pub use write::BundleWriter;

/// Name of the manifest inside a bundle.
pub const MANIFEST: &str = "manifest.json";
/// Name of the seal inside a bundle.
pub const SEAL: &str = "manifest.sha256";

/// Why a bundle cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// A file operation failed.
    #[error("cannot {action} {path:?}: {source}")]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On which path.
        path: std::path::PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The bundle is not what its manifest says.
    #[error("bundle {bundle:?} is damaged: {what}")]
    Damaged {
        /// Directory of the bundle.
        bundle: std::path::PathBuf,
        /// What does not fit.
        what: String,
    },
    /// The bundle has a format that this program does not read.
    #[error("bundle {bundle:?} has format version {found}, this program reads version {expected}")]
    Version {
        /// Directory of the bundle.
        bundle: std::path::PathBuf,
        found: u32,
        /// Version read here.
        expected: u32,
    },
    /// A verified file does not hold what its part expects: written by a faulty program.
    #[error("file {file:?} of the bundle does not parse: {what}")]
    Content {
        /// File inside the bundle.
        file: String,
        /// What is wrong.
        what: String,
    },
    /// There is no such model.
    #[error("no model {what}")]
    NoModel {
        /// What was looked for, and where.
        what: String,
    },
    /// Another writer holds the models directory.
    #[error("models directory {path:?} is locked by another writer (lock file {lock:?})")]
    Locked {
        path: std::path::PathBuf,
        /// Its lock file.
        lock: std::path::PathBuf,
    },
}

impl BundleError {
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<std::path::PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> BundleError {
        let path = path.into();
        move |source| BundleError::Io {
            action,
            path,
            source,
        }
    }

    /// A [`BundleError::Content`] for `file`.
    pub fn content(file: impl Into<String>, what: impl std::fmt::Display) -> BundleError {
        BundleError::Content {
            file: file.into(),
            what: what.to_string(),
        }
    }
}

/// Whether `name` may name a file inside a bundle: 1 to 100 of `a-z 0-9 _ - .`, not starting with a dot.
fn is_file_name(name: &str) -> bool {
    (1..=100).contains(&name.len())
        && !name.starts_with('.')
        && name.bytes().all(|b| {
            b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'.')
        })
}

#[cfg(test)]
mod tests;
