//! The report of one model: what is on its page, from the figures that there are.

mod charts;
mod comparison;
mod format;
mod headlines;
mod parts;
mod run;
mod uplift;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serendib_engine::bundle::ModelsDir;
use serendib_shop::publish;

use super::{render, Page};
use crate::refresh::lock;
use crate::refresh::model_report::ModelReport;

/// Where reports stand in a models directory.
pub const REPORTS: &str = "reports";

/// Writes the page and its figures as `reports/<id>.html` and `.json` of the models directory; returns the page's path.
///
/// # Errors
/// A failed write.
pub fn write(report: &ModelReport, models: &Path) -> anyhow::Result<PathBuf> {
    let dir = models.join(REPORTS);
    fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    // of models that were never published
    publish::sweep(&dir);
    let json = serde_json::to_string_pretty(report)?;
    put(&dir.join(format!("{}.json", report.model)), &json)?;
    let path = dir.join(format!("{}.html", report.model));
    put(&path, &render(&page(report))?)?;
    Ok(path)
}

/// Writes the page of a model that is in `models` already and then, if `report` says that it is published, makes the model
/// current if `expected` is (`None` = whatever is). What is current has a report; a model that cannot be made current is told
/// so in [`ModelReport::reason`] and on its page. Returns the page's path.
///
/// # Errors
/// A report that cannot be written; then the current model is as before.
pub fn publish(
    report: &mut ModelReport,
    models: &Path,
    expected: Option<&str>,
) -> anyhow::Result<PathBuf> {
    let _held = lock::publishing();
    let path = write(report, models)
        .with_context(|| format!("model {} was written and not made current", report.model))?;
    if !report.published {
        return Ok(path);
    }
    if let Err(error) = ModelsDir::new(models).swap(expected, &report.model) {
        report.published = false;
        report.reason = Some(format!("cannot make it current: {error}"));
        write(report, models)?;
    }
    Ok(path)
}

fn put(path: &Path, content: &str) -> anyhow::Result<()> {
    publish::write(path, content).with_context(|| format!("cannot write {}", path.display()))
}

/// What is on the page of `report`.
pub fn page(report: &ModelReport) -> Page {
    let sections = [
        charts::curves(report),
        parts::parts(report),
        comparison::comparison(report),
        comparison::segments(report),
        uplift::uplift(report),
        run::gate(report),
        run::data(report),
        run::settings(report),
        run::stages(report),
    ];
    Page {
        title: format!("Model {}", report.model),
        subtitle: headlines::subtitle(report),
        banner: headlines::banner(report),
        headlines: headlines::headlines(report),
        sections: sections.into_iter().flatten().collect(),
    }
}
