//! The subcommands, one file each.

use std::io::{self, Write};

pub mod check;
pub mod describe;
pub mod generate;
pub mod import;
pub mod schema;

/// Writes to standard output; a reader that went away (`| head`) is no error.
fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// The same for anything serialisable, as indented JSON.
fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    Ok(print(&format!(
        "{}\n",
        serde_json::to_string_pretty(value)?
    ))?)
}
