//! Packing all subscription boxes from one stock.
//!
//! | file | job |
//! |---|---|
//! | `problem` | items, rules, boxes and candidates; validation; what is removed from a box and why |
//! | `solve_box` | the exact best content of one box at given prices |
//! | `bound` | prices on stock by Lagrangian relaxation, and with them the dual bound |
//! | `packing` | what a packing is: boxes, lines, shortfalls, shadow prices, stand-ins, how goals were met |
//! | `state` | contents of all boxes and the stock they leave, while they are packed |
//! | `repair` | from priced contents, which may oversell, to a packing that does not |
//! | `exchange` | better packings: a box re-solved, chains of swaps through many boxes |
//! | `soft` | goals that are reported, not bounded: categories, minimum use, margin, fairness |
//! | `explore` | surprise lines drawn at random among near-equal ones, with their propensity |
//! | `job` | orders, lots and rules as one problem, and its packing as boxes, lots and totals |
//! | `lots` | which lot each line is taken from: earliest expiry first |
//! | `explain` | shadow prices, the constraint at fault in a short box, stand-ins |
//! | `pack` | the whole run, anytime, and the repacking of one box |
//! | `shelf` | from a shop's catalogue, stock, rules and customers to all this |
//! | `exclusions` | what a subscriber's exclusions mean, and which food nobody labelled |
//! | `sizes` | which size a subscriber is known to have of what comes in sizes |
//! | `care` | whose surprise waits, and whose box a person should look at |
//! | `verify` | an independent check of every hard constraint |
//!
//! The relaxation of the stock constraint gives every item a price λ ≥ 0; then boxes are independent, and
//! g(λ) = Σ_b max_x (value − price) + Σ_i λ_i · stock_i bounds every packing from above (Fisher, "The Lagrangian
//! relaxation method for solving integer programming problems", Management Science 27, 1981).

mod bound;
mod care;
mod exchange;
mod exclusions;
mod explain;
mod explore;
mod job;
mod lots;
mod pack;
mod packing;
mod problem;
mod repair;
mod shelf;
mod sizes;
mod soft;
mod solve_box;
mod state;
#[cfg(test)]
mod tests;
mod verify;

pub use care::BoxCare;
pub use job::{Job, JobError, JobPacking, Order, PackedOrder};
pub use lots::{assign_lots, Lot, LotError};
pub use pack::{greedy, pack, pack_one, repack, Options, Phase, Progress, Repacked};
pub use packing::{
    Draw, Fault, Line, PackedBox, Packing, ShadowPrice, Shortfall, SoftReport, StandIn,
};
pub use problem::{
    BoxRequest, Candidate, Item, PinFault, Problem, ProblemError, Removal, Rules, MAX_SLOTS,
};
pub use shelf::{LineWeights, Receiver, Shelf, ShelfError, ShopRules, Wish};
pub use verify::{verify, Violation};
