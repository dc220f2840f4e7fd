//! Importers: public data sets in their own layouts, turned into shop data.
//!
//! Every importer reads plain, `.gz` and `.zst` sources, from a directory or (where one file is enough) a file, streams
//! where the layout allows it, and stops at the first line that it does not understand, naming file and line.

mod complete_journey;
mod input;
mod lightgcn;
mod movielens;
mod mum_baby;
mod online_retail;
mod sequences;
mod shop;
mod ta_feng;

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::Serialize;

use serendib_shop::{progress::Progress, table::write::ShopWriter, table::Format, DataError};

/// A layout that can be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// `train.txt` and `test.txt` of `user item item …` lines; the test part becomes `held_out`.
    LightGcn,
    /// Baskets in order as JSON: history and future of each user; the future becomes `held_out`.
    TaFeng,
    /// UCI Online Retail invoices.
    OnlineRetail,
    /// MovieLens: RecBole's `.inter`/`.item`/`.user`, classic `u.data`/`u.item`/`u.user`, or `ratings.csv`/`movies.csv`.
    MovieLens,
    /// Lines of `user item item …` in order of time; the last item becomes `held_out`.
    Sequences,
    /// Tianchi Mum&Baby: trade history and birth dates.
    MumBaby,
    /// 84.51° Complete Journey: transactions, campaigns, coupons, demographics.
    CompleteJourney,
    /// Shop data, to be rewritten in another format.
    Shop,
}

const LAYOUTS: [(&str, Layout); 8] = [
    ("lightgcn", Layout::LightGcn),
    ("ta-feng", Layout::TaFeng),
    ("online-retail", Layout::OnlineRetail),
    ("movielens", Layout::MovieLens),
    ("sequences", Layout::Sequences),
    ("mum-baby", Layout::MumBaby),
    ("complete-journey", Layout::CompleteJourney),
    ("shop", Layout::Shop),
];

impl Layout {
    /// Names of all layouts.
    pub fn names() -> impl Iterator<Item = &'static str> {
        LAYOUTS.iter().map(|(name, _)| *name)
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = LAYOUTS.iter().find(|(_, layout)| layout == self);
        f.write_str(name.map_or("", |(name, _)| name))
    }
}

impl FromStr for Layout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        LAYOUTS
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, layout)| *layout)
            .ok_or_else(|| {
                let known: Vec<_> = Layout::names().collect();
                format!(
                    "unknown format {text:?}, expected one of {}",
                    known.join(", ")
                )
            })
    }
}

/// One count of what an importer did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Count {
    /// What was counted.
    pub what: String,
    pub count: u64,
}

/// What an importer did, in the order in which a person wants to know.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ImportReport {
    /// Counts: rows written, rows flagged, rows left out and why.
    pub counts: Vec<Count>,
}

impl ImportReport {
    fn count(&mut self, what: impl Into<String>, count: impl TryInto<u64>) {
        self.counts.push(Count {
            what: what.into(),
            count: count.try_into().unwrap_or(u64::MAX),
        });
    }

    /// The count called `what`.
    pub fn get(&self, what: &str) -> Option<u64> {
        self.counts
            .iter()
            .find(|count| count.what == what)
            .map(|count| count.count)
    }
}

/// Imports `from` in `layout` into a new shop at `out`; it appears there only when whole.
///
/// # Errors
/// A file is missing, a line is not understood, or `out` is there already.
pub fn import(
    layout: Layout,
    from: &Path,
    out: &Path,
    format: Format,
    progress: &mut Progress,
) -> Result<ImportReport, DataError> {
    if !from.exists() {
        return Err(DataError::file(from, "there is no such file or directory"));
    }
    let shop = ShopWriter::create(out, format)?;
    let mut job = Job {
        from,
        shop: &shop,
        progress,
        report: ImportReport::default(),
    };
    match layout {
        Layout::LightGcn => lightgcn::import(&mut job)?,
        Layout::TaFeng => ta_feng::import(&mut job)?,
        Layout::OnlineRetail => online_retail::import(&mut job)?,
        Layout::MovieLens => movielens::import(&mut job)?,
        Layout::Sequences => sequences::import(&mut job)?,
        Layout::MumBaby => mum_baby::import(&mut job)?,
        Layout::CompleteJourney => complete_journey::import(&mut job)?,
        Layout::Shop => shop::import(&mut job)?,
    }
    let report = job.report;
    shop.finish()?;
    Ok(report)
}

/// What an importer works with.
struct Job<'a> {
    from: &'a Path,
    shop: &'a ShopWriter,
    progress: &'a mut Progress,
    report: ImportReport,
}
