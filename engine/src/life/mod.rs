//! Life: clocks with a posterior over their anchor, the needs that follow, buying again, and the next basket.
//!
//! A [`ClockType`] is configuration. [`Profiles`] group products by category and by the age window that their text
//! states; [`AgeTable`]s say how much more a clock's holder buys of each profile at each age; [`LifeModel`] holds that in
//! the bundle. [`LifeModel::state`] turns one customer's history and facts into a [`LifeState`], from which
//! [`LifeView`] answers per product, [`LifeModel::needs`] lists what comes, and [`LifeModel::timeline`] what a page draws.
//! [`Discretion`](crate::explain::Discretion) decides what of it may be put into words.

mod age_table;
mod ages;
mod clock;
mod evidence;
mod existence;
mod facts;
mod in_lists;
mod kinds;
mod model;
mod needs;
mod part;
mod posterior;
mod profiles;
mod state;
mod timeline;
mod trust;
mod windows;
mod words;

pub use age_table::{spread, AgeTable, AgeTables};
pub use ages::Ages;
pub use clock::{title_in, ClockError, ClockType, KindType, OccasionType, Stage, Titles, WordRule};
pub use evidence::{kind_weight, Evidence, EvidenceSet};
pub use existence::Existence;
pub use facts::{declared, format_day, parse_day};
pub use in_lists::InLists;
pub use kinds::Kinds;
pub use model::{Clock, LifeModel};
pub use needs::{Ahead, Need};
pub use part::Life;
pub use posterior::{infer, log_activity, prior, Declared, Grid, Posterior};
pub use profiles::{ProductProfiles, Profile, ProfileIx, Profiles, NO_PROFILE};
pub use state::{LifeState, LifeView, Standing, StateOptions};
pub use timeline::{Band, Occasion, Timeline};
pub use trust::Trust;
pub use windows::{Window, WindowReader};
