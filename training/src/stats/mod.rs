//! Statistics, one function each.

pub mod calibration;
