//! A thread for long computing beside the answers, of lower priority than they have.

use std::sync::mpsc::{channel, Sender};

type Job = Box<dyn FnOnce() + Send>;

/// How much lower: the system's nice value, of 19 at most.
#[cfg(target_os = "linux")]
const NICE: i32 = 19;

/// The thread was lost, or the job panicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QuietError {
    /// No thread takes jobs.
    #[error("its thread is gone")]
    Gone,
    /// The job ended without a result.
    #[error("it panicked")]
    Panicked,
}

/// One thread that takes jobs in turn.
///
/// Always the same thread: an allocator keeps some of what a thread has freed for that thread, and whatever is loaded by
/// whichever thread is idle is kept many times.
#[derive(Debug)]
pub struct Quiet(Sender<Job>);

impl Quiet {
    /// Starts the thread.
    pub fn start(name: &str) -> Quiet {
        let (jobs, waiting) = channel::<Job>();
        let thread = std::thread::Builder::new().name(name.into());
        let started = thread.spawn(move || {
            lower_priority();
            waiting.into_iter().for_each(|job| job());
        });
        if let Err(error) = started {
            tracing::error!(%error, name, "a thread did not start");
        }
        Quiet(jobs)
    }

    /// Runs `job` after those before it.
    ///
    /// # Errors
    /// See [`QuietError`].
    pub async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, QuietError> {
        let (done, result) = tokio::sync::oneshot::channel();
        let job: Job = Box::new(move || {
            let _ = done.send(std::panic::catch_unwind(std::panic::AssertUnwindSafe(job)));
        });
        self.0.send(job).map_err(|_| QuietError::Gone)?;
        let result = result.await.map_err(|_| QuietError::Gone)?;
        result.map_err(|_| QuietError::Panicked)
    }
}

/// Lowers the priority of this thread; on Linux it is a thread's own, elsewhere it would be the whole process's: there it
/// stays.
pub fn lower_priority() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "a thread keeps its priority");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn jobs_run_in_turn_and_one_that_panics_does_not_end_the_thread() {
        let quiet = Quiet::start("test");
        assert_eq!(quiet.run(|| 1 + 1).await, Ok(2));
        let panicked: Result<(), _> = quiet.run(|| panic!("planted")).await;
        assert_eq!(panicked, Err(QuietError::Panicked));
        assert_eq!(quiet.run(|| "on").await, Ok("on"));
    }
}
