//! Opening a bundle: everything is verified before anything is parsed.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use super::{is_file_name, BundleError, Manifest, MANIFEST, SEAL};

/// Largest manifest that is read: anything longer is damage.
const MAX_MANIFEST_BYTES: u64 = 64 << 20;

/// A verified bundle on disk.
#[derive(Debug)]
pub struct Bundle {
    path: PathBuf,
    manifest: Manifest,
    /// What each file was when its hash was found right; absent where that would not tell a later change.
    verified: BTreeMap<String, Stamp>,
}

/// Which file it is and when anything about it last changed.
///
/// Any write sets the time of change to now, and no program can set it back. A file that changed just before it was looked at
/// has no stamp: clocks of file systems tick in milliseconds, and a second change in the same tick would not show.
#[derive(Debug, Clone, PartialEq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    changed: (i64, i64),
}

/// A change older than this is surely in another tick than now.
const SETTLED: Duration = Duration::from_secs(2);

impl Stamp {
    #[cfg(unix)]
    fn of(file: &Metadata, now: SystemTime) -> Option<Stamp> {
        use std::os::unix::fs::MetadataExt;
        let seconds = u64::try_from(file.ctime()).ok()?;
        let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let settled = now.duration_since(changed).ok()? > SETTLED;
        settled.then(|| Stamp {
            device: file.dev(),
            inode: file.ino(),
            bytes: file.len(),
            changed: (file.ctime(), file.ctime_nsec()),
        })
    }

    #[cfg(not(unix))]
    fn of(_: &Metadata, _: SystemTime) -> Option<Stamp> {
        None
    }
}

impl Bundle {
    /// Opens and completely verifies the bundle at `path`.
    ///
    /// # Errors
    /// A missing, truncated, altered, extra or unlisted file; a format of another version.
    pub fn open(path: &Path) -> Result<Bundle, BundleError> {
        let damaged = |what: String| BundleError::Damaged {
            bundle: path.to_path_buf(),
            what,
        };
        let text = read_limited(&path.join(MANIFEST), MAX_MANIFEST_BYTES)?;
        let seal = read_limited(&path.join(SEAL), 1 << 10)?;
        if seal != format!("{}\n", hex::encode(Sha256::digest(&text))).as_bytes() {
            return Err(damaged(format!(
                "{MANIFEST} does not match its seal {SEAL}"
            )));
        }
        let manifest = Manifest::parse(&text, path)?;
        for entry in fs::read_dir(path).map_err(BundleError::io("list bundle", path))? {
            let entry = entry.map_err(BundleError::io("list bundle", path))?;
            let name = entry.file_name();
            let listed = name
                .to_str()
                .is_some_and(|n| n == MANIFEST || n == SEAL || manifest.files.contains_key(n));
            if !listed {
                return Err(damaged(format!("{name:?} is not in the manifest")));
            }
        }
        let mut bundle = Bundle {
            path: path.to_path_buf(),
            manifest,
            verified: BTreeMap::new(),
        };
        let names: Vec<String> = bundle.manifest.files.keys().cloned().collect();
        for name in names {
            if let Some(stamp) = bundle.verify(&name)? {
                bundle.verified.insert(name, stamp);
            }
        }
        Ok(bundle)
    }

    fn damaged(&self, what: String) -> BundleError {
        BundleError::Damaged {
            bundle: self.path.clone(),
            what,
        }
    }

    fn verify(&self, name: &str) -> Result<Option<Stamp>, BundleError> {
        let entry = &self.manifest.files[name];
        if !is_file_name(name) {
            return Err(self.damaged(format!("{name:?} is not a name for a file of a bundle")));
        }
        let path = self.path.join(name);
        let mut file = File::open(&path).map_err(BundleError::io("open", &path))?;
        let before = file.metadata().map_err(BundleError::io("inspect", &path))?;
        let stamp = Stamp::of(&before, SystemTime::now());
        let bytes = before.len();
        if bytes != entry.bytes {
            return Err(self.damaged(format!(
                "{name} has {bytes} bytes, expected {}",
                entry.bytes
            )));
        }
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1 << 20];
        loop {
            let read = file
                .read(&mut buffer)
                .map_err(BundleError::io("read", &path))?;
            if read == 0 {
                break;
            }
            hasher.update(&buffer[..read]);
        }
        if hex::encode(hasher.finalize()) != entry.sha256 {
            return Err(self.damaged(format!("{name} does not match its SHA-256")));
        }
        Ok(stamp)
    }

    /// What the bundle says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the bundle has the file `name`.
    pub fn has(&self, name: &str) -> bool {
        self.manifest.files.contains_key(name)
    }

    /// The bytes of file `name`, as they were verified; where the file system cannot tell that it is the same unchanged file,
    /// its hash is checked once more.
    ///
    /// # Errors
    /// A file that is not listed, or was changed since [`Bundle::open`].
    pub fn read(&self, name: &str) -> Result<Vec<u8>, BundleError> {
        let Some(entry) = self.manifest.files.get(name) else {
            return Err(self.damaged(format!("{name} is missing")));
        };
        let path = self.path.join(name);
        let mut file = File::open(&path).map_err(BundleError::io("open", &path))?;
        let mut bytes = Vec::with_capacity(usize::try_from(entry.bytes).unwrap_or(0));
        file.read_to_end(&mut bytes)
            .map_err(BundleError::io("read", &path))?;
        // looked at after reading: a change while it was read shows
        let now = file
            .metadata()
            .ok()
            .and_then(|file| Stamp::of(&file, SystemTime::now()));
        let same = now.is_some() && now.as_ref() == self.verified.get(name);
        if !same && hex::encode(Sha256::digest(&bytes)) != entry.sha256 {
            return Err(self.damaged(format!("{name} does not match its SHA-256")));
        }
        Ok(bytes)
    }
}

fn read_limited(path: &Path, limit: u64) -> Result<Vec<u8>, BundleError> {
    let mut bytes = Vec::new();
    File::open(path)
        .map_err(BundleError::io("open", path))?
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(BundleError::io("read", path))?;
    Ok(bytes)
}
