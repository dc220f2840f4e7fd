//! Work that would hold up the async threads.

/// Work that ended without a result, by a panic.
#[derive(Debug, thiserror::Error)]
#[error("{attempt} failed: {detail}")]
pub struct Broken {
    /// What was attempted.
    pub attempt: &'static str,
    pub detail: String,
}

/// Runs `work` off the async threads.
///
/// # Errors
/// It panicked, or the server ends.
pub async fn blocking<T: Send + 'static>(
    attempt: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Broken> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Broken {
        attempt,
        detail: error.to_string(),
    })
}
