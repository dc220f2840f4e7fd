//! The life model before any history: age tables that only windows and words make.

use serendib_engine::life::{
    Clock, ClockType, InLists, LifeModel, ProductProfiles, ProfileIx, Profiles,
};
use serendib_shop::Catalogue;

use crate::learn::life::density::{self, AgeCounts, Smoothing};
use crate::learn::life::ties;

/// The model of a shop without any history: only what titles, attributes and categories say.
///
/// Every product is taken to be bought equally often, and a customer to buy three things a month.
pub fn from_words(catalogue: &Catalogue, clocks: Vec<ClockType>) -> LifeModel {
    let profiles = Profiles::of(catalogue, &clocks);
    let products = ProductProfiles::new(&profiles, catalogue);
    let count = profiles.list().len();
    let share: Vec<f64> = (0..count)
        .map(|ix| products.members(ix as ProfileIx).len() as f64)
        .collect();
    let total: f64 = share.iter().sum::<f64>().max(1.0);
    let clocks = clocks
        .into_iter()
        .enumerate()
        .map(|(number, kind)| {
            let counts = AgeCounts::new(count, &kind);
            let smoothing = Smoothing::default();
            let list = profiles.list();
            let ties = ties::of_words(number, &kind, list);
            let tables = density::fit(number, &kind, list, &ties, &share, &counts, &smoothing);
            let exists = kind.exists;
            Clock::new(kind, tables, exists)
        })
        .collect();
    LifeModel {
        clocks,
        profiles,
        share: share.iter().map(|s| (s / total) as f32).collect(),
        purchases_per_day: 0.1,
        in_lists: InLists::default(),
    }
}
