//! The result of an evaluation: a table on screen, JSON, and a page to read.

use std::fmt::Write;

use serde::Serialize;
use serendib_shop::print::{difference, fixed, Column, Grid};

use crate::judge::metrics::Summary;

/// One ranker's figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    pub name: String,
    /// Over all customers.
    pub all: Summary,
    /// Over products new to the customer; absent where only those count.
    pub explore: Option<Summary>,
    /// Over products the customer owned; absent where none was held out.
    pub repeat: Option<Summary>,
    /// Share of the catalogue in anybody's first 20.
    #[serde(rename = "coverage@20")]
    pub coverage: f64,
}

/// Ours minus a baseline, with its 95 % interval over customers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Interval {
    pub against: String,
    pub metric: String,
    pub difference: f64,
    pub low: f64,
    pub high: f64,
}

/// Everything that was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// How it was measured, in words.
    pub protocol: String,
    pub customers: usize,
    /// Customers without anything to predict.
    pub left_out: usize,
    /// Held-out rows on products outside the catalogue, counted as missed.
    pub unknown_products: usize,
    pub products: usize,
    /// Share of held-out products that the customer owned already.
    pub repeat_share: f64,
    /// Seed of the bootstrap.
    pub seed: u64,
    /// Ours first, then the baselines.
    pub rows: Vec<Row>,
    /// Ours against each baseline.
    pub intervals: Vec<Interval>,
}

impl Evaluation {
    /// The table for a terminal.
    pub fn table(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(
            out,
            "{}\n{} customers scored, {} left out, {} products, {} held-out rows on unknown products",
            self.protocol, self.customers, self.left_out, self.products, self.unknown_products
        );
        let mut grid = Grid::new([
            Column::name("", 24),
            Column::figure("Recall@10", 9),
            Column::figure("Recall@20", 9),
            Column::figure("NDCG@5", 8),
            Column::figure("NDCG@10", 9),
            Column::figure("NDCG@20", 9),
            Column::figure("HR@4", 8),
            Column::figure("HR@10", 8),
            Column::figure("Prec@10", 8),
            Column::figure("MRR", 8),
            Column::rest(" coverage"),
        ]);
        let mut line = |name: &str, s: &Summary, coverage: Option<f64>| {
            let figures = [
                s.recall_10,
                s.recall_20,
                s.ndcg_5,
                s.ndcg_10,
                s.ndcg_20,
                s.hit_4,
                s.hit_10,
                s.precision_10,
                s.mrr,
            ];
            let mut cells = vec![name.to_owned()];
            cells.extend(figures.map(|figure| fixed(figure, 4)));
            cells.push(coverage.map_or(String::new(), |c| format!("{c:>9.3}")));
            grid.row(cells);
        };
        for row in &self.rows {
            line(&row.name, &row.all, Some(row.coverage));
            if let Some(explore) = &row.explore {
                line("  new to the customer", explore, None);
            }
            if let Some(repeat) = &row.repeat {
                line("  owned before", repeat, None);
            }
        }
        let columns = [Column::name("", 20), Column::name("", 10), Column::rest("")];
        let mut gaps = Grid::bare(2, columns);
        for gap in &self.intervals {
            gaps.row([
                gap.against.clone(),
                gap.metric.clone(),
                difference(gap.difference, gap.low, gap.high),
            ]);
        }
        let _ = write!(
            out,
            "{grid}difference to serendib, 95 % interval over customers:\n{gaps}"
        );
        out
    }

    /// The same as a page that needs nothing else.
    pub fn html(&self, title: &str) -> String {
        let escape = |text: &str| {
            text.replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
        };
        let most = self
            .rows
            .iter()
            .map(|r| r.all.ndcg_20)
            .fold(1e-12, f64::max);
        let mut rows = String::new();
        for row in &self.rows {
            let s = &row.all;
            let _ = write!(
                rows,
                "<tr><th>{}</th><td>{:.4}</td><td>{:.4}</td><td>{:.4}</td><td>{:.4}</td><td>{:.4}</td><td>{:.3}</td>\
                 <td><svg width=\"200\" height=\"12\"><rect width=\"{:.0}\" height=\"12\" fill=\"#3a7\"/></svg></td></tr>",
                escape(&row.name), s.recall_10, s.recall_20, s.ndcg_10, s.ndcg_20, s.hit_10, row.coverage,
                200.0 * s.ndcg_20 / most
            );
        }
        let mut gaps = String::new();
        for gap in &self.intervals {
            let _ = write!(
                gaps,
                "<tr><th>{}</th><td>{}</td><td>{:+.4}</td><td>{:+.4} … {:+.4}</td></tr>",
                escape(&gap.against),
                gap.metric,
                gap.difference,
                gap.low,
                gap.high
            );
        }
        format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title><style>body{{font:15px \
             system-ui;margin:2rem;max-width:60rem}}table{{border-collapse:collapse}}th,td{{padding:.3rem .7rem;\
             text-align:right;border-bottom:1px solid #ddd}}th:first-child{{text-align:left}}</style><h1>{title}</h1>\
             <p>{}</p><p>{} customers scored, {} left out; {} products.</p><table><tr><th></th><th>Recall@10</th>\
             <th>Recall@20</th><th>NDCG@10</th><th>NDCG@20</th><th>HR@10</th><th>coverage</th><th>NDCG@20</th></tr>{rows}\
             </table><h2>Ours minus each baseline</h2><table><tr><th></th><th></th><th>mean</th><th>95 %</th></tr>{gaps}\
             </table></html>",
            escape(&self.protocol), self.customers, self.left_out, self.products,
            title = escape(title)
        )
    }
}
