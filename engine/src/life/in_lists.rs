//! How far life situations enter lists, as `fit` chose on the shop's own held-out purchases.

use serde::{Deserialize, Serialize};

/// How far life situations enter lists.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct InLists {
    /// In what is for the customer, 0 (as if nothing were known of their life) to 1.
    pub for_you: f32,
    /// How far what comes next in life goes by how likely it is needed now, rather than by what is bought most for such a
    /// life, 0 to 1.
    pub next: f32,
}

impl Default for InLists {
    /// What holds for a shop whose purchases were not asked.
    fn default() -> InLists {
        InLists {
            for_you: 1.0,
            next: 1.0,
        }
    }
}

impl InLists {
    /// Whether both numbers are within their range.
    pub fn is_sane(&self) -> bool {
        let share = 0.0..=1.0;
        share.contains(&self.for_you) && share.contains(&self.next)
    }
}
