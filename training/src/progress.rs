//! Progress of long work: a bar with rate and remaining time on a terminal, plain lines elsewhere.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// One stage of work.
pub struct Progress {
    bar: ProgressBar,
    name: String,
    started: Instant,
}

impl Progress {
    /// Starts a stage of `total` steps (0 = unknown).
    pub fn start(name: &str, total: u64) -> Progress {
        let bar = if total == 0 {
            ProgressBar::new_spinner()
        } else {
            ProgressBar::new(total)
        };
        let template = if total == 0 {
            "{msg} {spinner} {elapsed}"
        } else {
            "{msg} {wide_bar} {human_pos}/{human_len} {per_sec} {eta}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(name.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        Progress {
            bar,
            name: name.to_owned(),
            started: Instant::now(),
        }
    }

    /// `steps` more are done.
    pub fn advance(&self, steps: u64) {
        self.bar.inc(steps);
    }

    /// The stage is done; where there is no terminal and it took over a second, one line says how long.
    pub fn finish(self) {
        self.bar.finish_and_clear();
        let took = self.started.elapsed();
        if self.bar.is_hidden() && took > Duration::from_secs(1) {
            eprintln!("{}: {:.1} s", self.name, took.as_secs_f64());
        }
    }
}

/// Work in stages that are told by name: a spinner with the current stage on a terminal, one line per stage elsewhere.
pub struct Stages {
    bar: ProgressBar,
    started: Instant,
    tell: bool,
}

impl Stages {
    /// Starts the clock; `tell` = print lines where there is no terminal.
    pub fn start(tell: bool) -> Stages {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Stages {
            bar,
            started: Instant::now(),
            tell,
        }
    }

    /// The stage that begins now.
    pub fn say(&self, what: &str) {
        self.bar.set_message(what.to_owned());
        if self.tell && self.bar.is_hidden() {
            eprintln!("{:7.1} s  {what}", self.started.elapsed().as_secs_f64());
        }
    }

    /// Everything is done; seconds since the start.
    pub fn finish(&self) -> f64 {
        self.bar.finish_and_clear();
        self.started.elapsed().as_secs_f64()
    }
}
