//! Scorers: numbers for candidates.

mod aversion;
mod by_source;
mod delight;
mod fatigue;
mod favour_at_hand;
mod relevance;

pub use aversion::Aversion;
pub use by_source::BySource;
pub use delight::Delighting;
pub use fatigue::Fatigue;
pub use favour_at_hand::FavourAtHand;
pub use relevance::Relevance;
