//! Writing a fitted model as a bundle of a models directory.

use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat, Utc};
use serendib_engine::bundle::{BundleError, BundleWriter, ModelsDir};
use serendib_engine::model::Model;

/// Writes `model` as a bundle named after `created`, and makes it current where `publish` says so.
///
/// Returns its id and path. A second bundle within one second gets a number behind its name.
///
/// # Errors
/// A failed write, or another writer that holds the directory.
pub fn write(
    model: &Model,
    models: &Path,
    created: DateTime<Utc>,
    publish: bool,
) -> Result<(String, PathBuf), BundleError> {
    let stem = created.format("%Y%m%dt%H%M%Sz").to_string();
    let id = std::iter::once(stem.clone())
        .chain((2..).map(|n| format!("{stem}-{n}")))
        .find(|id| !models.join(id).exists())
        .unwrap_or(stem);
    let mut writer = BundleWriter::new(models, &id)?;
    model.write(&mut writer)?;
    let mut manifest = model.manifest.clone();
    manifest.id = id.clone();
    manifest.created = created.to_rfc3339_opts(SecondsFormat::Secs, true);
    manifest.written_by = concat!("serendib-train ", env!("CARGO_PKG_VERSION")).into();
    let path = writer.seal(manifest)?;
    if publish {
        ModelsDir::new(models).publish(&id)?;
    }
    Ok((id, path))
}
