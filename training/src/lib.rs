//! Offline fitting, evaluation and batch answers for Serendib.

pub mod batch;
pub mod commands;
pub mod evaluate;
pub mod fit;
pub mod life;
pub mod ope;
pub mod progress;
pub mod refresh;
pub mod report;
