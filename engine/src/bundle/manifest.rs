//! The manifest of a bundle.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The bundle format that this program writes and reads.
pub const FORMAT_VERSION: u32 = 1;

/// Length and hash of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Bytes.
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
    /// Customers seen.
    pub customers: u64,
    /// Products in the catalogue.
    pub products: u64,
    /// Touchpoints read.
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
    /// RFC 3339.
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
