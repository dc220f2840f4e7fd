//! The run behind the model: its gate, its data, its settings, its time and memory.

use super::format::{figure, minus, percent, table, thousands};
use crate::refresh::model_report::ModelReport;
use crate::report::{Section, TableBlock};

pub(super) fn gate(report: &ModelReport) -> Option<Section> {
    let rows: Vec<Vec<String>> = report
        .checks
        .iter()
        .map(|check| {
            let word = match (check.passed, check.judged) {
                (true, true) => "passed",
                (true, false) => "not judged",
                (false, _) => "FAILED",
            };
            vec![check.name.clone(), word.into(), minus(&check.detail)]
        })
        .collect();
    (!rows.is_empty()).then(|| Section {
        title: "The gate".into(),
        text: "Worse = beyond the tolerance, with the 95 % interval below 0; for NDCG@20 of all customers beside the current \
               settings, beyond the tolerance is enough. Not judged = too little to tell, which keeps nothing back."
            .into(),
        tables: vec![table("", &["check", "", "figures"], rows, None)],
        ..Section::default()
    })
}

pub(super) fn data(report: &ModelReport) -> Option<Section> {
    let drift = report.drift.as_ref()?;
    let rows = drift.changes.iter().map(|c| {
        let show = |x: f64| if c.share { percent(x) } else { thousands(x) };
        let change = match c.before {
            Some(before) if c.share => {
                format!("{:+.1} points", 100.0 * (c.now - before)).replace('-', "−")
            }
            Some(before) if before > 0.0 => {
                format!("{:+.1} %", 100.0 * (c.now / before - 1.0)).replace('-', "−")
            }
            _ => String::new(),
        };
        vec![
            c.name.clone(),
            c.before.map_or(String::new(), show),
            show(c.now),
            change,
        ]
    });
    Some(Section {
        title: "What changed in the data".into(),
        tables: vec![table("", &["", "last model", "now", "change"], rows, None)],
        ..Section::default()
    })
}

pub(super) fn settings(report: &ModelReport) -> Option<Section> {
    let mut tables = Vec::new();
    let mut text = String::new();
    if let Some(choice) = &report.choice {
        text = format!(
            "Chosen on {} customers: {}. {}.",
            thousands(choice.customers as f64),
            choice.why,
            choice.verdict
        );
        if !choice.table.is_empty() {
            tables.push(table(
                "Families on the slice that was held out to choose",
                &[
                    "family",
                    "NDCG@5,20",
                    "weight",
                    "settings tried",
                    "settings",
                ],
                choice.table.iter().map(|r| {
                    vec![
                        r.name.clone(),
                        figure(r.ndcg),
                        format!("{:.2}", r.weight),
                        r.tried.to_string(),
                        r.settings.clone(),
                    ]
                }),
                None,
            ));
        }
    }
    Some(Section {
        title: "Settings and seeds".into(),
        text,
        tables,
        verbatim: serde_json::to_string_pretty(&report.settings).unwrap_or_default(),
        ..Section::default()
    })
}

pub(super) fn stages(report: &ModelReport) -> Option<Section> {
    let total: f64 = report.stages.iter().map(|s| s.seconds).sum();
    let peak = report
        .stages
        .iter()
        .filter_map(|s| s.peak_mb)
        .fold(0.0, f64::max);
    let row = |name: &str, seconds: f64, peak: Option<f64>| {
        vec![
            name.to_owned(),
            format!("{seconds:.1}"),
            percent(seconds / total.max(1e-9)),
            peak.map_or(String::new(), thousands),
        ]
    };
    // "candidate before the cut: …" and the like are parts of one step
    let mut groups: Vec<(&str, f64, Option<f64>)> = Vec::new();
    for stage in &report.stages {
        let name = stage
            .name
            .split_once(": ")
            .map_or(stage.name.as_str(), |(group, _)| group);
        match groups.iter_mut().find(|group| group.0 == name) {
            Some(group) => {
                group.1 += stage.seconds;
                group.2 = group.2.into_iter().chain(stage.peak_mb).reduce(f64::max);
            }
            None => groups.push((name, stage.seconds, stage.peak_mb)),
        }
    }
    let columns = ["stage", "seconds", "share", "peak MB"];
    let together = groups.iter().map(|(name, s, peak)| row(name, *s, *peak));
    let all = report
        .stages
        .iter()
        .map(|s| row(&s.name, s.seconds, s.peak_mb));
    (!report.stages.is_empty()).then(|| Section {
        title: "Time and memory".into(),
        text: format!("{total:.0} s together, at most {} MB.", thousands(peak)),
        tables: vec![
            table("", &columns, together, None),
            TableBlock {
                folded: "Every stage".into(),
                ..table("", &columns, all, None)
            },
        ],
        ..Section::default()
    })
}
