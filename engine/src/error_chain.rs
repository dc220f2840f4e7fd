//! Errors as people read them.

/// An error with its causes in one line, each cause once: many errors name theirs themselves.
///
/// ```
/// # use serendib_engine::error_chain;
/// #[derive(Debug, thiserror::Error)]
/// #[error("cannot read models/current: {source}")]
/// struct Outer { source: std::io::Error }
/// let error = Outer { source: std::io::Error::other("disk on fire") };
/// assert_eq!(error_chain(&error), "cannot read models/current: disk on fire");
/// ```
pub fn error_chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.ends_with(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = error.source();
    }
    text
}
