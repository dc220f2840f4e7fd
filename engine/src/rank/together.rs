//! How the items of one list go together, as asked for.

/// How many items of one list may share a category or a brand; absent = any number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Caps {
    /// Per leaf category, or per kind of thing in a shop without categories; ≥ 1.
    pub category: Option<usize>,
    /// Per brand, ≥ 1.
    pub brand: Option<usize>,
}

impl Caps {
    /// Whether any number is fine.
    pub fn are_none(&self) -> bool {
        self.category.is_none() && self.brand.is_none()
    }
}

/// How the items of one list go together.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Together {
    /// 0 (the order of scores) to 1 (likeness decides almost alone); in a surprise list times its dial.
    pub diversity: f32,
    /// 0 (the order of scores) to 1 (the customer's mix of categories decides almost alone); in a surprise list times its
    /// dial.
    pub calibration: f32,
    /// How many items may share a category or brand, pins included.
    pub caps: Caps,
    /// How many items of a category come before those of others: more only where the list would be short. Not in a surprise
    /// list at dial 0.
    pub crowd: Option<usize>,
}
