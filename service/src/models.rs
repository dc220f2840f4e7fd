//! The models directory and which of its models answers.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use serendib_engine::bundle::{BundleError, Manifest, ModelsDir, MANIFEST};

use crate::clock::now_ms;
use crate::config;
use crate::generation::Generation;
use crate::quiet::Quiet;
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
    /// Another model is current than the caller thinks.
    #[error("the current model is {found:?}, expected {expected:?}")]
    Expected {
        /// What the caller thinks.
        expected: String,
        /// What is.
        found: String,
    },
    /// There is nothing to go back to.
    #[error("there is no earlier model to go back to")]
    NoEarlier,
    /// The server has no models directory, or it is one bundle.
    #[error("this server has no models directory")]
    NoDirectory,
    /// Loading panicked.
    #[error("loading the model failed: {0}")]
    Load(String),
}

/// The models directory.
#[derive(Debug)]
pub struct Models {
    dir: Option<PathBuf>,
    keep_loaded: usize,
    swapping: tokio::sync::Mutex<History>,
    loader: Quiet,
}

/// Longest wait until models that answer no more are freed, before another is loaded.
const FREED_WITHIN: Duration = Duration::from_secs(5);

/// What was before.
#[derive(Debug, Default)]
struct History {
    /// The last model that was refused, so that the watch doesn't try it again and again.
    refused: Option<(String, String)>,
    /// Generations that answered before, the latest last; still loaded.
    before: Vec<Arc<Generation>>,
    /// Generations that are kept no more, until the last request that saw them is answered.
    leaving: Vec<Weak<Generation>>,
}

impl History {
    /// Waits until what left is freed, so that swaps that follow fast on one another do not pile models up.
    async fn freed(&mut self) {
        let until = tokio::time::Instant::now() + FREED_WITHIN;
        loop {
            self.leaving.retain(|gone| gone.strong_count() > 0);
            if self.leaving.is_empty() || tokio::time::Instant::now() >= until {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
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
            keep_loaded: config.keep_loaded,
            swapping: tokio::sync::Mutex::default(),
            loader: Quiet::start("models"),
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
            if dir.is_dir() {
                tracing::warn!(dir = %dir.display(), "no model is published here yet");
            }
            return Ok(Generation::none());
        }
        self.load(dir).await
    }

    async fn load(&self, path: PathBuf) -> Result<Generation, ModelsError> {
        let loaded = self.loader.run(move || Generation::load(&path)).await;
        Ok(loaded.map_err(|why| ModelsError::Load(why.to_string()))??)
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
        let mut history = self.swapping.lock().await;
        let Some(current) = ModelsDir::new(&dir).current()? else {
            return Ok(false);
        };
        let refused = history
            .refused
            .as_ref()
            .is_some_and(|(id, _)| *id == current);
        if current == views.get().generation.id() || refused {
            return Ok(false);
        }
        match self
            .generation(&mut history, &dir.join(&current), &current)
            .await
        {
            Ok(generation) => {
                self.swap_in(&mut history, generation, views).await?;
                history.refused = None;
                Ok(true)
            }
            Err(error) => {
                history.refused = Some((current, error.to_string()));
                Err(error)
            }
        }
    }

    /// Makes `id` current and lets it answer, if the current one is `expected` (`Some("")` = none; `None` = whatever it
    /// is). Its bundle is verified and loaded first.
    ///
    /// # Errors
    /// Why it is refused; then nothing has changed.
    pub async fn activate(
        &self,
        expected: Option<&str>,
        id: &str,
        views: &Views,
    ) -> Result<(), ModelsError> {
        let dir = self.directory()?;
        let mut history = self.swapping.lock().await;
        self.activate_locked(&mut history, &dir, expected, id, views)
            .await
    }

    /// Goes back to the model that answered before; after a restart, to the one that was current before, or where that is
    /// not known, to the newest that is older than the current one.
    /// Returns its id.
    ///
    /// # Errors
    /// As [`Models::activate`], and [`ModelsError::NoEarlier`].
    pub async fn rollback(
        &self,
        expected: Option<&str>,
        views: &Views,
    ) -> Result<String, ModelsError> {
        let dir = self.directory()?;
        let mut history = self.swapping.lock().await;
        let active = views.get().generation.id().to_owned();
        let loaded = history.before.last().map(|g| g.id().to_owned());
        let earlier = match loaded {
            Some(id) => id,
            None => match ModelsDir::new(&dir).before(&active)? {
                Some(id) => id,
                None => list(&dir)?
                    .into_iter()
                    .skip_while(|listed| listed.id != active)
                    .skip(1)
                    .map(|listed| listed.id)
                    .next()
                    .ok_or(ModelsError::NoEarlier)?,
            },
        };
        self.activate_locked(&mut history, &dir, expected, &earlier, views)
            .await?;
        // The one that was rolled back is not the one to go back to next.
        history
            .before
            .retain(|g| g.id() != active && g.id() != earlier);
        Ok(earlier)
    }

    async fn activate_locked(
        &self,
        history: &mut History,
        dir: &Path,
        expected: Option<&str>,
        id: &str,
        views: &Views,
    ) -> Result<(), ModelsError> {
        let models = ModelsDir::new(dir);
        let found = models.current()?.unwrap_or_default();
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            return Err(ModelsError::Expected {
                expected: expected.to_owned(),
                found,
            });
        }
        if !models.list()?.iter().any(|there| there == id) {
            return Err(BundleError::NoModel {
                what: format!("{id:?} in the models directory"),
            }
            .into());
        }
        let generation = self.generation(history, &dir.join(id), id).await?;
        models.swap(Some(&found), id)?;
        history.refused = None;
        if views.get().generation.id() == id {
            return Ok(());
        }
        self.swap_in(history, generation, views).await
    }

