//! The floor of surprises: the least relevance that a product needs to be one.

use super::quantise::quantise;

/// The relevance floor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FloorOptions {
    /// Share of the median relevance of the customer's plain top 20; .5.
    pub share: f32,
    /// Relevance that is always required, 0…1; 0.
    pub absolute: f32,
}

impl Default for FloorOptions {
    fn default() -> Self {
        FloorOptions {
            share: 0.5,
            absolute: 0.0,
        }
    }
}

/// The floor of a customer whose plain ranking starts with relevances `plain` (best first): a share of the median of the first
/// twenty, but at least the absolute one. The same at every dial.
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
