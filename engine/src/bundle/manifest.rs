//! The manifest of a bundle.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{BundleError, MANIFEST};

/// The bundle format that this program writes and reads.
pub const FORMAT_VERSION: u32 = 1;

/// Length and hash of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    pub bytes: u64,
    /// Lower-case hex SHA-256.
    pub sha256: String,
}

/// The span of touchpoints that a model was fitted on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataWindow {
    /// First touchpoint, ms since 1970-01-01 UTC; absent in a shop without times.
    pub from: Option<i64>,
    /// Last touchpoint, inclusive.
    pub to: Option<i64>,
    pub customers: u64,
    /// Products in the catalogue.
    pub products: u64,
    pub touchpoints: u64,
    /// Whether touchpoints carry times.
    pub timed: bool,
}

/// What a bundle says of itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of the bundle format.
    pub format_version: u32,
    /// The model's id, also the directory's name.
    pub id: String,
    /// Date and time, RFC 3339.
    pub created: String,
    /// Program and version that wrote it.
    pub written_by: String,
    /// What it was fitted on.
    pub data: DataWindow,
    /// Everything that was chosen, enough to fit again: seeds, families, weights.
    #[serde(default)]
    pub settings: serde_json::Value,
    /// Figures measured while fitting.
    #[serde(default)]
    pub metrics: serde_json::Value,
    /// Dimension of the product vectors.
    #[serde(default)]
    pub dimension: usize,
    /// Every file but the manifest and its seal.
    #[serde(default)]
    pub files: BTreeMap<String, FileEntry>,
}

impl Manifest {
    /// The manifest `text` of the bundle at `path`. Its version is read by itself, so that a newer format with other fields
    /// is named as such.
    ///
    /// # Errors
    /// Another version, or a text that is no manifest.
    pub fn parse(text: &[u8], path: &Path) -> Result<Manifest, BundleError> {
        let damaged = |what: String| BundleError::Damaged {
            bundle: path.to_path_buf(),
            what,
        };
        let version = serde_json::from_slice::<serde_json::Value>(text)
            .ok()
            .and_then(|value| value.get("format_version")?.as_u64())
            .ok_or_else(|| damaged(format!("{MANIFEST} has no format_version")))?;
        if version != u64::from(FORMAT_VERSION) {
            return Err(BundleError::Version {
                bundle: path.to_path_buf(),
                found: u32::try_from(version).unwrap_or(u32::MAX),
                expected: FORMAT_VERSION,
            });
        }
        serde_json::from_slice(text).map_err(|error| damaged(format!("{MANIFEST}: {error}")))
    }
}
