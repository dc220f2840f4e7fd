//! Files and directories that appear under their name only when whole.
//!
//! Each is written under a hidden name beside its own, synced, and renamed. What a process that was killed left under such a
//! name is removed by whoever writes the same thing next, or by [`sweep`].

use std::collections::hash_map::RandomState;
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tempfile::{Builder, TempDir, TempPath};

/// A file in the making; dropped before [`NewFile::publish`], it leaves nothing behind.
#[derive(Debug)]
pub struct NewFile {
    temporary: TempPath,
    path: PathBuf,
}

impl NewFile {
    /// Starts what will become, or replace, the file `path`; its directory must exist.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(path: &Path) -> io::Result<(NewFile, File)> {
        NewFile::with(path, OpenOptions::new())
    }

    /// The same, readable by its owner only.
    fn private(path: &Path) -> io::Result<(NewFile, File)> {
        let mut options = OpenOptions::new();
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        NewFile::with(path, options)
    }

    fn with(path: &Path, mut options: OpenOptions) -> io::Result<(NewFile, File)> {
        options.write(true).create_new(true);
        let made = Builder::new()
            .prefix(&begun(path))
            .make_in(parent(path), |temporary| options.open(temporary))?;
        let (file, temporary) = made.into_parts();
        let path = path.to_path_buf();
        Ok((NewFile { temporary, path }, file))
    }

    /// Makes the content durable and gives the file its name.
    ///
    /// # Errors
    /// The disk refuses; then what was under the name before still is.
    pub fn publish(self) -> io::Result<()> {
        File::open(&self.temporary)?.sync_all()?;
        self.temporary
            .persist(&self.path)
            .map_err(|refused| refused.error)?;
        sync_dir(parent(&self.path))
    }
}

/// A directory in the making; dropped before [`NewDir::publish`], it leaves nothing behind.
#[derive(Debug)]
pub struct NewDir {
    temporary: TempDir,
    path: PathBuf,
}

impl NewDir {
    /// Starts what will become the directory `path`. Directories above it are made.
    ///
    /// # Errors
    /// A directory cannot be created.
    pub fn create(path: &Path) -> io::Result<NewDir> {
        fs::create_dir_all(parent(path))?;
        Ok(NewDir {
            temporary: Builder::new()
                .prefix(&begun(path))
                .tempdir_in(parent(path))?,
            path: path.to_path_buf(),
        })
    }

    /// The name that it gets.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where its files are put until it is published. Each is synced by whoever writes it.
    pub fn dir(&self) -> &Path {
        self.temporary.path()
    }

    /// Gives the directory its name.
    ///
    /// # Errors
    /// The disk refuses, or there is something under the name other than an empty directory.
    pub fn publish(mut self) -> io::Result<()> {
        sync_dir(self.dir())?;
        fs::rename(self.dir(), &self.path)?;
        self.temporary.disable_cleanup(true);
        sync_dir(parent(&self.path))
    }
}

/// Writes the file `path` whole, or leaves it as it was.
///
/// # Errors
/// The disk refuses.
pub fn write(path: &Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    fill(NewFile::create(path)?, content.as_ref())
}

/// As [`write()`], for a file that only its owner may read.
///
/// # Errors
/// The disk refuses.
pub fn write_private(path: &Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    fill(NewFile::private(path)?, content.as_ref())
}

fn fill((new, mut file): (NewFile, File), content: &[u8]) -> io::Result<()> {
    file.write_all(content)?;
    drop(file);
    new.publish()
}

/// Makes renames and new files in `dir` durable.
///
/// # Errors
/// The disk refuses.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

fn parent(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// How the hidden name of `path` begins. Removes what killed processes left of it.
fn begun(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    remove(parent(path), |left| left.name == name && left.is_dead());
    format!(".{name}{MARK}{}-{}-", std::process::id(), run())
}

/// Stands in a hidden name between the name and what tells whose it is.
const MARK: &str = ".tmp-";

/// Tells this run of the program from an earlier one with the same number of a process, as the first in a container has.
fn run() -> &'static str {
    static RUN: OnceLock<String> = OnceLock::new();
    RUN.get_or_init(|| format!("{:016x}", RandomState::new().build_hasher().finish()))
}

