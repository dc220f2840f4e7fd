//! The report of one model: what is on its page, from the figures that there are.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::{DateTime, Utc};
use serendib_engine::bundle::ModelsDir;

use super::{render, Banner, Chart, ChartKind, Headline, Page, Section, Series, TableBlock};
use crate::judge::policy::{Interval, Verdict};
use crate::refresh::compare::{Comparison, Gap, CANDIDATE, CURRENT, LENGTHS};
use crate::refresh::figures::Figure;
use crate::refresh::model_report::ModelReport;
use crate::refresh::{lock, policy};

/// Where reports stand in a models directory.
pub const REPORTS: &str = "reports";

/// Writes the page and its figures as `reports/<id>.html` and `.json` of the models directory; returns the page's path.
///
/// # Errors
/// A failed write.
pub fn write(report: &ModelReport, models: &Path) -> anyhow::Result<PathBuf> {
    let dir = models.join(REPORTS);
    fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
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
    let partial = path.with_extension("partial");
    fs::write(&partial, content)
        .and_then(|()| fs::rename(&partial, path))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// What is on the page of `report`.
pub fn page(report: &ModelReport) -> Page {
    let sections = [
        curves(report),
        parts(report),
        comparison(report),
        segments(report),
        uplift(report),
        gate(report),
        data(report),
        settings(report),
        stages(report),
    ];
    Page {
        title: format!("Model {}", report.model),
        subtitle: subtitle(report),
        banner: banner(report),
        headlines: headlines(report),
        sections: sections.into_iter().flatten().collect(),
    }
}

fn date(at: i64) -> String {
    DateTime::<Utc>::from_timestamp_millis(at)
        .map_or_else(String::new, |at| at.format("%Y-%m-%d").to_string())
}

fn thousands(n: f64) -> String {
    let digits = format!("{:.0}", n.abs());
    let mut out = String::new();
    for (ix, digit) in digits.chars().enumerate() {
        if ix > 0 && (digits.len() - ix).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if n <= -0.5 {
        format!("−{out}")
    } else {
        out
    }
}

fn figure(x: f64) -> String {
    format!("{x:.4}")
}

fn percent(x: f64) -> String {
    format!("{:.1} %", 100.0 * x)
}

fn signed(x: f64) -> String {
    format!("{x:+.4}").replace('-', "−")
}

/// `text` with a minus sign before each negative number in it; hyphens of ids stay.
fn minus(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let negative = c == '-'
            && matches!(before, ' ' | '[' | '(')
            && chars.peek().is_some_and(char::is_ascii_digit);
        out.push(if negative { '−' } else { c });
        before = c;
    }
    out
}

fn range(i: &Interval) -> String {
    format!("{} … {}", signed(i.low), signed(i.high))
}

/// Better, worse, or nothing that chance does not explain.
fn verdict(i: &Interval) -> Option<bool> {
    if i.low > 0.0 {
        Some(true)
    } else if i.high < 0.0 {
        Some(false)
    } else {
        None
    }
}

fn relative(gap: &Gap) -> String {
    if gap.other > 0.0 {
        format!("{:+.1} %", 100.0 * gap.difference.value / gap.other).replace('-', "−")
    } else {
        signed(gap.difference.value)
    }
}

fn subtitle(report: &ModelReport) -> String {
    let data = &report.data;
    let span = match (data.from, data.to) {
        (Some(from), Some(to)) => format!(", {} to {}", date(from), date(to)),
        _ => String::new(),
    };
    format!(
        "{} customers, {} products, {} touchpoints{span} · fitted {}",
        thousands(data.customers as f64),
        thousands(data.products as f64),
        thousands(data.touchpoints as f64),
        report.created
    )
}

fn banner(report: &ModelReport) -> Option<Banner> {
    let instead = match &report.before {
        Some(before) => format!("Model {before} goes on answering."),
        None => "No model answers yet.".into(),
    };
    let text = match (report.published, &report.reason) {
        (true, None) if report.winner.is_empty() => "Published.".into(),
        (true, None) => format!(
            "Published: {}. Fitted with {}.",
            report.passed(),
            report.winner
        ),
        (true, Some(reason)) => format!("Published although: {reason}."),
        (false, Some(reason)) => format!("Kept back: {reason}. {instead}"),
        (false, None) => format!("Written and not made current. {instead}"),
    };
    Some(Banner {
        good: report.published && report.reason.is_none(),
        text,
    })
}

/// The settings of the model that was fitted on everything: the candidate, or where that was refused, the current ones.
fn answering(report: &ModelReport) -> &'static str {
    if report.fell_back {
        CURRENT
    } else {
        CANDIDATE
    }
}

