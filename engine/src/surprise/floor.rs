//! The floor of surprises as numbers: which share of what their best products score one must have at least. Which products and
//! which scores those are, the arranger `surprise_floor` says.

use super::quantise::quantise;

/// The relevance floor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FloorOptions {
    /// Share of the median of the customer's plain top 20, ≥ 0.
    pub share: f32,
    /// What is always required, 0 to 1.
    pub absolute: f32,
}

/// The floor of a customer who would want the first products of their plain ranking as surely as `plain` says: a share of the
/// median of the first twenty, but at least the absolute one.
pub fn floor(plain: &[f32], options: &FloorOptions) -> f32 {
    let mut top: Vec<f32> = plain.iter().take(20).map(|x| quantise(*x)).collect();
    top.sort_by(f32::total_cmp);
    let median = match top.len() {
        0 => 0.0,
        n if n % 2 == 1 => top[n / 2],
        n => 0.5 * (top[n / 2 - 1] + top[n / 2]),
    };
    let share = if options.share.is_finite() {
        options.share.max(0.0)
    } else {
        0.0
    };
    quantise((share * median).max(options.absolute))
}
