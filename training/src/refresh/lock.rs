//! One refresh at a time, and nothing half-written left behind.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use serendib_engine::bundle::ModelsDir;
use serendib_shop::publish;

const LOCK: &str = ".refresh.lock";

/// The right to refresh a models directory; the system gives it back when the process ends, however it ends.
#[derive(Debug)]
pub struct RefreshLock(#[allow(dead_code)] File);

/// Creates `models` if it is missing, makes sure that it can be written, takes the right to refresh it, and removes what
/// writers that died have left there.
///
/// # Errors
/// No permission, no space, or another refresh that is running.
pub fn take(models: &Path) -> anyhow::Result<RefreshLock> {
    fs::create_dir_all(models)
        .with_context(|| format!("cannot create models directory {}", models.display()))?;
    let path = models.join(LOCK);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .with_context(|| format!("cannot write to models directory {}", models.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => anyhow::bail!(
            "another fit or refresh is working on {}: wait for it to end",
            models.display()
        ),
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
    publish::sweep(models);
    Ok(RefreshLock(file))
}

/// Held while a report and `current` are written: an interrupt waits for both, so that neither is there without the other.
static PUBLISHING: Mutex<()> = Mutex::new(());

/// Keeps an interrupt waiting until what this returns is dropped.
pub fn publishing() -> MutexGuard<'static, ()> {
    PUBLISHING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on an interrupt (Ctrl-C) or a request to end removes what this process has begun in `models` and ends it with
/// status 130, saying what is current. Finished stages stay for `--resume`.
///
/// # Errors
/// The system does not let signals be waited for.
pub fn end_cleanly(models: &Path) -> anyhow::Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])
        .context("cannot wait for signals")?;
    let models = models.to_path_buf();
    let before = ModelsDir::new(&models).current().ok().flatten();
    std::thread::spawn(move || {
        if signals.forever().next().is_some() {
            let _held = publishing();
            publish::abandon(&models);
            let now = ModelsDir::new(&models).current().ok().flatten();
            eprintln!(
                "\ninterrupted: {}",
                interruption(before.as_deref(), now.as_deref())
            );
            std::process::exit(130);
        }
    });
    Ok(())
}

/// What an interrupted run has to say where `before` was current when it started and `now` is.
fn interruption(before: Option<&str>, now: Option<&str>) -> String {
    match now {
        Some(now) if before != Some(now) => format!("model {now} is already published"),
        _ => "nothing was published; --resume goes on from the last finished stage".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupt_after_the_swap_says_that_the_model_is_current() {
        assert!(interruption(Some("a"), Some("b")).contains("b is already published"));
        assert!(interruption(None, Some("b")).contains("b is already published"));
        for same in [None, Some("a")] {
            assert!(interruption(same, same).contains("nothing was published"));
        }
    }
}
