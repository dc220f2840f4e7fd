//! Progress for people who wait: counters, bars and stages on a terminal; nothing, or plain lines, anywhere else.

mod stages;

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

pub use stages::{table, StageTime, Stages};

/// Time between two looks of a line on the terminal at its clock.
const TICK: Duration = Duration::from_millis(200);
/// Work of which no end is known.
const COUNTER: &str = "{spinner} {msg} {human_pos} ({per_sec}, {elapsed})";
const BAR: &str = "{msg} {wide_bar} {human_pos}/{human_len} ({per_sec}, {eta} left)";

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(TICK);
    bar
}

/// A line on standard error, if that is a terminal, that counts what is done; dropped, it is gone.
pub struct Progress {
    bar: ProgressBar,
    started: Instant,
}

impl Progress {
    fn new(bar: ProgressBar, what: impl Into<String>) -> Progress {
        bar.set_message(what.into());
        Progress {
            bar,
            started: Instant::now(),
        }
    }

    /// A counter that shows nothing, for libraries and tests.
    pub fn hidden() -> Progress {
        Progress::new(ProgressBar::hidden(), "")
    }

    /// A counter of `what`, of which nobody knows how many there are.
    pub fn counter(what: impl Into<String>) -> Progress {
        Progress::new(styled(ProgressBar::new_spinner(), COUNTER), what)
    }

    /// A bar of `total` steps.
    pub fn bar(what: impl Into<String>, total: u64) -> Progress {
        Progress::new(styled(ProgressBar::new(total), BAR), what)
    }

    /// Names what is being done from now on, and counts it from 0.
    pub fn stage(&self, what: impl Into<String>) {
        self.bar.set_position(0);
        self.name(what);
    }

    /// Names what is being done; the count goes on.
    pub fn name(&self, what: impl Into<String>) {
        self.bar.set_message(what.into());
    }

    /// Counts one row.
    pub fn row(&self) {
        self.advance(1);
    }

    /// Counts `more` steps done.
    pub fn advance(&self, more: u64) {
        self.bar.inc(more);
    }

    /// So many are done in all.
    pub fn at(&self, done: u64) {
        self.bar.set_position(done);
    }

    /// Says in a line how long it took, where there is no terminal and it took over a second.
    pub fn finish(self) {
        let took = self.started.elapsed();
        if self.bar.is_hidden() && took > Duration::from_secs(1) {
            eprintln!("{}: {:.1} s", self.bar.message(), took.as_secs_f64());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
