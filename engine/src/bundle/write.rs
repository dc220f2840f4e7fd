//! Writing a bundle: into a temporary directory, sealed, then renamed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{is_file_name, BundleError, FileEntry, Manifest, FORMAT_VERSION, MANIFEST, SEAL};

/// Writes one bundle; nothing is visible under its final name before [`BundleWriter::seal`].
///
/// Dropping the writer unsealed removes what it wrote.
#[derive(Debug)]
pub struct BundleWriter {
    temporary: PathBuf,
    files: BTreeMap<String, FileEntry>,
    sealed: bool,
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
        fs::create_dir_all(parent).map_err(BundleError::io("create models directory", parent))?;
        let temporary = parent.join(format!(".{id}.tmp-{}", std::process::id()));
        if temporary.exists() {
            fs::remove_dir_all(&temporary).map_err(BundleError::io("remove", &temporary))?;
        }
        fs::create_dir(&temporary).map_err(BundleError::io("create", &temporary))?;
        Ok(BundleWriter {
            temporary,
            files: BTreeMap::new(),
            sealed: false,
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
        write_synced(&self.temporary.join(name), bytes)?;
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
        write_synced(&self.temporary.join(MANIFEST), &text)?;
        let seal = format!("{}\n", hex::encode(Sha256::digest(&text)));
        write_synced(&self.temporary.join(SEAL), seal.as_bytes())?;
        sync_directory(&self.temporary)?;
        let parent = self
            .temporary
            .parent()
            .map(Path::to_path_buf)
            .unwrap_or_default();
        let path = parent.join(&manifest.id);
        fs::rename(&self.temporary, &path).map_err(BundleError::io("rename bundle to", &path))?;
        self.sealed = true;
        sync_directory(&parent)?;
        Ok(path)
    }
}

impl Drop for BundleWriter {
    fn drop(&mut self) {
        if !self.sealed {
            // Nothing refers to it yet; a leftover is removed by the next writer of this id.
            let _ = fs::remove_dir_all(&self.temporary);
        }
    }
}

pub(super) fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), BundleError> {
    let mut file = File::create(path).map_err(BundleError::io("create", path))?;
    file.write_all(bytes)
        .map_err(BundleError::io("write", path))?;
    file.sync_all().map_err(BundleError::io("sync", path))
}

pub(super) fn sync_directory(path: &Path) -> Result<(), BundleError> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(BundleError::io("sync directory", path))
}
