//! Files that appear under their name only when whole.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::DataError;

/// A temporary file beside the one it will become; removed when dropped.
pub struct TempFile {
    temp: PathBuf,
    path: PathBuf,
    persisted: bool,
}

/// A hidden name in the directory of `path` that nobody else uses. What processes that were killed left under such names
/// is removed.
pub fn temp_name(path: &Path) -> PathBuf {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    remove_leftovers(path, &name);
    path.with_file_name(format!(
        ".{name}.{}-{}.tmp",
        std::process::id(),
        COUNTER.fetch_add(1, Ordering::Relaxed)
    ))
}

/// Removes temporary files and directories for `name` whose process is gone. Where one cannot tell, they stay.
fn remove_leftovers(path: &Path, name: &str) {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let Ok(entries) = fs::read_dir(parent.unwrap_or(Path::new("."))) else {
        return;
    };
    let prefix = format!(".{name}.");
    for entry in entries.flatten() {
        let found = entry.file_name();
        let process = found
            .to_str()
            .and_then(|found| found.strip_prefix(&prefix)?.strip_suffix(".tmp"))
            .and_then(|rest| rest.split_once('-')?.0.parse::<u32>().ok());
        let gone = process.is_some_and(|id| {
            Path::new("/proc/self").exists() && !Path::new(&format!("/proc/{id}")).exists()
        });
        if gone {
            let left = entry.path();
            let _ = match left.is_dir() {
                true => fs::remove_dir_all(&left),
                false => fs::remove_file(&left),
            };
        }
    }
}

impl TempFile {
    /// Starts a file that will become `path`; the directory must exist.
    pub fn create(path: &Path) -> Result<(TempFile, File), DataError> {
        let temp = temp_name(path);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&temp)
            .map_err(DataError::io("create", path))?;
        let temp = TempFile {
            temp,
            path: path.to_path_buf(),
            persisted: false,
        };
        Ok((temp, file))
    }

    /// Makes the content durable and gives the file its name.
    pub fn persist(mut self) -> Result<(), DataError> {
        File::open(&self.temp)
            .and_then(|file| file.sync_all())
            .map_err(DataError::io("write", &self.path))?;
        fs::rename(&self.temp, &self.path).map_err(DataError::io("write", &self.path))?;
        self.persisted = true;
        Ok(())
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        if !self.persisted {
            // nothing can be done about a leftover
            let _ = fs::remove_file(&self.temp);
        }
    }
}

/// Writes a small file whole or not at all.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), DataError> {
    use std::io::Write;
    let (temp, mut file) = TempFile::create(path)?;
    file.write_all(bytes)
        .map_err(DataError::io("write", path))?;
    drop(file);
    temp.persist()
}
