//! The subcommands of `serendib-train`, one file each.

pub mod engagement;
pub mod evaluate;
pub mod fit;
pub mod life;
pub mod recommend;
pub mod refresh;
pub mod score;
pub mod time;
mod written;
