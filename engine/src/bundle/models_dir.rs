//! A directory of bundles and the text file `current` that names the one in use.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serendib_shop::publish;

use super::{is_file_name, Bundle, BundleError, MANIFEST};

/// Name of the file that holds the current model's id: the only truth about which model is current.
pub const CURRENT: &str = "current";
const LOCK: &str = ".current.lock";
/// Ids that were current, one a line, the latest last. Says nothing about what is current.
const HISTORY: &str = ".history";

/// `MODELS_DIR/<id>/` and `MODELS_DIR/current`.
#[derive(Debug, Clone)]
pub struct ModelsDir {
    path: PathBuf,
}

impl ModelsDir {
    /// Refers to `path`, which need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> ModelsDir {
        ModelsDir { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The bundle that `path` means: itself if it is one, else the current one of that models directory.
    pub fn resolve(path: &Path) -> Result<PathBuf, BundleError> {
        if path.join(MANIFEST).is_file() {
            return Ok(path.to_path_buf());
        }
        let models = ModelsDir::new(path);
        match models.current()? {
            Some(id) if path.join(&id).is_dir() => Ok(path.join(id)),
            Some(id) => Err(BundleError::NoModel {
                what: format!(
                    "{id:?}, which {:?} names: it is not there",
                    path.join(CURRENT)
                ),
            }),
            None => Err(BundleError::NoModel {
                what: format!("in {path:?}: it has neither {MANIFEST:?} nor {CURRENT:?}"),
            }),
        }
    }

    /// Opens the bundle that `path` means, see [`ModelsDir::resolve`].
    pub fn open(path: &Path) -> Result<Bundle, BundleError> {
        let found = Self::resolve(path)?;
        match found.file_name().and_then(|name| name.to_str()) {
            Some(id) if found != path => ModelsDir::new(path).bundle(id),
            _ => Bundle::open(&found),
        }
    }

    /// Opens the bundle `id` of this directory.
    ///
    /// # Errors
    /// See [`Bundle::open`]; and a bundle that says it is another model, as a copy under a new name does: answers would name
    /// a model that is not the one asked for.
    pub fn bundle(&self, id: &str) -> Result<Bundle, BundleError> {
        let bundle = Bundle::open(&self.path.join(id))?;
        let says = &bundle.manifest().id;
        if says != id {
            return Err(BundleError::Damaged {
                bundle: bundle.path().to_path_buf(),
                what: format!("{MANIFEST} says that it is model {says:?}, its directory {id:?}"),
            });
        }
        Ok(bundle)
    }

    /// The id in `current`; `None` while nothing was published.
    pub fn current(&self) -> Result<Option<String>, BundleError> {
        let path = self.path.join(CURRENT);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(BundleError::io("read", path)(error)),
        };
        let id = text.trim();
        if is_file_name(id) {
            Ok(Some(id.to_owned()))
        } else {
            Err(BundleError::NoModel {
                what: format!("{id:?}, which {path:?} names: that is no id of a model"),
            })
        }
    }

    /// Ids of all bundles here, in order.
    pub fn list(&self) -> Result<Vec<String>, BundleError> {
        let mut ids = Vec::new();
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(ids),
            Err(error) => return Err(BundleError::io("list", &self.path)(error)),
        };
        for entry in entries {
            let entry = entry.map_err(BundleError::io("list", &self.path))?;
            if let Some(name) = entry.file_name().to_str() {
                if is_file_name(name) && entry.path().join(MANIFEST).is_file() {
                    ids.push(name.to_owned());
                }
            }
        }
        ids.sort();
        Ok(ids)
    }

    /// Makes `id` current, by rename under a lock.
    ///
    /// # Errors
    /// `id` is not here, or another writer holds the lock.
    pub fn publish(&self, id: &str) -> Result<(), BundleError> {
        self.swap(None, id)
    }

    /// Makes `id` current if the current one is `expected` (`Some("")` = none); `None` = whatever it is.
    pub fn swap(&self, expected: Option<&str>, id: &str) -> Result<(), BundleError> {
        if !is_file_name(id) || !self.path.join(id).join(MANIFEST).is_file() {
            return Err(BundleError::NoModel {
                what: format!("{id:?} in {:?}", self.path),
            });
        }
        let _lock = Lock::take(&self.path)?;
        if let Some(expected) = expected {
            let current = self.current()?.unwrap_or_default();
            if current != expected {
                return Err(BundleError::NoModel {
                    what: format!("{expected:?} is current: it is {current:?}"),
                });
            }
        }
        let current = self.path.join(CURRENT);
        publish::write(&current, format!("{id}\n")).map_err(BundleError::io("write", current))?;
        // After the change, so that a model never stands here that was not current. A line that is missing costs a
        // rollback one step: no reason to fail.
        let _ = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path.join(HISTORY))
            .and_then(|mut file| writeln!(file, "{id}"));
        Ok(())
    }

    /// The model that was current before `id` was, of those that are still here; `None` where that is not known.
    ///
    /// Models that were written and never made current do not count.
    pub fn before(&self, id: &str) -> Result<Option<String>, BundleError> {
        if !self.steps()?.iter().any(|known| known == id) {
            return Ok(None);
        }
        Ok(self.earlier(id)?.into_iter().next())
    }

    /// The models that were current before `id` was, the latest first, of those that are still here; where nothing says that
    /// `id` ever was, all that were.
    pub fn earlier(&self, id: &str) -> Result<Vec<String>, BundleError> {
        let mut steps = self.steps()?;
        if let Some(at) = steps.iter().rposition(|known| known == id) {
            steps.truncate(at);
        }
        let listed = self.list()?;
        let mut earlier: Vec<String> = Vec::new();
        for known in steps.into_iter().rev() {
            if known != id && listed.contains(&known) && !earlier.contains(&known) {
                earlier.push(known);
            }
        }
        Ok(earlier)
    }

    /// What was current, the latest last. Going back to the one before takes a step off: what was left behind is not what
    /// was before.
    fn steps(&self) -> Result<Vec<String>, BundleError> {
        let path = self.path.join(HISTORY);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(BundleError::io("read", path)(error)),
        };
        let mut steps: Vec<String> = Vec::new();
        for line in text.lines().map(str::trim) {
            if steps.len() >= 2 && steps[steps.len() - 2] == line {
                steps.pop();
            } else if steps.last().is_none_or(|last| last != line) {
                steps.push(line.to_owned());
            }
        }
        Ok(steps)
    }
}

/// An advisory lock that the system gives back when the process ends, however it ends.
struct Lock(#[allow(dead_code)] fs::File);

impl Lock {
    fn take(models: &Path) -> Result<Lock, BundleError> {
        let path = models.join(LOCK);
        let file = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(BundleError::io("open lock", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock(file)),
            Err(fs::TryLockError::WouldBlock) => Err(BundleError::Locked {
                path: models.to_path_buf(),
                lock: path,
            }),
            Err(fs::TryLockError::Error(error)) => Err(BundleError::io("lock", path)(error)),
        }
    }
}
