//! Writing a bundle: into a temporary directory, sealed, then renamed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use serendib_shop::publish::NewDir;
use sha2::{Digest, Sha256};

use super::{is_file_name, BundleError, FileEntry, Manifest, FORMAT_VERSION, MANIFEST, SEAL};

/// Writes one bundle; nothing is visible under its final name before [`BundleWriter::seal`].
///
/// Dropping the writer unsealed removes what it wrote.
#[derive(Debug)]
pub struct BundleWriter {
    new: NewDir,
    files: BTreeMap<String, FileEntry>,
}

impl BundleWriter {
    /// Starts a bundle inside `parent` (created if missing) under a temporary name starting with a dot.
    pub fn new(parent: &Path, id: &str) -> Result<BundleWriter, BundleError> {
        if !is_file_name(id) {
            return Err(BundleError::content(
                id,
                "a model id is 1 to 100 of a-z, 0-9, '_', '-' and '.'",
            ));
        }
        let path = parent.join(id);
        Ok(BundleWriter {
            new: NewDir::create(&path).map_err(BundleError::io("create", &path))?,
            files: BTreeMap::new(),
        })
    }

    /// Adds the file `name`, synced to disk.
    ///
    /// # Errors
    /// A name that is taken or is not a file name, or a failed write.
    pub fn put(&mut self, name: &str, bytes: &[u8]) -> Result<(), BundleError> {
        if !is_file_name(name) || name == MANIFEST || name == SEAL {
            return Err(BundleError::content(
                name,
                "not a name for a file of a bundle",
            ));
        }
        if self.files.contains_key(name) {
            return Err(BundleError::content(name, "two parts write this file"));
        }
        write_synced(&self.new.dir().join(name), bytes)?;
        self.files.insert(
            name.to_owned(),
            FileEntry {
                bytes: bytes.len() as u64,
                sha256: hex::encode(Sha256::digest(bytes)),
            },
        );
        Ok(())
    }

    /// Writes `manifest` (its `files` and `format_version` are filled in) and its seal, and renames the bundle to its
    /// id. Returns the bundle's path.
    pub fn seal(mut self, mut manifest: Manifest) -> Result<PathBuf, BundleError> {
        manifest.format_version = FORMAT_VERSION;
        manifest.files = std::mem::take(&mut self.files);
        let text = serde_json::to_vec_pretty(&manifest)
            .map_err(|error| BundleError::content(MANIFEST, error))?;
        write_synced(&self.new.dir().join(MANIFEST), &text)?;
        let seal = format!("{}\n", hex::encode(Sha256::digest(&text)));
        write_synced(&self.new.dir().join(SEAL), seal.as_bytes())?;
        let path = self.new.path().to_path_buf();
        self.new
            .publish()
            .map_err(BundleError::io("rename bundle to", &path))?;
        Ok(path)
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), BundleError> {
    let mut file = File::create(path).map_err(BundleError::io("create", path))?;
    file.write_all(bytes)
        .map_err(BundleError::io("write", path))?;
    file.sync_all().map_err(BundleError::io("sync", path))
}
