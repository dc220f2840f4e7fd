//! What a command that writes a table says at its end.

use std::path::Path;

use serde::Serialize;
use serendib_shop::time::format_time;

/// A table that was written.
#[derive(Debug, Serialize)]
pub struct Written<'a> {
    /// Id of the model that answered.
    model: &'a str,
    /// The moment before which touchpoints were seen; absent in a shop without times.
    at: Option<String>,
    rows: u64,
    /// Where they are.
    out: &'a Path,
}

impl<'a> Written<'a> {
    /// `rows` rows in `out`, from `model` for the moment `now` (milliseconds since 1970-01-01 UTC).
    pub fn new(model: &'a str, now: i64, rows: u64, out: &'a Path) -> Written<'a> {
        Written {
            model,
            at: (now != i64::MAX).then(|| format_time(now)),
            rows,
            out,
        }
    }

    /// Prints it: one line, or JSON for programs.
    pub fn tell(&self, json: bool) -> anyhow::Result<()> {
        if json {
            println!("{}", serde_json::to_string_pretty(self)?);
        } else {
            println!("{} rows in {}", self.rows, self.out.display());
        }
        Ok(())
    }
}
