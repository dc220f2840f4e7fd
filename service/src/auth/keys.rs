//! The keys that callers show. The file keeps hashes: who reads it can call nothing.
//!
//! A key is 256 random bits, so that its plain SHA-256 can be neither guessed nor turned back.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rand::RngCore;
use serendib_shop::check_id;
use serendib_shop::publish::write_private;
use sha2::{Digest, Sha256};

use super::roles::{NoRole, Role};

/// What a key begins with, so that one that was left somewhere is known for what it is.
const PREFIX: &str = "serendib_";

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The name of the key.
    pub key: Arc<str>,
    pub role: Role,
}

/// One line of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    caller: Caller,
    hash: [u8; 32],
}

/// The keys of a file, in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    lines: Vec<Line>,
    by_hash: HashMap<[u8; 32], usize>,
}

/// Why keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    #[error("cannot read the keys in {}", path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("cannot write the keys to {}", path.display())]
    Write {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{}: {what}", path.display())]
    Mode { path: PathBuf, what: String },
    #[error("{}, line {line}: {what}", path.display())]
    Line {
        path: PathBuf,
        line: usize,
        what: String,
    },
    #[error("{0:?} is the name of another key")]
    Taken(String),
    #[error("there is no key {0:?}")]
    Unknown(String),
    #[error("the name of a key {0}")]
    Name(String),
}

impl Keys {
    /// The keys in `path`.
    ///
    /// # Errors
    /// A file that cannot be read or that others than its owner can, or a line that is not `NAME ROLE HASH`.
    pub fn read(path: &Path) -> Result<Keys, KeysError> {
        let owned = serendib_shop::keyed::owned(path);
        let text = std::fs::read_to_string(path).map_err(|source| KeysError::Read {
            path: path.into(),
            source,
        })?;
        owned.map_err(|what| KeysError::Mode {
            path: path.into(),
            what,
        })?;
        let mut keys = Keys::default();
        for (at, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let added =
                parsed(line).and_then(|line| keys.add(line).map_err(|taken| taken.to_string()));
            added.map_err(|what| KeysError::Line {
                path: path.into(),
                line: at + 1,
                what,
            })?;
        }
        Ok(keys)
    }

    fn add(&mut self, line: Line) -> Result<(), KeysError> {
        let same = |other: &Line| other.caller.key == line.caller.key || other.hash == line.hash;
        if self.lines.iter().any(same) {
            return Err(KeysError::Taken(line.caller.key.to_string()));
        }
        self.by_hash.insert(line.hash, self.lines.len());
        self.lines.push(line);
        Ok(())
    }

    /// Makes a key called `name`, and returns its secret, which is kept nowhere.
    ///
    /// # Errors
    /// A name that is no id, or of another key.
    pub fn make(&mut self, name: &str, role: Role) -> Result<String, KeysError> {
        let is_one_word = !name.contains(|c: char| c.is_whitespace() || c == '#');
        check_id(name).map_err(|error| KeysError::Name(error.to_string()))?;
        if !is_one_word {
            return Err(KeysError::Name("has blanks or a # in it".into()));
        }
        let mut bytes = [0u8; 32];
        rand::thread_rng().fill_bytes(&mut bytes);
        let secret = format!("{PREFIX}{}", hex::encode(bytes));
        self.add(Line {
            caller: Caller {
                key: name.into(),
                role,
            },
            hash: hash(&secret),
        })?;
        Ok(secret)
    }

    /// Takes the key called `name` away.
    ///
    /// # Errors
    /// There is none.
    pub fn revoke(&mut self, name: &str) -> Result<(), KeysError> {
        let before = self.lines.len();
        self.lines.retain(|line| &*line.caller.key != name);
        if self.lines.len() == before {
            return Err(KeysError::Unknown(name.to_owned()));
        }
        let hashes = self.lines.iter().enumerate();
        self.by_hash = hashes.map(|(at, line)| (line.hash, at)).collect();
        Ok(())
    }

    /// Writes the keys to `path`, for its owner alone, whole or not at all.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), KeysError> {
        let mut text = String::from("# name, role, SHA-256 of the key\n");
        for Line { caller, hash } in &self.lines {
            let _ = writeln!(text, "{} {} {}", caller.key, caller.role, hex::encode(hash));
        }
        write_private(path, text).map_err(|source| KeysError::Write {
            path: path.into(),
            source,
        })
    }

    /// Who shows `secret`.
    pub fn find(&self, secret: &str) -> Option<&Caller> {
        let at = *self.by_hash.get(&hash(secret))?;
        Some(&self.lines[at].caller)
    }

    /// Who may call, in the order of the file.
    pub fn callers(&self) -> impl Iterator<Item = &Caller> {
        self.lines.iter().map(|line| &line.caller)
    }
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

fn parsed(line: &str) -> Result<Line, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [name, role, digest] = words[..] else {
        return Err("is not NAME ROLE HASH".into());
    };
    check_id(name).map_err(|error| format!("the name {error}"))?;
    let role = role.parse().map_err(|error: NoRole| error.to_string())?;
    let mut hash = [0; 32];
    hex::decode_to_slice(digest, &mut hash)
        .map_err(|_| "the hash is not 64 hexadecimal digits".to_owned())?;
    Ok(Line {
        caller: Caller {
            key: name.into(),
            role,
        },
        hash,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_by_its_secret_until_it_is_revoked() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys");
        let mut keys = Keys::default();
        let shop = keys.make("shop", Role::Storefront).unwrap();
        let desk = keys.make("desk", Role::Care).unwrap();
        assert!(matches!(
            keys.make("desk", Role::Admin),
            Err(KeysError::Taken(_))
        ));
        assert!(keys.make("a b", Role::Admin).is_err() && keys.make("", Role::Admin).is_err());
        keys.write(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains(&shop[PREFIX.len()..]));
        let mut read = Keys::read(&path).unwrap();
        assert_eq!(read, keys);
        assert_eq!(read.find(&desk).map(|caller| caller.role), Some(Role::Care));
        assert_eq!(read.find("serendib_0"), None);
        read.revoke("shop").unwrap();
        assert_eq!(read.find(&shop), None);
        assert_eq!(read.find(&desk).map(|caller| &*caller.key), Some("desk"));
        assert!(read.revoke("shop").is_err());
    }

    #[test]
    fn a_wrong_line_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys");
        for (line, what) in [
            ("shop storefront", "is not NAME ROLE HASH"),
            ("shop root 00", "no role"),
            ("shop admin 00", "64 hexadecimal"),
        ] {
            write_private(&path, format!("# keys\n{line}\n")).unwrap();
            let error = Keys::read(&path).unwrap_err().to_string();
            assert!(error.contains("line 2") && error.contains(what), "{error}");
        }
    }
}