/// Something that was begun and is not published.
struct Unfinished {
    /// What it was to become.
    name: String,
    process: u32,
    run: String,
}

impl Unfinished {
    fn of(hidden: &str) -> Option<Unfinished> {
        let (name, whose) = hidden.strip_prefix('.')?.rsplit_once(MARK)?;
        let (process, rest) = whose.split_once('-')?;
        Some(Unfinished {
            name: name.to_owned(),
            process: process.parse().ok()?,
            run: rest.split_once('-')?.0.to_owned(),
        })
    }

    fn is_ours(&self) -> bool {
        self.process == std::process::id() && self.run == run()
    }

    /// Whether its process is gone; where that cannot be told, it is not.
    fn is_dead(&self) -> bool {
        if self.process == std::process::id() {
            return self.run != run();
        }
        Path::new("/proc/self").exists() && !Path::new(&format!("/proc/{}", self.process)).exists()
    }
}

/// Removes from `dir` everything that processes that were killed have begun there.
pub fn sweep(dir: &Path) {
    remove(dir, Unfinished::is_dead);
}

/// Removes from `dir` everything that this process has begun there, as before it ends in the middle of its work.
pub fn abandon(dir: &Path) {
    remove(dir, Unfinished::is_ours);
}

fn remove(dir: &Path, which: impl Fn(&Unfinished) -> bool) {
    let Ok(entries) = fs::read_dir(dir) else {
        return;
    };
    for entry in entries.flatten() {
        let hidden = entry.file_name();
        let Some(left) = hidden.to_str().and_then(Unfinished::of) else {
            continue;
        };
        if !which(&left) {
            continue;
        }
        let path = entry.path();
        // nothing can be done about what cannot be removed
        if !path.is_dir() {
            let _ = fs::remove_file(&path);
            continue;
        }
        // first out of the way, at once, so that nobody can publish it half-removed
        let process = std::process::id();
        let aside = Builder::new()
            .prefix(&format!(".discarded{MARK}{process}-{}-", run()))
            .tempdir_in(dir);
        let _ = aside.and_then(|aside| fs::rename(&path, aside.path().join("discarded")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn nothing_stands_under_a_name_before_it_is_whole() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a.json");
        write(&path, "one").unwrap();
        let (new, mut file) = NewFile::create(&path).unwrap();
        file.write_all(b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");
        new.publish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        drop(NewFile::create(&path).unwrap());
        let target = home.path().join("above/shop");
        let new = NewDir::create(&target).unwrap();
        fs::write(new.dir().join("b"), "b").unwrap();
        assert!(!target.exists());
        new.publish().unwrap();
        assert_eq!(names(&target), ["b"]);
        drop(NewDir::create(&target).unwrap());
        assert_eq!(names(home.path()), ["a.json", "above"]);
        assert_eq!(names(&home.path().join("above")), ["shop"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_private_file_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let [private, public, plain] = ["private", "public", "plain"].map(|n| home.path().join(n));
        write_private(&private, "key").unwrap();
        assert_eq!(mode(&private), 0o600);
        write(&public, "text").unwrap();
        fs::write(&plain, "text").unwrap();
        assert_eq!(mode(&public), mode(&plain));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_the_dead_left_goes_and_what_the_living_write_stays() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path();
        let mut gone = std::process::Command::new("true").spawn().unwrap();
        gone.wait().unwrap();
        let (dead, us) = (gone.id(), std::process::id());
        fs::write(dir.join(format!(".a.tmp-{dead}-0-x")), "").unwrap();
        fs::write(dir.join(format!(".a.tmp-{us}-before-x")), "").unwrap();
        fs::create_dir(dir.join(format!(".m.tmp-{dead}-0-x"))).unwrap();
        fs::write(dir.join(format!(".m.tmp-{dead}-0-x/part")), "").unwrap();
        let alive = format!(".a.tmp-{}-0-x", std::os::unix::process::parent_id());
        fs::write(dir.join(&alive), "").unwrap();
        let ours = NewFile::create(&dir.join("a")).unwrap();
        assert_eq!(names(dir).len(), 3, "of a the two that are dead are gone");
        sweep(dir);
        assert_eq!(names(dir).len(), 2);
        abandon(dir);
        assert_eq!(names(dir), [alive]);
        assert!(ours.0.publish().is_err());
    }
}
