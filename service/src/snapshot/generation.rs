//! Model generations: bundles as loaded.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serendib_engine::bundle::{Bundle, BundleError, ModelsDir};
use serendib_engine::model::Model;
use serendib_shop::Encoder;

use crate::workers::held::held;

/// One loaded model with what the server counts of it.
#[derive(Debug)]
pub struct Generation {
    /// The model; for a server without one, the empty model.
    pub model: Arc<Model>,
    /// Numbers of kinds, channels and product lines, grown by what this server has seen since.
    pub encoder: Mutex<Encoder>,
    /// Where its bundle is; `None` without a model.
    pub path: Option<PathBuf>,
}

impl Generation {
    /// A generation of `model`, read from `path`.
    pub fn new(model: Model, path: Option<PathBuf>) -> Generation {
        Generation {
            encoder: Mutex::new(model.encoder.clone()),
            model: Arc::new(model),
            path,
        }
    }

    /// What answers while there is no model.
    pub fn none() -> Generation {
        Generation::new(Model::empty(), None)
    }

    /// Verifies and loads the bundle that `path` means: a bundle, or a models directory with a current one. Blocking.
    ///
    /// # Errors
    /// See [`ModelsDir::open`] and [`Model::read`].
    pub fn load(path: &Path) -> Result<Generation, BundleError> {
        Self::read(&ModelsDir::open(path)?)
    }

    /// Verifies and loads the bundle `id` of a models directory. Blocking.
    ///
    /// # Errors
    /// See [`ModelsDir::bundle`] and [`Model::read`].
    pub fn load_from(models: &ModelsDir, id: &str) -> Result<Generation, BundleError> {
        Self::read(&models.bundle(id)?)
    }

    fn read(bundle: &Bundle) -> Result<Generation, BundleError> {
        let model = Model::read(bundle)?;
        Ok(Generation::new(model, Some(bundle.path().to_path_buf())))
    }

    /// Whether there is a model.
    pub fn is_some(&self) -> bool {
        self.path.is_some()
    }

    /// The model's id as answers name it; empty without a model.
    pub fn id(&self) -> &str {
        if self.is_some() {
            &self.model.manifest.id
        } else {
            ""
        }
    }

    /// Whether touches have times, as far as the model knows.
    pub fn is_timed(&self) -> bool {
        !self.is_some() || self.model.manifest.data.timed
    }

    /// The time that the engine is asked for at `now`: a shop without times sees everything whatever the time.
    pub fn ranked_at(&self, now: i64) -> i64 {
        if self.is_timed() {
            now
        } else {
            i64::MAX
        }
    }

    /// The encoder, also after a panic elsewhere: it only ever grows.
    pub fn encoder(&self) -> std::sync::MutexGuard<'_, Encoder> {
        held(self.encoder.lock())
    }
}
