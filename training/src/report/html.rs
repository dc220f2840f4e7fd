//! The page.

use std::fmt::Write;

use super::{draw, Headline, Page, PlotError, Section, TableBlock};

const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1d2330;--soft:#5b6475;--paper:#fbfbfd;--card:#fff;--grid:#d9dde5;--good:#15803d;--bad:#b91c1c;
--s1:#2563eb;--s2:#d97706;--s3:#0d9488;--s4:#9333ea;--s5:#64748b;--s6:#dc2626}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9f0;--soft:#9aa3b5;--paper:#12151c;--card:#1a1f2a;--grid:#343b4a;--good:#4ade80;--bad:#f87171;
--s1:#60a5fa;--s2:#fbbf24;--s3:#2dd4bf;--s4:#c084fc;--s5:#94a3b8;--s6:#f87171}}
@media print{:root{--ink:#000;--soft:#444;--paper:#fff;--card:#fff;--grid:#ccc;--good:#15803d;--bad:#b91c1c;
--s1:#2563eb;--s2:#d97706;--s3:#0d9488;--s4:#9333ea;--s5:#64748b;--s6:#dc2626}figure,tr,.head{break-inside:avoid}h2{break-after:avoid}
main{max-width:none;padding:0}body{font-size:12px}.charts{grid-template-columns:1fr 1fr!important}
.tbl{overflow:visible!important}th,td{white-space:normal!important;overflow-wrap:anywhere;padding:3px 6px!important}pre{white-space:pre-wrap;overflow-wrap:anywhere}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1180px;margin:0 auto;padding:32px 20px}h1{margin:0;font-size:26px;overflow-wrap:anywhere}h2{font-size:19px;margin:36px 0 8px}
p.sub{color:var(--soft);margin:4px 0 20px}.heads{display:grid;grid-template-columns:repeat(auto-fit,minmax(190px,1fr));gap:12px}
.head,figure,.tbl{background:var(--card);border:1px solid var(--grid);border-radius:10px;padding:14px}
.head b{display:block;font-size:26px;line-height:1.2;font-variant-numeric:tabular-nums}.head span{color:var(--soft);font-size:13px}
.good b{color:var(--good)}.bad b{color:var(--bad)}.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(420px,1fr));gap:14px}
figure{margin:0}figure svg{width:100%;height:auto;display:block}figcaption{font-size:13px;color:var(--soft)}figcaption b{color:var(--ink);font-size:15px;display:block}
.tbl{overflow-x:auto;margin-top:14px}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}caption{text-align:left;color:var(--soft);font-size:13px;padding-bottom:6px}
th,td{padding:5px 10px;text-align:right;border-bottom:1px solid var(--grid);white-space:nowrap}th.w,td.w{text-align:left;white-space:normal}
tr.ours td{font-weight:600}.banner{border-left:5px solid var(--good);background:var(--card);border-radius:6px;padding:10px 14px;margin:0 0 16px}
.banner.no{border-color:var(--bad)}details{margin-top:12px}summary{cursor:pointer;color:var(--soft);font-size:13px}pre{overflow-x:auto;font-size:12px;background:var(--card);border:1px solid var(--grid);border-radius:10px;padding:12px}
thead th{color:var(--soft);font-weight:500;font-size:13px}
@media(max-width:520px){.charts{grid-template-columns:1fr}}
";

/// The page as one HTML document that loads nothing.
///
/// # Errors
/// A chart that cannot be drawn.
pub fn render(page: &Page) -> Result<String, PlotError> {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style></head><body><main>\
         <h1>{title}</h1><p class=\"sub\">{subtitle}</p>",
        title = escape(&page.title),
        subtitle = escape(&page.subtitle),
    );
    if let Some(banner) = &page.banner {
        let class = if banner.good { "yes" } else { "no" };
        let _ = write!(
            out,
            "<p class=\"banner {class}\" role=\"status\">{}</p>",
            escape(&banner.text)
        );
    }
    if !page.headlines.is_empty() {
        out.push_str("<div class=\"heads\">");
        for headline in &page.headlines {
            head(&mut out, headline);
        }
        out.push_str("</div>");
    }
    for one in &page.sections {
        section(&mut out, one)?;
    }
    out.push_str("</main></body></html>\n");
    Ok(out)
}

fn head(out: &mut String, headline: &Headline) {
    let class = match headline.better {
        Some(true) => "head good",
        Some(false) => "head bad",
        None => "head",
    };
    let _ = write!(
        out,
        "<div class=\"{class}\">{}<b>{}</b><span>{}</span></div>",
        escape(&headline.label),
        escape(&headline.value),
        escape(&headline.detail)
    );
}

fn section(out: &mut String, section: &Section) -> Result<(), PlotError> {
    let _ = write!(out, "<section><h2>{}</h2>", escape(&section.title));
    if !section.text.is_empty() {
        let _ = write!(out, "<p>{}</p>", escape(&section.text));
    }
    if !section.charts.is_empty() {
        out.push_str("<div class=\"charts\">");
        for chart in &section.charts {
            let svg = draw(chart)?;
            let _ = write!(
                out,
                "<figure><figcaption><b>{}</b>{}</figcaption>{}</figure>",
                escape(&chart.title),
                escape(&chart.caption),
                if svg.is_empty() {
                    "<p>No data</p>"
                } else {
                    &svg
                }
            );
        }
        out.push_str("</div>");
    }
    for one in &section.tables {
        table(out, one);
    }
    if !section.verbatim.is_empty() {
        let _ = write!(
            out,
            "<details><summary>As recorded</summary><pre>{}</pre></details>",
            escape(&section.verbatim)
        );
    }
    out.push_str("</section>");
    Ok(())
}

/// Whether `column` holds words: more letters than figures in most of its cells.
fn is_text(table: &TableBlock, column: usize) -> bool {
    let cells = table.rows.iter().filter_map(|row| row.get(column));
    let (mut words, mut numbers) = (0, 0);
    for cell in cells.filter(|cell| !cell.is_empty()) {
        let letters = cell.chars().filter(|c| c.is_alphabetic()).count();
        let digits = cell.chars().filter(char::is_ascii_digit).count();
        if letters > digits {
            words += 1;
        } else {
            numbers += 1;
        }
    }
    words > numbers
}

fn table(out: &mut String, table: &TableBlock) {
    if !table.folded.is_empty() {
        let _ = write!(out, "<details><summary>{}</summary>", escape(&table.folded));
    }
    let class: Vec<&str> = (0..table.columns.len())
        .map(|column| {
            if column == 0 || is_text(table, column) {
                " class=\"w\""
            } else {
                ""
            }
        })
        .collect();
    let class = |column: usize| class.get(column).copied().unwrap_or("");
    out.push_str("<div class=\"tbl\"><table>");
    if !table.caption.is_empty() {
        let _ = write!(out, "<caption>{}</caption>", escape(&table.caption));
    }
    out.push_str("<thead><tr>");
    for (ix, column) in table.columns.iter().enumerate() {
        let _ = write!(out, "<th{}>{}</th>", class(ix), escape(column));
    }
    out.push_str("</tr></thead><tbody>");
    for (ix, row) in table.rows.iter().enumerate() {
        out.push_str(if table.highlight == Some(ix) {
            "<tr class=\"ours\">"
        } else {
            "<tr>"
        });
        for (ix, cell) in row.iter().enumerate() {
            let _ = write!(out, "<td{}>{}</td>", class(ix), escape(cell));
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>");
    if !table.folded.is_empty() {
        out.push_str("</details>");
    }
}

/// Text as HTML.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
