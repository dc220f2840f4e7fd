//! A bounded pool for computing, off the async threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use tokio::sync::{oneshot, OwnedSemaphorePermit, Semaphore};

use crate::workers::deadline::Deadline;

/// Why a job was not computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// As many jobs as may wait are waiting.
    #[error("the server is busy: {limit} requests are waiting; retry later")]
    Busy {
        /// How many may wait.
        limit: usize,
    },
    /// The deadline passed while the job was waiting.
    #[error("the deadline passed before the request was computed")]
    TooLate,
    /// The job ended without an answer, by a panic.
    #[error("the computation failed")]
    Failed,
}

/// Threads and a bounded queue before them.
///
/// A job whose caller has gone or whose deadline has passed is not computed.
#[derive(Debug, Clone)]
pub struct Pool {
    threads: Arc<rayon::ThreadPool>,
    waiting: Arc<Semaphore>,
    limit: usize,
    running: Arc<AtomicUsize>,
}

impl Pool {
    /// A pool of `threads` before which `queue` jobs may wait.
    ///
    /// # Errors
    /// The system gives no threads.
    pub fn new(threads: usize, queue: usize) -> Result<Pool, rayon::ThreadPoolBuildError> {
        let limit = threads + queue;
        Ok(Pool {
            threads: Arc::new(
                rayon::ThreadPoolBuilder::new()
                    .num_threads(threads)
                    .thread_name(|ix| format!("compute-{ix}"))
                    .build()?,
            ),
            waiting: Arc::new(Semaphore::new(limit)),
            limit,
            running: Arc::default(),
        })
    }

    /// Computes `job` on the pool.
    ///
    /// `job` is given a function that says when to stop: the deadline has passed or the caller has gone.
    ///
    /// # Errors
    /// See [`PoolError`].
    pub async fn run<T, F>(&self, deadline: Deadline, job: F) -> Result<T, PoolError>
    where
        T: Send + 'static,
        F: FnOnce(&(dyn Fn() -> bool + Sync)) -> T + Send + 'static,
    {
        let permit = self.permit()?;
        let (sender, receiver) = oneshot::channel();
        let running = self.running.clone();
        self.threads.spawn_fifo(move || {
            let _permit = permit;
            if sender.is_closed() {
                return;
            }
            if deadline.passed() {
                let _ = sender.send(Err(PoolError::TooLate));
                return;
            }
            running.fetch_add(1, Ordering::Relaxed);
            let stop = || deadline.passed() || sender.is_closed();
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job(&stop)));
            running.fetch_sub(1, Ordering::Relaxed);
            let _ = sender.send(result.map_err(|_| PoolError::Failed));
        });
        receiver.await.unwrap_or(Err(PoolError::Failed))
    }

    fn permit(&self) -> Result<OwnedSemaphorePermit, PoolError> {
        self.waiting
            .clone()
            .try_acquire_owned()
            .map_err(|_| PoolError::Busy { limit: self.limit })
    }

    /// Jobs waiting or running.
    pub fn pending(&self) -> usize {
        self.limit - self.waiting.available_permits()
    }

    pub fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;
    use std::time::Duration;

    fn deadline(ms: u64) -> Deadline {
        Deadline::of(Duration::from_millis(ms))
    }

    #[tokio::test]
    async fn a_dropped_or_late_job_is_not_computed_and_too_many_are_refused() {
        let pool = Pool::new(1, 1).unwrap();
        let (release, gate) = std::sync::mpsc::channel::<()>();
        let first = tokio::spawn({
            let pool = pool.clone();
            async move {
                pool.run(deadline(60_000), move |_| gate.recv().is_ok())
                    .await
            }
        });
        while pool.running() == 0 {
            tokio::task::yield_now().await;
        }
        let computed = Arc::new(AtomicBool::new(false));
        let second = tokio::spawn({
            let (pool, computed) = (pool.clone(), computed.clone());
            async move {
                pool.run(deadline(60_000), move |_| {
                    computed.store(true, Ordering::Relaxed)
                })
                .await
            }
        });
        while pool.pending() < 2 {
            tokio::task::yield_now().await;
        }
        let refused = pool.run(deadline(60_000), |_| ()).await;
        assert_eq!(refused, Err(PoolError::Busy { limit: 2 }));
        second.abort();
        assert!(second.await.unwrap_err().is_cancelled());
        release.send(()).unwrap();
        assert_eq!(first.await.unwrap(), Ok(true));
        while pool.pending() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(!computed.load(Ordering::Relaxed));
        assert_eq!(pool.run(deadline(0), |_| ()).await, Err(PoolError::TooLate));
    }

    #[tokio::test]
    async fn a_panic_is_an_error_and_the_pool_goes_on() {
        let pool = Pool::new(1, 4).unwrap();
        let failed: Result<(), _> = pool.run(deadline(60_000), |_| panic!("planted")).await;
        assert_eq!(failed, Err(PoolError::Failed));
        assert_eq!(pool.run(deadline(60_000), |stop| stop()).await, Ok(false));
    }
}
