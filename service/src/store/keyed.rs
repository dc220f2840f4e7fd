//! The file of the store's key, readable by its owner only.

use std::path::Path;

use serendib_shop::keyed::{owned, Key};
use serendib_shop::publish::write_private;

use super::StoreError;

/// Reads the key file; `None` where there is none.
pub(crate) fn read_key(path: &Path) -> Result<Option<Key>, StoreError> {
    let wrong = |detail: String| StoreError::Key {
        path: path.into(),
        detail,
    };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong(format!("reading the key failed: {error}"))),
    };
    owned(path).map_err(wrong)?;
    let key = Key::parse(&text);
    key.map(Some)
        .ok_or_else(|| wrong("not a key: expected 64 hex digits".into()))
}

/// A new random key.
pub(crate) fn new_key() -> Key {
    use rand::RngCore;
    let mut bytes = [0u8; 32];
    rand::rngs::OsRng.fill_bytes(&mut bytes);
    Key::new(&bytes)
}

/// Writes `key` to a file of mode 0600.
pub(crate) fn write_key(path: &Path, key: &Key) -> Result<(), StoreError> {
    write_private(path, format!("{}\n", key.secret())).map_err(|error| StoreError::ReadOnly {
        path: path.into(),
        detail: format!("writing the key failed: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn the_key_file_is_private_and_read_back() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("erase.key");
        assert!(read_key(&path).unwrap().is_none());
        let made = new_key();
        write_key(&path, &made).unwrap();
        let read = read_key(&path).unwrap().unwrap();
        assert_eq!(made.fingerprint(), read.fingerprint());
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::write(&path, "short").unwrap();
        assert!(matches!(read_key(&path), Err(StoreError::Key { .. })));
    }
}
