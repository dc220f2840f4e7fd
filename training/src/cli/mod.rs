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

/// Tells on standard error what reading the data found: what was skipped and why, in what form times are.
fn tell(notes: &[String]) {
    for note in notes {
        eprintln!("note: {note}");
    }
}