    /// The generation of `id`: one that is still loaded, or read from `path`.
    async fn generation(
        &self,
        history: &mut History,
        path: &Path,
        id: &str,
    ) -> Result<Arc<Generation>, ModelsError> {
        match history.before.iter().find(|g| g.id() == id) {
            Some(loaded) => Ok(loaded.clone()),
            None => {
                history.freed().await;
                Ok(Arc::new(self.load(path.to_path_buf()).await?))
            }
        }
    }

    async fn swap_in(
        &self,
        history: &mut History,
        generation: Arc<Generation>,
        views: &Views,
    ) -> Result<(), ModelsError> {
        let before = views.get().generation.clone();
        let id = generation.id().to_owned();
        views.activate(generation, now_ms()).await?;
        history.before.retain(|g| g.id() != id);
        if before.is_some() {
            history.before.push(before);
        }
        let excess = history.before.len().saturating_sub(self.keep_loaded);
        let gone: Vec<Arc<Generation>> = history.before.drain(..excess).collect();
        history.leaving.extend(gone.iter().map(Arc::downgrade));
        // Freeing a model takes a while: not on a thread that answers.
        tokio::task::spawn_blocking(move || drop(gone));
        Ok(())
    }

    /// The evaluation report of `id`: `MODELS_DIR/reports/<id>.html`; empty when there is none.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn report(&self, id: &str) -> Result<String, ModelsError> {
        let Some(dir) = self.dir.as_ref().filter(|dir| !is_bundle(dir)) else {
            return Ok(String::new());
        };
        let path = dir.join("reports").join(format!("{id}.html"));
        match tokio::fs::read_to_string(&path).await {
            Ok(html) => Ok(html),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
            Err(source) => Err(BundleError::Io {
                action: "read",
                path,
                source,
            }
            .into()),
        }
    }

    fn directory(&self) -> Result<PathBuf, ModelsError> {
        self.dir
            .clone()
            .filter(|dir| !is_bundle(dir))
            .ok_or(ModelsError::NoDirectory)
    }

    /// The bundles there are, newest first, and what is known against the one refused last.
    ///
    /// # Errors
    /// The directory cannot be listed.
    pub async fn list(&self) -> Result<(Vec<Listed>, Option<(String, String)>), ModelsError> {
        let refused = self.swapping.lock().await.refused.clone();
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
