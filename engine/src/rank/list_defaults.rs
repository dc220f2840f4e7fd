//! How the items of a list go together where neither request nor shop says otherwise: default diversity, categories, caps.

use crate::rank::{ListKind, Together};

/// How much diversity a surprise list has at dial 1 where nobody says otherwise.
pub const SURPRISE_DIVERSITY: f32 = 0.2;
/// Surprises of one category that come before those of others where nobody says otherwise.
pub const SURPRISE_PER_CATEGORY: usize = 2;

impl Together {
    /// Where nobody says otherwise: each item by its own worth, but for surprises, which are a little diverse and of several
    /// categories.
    pub fn default_for(kind: ListKind) -> Together {
        match kind {
            ListKind::Surprise => Together {
                diversity: SURPRISE_DIVERSITY,
                crowd: Some(SURPRISE_PER_CATEGORY),
                ..Together::default()
            },
            _ => Together::default(),
        }
    }

    /// Whether a kind of list follows a shop's own usual values: those that are chosen from what may be wanted, not the
    /// ones that answer what was asked for (similar) or will be needed anyway (buy-again, next-basket).
    pub fn applies(kind: ListKind) -> bool {
        !matches!(
            kind,
            ListKind::Similar | ListKind::BuyAgain | ListKind::NextBasket
        )
    }
}
