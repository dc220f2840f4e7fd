//! A packing as it is handed out: boxes with their lines, and why they are as they are.

use std::fmt;

use super::problem::{PinFault, Removal};

/// One line of a box.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Number of the item in the problem.
    pub item: u32,
    /// Whether it fills a surprise slot.
    pub surprise: bool,
    /// Whether it was pinned or locked.
    pub fixed: bool,
    /// Value in this box.
    pub value: f32,
    /// In-stock items that could take its place on the packing bench, best first. They are not reserved.
    pub stand_ins: Vec<StandIn>,
    /// How the line was drawn, where it was drawn at random.
    pub draw: Option<Draw>,
}

/// One packed box.
#[derive(Debug, Clone, PartialEq)]
pub struct PackedBox {
    /// Id of the box, as its request gave it.
    pub id: String,
    /// Lines: fixed, then regular, then surprise; within these by item number.
    pub lines: Vec<Line>,
    /// Sum of the lines' values.
    pub value: f64,
    /// Slots that stayed empty and pins not met, with the constraint at fault; `None` for a full box.
    pub shortfall: Option<Shortfall>,
}

/// What [`pack`](super::pack) answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Packing {
    /// Boxes in the order they were added.
    pub boxes: Vec<PackedBox>,
    /// Sum of all lines' values.
    pub value: f64,
    /// No packing that fills as many slots has a higher value.
    pub bound: f64,
    /// (bound − value) / |bound|, in 0…1; 0 where both are 0.
    pub gap: f64,
    /// Units left per item.
    pub stock_left: Vec<u32>,
    /// Price λ per item, in units of value, ≥ 0: the warm start of the next packing.
    pub prices: Vec<f64>,
    /// Items whose stock binds, dearest first.
    pub shadow_prices: Vec<ShadowPrice>,
    /// Slots that stayed empty.
    pub empty_slots: u64,
    /// Box numbers with a shortfall, counted by fault.
    pub faults: Vec<(Fault, u64)>,
    /// How the goals that are not hard were met.
    pub soft: SoftReport,
    /// Whether the run was stopped before it was done.
    pub stopped: bool,
    /// Rounds of price adjustment.
    pub rounds: u32,
}

/// What keeps a slot empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// With more stock of its candidates the box would be full.
    Stock,
    /// With a lower relevance floor it would be.
    RelevanceFloor,
    /// Without category caps it would be.
    CategoryCap,
    /// With a larger budget it would be.
    Budget,
    /// With a larger weight limit it would be.
    Weight,
    /// With a larger volume limit it would be.
    Volume,
    /// Too many of its candidates are variants of one another.
    Variants,
    /// After exclusions, allergens, repeats and owned durables too few candidates are left.
    NothingSuits,
    /// A pinned item cannot go into the box.
    Pin,
    /// An exclusion means nothing that is known, so that nothing is packed.
    UnknownExclusion,
    /// More than one of these at once.
    Several,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::Stock => "stock",
            Fault::RelevanceFloor => "relevance floor",
            Fault::CategoryCap => "category cap",
            Fault::Budget => "budget",
            Fault::Weight => "weight",
            Fault::Volume => "volume",
            Fault::Variants => "variants of one parent",
            Fault::NothingSuits => "nothing suits",
            Fault::Pin => "pinned item",
            Fault::UnknownExclusion => "unknown exclusion",
            Fault::Several => "several constraints together",
        })
    }
}

/// What a box lacks, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Shortfall {
    /// Empty regular slots.
    pub regular: usize,
    /// Empty surprise slots.
    pub surprise: usize,
    /// The constraint at fault.
    pub fault: Fault,
    /// Pins that are not met.
    pub pins: Vec<(u32, PinFault)>,
    /// Candidates removed before packing: (reason, how many), none with 0.
    pub removed: Vec<(Removal, u32)>,
    /// Candidates that are too irrelevant to be a surprise.
    pub below_floor: u32,
    /// Whatever else is to be said of it.
    pub words: Vec<String>,
}

/// What one more unit would be worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShadowPrice {
    /// Number of the item in the problem.
    pub item: u32,
    /// Value that one more unit would add, at most.
    pub price: f64,
    /// Value that ten more units would add, at most.
    pub ten_more: f64,
    /// Whether one more unit would fill a slot that stays empty.
    pub fills: bool,
}

/// An item that could take a line's place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StandIn {
    /// Number of the item in the problem.
    pub item: u32,
    /// Its value in the slot.
    pub value: f32,
}

/// How a surprise line came about, for off-policy evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct Draw {
    /// Probability of the item in the slot, given everything else, > 0.
    pub propensity: f64,
    /// All items that could have come, with their probabilities, which sum to 1.
    pub candidates: Vec<(u32, f64)>,
}

/// How the goals were met.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SoftReport {
    /// Per required category: (category, boxes without a line of it).
    pub missing_category: Vec<(u32, u64)>,
    /// Per minimum use: (item, units wanted, units used).
    pub minimum_use: Vec<(u32, u32, u32)>,
    /// Σ(price − cost) / Σ price of lines whose price and cost are known; `None` without any.
    pub margin: Option<f64>,
    /// Value of the median box.
    pub median_value: f64,
    /// Value of the box at the 5th percentile.
    pub p5_value: f64,
    /// Boxes below the fair share of the median.
    pub below_fair: u64,
    /// Value given up for these goals.
    pub given_up: f64,
}
