//! Finished stages of a fit, kept until the model is written, so that an interrupted fit can go on.

use std::fs;
use std::path::{Path, PathBuf};

use serendib_datasets::Log;
use serendib_engine::bundle::{Bundle, BundleError, BundleWriter, Manifest};
use serendib_engine::shop::stable_hash;

const DIR: &str = ".resume";
const KEY: &str = "key";

/// Finished stages beside the models, each a sealed bundle of its own.
#[derive(Debug)]
pub struct Checkpoints {
    dir: PathBuf,
}

/// What a fit depends on, as one word: the touches and products of `log`, `options` and this program's version.
pub fn key(log: &Log, options: &impl std::fmt::Debug) -> String {
    let mix = |hash: u64, value: u64| {
        (hash ^ value)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29)
    };
    let mut hash = stable_hash(format!("{options:?}{}", env!("CARGO_PKG_VERSION")).as_bytes());
    for history in log.histories.iter() {
        hash = mix(hash, history.len() as u64);
        for touch in history {
            hash = mix(hash, touch.at as u64);
            hash = mix(
                hash,
                u64::from(touch.product) << 16 | u64::from(touch.kind.0),
            );
            hash = mix(
                hash,
                u64::from(touch.quantity.to_bits()) << 32 | u64::from(touch.value.to_bits()),
            );
            hash = mix(hash, touch.basket);
        }
    }
    for product in log.catalogue.products() {
        hash = mix(hash, stable_hash(product.product_id.as_bytes()));
    }
    format!("{hash:016x}")
}

impl Checkpoints {
    /// The stages beside `models`. Those of other data or options, and all of them unless `resume`, are removed.
    ///
    /// # Errors
    /// The directory cannot be made or written.
    pub fn open(models: &Path, key: &str, resume: bool) -> Result<Checkpoints, BundleError> {
        let dir = models.join(DIR);
        let io = |action: &'static str| {
            let path = dir.clone();
            move |source| BundleError::Io {
                action,
                path,
                source,
            }
        };
        let same = fs::read_to_string(dir.join(KEY)).is_ok_and(|known| known == key);
        if dir.exists() && !(resume && same) {
            fs::remove_dir_all(&dir).map_err(io("remove"))?;
        }
        fs::create_dir_all(&dir).map_err(io("create"))?;
        fs::write(dir.join(KEY), key).map_err(io("write"))?;
        Ok(Checkpoints { dir })
    }

    /// What `stage` left, if it was finished and is undamaged.
    pub fn load<T>(
        &self,
        stage: &str,
        read: impl FnOnce(&Bundle) -> Result<T, BundleError>,
    ) -> Option<T> {
        let path = self.dir.join(stage);
        if !path.exists() {
            return None;
        }
        Bundle::open(&path).and_then(|bundle| read(&bundle)).ok()
    }

    /// Keeps what `stage` made. A stage that cannot be kept is made again by whoever resumes: no reason to stop.
    pub fn save(
        &self,
        stage: &str,
        write: impl FnOnce(&mut BundleWriter) -> Result<(), BundleError>,
    ) {
        let _ = fs::remove_dir_all(self.dir.join(stage));
        let kept = BundleWriter::new(&self.dir, stage).and_then(|mut bundle| {
            write(&mut bundle)?;
            bundle.seal(Manifest {
                id: stage.to_owned(),
                ..Manifest::default()
            })
        });
        if let Err(error) = kept {
            tracing::warn!(%error, stage, "a finished stage cannot be kept for --resume");
        }
    }

    /// The model is written: the stages are removed.
    pub fn clear(&self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}
