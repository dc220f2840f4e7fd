//! The keyed hash under which ids are looked up and remembered after an erasure.
//!
//! HMAC-SHA256 (RFC 2104) cut to 128 bits. The key lives in a file of its own, readable by its owner only: without it
//! nobody can tell from the ledger whether an id they guess was erased.

use std::path::Path;

use serendib_shop::publish::write_private;
use sha2::{Digest, Sha256};

use super::StoreError;

/// 128 bits of a keyed hash.
pub(crate) type Hash16 = [u8; 16];

/// What is hashed, so that equal texts of different things have different hashes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Domain {
    /// Customer and identity ids.
    Identity,
    Touchpoint,
    /// Whole delight rows.
    Delight,
    /// Recognises the key itself.
    Key,
}

/// The key, ready to hash with.
#[derive(Clone)]
pub(crate) struct Key {
    inner: Sha256,
    outer: Sha256,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    /// A key of `bytes`, at most 64.
    pub(crate) fn new(bytes: &[u8]) -> Key {
        let mut block = [0u8; 64];
        let len = bytes.len().min(64);
        block[..len].copy_from_slice(&bytes[..len]);
        let start = |pad: u8| Sha256::new_with_prefix(block.map(|byte| byte ^ pad));
        Key {
            inner: start(0x36),
            outer: start(0x5c),
        }
    }

    fn hmac(&self, parts: [&[u8]; 2]) -> [u8; 32] {
        let mut inner = self.inner.clone();
        inner.update(parts[0]);
        inner.update(parts[1]);
        let mut outer = self.outer.clone();
        outer.update(inner.finalize());
        outer.finalize().into()
    }

    /// The hash of `text` as a thing of `domain`.
    pub(crate) fn hash(&self, domain: Domain, text: &str) -> Hash16 {
        let tag: &[u8] = match domain {
            Domain::Identity => b"i\0",
            Domain::Touchpoint => b"t\0",
            Domain::Delight => b"d\0",
            Domain::Key => b"k\0",
        };
        let full = self.hmac([tag, text.as_bytes()]);
        let mut hash = [0; 16];
        hash.copy_from_slice(&full[..16]);
        hash
    }

    /// A text by which a store recognises its key without giving it away.
    pub(crate) fn fingerprint(&self) -> String {
        hex::encode(self.hash(Domain::Key, "serendib"))
    }

    /// Reads the key file; `None` where there is none.
    pub(crate) fn read(path: &Path) -> Result<Option<Key>, StoreError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(StoreError::Key {
                    path: path.into(),
                    detail: format!("reading the key failed: {error}"),
                })
            }
        };
        owned(path).map_err(|detail| StoreError::Key {
            path: path.into(),
            detail,
        })?;
        match hex::decode(text.trim()) {
            Ok(bytes) if bytes.len() == 32 => Ok(Some(Key::new(&bytes))),
            _ => Err(StoreError::Key {
                path: path.into(),
                detail: "not a key: expected 64 hex digits".into(),
            }),
        }
    }

    /// Makes a new random key file with mode 0600 and reads it back.
    pub(crate) fn create(path: &Path) -> Result<Key, StoreError> {
        use rand::RngCore;
        let mut bytes = [0u8; 32];
        rand::rngs::OsRng.fill_bytes(&mut bytes);
        write_private(path, format!("{}\n", hex::encode(bytes))).map_err(|error| {
            StoreError::ReadOnly {
                path: path.into(),
                detail: format!("writing the key failed: {error}"),
            }
        })?;
        Ok(Key::new(&bytes))
    }
}

/// Checks that nobody but its owner can read the key in `path`.
///
/// # Errors
/// What is wrong, as a sentence.
pub(crate) fn owned(path: &Path) -> Result<(), String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(path).map_or(0, |meta| meta.permissions().mode());
        if mode & 0o077 != 0 {
            return Err(format!(
                "other users can read the key (mode {:03o}); let only its owner (chmod 600)",
                mode & 0o777
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_hmac_sha256() {
        // RFC 4231, test cases 1 and 2
        let key = Key::new(&[0x0b; 20]);
        assert_eq!(
            hex::encode(key.hmac([b"Hi ", b"There"])),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        );
        let key = Key::new(b"Jefe");
        assert_eq!(
            hex::encode(key.hmac([b"what do ya want ", b"for nothing?"])),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[cfg(unix)]
    #[test]
    fn the_key_file_is_private_and_read_back() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("erase.key");
        assert!(Key::read(&path).unwrap().is_none());
        let made = Key::create(&path).unwrap();
        let read = Key::read(&path).unwrap().unwrap();
        assert_eq!(made.fingerprint(), read.fingerprint());
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::write(&path, "short").unwrap();
        assert!(matches!(Key::read(&path), Err(StoreError::Key { .. })));
    }
}
