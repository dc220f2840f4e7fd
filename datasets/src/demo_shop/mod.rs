//! The demo shop: a believable shop for families, made from a seed.
//!
//! Households with children, animals, journeys, moves and contracts live day by day: supplies run out, children outgrow
//! their clothes, printers want ink, presents are bought for others, vans are late, people complain, forgive or stay
//! away. What the shop would see of it goes to the tables of shop data; what only the generator knows goes to `truth/`,
//! which is for evaluation and is never read in training (see [`truth`]).
//!
//! Its rules are steps, habits, hidden tastes that no feature shows, and heavy noise; it shares no code and no functional
//! form with the models that are judged on it. Same seed, same bytes: on every machine, with any number of threads, with
//! or without the truth.

mod aftermath;
mod anchor;
mod browse;
pub mod calendar;
mod campaigns;
pub mod catalogue;
mod choice;
mod contact;
mod feelings;
mod generate;
mod household;
mod naming;
mod needs;
pub mod number;
mod oracle;
mod order;
mod packing;
mod people;
mod relations_by_category;
mod story;
pub mod taxonomy;
#[cfg(test)]
mod tests;
pub mod truth;
mod visit;

pub use generate::{generate, stories, Summary};
pub use household::World;
pub use story::Story;

use catalogue::Stockroom;
use relations_by_category::Relations;

/// What to make.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Same seed, same shop.
    pub seed: u64,
    pub customers: u64,
    /// Products, at least 500.
    pub products: usize,
    /// Months of the story, which ends on 2026-06-30.
    pub months: u32,
    /// Whether to write `truth/`; the other tables are the same either way.
    pub truth: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            seed: 1,
            customers: 5_000,
            products: 2_000,
            months: 18,
            truth: true,
        }
    }
}

impl World {
    /// The shop before its first customer.
    pub fn new(options: &Options) -> World {
        let specs = taxonomy::specs();
        let start = calendar::start(options.months);
        let relations = Relations::new(specs);
        let mut sum = 0.0;
        let gifts = specs
            .iter()
            .map(|s| {
                sum += s.gift * s.gift;
                sum
            })
            .collect();
        World {
            seed: options.seed,
            start,
            room: Stockroom::new(options.seed, specs, options.products, start, calendar::END),
            dates: (start..calendar::END + 200)
                .map(calendar::month_day)
                .map(|(month, dom)| month * 100 + dom)
                .collect(),
            relations,
            gifts,
            campaigns: campaigns::campaigns(start, calendar::END),
        }
    }
}
