//! What changed in the data since the last model.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serendib_engine::bundle::{DataWindow, Manifest};
use serendib_shop::{Log, DAY_MS};

use super::gate::Check;

/// How far into the future a last touchpoint may lie before the recorder's clock is doubted.
const AHEAD_MS: i64 = 2 * DAY_MS;
/// Share of the last model's touchpoints that must still be there.
const LEAST_KEPT: f64 = 0.5;

/// Figures of the data that a model was fitted on, kept in its manifest so that the next one can be compared.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Share of each kind of touchpoint, most frequent first.
    pub kinds: Vec<(String, f64)>,
    /// Share of each channel, most frequent first; the empty name = none said.
    pub channels: Vec<(String, f64)>,
    /// Products that anybody acquired.
    pub sold: u64,
}

/// The profile of `log`.
pub fn profile(log: &Log) -> Profile {
    let touches = log.histories.touches();
    let mut kinds = vec![0u64; log.encoder.kinds.len()];
    let mut channels = vec![0u64; log.encoder.channels.len().max(1)];
    let mut sold = vec![false; log.catalogue.len()];
    for touch in touches {
        if let Some(count) = kinds.get_mut(touch.kind.0 as usize) {
            *count += 1;
        }
        if let Some(count) = channels.get_mut(touch.channel as usize) {
            *count += 1;
        }
        if touch.kind.acquires() {
            if let Some(sold) = sold.get_mut(touch.product.index()) {
                *sold = true;
            }
        }
    }
    let total = touches.len().max(1) as f64;
    let shares = |counts: Vec<u64>, name: &dyn Fn(usize) -> String| {
        let mut shares: Vec<(String, f64)> = counts
            .into_iter()
            .enumerate()
            .filter(|(_, count)| *count > 0)
            .map(|(ix, count)| (name(ix), count as f64 / total))
            .collect();
        shares.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        shares.truncate(12);
        shares
    };
    Profile {
        kinds: shares(kinds, &|ix| {
            let kind = serendib_shop::Kind(ix as u16);
            log.encoder.kinds.name(kind).to_owned()
        }),
        channels: shares(channels, &|ix| {
            log.encoder.channels.name(ix as u16).to_owned()
        }),
        sold: sold.iter().filter(|s| **s).count() as u64,
    }
}

/// One row of what changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    pub name: String,
    /// With the last model; absent where there is none or it did not say.
    pub before: Option<f64>,
    pub now: f64,
    /// Whether it is a share, to be shown in percent.
    pub share: bool,
}

/// Everything that is told of the data.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drift {
    /// Figures beside those of the last model.
    pub changes: Vec<Change>,
    /// Checks for the gate.
    pub checks: Vec<Check>,
}

fn date(at: i64) -> String {
    DateTime::<Utc>::from_timestamp_millis(at).map_or_else(
        || at.to_string(),
        |at| at.to_rfc3339_opts(SecondsFormat::Secs, true),
    )
}

/// Shares that are shown of the data, and as many of what the last model saw.
const SHOWN: usize = 8;
/// Share of the last model's touchpoints from which on a kind or channel must still be there.
const NOTICED: f64 = 0.02;
/// What is left of its share when it counts as gone.
const GONE: f64 = 0.05;

/// Names that are frequent now or were before, with their shares before (if known) and now.
fn beside<'a>(
    now: &'a [(String, f64)],
    before: Option<&'a Vec<(String, f64)>>,
) -> Vec<(&'a str, Option<f64>, f64)> {
    let of = |rows: &[(String, f64)], name: &str| {
        let found = rows.iter().find(|row| row.0 == name);
        found.map_or(0.0, |row| row.1)
    };
    let mut names: Vec<&str> = now.iter().take(SHOWN).map(|row| row.0.as_str()).collect();
    for (name, _) in before.into_iter().flat_map(|rows| rows.iter().take(SHOWN)) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let row = |name| (name, before.map(|rows| of(rows, name)), of(now, name));
    names.into_iter().map(row).collect()
}

/// Whether every kind (or channel) that was noticed with the last model still comes in: what a recorder no longer sends
/// looks like customers who no longer do it. Measured against what is left of all touchpoints, which end later now.
fn nothing_vanished(what: &str, now: &[(String, f64)], before: &[(String, f64)]) -> Check {
    let gone: Vec<String> = before
        .iter()
        .filter(|(_, was)| *was >= NOTICED)
        .filter_map(|(name, was)| {
            let is = now
                .iter()
                .find(|row| row.0 == *name)
                .map_or(0.0, |row| row.1);
            let name = if name.is_empty() { "none" } else { name };
            (is < GONE * was).then(|| {
                format!(
                    "{name}: {:.1} % with the last model, {:.2} % now",
                    100.0 * was,
                    100.0 * is
                )
            })
        })
        .collect();
    let passed = gone.is_empty();
    let detail = if passed {
        format!("none of {:.0} % or more", 100.0 * NOTICED)
    } else {
        gone.join(", ")
    };
    Check::new(format!("no {what} of touchpoints vanished"), passed, detail)
}

