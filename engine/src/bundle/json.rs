//! Small model parts as JSON files.

use serde::{de::DeserializeOwned, Serialize};

use super::{Bundle, BundleError, BundleWriter};

/// Writes `value` as the file `name`.
pub fn write_json<T: Serialize>(
    bundle: &mut BundleWriter,
    name: &str,
    value: &T,
) -> Result<(), BundleError> {
    let bytes = serde_json::to_vec(value).map_err(|error| BundleError::content(name, error))?;
    bundle.put(name, &bytes)
}

/// Reads the file `name`.
pub fn read_json<T: DeserializeOwned>(bundle: &Bundle, name: &str) -> Result<T, BundleError> {
    serde_json::from_slice(&bundle.read(name)?).map_err(|error| BundleError::content(name, error))
}
