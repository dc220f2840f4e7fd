//! A line on the terminal that shows that something is going on; nothing where there is no terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A counting line.
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// Starts a line about `what`, in words.
    pub(super) fn new(what: &str) -> Progress {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) =
            ProgressStyle::with_template("{spinner} {msg} {human_pos} ({per_sec}, {elapsed})")
        {
            bar.set_style(style);
        }
        bar.set_message(what.to_string());
        bar.enable_steady_tick(Duration::from_millis(120));
        Progress(bar)
    }

    /// `more` are done.
    #[cfg(feature = "shop-data")]
    pub(super) fn add(&self, more: u64) {
        self.0.inc(more);
    }

    /// So many are done in all.
    pub(super) fn at(&self, done: u64) {
        self.0.set_position(done);
    }

    /// Takes the line away.
    pub(super) fn done(self) {
        self.0.finish_and_clear();
    }
}