/// Compares `window` and `profile` with those of the last model's manifest; `now` = the clock of this machine.
pub fn drift(window: &DataWindow, profile: &Profile, last: Option<&Manifest>, now: i64) -> Drift {
    let before = last.map(|manifest| manifest.data);
    let old: Option<Profile> = last
        .and_then(|manifest| manifest.metrics.get("profile").cloned())
        .and_then(|value| serde_json::from_value(value).ok());
    let count = |name: &str, of: &dyn Fn(&DataWindow) -> f64| Change {
        name: name.into(),
        before: before.as_ref().map(of),
        now: of(window),
        share: false,
    };
    let days = |w: &DataWindow| match (w.from, w.to) {
        (Some(from), Some(to)) => (to - from) as f64 / DAY_MS as f64,
        _ => 0.0,
    };
    let mut changes = vec![
        count("customers", &|w| w.customers as f64),
        count("products", &|w| w.products as f64),
        count("touchpoints", &|w| w.touchpoints as f64),
        count("days of data", &days),
    ];
    changes.push(Change {
        name: "products ever sold".into(),
        before: old.as_ref().map(|o| o.sold as f64),
        now: profile.sold as f64,
        share: false,
    });
    let mut checks = Vec::new();
    let mut share = |what: &str, now: &[(String, f64)], before: Option<&Vec<(String, f64)>>| {
        for (name, was, is) in beside(now, before) {
            let name = if name.is_empty() { "none" } else { name };
            changes.push(Change {
                name: format!("{what} {name}"),
                before: was,
                now: is,
                share: true,
            });
        }
        if let Some(before) = before {
            checks.push(nothing_vanished(what, now, before));
        }
    };
    share("kind", &profile.kinds, old.as_ref().map(|o| &o.kinds));
    share(
        "channel",
        &profile.channels,
        old.as_ref().map(|o| &o.channels),
    );
    if let (Some(was), Some(is)) = (before.and_then(|b| b.to), window.to) {
        let detail = format!(
            "they end at {}, the last model's at {}",
            date(is),
            date(was)
        );
        checks.push(Check::new(
            "the data are no older than the last model's",
            is >= was,
            detail,
        ));
    }
    if let Some(to) = window.to {
        checks.push(Check::new(
            "no touchpoint lies in the future",
            to <= now + AHEAD_MS,
            format!("the last one is at {}", date(to)),
        ));
    }
    if let Some(before) = before.filter(|b| b.touchpoints > 0) {
        let kept = window.touchpoints as f64 / before.touchpoints as f64;
        checks.push(Check::new(
            "the data did not shrink",
            kept >= LEAST_KEPT,
            format!(
                "{} touchpoints, {} with the last model",
                window.touchpoints, before.touchpoints
            ),
        ));
    }
    Drift { changes, checks }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[(&str, f64)]) -> Vec<(String, f64)> {
        rows.iter()
            .map(|(name, share)| ((*name).into(), *share))
            .collect()
    }

    #[test]
    fn what_is_no_longer_there_is_shown_and_fails() {
        let before = rows(&[("view", 0.6), ("purchase", 0.3), ("wish", 0.01)]);
        let profile = Profile {
            kinds: rows(&[("purchase", 1.0)]),
            channels: rows(&[("", 1.0)]),
            sold: 1,
        };
        let last = Manifest {
            metrics: serde_json::json!({"profile": Profile {
                kinds: before,
                ..profile.clone()
            }}),
            ..Manifest::default()
        };
        let drift = drift(&DataWindow::default(), &profile, Some(&last), 0);
        let view = drift
            .changes
            .iter()
            .find(|c| c.name == "kind view")
            .unwrap();
        assert_eq!((view.before, view.now), (Some(0.6), 0.0));
        let failed: Vec<_> = drift.checks.iter().filter(|c| !c.passed).collect();
        assert_eq!(failed.len(), 1, "{:?}", drift.checks);
        let detail = &failed[0].detail;
        assert!(
            detail.contains("view") && !detail.contains("wish"),
            "{detail}"
        );
    }
}
