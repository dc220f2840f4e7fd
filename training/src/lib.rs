//! Offline fitting, judging and batch answers for Serendib.

pub mod batch;
pub mod cli;
pub mod judge;
pub mod learn;
pub mod refresh;
pub mod report;
pub mod stats;
