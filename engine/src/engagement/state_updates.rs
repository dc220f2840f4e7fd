//! A customer's decayed contact brought forward, touch by touch and day by day, by the weights of a model.

use serendib_shop::{Kind, Touch, DAY_MS};

use super::decayed::{add, EngagementState, Pushed, Reading, Source, TREND_DAYS};
use super::index::{IndexModel, Role};

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
}
