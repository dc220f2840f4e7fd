//! The subcommands of `serendib-train`, one file each.

pub mod recommend;
pub mod score;
pub mod time;
