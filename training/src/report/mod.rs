//! The report of a model: one self-contained HTML page that a person reads in a minute.
//!
//! [`Page`] says what is on it, [`render`] makes the HTML. Plots are inline SVG; nothing is loaded from anywhere. Colours
//! follow the reader's light or dark setting, and it prints on white.

mod html;
pub mod model;
mod plot;

pub use html::render;
pub use plot::{draw, PlotError};

/// One figure at the top.
#[derive(Debug, Clone, PartialEq)]
pub struct Headline {
    /// What is measured.
    pub label: String,
    /// The figure, ready to read.
    pub value: String,
    /// Interval, baseline, unit.
    pub detail: String,
    /// Whether it is better (`Some(true)`) or worse than what it is compared with.
    pub better: Option<bool>,
}

/// One line or set of bars of a chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Name in the legend.
    pub name: String,
    /// Points in order of x; those that are not finite are left out.
    pub points: Vec<(f64, f64)>,
    /// Lower and upper end of the interval of each point.
    pub band: Option<Vec<(f64, f64)>>,
}

/// How a chart is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChartKind {
    /// A line per series.
    Lines,
    /// A bar per point of the first series.
    Bars,
    /// Predicted against observed, with the diagonal.
    Calibration,
}

/// A plot with its caption.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    pub title: String,
    /// What to look for, in one sentence.
    pub caption: String,
    /// Label of the x axis.
    pub x: String,
    /// Label of the y axis.
    pub y: String,
    /// How it is drawn.
    pub kind: ChartKind,
    /// What it shows; at most six series are drawn.
    pub series: Vec<Series>,
}

/// A table; a column whose cells are mostly words is set to the left.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TableBlock {
    pub caption: String,
    pub columns: Vec<String>,
    /// Cells, as many a row as there are columns.
    pub rows: Vec<Vec<String>>,
    /// Row that is ours, set apart.
    pub highlight: Option<usize>,
    /// What stands for the table until it is asked for; empty = it is shown.
    pub folded: String,
}

/// One section of the page.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Section {
    pub title: String,
    /// A short text.
    pub text: String,
    pub charts: Vec<Chart>,
    pub tables: Vec<TableBlock>,
    /// Text to be shown as it stands, folded away until it is asked for.
    pub verbatim: String,
}

/// What is said before anything else.
#[derive(Debug, Clone, PartialEq)]
pub struct Banner {
    /// Whether it is good news.
    pub good: bool,
    /// One or two sentences.
    pub text: String,
}

/// The whole report.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// Title, the model's id.
    pub title: String,
    /// One line below it.
    pub subtitle: String,
    /// What is said before anything else.
    pub banner: Option<Banner>,
    /// Figures at the top.
    pub headlines: Vec<Headline>,
    pub sections: Vec<Section>,
}

#[cfg(test)]
mod tests;
