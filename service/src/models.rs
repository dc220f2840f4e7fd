//! The models directory and which of its models answers.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serendib_engine::bundle::{BundleError, Manifest, ModelsDir, MANIFEST};

use crate::clock::now_ms;
use crate::config;
use crate::generation::Generation;
use crate::store::StoreError;
use crate::views::Views;

/// Why another model does not answer.
#[derive(Debug, thiserror::Error)]
pub enum ModelsError {
    /// The bundle or the directory refuses.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The catalogue cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Loading panicked.
    #[error("loading the model failed: {0}")]
    Load(String),
}

/// The models directory.
#[derive(Debug)]
pub struct Models {
    dir: Option<PathBuf>,
    swapping: tokio::sync::Mutex<Refused>,
}

/// The last model that was refused, so that the watch doesn't try it again and again.
#[derive(Debug, Default)]
struct Refused {
    id: String,
    problem: String,
}

/// One bundle of the directory.
#[derive(Debug)]
pub struct Listed {
    /// Id: the name of its directory.
    pub id: String,
    /// Its manifest, or why that cannot be read.
    pub manifest: Result<Manifest, String>,
    /// Whether `current` names it.
    pub current: bool,
}

impl Models {
    /// The directory of the configuration.
    pub fn new(config: &config::Models) -> Models {
        Models {
            dir: config.dir.clone(),
            swapping: tokio::sync::Mutex::default(),
        }
    }

    /// Loads the model to start with: none where there is no directory, or nothing in it yet.
    ///
    /// # Errors
    /// A bundle that is damaged or does not parse.
    pub async fn first(&self) -> Result<Generation, ModelsError> {
        let Some(dir) = self.dir.clone() else {
            return Ok(Generation::none());
        };
        if !is_bundle(&dir) && ModelsDir::new(&dir).current()?.is_none() {
            return Ok(Generation::none());
        }
        load(dir).await
    }

    /// Looks at the directory, and lets its current model answer if that is another one now.
    ///
    /// Returns whether a swap took place. A model that was refused once is not tried again until another was current.
    ///
    /// # Errors
    /// Why the new one is refused; the old one goes on.
    pub async fn follow(&self, views: &Views) -> Result<bool, ModelsError> {
        let Some(dir) = self.dir.clone().filter(|dir| !is_bundle(dir)) else {
            return Ok(false);
        };
        let mut refused = self.swapping.lock().await;
        let Some(current) = ModelsDir::new(&dir).current()? else {
            return Ok(false);
        };
        if current == views.get().generation.id() || current == refused.id {
            return Ok(false);
        }
        match swap_in(dir.join(&current), views).await {
            Ok(()) => {
                *refused = Refused::default();
                Ok(true)
            }
            Err(error) => {
                refused.id = current;
                refused.problem = error.to_string();
                Err(error)
            }
        }
    }

    /// The bundles there are, newest first, and what is known against the one refused last.
    ///
    /// # Errors
    /// The directory cannot be listed.
    pub async fn list(&self) -> Result<(Vec<Listed>, Option<(String, String)>), ModelsError> {
        let refused = {
            let refused = self.swapping.lock().await;
            (!refused.id.is_empty()).then(|| (refused.id.clone(), refused.problem.clone()))
        };
        let Some(dir) = self.dir.clone() else {
            return Ok((Vec::new(), refused));
        };
        let listed = tokio::task::spawn_blocking(move || list(&dir))
            .await
            .map_err(|error| ModelsError::Load(error.to_string()))??;
        Ok((listed, refused))
    }
}

fn is_bundle(path: &Path) -> bool {
    path.join(MANIFEST).is_file()
}

async fn load(path: PathBuf) -> Result<Generation, ModelsError> {
    tokio::task::spawn_blocking(move || Generation::load(&path))
        .await
        .map_err(|error| ModelsError::Load(error.to_string()))?
        .map_err(ModelsError::from)
}

async fn swap_in(path: PathBuf, views: &Views) -> Result<(), ModelsError> {
    let generation = load(path).await?;
    views.activate(Arc::new(generation), now_ms()).await?;
    Ok(())
}

fn list(dir: &Path) -> Result<Vec<Listed>, BundleError> {
    let manifest = |path: &Path| -> Result<Manifest, String> {
        let text = std::fs::read_to_string(path.join(MANIFEST)).map_err(|e| e.to_string())?;
        serde_json::from_str(&text).map_err(|e| e.to_string())
    };
    if is_bundle(dir) {
        let manifest = manifest(dir);
        return Ok(vec![Listed {
            id: manifest
                .as_ref()
                .map_or_else(|_| String::new(), |m| m.id.clone()),
            manifest,
            current: true,
        }]);
    }
    let models = ModelsDir::new(dir);
    let current = models.current()?;
    let mut listed: Vec<Listed> = models
        .list()?
        .into_iter()
        .map(|id| Listed {
            manifest: manifest(&dir.join(&id)),
            current: current.as_deref() == Some(id.as_str()),
            id,
        })
        .collect();
    let created = |l: &Listed| {
        l.manifest
            .as_ref()
            .map_or(String::new(), |m| m.created.clone())
    };
    listed.sort_by(|a, b| created(b).cmp(&created(a)).then_with(|| b.id.cmp(&a.id)));
    Ok(listed)
}