fn headlines(report: &ModelReport) -> Vec<Headline> {
    let mut out = Vec::new();
    if let Some(comparison) = report.compared() {
        let against = |name: &str| comparison.gap("all", name, "ndcg@20");
        let name = answering(report);
        if let Some(ours) = comparison.method(name) {
            let detail = match against(CURRENT) {
                Some(gap) if report.fell_back => format!(
                    "the last model's settings; the refused candidate's {} [{}]",
                    figure(gap.candidate),
                    range(&gap.difference)
                ),
                Some(gap) => format!(
                    "last model's settings {}: {} [{}]",
                    figure(gap.other),
                    relative(gap),
                    range(&gap.difference)
                ),
                None if report.before.is_some() => format!(
                    "of {} customers after the cut; the last model's settings are the same",
                    thousands(comparison.customers as f64)
                ),
                None => format!(
                    "of {} customers after the cut; there is no earlier model",
                    thousands(comparison.customers as f64)
                ),
            };
            let gap = against(CURRENT).filter(|_| !report.fell_back);
            out.push(Headline {
                label: "NDCG@20, what is new to the customer".into(),
                value: figure(ours.ndcg_20),
                detail,
                better: gap.and_then(|gap| verdict(&gap.difference)),
            });
        }
        let best = comparison.best_baseline().and_then(|b| against(&b.name));
        if let Some(gap) = best.filter(|_| !report.fell_back) {
            out.push(Headline {
                label: format!("against {}", gap.against),
                value: relative(gap),
                detail: format!(
                    "the best baseline: {}, difference [{}]",
                    figure(gap.other),
                    range(&gap.difference)
                ),
                better: verdict(&gap.difference),
            });
        }
        if let Some(ours) = comparison.method(name) {
            let best = comparison.best_baseline();
            out.push(Headline {
                label: "customers with a hit in ten".into(),
                value: percent(ours.hit_10),
                detail: best.map_or(String::new(), |b| {
                    format!("{} {}", b.name, percent(b.hit_10))
                }),
                // no interval is known, so nothing is called better
                better: None,
            });
            out.push(Headline {
                label: "catalogue shown to somebody".into(),
                value: percent(ours.coverage_20),
                detail: best.map_or(String::new(), |b| {
                    format!(
                        "in anybody's first 20; {} {}",
                        b.name,
                        percent(b.coverage_20)
                    )
                }),
                better: None,
            });
        }
    } else if let Some(choice) = &report.choice {
        let popular = choice.table.iter().find(|row| row.name.contains("popular"));
        out.push(Headline {
            label: "NDCG@20 on the slice held out to choose".into(),
            value: figure(choice.blend_ndcg),
            detail: popular.map_or(String::new(), |row| {
                format!("{}: {}", row.name, figure(row.ndcg))
            }),
            better: popular.map(|row| choice.blend_ndcg > row.ndcg),
        });
    }
    if let Some(e) = report.sections.engagement.first() {
        let (low, high) = e.interval;
        out.push(Headline {
            label: format!("AUC, purchase within {:.0} days", e.horizon_days),
            value: format!("{:.3}", e.auc),
            detail: format!(
                "better baseline {:.3}: {} [{} … {}]",
                e.auc_better_baseline,
                signed(e.difference),
                signed(low),
                signed(high)
            ),
            better: verdict(&Interval {
                value: e.difference,
                low,
                high,
            }),
        });
    }
    if let Some(uplift) = &report.uplift {
        let d = &uplift.difference;
        out.push(Headline {
            label: "orders per customer and year".into(),
            value: format!("{:+.2}", d.value).replace('-', "−"),
            detail: format!(
                "{:.2} with, {:.2} without personal answers [{:+.2} … {:+.2}]",
                uplift.with.value, uplift.without.value, d.low, d.high
            )
            .replace('-', "−"),
            better: verdict(d),
        });
    }
    if let Some(churn) = &report.churn {
        out.push(Headline {
            label: "of the last model's first ten".into(),
            value: format!("{} stay", percent(churn.kept)),
            detail: format!("the first product stays for {}", percent(churn.same_first)),
            better: None,
        });
    }
    out
}

