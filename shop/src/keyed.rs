//! The keyed hash under which ids are looked up and remembered after an erasure.
//!
//! HMAC-SHA256 (RFC 2104) cut to 128 bits. Without the key nobody can tell from a ledger whether an id they guess was erased.

use std::path::Path;

use sha2::{Digest, Sha256};

/// 128 bits of a keyed hash.
pub type Hash16 = [u8; 16];

/// Length of a key, bytes.
const KEY_BYTES: usize = 32;

/// What is hashed, so that equal texts of different things have different hashes.
#[derive(Debug, Clone, Copy)]
pub enum Domain {
    /// Customer and identity ids.
    Identity,
    Touchpoint,
    /// Whole delight rows.
    Delight,
    /// Recognises the key itself.
    Key,
}

/// A key, ready to hash with.
#[derive(Clone)]
pub struct Key {
    bytes: Vec<u8>,
    inner: Sha256,
    outer: Sha256,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    /// The key of 32 `bytes`, or of fewer or more up to 64 where only hashing is wanted.
    pub fn new(bytes: &[u8]) -> Key {
        let mut block = [0u8; 64];
        let len = bytes.len().min(64);
        block[..len].copy_from_slice(&bytes[..len]);
        let start = |pad: u8| Sha256::new_with_prefix(block.map(|byte| byte ^ pad));
        Key {
            bytes: bytes[..len].to_vec(),
            inner: start(0x36),
            outer: start(0x5c),
        }
    }

    /// The key that is written as 64 hex digits; `None` for another text.
    pub fn parse(text: &str) -> Option<Key> {
        let bytes = hex::decode(text.trim()).ok()?;
        (bytes.len() == KEY_BYTES).then(|| Key::new(&bytes))
    }

    /// The key as hex digits, for a file that only its owner may read.
    pub fn secret(&self) -> String {
        hex::encode(&self.bytes)
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
    pub fn hash(&self, domain: Domain, text: &str) -> Hash16 {
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
    pub fn fingerprint(&self) -> String {
        hex::encode(self.hash(Domain::Key, "serendib"))
    }
}

/// Checks that nobody but its owner can read the key in `path`.
///
/// # Errors
/// What is wrong, as a sentence.
pub fn owned(path: &Path) -> Result<(), String> {
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

    #[test]
    fn a_key_is_read_as_it_was_written() {
        let key = Key::new(&[7; 32]);
        let read = Key::parse(&format!("{}\n", key.secret())).unwrap();
        assert_eq!(read.fingerprint(), key.fingerprint());
        assert!(Key::parse("short").is_none());
    }
}
