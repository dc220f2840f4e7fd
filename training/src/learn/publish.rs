//! Writing a fitted model as a bundle of a models directory.

use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat, Utc};
use serendib_engine::bundle::{BundleError, BundleWriter};
use serendib_engine::model::Model;

/// Writes `model` as a bundle named after `created`, which is not current yet.
///
/// Returns its id and path. A second bundle within one second gets a number behind its name.
///
/// # Errors
/// A failed write.
pub fn write(
    model: &Model,
    models: &Path,
    created: DateTime<Utc>,
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
    Ok((id, path))
}

/// Whether `id` is one that [`write()`] gives: `YYYYMMDDtHHMMSSz`, with a number behind it if need be.
pub fn is_id(id: &str) -> bool {
    let (stem, number) = id.split_once('-').map_or((id, "0"), |(stem, n)| (stem, n));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let pattern = |(ix, byte): (usize, u8)| match ix {
        8 => byte == b't',
        15 => byte == b'z',
        _ => byte.is_ascii_digit(),
    };
    stem.len() == 16 && stem.bytes().enumerate().all(pattern) && digits(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_models_are_told_from_names_of_other_programs() {
        for ours in ["20261129t194424z", "20261129t194424z-2"] {
            assert!(is_id(ours), "{ours}");
        }
        for other in [
            "house-rules-1",
            "",
            "20261129t194424",
            "20261129t194424z-",
            "20261129-194424z",
        ] {
            assert!(!is_id(other), "{other}");
        }
    }
}
