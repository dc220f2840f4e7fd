//! Progress for people who wait: a counter on the terminal, nothing anywhere else.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const PATIENCE: Duration = Duration::from_millis(800);
const EVERY_ROWS: u64 = 4096;

/// Counts rows on standard error once the work takes longer than a moment, if standard error is a terminal.
pub struct Progress {
    bar: ProgressBar,
    start: Instant,
    shown: bool,
    rows: u64,
}

impl Progress {
    /// A counter that shows nothing, for libraries and tests.
    pub fn hidden() -> Progress {
        Progress {
            bar: ProgressBar::hidden(),
            start: Instant::now(),
            shown: true,
            rows: 0,
        }
    }

    /// A counter on standard error.
    pub fn stderr() -> Progress {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if let Ok(style) =
            ProgressStyle::with_template("{spinner} {msg}: {human_pos} rows {elapsed}")
        {
            bar.set_style(style);
        }
        Progress {
            bar,
            start: Instant::now(),
            shown: false,
            rows: 0,
        }
    }

    /// Names what is being done from now on.
    pub fn stage(&mut self, name: impl Into<String>) {
        self.bar.set_message(name.into());
        self.rows = 0;
        self.bar.set_position(0);
    }

    /// Counts one row.
    pub fn row(&mut self) {
        self.rows += 1;
        if !self.rows.is_multiple_of(EVERY_ROWS) {
            return;
        }
        if !self.shown && self.start.elapsed() > PATIENCE {
            self.shown = true;
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.set_position(self.rows);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
