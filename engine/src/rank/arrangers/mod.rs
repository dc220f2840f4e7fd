//! Arrangers: which of the scored candidates make the list, and in what order.

pub(crate) mod by_score;
pub(crate) mod calibration;
pub(crate) mod dial;
pub(crate) mod diversity;
pub(crate) mod list_quality;
#[cfg(test)]
mod list_quality_tests;
pub(crate) mod surprise_floor;
