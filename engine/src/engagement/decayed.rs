//! One customer's contact, decayed, kept up to date touch by touch.
//!
//! Touches are added up by day (UTC), kind, channel and product line. A day counts at most a cap per kind and in all;
//! when the next day begins it is folded into sums that halve every half-life. So a touch costs the number of distinct
//! (kind, channel, line) the customer uses, whatever the length of the history, and the result is that of adding up the
//! whole history.

use serendib_shop::{Kind, Touch, DAY_MS};

use super::index::{IndexModel, Role};

/// Days over which the trend is taken.
pub const TREND_DAYS: i64 = 28;

/// What contributions are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Source {
    /// Kind of touch.
    pub kind: Kind,
    /// Channel number; 0 = none.
    pub channel: u16,
    /// Product line number; 0 = none.
    pub line: u16,
}

/// What became of a touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// It is counted.
    Counted,
    /// It is passive or the shop's doing: it earns nothing.
    Passive,
    /// It is older than the last day counted: fold the history again.
    Late,
    /// It is after `now`: push it again when its time has come.
    Future,
}

/// Sums of one customer. 120 bytes and 16 per source used, in either list, and 16 per active day of the last four weeks.
#[derive(Debug, Clone, PartialEq)]
pub struct EngagementState {
    /// The day that is still open, days since 1970-01-01.
    day: i64,
    /// Uncapped sums of the open day.
    open: Vec<(Source, f64)>,
    /// Capped sums of earlier days, as of the beginning of `day`.
    closed: Vec<(Source, f64)>,
    /// Capped totals of closed days of the last four weeks.
    recent: Vec<(i64, f64)>,
    last_active: Option<i64>,
    last_purchase: Option<i64>,
    since_purchase: u32,
    active_days: u32,
}

impl Default for EngagementState {
    fn default() -> Self {
        EngagementState {
            day: i64::MIN,
            open: Vec::new(),
            closed: Vec::new(),
            recent: Vec::new(),
            last_active: None,
            last_purchase: None,
            since_purchase: 0,
            active_days: 0,
        }
    }
}

/// What the state says at one time.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Reading {
    /// Points by source, all ≥ 0.
    pub points: Vec<(Source, f64)>,
    /// Points that the touches of up to four weeks ago had four weeks ago.
    pub points_before: f64,
    pub last_active: Option<i64>,
    pub last_purchase: Option<i64>,
    pub since_purchase: u32,
    pub active_days: u32,
}

fn add(list: &mut Vec<(Source, f64)>, source: Source, points: f64) {
    match list.iter_mut().find(|(known, _)| *known == source) {
        Some((_, sum)) => *sum += points,
        None => list.push((source, points)),
    }
}

/// The sums of one day under the caps.
fn capped(model: &IndexModel, open: &[(Source, f64)]) -> Vec<(Source, f64)> {
    let mut out = open.to_vec();
    for at in 0..out.len() {
        let kind = out[at].0.kind;
        if out[..at].iter().any(|(source, _)| source.kind == kind) {
            continue;
        }
        let sum: f64 = open
            .iter()
            .filter(|(s, _)| s.kind == kind)
            .map(|(_, p)| p)
            .sum();
        let cap = model.kind_cap(kind);
        if sum > cap {
            for (_, points) in out[at..].iter_mut().filter(|(s, _)| s.kind == kind) {
                *points *= cap / sum;
            }
        }
    }
    let total: f64 = out.iter().map(|(_, p)| p).sum();
    if total > model.day_cap {
        for (_, points) in &mut out {
            *points *= model.day_cap / total;
        }
    }
    out
}

impl EngagementState {
    /// Counts `touch`, seen at `now` (milliseconds). Touches come in order of time; within a day any order gives the
    /// same index, but only the order of time the right touches since the last purchase.
    pub fn push(&mut self, model: &IndexModel, touch: &Touch, now: i64) -> Pushed {
        if touch.at > now {
            return Pushed::Future;
        }
        if model.role(touch.kind) != Role::Active {
            return Pushed::Passive;
        }
        let day = touch.at.div_euclid(DAY_MS);
        if self.last_active.is_some() && day < self.day {
            return Pushed::Late;
        }
        if self.last_active.is_none() {
            self.day = day;
        }
        if day > self.day {
            self.close(model, day);
        }
        if self.open.is_empty() {
            self.active_days += 1;
        }
        let source = Source {
            kind: touch.kind,
            channel: touch.channel,
            line: touch.line,
        };
        add(&mut self.open, source, model.points(touch));
        self.last_active = self.last_active.max(Some(touch.at));
        if touch.kind == Kind::PURCHASE {
            if self.last_purchase.is_none_or(|last| last <= touch.at) {
                self.last_purchase = Some(touch.at);
                self.since_purchase = 0;
            }
        } else {
            self.since_purchase = self.since_purchase.saturating_add(1);
        }
        Pushed::Counted
    }

    /// Folds the open day into the sums and opens `day`.
    fn close(&mut self, model: &IndexModel, day: i64) {
        let fade = model.fade((day - self.day) as f64);
        for (_, sum) in &mut self.closed {
            *sum *= fade;
        }
        let counted = capped(model, &self.open);
        self.recent
            .push((self.day, counted.iter().map(|(_, p)| p).sum()));
        for (source, points) in counted {
            add(&mut self.closed, source, points * fade);
        }
        self.open.clear();
        self.day = day;
        self.recent.retain(|(then, _)| *then >= day - TREND_DAYS);
    }

    /// The sums at `now`; an earlier `now` than the open day counts as that day.
    pub(crate) fn read(&self, model: &IndexModel, now: i64) -> Reading {
        if self.last_active.is_none() {
            return Reading::default();
        }
        let days = now as f64 / DAY_MS as f64;
        let fade = model.fade(days - self.day as f64);
        let mut points: Vec<(Source, f64)> = self
            .closed
            .iter()
            .map(|(source, sum)| (*source, sum * fade))
            .collect();
        let open = capped(model, &self.open);
        let open_total: f64 = open.iter().map(|(_, p)| p).sum();
        for (source, sum) in open {
            add(&mut points, source, sum * fade);
        }
        points.sort_by_key(|(source, _)| *source);
        let total: f64 = points.iter().map(|(_, p)| p).sum();
        let first = now.div_euclid(DAY_MS) - TREND_DAYS + 1;
        let lately: f64 = self
            .recent
            .iter()
            .chain(&[(self.day, open_total)])
            .filter(|(day, _)| *day >= first)
            .map(|(day, sum)| sum * model.fade(days - *day as f64))
            .sum();
        // what is older than four weeks, with the fading of four weeks undone
        let older = (total - lately).max(0.0);
        let older = if older < 1e-12 * total { 0.0 } else { older };
        Reading {
            points,
            points_before: older / model.fade(TREND_DAYS as f64),
            last_active: self.last_active,
            last_purchase: self.last_purchase,
            since_purchase: self.since_purchase,
            active_days: self.active_days,
        }
    }

    /// Bytes this state takes.
    pub fn bytes(&self) -> usize {
        std::mem::size_of::<Self>()
            + std::mem::size_of::<(Source, f64)>() * (self.open.capacity() + self.closed.capacity())
            + std::mem::size_of::<(i64, f64)>() * self.recent.capacity()
    }
}
