//! Long work in stages, with the time that each took and the memory that it held.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};

use super::styled;
use crate::print::{fixed, Column, Grid};

/// What one stage took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageTime {
    /// What was done.
    pub name: String,
    /// Seconds on the clock.
    pub seconds: f64,
    /// Most memory that the process held during the stage, 10⁶ bytes; absent where the system does not say.
    pub peak_mb: Option<f64>,
}

/// Work in stages that are told by name: on a terminal a bar with the current stage and, where an earlier run is known,
/// the time that is left; one line per stage elsewhere. Time and memory are kept by stage.
pub struct Stages {
    bar: ProgressBar,
    tell: bool,
    started: Instant,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    current: Option<(String, Instant)>,
    done: Vec<StageTime>,
    /// Seconds that each stage is expected to take.
    expected: Vec<(String, f64)>,
    over: bool,
}

impl State {
    /// Expected seconds of `name`.
    fn expected(&self, name: &str) -> f64 {
        let found = self.expected.iter().find(|(known, _)| known == name);
        found.map_or(0.0, |(_, seconds)| *seconds)
    }

    /// Seconds of the expected work that are behind us.
    fn behind(&self) -> f64 {
        let done: f64 = self.done.iter().map(|s| self.expected(&s.name)).sum();
        let now = self.current.as_ref().map_or(0.0, |(name, since)| {
            since.elapsed().as_secs_f64().min(self.expected(name))
        });
        done + now
    }
}

impl Stages {
    /// Starts the clock; `tell` = print lines where there is no terminal.
    pub fn start(tell: bool) -> Stages {
        Stages {
            bar: styled(ProgressBar::new_spinner(), "{spinner} {elapsed} {msg}"),
            started: Instant::now(),
            tell,
            state: Arc::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Expects the stages of an earlier run, each `factor` times as long, so that the time that is left can be told.
    pub fn expect(&self, earlier: &[StageTime], factor: f64) {
        let mut state = self.state();
        state.expected = earlier
            .iter()
            .map(|stage| (stage.name.clone(), stage.seconds * factor))
            .collect();
        let total: f64 = state.expected.iter().map(|(_, seconds)| seconds).sum();
        if total < 1.0 || self.bar.is_hidden() {
            return;
        }
        drop(state);
        let style = ProgressStyle::with_template("{elapsed} {bar:30} {percent} % {prefix} {msg}");
        if let Ok(style) = style {
            self.bar.set_style(style);
        }
        self.bar.set_length(total as u64);
        let (bar, shared) = (self.bar.clone(), self.state.clone());
        std::thread::spawn(move || loop {
            std::thread::sleep(Duration::from_millis(500));
            let (over, behind) = {
                let state = shared.lock().unwrap_or_else(PoisonError::into_inner);
                (state.over, state.behind())
            };
            if over {
                break;
            }
            bar.set_position(behind as u64);
            bar.set_prefix(format!("about {} left ·", clock(total - behind)));
        });
    }

    /// The stage that begins now.
    pub fn say(&self, what: &str) {
        self.close();
        reset_peak();
        self.state().current = Some((what.to_owned(), Instant::now()));
        self.bar.set_message(what.to_owned());
        if self.tell && self.bar.is_hidden() {
            eprintln!("{:7.1} s  {what}", self.started.elapsed().as_secs_f64());
        }
    }

    /// So many steps of the current stage are done.
    pub fn steps(&self, done: u64) {
        let state = self.state();
        let Some((name, since)) = &state.current else {
            return;
        };
        let rate = done as f64 / since.elapsed().as_secs_f64().max(1e-3);
        self.bar
            .set_message(format!("{name}: {done} ({rate:.0}/s)"));
    }

    fn close(&self) {
        let mut state = self.state();
        if let Some((name, since)) = state.current.take() {
            let seconds = since.elapsed().as_secs_f64();
            let peak_mb = peak_mb();
            match state.done.iter_mut().find(|stage| stage.name == name) {
                Some(stage) => {
                    stage.seconds += seconds;
                    stage.peak_mb = match (stage.peak_mb, peak_mb) {
                        (Some(a), Some(b)) => Some(a.max(b)),
                        (one, other) => one.or(other),
                    };
                }
                None => state.done.push(StageTime {
                    name,
                    seconds,
                    peak_mb,
                }),
            }
        }
    }

    /// What the stages took so far; the current one counts as ended.
    pub fn times(&self) -> Vec<StageTime> {
        self.close();
        self.state().done.clone()
    }

    /// Everything is done; seconds since the start.
    pub fn finish(&self) -> f64 {
        self.close();
        self.state().over = true;
        self.bar.finish_and_clear();
        self.started.elapsed().as_secs_f64()
    }
}

impl Drop for Stages {
    fn drop(&mut self) {
        self.state().over = true;
    }
}

/// Seconds as minutes and seconds.
fn clock(seconds: f64) -> String {
    let seconds = seconds.max(0.0).round() as u64;
    if seconds >= 60 {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    } else {
        format!("{seconds} s")
    }
}

/// A table of stages for a terminal.
pub fn table(stages: &[StageTime]) -> String {
    let mut grid = Grid::new([
        Column::name("stage", 52),
        Column::figure("seconds", 9),
        Column::figure("peak MB", 9),
    ]);
    for stage in stages {
        let peak = stage.peak_mb.map_or("-".into(), |mb| fixed(mb, 0));
        grid.row([stage.name.clone(), fixed(stage.seconds, 1), peak]);
    }
    let total: f64 = stages.iter().map(|s| s.seconds).sum();
    let peak = stages.iter().filter_map(|s| s.peak_mb).fold(0.0, f64::max);
    grid.row(["together".to_owned(), fixed(total, 1), fixed(peak, 0)]);
    grid.to_string()
}

/// Lets the system's record of the most memory held begin anew (Linux; elsewhere nothing happens).
fn reset_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// Most memory held since [`reset_peak`], 10⁶ bytes.
fn peak_mb() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024.0 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_timed_and_a_stage_that_comes_back_is_one_row() {
        let stages = Stages::start(false);
        for name in ["a", "b", "a"] {
            stages.say(name);
        }
        let times = stages.times();
        let names: Vec<_> = times.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert!(times.iter().all(|s| s.seconds >= 0.0));
        assert!(table(&times).contains("together"));
    }

    #[test]
    fn what_is_left_follows_an_earlier_run() {
        let stages = Stages::start(false);
        let earlier = |name: &str, seconds| StageTime {
            name: name.into(),
            seconds,
            peak_mb: None,
        };
        stages.expect(&[earlier("a", 10.0), earlier("b", 30.0)], 2.0);
        stages.say("a");
        stages.say("b");
        let behind = stages.state().behind();
        assert!((20.0..21.0).contains(&behind), "{behind}");
    }
}
