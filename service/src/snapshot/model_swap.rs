//! The models directory and which of its models answers.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use serendib_engine::bundle::{BundleError, Manifest, ModelsDir, MANIFEST};

use crate::clock::now_ms;
use crate::config;
use crate::snapshot::generation::Generation;
use crate::snapshot::views::Views;
use crate::store::StoreError;
use crate::workers::idle::Quiet;

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
        found: String,
    },
    /// There is nothing to go back to.
    #[error("there is no earlier model to go back to")]
    NoEarlier,
    /// The server has no models directory, or it is one bundle.
    #[error("this server has no models directory")]
    NoDirectory,
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
    refused: Option<Refused>,
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

/// How long the watch leaves a refused model alone at first, and at most: what failed may have been the machine.
const PAUSES: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(3_600));

/// A model that was refused.
#[derive(Debug)]
struct Refused {
    id: String,
    why: String,
    /// The files of its bundle when it was tried.
    files: Vec<FileState>,
    pause: Duration,
    again: tokio::time::Instant,
}

/// Name, length and time of the last change of a file.
type FileState = (std::ffi::OsString, u64, Option<SystemTime>);

/// The files at `bundle`, so that one that was put in order is noticed.
fn files_of(bundle: &Path) -> Vec<FileState> {
    let entries = std::fs::read_dir(bundle).into_iter().flatten().flatten();
    let mut files: Vec<FileState> = entries
        .filter_map(|entry| {
            let meta = entry.metadata().ok()?;
            Some((entry.file_name(), meta.len(), meta.modified().ok()))
        })
        .collect();
    files.sort();
    files
}

impl Refused {
    /// `id` with `files` was refused; each time that the same files are refused again, the pause doubles.
    fn new(id: String, why: String, files: Vec<FileState>, last: Option<Refused>) -> Refused {
        let same = last.filter(|last| last.id == id && last.files == files);
        let pause = same.map_or(PAUSES.0, |last| (2 * last.pause).min(PAUSES.1));
        Refused {
            id,
            why,
            files,
            pause,
            again: tokio::time::Instant::now() + pause,
        }
    }

    /// Whether there is no reason yet to try `id` with `files` again.
    fn stands(&self, id: &str, files: &[FileState]) -> bool {
        self.id == id && self.files == files && tokio::time::Instant::now() < self.again
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

    /// Loads the model to start with: none where there is no directory, or nothing in it yet. Where the current one is
    /// refused, the last one that was current before and loads: a restart must not end what a running server would go on
    /// with.
    ///
    /// # Errors
    /// The current bundle is damaged or does not parse, and no earlier one loads.
    pub async fn first(&self) -> Result<Generation, ModelsError> {
        let Some(dir) = self.dir.clone() else {
            return Ok(Generation::none());
        };
        if is_bundle(&dir) {
            return self.load(move || Generation::load(&dir)).await;
        }
        let models = ModelsDir::new(&dir);
        let Some(current) = models.current()? else {
            if dir.is_dir() {
                tracing::warn!(dir = %dir.display(), "no model is published here yet");
            }
            return Ok(Generation::none());
        };
        let files = files_of(&dir.join(&current));
        let refused = match self.load_from(&dir, &current).await {
            Ok(generation) => return Ok(generation),
            Err(error) => error,
        };
        for id in models.earlier(&current)? {
            match self.load_from(&dir, &id).await {
                Ok(generation) => {
                    tracing::error!(
                        %refused, current, model = id,
                        "the current model is refused, the one before answers"
                    );
                    let mut history = self.swapping.lock().await;
                    history.refused = Some(Refused::new(current, refused.to_string(), files, None));
                    return Ok(generation);
                }
                Err(error) => tracing::warn!(%error, model = id, "an earlier model is refused"),
            }
        }
        Err(refused)
    }

    async fn load(
        &self,
        read: impl FnOnce() -> Result<Generation, BundleError> + Send + 'static,
    ) -> Result<Generation, ModelsError> {
        let loaded = self.loader.run(read).await;
        Ok(loaded.map_err(|why| ModelsError::Load(why.to_string()))??)
    }

    async fn load_from(&self, dir: &Path, id: &str) -> Result<Generation, ModelsError> {
        let (models, id) = (ModelsDir::new(dir), id.to_owned());
        self.load(move || Generation::load_from(&models, &id)).await
    }

    /// Looks at the directory, and lets its current model answer if that is another one now.
    ///
    /// Returns whether a swap took place. A model that was refused is tried again when its files have changed, and else
    /// after ever longer pauses.
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
        if current == views.get().generation.id() {
            return Ok(false);
        }
        let files = files_of(&dir.join(&current));
        let refused = history.refused.as_ref();
        if refused.is_some_and(|refused| refused.stands(&current, &files)) {
            return Ok(false);
        }
        match self.generation(&mut history, &dir, &current).await {
            Ok(generation) => {
                self.swap_in(&mut history, generation, views).await?;
                history.refused = None;
                Ok(true)
            }
            Err(error) => {
                let last = history.refused.take();
                history.refused = Some(Refused::new(current, error.to_string(), files, last));
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
        let generation = self.generation(history, dir, id).await?;
        models.swap(Some(&found), id)?;
        history.refused = None;
        if views.get().generation.id() == id {
            return Ok(());
        }
        self.swap_in(history, generation, views).await
    }

    /// The generation of `id`: one that is still loaded, or read from `dir`.
    async fn generation(
        &self,
        history: &mut History,
        dir: &Path,
        id: &str,
    ) -> Result<Arc<Generation>, ModelsError> {
        match history.before.iter().find(|g| g.id() == id) {
            Some(loaded) => Ok(loaded.clone()),
            None => {
                history.freed().await;
                Ok(Arc::new(self.load_from(dir, id).await?))
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
        let history = self.swapping.lock().await;
        let refused = history.refused.as_ref();
        let refused = refused.map(|refused| (refused.id.clone(), refused.why.clone()));
        drop(history);
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
        let text = std::fs::read(path.join(MANIFEST)).map_err(|e| e.to_string())?;
        Manifest::parse(&text, path).map_err(|e| e.to_string())
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