fn line(name: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Series {
    Series {
        name: name.into(),
        points: points.into_iter().collect(),
        band: None,
    }
}

fn curves(report: &ModelReport) -> Option<Section> {
    let mut charts = Vec::new();
    if let Some(comparison) = &report.comparison {
        charts.push(Chart {
            title: "Recall over the length of the list".into(),
            caption: "Share of what customers went on to acquire, new to them, that is in the first k. Higher is better.".into(),
            x: "k".into(),
            y: "recall".into(),
            kind: ChartKind::Lines,
            series: comparison
                .methods
                .iter()
                .map(|m| {
                    let lengths = LENGTHS.iter().map(|k| *k as f64);
                    line(&m.name, lengths.zip(m.recall.iter().copied()))
                })
                .collect(),
        });
        charts.push(popularity(comparison));
    }
    if let Some(surprises) = &report.sections.surprises {
        let rows: Vec<_> = surprises
            .rows
            .iter()
            .filter_map(|row| {
                let dial = row.method.strip_prefix("serendib, dial ")?;
                Some((dial.parse::<f64>().ok()?, row))
            })
            .collect();
        charts.push(Chart {
            title: "The dial's trade".into(),
            caption: "Later purchases among ten as the dial goes from predicted purchase to predicted delight: all new \
                      products, and surprises (in a kind of thing new to the customer that nobody would have expected)."
                .into(),
            x: "dial".into(),
            y: "hits per list of ten".into(),
            kind: ChartKind::Lines,
            series: vec![
                line("new products", rows.iter().map(|(d, r)| (*d, r.new_products))),
                line("surprises", rows.iter().map(|(d, r)| (*d, r.surprises))),
            ],
        });
    }
    for e in &report.sections.engagement {
        charts.push(Chart {
            title: format!("Calibration of purchase within {:.0} days", e.horizon_days),
            caption: format!(
                "Tenths of customers: what was said and what happened. On the diagonal is right; expected error {:.3}.",
                e.ece
            ),
            x: "probability said".into(),
            y: "share that bought".into(),
            kind: ChartKind::Calibration,
            series: vec![line("serendib", e.deciles.iter().rev().map(|d| (d.said, d.bought)))],
        });
    }
    if let Some(e) = report.sections.engagement.first() {
        charts.push(Chart {
            title: format!("Buyers by tenth of predicted purchase, {:.0} days", e.horizon_days),
            caption: format!(
                "How many times more buyers a tenth holds than one by chance, most likely tenth first; at best {:.1}.",
                e.largest_lift
            ),
            x: "tenth".into(),
            y: "lift".into(),
            kind: ChartKind::Bars,
            series: vec![line("lift", e.deciles.iter().map(|d| (d.decile as f64, d.lift)))],
        });
    }
    let delight = report.sections.delight.as_ref();
    if delight.is_some() || report.sections.ratings > 0 {
        charts.push(Chart {
            title: "Calibration of delight".into(),
            caption: match delight {
                Some(delight) => format!(
                    "Predicted delight beside what customers said of {} surprises after the cut, in groups of equal size.",
                    thousands(delight.rows as f64)
                ),
                None => format!(
                    "Customers said something of {} surprises after the cut: too few to judge by, it takes 80.",
                    report.sections.ratings
                ),
            },
            x: "delight predicted".into(),
            y: "share delighted".into(),
            kind: ChartKind::Calibration,
            series: vec![line("serendib", delight.iter().flat_map(|d| d.groups.iter().copied()))],
        });
    }
    let errors = &report.sections.stage_error;
    if !errors.is_empty() {
        charts.push(Chart {
            title: "Error of the life stage over purchases".into(),
            caption: "How far the inferred date (a birth, a move) is from the declared one, which was hidden. Lower is better."
                .into(),
            x: "purchases seen".into(),
            y: "mean absolute error, days".into(),
            kind: ChartKind::Lines,
            series: errors
                .iter()
                .map(|e| {
                    let points = e.by_purchases.iter();
                    line(&e.clock, points.map(|(seen, _, error)| (*seen as f64, *error)))
                })
                .collect(),
        });
    }
    if let Some(churn) = &report.churn {
        let n = churn.customers.max(1) as f64;
        charts.push(Chart {
            title: "How much lists change".into(),
            caption: format!(
                "Customers by how many of the ten products of model {} are still among their ten.",
                churn.before
            ),
            x: "products that stay".into(),
            y: "share of customers".into(),
            kind: ChartKind::Bars,
            series: vec![line(
                "customers",
                churn
                    .histogram
                    .iter()
                    .enumerate()
                    .map(|(kept, c)| (kept as f64, *c as f64 / n)),
            )],
        });
    }
    (!charts.is_empty()).then(|| Section {
        title: "At a glance".into(),
        charts,
        ..Section::default()
    })
}

fn popularity(comparison: &Comparison) -> Chart {
    let tenths = |values: &[f64]| -> Vec<(f64, f64)> {
        values
            .iter()
            .enumerate()
            .map(|(ix, v)| (ix as f64 + 1.0, *v))
            .collect()
    };
    // what is bought comes last, so that each method has the colour that it has elsewhere
    let methods = comparison.methods.iter().take(5);
    let mut series: Vec<Series> = methods
        .map(|m| line(&m.name, tenths(&m.exposure)))
        .collect();
    series.push(line("bought", tenths(&comparison.bought)));
    Chart {
        title: "Long tail and popularity bias".into(),
        caption: "Share of places in first 20s by tenth of the catalogue, most bought first, beside what is bought. Above \
                  the line of what is bought at the left = best sellers are shown more than they are bought."
            .into(),
        x: "tenth of products, most bought first".into(),
        y: "share".into(),
        kind: ChartKind::Lines,
        series,
    }
}

fn comparison(report: &ModelReport) -> Option<Section> {
    let comparison = report.comparison.as_ref()?;
    let rows = comparison.methods.iter().map(|m| {
        vec![
            m.name.clone(),
            figure(m.ndcg_20),
            figure(m.recall_20),
            percent(m.hit_10),
            percent(m.coverage_20),
        ]
    });
    let gaps = comparison
        .gaps
        .iter()
        .filter(|g| g.segment == "all")
        .map(|g| {
            vec![
                format!("against {}, {}", g.against, g.metric),
                figure(g.candidate),
                figure(g.other),
                signed(g.difference.value),
                range(&g.difference),
            ]
        });
    Some(Section {
        title: "Against the last model and the baselines".into(),
        text: format!(
            "{}. Everything was fitted and counted before the cut. {} customers, {} without anything to predict left out, {} \
             products ranked. Intervals: 95 %, paired bootstrap over customers.",
            comparison.protocol,
            thousands(comparison.customers as f64),
            thousands(comparison.left_out as f64),
            thousands(comparison.products as f64)
        ),
        tables: vec![
            table(
                "",
                &["method", "NDCG@20", "Recall@20", "hit in 10", "catalogue shown"],
                rows,
                comparison.methods.iter().position(|m| m.name == answering(report)),
            ),
            table(
                "Candidate minus the others",
                &["", "candidate", "other", "difference", "95 %"],
                gaps,
                None,
            ),
        ],
        ..Section::default()
    })
}

fn table(
    caption: &str,
    columns: &[&str],
    rows: impl IntoIterator<Item = Vec<String>>,
    highlight: Option<usize>,
) -> TableBlock {
    TableBlock {
        caption: caption.into(),
        columns: columns.iter().map(|c| (*c).to_owned()).collect(),
        rows: rows.into_iter().collect(),
        highlight,
        folded: String::new(),
    }
}

fn segments(report: &ModelReport) -> Option<Section> {
    let comparison = report.comparison.as_ref()?;
    let rows: Vec<Vec<String>> = comparison
        .gaps
        .iter()
        .filter(|g| g.segment != "all")
        .map(|g| {
            vec![
                format!("{}, {}", g.segment, g.metric),
                g.against.clone(),
                thousands(g.customers as f64),
                figure(g.candidate),
                figure(g.other),
                signed(g.difference.value),
                range(&g.difference),
            ]
        })
        .collect();
    (!rows.is_empty()).then(|| Section {
        title: "Segments".into(),
        text: "New: at most two orders before the cut. Lapsing: the last order is longer ago than 60 days and than twice the \
               customer's usual gap. Cold products: fewer than five buyers before the cut."
            .into(),
        tables: vec![table(
            "",
            &["segment", "against", "customers", "candidate", "other", "difference", "95 %"],
            rows,
            None,
        )],
        ..Section::default()
    })
}

fn parts(report: &ModelReport) -> Option<Section> {
    let mut tables = Vec::new();
    let sections = &report.sections;
    if report.figures.iter().any(|row| row.before.is_some()) {
        tables.push(table(
            "This model's figures beside the last model's, each on what followed its own cut",
            &["", "last model", "now", "better is"],
            report.figures.iter().filter_map(|row| {
                let known = row.now.as_ref().or(row.before.as_ref())?;
                let show = |f: &Option<Figure>| {
                    f.as_ref()
                        .map_or("not judged".into(), |f| format!("{:.3}", f.value))
                };
                let way = if known.more_is_better { "more" } else { "less" };
                Some(vec![
                    known.name.clone(),
                    show(&row.before),
                    show(&row.now),
                    way.into(),
                ])
            }),
            None,
        ));
    }
    if let Some(surprises) = &sections.surprises {
        tables.push(table(
            &format!(
                "Surprises: {} customers with one to find; hits per list of ten",
                thousands(surprises.customers as f64)
            ),
            &[
                "method",
                "surprises",
                "bought again",
                "new products",
                "kept of plain ranking",
            ],
            surprises.rows.iter().map(|r| {
                vec![
                    r.method.clone(),
                    format!("{:.3}", r.surprises),
                    format!("{:.3}", r.again),
                    format!("{:.3}", r.new_products),
                    percent(r.kept),
                ]
            }),
            None,
        ));
    }
    for task in sections.complements.iter().flat_map(|c| &c.tables) {
        tables.push(table(
            &format!("{}: {} cases", task.task, thousands(task.cases as f64)),
            &["method", "hit in 10", "ours minus it, 95 %"],
            task.rows.iter().map(|r| {
                let gap = r.ours_minus.map_or(String::new(), |(low, high)| {
                    format!("{} … {}", signed(low), signed(high))
                });
                vec![r.method.clone(), figure(r.hit_at_10), gap]
            }),
            Some(0),
        ));
    }
    if let Some(next) = &sections.next_basket {
        tables.push(table(
            &format!(
                "The next basket: {} customers",
                thousands(next.customers as f64)
            ),
            &["method", "Recall@10", "NDCG@10", "bought before", "new"],
            next.rows.iter().map(|r| {
                vec![
                    r.name.clone(),
                    figure(r.recall),
                    figure(r.ndcg),
                    figure(r.repeat_recall),
                    figure(r.explore_recall),
                ]
            }),
            Some(0),
        ));
    }
    if !sections.life.is_empty() {
        tables.push(table(
            "Life situations: dates inferred from purchases, cross-validated over customers",
            &[
                "clock",
                "customers",
                "error, days",
                "median age's error",
                "ratio, 95 %",
                "90 % covers",
            ],
            sections.life.iter().map(|a| {
                vec![
                    a.clock.clone(),
                    thousands(a.customers as f64),
                    thousands(a.mae),
                    thousands(a.mae_of_median),
                    format!(
                        "{:.3} [{:.3} … {:.3}]",
                        a.ratio, a.ratio_interval.0, a.ratio_interval.1
                    ),
                    percent(a.coverage_90),
                ]
            }),
            None,
        ));
    }
    for e in &sections.engagement {
        tables.push(table(
            &format!("Purchase within {:.0} days, by cut-off", e.horizon_days),
            &[
                "cut-off",
                "customers",
                "bought",
                "AUC",
                "two features",
                "RFM",
                "recency",
                "Brier",
            ],
            e.cut_offs.iter().map(|c| {
                vec![
                    date(c.at),
                    thousands(c.customers as f64),
                    percent(c.base_rate),
                    format!("{:.3}", c.auc),
                    format!("{:.3}", c.auc_plain),
                    format!("{:.3}", c.auc_rfm),
                    format!("{:.3}", c.auc_recency),
                    format!("{:.3}", c.brier),
                ]
            }),
            None,
        ));
    }
    (!tables.is_empty()).then(|| Section {
        title: "Beside the lists".into(),
        text: "Surprises, complements, delight and the next basket were fitted before the cut and judged on what came after. \
               Purchases within so many days have cut-offs of their own, each fitted on what came before it. Dates of life \
               situations are judged on customers that the fit did not see, over all of the data. Rivals stand in the same \
               table."
            .into(),
        tables,
        ..Section::default()
    })
}

fn uplift(report: &ModelReport) -> Option<Section> {
    // a plain fit looks at neither
    report.drift.as_ref()?;
    let mut tables = Vec::new();
    let mut text = String::new();
    match &report.uplift {
        Some(w) => {
            let row = |name: &str, customers: usize, i: &Interval| {
                vec![
                    name.to_owned(),
                    thousands(customers as f64),
                    format!("{:.3}", i.value),
                    format!("{:.3} … {:.3}", i.low, i.high),
                ]
            };
            tables.push(table(
                &format!(
                    "Orders (of purchases) per customer and year since {}, if recommend.holdout_percent of the server was {} all \
                     that time",
                    date(w.since),
                    w.percent
                ),
                &["customers", "number", "orders a year", "95 %"],
                [
                    row("with personal answers", w.with_customers, &w.with),
                    row("without", w.without_customers, &w.without),
                    row("difference", w.with_customers + w.without_customers, &w.difference),
                ],
                None,
            ));
        }
        None => text.push_str(
            "Holdout: not enough data. It takes 28 days since the first answer of a model, and 30 customers and 20 orders both \
             with and without personal answers. ",
        ),
    }
    match &report.policy {
        Some(p) => {
            let row = |name: &str, i: &Interval| {
                vec![
                    name.to_owned(),
                    format!("{:.5}", i.value),
                    format!("{:.5} … {:.5}", i.low, i.high),
                ]
            };
            if p.verdict == Verdict::NotEnoughData {
                let why = policy::not_enough(p);
                text.push_str(&format!("Off-policy evaluation: not enough data to act on ({why}). "));
            }
            tables.push(table(
                &format!(
                    "Off-policy: {} draws of {} customers after the cut; effective sample {:.0}, mean weight {:.3}, largest \
                     {:.1}, outside the overlap {}",
                    thousands(p.draws as f64),
                    thousands(p.customers as f64),
                    p.effective_sample,
                    p.mean_weight,
                    p.max_weight,
                    percent(p.outside_overlap)
                ),
                &["a draw earns", "value", "95 %"],
                [
                    row("as served", &p.logged),
                    row("this model, inverse propensity", &p.ips),
                    row("this model, self-normalised", &p.snips),
                    row("this model, doubly robust", &p.doubly_robust),
                    row("this model minus as served", &p.difference),
                ],
                None,
            ));
        }
        None => text.push_str(
            "Off-policy evaluation: not enough data. It takes surprises that were served with a drawn slot after the cut.",
        ),
    }
    if report.unusable_draws > 0 {
        text.push_str(&format!(
            " {} drawn slots of the log could not be used: of customers or products that are not known any more.",
            thousands(report.unusable_draws as f64)
        ));
    }
    Some(Section {
        title: "What it is worth".into(),
        text,
        tables,
        ..Section::default()
    })
}

fn gate(report: &ModelReport) -> Option<Section> {
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

fn data(report: &ModelReport) -> Option<Section> {
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

fn settings(report: &ModelReport) -> Option<Section> {
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
                &["family", "NDCG@20", "weight", "settings tried", "settings"],
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

fn stages(report: &ModelReport) -> Option<Section> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_get_a_minus_sign_and_ids_keep_their_hyphens() {
        let text = "model 20261129t194424z-2: difference -0.0031 [-0.0070, +0.0010], p-3-2";
        let said = minus(text);
        assert!(
            said.contains("−0.0031 [−0.0070") && said.contains("z-2") && said.contains("p-3-2")
        );
    }
}
