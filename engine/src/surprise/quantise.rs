//! The steps on which relevance and delight are compared, so that rounding cannot reorder candidates.

/// Steps of relevance and delight.
pub(super) const UNIT: f64 = (1u32 << 20) as f64;

/// Rounds a number in 0…1 to what the dial compares; anything that is not a number becomes 0.
pub fn quantise(x: f32) -> f32 {
    (units(x) as f64 / UNIT) as f32
}

/// The number of steps in `x`, 0 where it is not a number.
pub(super) fn units(x: f32) -> i64 {
    if x.is_nan() {
        return 0;
    }
    (f64::from(x.clamp(0.0, 1.0)) * UNIT).round() as i64
}
