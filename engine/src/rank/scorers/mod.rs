//! Scorers: numbers for candidates.

mod by_source;
mod delight;
mod fatigue;
mod favour_at_hand;
mod relevance;

pub use by_source::BySource;
pub use delight::Delighting;
pub use fatigue::Fatigue;
pub use favour_at_hand::FavourAtHand;
pub use relevance::Relevance;
